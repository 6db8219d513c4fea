"""Data sets in memory as files."""

from __future__ import annotations

from io import BytesIO

import pydicom
import pytest

from dcmtools.conversion.part10 import file_of
from dcmtools.encoding.dataset import DataSet, made
from dcmtools.encoding.jsonreading import data_set_of
from dcmtools.errors import InputError

ITEMS = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\x04\0\0\0abcd"
END = b"\xfe\xff\xdd\xe0\0\0\0\0"
JPEG = "1.2.840.10008.1.2.4.50"
DEFLATED = "1.2.840.10008.1.2.1.99"


def instance(**more: str | bytes) -> DataSet:
    return made(SOPClassUID="1.2.840.10008.5.1.4.1.1.7", SOPInstanceUID="1.2.3", **more)


def read(data_set: DataSet, syntax: str = "") -> pydicom.Dataset:
    return pydicom.dcmread(BytesIO(b"".join(file_of(data_set, syntax).blocks)))


def test_a_file_is_explicit_unless_something_says_otherwise() -> None:
    assert read(instance()).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    named = instance(TransferSyntaxUID="1.2.840.10008.1.2")
    assert read(named).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2"
    assert read(instance(PatientID="X"), DEFLATED).PatientID == "X"


def test_the_meta_says_what_the_data_set_says() -> None:
    made_file = file_of(instance(MediaStorageSOPInstanceUID="9.9", SourceApplicationEntityTitle="ME"))
    meta = pydicom.dcmread(BytesIO(b"".join(made_file.blocks))).file_meta
    assert (meta.MediaStorageSOPInstanceUID, meta.SourceApplicationEntityTitle) == ("1.2.3", "ME")
    assert made_file.sop_instance_uid == "1.2.3"
    assert made_file.warnings == [
        "MediaStorageSOPInstanceUID (0002,0003) is not SOPInstanceUID (0008,0018), and is now"
    ]


def test_the_meta_alone_may_say_it() -> None:
    data_set = made(MediaStorageSOPClassUID="1.2.840.10008.5.1.4.1.1.7", MediaStorageSOPInstanceUID="1.2.3")
    assert file_of(data_set).warnings == []


@pytest.mark.parametrize("value", [ITEMS, ITEMS + END])
def test_items_are_encapsulated(value: bytes) -> None:
    data_set = read(instance(PixelData=value, TransferSyntaxUID=JPEG))
    assert data_set["PixelData"].is_undefined_length
    assert data_set.PixelData == ITEMS


@pytest.mark.parametrize("value", [b"", ITEMS[:-1], ITEMS + b"\0\0", b"\0\0" + ITEMS, END])
def test_what_is_not_nothing_but_items(value: bytes) -> None:
    if not value:
        made_file = file_of(instance(PixelData=value, TransferSyntaxUID=JPEG))
        assert made_file.transfer_syntax == "1.2.840.10008.1.2.1"
        return
    with pytest.raises(InputError, match="Pixel Data is not encapsulated"):
        file_of(instance(PixelData=value, TransferSyntaxUID=JPEG))


def test_a_syntax_without_pixel_data_stays() -> None:
    assert file_of(instance(TransferSyntaxUID=JPEG)).transfer_syntax == JPEG


@pytest.mark.parametrize("strict", [False, True])
def test_faults_are_warnings_or_errors(strict: bool) -> None:
    data_set = instance()
    data_set[0x00100030] = ("DA", b"19991350")
    if strict:
        with pytest.raises(InputError, match="'19991350' is not of VR DA"):
            file_of(data_set, strict=True)
    else:
        assert ["'19991350' is not of VR DA" in each for each in file_of(data_set).warnings] == [True]


def test_implicit_vrs_that_contradict_the_dictionary() -> None:
    data_set = instance()
    data_set[0x00100020] = ("US", b"\1\0")
    with pytest.raises(InputError, match="VR US contradicts LO"):
        file_of(data_set, "1.2.840.10008.1.2")


def test_group_lengths_go() -> None:
    data_set = instance()
    data_set[0x00100000] = ("UL", b"\1\0\0\0")
    assert 0x00100000 not in read(data_set)


def test_big_endian_has_whole_numbers_only() -> None:
    model = {"00660016": {"vr": "OF", "InlineBinary": "AAAAAAA="}}
    data_set = instance()
    data_set.update(data_set_of(model))
    with pytest.raises(InputError, match="whose byte order has to change"):
        file_of(data_set, "1.2.840.10008.1.2.2")

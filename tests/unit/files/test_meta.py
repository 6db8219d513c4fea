"""The bytes before a data set, read back by pydicom and DCMTK."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.filereader import read_file_meta_info, read_preamble

from dcmtools.encoding.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dcmtools.errors import InputError
from dcmtools.files.meta import file_meta
from tests.support.peers import dcmtk, requires_dcmtk
from tests.support.served import CT, EXPLICIT, data_set

if TYPE_CHECKING:
    from pathlib import Path

UIDS = st.from_regex(r"[0-9]{1,9}(\.[0-9]{1,9}){0,5}", fullmatch=True)
TITLES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="\\"), max_size=16)


def test_preamble_and_prefix() -> None:
    written = file_meta(CT, "1.2.3", EXPLICIT, "SENDER")
    assert written[:132] == bytes(128) + b"DICM"


@pytest.mark.parametrize("sop_instance", ["1.2.3", "1.2.34"])
def test_the_elements_are_those_of_part_10(tmp_path: Path, sop_instance: str) -> None:
    path = tmp_path / "meta"
    path.write_bytes(file_meta(CT, sop_instance, EXPLICIT, "SENDER1"))
    meta = read_file_meta_info(path)
    assert {element.keyword: element.value for element in meta} == {
        "FileMetaInformationGroupLength": path.stat().st_size - 144,
        "FileMetaInformationVersion": b"\0\1",
        "MediaStorageSOPClassUID": CT,
        "MediaStorageSOPInstanceUID": sop_instance,
        "TransferSyntaxUID": EXPLICIT,
        "ImplementationClassUID": IMPLEMENTATION_CLASS_UID,
        "ImplementationVersionName": IMPLEMENTATION_VERSION_NAME,
        "SourceApplicationEntityTitle": "SENDER1",
    }


@given(UIDS, UIDS, UIDS, TITLES)
def test_every_value_is_padded_as_its_vr_wants_and_the_group_length_fits(
    sop_class: str, sop_instance: str, syntax: str, title: str
) -> None:
    written = file_meta(sop_class, sop_instance, syntax, title)
    assert struct.unpack_from("<L", written, 140)[0] == len(written) - 144
    at, order = 132, []
    while at < len(written):
        group, number, vr, length = struct.unpack_from("<HH2sH", written, at)
        assert group == 2
        head = 8
        if vr == b"OB":
            head, length = 12, struct.unpack_from("<L", written, at + 8)[0]
        value = written[at + head : at + head + length]
        assert length % 2 == 0
        assert vr != b"UI" or not value.endswith(b" ")
        assert vr not in (b"AE", b"SH") or b"\0" not in value
        order.append(number)
        at += head + length
    assert at == len(written)
    assert order == sorted(order)


def test_pydicom_finds_the_data_set_behind_it() -> None:
    file = BytesIO(file_meta(CT, "1.2.3.4", EXPLICIT, "X") + data_set())
    assert read_preamble(file, force=False) == bytes(128)


@requires_dcmtk
def test_dcmtk_takes_it_for_a_dicom_file(tmp_path: Path) -> None:
    path = tmp_path / "file.dcm"
    path.write_bytes(file_meta(CT, "1.2.3.4", EXPLICIT, "X") + data_set())
    assert dcmtk("dcmftest", path).returncode == 0
    shown = dcmtk("dcmdump", path)
    assert (shown.returncode, shown.stderr) == (0, "")


def test_where_it_came_from_is_left_out_where_nobody_says(tmp_path: Path) -> None:
    path = tmp_path / "meta"
    for empty in (file_meta(CT, "1.2.3", EXPLICIT), file_meta(CT, "1.2.3", EXPLICIT, "")):
        path.write_bytes(empty)
        meta = read_file_meta_info(path)
        assert "SourceApplicationEntityTitle" not in meta
        assert meta.FileMetaInformationGroupLength == len(empty) - 144


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((CT, "1.2.3", EXPLICIT, "S\u00c9NDER"), r"\(0002,0016\): 'S\u00c9NDER' is not ASCII"),
        ((CT, "1.2\udcff", EXPLICIT), r"\(0002,0003\): '1.2\\udcff' is not ASCII"),
        (("1" * 65535, "1.2.3", EXPLICIT), r"\(0002,0002\): 65536 bytes are too many for VR UI"),
    ],
)
def test_values_that_it_cannot_have(values: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        file_meta(*values)

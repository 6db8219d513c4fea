"""DICOM files (PS3.10 section 7)."""

from __future__ import annotations

import os
import zlib
from struct import pack
from typing import TYPE_CHECKING

import pytest

from dcmtools.encoding.element import UNDEFINED
from dcmtools.errors import InputError, MalformedError, NotDicom
from dcmtools.files import deflate
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.part10 import Part10File
from dcmtools.files.source import FileSource
from tests.support.encoded import EVB, EVL, IVL, SEQUENCE_END, part10
from tests.support.samples import ct, real_file

if TYPE_CHECKING:
    from pathlib import Path

NAME, SYNTAX, PRIVATE_INFORMATION = 0x00100010, 0x00020010, 0x00020102
A_NAME = EVL.element(NAME, "PN", b"A ")
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_UID = EVL.element(SYNTAX, "UI", b"1.2.840.10008.1.2.1\0")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.dcm"


def opened(path: Path, data: bytes) -> Part10File:
    path.write_bytes(data)
    return Part10File.open(str(path))


def refusal(path: Path, data: bytes) -> InputError:
    with pytest.raises(InputError) as caught:
        opened(path, data)
    return caught.value


def test_a_file_has_a_preamble_a_prefix_meta_and_a_data_set(path: Path) -> None:
    with opened(path, part10(A_NAME)) as file:
        assert file.transfer_syntax == "1.2.840.10008.1.2.1"
        assert [element[0] for element, _ in file.meta] == [0x00020000, SYNTAX]
        assert file.meta_text(SYNTAX) == "1.2.840.10008.1.2.1"
        assert file.meta_text(0x00020002) == ""
        assert file.data_set_offset == 132 + 12 + 28
        assert [tag for tag, *_ in file.walk()] == [NAME]
        assert file.walk().position == file.data_set_offset


@pytest.mark.parametrize("preamble", [b"MZ" + bytes(126), b"II*\0" + bytes(124), b"\xff" * 128])
def test_a_preamble_may_hold_anything(path: Path, preamble: bytes) -> None:
    """PS3.10 7.1: files that are TIFF, too."""
    with opened(path, preamble + part10(A_NAME)[128:]) as file:
        assert len(list(file.walk())) == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"short", "not a DICOM file: it has 5 bytes, fewer than preamble and prefix"),
        (bytes(131), "not a DICOM file: it has 131 bytes, fewer than preamble and prefix"),
        (b"text\n" * 100, "not a DICOM file: no DICM prefix at offset 128"),
        (bytes(128) + b"dicm" + bytes(100), "not a DICOM file: no DICM prefix at offset 128"),
        (A_NAME * 20, "not a DICOM file: no DICM prefix at offset 128"),
        (b"DICM" + EXPLICIT_UID + A_NAME * 20, "not a DICOM file: no DICM prefix at offset 128"),
    ],
    ids=["empty", "short", "131", "text", "case", "data set alone", "no preamble"],
)
def test_what_is_not_dicom(path: Path, data: bytes, message: str) -> None:
    error = refusal(path, data)
    assert isinstance(error, NotDicom) == bool(data)
    assert error.message == message


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        (b"", "offset 132: there is no file meta information"),
        (A_NAME, "offset 132: there is no file meta information"),
        (
            EVL.element(0x00020000, "UL", bytes(4)),
            "offset 132, (0002,0010): the file meta information names no transfer syntax",
        ),
        (
            EVL.element(SYNTAX, "UI", b""),
            "offset 132, (0002,0010): the file meta information names no transfer syntax",
        ),
        (
            EVL.element(SYNTAX, "UI", b"1.2\0", length=6),
            "offset 132, (0002,0010): length 6 exceeds the 4 bytes left in the data set",
        ),
        (
            IVL.element(SYNTAX, "", b"1.2\0"),
            "offset 132, (0002,0010): b'\\x04\\x00' is not a value representation",
        ),
        (
            EXPLICIT_UID + EVL.sequence(PRIVATE_INFORMATION, EVL.item()),
            "offset 160, (0002,0102): a sequence has no place in file meta information",
        ),
        (
            EVL.header(PRIVATE_INFORMATION, "UN", UNDEFINED) + IVL.header(SEQUENCE_END, "", 0),
            "offset 132, (0002,0102): a sequence has no place in file meta information",
        ),
        (
            EVL.sequence(PRIVATE_INFORMATION, EVL.item(), vr="OB", undefined=True),
            "offset 132, (0002,0102): a value of undefined length has no place in file meta information",
        ),
        (
            EVL.element(PRIVATE_INFORMATION, "OB", bytes(1024 * 1024 + 2)),
            "offset 132, (0002,0102): a value of 1048578 bytes has no place in file meta information",
        ),
        (
            EVL.element(PRIVATE_INFORMATION, "OB", bytes(524_200)) * 3,
            "offset 1048556, (0002,0102): the file meta information is longer than 1048576 bytes",
        ),
        (
            EXPLICIT_UID + EVL.element(PRIVATE_INFORMATION, "LO", b"") * 131_072,
            "offset 1048704, (0002,0102): the file meta information is longer than 1048576 bytes",
        ),
    ],
)
def test_broken_meta_is_refused_with_its_place(path: Path, meta: bytes, message: str) -> None:
    """PS3.10 7.1: group 0002, explicit VR little endian, with a Transfer Syntax UID."""
    error = refusal(path, part10(meta=meta))
    assert isinstance(error, MalformedError)
    assert error.message == message


@pytest.mark.parametrize("claimed", [None, 0, 5, 100, 0xFFFFFFFF])
def test_a_group_length_may_be_wrong_or_absent(path: Path, claimed: int | None) -> None:
    """The meta ends where group 0002 ends, whatever its length field says."""
    length = b"" if claimed is None else EVL.element(0x00020000, "UL", pack("<L", claimed))
    with opened(path, part10(A_NAME, meta=length + EXPLICIT_UID)) as file:
        assert file.data_set_offset == 132 + len(length) + 28
        assert len(list(file.walk())) == 1


def test_a_file_that_is_cut_between_elements_of_its_meta(path: Path) -> None:
    """Only the group length can tell, and it counts only where the file ends with the meta."""
    length = EVL.element(0x00020000, "UL", pack("<L", 40))
    error = refusal(path, part10(meta=length + EXPLICIT_UID))
    assert error.message == "offset 172: the file ends within its file meta information"
    with opened(path, part10(A_NAME, meta=length + EXPLICIT_UID)) as file:
        assert len(list(file.walk())) == 1


@pytest.mark.parametrize("uid", [b"1.2.840.10008.1.2", b"1.2.840.10008.1.2\0", b"1.2.840.10008.1.2 "])
def test_a_transfer_syntax_is_read_without_its_padding(path: Path, uid: bytes) -> None:
    meta = EVL.element(SYNTAX, "UI", uid)
    with opened(path, part10(IVL.element(NAME, "", b"A "), meta=meta)) as file:
        assert [(tag, vr) for tag, vr, *_ in file.walk()] == [(NAME, "PN")]


def test_each_syntax_is_walked_in_its_encoding(path: Path) -> None:
    for coder, uid in ((IVL, ""), (EVL, ".1"), (EVB, ".2"), (EVL, ".5"), (EVL, ".4.50")):
        with opened(path, part10(coder.element(NAME, "PN", b"A "), f"1.2.840.10008.1.2{uid}")) as file:
            assert [(tag, vr, length) for tag, vr, _, _, length, _ in file.walk()] == [(NAME, "PN", 2)]


def test_a_data_set_may_begin_with_a_group_below_0002(path: Path) -> None:
    """What an earlier file has taught about headers must not matter."""
    stray = EVL.element(0x00000002, "UI", b"1.2\0")
    for _ in range(2):
        with opened(path, part10(stray + A_NAME)) as file:
            assert [tag for tag, *_ in file.walk()] == [2, NAME]


def test_an_empty_data_set_is_one(path: Path) -> None:
    with opened(path, part10()) as file:
        assert list(file.walk()) == []


def test_a_walk_can_stop_and_begin_again() -> None:
    with Part10File.open(str(ct())) as file:
        few = list(file.walk(stop=NAME + 1))
        assert few[-1][0] == NAME
        assert list(file.walk())[: len(few)] == few
        assert len(list(file.walk(shallow=True))) < len(list(file.walk()))


def test_a_deflated_data_set_is_inflated_once() -> None:
    """PS3.5 A.5: offsets count in what it inflates to."""
    with Part10File.open(str(real_file("image_dfl.dcm"))) as file:
        first, second = file.walk(), file.walk()
        assert first.source is second.source
        assert next(iter(first))[2] == 0
        assert len(list(second)) > 20


def test_where_the_bytes_of_a_data_set_are(path: Path) -> None:
    with opened(path, part10(A_NAME + bytes(9))) as file:
        start = file.data_set_offset
        assert file.body() == (file.source, start, start + len(A_NAME) + 9)
        file.data_set_end -= 9
        assert file.body().end == start + len(A_NAME)
        assert [tag for tag, *_ in file.walk()] == [NAME]
    with opened(path, part10(zlib.compress(A_NAME, wbits=-15) + b"\0", DEFLATED)) as file:
        source, start, end = file.body()
        assert (start, source.read(0, end)) == (0, A_NAME)


@pytest.mark.parametrize("kind", [Part10File, LenientFile])
def test_a_large_deflated_data_set_is_in_a_file_that_goes_with_it(
    path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Part10File]
) -> None:
    monkeypatch.setattr(deflate, "IN_MEMORY", 1000)
    folder = path.parent / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    data = A_NAME + EVL.element(0x7FE00010, "OB", bytes(100_000))
    path.write_bytes(part10(zlib.compress(data, wbits=-15), DEFLATED))
    before = set(os.listdir("/proc/self/fd"))
    with FileSource.open(str(path)) as source:  # whoever opened the source closes it, and knows of no other
        file = kind(source)
        assert len(list(file.walk())) == len(list(file.walk())) == 2
        held = file.body().source
        assert isinstance(held, FileSource)
        assert held.read(0, held.size) == data
        assert len(os.listdir("/proc/self/fd")) == len(before) + 2
        assert list(folder.iterdir()) == []
    assert set(os.listdir("/proc/self/fd")) == before


def test_a_file_is_closed_at_the_end_and_where_it_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[int] = []
    monkeypatch.setattr("dcmtools.files.source.os.close", closed.append)
    with opened(path, part10()) as file:
        fd = file.source.fd
    refusal(path, b"")
    assert closed[0] == fd
    assert len(closed) == 2

"""File meta information put right, and lengths that are retired taken out."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

import pytest

from dcmtools.encoding.implementation import IMPLEMENTATION_CLASS_UID
from dcmtools.errors import InputError, NotDicom
from dcmtools.files.meta import file_meta
from dcmtools.files.part10 import Part10File
from dcmtools.files.source import FileSource
from dcmtools.modifying import group_lengths, meta
from dcmtools.modifying.told import Told
from tests.support.encoded import CODERS, EVL, part10

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.modifying.told import Alteration

EXPLICIT = "1.2.840.10008.1.2.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
DATA_SET = (
    EVL.element(0x00080016, "UI", CT.encode() + b"\0")
    + EVL.element(0x00080018, "UI", b"1.2.3\0")
    + EVL.element(0x00100010, "PN", b"Doe^")
)
SENDER = EVL.element(0x00020016, "AE", b"SENDER")
RIGHT = file_meta(CT, "1.2.3", EXPLICIT, "SENDER")


def fixed(path: Path, data: bytes) -> tuple[bytes | None, list[Alteration]]:
    path.write_bytes(data)
    told = Told()
    with FileSource.open(str(path)) as source:
        return meta.fixed(meta.opened(source), told), list(told)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.dcm"


def test_what_is_right_stays(path: Path) -> None:
    assert fixed(path, RIGHT + DATA_SET) == (None, [])


def replaced(old: bytes, new: bytes) -> bytes:
    assert RIGHT.count(old) == 1
    return RIGHT.replace(old, new)


@pytest.mark.parametrize(
    ("before", "path_of"),
    [
        (replaced(b"\x03\0UI\6\0001.2.3\0", b"\x03\0UI\6\0001.2.4\0"), "(0002,0003)"),
        (replaced(CT.encode() + b"\0", CT.encode()[:-1] + b"4\0"), "(0002,0002)"),
        (replaced(b"\0\1\x02\0", b"\1\0\x02\0"), "(0002,0001)"),
        (RIGHT[:140] + pack("<L", 9999) + RIGHT[144:], "(0002,0000)"),
        (RIGHT[:132] + RIGHT[144:], "(0002,0000)"),
        (part10(b"", meta=EVL.element(0x00020010, "UI", EXPLICIT.encode() + b"\0") + SENDER), "(0002,0012)"),
        (RIGHT[:128] + b"dicm" + RIGHT[132:], "preamble"),
        (RIGHT[132:], "preamble"),
    ],
)
def test_what_is_wrong_is_put_right_and_told(path: Path, before: bytes, path_of: str) -> None:
    new, told = fixed(path, before + DATA_SET)
    assert new == RIGHT
    assert path_of in [change.path for change in told]
    assert {change.what for change in told} == {"meta"}


def test_a_file_without_any(path: Path) -> None:
    new, told = fixed(path, DATA_SET)
    assert new == file_meta(CT, "1.2.3", EXPLICIT)
    assert ("(0002,0010)", "", EXPLICIT) in [(change.path, change.old, change.new) for change in told]


def test_the_preamble_stays_unless_it_makes_it_an_image(path: Path) -> None:
    wrong = replaced(b"\x03\0UI\6\0001.2.3\0", b"\x03\0UI\6\0001.2.4\0")
    assert fixed(path, b"X" * 128 + wrong[128:] + DATA_SET)[0] == b"X" * 128 + RIGHT[128:]
    new, told = fixed(path, b"II*\0" + b"X" * 124 + wrong[128:] + DATA_SET)
    assert new == RIGHT
    assert "TIFF" in [change.old for change in told]


def test_who_wrote_it_is_told_where_nobody_was(path: Path) -> None:
    elements = EVL.element(0x00020010, "UI", EXPLICIT.encode() + b"\0")
    new, _ = fixed(path, part10(b"", meta=elements) + DATA_SET)
    assert new is not None
    path.write_bytes(new + DATA_SET)
    with Part10File.open(str(path)) as file:
        assert file.meta_text(0x00020012) == IMPLEMENTATION_CLASS_UID


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (EVL.element(0x00100010, "PN", b"Doe^"), "no SOP Class UID"),
        (EVL.element(0x00080016, "UI", CT.encode() + b"\0"), "no SOP Instance UID"),
    ],
)
def test_uids_that_nothing_tells(path: Path, data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        fixed(path, part10(data))


def test_what_stands_twice_with_different_values(path: Path) -> None:
    elements = EVL.element(0x00020010, "UI", EXPLICIT.encode() + b"\0") + SENDER
    other = EVL.element(0x00020016, "AE", b"OTHERS")
    with pytest.raises(InputError, match=r"\(0002,0016\): it stands twice, with different values"):
        fixed(path, part10(DATA_SET, meta=elements + other))
    new, _ = fixed(path, part10(DATA_SET, meta=elements + SENDER))
    assert new == RIGHT


@pytest.mark.parametrize("data", [b"", b"text\n" * 100, bytes(500)])
def test_what_is_no_dicom(path: Path, data: bytes) -> None:
    with pytest.raises(NotDicom if data else InputError):
        fixed(path, data)


def test_a_meta_that_is_cut(path: Path) -> None:
    with pytest.raises(InputError):
        fixed(path, RIGHT[:200])


@pytest.mark.parametrize("name", CODERS)
def test_group_lengths(path: Path, name: str) -> None:
    coder = CODERS[name]
    syntax = {"explicit big": "1.2.840.10008.1.2.2", "implicit little": "1.2.840.10008.1.2"}.get(
        name, EXPLICIT
    )

    def data_set(*, lengths: bool) -> bytes:
        def length(group: int, value: int) -> bytes:
            return coder.element(group << 16, "UL", coder.number("L", value)) if lengths else b""

        to_end = coder.element(0x00080001, "UL", coder.number("L", 9)) if lengths else b""
        modality, name = coder.element(0x00080060, "CS", b"CT"), coder.element(0x00100010, "PN", b"Doe^")
        item = coder.item(length(8, 14) + modality)
        return length(8, 14) + to_end + modality + length(16, 16) + name + coder.sequence(0x00400275, item)

    path.write_bytes(part10(data_set(lengths=True), syntax))
    told = Told()
    with Part10File.open(str(path)) as file:
        whole = group_lengths.step(file, told)
        assert whole is not None
        assert whole.read(0, whole.size) == data_set(lengths=False)
    assert [(change.path, change.old) for change in told] == [
        ("(0008,0000)", "14"),
        ("(0008,0001)", "9"),
        ("(0010,0000)", "16"),
        ("(0040,0275)[0].(0008,0000)", "14"),
    ]
    path.write_bytes(part10(data_set(lengths=False), syntax))
    with Part10File.open(str(path)) as file:
        assert group_lengths.step(file, told) is None

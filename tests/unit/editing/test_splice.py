"""The splice, byte by byte."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import pytest

from dcmtools.editing.splice import Edit, spliced
from dcmtools.encoding.element import Span
from dcmtools.encoding.recoding import recoded
from dcmtools.encoding.walker import Walker
from dcmtools.errors import InputError, MalformedError
from dcmtools.files.part10 import Part10File
from tests.support.encoded import CODERS, EVL, IVL, Coder, part10

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

UIDS = {"explicit little": "1.2.840.10008.1.2.1", "explicit big": "1.2.840.10008.1.2.2"}
IMPLICIT = "1.2.840.10008.1.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
PATIENT_ID, MODALITY, NAME = 0x00100020, 0x00080060, 0x00100010
SEQUENCE, COMMENTS = 0x00081140, 0x00104000

each_encoding = pytest.mark.parametrize("name", CODERS)


def data_set(coder: Coder, *, undefined: bool = False) -> list[bytes]:
    leaf = coder.element(PATIENT_ID, "LO", b"in")
    return [
        coder.element(MODALITY, "CS", b"CT"),
        coder.sequence(SEQUENCE, coder.item(leaf, undefined=undefined), undefined=undefined),
        coder.element(NAME, "PN", b"Doe "),
        coder.element(PATIENT_ID, "LO", b"A1"),
        coder.element(0x7FE00010, "OW", bytes(32)),
    ]


def edited(
    folder: Path, data: bytes, edits: Sequence[Edit], syntax: str = UIDS["explicit little"], end: int = 0
) -> bytes:
    (folder / "file.dcm").write_bytes(part10(data, syntax))
    with Part10File.open(str(folder / "file.dcm")) as file:
        file.data_set_end = end or file.data_set_end
        splice = spliced(file, edits)
        whole = b"".join(splice.blocks())
    assert splice.size == len(whole)
    return whole


@each_encoding
@pytest.mark.parametrize("undefined", [False, True])
def test_replaced_inserted_and_removed(tmp_path: Path, name: str, undefined: bool) -> None:
    coder, syntax = CODERS[name], UIDS.get(name, IMPLICIT)
    modality, sequence, patient, identifier, pixels = data_set(coder, undefined=undefined)
    data = modality + sequence + patient + identifier + pixels
    new = coder.element(PATIENT_ID, "LO", b"B12345")

    def done(*edits: Edit) -> bytes:
        return edited(tmp_path, data, edits, syntax)

    replace = Edit(PATIENT_ID, "LO", b"B12345")
    assert done(replace) == modality + sequence + patient + new + pixels
    assert done(Edit(SEQUENCE, "SQ", None)) == modality + patient + identifier + pixels
    first = coder.element(0x00080016, "UI", b"1.")
    assert done(Edit(0x00080016, "UI", b"1.")) == first + data
    last = coder.element(0xFFFCFFFC, "OB", b"\0\0")
    assert done(Edit(0xFFFCFFFC, "OB", b"\0\0")) == data + last
    text = coder.element(COMMENTS, "LT", b"")
    gone = Edit(MODALITY, "CS", None)
    wanted = sequence + patient + new + text + pixels
    assert done(Edit(COMMENTS, "LT", b""), replace, gone) == wanted
    assert done(Edit(0x00100040, "CS", None)) == data


def test_what_stays_is_told_as_spans(tmp_path: Path) -> None:
    parts = data_set(EVL)
    (tmp_path / "file.dcm").write_bytes(part10(b"".join(parts)))
    with Part10File.open(str(tmp_path / "file.dcm")) as file:
        start = file.data_set_offset
        edits = [Edit(NAME, "PN", b"Roe "), Edit(PATIENT_ID, "LO", b"B2")]
        pieces = list(spliced(file, edits).pieces())
        whole = spliced(file, [])
        assert whole.source is file.source
    before = len(parts[0] + parts[1])
    new = EVL.element(NAME, "PN", b"Roe ") + EVL.element(PATIENT_ID, "LO", b"B2")
    after = start + before + len(parts[2] + parts[3])
    assert pieces == [Span(start, before), new, Span(after, len(parts[4]))]
    assert list(whole.pieces()) == [Span(start, sum(map(len, parts)))]


def test_lengths_of_touched_groups_go(tmp_path: Path) -> None:
    eight = EVL.element(0x00080000, "UL", b"\x20\0\0\0")
    end = EVL.element(0x00080001, "UL", b"\x40\0\0\0")
    modality, _, patient, identifier, pixels = data_set(EVL)
    ten = EVL.element(0x00100000, "UL", b"\x30\0\0\0")
    data = eight + end + modality + ten + patient + identifier + pixels
    new = EVL.element(PATIENT_ID, "LO", b"B2")
    # Without Length to End, the length of its group is wrong, too.
    assert edited(tmp_path, data, [Edit(PATIENT_ID, "LO", b"B2")]) == modality + patient + new + pixels
    assert edited(tmp_path, data, [Edit(MODALITY, "CS", None)]) == ten + patient + identifier + pixels
    for nothing in ([], [Edit(0x00100040, "CS", None)]):
        assert edited(tmp_path, data, nothing) == data
    data = eight + modality + ten + patient + identifier + pixels
    done = edited(tmp_path, data, [Edit(PATIENT_ID, "LO", b"B2")])
    assert done == eight + modality + patient + new + pixels


def test_a_deflated_data_set_is_inflated(tmp_path: Path) -> None:
    parts = data_set(EVL)
    squeezer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = squeezer.compress(b"".join(parts)) + squeezer.flush()
    parts[3] = EVL.element(PATIENT_ID, "LO", b"B2")
    assert edited(tmp_path, deflated, [Edit(PATIENT_ID, "LO", b"B2")], DEFLATED) == b"".join(parts)


def test_what_follows_the_last_edit_is_copied_unseen(tmp_path: Path) -> None:
    parts = data_set(EVL)
    broken = EVL.element(0x00200010, "SH", b"1 ", length=200)
    done = edited(tmp_path, b"".join(parts[:4]) + broken, [Edit(PATIENT_ID, "LO", None)])
    assert done == b"".join(parts[:3]) + broken


def test_the_data_set_may_end_before_the_file(tmp_path: Path) -> None:
    data = b"".join(data_set(EVL))
    end = len(part10(data))
    for edits in ([], [Edit(0xFFFCFFFC, "OB", b"")], [Edit(MODALITY, "CS", b"CT")]):
        assert edited(tmp_path, data + bytes(99), edits, end=end) == edited(tmp_path, data, edits)


def test_long_values_come_in_blocks(tmp_path: Path) -> None:
    data = EVL.element(MODALITY, "CS", b"CT") + EVL.element(0x7FE00010, "OW", bytes(1_000_000))
    (tmp_path / "file.dcm").write_bytes(part10(data))
    with Part10File.open(str(tmp_path / "file.dcm")) as file:
        blocks = list(spliced(file, [Edit(MODALITY, "CS", b"MR")]).blocks())
    assert max(map(len, blocks)) == 256 * 1024
    assert b"".join(blocks) == data.replace(b"CT", b"MR")


def test_it_can_be_read_anywhere_and_walked(tmp_path: Path) -> None:
    parts = data_set(EVL)
    (tmp_path / "file.dcm").write_bytes(part10(b"".join(parts)))
    with Part10File.open(str(tmp_path / "file.dcm")) as file:
        splice = spliced(
            file, [Edit(NAME, "PN", b"Roe "), Edit(MODALITY, "CS", None), Edit(COMMENTS, "LT", b"")]
        )
        whole = b"".join(splice.blocks())
        for begin in range(splice.size):
            for length in (0, 1, 5, 17, splice.size - begin):
                if begin + length <= splice.size:
                    assert splice.read(begin, length) == whole[begin : begin + length]
        with pytest.raises(InputError, match="ends 1 bytes early"):
            splice.read(2, splice.size - 1)
        walker = Walker(splice, 0, splice.size, file.encoding)
        done = b"".join(recoded(walker, IVL.encoding))
    parts = data_set(IVL, undefined=True)
    text = IVL.element(COMMENTS, "LT", b"")
    assert done == b"".join([parts[1], IVL.element(NAME, "PN", b"Roe "), parts[3], text, parts[4]])


@pytest.mark.parametrize("number", [0, 1])
def test_elements_out_of_order_or_twice_are_refused(tmp_path: Path, number: int) -> None:
    parts = data_set(EVL)
    parts.insert(3, parts[number] if number else parts[2])
    with pytest.raises(MalformedError, match=r"stands after \(0010,0010\)"):
        edited(tmp_path, b"".join(parts), [Edit(PATIENT_ID, "LO", None)])


def test_damage_before_the_edit_is_refused(tmp_path: Path) -> None:
    data = EVL.element(MODALITY, "CS", b"CT", length=400)
    with pytest.raises(MalformedError, match="exceeds"):
        edited(tmp_path, data, [Edit(PATIENT_ID, "LO", None)])


def test_a_value_too_long_for_its_header_is_refused(tmp_path: Path) -> None:
    parts = data_set(EVL)
    edits = [Edit(COMMENTS, "LT", b"x" * 65536)]
    with pytest.raises(InputError, match=r"\(0010,4000\): 65536 bytes are too many for VR LT"):
        edited(tmp_path, b"".join(parts), edits)
    new = [Edit(COMMENTS, "UT", b"x" * 65536)]
    long = EVL.element(COMMENTS, "UT", b"x" * 65536)
    assert edited(tmp_path, b"".join(parts), new) == b"".join([*parts[:4], long, parts[4]])
    implicit = data_set(IVL)
    done = edited(tmp_path, b"".join(implicit), edits, IMPLICIT)
    assert done == b"".join([*implicit[:4], IVL.element(COMMENTS, "LT", b"x" * 65536), implicit[4]])


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ([Edit(PATIENT_ID, "LO", b"A1"), Edit(PATIENT_ID, "LO", None)], "edited twice"),
        ([Edit(0x00020010, "UI", b"1.")], r"\(0002,0010\) is not an element of a data set"),
        ([Edit(0x00100000, "UL", b"\0\0\0\0")], r"\(0010,0000\) is not an element"),
        ([Edit(0xFFFEE000, "", None)], "is not an element"),
    ],
)
def test_edits_that_no_file_can_take(tmp_path: Path, edits: list[Edit], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        edited(tmp_path, b"".join(data_set(EVL)), edits)


def test_an_empty_data_set(tmp_path: Path) -> None:
    assert edited(tmp_path, b"", []) == b""
    assert edited(tmp_path, b"", [Edit(MODALITY, "CS", b"CT")]) == EVL.element(MODALITY, "CS", b"CT")

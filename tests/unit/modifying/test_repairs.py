"""Repairs: each known fault put right byte by byte, what is not certain refused, nothing lost."""

from __future__ import annotations

import zlib
from struct import pack
from typing import TYPE_CHECKING

import pytest

from dcmtools.encoding.element import UNDEFINED
from dcmtools.errors import InputError
from dcmtools.files.part10 import Part10File
from dcmtools.files.source import FileSource
from dcmtools.modifying import meta, repairs
from dcmtools.modifying.staged import Staged
from dcmtools.modifying.told import Told
from tests.support.encoded import CODERS, EVB, EVL, IVL, SEQUENCE_END, Coder, part10
from tests.support.samples import real_files

if TYPE_CHECKING:
    from pathlib import Path

UIDS = {"explicit little": "1.2.840.10008.1.2.1", "explicit big": "1.2.840.10008.1.2.2"}
IMPLICIT = "1.2.840.10008.1.2"
SOP_CLASS, SOP_INSTANCE = 0x00080016, 0x00080018
MODALITY, MAKER, STATION, NAME, ID = 0x00080060, 0x00080070, 0x00081010, 0x00100010, 0x00100020
REQUESTS, STEP_ID, PIXELS = 0x00400275, 0x00400009, 0x7FE00010
PADDING = 0xFFFCFFFC
CT = b"1.2.840.10008.5.1.4.1.1.2\0"


def head(coder: Coder) -> bytes:
    return coder.element(SOP_CLASS, "UI", CT) + coder.element(SOP_INSTANCE, "UI", b"1.2.3\0")


def syntax_of(coder: Coder) -> str:
    name = next(name for name, each in CODERS.items() if each is coder)
    return UIDS.get(name, IMPLICIT)


def repaired(path: Path, data: bytes) -> tuple[bytes | None, Told]:
    """The data set that comes of the file ``data``, None where nothing has changed."""
    path.write_bytes(data)
    told = Told()
    with FileSource.open(str(path)) as source:
        whole = repairs.step(meta.opened(source), told)
        return (whole.read(0, whole.size) if whole else None), told


def check(path: Path, wrong: bytes, right: bytes, coder: Coder = EVL) -> Told:
    """That ``wrong`` becomes ``right``, which then has nothing to be repaired."""
    found, told = repaired(path, part10(head(coder) + wrong, syntax_of(coder)))
    assert found == head(coder) + right
    assert told
    again, _ = repaired(path, part10(head(coder) + right, syntax_of(coder)))
    assert again is None
    return told


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.dcm"


each_encoding = pytest.mark.parametrize("coder", CODERS.values(), ids=list(CODERS))


@each_encoding
def test_odd_lengths_are_padded_and_those_around_put_right(path: Path, coder: Coder) -> None:
    def data_set(step: bytes, name: bytes) -> bytes:
        item = coder.item(coder.element(STEP_ID, "SH", step))
        return coder.element(NAME, "PN", name) + coder.sequence(REQUESTS, item)

    told = check(path, data_set(b"A", b"Doe"), data_set(b"A ", b"Doe "), coder)
    assert [change.path for change in told] == ["(0010,0010)", "(0040,0275)[0].(0040,0009)"]
    assert told[0].old == "odd length 3"


@each_encoding
def test_an_odd_length_that_leaves_out_its_padding(path: Path, coder: Coder) -> None:
    wrong = coder.element(NAME, "PN", b"Doe ", length=3) + coder.element(ID, "LO", b"4711")
    right = coder.element(NAME, "PN", b"Doe ") + coder.element(ID, "LO", b"4711")
    assert "leaves out" in check(path, wrong, right, coder)[0].old


def test_an_odd_length_at_the_end_of_a_window(path: Path) -> None:
    for size in range(16384 - 480, 16384 - 380):  # wherever the first window ends
        filler = EVL.element(MAKER, "UT", b"m" * (size + size % 2))
        wrong = filler + EVL.element(NAME, "PN", b"Doe ", length=3) + EVL.element(ID, "LO", b"4711")
        right = filler + EVL.element(NAME, "PN", b"Doe ") + EVL.element(ID, "LO", b"4711")
        found, _ = repaired(path, part10(head(EVL) + wrong))
        assert found == head(EVL) + right.replace(b"UT", b"UT"), size


def test_a_length_of_13_for_a_value_of_10_bytes(path: Path) -> None:
    after = IVL.element(STATION, "SH", b"CT01")
    wrong = IVL.element(MODALITY, "CS", b"CT") + IVL.element(MAKER, "LO", b"GE Medical", length=13) + after
    right = IVL.element(MODALITY, "CS", b"CT") + IVL.element(MAKER, "LO", b"GE Medical") + after
    assert "13" in check(path, wrong, right, IVL)[0].old


def test_13_bytes_that_are_13(path: Path) -> None:
    after = IVL.element(STATION, "SH", b"CT01")
    check(path, IVL.element(MAKER, "LO", b"GE Medical NN") + after,
          IVL.element(MAKER, "LO", b"GE Medical NN ") + after, IVL)  # fmt: skip


def test_a_length_of_16_bits_where_vrs_have_32(path: Path) -> None:
    value = b"vendor's bytes"
    creator = EVL.element(0x00090010, "LO", b"ACME")
    short = pack("<HH2sH", 0x0009, 0x1001, b"UN", len(value)) + value
    after = EVL.element(NAME, "PN", b"Doe^")
    right = creator + EVL.element(0x00091001, "UN", value) + after
    assert "16 bits" in check(path, creator + short + after, right)[0].old


def test_padding_with_other_bytes(path: Path) -> None:
    wrong = EVL.element(NAME, "PN", b"Doe\0\0\0") + EVL.element(0x0020000D, "UI", b"1.2.3 ")
    right = EVL.element(NAME, "PN", b"Doe ") + EVL.element(0x0020000D, "UI", b"1.2.3\0")
    assert [each.old for each in check(path, wrong, right)] == [
        "text padded with NUL",
        "a UID padded with other bytes than one NUL",
    ]


def test_a_character_set_that_is_misspelt(path: Path) -> None:
    found, told = repaired(path, part10(EVL.element(0x00080005, "CS", b"ISO-IR 100") + head(EVL)))
    assert found == EVL.element(0x00080005, "CS", b"ISO_IR 100") + head(EVL)
    assert "no character set" in told[0].old


def test_implicit_items_in_an_explicit_data_set(path: Path) -> None:
    def data_set(outer: Coder, inner: Coder, *, undefined: bool) -> bytes:
        item = inner.item(inner.element(STEP_ID, "SH", b"A1") + inner.element(0x00400010, "SH", b"CT"))
        sequence = outer.sequence(REQUESTS, item, undefined=undefined)
        return outer.element(NAME, "PN", b"Doe^") + sequence + outer.element(PIXELS, "OW", b"\1\2")

    for undefined in (False, True):
        wrong, right = (data_set(EVL, inner, undefined=undefined) for inner in (IVL, EVL))
        told = check(path, wrong, right)
        assert {change.path for change in told} == {
            "(0040,0275)[0].(0040,0009)",
            "(0040,0275)[0].(0040,0010)",
        }


def test_an_implicit_tail_with_sequences(path: Path) -> None:
    def tail(coder: Coder) -> bytes:
        inner = coder.sequence(0x00400008, coder.item(coder.element(0x00080100, "SH", b"C1")))
        item = coder.item(inner + coder.element(STEP_ID, "SH", b"A1"))
        return coder.element(0x00280010, "US", b"\1\0") + coder.sequence(REQUESTS, item)

    check(path, EVL.element(NAME, "PN", b"Doe^") + tail(IVL), EVL.element(NAME, "PN", b"Doe^") + tail(EVL))


def test_a_vr_that_is_none(path: Path) -> None:
    after = EVL.element(ID, "LO", b"4711")
    wrong = EVL.element(NAME, "PN", b"Doe^").replace(b"PN", b"??") + after
    assert "no VR" in check(path, wrong, EVL.element(NAME, "PN", b"Doe^") + after)[0].old


def test_a_sequence_under_another_vr(path: Path) -> None:
    item = EVL.item(EVL.element(STEP_ID, "SH", b"A1"))
    right = EVL.sequence(REQUESTS, item, undefined=True) + EVL.element(PIXELS, "OW", b"\1\2")
    assert "for a sequence" in check(path, right.replace(b"SQ", b"OF"), right)[0].old


def test_vrs_that_ps36_has_otherwise(path: Path) -> None:
    wrong = EVL.element(MODALITY, "LO", b"CT") + EVL.element(NAME, "UN", b"Doe^")
    right = EVL.element(MODALITY, "CS", b"CT") + EVL.element(NAME, "PN", b"Doe^")
    assert [each.new for each in check(path, wrong, right)] == ["VR CS", "VR PN"]


def test_values_of_no_other_vr_keep_theirs(path: Path) -> None:
    data = EVL.element(MODALITY, "LO", b"not a code string") + EVL.element(0x00280010, "UL", b"\1\0\0\0")
    found, told = repaired(path, part10(head(EVL) + data + b" "[:0]))
    assert found is not None  # the odd one is padded
    assert b"LO\x12\0not a code string " in found
    assert len(told) == 1


def test_private_creators_under_un_and_bytes_under_private_lo(path: Path) -> None:
    wrong = EVL.element(0x00290010, "UN", b"ACME") + EVL.element(0x00291001, "LO", b"\1\0\2\0")
    right = EVL.element(0x00290010, "LO", b"ACME") + EVL.element(0x00291001, "UN", b"\1\0\2\0")
    check(path, wrong, right)


def fragments(coder: Coder, vr: str, *, end: bytes | None = None) -> bytes:
    closing = coder.header(SEQUENCE_END, "", 0) if end is None else end
    return coder.header(PIXELS, vr, UNDEFINED) + coder.item() + coder.item(b"\1\2") + closing


def test_encapsulated_pixel_data_under_ow(path: Path) -> None:
    jpeg = "1.2.840.10008.1.2.4.50"
    found, _ = repaired(path, part10(head(EVL) + fragments(EVL, "OW"), jpeg))
    assert found == head(EVL) + fragments(EVL, "OB")


@each_encoding
def test_delimiters(path: Path, coder: Coder) -> None:
    def item(end: bytes) -> bytes:
        return coder.header(0xFFFEE000, "", UNDEFINED) + coder.element(STEP_ID, "SH", b"A1") + end

    def data_set(end_of_item: bytes, end: bytes) -> bytes:
        sequence = coder.header(REQUESTS, "SQ", UNDEFINED) + item(end_of_item) + item(end_of_item) + end
        return sequence + coder.element(PIXELS, "OW", b"\1\2")

    item_end, end = coder.header(0xFFFEE00D, "", 0), coder.header(SEQUENCE_END, "", 0)
    right = data_set(item_end, end)
    check(path, data_set(b"", end), right, coder)
    check(path, data_set(item_end, b""), right, coder)
    check(path, data_set(coder.header(0xFFFEE00D, "", 8), coder.header(SEQUENCE_END, "", 4)), right, coder)


@each_encoding
def test_stray_delimiters(path: Path, coder: Coder) -> None:
    item_end, end = coder.header(0xFFFEE00D, "", 0), coder.header(SEQUENCE_END, "", 0)
    step, pixels = coder.element(STEP_ID, "SH", b"A1"), coder.element(PIXELS, "OW", b"\1\2")
    right = coder.sequence(REQUESTS, coder.item(step)) + pixels
    check(path, coder.sequence(REQUESTS, coder.item(step + item_end)) + pixels, right, coder)
    check(path, coder.sequence(REQUESTS, coder.item(step), end) + pixels, right, coder)
    check(path, coder.sequence(REQUESTS, coder.item(step)) + end + pixels, right, coder)


def test_a_delimiter_that_is_missing_where_what_is_around_ends(path: Path) -> None:
    inner = EVL.header(0x00400008, "SQ", UNDEFINED) + EVL.item(EVL.element(0x00080100, "SH", b"C1"))
    wrong = EVL.sequence(REQUESTS, EVL.item(inner)) + EVL.element(PIXELS, "OW", b"\1\2")
    right = EVL.sequence(REQUESTS, EVL.item(inner + EVL.header(SEQUENCE_END, "", 0)))
    check(path, wrong, right + EVL.element(PIXELS, "OW", b"\1\2"))


@each_encoding
def test_zeros_behind_the_last_element(path: Path, coder: Coder) -> None:
    right = coder.element(NAME, "PN", b"Doe^")
    assert "zero bytes" in check(path, right + bytes(500), right, coder)[0].old


@each_encoding
def test_group_lengths(path: Path, coder: Coder) -> None:
    right = coder.element(NAME, "PN", b"Doe^")
    check(path, coder.element(0x00100000, "UL", b"\1\2\3\4") + right, right, coder)


@each_encoding
def test_elements_out_of_order_and_twice(path: Path, coder: Coder) -> None:
    name, patient_id = coder.element(NAME, "PN", b"Doe^"), coder.element(ID, "LO", b"4711")
    low, high = coder.element(STEP_ID, "SH", b"A1"), coder.element(0x00401001, "SH", b"B2")

    def sequence(*parts: bytes, undefined: bool = False) -> bytes:
        return coder.sequence(REQUESTS, coder.item(b"".join(parts)), undefined=undefined)

    right = name + patient_id + sequence(low, high)
    told = check(path, patient_id + name + sequence(high, low), right, coder)
    assert [change.path for change in told] == ["(0010,0010)", "(0040,0275)[0].(0040,0009)"]
    check(path, sequence(high, low) + patient_id + name, right, coder)
    check(path, name + name + patient_id + sequence(low, high, high), right, coder)
    # A sequence that is moved, and what is in it.
    pixels = coder.element(PIXELS, "OW", b"\1\2")
    wrong = name + pixels + sequence(high, low, undefined=True)
    check(path, wrong, name + sequence(low, high, undefined=True) + pixels, coder)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (EVL.element(NAME, "PN", b"Doe^") + EVL.element(NAME, "PN", b"Roe^"), "twice, with different values"),
        (EVL.element(NAME, "PN", b"Doe^", length=400), "exceeds"),
        (EVL.element(PIXELS, "OW", b"\1\2", length=4000), "exceeds"),
        (EVL.element(NAME, "PN", b"Doe^") + b"junk", "too few for an element"),
        (EVL.element(NAME, "PN", b"Doe^") + b"\0" * 70_000, "more than padding"),
        (fragments(EVL, "OB", end=b""), "delimiter"),
        (EVL.element(0x00280010, "US", b"\1\0\2"), "no whole number"),
        (EVL.header(REQUESTS, "SQ", UNDEFINED) + EVL.item(), "delimiter"),
    ],
)
def test_what_is_not_certain_is_refused(path: Path, data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=f"(?s)cannot be repaired.*({message})"):
        repaired(path, part10(head(EVL) + data))


@pytest.mark.parametrize(
    ("coder", "declared"), [(IVL, UIDS["explicit little"]), (EVL, IMPLICIT), (EVB, IMPLICIT)]
)
def test_an_encoding_that_is_not_the_declared_one(path: Path, coder: Coder, declared: str) -> None:
    data = head(coder) + coder.element(NAME, "PN", b"Doe^")
    path.write_bytes(part10(data, declared))
    told = Told()
    with FileSource.open(str(path)) as source:
        file = meta.opened(source)
        assert repairs.step(file, told) is None
        before = meta.fixed(file, told)
    assert before is not None
    path.write_bytes(before + data)
    with Part10File.open(str(path)) as right:
        assert right.transfer_syntax == syntax_of(coder)
        assert meta.fixed(right, Told()) is None
    assert ("(0002,0010)", "meta", declared, syntax_of(coder)) in list(told)


def test_frames_whose_compression_nothing_tells(path: Path) -> None:
    with pytest.raises(InputError, match="nothing tells how its frames are compressed"):
        repaired(path, part10(head(EVL) + fragments(EVL, "OB"), IMPLICIT))


def test_bytes_under_un_that_are_no_numbers_stay(path: Path) -> None:
    """Acquisition Duration is FD, of 8 bytes."""
    data = part10(head(EVL) + EVL.element(0x00189073, "UN", b"\1\2\3\4\5\6"))
    assert repaired(path, data) == (None, [])
    found, _ = repaired(path, part10(head(EVL) + EVL.element(0x00189073, "UN", bytes(8))))
    assert found == head(EVL) + EVL.element(0x00189073, "FD", bytes(8))


def test_a_deflated_data_set_that_is_cut(path: Path) -> None:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    whole = stream.compress(head(EVL) + EVL.element(NAME, "PN", b"Doe")) + stream.flush()
    deflated = "1.2.840.10008.1.2.1.99"
    found, _ = repaired(path, part10(whole, deflated))
    assert found == head(EVL) + EVL.element(NAME, "PN", b"Doe ")
    for cut in (1, 2, 6):  # the first leaves all bytes there, but nothing that says so
        with pytest.raises(InputError, match="cannot be repaired"):
            repaired(path, part10(whole[:-cut], deflated))


def test_a_sequence_in_the_meta(path: Path) -> None:
    syntax = EVL.element(0x00020010, "UI", UIDS["explicit little"].encode() + b"\0")
    sequence = EVL.sequence(0x00020016, EVL.item(EVL.element(NAME, "PN", b"Doe^")))
    with pytest.raises(InputError, match=r"cannot be repaired.*no place in file meta information"):
        repaired(path, part10(head(EVL), meta=syntax + sequence))


@pytest.mark.parametrize("sample", real_files(), ids=lambda each: each.name)
def test_real_files_keep_their_values(sample: Path) -> None:
    """Whatever is repaired: every value is there, and the result walks."""
    told = Told()
    with FileSource.open(str(sample)) as source:
        try:
            file = meta.opened(source)
            whole = repairs.step(file, told)
        except InputError as error:
            assert error.message  # noqa: PT017  refused: nothing was written
            return
        if whole is None:
            assert not told
            return
        file.notices = False
        before = values(file)
        after = values(Staged(file, whole))
    assert before <= after


def values(file: Part10File) -> set[bytes]:
    walker = file.walk()
    return {
        walker.value(value, length).rstrip(b" \0")
        for tag, vr, _, value, length, _ in walker
        if vr not in ("", "SQ") and length != UNDEFINED and tag & 0xFFFF
    } - {b""}

"""What names a received instance, and which data sets are not whole."""

from __future__ import annotations

import struct
import zlib

import pytest

from dcmtools.archive import received
from dcmtools.archive.received import Names, Refusal, read_names
from dcmtools.encoding.memory import MemorySource
from dcmtools.files import deflate
from tests.support.served import BIG, CT, DEFLATED, EXPLICIT, IMPLICIT, data_set, element

CANNOT_UNDERSTAND = 0xC000
NAMES = Names(CT, "1.2.3.4", "P1", "1.2.3", "1.2.3.1")
PRIVATE = 0x00991010


def read(data: bytes, syntax: str = EXPLICIT) -> Names:
    return read_names(MemorySource(b"meta" + data), 4, syntax)


def implicit(data: dict[int, bytes]) -> bytes:
    parts = [struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(value)) + value for tag, value in data.items()]
    return b"".join(parts)


def undefined(tag: int, content: bytes, vr: bytes = b"SQ") -> bytes:
    return struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, vr, 0, 0xFFFFFFFF) + content


ITEM = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
END_OF_ITEM, END_OF_SEQUENCE = b"\xfe\xff\x0d\xe0" + bytes(4), b"\xfe\xff\xdd\xe0" + bytes(4)


def test_the_names_of_a_whole_data_set() -> None:
    assert read(data_set()) == NAMES


def test_names_that_are_not_there_are_empty() -> None:
    assert read(element(0x00080016, CT.encode())) == Names(CT, "", "", "", "")


def test_other_encodings() -> None:
    values = {0x00080016: CT.encode() + b"\0", 0x00080018: b"1.2.3.4\0", 0x00100020: b"P1"}
    assert read(implicit(values), IMPLICIT) == Names(CT, "1.2.3.4", "P1", "", "")
    big = b"".join([element(tag, value, b"UI", ">") for tag, value in values.items()])
    assert read(big, BIG) == Names(CT, "1.2.3.4", "P1", "", "")
    stream = zlib.compressobj(wbits=-15)
    assert read(stream.compress(data_set()) + stream.flush(), DEFLATED) == NAMES


# ---------------------------------------------------------------- what is cut short


@pytest.mark.parametrize("left", [1, 7, 8, 11, 12, 50, 111])
def test_a_data_set_that_ends_within_its_last_element_is_refused(left: int) -> None:
    data = data_set()
    with pytest.raises(Refusal, match="the data set is cut short") as caught:
        read(data[: len(data) - 112 + left])  # the pixels are 12 bytes of header and 100 of value
    assert caught.value.number == CANNOT_UNDERSTAND


def test_a_data_set_that_ends_between_elements_is_whole() -> None:
    assert read(data_set()[:-112]) == NAMES


@pytest.mark.parametrize(
    "tail",
    [
        undefined(0x00400275, ITEM + element(0x00080100, b"X", b"SH")),
        undefined(0x00400275, ITEM + END_OF_ITEM),
        undefined(0x7FE00010, b"\xfe\xff\x00\xe0\x00\x00\x00\x00", b"OB"),
        undefined(0x7FE00010, b"\xfe\xff\x00\xe0\x10\x00\x00\x00abc", b"OB"),
    ],
    ids=["in an item", "in a sequence", "between fragments", "in a fragment"],
)
def test_a_data_set_that_ends_within_a_sequence_is_refused(tail: bytes) -> None:
    assert read(data_set()[:-112] + tail.replace(b"\x10\x00\x00\x00abc", bytes(4)) + END_OF_SEQUENCE)
    with pytest.raises(Refusal, match="cut short"):
        read(data_set()[:-112] + tail)


def test_a_deflated_data_set_that_is_cut_after_its_names_is_refused() -> None:
    stream = zlib.compressobj(wbits=-15)
    cut = stream.compress(data_set()[:-50]) + stream.flush()
    with pytest.raises(Refusal, match="cut short"):
        read(cut, DEFLATED)


@pytest.mark.parametrize("cut", [b"", data_set()[:80], data_set()[:-120]])
def test_before_the_last_name_nothing_may_be_wrong(cut: bytes) -> None:
    if cut:
        with pytest.raises(Refusal, match="the data set is broken"):
            read(cut)
    else:
        assert read(cut) == Names("", "", "", "", "")


# ---------------------------------------------------------------- what is merely odd


@pytest.mark.parametrize("zeros", [1, 2, 7, 8, 100])
def test_zeros_behind_the_last_element_are_no_loss(zeros: int) -> None:
    names = read(data_set() + bytes(zeros))
    assert names._replace(fault="") == NAMES
    assert names.fault


def test_other_bytes_behind_the_last_element_are_a_cut_element() -> None:
    with pytest.raises(Refusal, match="cut short"):
        read(data_set() + b"\x00\x00\x01")


@pytest.mark.parametrize(
    "odd",
    [
        element(PRIVATE, b"1", b"??"),
        undefined(PRIVATE, b"", b"LO"),
        undefined(0x00400275, element(0x00080100, b"X", b"SH")),
    ],
    ids=["no VR", "no length", "no item"],
)
def test_what_is_odd_behind_the_names_is_kept_and_told(odd: bytes) -> None:
    names = read(data_set()[:-112] + odd + data_set()[-112:])
    assert names._replace(fault="") == NAMES
    assert names.fault.startswith("offset ")


# ---------------------------------------------------------------- bounds


def test_a_flood_of_elements_is_not_walked_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(received, "_MOST", 1000)
    flood = element(PRIVATE, b"", b"LO") * 100_000
    assert read(data_set()[:-112] + flood + b"cut") == NAMES


def test_of_a_large_deflated_data_set_the_head_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deflate, "IN_MEMORY", 64 * 1024)
    stream = zlib.compressobj(9, wbits=-15)
    data = stream.compress(data_set()[:-112] + element(PRIVATE, bytes(2_000_000), b"OB")) + stream.flush()
    assert read(data, DEFLATED) == NAMES

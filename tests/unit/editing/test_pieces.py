"""Pieces of a data set: collected in order, read anywhere, all of them in one pass."""

from __future__ import annotations

import os
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmtools.editing.pieces import Pieces, Splice
from dcmtools.encoding.element import NO_STOP, Span
from dcmtools.encoding.memory import MemorySource
from dcmtools.errors import InputError

DATA = bytes(range(100))
BLOCK = 256 * 1024

CHANGES = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 30), st.binary(max_size=6)), max_size=8)


class Counting(MemorySource):
    """Counts what is read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.reads: list[int] = []

    def read(self, offset: int, length: int) -> bytes:
        self.reads.append(length)
        return super().read(offset, length)


class Looked(array):  # type: ignore[type-arg]  # it is not generic while the program runs
    """Counts how often it is looked into."""

    looks = 0

    def __getitem__(self, place: int) -> int:  # type: ignore[override]  # nobody slices it
        self.looks += 1
        return int(super().__getitem__(place))


def whole(splice: Splice) -> bytes:
    return b"".join(splice.blocks())


@given(st.integers(0, 20), CHANGES)
def test_any_part_of_any_changes(start: int, changes: list[tuple[int, int, bytes]]) -> None:
    pieces, expected, upto = Pieces(start), b"", start
    for begin, count, new in sorted(changes, key=lambda change: change[0]):
        if begin < upto or begin + count > len(DATA):
            continue
        pieces.replace(begin, begin + count, new)
        expected += DATA[upto:begin] + new
        upto = begin + count
    pieces.replace(len(DATA), NO_STOP, b"")
    expected += DATA[upto:]
    splice = Splice(MemorySource(DATA), pieces)
    assert splice.size == len(expected)
    assert whole(splice) == expected
    for begin in range(0, len(expected), 7):
        for length in (0, 1, 5, 40):
            if begin + length <= len(expected):
                assert splice.read(begin, length) == expected[begin : begin + length]
    with pytest.raises(InputError, match="ends 1 bytes early"):
        splice.read(0, len(expected) + 1)


def test_what_is_put_in_at_a_place_that_was_replaced_stands_behind_it() -> None:
    pieces = Pieces(0)
    pieces.replace(10, 20, b"new")
    pieces.replace(10, 10, b"newer")
    pieces.replace(20, 20, b"newest")
    pieces.replace(len(DATA), NO_STOP, b"")
    splice = Splice(MemorySource(DATA), pieces)
    assert list(splice.pieces()) == [Span(0, 10), b"newnewernewest", Span(20, 80)]
    assert whole(splice) == DATA[:10] + b"newnewernewest" + DATA[20:]


def test_changes_come_in_the_order_of_the_source() -> None:
    pieces = Pieces(5)
    with pytest.raises(ValueError, match="offset 4 comes after one at offset 5"):
        pieces.replace(4, 5, b"")
    pieces.replace(10, 20, b"")
    with pytest.raises(ValueError, match="offset 9 comes after one at offset 10"):
        pieces.replace(9, 9, b"new")


def test_what_is_not_known_yet_is_filled_in_later() -> None:
    pieces = Pieces(0)
    pieces.replace(0, 2, b"ab")
    place = pieces.replace(2, 6, bytes(4))
    pieces.replace(6, 8, b"cd")
    pieces.fill(place, b"1234")
    pieces.replace(10, NO_STOP, b"")
    assert whole(Splice(MemorySource(DATA), pieces)) == b"ab1234cd" + DATA[8:10]


def test_many_pieces_are_gone_through_once() -> None:
    """With a few reads for each block, and not one for each piece."""
    source = Counting(os.urandom(4_000_000))
    pieces = Pieces(0)
    for begin in range(0, 4_000_000, 40):
        pieces.replace(begin, begin + 4, b"longer")
    pieces.replace(4_000_000, NO_STOP, b"")
    splice = Splice(source, pieces)
    steps = pieces.begins = Looked("q", pieces.begins)
    blocks = list(splice.blocks())
    assert [len(block) for block in blocks[:-1]] == [BLOCK] * (len(blocks) - 1)
    assert sum(map(len, blocks)) == 4_200_000
    assert steps.looks < 4 * len(steps)
    assert len(source.reads) == len(blocks)
    assert sum(source.reads) <= 4_000_000


def test_what_is_gone_is_not_read() -> None:
    source = Counting(bytes(5_000_000))
    pieces = Pieces(0)
    pieces.replace(10, 4_999_990, b"")
    pieces.replace(5_000_000, NO_STOP, b"")
    assert whole(Splice(source, pieces)) == bytes(20)
    assert source.reads == [10, 10]

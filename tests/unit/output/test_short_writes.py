"""An unbuffered stdout may take less than it is given; what it did not take is never called written."""

from __future__ import annotations

import io

import pytest

from dcmtools.errors import OutputError
from dcmtools.output.console import Console


class Sips(io.RawIOBase):
    """Takes three bytes at a time, and after ``room`` bytes nothing."""

    def __init__(self, room: int) -> None:
        self.taken = b""
        self._room = room

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int | None:
        piece = bytes(memoryview(data))[: min(3, self._room - len(self.taken))]  # type: ignore[arg-type]  # a buffer
        self.taken += piece
        return len(piece) or None


def stdout(raw: Sips) -> io.TextIOWrapper:
    return io.TextIOWrapper(raw, encoding="utf-8", write_through=True)  # type: ignore[arg-type]  # as with -u


def test_all_is_written_sip_by_sip() -> None:
    raw = Sips(100)
    Console(stdout(raw), None).write("ten bytes.")
    assert raw.taken == b"ten bytes."


def test_a_stream_that_takes_no_more_is_an_error() -> None:
    raw = Sips(7)
    with pytest.raises(OutputError):
        Console(stdout(raw), None).write("ten bytes.")
    assert raw.taken == b"ten byt"

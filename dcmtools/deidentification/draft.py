"""A data set being written: new bytes in memory, long values as spans of the one that it comes from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, TypeAlias

from dcmtools.files.copying import copy, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from dcmtools.encoding.element import Source

Mark: TypeAlias = tuple[int, int, int]
Blocks: TypeAlias = "Callable[[], Iterator[bytes]]"
_BLOCK: Final = 1024 * 1024


class Draft:
    """The bytes of a data set so far, ``size`` of them; ``data`` are those that are in memory.

    A place is an index of ``data``, good until something in front of it is cut out.
    """

    __slots__ = ("data", "size", "source", "spans")

    def __init__(self, source: Source) -> None:
        """Begin with nothing; spans are of ``source``."""
        self.source = source
        self.data = bytearray()
        self.size = 0
        # Place, offset in the source, length; and what makes the bytes where they are not of the source.
        self.spans: list[tuple[int, int, int, Blocks | None]] = []

    def __eq__(self, other: object) -> bool:
        """Tell whether it is the same so far."""
        mine = self.data, self.size, self.spans
        return isinstance(other, Draft) and mine == (other.data, other.size, other.spans)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def add(self, new: bytes) -> None:
        """Go on with ``new``."""
        self.data += new
        self.size += len(new)

    def span(self, offset: int, length: int) -> None:
        """Go on with ``length`` bytes of the source."""
        if length:
            self.spans.append((len(self.data), offset, length, None))
            self.size += length

    def stream(self, size: int, blocks: Blocks) -> None:
        """Go on with the ``size`` bytes that ``blocks`` yields whenever it is called."""
        self.spans.append((len(self.data), 0, size, blocks))
        self.size += size

    def fill(self, place: int, new: bytes) -> None:
        """Put ``new`` in the place of as many bytes."""
        self.data[place : place + len(new)] = new

    def cut(self, place: int, length: int) -> None:
        """Take out bytes that were added."""
        del self.data[place : place + length]
        self.size -= length
        self.spans = [
            (at - length if at > place else at, offset, many, blocks)
            for at, offset, many, blocks in self.spans
        ]

    def mark(self) -> Mark:
        """Return where it ends now."""
        return len(self.data), self.size, len(self.spans)

    def drop(self, mark: Mark) -> None:
        """Go back to where it ended at ``mark``."""
        place, self.size, spans = mark
        del self.data[place:], self.spans[spans:]

    def blocks(self) -> Iterator[bytes]:
        """Yield it all; raises InputError where the source does not have what it had."""
        for begin, after, offset, length, blocks in self._parts():
            if begin < after:
                yield bytes(self.data[begin:after])
            yield from blocks() if blocks else self._read(offset, length)

    def _read(self, offset: int, length: int) -> Iterator[bytes]:
        for at in range(offset, offset + length, _BLOCK):
            yield self.source.read(at, min(_BLOCK, offset + length - at))

    def write(self, out: BinaryIO, before: bytes) -> int:
        """Write ``before`` and then it all to ``out``, and return the number of bytes.

        Spans go from file to file where the system does that. Raises InputError and OSError.
        """
        out.flush()
        descriptor = out.fileno()
        for begin, after, offset, length, blocks in self._parts():
            write(descriptor, before + self.data[begin:after])
            before = b""
            if blocks:
                for block in blocks():
                    write(descriptor, block)
            elif length:
                copy(self.source, offset, length, descriptor)
        out.seek(0, os.SEEK_END)
        return out.tell()

    def _parts(self) -> Iterator[tuple[int, int, int, int, Blocks | None]]:
        """Yield where new bytes begin and end, and what stands behind them."""
        begin = 0
        for place, offset, length, blocks in self.spans:
            yield begin, place, offset, length, blocks
            begin = place
        yield begin, len(self.data), 0, 0, None

"""A data set that is another one with changes: what is new in it, and which bytes stay."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING, Final, TypeAlias

from dcmtools.encoding.element import Span
from dcmtools.errors import InputError
from dcmtools.files.copying import copy, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dcmtools.encoding.element import Source

_BLOCK: Final = 256 * 1024
_SMALL: Final = 16 * 1024

Piece: TypeAlias = "bytes | Span"


class Pieces:
    """The pieces of a data set, being collected from its beginning at ``start`` of the source to its end.

    Each takes 16 bytes, beside what is new.
    """

    def __init__(self, start: int) -> None:
        """Begin with nothing."""
        self.new = bytearray()
        self.size = 0
        # Where each piece begins, and where it comes from: an offset of the source, or ~ that of ``new``.
        self.begins = array("q")
        self.origins = array("q")
        self._upto = start
        self._last = start

    def replace(self, begin: int, after: int, new: bytes) -> int:
        """Keep what comes before ``begin``, and take ``new`` for what is between it and ``after``.

        What is put in at the beginning of what was replaced stands behind that. Return the place of ``new``,
        for ``fill``; raise ValueError for a change in front of the one before.
        """
        if begin < self._last:
            message = f"a change at offset {begin} comes after one at offset {self._last}"
            raise ValueError(message)
        self._last = begin
        if begin > self._upto:
            self._add(self._upto, begin - self._upto)
        place = len(self.new)
        if new:
            self._add(~place, len(new))
            self.new += new
        self._upto = max(self._upto, after)
        return place

    def fill(self, place: int, new: bytes) -> None:
        """Put ``new`` in the place of as many new bytes."""
        self.new[place : place + len(new)] = new

    def _add(self, origin: int, length: int) -> None:
        if not self.begins or origin >= 0 or self.origins[-1] >= 0:  # else it goes on with what is new
            self.begins.append(self.size)
            self.origins.append(origin)
        self.size += length


class Splice:
    """A data set as what is new in it and the spans of ``source`` that stay, in order.

    It can be walked like the bytes of a file: a ``Walker`` over it begins at offset 0. ``signed`` tells that
    digital signatures of what was there before stay; ``dropped`` are the paths of group lengths that went,
    as the groups have changed.
    """

    def __init__(
        self, source: Source, pieces: Pieces, *, signed: bool = False, dropped: Sequence[str] = ()
    ) -> None:
        """Take ``pieces`` of ``source``, collected to the end."""
        self.source = source
        self.signed = signed
        self.dropped = dropped
        self._pieces = pieces

    @property
    def size(self) -> int:
        """The number of bytes."""
        return self._pieces.size

    def pieces(self, begin: int = 0, end: int | None = None) -> Iterator[Piece]:
        """Yield what the bytes from ``begin`` to ``end``, by default all, are made of."""
        begins, origins, new = self._pieces.begins, self._pieces.origins, self._pieces.new
        end = self.size if end is None else end
        number = bisect_right(begins, begin) - 1
        while begin < end:
            after = min(end, begins[number + 1] if number + 1 < len(begins) else end)
            origin, within = origins[number], begin - begins[number]
            if origin >= 0:
                yield Span(origin + within, after - begin)
            else:
                yield bytes(new[~origin + within : ~origin + within + after - begin])
            begin, number = after, number + 1

    def read(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset``; raise InputError where there are fewer."""
        if offset + length > self.size:
            message = f"the data set ends {offset + length - self.size} bytes early"
            raise InputError(message)
        pieces = list(self.pieces(offset, offset + length))
        kept = [piece for piece in pieces if isinstance(piece, Span)]
        base = kept[0].offset if kept else 0
        count = kept[-1].offset + kept[-1].length - base if kept else 0
        # In one go, unless most of what lies between them is gone.
        data = self.source.read(base, count) if count <= length + _BLOCK else b""

        def taken(piece: Piece) -> bytes:
            if not isinstance(piece, Span):
                return piece
            begin = piece.offset - base
            return data[begin : begin + piece.length] if data else self.source.read(*piece)

        return b"".join(map(taken, pieces))

    def blocks(self) -> Iterator[bytes]:
        """Yield the data set in blocks of 256 KiB; raises InputError."""
        for offset in range(0, self.size, _BLOCK):
            yield self.read(offset, min(_BLOCK, self.size - offset))

    def write(self, out: int, before: bytes = b"", begin: int = 0, end: int | None = None) -> None:
        """Write ``before`` and the bytes from ``begin`` to ``end``, by default all, to a descriptor.

        What is long and stays goes from file to file where the system does that. Raises InputError and, of
        ``out``, OSError.
        """
        for piece in self.pieces(begin, end):
            if not isinstance(piece, Span):
                before += piece
            elif piece.length <= _SMALL:
                before += self.source.read(*piece)
            elif isinstance(self.source, Splice):
                self.source.write(out, before, piece.offset, piece.offset + piece.length)
                before = b""
            else:
                write(out, before)
                before = b""
                copy(self.source, piece.offset, piece.length, out)
            if len(before) > _BLOCK:
                write(out, before)
                before = b""
        write(out, before)

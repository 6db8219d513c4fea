"""Data sets that are like one walked before: byte for byte, but for values of elements at the top.

Those of a series are. Walking another one could but find the same elements: nothing in front of a value that
varies, and nothing behind it, depends on what it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.codecs.frames import PIXEL_TAGS
from dcmtools.codecs.pixels import DESCRIBING
from dcmtools.encoding.element import SHORT_VRS, UNDEFINED
from dcmtools.encoding.headers import LOOK
from dcmtools.encoding.tags import PIXEL_REPRESENTATION, is_creator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dcmtools.encoding.element import Element, Source
    from dcmtools.encoding.syntax import Encoding
    from dcmtools.files.part10 import Body

LONG: Final = 64 * 1024
"""From so many bytes on pixel data is not compared, and not even read."""
_LONGEST: Final = 256 * 1024  # of all that is compared
_MORE: Final = 4096  # by which what varies may grow
_DECIDING: Final = frozenset({*PIXEL_TAGS, *DESCRIBING, PIXEL_REPRESENTATION})
_ITEMS: Final = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")


class _Field(NamedTuple):
    """An element whose value varies: the bytes in front of its length, and how to read that."""

    before: bytes
    unpack: Callable[..., tuple[int, ...]]
    width: int
    tag: int
    vr: str
    head: int


class Likeness(NamedTuple):
    """A data set that is like another: the first bytes of the source, and what varies.

    ``after`` is where all that is compared ends: before the value of pixel data, or at the end.
    """

    data: bytes
    varying: list[Element]
    after: int


class Layout:
    """The elements of a data set, of which those with tags ``varying`` may have any value in others."""

    __slots__ = ("_before", "_encoding", "_extent", "_fields", "_last", "long", "tail", "tops", "varying")

    def __init__(
        self, source: Source, begin: int, end: int, encoding: Encoding, elements: Sequence[Element]
    ) -> None:
        """Take the ``elements`` of a data set in ``source``; raise ValueError where none is like that."""
        self.tops = [each for each in elements if each[5] == 0 and each[1]]
        self._encoding = encoding
        self.long = 0
        self.tail = b""
        self._extent = end
        last = next((each for each in self.tops if each[0] in PIXEL_TAGS), None)
        if last:
            self._extent, self.long = last[3], last[4]
            if not LONG <= self.long < UNDEFINED:
                message = "pixel data that is not told from the rest"
                raise ValueError(message)
            after = self._extent + self.long
            self.tail = source.read(after, min(end - after, _MORE))
        if not self.tops or self._extent > _LONGEST or self._extent + self.long + len(self.tail) != end:
            message = "nothing, or more than is compared"
            raise ValueError(message)
        self._before = source.read(0, self._extent)
        self.varying: frozenset[int] = frozenset()
        self._fields: list[_Field] = []
        self._last = self._before[begin:]

    def vary(self, others: Layout) -> bool:
        """Let vary what does in ``others``, and what they have otherwise; tell whether that can be."""
        if [each[:2] for each in self.tops] != [each[:2] for each in others.tops]:
            return False
        pairs = zip(self._units(), others._units(), strict=True)
        differing = {tag for (tag, ours), (_, theirs) in pairs if ours != theirs}
        if self.tail != others.tail or self.long != others.long:
            return False
        self.varying = others.varying | differing
        return self._divide()

    def _units(self) -> list[tuple[int, bytes]]:
        """Return the tags at the top, each with all bytes up to the next."""
        tops = [each for each in self.tops if each[2] < self._extent]
        bounds = [each[2] for each in tops] + [self._extent]
        return [(each[0], self._before[bounds[at] : bounds[at + 1]]) for at, each in enumerate(tops)]

    def _divide(self) -> bool:
        """Tell apart what has to be the same from what varies; return whether nothing depends on that."""
        self._fields = []
        at = self.tops[0][2]
        seen: set[int] = set()
        for tag, vr, begin, value, length, _ in self.tops:
            if tag in seen:
                return False
            seen.add(tag)
            if tag not in self.varying:
                continue
            if not self._may_vary(tag, vr, begin) or length == UNDEFINED:
                return False
            short = self._encoding.explicit and vr in SHORT_VRS
            width = 2 if short else 4
            unpack = self._encoding.u16 if short else self._encoding.u32
            before = self._before[at : value - width]
            self._fields.append(_Field(before, unpack, width, tag, vr, value - begin))
            at = value + length
        self._last = self._before[at:]
        return True

    def _may_vary(self, tag: int, vr: str, begin: int) -> bool:
        """Tell whether what an element holds is nothing but its value, for the walker at least."""
        if vr == "SQ" or tag in _DECIDING or is_creator(tag):
            return False
        width = self._encoding.width
        known = self._encoding.headers.get(self._before[begin : begin + width])
        return known is not None and (known[2] != LOOK or vr == "UN" or not self._encoding.explicit)

    def likeness(self, body: Body, head: bytes) -> Likeness | None:
        """Return how the data set ``body`` of a file that begins with ``head`` is like this; None if not."""
        source, at, end = body
        if self._fields and not head.startswith(self._fields[0].before, at):
            return None
        data = head
        if len(head) < self._extent + _MORE and len(head) < source.size:
            data = source.read(0, min(source.size, self._extent + _MORE))
        found: list[Element] = []
        most = min(len(data), end)
        for before, unpack, width, tag, vr, size in self._fields:
            if not data.startswith(before, at):
                return None
            at += len(before)
            value = at + width
            if value > most:
                return None
            length = unpack(data, at)[0]
            at = value + length
            if at > most or (vr == "UN" and (not length or data[value : value + 4] in _ITEMS)):
                return None
            found.append((tag, vr, value - size, value, length, 0))
        if not data.startswith(self._last, at):
            return None
        at += len(self._last)
        if at + self.long + len(self.tail) != end:
            return None
        if self.tail and source.read(at + self.long, len(self.tail)) != self.tail:
            return None
        return Likeness(data, found, at)

"""The splice: elements at the top of a data set replaced, inserted or removed, and the rest left as it is."""

from __future__ import annotations

from itertools import pairwise
from struct import pack
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from dcmtools.encoding.recoding import LONGEST_SHORT
from dcmtools.encoding.tags import format_tag
from dcmtools.encoding.walker import NO_STOP, SHORT_VRS, Source, Walker
from dcmtools.errors import InputError, MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dcmtools.encoding.syntax import Encoding
    from dcmtools.files.part10 import Part10File

_FIRST: Final = 0x00080000
_ITEMS: Final = 0xFFFE0000
_LENGTH_TO_END: Final = 0x00080001
_BLOCK: Final = 256 * 1024


class Edit(NamedTuple):
    """What is to become of an element: its value, of even length and in the file's encoding, or None for out.

    Where there is no such element, it is inserted; where there is one, ``vr`` replaces its VR, too.
    """

    tag: int
    vr: str
    value: bytes | None


class Span(NamedTuple):
    """``length`` bytes of the source from ``offset``."""

    offset: int
    length: int


Piece: TypeAlias = "bytes | Span"


class Splice(NamedTuple):
    """A data set as what is new in it and the spans of ``source`` that stay, in order.

    It can be walked like the bytes of a file: a ``Walker`` over it begins at offset 0.
    """

    source: Source
    pieces: list[Piece]

    @property
    def size(self) -> int:
        """The number of bytes."""
        return sum(map(_size, self.pieces))

    def read(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset``; raise InputError where there are fewer."""
        out = []
        for piece in self.pieces:
            count = min(length, max(0, _size(piece) - offset))
            if not isinstance(piece, Span):
                out.append(piece[offset : offset + count])
            elif count:
                out.append(self.source.read(piece.offset + offset, count))
            offset = max(0, offset - _size(piece))
            length -= count
        if length:
            message = f"the data set ends {length} bytes early"
            raise InputError(message)
        return b"".join(out)

    def blocks(self) -> Iterator[bytes]:
        """Yield the data set in blocks of 256 KiB; raises InputError."""
        size = self.size
        for offset in range(0, size, _BLOCK):
            yield self.read(offset, min(_BLOCK, size - offset))


def _size(piece: Piece) -> int:
    return piece.length if isinstance(piece, Span) else len(piece)


def spliced(file: Part10File, edits: Sequence[Edit], *, end: int | None = None) -> Splice:
    """Return the data set of ``file`` with ``edits`` made, in the file's own encoding.

    A deflated data set is inflated, and is the ``source`` of the splice then: it has to be deflated again,
    or goes as explicit VR little endian. Group lengths of the groups that are touched and Length to End go,
    as they would be wrong. The walk ends at the last tag edited; what follows is copied unseen, up to
    ``end``, the offset at which the data set ends in the source, by default where the source does.

    Raises ValueError for an edit that no file can take, InputError where this one cannot take it,
    MalformedError where the part walked is damaged or its elements are not in the order of their tags.
    """
    wanted = _checked(edits)
    walker = _walker(file, max(wanted, default=_FIRST) + 1, end)
    out = _Pieces(walker.position)
    dropped = {tag & 0xFFFF0000 for tag in wanted} | {_LENGTH_TO_END}
    left = sorted(wanted.values(), reverse=True)
    for (tag, begin), (_, after) in pairwise(_top(walker)):
        while left and left[-1].tag < tag:
            out.replace(begin, begin, _element(left.pop(), file.encoding))
        if tag in wanted:
            out.replace(begin, after, _element(left.pop(), file.encoding))
        elif tag in dropped:
            out.replace(begin, after, b"")
    for edit in reversed(left):
        out.replace(walker.position, walker.position, _element(edit, file.encoding))
    out.replace(walker.source.size if end is None else end, NO_STOP, b"")
    return Splice(walker.source, out.pieces)


class _Pieces:
    """The pieces of a data set up to an offset of the source."""

    def __init__(self, start: int) -> None:
        self.pieces: list[Piece] = []
        self._upto = start

    def replace(self, begin: int, after: int, new: bytes) -> None:
        """Keep what comes before ``begin``, and take ``new`` for what is between it and ``after``."""
        if begin > self._upto:
            self.pieces.append(Span(self._upto, begin - self._upto))
        last = self.pieces[-1] if self.pieces else None
        if new and isinstance(last, bytes):
            self.pieces[-1] = last + new
        elif new:
            self.pieces.append(new)
        self._upto = after


def _checked(edits: Sequence[Edit]) -> dict[int, Edit]:
    wanted = {edit.tag: edit for edit in edits}
    if len(wanted) < len(edits):
        message = "an element is edited twice"
        raise ValueError(message)
    for tag, vr, value in edits:
        if not _FIRST < tag < _ITEMS or tag & 0xFFFF == 0:
            message = f"{format_tag(tag)} is not an element of a data set that could be edited"
            raise ValueError(message)
        if value is not None and (len(value) % 2 or vr == "SQ"):
            message = f"{format_tag(tag)}: a value of VR {vr} and {len(value)} bytes cannot be put in"
            raise ValueError(message)
    return wanted


def _walker(file: Part10File, stop: int, end: int | None) -> Walker:
    walker = file.walk(stop=stop, shallow=True)
    if end is None:
        return walker
    return Walker(walker.source, walker.position, end, walker.encoding, stop=stop, shallow=True)


def _top(walker: Walker) -> list[tuple[int, int]]:
    """Return the tag and the offset of each element at the top, and last where the walk ended."""
    top = []
    last = 0
    for tag, vr, at, _, _, depth in walker:
        if depth or not vr:  # within a sequence of undefined length, or its delimiter
            continue
        if tag <= last:
            message = f"stands after {format_tag(last)}; only a data set in the order of its tags is edited"
            raise MalformedError(message, offset=at, path=format_tag(tag))
        top.append((tag, at))
        last = tag
    return [*top, (NO_STOP, walker.position)]


def _element(edit: Edit, encoding: Encoding) -> bytes:
    """Return ``edit`` as an element, nothing for one that is to go; raise InputError where it is too long."""
    tag, vr, value = edit
    if value is None:
        return b""
    order = encoding.order
    number = pack(f"{order}HH", tag >> 16, tag & 0xFFFF)
    if not encoding.explicit:
        return number + pack(f"{order}L", len(value)) + value
    if vr not in SHORT_VRS:
        return number + vr.encode() + b"\0\0" + pack(f"{order}L", len(value)) + value
    if len(value) > LONGEST_SHORT:
        message = f"{format_tag(tag)}: {len(value)} bytes are too many for VR {vr} where VRs are explicit"
        raise InputError(message)
    return number + vr.encode() + pack(f"{order}H", len(value)) + value

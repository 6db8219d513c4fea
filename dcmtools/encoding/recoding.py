"""A data set from one encoding into another: implicit or explicit VRs, either byte order (PS3.5 7 and A).

It is streamed: whatever the length of a value, a few blocks are in memory. Every sequence and every item
comes out with undefined length and its delimiter. That is as valid as lengths (PS3.5 7.5.1) and needs no
look ahead; and with implicit VRs it is all that tells a private sequence from a value. Group lengths and
Length to End are left out: they are retired, and would be wrong.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from dcmtools.encoding.dictionary import on_change
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.tags import ITEM, format_tag, is_retired_length
from dcmtools.encoding.values import swapped
from dcmtools.encoding.writing import LONGEST_SHORT, header, padding
from dcmtools.errors import InputError, MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.encoding.element import Element
    from dcmtools.encoding.syntax import Encoding
    from dcmtools.encoding.walker import Walker

_BLOCK: Final = 256 * 1024  # whole numbers of every size
_NO_LENGTH: Final = b"\xff\xff\xff\xff"
_ITEM: Final = {"<": b"\xfe\xff\x00\xe0", ">": b"\xff\xfe\xe0\x00"}
_ITEM_END: Final = {"<": b"\xfe\xff\x0d\xe0\0\0\0\0", ">": b"\xff\xfe\xe0\x0d\0\0\0\0"}
_SEQUENCE_END: Final = {"<": b"\xfe\xff\xdd\xe0\0\0\0\0", ">": b"\xff\xfe\xe0\xdd\0\0\0\0"}


def recoded(walker: Walker, target: Encoding) -> Iterator[bytes]:
    """Yield the data set that ``walker`` is at the beginning of in ``target``, in pieces of bounded size.

    The walk must not be shallow. Values keep their bytes but for the byte order, and one of padding where
    they are of odd length. What is too long for its VR's header becomes UN (PS3.5 6.2.2). VRs that are
    implicit in the source are the walker's: the dictionary's, OW for what may be OB or OW, which PS3.5 A.2
    allows in explicit VR little endian for any Bits Allocated.

    Raises while it yields whatever the walk raises, InputError for encapsulated pixel data, MalformedError
    where a value has no equal in ``target``: its VR contradicts the dictionary that implicit VRs are read by,
    or its numbers cannot be put into another byte order.
    """
    recoding = _Recoding(walker, target)
    while elements := walker.read():
        yield from filter(None, recoding.window(elements))
    if end := recoding.closed(0):
        yield end


class _Recoding:
    """A data set on its way; ``_opened`` counts the sequences and items whose delimiters are due."""

    def __init__(self, walker: Walker, target: Encoding) -> None:
        self._walker = walker
        self._target = target
        self._order: Literal["big", "little"] = "big" if target.big else "little"
        self._opened = 0

    def window(self, elements: list[Element]) -> Iterator[bytes]:
        """Yield the ``elements`` that were read last."""
        walker, target = self._walker, self._target
        data, base, swaps = walker.data, walker.base, walker.order != target.order
        out: list[bytes] = []
        for tag, vr, at, value, length, depth in elements:
            if depth < self._opened:
                out.append(self.closed(depth))
            if not vr and tag != ITEM:  # delimiters are for where the container ends, which is told by depth
                continue
            try:
                head, size = _head(tag, vr, target)
            except ValueError as error:
                raise MalformedError(str(error), offset=at, path=format_tag(tag)) from None
            if vr == "SQ" or not vr:
                out.append(head + _NO_LENGTH)
                self._opened += 1
            elif length > LONGEST_SHORT:
                yield b"".join(out)
                out.clear()
                yield from self._long(tag, vr, at, value, length)
            elif size:
                raw = data[value - base : value - base + length]
                if swaps or length & 1 or len(raw) != length:
                    raw = self._ordered(tag, vr, at, walker.value(value, length)) + padding(vr, length)
                out += (head, len(raw).to_bytes(size, self._order), raw)
        yield b"".join(out)

    def closed(self, depth: int) -> bytes:
        """Return the delimiters of the sequences and items deeper than ``depth``."""
        item, sequence = _ITEM_END[self._target.order], _SEQUENCE_END[self._target.order]
        ends = [item if level & 1 else sequence for level in range(depth, self._opened)]
        self._opened = depth
        return b"".join(reversed(ends))

    def _long(self, tag: int, vr: str, at: int, value: int, length: int) -> Iterator[bytes]:
        """Yield an element in blocks."""
        if length == UNDEFINED:
            where = f"offset {at}, {format_tag(tag)}"
            raise InputError(f"{where}: encapsulated pixel data has to be decompressed first")
        head, size = _head(tag, vr, self._target)
        end = padding(vr, length)
        if size == 2:
            vr = "UN"  # whose value is in little endian everywhere
            head, size = _head(tag, vr, self._target)
        if size:
            yield head + (length + len(end)).to_bytes(size, self._order)
            for begin in range(value, value + length, _BLOCK):
                raw = self._walker.source.read(begin, min(_BLOCK, value + length - begin))
                yield self._ordered(tag, vr, at, raw)
            yield end

    def _ordered(self, tag: int, vr: str, at: int, raw: bytes) -> bytes:
        """Return ``raw``, a value or blocks of it, in the byte order of the target."""
        if self._walker.order == self._target.order:
            return raw
        try:
            return swapped(vr, raw)
        except ValueError as error:
            raise MalformedError(str(error), offset=at, path=format_tag(tag)) from None


@lru_cache(maxsize=8192)  # bounded, as a hostile file can have any tag
def _head(tag: int, vr: str, target: Encoding) -> tuple[bytes, int]:
    """Return what precedes an element's length, and the size of the length: 0 for what is left out."""
    if not vr:
        return _ITEM[target.order], 4
    return (b"", 0) if vr != "SQ" and is_retired_length(tag) else header(tag, vr, target)


on_change(_head.cache_clear)

"""A data set from one encoding into another: implicit or explicit VRs, in little endian (PS3.5 7 and A).

It is streamed: whatever the length of a value, a few blocks are in memory. Every sequence and every item
comes out with undefined length and its delimiter. That is as valid as lengths (PS3.5 7.5.1) and needs no
look ahead; and with implicit VRs it is all that tells a private sequence from a value. Group lengths and
Length to End are left out: they are retired, and would be wrong.
"""

from __future__ import annotations

from functools import lru_cache
from struct import pack
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.dictionary import lookup, on_change
from dcmtools.encoding.tags import ITEM, format_tag, is_private
from dcmtools.encoding.values import BULK_VRS, NUMBERS, TEXT_VRS, number_struct
from dcmtools.encoding.walker import SHORT_VRS, UNDEFINED
from dcmtools.errors import InputError, MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.encoding.syntax import Encoding
    from dcmtools.encoding.walker import Element, Walker

_LENGTH_TO_END: Final = 0x00080001
LONGEST_SHORT: Final = 65534
"""The most bytes that an explicit header with a 16-bit length can announce, as values are of even length."""
_BLOCK: Final = 256 * 1024  # whole numbers of every size
_WORDS: Final = {2: "H", 4: "I", 8: "Q"}
_NO_LENGTH: Final = b"\xff\xff\xff\xff"
_ITEM_END: Final = b"\xfe\xff\x0d\xe0\0\0\0\0"
_SEQUENCE_END: Final = b"\xfe\xff\xdd\xe0\0\0\0\0"


def recoded(walker: Walker, target: Encoding) -> Iterator[bytes]:
    """Yield the data set that ``walker`` is at the beginning of in ``target``, in pieces of bounded size.

    The walk must not be shallow. Values keep their bytes but for the byte order, and one of padding where
    they are of odd length. What is too long for its VR's header becomes UN (PS3.5 6.2.2). VRs that are
    implicit in the source are the walker's: the dictionary's, OW for what may be OB or OW, which PS3.5 A.2
    allows in explicit VR little endian for any Bits Allocated.

    Raises ValueError for a ``target`` in big endian, and while it yields whatever the walk raises,
    InputError for encapsulated pixel data, MalformedError where a value has no equal in ``target``: its VR
    contradicts the dictionary that implicit VRs are read by, or its numbers cannot be put into another byte
    order.
    """
    if target.big:
        message = "nothing is put into big endian, which is retired"
        raise ValueError(message)
    recoding = _Recoding(walker, target)
    while elements := walker.read():
        yield from filter(None, recoding.window(elements))
    if end := recoding.closed(0):
        yield end


class _Recoding:
    """A data set on its way; ``_opened`` counts the sequences and items whose delimiters are due."""

    def __init__(self, walker: Walker, target: Encoding) -> None:
        self._walker = walker
        self._head = _explicit_head if target.explicit else _implicit_head
        self._opened = 0

    def window(self, elements: list[Element]) -> Iterator[bytes]:
        """Yield the ``elements`` that were read last."""
        walker, head_of = self._walker, self._head
        data, base, swaps = walker.data, walker.base, walker.order == ">"
        out: list[bytes] = []
        for tag, vr, at, value, length, depth in elements:
            if depth < self._opened:
                out.append(self.closed(depth))
            if not vr and tag != ITEM:  # delimiters are for where the container ends, which is told by depth
                continue
            try:
                head, size = head_of(tag, vr)
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
                    raw = self._little(tag, vr, at, walker.value(value, length)) + _padding(vr, length)
                out += (head, len(raw).to_bytes(size, "little"), raw)
        yield b"".join(out)

    def closed(self, depth: int) -> bytes:
        """Return the delimiters of the sequences and items deeper than ``depth``."""
        ends = [_ITEM_END if level & 1 else _SEQUENCE_END for level in range(depth, self._opened)]
        self._opened = depth
        return b"".join(reversed(ends))

    def _long(self, tag: int, vr: str, at: int, value: int, length: int) -> Iterator[bytes]:
        """Yield an element in blocks."""
        if length == UNDEFINED:
            where = f"offset {at}, {format_tag(tag)}"
            raise InputError(f"{where}: encapsulated pixel data has to be decompressed first")
        head, size = self._head(tag, vr)
        if size == 2:
            head, size = self._head(tag, "UN")
        if size:
            padding = _padding(vr, length)
            yield head + (length + len(padding)).to_bytes(size, "little")
            for begin in range(value, value + length, _BLOCK):
                raw = self._walker.source.read(begin, min(_BLOCK, value + length - begin))
                yield self._little(tag, vr, at, raw)
            yield padding

    def _little(self, tag: int, vr: str, at: int, raw: bytes) -> bytes:
        """Return ``raw``, a value or blocks of it, in little endian."""
        if self._walker.order == "<":
            return raw
        try:
            return swapped(vr, raw)
        except ValueError as error:
            raise MalformedError(str(error), offset=at, path=format_tag(tag)) from None


def swapped(vr: str, raw: bytes) -> bytes:
    """Return ``raw`` with the bytes of each number of ``vr`` the other way round; text has none.

    UN has none either: its value is in little endian whatever is around it (PS3.5 6.2.2). Raises ValueError
    where the bytes are no whole numbers, or the VR is not one of PS3.5.
    """
    if vr in TEXT_VRS:
        return raw
    if vr not in NUMBERS:
        message = f"the byte order of VR {vr} is not known"
        raise ValueError(message)
    size = 2 if vr == "AT" else number_struct(vr, ">").size  # AT is a pair of numbers
    if len(raw) % size:
        message = f"{len(raw)} bytes are no whole number of values of VR {vr}, whose byte order has to change"
        raise ValueError(message)
    if size == 1:
        return raw
    from array import array

    words = array(_WORDS[size], raw)
    words.byteswap()
    return words.tobytes()


def _padding(vr: str, length: int) -> bytes:
    """Return what makes a value of ``length`` bytes even (PS3.5 6.2)."""
    if length % 2 == 0:
        return b""
    return b" " if vr in TEXT_VRS and vr != "UI" else b"\0"


@lru_cache(maxsize=8192)  # bounded, as a hostile file can have any tag
def _explicit_head(tag: int, vr: str) -> tuple[bytes, int]:
    """Return what precedes an element's length, and the size of the length: 0 for what is left out."""
    number = pack("<HH", tag >> 16, tag & 0xFFFF)
    if _is_left_out(tag, vr):
        return b"", 0
    if not vr:
        return number, 4
    return (number + vr.encode(), 2) if vr in SHORT_VRS else (number + vr.encode() + b"\0\0", 4)


@lru_cache(maxsize=8192)
def _implicit_head(tag: int, vr: str) -> tuple[bytes, int]:
    """Do the same for implicit VRs; raise ValueError where nobody could read the value as it is."""
    if _is_left_out(tag, vr):
        return b"", 0
    known = lookup(tag)[0]
    if vr and not is_private(tag) and not any(_reads_as(vr, other) for other in known.split(" or ")):
        message = f"VR {vr} contradicts {known} of PS3.6, by which implicit VRs are read"
        raise ValueError(message)
    return pack("<HH", tag >> 16, tag & 0xFFFF), 4


on_change(_implicit_head.cache_clear)


def _is_left_out(tag: int, vr: str) -> bool:
    return (tag & 0xFFFF == 0 or tag == _LENGTH_TO_END) and vr != "SQ"


def _reads_as(vr: str, other: str) -> bool:
    """Tell whether the bytes of a value of ``vr`` are those of the same value of ``other``."""
    if "SQ" in (vr, other):
        return other in {vr, "UN"}
    return vr in BULK_VRS or other in BULK_VRS or _form(vr) == _form(other)


def _form(vr: str) -> str:
    return "text" if vr in TEXT_VRS else NUMBERS.get(vr, vr)

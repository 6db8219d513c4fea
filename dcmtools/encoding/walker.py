"""The element walker: data elements of a data set, straight from its bytes (PS3.5 section 7).

Strict: whatever cannot be accounted for byte by byte raises MalformedError. Nothing is decoded, sequences
are followed without recursion, and of the input only the window in hand is in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn, Protocol, TypeAlias

from dcmtools.encoding.dictionary import PrivateBlocks, lookup, private_lookup
from dcmtools.encoding.faults import Fault, WalkError
from dcmtools.encoding.syntax import IMPLICIT, Encoding
from dcmtools.encoding.tags import (
    ITEM,
    ITEM_DELIMITER,
    PIXEL_REPRESENTATION,
    SEQUENCE_DELIMITER,
    format_tag,
    is_private,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

UNDEFINED: Final = 0xFFFFFFFF
NO_STOP: Final = 0x1_0000_0000
MAX_DEPTH: Final = 100
LONG_VRS: Final = frozenset((
    "OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV",
))  # fmt: skip
SHORT_VRS: Final = frozenset((
    "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO",
    "LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US",
))  # fmt: skip
VR_CODES: Final = frozenset(vr.encode() for vr in LONG_VRS | SHORT_VRS)
_MAX_LEARNT: Final = 65536
_FIRST_WINDOW: Final = 16 * 1024
_WINDOW: Final = 256 * 1024
_HEADER: Final = 12

# Forms of a header: the first three are walked in the loop itself, the last needs a closer look.
SHORT, LONG, _IMPLICIT, _SPECIAL = range(4)
# What a container holds.
DATA_SET, SEQUENCE, FRAGMENTS = range(3)

Element: TypeAlias = tuple[int, str, int, int, int, int]
"""Tag, VR, offset of the header, offset of the value, length of the value, depth.

Offsets count bytes from the start of the source. The VR is the encoded or, where VRs are implicit, the
dictionary's; it is ``SQ`` for whatever was walked as a sequence and ``""`` for items and delimiters. The
length is ``UNDEFINED`` where the header says so. The depth counts the sequences and items around: even in
a data set, odd for items and fragments.
"""


class Source(Protocol):
    """Bytes that can be read anywhere; ``read`` returns all that was asked for or raises InputError."""

    @property
    def size(self) -> int:
        """The number of bytes."""

    def read(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset``."""


class Container:
    """A sequence, an item or encapsulated pixel data that is being walked."""

    __slots__ = ("defined", "encoding", "item", "limit", "signed", "state", "tag")

    def __init__(
        self, tag: int, state: int, limit: int, *, defined: bool, encoding: Encoding, signed: bool
    ) -> None:
        """Begin ``tag``'s container, which ends at ``limit`` if that is ``defined`` and before it if not."""
        self.tag = tag
        self.state = state
        self.limit = limit
        self.defined = defined
        self.encoding = encoding
        self.signed = signed
        self.item = -1


class Walker:
    """Walks the data elements of ``source`` between two offsets, one window of bytes at a time.

    ``read`` returns the next elements, an empty list at the end; ``data`` holds the bytes from offset
    ``base`` that they were found in, ``order`` is the byte order (``<`` or ``>``) of their values. Values
    that are not in the window come from ``value``. ``serious`` is how many faults the walk has gone on after.
    """

    serious = 0

    def __init__(
        self,
        source: Source,
        start: int,
        end: int,
        encoding: Encoding,
        *,
        first: int = 0,
        stop: int = NO_STOP,
        shallow: bool = False,
    ) -> None:
        """Walk from ``start`` to ``end``, or to a top-level tag that is not in [``first``, ``stop``).

        ``position`` then is the offset of that element. A ``shallow`` walk passes over sequences of
        defined length as over any value.
        """
        self.source = source
        self.encoding = encoding
        self.position = start
        self.data = b""
        self.base = start
        self.order = encoding.order
        self._first = first
        self._stop = stop
        self._shallow = shallow
        self._reach = _FIRST_WINDOW
        self._last = start - 1  # the highest offset at which a header may begin in this window
        self._end = end
        self._finished = False
        self._blocks = PrivateBlocks()
        root = Container(0, DATA_SET, end, defined=True, encoding=encoding, signed=False)
        self._stack = [root]
        self._top = root

    def __iter__(self) -> Iterator[Element]:
        """Yield the elements one by one."""
        while elements := self.read():
            yield from elements

    @property
    def nested(self) -> bool:
        """Whether the walk stands within a sequence."""
        return len(self._stack) > 1

    def read(self) -> list[Element]:
        """Return the elements of the next window; an empty list when the walk is over.

        Raises MalformedError with byte offset and tag path where a length, a VR or a delimiter contradicts
        PS3.5 section 7, and whatever the source raises.
        """
        out: list[Element] = []
        self._advance(out)
        return out

    def _advance(self, out: list[Element]) -> None:
        """Walk to the end of the window, if that has elements, or of the data set."""
        while not self._finished:
            top = self._top
            if self.position >= top.limit:
                self._close()
            elif self.position > self._last:
                if out:
                    return
                self._fetch()
            elif top.encoding.order != self.order:  # in and out of a sequence under VR UN
                if out:
                    return
                self.order = top.encoding.order
            elif top.state == DATA_SET:
                self._elements(out)
            else:
                self._item(out)

    def begin_in(self, head: bytes) -> None:
        """Take the first window from ``head``, the first bytes of the source, which were read already."""
        if len(head) > self.position:
            self._take(head, 0)

    def value(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset``, out of the window where they are in it."""
        begin = offset - self.base
        found = self.data[begin : begin + length] if begin >= 0 else b""
        return found if len(found) == length else self.source.read(offset, length)

    def _fetch(self) -> None:
        length = min(self._reach, self._end - self.position)
        self._take(self.source.read(self.position, length), self.position)
        self._reach = min(4 * self._reach, _WINDOW)

    def _take(self, data: bytes, base: int) -> None:
        """Go on in the window of ``data`` that begins at ``base``."""
        self.data, self.base = data, base
        if base + len(data) < self._end:
            self._last = base + len(data) - _HEADER
        else:
            self._last = self._end
            self.data += bytes(_HEADER)  # so that a header cut short can still be looked at

    def _elements(self, out: list[Element]) -> None:
        """Walk elements of the data set in hand until it ends, the window ends or a closer look is due."""
        top = self._top
        encoding = top.encoding
        headers, width, u16, u32 = encoding.headers, encoding.width, encoding.u16, encoding.u32
        data, base = self.data, self.base
        at = self.position - base
        limit = top.limit - base
        last = min(self._last, top.limit - 1) - base
        depth = len(self._stack) - 1
        stop = self._stop if depth == 0 else NO_STOP
        if self._first and depth == 0:
            headers = encoding.from_first(self._first)
        append = out.append
        while at <= last:
            header = headers.get(data[at : at + width])
            if header is None:
                header = self._learn(base + at, headers)
            tag, vr, form = header
            if tag >= stop:
                self._finished = True
                break
            if form == SHORT:
                length = u16(data, at + 6)[0]
                value = at + 8
            elif form == _SPECIAL:
                length = UNDEFINED
            else:
                value = at + (12 if form == LONG else 8)
                length = u32(data, value - 4)[0]
            if length == UNDEFINED:
                self.position = base + at
                self._special(tag, vr, out)
                if self._top is not top:
                    return
                at = self.position - base
                continue
            after = value + length
            if after > limit:
                self._overrun(tag, base + at, base + value, length)
            append((tag, vr, base + at, base + value, length, depth))
            at = after
        self.position = base + at

    def _learn(self, offset: int, headers: dict[bytes, tuple[int, str, int]]) -> tuple[int, str, int]:
        """Return the meaning of the header at ``offset``, and remember it in ``headers`` for its like."""
        encoding = self._top.encoding
        begin = offset - self.base
        key = self.data[begin : begin + encoding.width]
        tag = encoding.u16(key)[0] << 16 | encoding.u16(key, 2)[0]
        if len(self._stack) == 1 and not self._first <= tag < self._stop:
            return (NO_STOP, "", _SPECIAL)
        self._check_header(tag, offset, offset + 8)
        if tag >> 16 == 0xFFFE:
            header = (tag, "", _SPECIAL)
        elif encoding.explicit:
            header = self._explicit_header(tag, key[4:6], offset)
        else:
            header = _implicit_header(tag)
        if tag >> 16 and len(headers) < _MAX_LEARNT:
            headers[key] = header
        return header

    def _explicit_header(self, tag: int, raw: bytes, offset: int) -> tuple[int, str, int]:
        vr = raw.decode("latin-1")
        if vr in SHORT_VRS:
            special = _is_creator(tag) or tag == PIXEL_REPRESENTATION
            return (tag, vr, _SPECIAL if special else SHORT)
        if vr in ("SQ", "UN"):
            return (tag, vr, _SPECIAL)
        # PS3.5 7.1.2: VRs to come have a 32-bit length.
        if vr not in LONG_VRS and not (raw.isalpha() and raw.isupper()):
            self._fail(Fault.BAD_VR, f"{raw!r} is not a value representation", offset, tag)
        return (tag, vr, LONG)

    def _special(self, tag: int, vr: str, out: list[Element]) -> None:
        """Walk the one element at ``position`` that is more than a tag, a VR and a length."""
        offset, top = self.position, self._top
        if tag >> 16 == 0xFFFE:
            return self._delimiter(tag, out)
        value = self._value_offset(offset, vr)
        self._check_header(tag, offset, value)
        length = self._length(value, vr)
        if length != UNDEFINED and value + length > top.limit:
            self._overrun(tag, offset, value, length)
        if vr == "":
            vr = self._implicit_vr(tag, value, length)
        depth = len(self._stack) - 1
        inner = self._nested(tag, vr, value, length)
        if inner is not None:
            state, encoding = inner
            out.append((tag, "SQ" if state == SEQUENCE else vr, offset, value, length, depth))
            self._open(tag, state, value, length, encoding)
            return None
        out.append((tag, vr, offset, value, length, depth))
        self.position = value + length
        if _is_creator(tag):
            self._blocks.reserve(depth, tag, _creator(self.value(value, min(length, 64))))
        elif tag == PIXEL_REPRESENTATION:
            top.signed = length == 2 and self.value(value, 2) != b"\0\0"
        return None

    def _value_offset(self, offset: int, vr: str) -> int:
        """Return where the value begins of an element of ``vr`` whose header is at ``offset``."""
        return offset + (_HEADER if self._top.encoding.explicit and vr not in SHORT_VRS else 8)

    def _length(self, value: int, vr: str) -> int:
        """Return the length that stands before ``value``."""
        encoding, at = self._top.encoding, value - self.base
        if encoding.explicit and vr in SHORT_VRS:
            return int(encoding.u16(self.data, at - 2)[0])
        return int(encoding.u32(self.data, at - 4)[0])

    def _nested(self, tag: int, vr: str, value: int, length: int) -> tuple[int, Encoding] | None:
        """Return what the value of an element holds and how, or None where it is just a value."""
        encoding = self._top.encoding
        if self._shallow and length != UNDEFINED:
            return None
        if vr == "SQ":
            return (SEQUENCE, encoding)
        if vr == "UN":
            # PS3.5 6.2.2: a sequence under VR UN is encoded with implicit VRs, little endian.
            if length == UNDEFINED:
                return (SEQUENCE, IMPLICIT)
            if self._dictionary_vr(tag) == "SQ" and self._may_be_sequence(value, length):
                return (SEQUENCE, IMPLICIT)
        elif length == UNDEFINED:
            if vr in ("OB", "OW"):
                return (FRAGMENTS, encoding)
            self._fail(Fault.NO_LENGTH, f"undefined length is not allowed for VR {vr}", self.position, tag)
        return None

    def _may_be_sequence(self, value: int, length: int) -> bool:
        """Tell whether a value that a dictionary calls a sequence is empty or begins with an item."""
        return length == 0 or self.value(value, min(length, 4)) == b"\xfe\xff\x00\xe0"

    def _dictionary_vr(self, tag: int) -> str:
        if is_private(tag) and tag & 0xFFFF > 0xFF:
            return private_lookup(self._blocks.creator(len(self._stack) - 1, tag), tag)[0]
        return lookup(tag)[0]

    def _implicit_vr(self, tag: int, value: int, length: int) -> str:
        """Return the VR of an element whose header does not tell and whose tag alone does not either."""
        known = self._dictionary_vr(tag)
        if is_private(tag):
            if length == UNDEFINED:
                return "SQ"
            if known == "SQ":  # private dictionaries are lore: where the bytes disagree, they win
                return known if self._may_be_sequence(value, length) else "UN"
        # PS3.5 A.1: what may be OB or OW is OW here; US or SS is told by Pixel Representation.
        if "OW" in known:
            return "OW"
        if known == "US or SS":
            return "SS" if self._top.signed else "US"
        return known

    def _open(self, tag: int, state: int, value: int, length: int, encoding: Encoding) -> None:
        if state == SEQUENCE and len(self._stack) > 2 * MAX_DEPTH:
            self._fail(Fault.TOO_DEEP, f"sequences are nested deeper than {MAX_DEPTH}", self.position, tag)
        top = self._top
        defined = length != UNDEFINED
        limit = value + length if defined else top.limit
        self._top = Container(tag, state, limit, defined=defined, encoding=encoding, signed=top.signed)
        self._stack.append(self._top)
        self.position = value
        if state == DATA_SET:
            self._blocks.enter(len(self._stack) - 1)

    def _close(self) -> None:
        """Leave the container that ends where it said it would; the data set itself ends the walk."""
        top = self._top
        if not top.defined:
            missing = ITEM_DELIMITER if top.state == DATA_SET else SEQUENCE_DELIMITER
            self._fail(Fault.NO_DELIMITER, f"the delimiter {format_tag(missing)} is missing", self.position)
        self._leave()

    def _leave(self) -> None:
        self._stack.pop()
        if self._stack:
            self._top = self._stack[-1]
        else:
            self._finished = True

    def _item(self, out: list[Element]) -> None:
        """Walk one item, fragment or sequence delimiter."""
        top, offset = self._top, self.position
        self._check_header(ITEM, offset, offset + 8)
        group, number, length = top.encoding.item(self.data, offset - self.base)
        tag, depth, value = group << 16 | number, len(self._stack) - 1, offset + 8
        if tag == SEQUENCE_DELIMITER:
            return self._delimiter(tag, out)
        if tag != ITEM:
            self._fail(Fault.NO_ITEM, f"{format_tag(tag)} stands where an item should", offset)
        top.item += 1
        if length == UNDEFINED and top.state == FRAGMENTS:
            self._fail(Fault.NO_LENGTH, "a fragment has no defined length", offset)
        if length != UNDEFINED and value + length > top.limit:
            self._overrun(tag, offset, value, length)
        out.append((tag, "", offset, value, length, depth))
        if top.state == SEQUENCE:
            self._open(tag, DATA_SET, value, length, top.encoding)
        else:
            self.position = value + length
        return None

    def _delimiter(self, tag: int, out: list[Element]) -> None:
        """End the container of undefined length that the delimiter at ``position`` belongs to."""
        top, offset = self._top, self.position
        self._check_header(tag, offset, offset + 8)
        wanted = ITEM_DELIMITER if top.state == DATA_SET else SEQUENCE_DELIMITER
        if tag != wanted or top.defined:
            message = f"{format_tag(tag)} stands where nothing is to be delimited"
            self._fail(Fault.STRAY_DELIMITER, message, offset, tag)
        length: int = top.encoding.u32(self.data, offset - self.base + 4)[0]
        if length:
            message = f"the delimiter {format_tag(tag)} has length {length} instead of 0"
            self._fail(Fault.DELIMITER_LENGTH, message, offset)
        self._leave()
        # A delimiter belongs to the item or sequence it ends, and stands at its depth.
        out.append((tag, "", offset, offset + 8, 0, len(self._stack) - 1))
        self.position = offset + 8

    def _check_header(self, tag: int, offset: int, value: int) -> None:
        """Fail where the header that begins at ``offset`` does not end before the container does."""
        left = self._top.limit - offset
        if left < 8:
            message = f"{left} byte{'s are' if left > 1 else ' is'} left, too few for an element"
            self._fail(Fault.CUT_SHORT, message, offset)
        if value > self._top.limit:
            self._fail(Fault.CUT_SHORT, "the element's header is cut short", offset, tag)

    def _overrun(self, tag: int, offset: int, value: int, length: int) -> NoReturn:
        self._check_header(tag, offset, value)
        left = self._top.limit - value
        where = "data set" if len(self._stack) == 1 else "item or sequence around it"
        message = f"length {length} exceeds the {left} bytes left in the {where}"
        self._fail(Fault.OVERRUN, message, offset, tag)

    def _fail(self, kind: Fault, message: str, offset: int, tag: int = ITEM) -> NoReturn:
        raise WalkError(kind, message, offset=offset, tag=tag, path=self._path(tag))

    def _path(self, tag: int) -> str:
        steps = [
            f"{format_tag(frame.tag)}[{max(frame.item, 0)}]" for frame in self._stack[1:] if frame.tag != ITEM
        ]
        if tag >> 16 != 0xFFFE:
            steps.append(format_tag(tag))
        if len(steps) > 8:
            steps[4:-3] = ["..."]
        return ".".join(steps)


def _implicit_header(tag: int) -> tuple[int, str, int]:
    vr = lookup(tag)[0]
    if tag == PIXEL_REPRESENTATION:
        return (tag, vr, _SPECIAL)
    if is_private(tag) or " " in vr:
        return (tag, "LO" if _is_creator(tag) else "", _SPECIAL)
    return (tag, vr, _SPECIAL if vr in ("SQ", "UN") else _IMPLICIT)


def _is_creator(tag: int) -> bool:
    """Tell whether ``tag`` reserves a block of private elements (PS3.5 7.8.1)."""
    return is_private(tag) and 0x10 <= tag & 0xFFFF <= 0xFF


def _creator(raw: bytes) -> str:
    return raw.decode("latin-1").strip(" \0")

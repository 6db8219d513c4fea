"""The element walker: data elements of a data set, straight from its bytes (PS3.5 section 7).

Strict: whatever cannot be accounted for byte by byte raises MalformedError. Nothing is decoded, sequences
are followed without recursion, and of the input only the window in hand is in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from dcmtools.encoding.containers import DATA_SET, FRAGMENTS, MAX_DEPTH, SEQUENCE, Container, Containers
from dcmtools.encoding.element import NO_STOP, SHORT_VRS, UNDEFINED
from dcmtools.encoding.faults import Fault, WalkError
from dcmtools.encoding.headers import LONG, LOOK, SHORT, explicit_header, implicit_header
from dcmtools.encoding.syntax import IMPLICIT, Encoding
from dcmtools.encoding.tags import (
    ITEM,
    ITEM_DELIMITER,
    PIXEL_REPRESENTATION,
    SEQUENCE_DELIMITER,
    format_tag,
    is_creator,
    is_private,
)
from dcmtools.encoding.window import LONGEST_HEADER, Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.encoding.element import Element, Source
    from dcmtools.encoding.headers import Header

_MAX_LEARNT = 65536


class Walker(Window):
    """Walks the data elements of ``source`` between two offsets, one window of bytes at a time.

    ``read`` returns the next elements, an empty list at the end; ``data`` holds the bytes from offset
    ``base`` that they were found in, ``order`` is the byte order (``<`` or ``>``) of their values. Values
    that are not in the window come from ``value``. ``serious`` is how many faults the walk has gone on after.

    In the last window 12 bytes of 0 stand behind those of the source: whoever slices ``data`` has to go by
    the lengths of elements, never by its own.
    """

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
        super().__init__(source, start, end)
        self.encoding = encoding
        self.order = encoding.order
        self.serious = 0
        self._first = first
        self._stop = stop
        self._shallow = shallow
        self._finished = False
        root = Container(0, DATA_SET, end, defined=True, encoding=encoding, signed=False)
        self._around = Containers(root)

    def __iter__(self) -> Iterator[Element]:
        """Yield the elements one by one."""
        while elements := self.read():
            yield from elements

    @property
    def nested(self) -> bool:
        """Whether the walk stands within a sequence."""
        return self._around.depth > 0

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
            top = self._around.top
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

    def _elements(self, out: list[Element]) -> None:
        """Walk elements until the data set in hand ends, or the window, or another container begins."""
        top, depth = self._around.top, self._around.depth
        encoding = top.encoding
        headers, width, u16, u32 = encoding.headers, encoding.width, encoding.u16, encoding.u32
        data, base = self.data, self.base
        at = self.position - base
        limit = top.limit - base
        last = min(self._last, top.limit - 1) - base
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
            elif form == LOOK:
                length = UNDEFINED  # which is looked at closely below, so that no other case is asked for
            else:
                value = at + (12 if form == LONG else 8)
                length = u32(data, value - 4)[0]
            if length == UNDEFINED:
                self.position = base + at
                self._look_closer(tag, vr, out)
                if self._around.top is not top:
                    return
                at = self.position - base
                continue
            after = value + length
            if after > limit:
                self._overrun(tag, base + at, base + value, length)
            append((tag, vr, base + at, base + value, length, depth))
            at = after
        self.position = base + at

    def _learn(self, offset: int, headers: dict[bytes, Header]) -> Header:
        """Return the meaning of the header at ``offset``, and remember it in ``headers`` for its like."""
        encoding = self._around.top.encoding
        begin = offset - self.base
        key = self.data[begin : begin + encoding.width]
        tag = encoding.u16(key)[0] << 16 | encoding.u16(key, 2)[0]
        if self._around.depth == 0 and not self._first <= tag < self._stop:
            return (NO_STOP, "", LOOK)  # a tag that no ``stop`` is above: the walk ends before it
        self._check_header(tag, offset, offset + 8)
        if tag >> 16 == 0xFFFE:
            header: Header | None = (tag, "", LOOK)
        elif encoding.explicit:
            header = explicit_header(tag, key[4:6])
        else:
            header = implicit_header(tag)
        if header is None:
            self._fail(Fault.BAD_VR, f"{key[4:6]!r} is not a value representation", offset, tag)
        if tag >> 16 and len(headers) < _MAX_LEARNT:
            headers[key] = header
        return header

    def _look_closer(self, tag: int, vr: str, out: list[Element]) -> None:
        """Walk the one element at ``position`` that is more than a tag, a VR and a length."""
        if tag >> 16 == 0xFFFE:
            return self._delimiter(tag, out)
        offset, around = self.position, self._around
        value = self._value_offset(offset, vr)
        self._check_header(tag, offset, value)
        length = self._length(value, vr)
        if length != UNDEFINED and value + length > around.top.limit:
            self._overrun(tag, offset, value, length)
        if vr == "":
            vr = self._implicit_vr(tag, value, length)
        inner = self._nested(tag, vr, value, length)
        if inner is not None:
            state, encoding = inner
            out.append((tag, "SQ" if state == SEQUENCE else vr, offset, value, length, around.depth))
            self._open(tag, state, value, length, encoding)
            return None
        out.append((tag, vr, offset, value, length, around.depth))
        self.position = value + length
        if is_creator(tag):
            around.reserve(tag, self.value(value, min(length, 64)))
        elif tag == PIXEL_REPRESENTATION:
            around.top.signed = length == 2 and self.value(value, 2) != b"\0\0"
        return None

    def _value_offset(self, offset: int, vr: str) -> int:
        """Return where the value begins of an element of ``vr`` whose header is at ``offset``."""
        long = self._around.top.encoding.explicit and vr not in SHORT_VRS
        return offset + (LONGEST_HEADER if long else 8)

    def _length(self, value: int, vr: str) -> int:
        """Return the length that stands before ``value``."""
        encoding, at = self._around.top.encoding, value - self.base
        if encoding.explicit and vr in SHORT_VRS:
            return int(encoding.u16(self.data, at - 2)[0])
        return int(encoding.u32(self.data, at - 4)[0])

    def _nested(self, tag: int, vr: str, value: int, length: int) -> tuple[int, Encoding] | None:
        """Return what the value of an element holds and how, or None where it is just a value."""
        encoding = self._around.top.encoding
        if self._shallow and length != UNDEFINED:
            return None
        if vr == "SQ":
            return (SEQUENCE, encoding)
        if vr == "UN":
            # PS3.5 6.2.2: a sequence under VR UN is encoded with implicit VRs, little endian.
            if length == UNDEFINED:
                return (SEQUENCE, IMPLICIT)
            if self._around.dictionary_vr(tag) == "SQ" and self._may_be_sequence(value, length):
                return (SEQUENCE, IMPLICIT)
        elif length == UNDEFINED:
            if vr in ("OB", "OW"):
                return (FRAGMENTS, encoding)
            self._fail(Fault.NO_LENGTH, f"undefined length is not allowed for VR {vr}", self.position, tag)
        return None

    def _may_be_sequence(self, value: int, length: int) -> bool:
        """Tell whether a value that a dictionary calls a sequence is empty or begins with an item."""
        return length == 0 or self.value(value, min(length, 4)) == b"\xfe\xff\x00\xe0"

    def _implicit_vr(self, tag: int, value: int, length: int) -> str:
        """Return the VR of an element whose header does not tell and whose tag alone does not either."""
        known = self._around.dictionary_vr(tag)
        if is_private(tag):
            if length == UNDEFINED:
                return "SQ"
            if known == "SQ":  # private dictionaries are lore: where the bytes disagree, they win
                return known if self._may_be_sequence(value, length) else "UN"
        # PS3.5 A.1: what may be OB or OW is OW here; US or SS is told by Pixel Representation.
        if "OW" in known:
            return "OW"
        if known == "US or SS":
            return "SS" if self._around.top.signed else "US"
        return known

    def _open(self, tag: int, state: int, value: int, length: int, encoding: Encoding) -> None:
        """Go into the value of ``length`` bytes that begins at ``value``."""
        if state == SEQUENCE and self._around.full:
            self._fail(Fault.TOO_DEEP, f"sequences are nested deeper than {MAX_DEPTH}", self.position, tag)
        top = self._around.top
        defined = length != UNDEFINED
        limit = value + length if defined else top.limit
        inner = Container(tag, state, limit, defined=defined, encoding=encoding, signed=top.signed)
        self._around.enter(inner)
        self.position = value

    def _close(self) -> None:
        """Leave the container that ends where it said it would; the data set itself ends the walk."""
        top = self._around.top
        if not top.defined:
            missing = ITEM_DELIMITER if top.state == DATA_SET else SEQUENCE_DELIMITER
            self._fail(Fault.NO_DELIMITER, f"the delimiter {format_tag(missing)} is missing", self.position)
        self._leave()

    def _leave(self) -> None:
        self._finished = not self._around.leave()

    def _item(self, out: list[Element]) -> None:
        """Walk one item, fragment or sequence delimiter."""
        top, depth, offset = self._around.top, self._around.depth, self.position
        self._check_header(ITEM, offset, offset + 8)
        group, number, length = top.encoding.item(self.data, offset - self.base)
        tag, value = group << 16 | number, offset + 8
        if tag == SEQUENCE_DELIMITER:
            return self._delimiter(tag, out)
        if tag != ITEM:
            self._fail(Fault.NO_ITEM, f"{format_tag(tag)} stands where an item should", offset)
        top.items += 1
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
        top, offset = self._around.top, self.position
        self._check_header(tag, offset, offset + 8)
        wanted = ITEM_DELIMITER if top.state == DATA_SET else SEQUENCE_DELIMITER
        if tag != wanted or top.defined:
            message = f"{format_tag(tag)} stands where nothing is to be delimited"
            self._fail(Fault.STRAY_DELIMITER, message, offset, tag)
        length: int = top.encoding.u32(self.data, offset - self.base + 4)[0]
        if length:
            message = f"the delimiter {format_tag(tag)} has length {length} instead of 0"
            self._fail(Fault.DELIMITER_LENGTH, message, offset)
        self._end_at(offset, tag, out)

    def _end_at(self, offset: int, delimiter: int, out: list[Element]) -> None:
        """Leave the container in hand, which the ``delimiter`` at ``offset`` ends."""
        self._leave()
        # A delimiter belongs to the item or sequence it ends, and stands at its depth.
        out.append((delimiter, "", offset, offset + 8, 0, self._around.depth))
        self.position = offset + 8

    def _check_header(self, tag: int, offset: int, value: int) -> None:
        """Fail where the header that begins at ``offset`` does not end before the container does."""
        limit = self._around.top.limit
        left = limit - offset
        if left < 8:
            message = f"{left} byte{'s are' if left > 1 else ' is'} left, too few for an element"
            self._fail(Fault.CUT_SHORT, message, offset)
        if value > limit:
            self._fail(Fault.CUT_SHORT, "the element's header is cut short", offset, tag)

    def _overrun(self, tag: int, offset: int, value: int, length: int) -> NoReturn:
        self._check_header(tag, offset, value)
        left = self._around.top.limit - value
        where = "item or sequence around it" if self._around.depth else "data set"
        message = f"length {length} exceeds the {left} bytes left in the {where}"
        self._fail(Fault.OVERRUN, message, offset, tag)

    def _fail(self, kind: Fault, message: str, offset: int, tag: int = ITEM) -> NoReturn:
        raise WalkError(kind, message, offset=offset, tag=tag, path=self._around.path(tag))

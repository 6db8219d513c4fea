"""The element walker for files as they are in the wild: it shows what can be read and says what is wrong.

Each fault that ends a strict walk becomes a Problem, with a way to go on: what overruns is cut at the end of
what is around it, a delimiter that is missing is taken as read, bytes that make no sense are passed over to
the end of the container in hand. Every such step moves on or leaves a container, so that walks end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.containers import DATA_SET, SEQUENCE
from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.element import NO_STOP, UNDEFINED, VR_CODES
from dcmtools.encoding.faults import Fault, WalkError
from dcmtools.encoding.problems import Problems
from dcmtools.encoding.syntax import IMPLICIT
from dcmtools.encoding.tags import ITEM, ITEM_DELIMITER, SEQUENCE_DELIMITER
from dcmtools.encoding.walker import Walker

if TYPE_CHECKING:
    from dcmtools.encoding.element import Element, Source
    from dcmtools.encoding.headers import Header
    from dcmtools.encoding.problems import Problem
    from dcmtools.encoding.syntax import Encoding

_CHUNK: Final = 64 * 1024
_ZEROS: Final = bytes(_CHUNK)


class LenientWalker(Walker):
    """A Walker that never fails for what it reads.

    ``problems`` holds the first of what was wrong so far, of the serious and of the others, ``serious`` how
    many of all were serious. What is merely unusual in elements that can be read is looked for unless
    ``notices`` is False: it takes time.
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
        """Walk as a Walker does."""
        super().__init__(source, start, end, encoding, first=first, stop=stop, shallow=shallow)
        self.notices = True
        self._problems = Problems()
        self._not_zero = -1  # where a byte is known to be none

    @property
    def problems(self) -> list[Problem]:
        """The first of what was wrong so far, of the serious and of the others."""
        return self._problems.found

    def read(self) -> list[Element]:
        """Return the elements of the next window; an empty list when the walk is over."""
        out: list[Element] = []
        fault: WalkError | None = None
        while True:
            try:
                if fault:
                    self._recover(fault, out)
                self._advance(out)
            except WalkError as error:  # one way to go on may lead to the next fault
                fault = error
                continue
            if self.notices:
                self._problems.look_over(out)
            return out

    def _learn(self, offset: int, headers: dict[bytes, Header]) -> Header:
        """Fail where nothing but zero bytes follow: they are padding, not elements (0000,0000)."""
        begin = offset - self.base
        if self.data[begin : begin + 8].count(0) == 8 and self._is_padding(offset):
            raise WalkError(Fault.PADDING, "", offset=offset, tag=0, path="")
        return super()._learn(offset, headers)

    def _is_padding(self, offset: int) -> bool:
        """Tell whether zero bytes are all there is up to the end of the container; look at each only once."""
        limit = self._around.top.limit
        # Where the high byte of a group comes first, one zero byte is an element cut short, too.
        if limit - offset < (2 if self._around.top.encoding.big else 1):
            return False
        while offset < limit:
            if offset <= self._not_zero < limit:
                break
            data = self.source.read(offset, min(_CHUNK, limit - offset))
            if data == _ZEROS[: len(data)]:  # by far the quickest to compare, and there may be gigabytes
                offset += len(data)
            else:
                self._not_zero = offset + len(data) - len(data.lstrip(b"\0"))
        return offset >= limit

    def _recover(self, error: WalkError, out: list[Element]) -> None:
        """Take note of ``error``, and go on where that makes sense."""
        offset, top = error.offset, self._around.top
        limit = top.limit
        self.position = offset
        unread = error.kind in (Fault.CUT_SHORT, Fault.BAD_VR)
        if error.kind == Fault.PADDING or (unread and self._is_padding(offset)):
            self.position = limit
            what = f"{limit - offset} zero bytes after the last element"
            self._problems.note(offset, "", what, serious=False)
            return
        self._problems.note(offset, error.path, error.what, serious=True)
        self.serious += 1
        if error.kind == Fault.OVERRUN:
            self._cut(offset, out)
        elif error.kind == Fault.BAD_VR:
            self._without_vr(offset, out)
        elif error.kind == Fault.NO_LENGTH and top.state == DATA_SET:
            self._without_length(offset, out)
        elif error.kind == Fault.NO_DELIMITER:
            self._leave()
        elif error.kind == Fault.DELIMITER_LENGTH:
            self._end_at(offset, ITEM_DELIMITER if top.state == DATA_SET else SEQUENCE_DELIMITER, out)
        elif error.kind in (Fault.STRAY_DELIMITER, Fault.NO_ITEM):
            self._stray(offset)
        elif error.kind == Fault.TOO_DEEP:
            self._pass_over(out[-1])
        else:
            self.position = limit

    def _cut(self, offset: int, out: list[Element]) -> None:
        """Walk the element or item at ``offset``, which claims more than there is, as far as there is."""
        top, depth = self._around.top, self._around.depth
        if top.state != DATA_SET:
            value = offset + 8
            out.append((ITEM, "", offset, value, top.limit - value, depth))
            if top.state == SEQUENCE:
                self._open(ITEM, DATA_SET, value, top.limit - value, top.encoding)
            else:
                self.position = top.limit
            return
        tag, vr, _ = self._learn(offset, top.encoding.headers)
        value = self._value_offset(offset, vr)
        length = top.limit - value
        vr = vr or self._implicit_vr(tag, value, length)
        out.append((tag, vr, offset, value, length, depth))
        if vr == "SQ":
            self._open(tag, SEQUENCE, value, length, top.encoding)
        else:
            self.position = top.limit

    def _without_vr(self, offset: int, out: list[Element]) -> None:
        """Walk the element at ``offset``, whose VR is none: as an implicit one, or as one of either form."""
        top, at = self._around.top, offset - self.base
        if self._looks_implicit(offset):
            top.encoding = IMPLICIT
            return
        group, number, _ = top.encoding.item(self.data, at)
        short = (offset + 8, top.encoding.u16(self.data, at + 6)[0])
        long = (offset + 12, top.encoding.u32(self.data, at + 8)[0])
        for value, length in (short, long):
            after = value + length
            if after == top.limit or (after + 8 <= top.limit and self._begins_element(after)):
                out.append((group << 16 | number, "UN", offset, value, length, self._around.depth))
                self.position = after
                return
        self.position = top.limit

    def _begins_element(self, offset: int) -> bool:
        """Tell whether an element with a VR, or a delimiter, begins at ``offset``."""
        head = self.value(offset, 8)
        return head[4:6] in VR_CODES or self._around.top.encoding.u16(head)[0] == 0xFFFE

    def _without_length(self, offset: int, out: list[Element]) -> None:
        """Walk the element at ``offset`` as a sequence if it has items, else to the end of what is around."""
        top = self._around.top
        tag, vr, _ = self._learn(offset, top.encoding.headers)
        value = self._value_offset(offset, vr)
        if value + 8 > top.limit or top.encoding.item(self.value(value, 8))[:2] != (0xFFFE, 0xE000):
            self._cut(offset, out)
            return
        out.append((tag, "SQ", offset, value, UNDEFINED, self._around.depth))
        self._open(tag, SEQUENCE, value, UNDEFINED, top.encoding)

    def _looks_implicit(self, offset: int) -> bool:
        """Tell whether the element at ``offset`` makes sense with an implicit VR."""
        encoding, at = self._around.top.encoding, offset - self.base
        if not encoding.explicit or encoding.big:
            return False
        group, number, length = encoding.item(self.data, at)
        known = lookup(group << 16 | number)[2] or group & 1
        return bool(known) and (length == UNDEFINED or offset + 8 + length <= self._around.top.limit)

    def _stray(self, offset: int) -> None:
        """Go on after a delimiter, an item or something else that stands where it should not."""
        top = self._around.top
        group, number, _ = top.encoding.item(self.data, offset - self.base)
        tag = group << 16 | number
        outer = self._around.outer.state
        if top.state == DATA_SET and not top.defined and outer == SEQUENCE and tag != ITEM_DELIMITER:
            self._leave()  # the item's own delimiter is missing
        elif top.state != DATA_SET and not top.defined and tag != ITEM_DELIMITER:
            self._leave()  # the sequence's delimiter is missing
        elif tag in (ITEM, ITEM_DELIMITER, SEQUENCE_DELIMITER):
            self.position = offset + 8
        else:
            self.position = top.limit

    def _pass_over(self, element: Element) -> None:
        """Leave out what is nested too deep; without a length, that is all the rest."""
        _, _, _, value, length, _ = element
        if length != UNDEFINED:
            self.position = value + length
            return
        while self.nested:
            self._leave()
        self.position = self._around.top.limit

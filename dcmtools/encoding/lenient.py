"""The element walker for files as they are in the wild: it shows what can be read and says what is wrong.

Each fault that ends a strict walk becomes a Problem, with a way to go on: what overruns is cut at the end of
what is around it, a delimiter that is missing is taken as read, bytes that make no sense are passed over to
the end of the container in hand. Every such step moves on or leaves a container, so that walks end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.faults import Fault, WalkError
from dcmtools.encoding.syntax import IMPLICIT
from dcmtools.encoding.tags import ITEM, ITEM_DELIMITER, SEQUENCE_DELIMITER, format_tag
from dcmtools.encoding.walker import DATA_SET, NO_STOP, SEQUENCE, UNDEFINED, VR_CODES, Element, Walker

if TYPE_CHECKING:
    from dcmtools.encoding.syntax import Encoding
    from dcmtools.encoding.walker import Source

MAX_PROBLEMS: Final = 100
_CHUNK: Final = 64 * 1024
_ITEMS: Final = 0xFFFE0000


class Problem(NamedTuple):
    """Something wrong in a data set, at ``offset`` bytes and in ``path``.

    A problem is ``serious`` where bytes could not be accounted for or a length was not lawful; what is
    merely unusual or retired is not.
    """

    offset: int
    path: str
    message: str
    serious: bool

    def __str__(self) -> str:
        """Return where and what, as one phrase."""
        where = f"offset {self.offset}, {self.path}" if self.path else f"offset {self.offset}"
        return f"{where}: {self.message}"


class LenientWalker(Walker):
    """A Walker that never fails for what it reads.

    ``problems`` holds the first of what was wrong so far, ``serious`` how many of all were serious. What is
    merely unusual in elements that can be read is looked for unless ``notices`` is False: it takes time.
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
        self.problems: list[Problem] = []
        self.serious = 0
        self.notices = True
        self._not_zero = -1  # where a byte is known to be none
        self._previous = (0, 0)

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
                self._look_over(out)
            return out

    def note(self, offset: int, path: str, message: str, *, serious: bool) -> None:
        """Add to ``problems``, of which only the first are kept."""
        self.serious += serious
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(offset, path, message, serious))

    def _look_over(self, elements: list[Element]) -> None:
        """Take note of what is unusual in elements that could be read."""
        depth, previous = self._previous
        for element in elements:
            tag = element[0]
            if element[4] & 1 or tag <= previous or not tag & 0xFFFF:
                self._look_at(element, depth, previous)
            depth, previous = element[5], tag
        self._previous = depth, previous

    def _look_at(self, element: Element, depth: int, previous: int) -> None:
        tag, vr, offset, _, length, own_depth = element
        if not vr:
            return
        path = format_tag(tag)
        if length & 1 and length != UNDEFINED:
            self.note(offset, path, f"odd length {length}", serious=False)
        if not tag & 0xFFFF:
            self.note(offset, path, "group lengths are retired", serious=False)
        if own_depth == depth and tag <= previous < _ITEMS:
            what = "stands twice" if tag == previous else f"stands after {format_tag(previous)}"
            self.note(offset, path, f"the element {what}", serious=False)

    def _learn(self, offset: int, headers: dict[bytes, tuple[int, str, int]]) -> tuple[int, str, int]:
        """Fail where nothing but zero bytes follow: they are padding, not elements (0000,0000)."""
        begin = offset - self.base
        if self.data[begin : begin + 8].count(0) == 8 and self._only_zeros(offset):
            raise WalkError(Fault.CUT_SHORT, "", offset=offset, tag=0, path="")
        return super()._learn(offset, headers)

    def _only_zeros(self, offset: int) -> bool:
        """Tell whether zero bytes are all there is up to the end of the container; look at each only once."""
        limit = self._top.limit
        while offset < limit:
            if offset <= self._not_zero < limit:
                break
            data = self.source.read(offset, min(_CHUNK, limit - offset))
            if rest := data.lstrip(b"\0"):
                self._not_zero = offset + len(data) - len(rest)
            else:
                offset += len(data)
        return offset >= limit

    def _recover(self, error: WalkError, out: list[Element]) -> None:
        """Take note of ``error``, and go on where that makes sense."""
        offset, limit = error.offset, self._top.limit
        self.position = offset
        # Where the high byte of a group comes first, one zero byte is an element cut short, too.
        least = 2 if self._top.encoding.big else 1
        unread = error.kind in (Fault.CUT_SHORT, Fault.BAD_VR) and limit - offset >= least
        if unread and self._only_zeros(offset):
            self.position = limit
            self.note(offset, "", f"{limit - offset} zero bytes after the last element", serious=False)
            return
        self.note(offset, error.path, error.what, serious=True)
        if error.kind == Fault.OVERRUN:
            self._cut(offset, out)
        elif error.kind == Fault.BAD_VR:
            self._without_vr(offset, out)
        elif error.kind == Fault.NO_LENGTH and self._top.state == DATA_SET:
            self._without_length(offset, out)
        elif error.kind == Fault.NO_DELIMITER:
            self._leave()
        elif error.kind == Fault.DELIMITER_LENGTH:
            tag = ITEM_DELIMITER if self._top.state == DATA_SET else SEQUENCE_DELIMITER
            self._leave()
            out.append((tag, "", offset, offset + 8, 0, len(self._stack) - 1))
            self.position = offset + 8
        elif error.kind in (Fault.STRAY_DELIMITER, Fault.NO_ITEM):
            self._stray(offset)
        elif error.kind == Fault.TOO_DEEP:
            self._pass_over(out[-1])
        else:
            self.position = limit

    def _cut(self, offset: int, out: list[Element]) -> None:
        """Walk the element or item at ``offset``, which claims more than there is, as far as there is."""
        top, depth = self._top, len(self._stack) - 1
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
        top, at = self._top, offset - self.base
        if self._looks_implicit(offset):
            top.encoding = IMPLICIT
            return
        group, number, _ = top.encoding.item(self.data, at)
        short = (offset + 8, top.encoding.u16(self.data, at + 6)[0])
        long = (offset + 12, top.encoding.u32(self.data, at + 8)[0])
        for value, length in (short, long):
            after = value + length
            if after == top.limit or (after + 8 <= top.limit and self._begins_element(after)):
                out.append((group << 16 | number, "UN", offset, value, length, len(self._stack) - 1))
                self.position = after
                return
        self.position = top.limit

    def _begins_element(self, offset: int) -> bool:
        """Tell whether an element with a VR, or a delimiter, begins at ``offset``."""
        head = self.value(offset, 8)
        return head[4:6] in VR_CODES or self._top.encoding.u16(head)[0] == 0xFFFE

    def _without_length(self, offset: int, out: list[Element]) -> None:
        """Walk the element at ``offset`` as a sequence if it has items, else to the end of what is around."""
        top = self._top
        tag, vr, _ = self._learn(offset, top.encoding.headers)
        value = self._value_offset(offset, vr)
        if value + 8 > top.limit or top.encoding.item(self.value(value, 8))[:2] != (0xFFFE, 0xE000):
            self._cut(offset, out)
            return
        out.append((tag, "SQ", offset, value, UNDEFINED, len(self._stack) - 1))
        self._open(tag, SEQUENCE, value, UNDEFINED, top.encoding)

    def _looks_implicit(self, offset: int) -> bool:
        """Tell whether the element at ``offset`` makes sense with an implicit VR."""
        encoding, at = self._top.encoding, offset - self.base
        if not encoding.explicit or encoding.big:
            return False
        group, number, length = encoding.item(self.data, at)
        known = lookup(group << 16 | number)[2] or group & 1
        return bool(known) and (length == UNDEFINED or offset + 8 + length <= self._top.limit)

    def _stray(self, offset: int) -> None:
        """Go on after a delimiter, an item or something else that stands where it should not."""
        top = self._top
        group, number, _ = top.encoding.item(self.data, offset - self.base)
        tag = group << 16 | number
        outer = self._stack[-2].state if len(self._stack) > 1 else DATA_SET
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
        self.position = self._top.limit

"""A walk over a data set that is not encoded as PS3.5 has it, where it is certain what is meant.

Beside the elements it yields ``mends``: what has to be changed around them. Whatever is not certain ends it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.containers import DATA_SET, FRAGMENTS, SEQUENCE
from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.element import LONG_VRS, UNDEFINED, VR_CODES
from dcmtools.encoding.faults import Fault, WalkError
from dcmtools.encoding.lenient import LenientWalker
from dcmtools.encoding.syntax import IMPLICIT
from dcmtools.encoding.tags import ITEM_DELIMITER, SEQUENCE_DELIMITER, is_private
from dcmtools.encoding.writing import delimiter
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.encoding.element import Element, Source
    from dcmtools.encoding.syntax import Encoding

MOST_ZEROS: Final = 64 * 1024
"""The most zero bytes behind the last element that are padding: of more, something may have been lost."""
_PADS: Final = (b"\0", b" ")


class Mend(NamedTuple):
    """Bytes from ``begin`` to ``after`` in the place of which ``new`` has to stand, and what that is about.

    ``depth`` counts the sequences and items around them.
    """

    begin: int
    after: int
    new: bytes
    depth: int
    path: str
    what: str


class MendingWalker(LenientWalker):
    """A walker that knows how some makers get it wrong.

    Elements are as they are meant. ``mends`` are due between those elements, in the order of the file;
    ``wrong`` tells, by its offset, what is wrong with the header of an element. Reading raises InputError
    for what cannot be repaired.
    """

    def __init__(self, source: Source, start: int, end: int, encoding: Encoding) -> None:
        """Walk the data set of ``source`` from ``start`` to ``end``."""
        super().__init__(source, start, end, encoding)
        self.notices = False
        self.mends: deque[Mend] = deque()
        self.wrong: dict[int, str] = {}
        self._odd: list[Element] = []  # one whose length may prove wrong
        self._ways = {
            Fault.OVERRUN: self._short_length,
            Fault.BAD_VR: self._other_vr,
            Fault.NO_LENGTH: self._as_sequence,
            Fault.NO_DELIMITER: self._ended_early,
            Fault.DELIMITER_LENGTH: self._clear_length,
            Fault.STRAY_DELIMITER: self._stray_delimiter,
            Fault.NO_ITEM: self._stray_delimiter,
        }

    def read(self) -> list[Element]:
        """Return the elements of the next window; an empty list when the walk is over."""
        out, self._odd = self._odd, []
        if out:  # a walk ends at each window that has brought something
            if self._last < self.position < self._end:
                self._fetch()
            self.order = self._around.top.encoding.order
        fault: WalkError | None = None
        while True:
            try:
                if fault:
                    self._recover(fault, out)
                    fault = None
                self._advance(out)
            except WalkError as error:
                fault = error
                continue
            if not self._finished and out and out[-1][1] and out[-1][4] & 1 and out[-1][4] != UNDEFINED:
                self._odd = [out.pop()]
                if not out:
                    return self.read()
            return out

    def _recover(self, error: WalkError, out: list[Element]) -> None:
        """Go on after ``error`` where it is certain what is meant; raise InputError where it is not."""
        offset = error.offset
        self.position = offset
        unread = error.kind in (Fault.CUT_SHORT, Fault.BAD_VR)
        if out and self._shifted(offset, out):
            return
        is_zeros = error.kind == Fault.PADDING or (unread and self._is_padding(offset))
        way = self._drop_zeros if is_zeros else self._ways.get(error.kind)
        if way is None or not way(error, out):
            raise InputError(f"cannot be repaired: {error.message}")

    def _mend(self, error: WalkError, begin: int, new: bytes, what: str, after: int = -1) -> None:
        """Have ``new`` stand at ``begin``, in the place of what is there up to ``after``."""
        # Fragments are no level of a rewriting, and delimiters stand behind what they end.
        outside = self._around.top.state == FRAGMENTS or error.kind == Fault.DELIMITER_LENGTH
        path = error.path or self._around.path(self._around.top.tag)
        after = begin if after < 0 else after
        self.mends.append(Mend(begin, after, new, self._around.depth - outside, path, what))

    # ---------------------------------------------------------------- lengths

    def _shifted(self, offset: int, out: list[Element]) -> bool:
        """Correct the length of the element before ``offset`` if it is wrong by a few bytes; tell whether."""
        tag, vr, at, value, length, depth = out[-1]
        if not vr or depth != self._around.depth or value + length != offset or not length & 1:
            return False
        if length == 13 and not self._around.top.encoding.explicit and self._begins(value + 10, tag):
            right, what = 10, "a length of 13 for a value of 10 bytes"
        elif self._ends(offset + 1, tag) and self.value(offset, 1) in _PADS:
            right, what = length + 1, f"the length {length} leaves out the byte of padding"
        else:
            return False
        out[-1] = (tag, vr, at, value, right, depth)
        self.wrong[at] = what
        self.position = value + right
        return True

    def _short_length(self, error: WalkError, out: list[Element]) -> bool:
        """Walk an element whose VR wants a length of 32 bits, and that has one of 16."""
        offset, encoding = error.offset, self._around.top.encoding
        head = self.value(offset, 8)
        vr = head[4:6].decode("latin-1")
        length = encoding.u16(head, 6)[0]
        if self._around.top.state != DATA_SET or not encoding.explicit:
            return False
        if vr not in LONG_VRS or vr == "SQ" or not length:
            return False
        if not self._ends(offset + 8 + length, error.tag):
            return False
        out.append((error.tag, vr, offset, offset + 8, length, self._around.depth))
        self.wrong[offset] = f"a length of 16 bits for VR {vr}"
        self.position = offset + 8 + length
        return True

    def _drop_zeros(self, error: WalkError, _out: list[Element]) -> bool:
        """Pass over zero bytes at the end of a data set or of an item of defined length."""
        offset, top = error.offset, self._around.top
        count = top.limit - offset
        if not top.defined or top.state != DATA_SET or count > MOST_ZEROS:
            message = f"{count} zero bytes are more than padding: what stood there is lost"
            raise InputError(f"cannot be repaired: offset {offset}: {message}")
        self._mend(error, offset, b"", f"{count} zero bytes behind the last element", top.limit)
        self.position = top.limit
        return True

    # ---------------------------------------------------------------- VRs

    def _other_vr(self, error: WalkError, out: list[Element]) -> bool:
        """Walk an element whose VR is none: as an implicit one, or as one of either form."""
        offset, top = error.offset, self._around.top
        if self._is_implicit(offset):
            top.encoding = IMPLICIT
            return True
        head = self.value(offset, min(12, top.limit - offset))
        short = (offset + 8, top.encoding.u16(head, 6)[0])
        long = (offset + 12, top.encoding.u32(head, 8)[0]) if len(head) == 12 else short
        fitting = [each for each in {short, long} if self._ends(sum(each), error.tag)]
        if len(fitting) != 1:
            return False
        value, length = fitting[0]
        vr = lookup(error.tag)[0]
        out.append(
            (error.tag, "UN" if " " in vr or vr == "SQ" else vr, offset, value, length, self._around.depth)
        )
        self.wrong[offset] = f"{head[4:6]!r} is no VR"
        self.position = value + length
        return True

    def _as_sequence(self, error: WalkError, out: list[Element]) -> bool:
        """Walk an element of undefined length as the sequence that it is, if it has items."""
        offset, top = error.offset, self._around.top
        value, item = offset + 12, top.encoding.item
        if top.state != DATA_SET or not top.encoding.explicit or value + 8 > top.limit:
            return False
        if item(self.value(value, 8))[:2] != (0xFFFE, 0xE000):
            return False
        out.append((error.tag, "SQ", offset, value, UNDEFINED, self._around.depth))
        self.wrong[offset] = f"VR {self.value(offset + 4, 2).decode('latin-1')} for a sequence"
        self._open(error.tag, SEQUENCE, value, UNDEFINED, top.encoding)
        return True

    def _is_implicit(self, offset: int) -> bool:
        """Tell whether the element at ``offset`` is one with an implicit VR, and one follows it."""
        encoding, limit = self._around.top.encoding, self._around.top.limit
        if not encoding.explicit or encoding.big:
            return False
        group, number, length = encoding.item(self.value(offset, 8))
        tag = group << 16 | number
        if not (lookup(tag)[2] or is_private(tag)):
            return False
        after = offset + 8 + length
        if length == UNDEFINED:
            return offset + 12 <= limit and self.value(offset + 8, 4) == b"\xfe\xff\x00\xe0"
        return after == limit or self._begins(after, tag, IMPLICIT)

    # ---------------------------------------------------------------- delimiters

    def _ended_early(self, error: WalkError, _out: list[Element]) -> bool:
        """Leave a container without delimiter where what is around it ends; a file may have been longer."""
        top = self._around.top
        missing = ITEM_DELIMITER if top.state == DATA_SET else SEQUENCE_DELIMITER
        return top.limit < self._end and self._add_delimiter(error, missing)

    def _add_delimiter(self, error: WalkError, missing: int) -> bool:
        """Leave the container in hand, whose delimiter is ``missing``."""
        offset, top = error.offset, self._around.top
        if error.kind == Fault.NO_ITEM and not self._begins(offset, top.tag):
            return False
        kind = "an item" if missing == ITEM_DELIMITER else "a sequence"
        what = f"no delimiter at the end of {kind}"
        self._mend(error, offset, delimiter(missing, top.encoding), what)
        self._leave()
        return True

    def _clear_length(self, error: WalkError, out: list[Element]) -> bool:
        offset, state = error.offset, self._around.top.state
        self._mend(error, offset + 4, bytes(4), "a delimiter with a length", offset + 8)
        self._end_at(offset, ITEM_DELIMITER if state == DATA_SET else SEQUENCE_DELIMITER, out)
        return True

    def _stray_delimiter(self, error: WalkError, _out: list[Element]) -> bool:
        """Go on after a delimiter that stands where none should, or before one that is missing."""
        offset, top = error.offset, self._around.top
        group, number, length = top.encoding.item(self.value(offset, 8))
        tag = group << 16 | number
        if top.state == FRAGMENTS:
            return error.kind == Fault.NO_ITEM and self._add_delimiter(error, SEQUENCE_DELIMITER)
        if not top.defined and tag != ITEM_DELIMITER:
            if top.state == DATA_SET and self._around.outer.state == SEQUENCE:
                return self._add_delimiter(error, ITEM_DELIMITER)
            return top.state == SEQUENCE and self._add_delimiter(error, SEQUENCE_DELIMITER)
        if tag not in (ITEM_DELIMITER, SEQUENCE_DELIMITER) or length:
            return False
        after = offset + 8
        if top.state == SEQUENCE:
            goes_on = after + 8 <= top.limit and top.encoding.item(self.value(after, 8))[:2] == (
                0xFFFE,
                0xE000,
            )
        else:
            goes_on = self._begins(after, 0)
        if not (top.defined and after == top.limit) and not goes_on:
            return False
        self._mend(error, offset, b"", "a delimiter where nothing is to be delimited", after)
        self.position = after
        return True

    # ---------------------------------------------------------------- what may stand where

    def _ends(self, offset: int, tag: int) -> bool:
        """Tell whether an element ``tag`` can end at ``offset``."""
        top = self._around.top
        return (offset == top.limit and top.defined) or self._begins(offset, tag)

    def _begins(self, offset: int, tag: int, encoding: Encoding | None = None) -> bool:
        """Tell whether what may follow the element ``tag`` begins at ``offset``."""
        top = self._around.top
        encoding = encoding or top.encoding
        if offset + 8 > top.limit:
            return False
        head = self.value(offset, 8)
        group, number, length = encoding.item(head)
        found = group << 16 | number
        if found == ITEM_DELIMITER:
            return not top.defined and length == 0
        if found <= tag or not (lookup(found)[2] or is_private(found)):
            return False
        if encoding.explicit:
            return head[4:6] in VR_CODES
        return bool(length == UNDEFINED or offset + 8 + length <= top.limit)

"""Elements of a data set rewritten at any depth: lengths around them put right, the rest left as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.editing.pieces import Pieces, Splice
from dcmtools.encoding.element import NO_STOP, UNDEFINED
from dcmtools.encoding.syntax import IMPLICIT
from dcmtools.encoding.tags import (
    DIGITAL_SIGNATURES,
    ITEM,
    LENGTH_TO_END,
    SEQUENCE_DELIMITER,
    format_tag,
    is_retired_length,
)
from dcmtools.encoding.writing import element as encoded
from dcmtools.errors import InputError
from dcmtools.files.part10 import Part10File

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from dcmtools.encoding.element import Element
    from dcmtools.encoding.syntax import Encoding
    from dcmtools.encoding.walker import Walker

_EVERY_GROUP: Final = -1
# Tag, offset and depth of what is being taken out.
_NOTHING: Final = (0, 0, NO_STOP)


class Container:
    """The data set, a sequence or an item that a walk stands in or has come to the end of.

    ``tag`` and ``depth`` are those of its element, 0 and -1 for the data set. ``encoding`` is the one of what
    it holds, ``order`` the byte order of its own header: a sequence under VR UN may have two (PS3.5 6.2.2).
    ``item`` is the number, in the file, of a sequence's item in hand, -1 before the first. ``end`` is the
    offset where what it holds has ended, -1 before.
    """

    def __init__(self, element: Element, encoding: Encoding, order: str) -> None:
        """Begin what ``element`` opens."""
        self.tag, _, _, self._value, self._length, self.depth = element
        self.encoding = encoding
        self.order = order
        self.item = -1
        self.end = -1
        self.grown = 0  # the number of bytes
        self._place = -1  # of its new length, where it needs one
        self._group = 0  # of the element in hand
        # Elements that say how long a group is: its number, and where they begin and end.
        self._group_lengths: list[tuple[int, int, int]] = []
        self.dropped: list[int] = []  # tags of those taken out

    def reach(self, group: int) -> None:
        """Take note of the group of the next element."""
        if group != self._group:
            self._group = group
            if self._group_lengths:
                self._group_lengths = [each for each in self._group_lengths if each[0] == _EVERY_GROUP]

    def keep_length(self, tag: int, begin: int, after: int) -> None:
        """Take note of an element that is wrong once something changes in its group, or behind it."""
        group = _EVERY_GROUP if tag == LENGTH_TO_END else tag >> 16
        if all(each[0] != group for each in self._group_lengths):  # a hostile file may have any number
            self._group_lengths.append((group, begin, after))
            if group == _EVERY_GROUP:  # Length to End is of all that follows, and is in a group itself
                self._group_lengths = [(group, *each[1:]) for each in self._group_lengths]

    def touched(self, pieces: Pieces, group: int = 0) -> None:
        """Prepare for a change in ``group``, by default in that of the element in hand.

        It comes before the change itself, as pieces are collected in the order of the file.
        """
        if self._place < 0 and self._length != UNDEFINED:
            self._place = pieces.replace(self._value - 4, self._value, bytes(4))
        if self._group_lengths:
            wrong = (group or self._group, _EVERY_GROUP)
            for _, begin, after in [each for each in self._group_lengths if each[0] in wrong]:
                pieces.replace(begin, after, b"")
                self.grown -= after - begin
            self.dropped += [
                LENGTH_TO_END if each[0] == _EVERY_GROUP else each[0] << 16
                for each in self._group_lengths
                if each[0] in wrong
            ]
            self._group_lengths = [each for each in self._group_lengths if each[0] not in wrong]

    def closed(self, pieces: Pieces) -> None:
        """Put its length right; raise InputError where no length is."""
        if self._place < 0:
            return
        length = self._length + self.grown
        if length >= UNDEFINED:
            message = f"{format_tag(self.tag)} would grow to {length} bytes, more than its length can tell"
            raise InputError(message)
        pieces.fill(self._place, length.to_bytes(4, "big" if self.order == ">" else "little"))


class Rewriting:
    """The data set of a file to be looked at and changed, in one walk.

    It is iterated over once. That yields each element and item, but for those in what was removed, and each
    Container when it ends, the data set last: the place for what is to be put in there. In between ``put``,
    ``remove`` and ``insert`` say what becomes of what was yielded last. In the end ``splice`` is the data set
    with the changes.

    ``levels`` are those that the walk stands in, the data set first. Elements are as the ``walker`` has them.
    Lengths that were defined are put right, those that were not stay undefined. Group lengths (gggg,0000) of
    groups in which something changes are left out, and so is Length to End: they are retired.
    """

    def __init__(
        self,
        file: Part10File,
        *,
        stop: int = NO_STOP,
        shallow: bool = False,
        walker: Walker | None = None,
        only: Collection[int] | None = None,
    ) -> None:
        """Prepare to walk the data set of ``file`` strictly, a LenientFile's too: look at its problems.

        A ``walker`` at its beginning goes in the place of the strict one.

        What follows the tag ``stop`` at the top is copied unseen; see Walker for ``shallow``. With ``only``
        those elements at the top are yielded, and others from the tag ``until`` on, but nothing in them. A
        deflated data set is inflated, and has to be deflated again or to go as explicit VR little endian.
        Raises what ``file.body`` does; iterating raises MalformedError where the walk does, and InputError
        where a length becomes too long to be told.
        """
        self.walker = walker or Part10File.walk(file, stop=stop, shallow=shallow)
        self._end = file.body().end
        self._pieces = Pieces(self.walker.position)
        start = self.walker.position
        root = (0, "", start, start, UNDEFINED, -1)
        self.levels = [Container(root, self.walker.encoding, self.walker.order)]
        self._events = self._walk()
        self._hand: Element | None = None  # what can be changed now
        self._place = start
        self._gone = _NOTHING  # what is being taken out
        self._over = False
        self._signed = False
        self._dropped: list[str] = []
        self._only = only
        self.until = NO_STOP

    def __iter__(self) -> Iterator[Element | Container]:
        """Go on with the walk."""
        return self._events

    def put(self, value: bytes) -> None:
        """Give the element in hand another value, in the file's encoding; an odd one is padded.

        Raises ValueError for what holds no value, InputError where it is too long for the VR.
        """
        tag, vr, at, begin, length, _ = self._taken()
        if not vr or vr == "SQ" or length == UNDEFINED:
            message = f"{format_tag(tag)} has no value to be replaced"
            raise ValueError(message)
        try:
            new = encoded(tag, vr, value, self.levels[-1].encoding)
        except ValueError as error:
            raise InputError(f"{format_tag(tag)}: {error}") from None
        self._replace(at, begin + length, new, tag >> 16)

    def remove(self) -> None:
        """Take out the element or item in hand, with all that is in it."""
        tag, _, at, value, length, depth = self._taken()
        self._gone = (tag, at, depth)
        if length != UNDEFINED:
            self._replace(at, value + length, b"", tag >> 16)

    def insert(self, new: bytes) -> None:
        """Put an element, or in a sequence items, before what is in hand; at the end of a level, behind all.

        Behind what is in hand it stands where that has been put or removed before.
        """
        if new:
            group = self.levels[-1].encoding.u16(new)[0]
            self._replace(self._place, self._place, new, group)

    def patch(self, begin: int, after: int, new: bytes) -> None:
        """Put ``new`` in the place of the bytes from ``begin`` to ``after``, of the level in hand.

        They are those of what is in hand or stand before it, behind the change before; what else is done to
        the element must be behind them.
        """
        self._replace(begin, after, new)

    def splice(self) -> Splice:
        """Return the data set with the changes, after walking what is left to be walked."""
        for _ in self._events:
            pass
        if not self._over:
            message = "the walk has failed"
            raise ValueError(message)
        return Splice(self.walker.source, self._pieces, signed=self._signed, dropped=self._dropped)

    def _walk(self) -> Iterator[Element | Container]:
        for element in self.walker if self._only is None else self._chosen(self._only):
            tag, vr, at, value, length, depth = element
            gone, begin, hidden = self._gone
            if depth > hidden:
                continue
            if not vr and tag != ITEM and depth == hidden:  # the delimiter of what is being taken out
                self._replace(begin, value, b"", gone >> 16)
                self._gone = _NOTHING
                continue
            while self.levels[-1].depth >= depth:
                yield from self._closed(at)
            if vr or tag == ITEM:
                self.levels[-1].item += self._is_item(element)
                self._hand, self._place, self._gone = element, at, _NOTHING
                yield element
                if self._gone is _NOTHING:
                    self._pass(element)
                elif self._only is not None and length != UNDEFINED:  # nothing that is in it will come
                    self._gone = _NOTHING
        while self.levels:
            yield from self._closed(self.walker.position)
        self._pieces.replace(self._end, NO_STOP, b"")
        self._over = True

    def _chosen(self, only: Collection[int]) -> Iterator[Element]:
        """Yield the elements at the top that there may be something to be done with, and their delimiters."""
        only = {*only, SEQUENCE_DELIMITER, DIGITAL_SIGNATURES}
        while elements := self.walker.read():
            if self.until == NO_STOP:
                elements = [each for each in elements if each[0] in only or not each[0] & 0xFFFF]
            for element in elements:
                tag = element[0]
                if (tag >= self.until or tag in only or not tag & 0xFFFF) and not element[5]:
                    yield element

    def _is_item(self, element: Element) -> bool:
        """Tell an item from other elements, and from a fragment."""
        return not element[1] and element[5] == self.levels[-1].depth + 1

    def _pass(self, element: Element) -> None:
        """Go on behind the header of ``element``, which opens a level, or behind it all."""
        tag, vr, at, value, length, _ = element
        top = self.levels[-1]
        if vr:
            top.reach(tag >> 16)
            self._signed |= tag == DIGITAL_SIGNATURES
        if vr == "SQ" or self._is_item(element):
            self.levels.append(Container(element, self._encoding_in(element), top.encoding.order))
        elif self._hand is element and is_retired_length(tag) and length != UNDEFINED:
            top.keep_length(tag, at, value + length)

    def _closed(self, at: int) -> Iterator[Container]:
        """Yield the level that ends at the offset ``at``."""
        level = self.levels[-1]
        level.end = at
        self._hand, self._place = None, at
        yield level
        self.levels.pop()
        level.closed(self._pieces)
        for tag in level.dropped:
            above = [f"{format_tag(each.tag)}[{each.item}]." for each in self.levels if each.item >= 0]
            self._dropped.append("".join(above) + format_tag(tag))
        if self.levels:
            self.levels[-1].grown += level.grown

    def _encoding_in(self, element: Element) -> Encoding:
        """Return the encoding of what is in a sequence or an item."""
        _, vr, at, *_ = element
        encoding = self.levels[-1].encoding
        if vr and encoding.explicit and self.walker.value(at + 4, 2) == b"UN":
            return IMPLICIT
        return encoding

    def _taken(self) -> Element:
        """Return what is in hand, which is not there for another change any more."""
        element, self._hand = self._hand, None
        if element is None:
            message = "there is no element in hand"
            raise ValueError(message)
        return element

    def _replace(self, begin: int, after: int, new: bytes, group: int = 0) -> None:
        *outer, top = self.levels
        for level in outer:
            level.touched(self._pieces)
        top.touched(self._pieces, group)
        self._pieces.replace(begin, after, new)
        top.grown += len(new) - (after - begin)

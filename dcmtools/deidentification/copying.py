"""A data set copied with changes: in runs, with the lengths around what changes put right.

It is for data sets of which much changes, many a time; ``editing.nested`` is for others.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from dcmtools.deidentification.draft import Draft
from dcmtools.encoding.element import NO_STOP, UNDEFINED
from dcmtools.encoding.tags import ITEM, SPECIFIC_CHARACTER_SET, format_tag
from dcmtools.encoding.values import effective_vr
from dcmtools.encoding.writing import element as written
from dcmtools.encoding.writing import padding
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dcmtools.deidentification.deciding import Context
    from dcmtools.deidentification.draft import Mark
    from dcmtools.deidentification.reading import Elements
    from dcmtools.encoding.element import Element
    from dcmtools.encoding.syntax import Encoding

LONGEST_CHARSET: Final = 1024
# What is known of tags where everything is to be looked at: nothing.
_VRS: Final[dict[int, str]] = {}
_SIZES: Final[dict[int, tuple[str, int]]] = {}
SEEN: Final = (_VRS.get, _SIZES.get, _VRS.get)


class Level:
    """The data set, a sequence or an item that the pass stands in."""

    __slots__ = (
        "charset", "concept", "context", "creators", "depth", "encoding", "group", "is_sequence", "item",
        "length", "mark", "order", "place", "size", "slow", "tag", "value",
    )  # fmt: skip

    def __init__(self, element: Element, context: Context, encoding: Encoding, outer: Level | None) -> None:
        """Begin what ``element`` opens."""
        self.tag, vr, _, self.value, self.length, self.depth = element
        self.is_sequence = vr == "SQ"
        self.context = context
        self.encoding = encoding
        self.order = outer.encoding.order if outer else encoding.order  # of its own length
        self.charset: bytes = outer.charset if outer else b""
        self.place = -1  # of that length in the draft, where there is one
        self.size = 0  # of the draft where the content begins
        self.item = -1
        self.creators: dict[int, str] = {}
        self.group: tuple[int, int, int, int, int] | None = (
            None  # number, place, bytes, size of draft, length
        )
        self.slow = False
        self.mark: Mark | None = None
        self.concept = ["", "", ""]  # of a content item: code value, scheme, value type


class Copying(ABC):
    """A pass over ``elements`` that copies what it is not told to leave out, into a draft.

    ``insertions`` are elements that are to be at the top, whatever is there.
    """

    def __init__(self, elements: Elements, root: Context) -> None:
        """Begin in front of the first element; the top is the place ``root``."""
        self.elements = elements
        self.insertions: Mapping[int, bytes] = {}
        self._root = root
        self._restart()

    def _restart(self, *, seeing: bool = False) -> None:
        """Begin again, ``seeing`` every element."""
        elements = self.elements
        root = Level(
            (0, "", elements.start, elements.start, UNDEFINED, -1), self._root, elements.encoding, None
        )
        self._draft = Draft(elements.source)
        self._top, self._levels = root, [root]
        self._data, self._base = b"", elements.start
        self._run = elements.start  # where what is to be copied next begins
        self._cuts: list[int] = []  # where what is left out begins and ends, in turns
        self._gone = NO_STOP  # the depth of what is being left out
        self._gone_open = False  # without length
        self._gone_charset = b""
        self._inserted = sorted(self.insertions, reverse=True)
        self._seeing = seeing
        self._looked()

    @abstractmethod
    def _note(self, element: Element, charset: bytes) -> None:
        """Take note of an element that goes, whose text is in ``charset``."""

    @abstractmethod
    def _closing(self, level: Level, at: int) -> None:
        """Do what is to be done where a level ends, at the offset ``at``."""

    @abstractmethod
    def _closed(self, level: Level) -> None:
        """Do what is to be done once a level has been left."""

    def _looked(self) -> None:
        """Put in reach of the loop what depends on where the pass stands."""
        top = self._top
        self._here = top.depth + 1
        self._due = self._inserted[-1] if self._inserted and top.depth < 0 else NO_STOP
        seen = self._seeing or top.slow or self._gone != NO_STOP
        context = top.context
        self._unseen = SEEN if seen else (context.kept.get, context.sized.get, context.dropped.get)

    def _raw(self, offset: int, length: int) -> bytes:
        begin = offset - self._base
        raw = self._data[begin : begin + length] if begin >= 0 else b""
        if len(raw) < length:
            raw = self.elements.source.read(offset, length)
        return raw

    def _flush(self, upto: int) -> None:
        """Copy what stays and has not been copied, up to an offset."""
        begin, length = self._run, upto - self._run
        if length <= 0:
            return
        self._draft.add(self._raw(begin, length))
        self._run = upto

    def _leave_out(self, element: Element) -> None:
        """Copy what comes before ``element``, and leave it out with all that is in it."""
        _, vr, at, value, length, depth = element
        self._flush(at)
        self._gone_open = length == UNDEFINED
        self._run = NO_STOP if self._gone_open else value + length
        self._cuts += (at, self._run)
        if vr == "SQ" or self._gone_open:
            self._gone, self._gone_charset = depth, self._top.charset
            self._looked()

    def _is_gone(self, element: Element) -> bool:
        """Tell whether an element is within what is left out, and note what it says; or end that."""
        tag, vr, _, value, length, depth = element
        if depth > self._gone:
            if vr and vr != "SQ":
                if tag == SPECIFIC_CHARACTER_SET:
                    self._gone_charset = self._raw(value, min(length, 1024))
                self._note(element, self._gone_charset)
            return True
        ends = self._gone_open and depth == self._gone and not vr and tag != ITEM
        if ends:
            self._cuts[-1] = self._run = value
        self._gone = NO_STOP
        self._looked()
        return ends

    def _opened(self, element: Element, context: Context, encoding: Encoding) -> Level:
        """Return the level that ``element`` opens, whose length, if it has one, may have to be put right."""
        level = Level(element, context, encoding, self._top)
        if level.length != UNDEFINED:
            self._flush(level.value)
            level.place = len(self._draft.data) - 4
            level.size = self._draft.size
        return level

    def _enter(self, level: Level) -> None:
        self._levels.append(level)
        self._top = level
        self._looked()

    def _close_down_to(self, depth: int, at: int) -> None:
        """Leave the levels that end at the offset ``at``, where an element of ``depth`` stands."""
        while self._top.depth >= depth:
            level = self._top
            self._closing(level, at)
            if level.group or level.place >= 0:
                self._flush(at)
                self._settle_group(level)
                self._put_length(level)
            self._levels.pop()
            self._top = self._levels[-1]
            self._closed(level)
        self._looked()

    def _put_length(self, level: Level) -> None:
        length = self._draft.size - level.size
        if level.place < 0 or length == level.length:
            return
        if length >= UNDEFINED:
            message = f"{format_tag(level.tag)} would grow to {length} bytes, more than its length can tell"
            raise InputError(message)
        self._draft.fill(level.place, length.to_bytes(4, "big" if level.order == ">" else "little"))

    def _group_length(self, element: Element) -> None:
        """Copy the length of a group, which may have to go once the group has been copied."""
        tag, at, value, length = element[0], *element[2:5]
        self._flush(at)
        if length != 4:
            self._run = value + length
            return
        raw = self._raw(at, value + length - at)
        self._settle_group(self._top)
        place = len(self._draft.data)
        self._draft.add(raw)
        told = int(self._top.encoding.u32(raw, len(raw) - 4)[0])
        self._top.group = (tag >> 16, place, len(raw), self._draft.size, told)
        self._top.slow = True
        self._run = value + length
        self._looked()

    def _settle_group(self, level: Level) -> None:
        """Take out the length of a group that is not that long any more: it is retired (PS3.5 7.2)."""
        if level.group:
            _, place, count, size, length = level.group
            level.group = None
            if self._draft.size - size != length:
                self._draft.cut(place, count)

    def _insert(self, upto: int, at: int) -> None:
        """Put in what is to stand in front of, or in the place of, the element ``upto`` at the top."""
        while self._inserted and self._inserted[-1] <= upto:
            self._flush(at)
            self._draft.add(self.insertions[self._inserted.pop()])
        self._looked()

    def _put(self, element: Element, new: bytes) -> None:
        """Put a value in the place of that of ``element``."""
        self._leave_out(element)
        self._draft.add(self._written(element[0], element[1], new))

    def _written(self, tag: int, vr: str, new: bytes) -> bytes:
        if vr == "UN" and len(new) & 1:
            new += padding(effective_vr(tag, vr), 1)
        try:
            return written(tag, vr, new, self._top.encoding)
        except ValueError as error:
            raise InputError(f"{format_tag(tag)}: {error}") from None

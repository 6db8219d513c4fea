"""What is wrong, or merely unusual, in a data set that is read all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.tags import format_tag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dcmtools.encoding.element import Element

MAX_PROBLEMS: Final = 100
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


class Problems:
    """The first problems of either kind, ``found`` in their order, and how many of all are ``serious``."""

    def __init__(self) -> None:
        """Begin with none."""
        self.found: list[Problem] = []
        self.serious = 0
        self._unusual = 0
        self._previous = (0, 0)

    def note(self, offset: int, path: str, message: str, *, serious: bool) -> None:
        """Take note of one; of each kind the first are kept, lest one hide the other."""
        self.serious += serious
        self._unusual += not serious
        if (self.serious if serious else self._unusual) <= MAX_PROBLEMS:
            self.found.append(Problem(offset, path, message, serious))

    def look_over(self, elements: Iterable[Element]) -> None:
        """Take note of what is unusual in the next elements that could be read."""
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

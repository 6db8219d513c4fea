"""A walk without what nobody asked to see: deep levels, private elements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.encoding.element import NO_STOP, UNDEFINED
from dcmtools.encoding.tags import is_private

if TYPE_CHECKING:
    from dcmtools.encoding.element import Element
    from dcmtools.encoding.walker import Walker
    from dcmtools.files.part10 import Part10File
    from dcmtools.inspection.options import DumpOptions


class Reading:
    """The elements of a file's data set that ``options`` ask for, one window at a time.

    Of what is at the deepest level shown ``delimiters`` are among them only if wanted: where values end.
    """

    def __init__(self, file: Part10File, options: DumpOptions, *, delimiters: bool = False) -> None:
        """Walk the data set of ``file``."""
        self.walker: Walker = file.walk(stop=options.stop)
        self._whole = options.private and options.depth is None
        self._private = options.private
        self._deepest = NO_STOP if options.depth is None else 2 * options.depth
        self._hides_ends = not delimiters
        self._hidden = NO_STOP  # the depth of the private element whose value is being passed over

    def read(self) -> list[Element]:
        """Return the next elements; an empty list when the walk is over."""
        while elements := self.walker.read():
            if self._whole:
                return elements
            if kept := [element for element in elements if self._keeps(element)]:
                return kept
        return []

    def _keeps(self, element: Element) -> bool:
        tag, vr, _, _, length, depth = element
        ends = vr == "" and not depth & 1  # delimiters stand at the depth of what they end
        if depth > self._hidden or (ends and depth == self._hidden):
            return False
        self._hidden = NO_STOP
        if depth > self._deepest or (ends and depth == self._deepest and self._hides_ends):
            return False
        if self._private or not is_private(tag) or depth & 1:
            return True
        if vr == "SQ" or length == UNDEFINED:
            self._hidden = depth
        return False

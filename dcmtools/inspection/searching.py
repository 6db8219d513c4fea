"""Chosen elements of a file as lines, and the bytes of one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dcmtools.encoding.element import NO_STOP, UNDEFINED
from dcmtools.encoding.tagpath import PathTracker
from dcmtools.files.answers import answer
from dcmtools.files.depths import track
from dcmtools.files.values import named_in_meta
from dcmtools.inspection.filtering import Reading
from dcmtools.inspection.lines import LineWriter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmtools.encoding.element import Element
    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.encoding.walker import Walker
    from dcmtools.files.part10 import Part10File
    from dcmtools.inspection.options import DumpOptions
    from dcmtools.results import Result

_TAG_LENGTH = len("(gggg,eeee)")


def search(path: str, file: Part10File, options: DumpOptions, title: list[str]) -> Result:
    """Show the elements searched for; a sequence that is found is shown with what it holds."""
    writer = LineWriter(options.style, options.decode)
    lines: list[str] = []
    found: set[TagPath] = set()
    for (element, _), line in zip(file.meta, writer.meta(file.meta), strict=True):
        if hits := named_in_meta(element[0], options.search):
            found.update(hits)
            lines.append(line)
    reading = Reading(file, options)
    finder = Finder(reading.walker, options.search, found, first=options.first)
    while elements := reading.read():
        for element, line in zip(elements, writer.lines(elements, reading.walker), strict=True):
            if finder.shows(element):
                lines.append(finder.with_path(element, line) if options.paths else line)
    absent = [wanted for wanted in options.search if wanted not in found]
    titled = lines or options.titles == "always"
    text = "\n".join([*title, *lines, ""]) if titled else None
    return answer(file, path, {"file": path}, text, absent)


class Finder:
    """Tells, fed with each element of a walk, which ones to show: those named and what stands inside."""

    def __init__(
        self, walker: Walker, paths: Sequence[TagPath], found: set[TagPath], *, first: bool = False
    ) -> None:
        """Look for ``paths``, each only once if the ``first`` is enough, and add them to ``found``."""
        self._found = found
        self._first = first
        self._hit = False
        self._walker = walker
        self._paths = paths
        self._tracker = PathTracker()
        self._inside = NO_STOP  # the depth of the sequence that is shown whole

    def shows(self, element: Element) -> bool:
        """Take note of ``element`` and tell whether to show it."""
        _, vr, _, _, length, depth = element
        track(self._tracker, element, self._walker)
        hits = self._hits(element)
        self._found.update(hits)
        self._hit = bool(hits)
        if depth > self._inside:
            return True
        if vr == "":  # a delimiter at the depth of the sequence is the sequence's own
            own = depth == self._inside
            self._inside = NO_STOP
            return own
        self._inside = depth if hits and (vr == "SQ" or length == UNDEFINED) else NO_STOP
        return bool(hits)

    def _hits(self, element: Element) -> list[TagPath]:
        """Return the paths that name ``element``; a single tag does so at any depth."""
        tag, vr, _, _, _, depth = element
        if depth & 1 or vr == "":
            return []
        paths = [path for path in self._paths if not (self._first and path in self._found)]
        return [path for path in paths if self._names(path, tag, depth)]

    def with_path(self, element: Element, line: str) -> str:
        """Return the line of a hit with its path in the place of its tag."""
        if not self._hit:
            return line
        before, _, behind = line.partition("(")
        path = self._tracker.path_of(element[0], element[5])
        return re.sub(" +", " ", before).lstrip() + path + behind[_TAG_LENGTH - 1 :]

    def _names(self, path: TagPath, tag: int, depth: int) -> bool:
        if len(path.steps) > 1:
            return self._tracker.at(path, tag, depth)
        step = path.steps[0]
        return step.matches(tag, self._tracker.creator(tag, depth) if step.creator else "")

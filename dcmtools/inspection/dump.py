"""What is in a file: every element as a line, chosen ones, bare values, or the JSON model."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.charset import DEFAULT, decoder_of
from dcmtools.encoding.tagpath import PathTracker
from dcmtools.encoding.tags import SPECIFIC_CHARACTER_SET, is_private
from dcmtools.encoding.uids import uid_name
from dcmtools.encoding.values import BULK_VRS, effective_vr
from dcmtools.encoding.walker import NO_STOP, UNDEFINED
from dcmtools.errors import CheckFailed, InputError, MalformedError
from dcmtools.escaping import escape
from dcmtools.files.inputs import for_each
from dcmtools.files.part10 import Part10File
from dcmtools.inspection.lines import LineWriter
from dcmtools.inspection.showing import bare_value
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dcmtools.encoding.charset import Decoder
    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.encoding.walker import Element, Walker
    from dcmtools.errors import DcmtoolsError

VALUE_COLUMNS: Final = 40
MAX_BARE_BULK: Final = 1024 * 1024
MAX_BARE: Final = 64 * 1024 * 1024
_MAX_CHARSET: Final = 1024


class DumpOptions(NamedTuple):
    """What to show of each file.

    ``search`` shows only the elements named, a single tag at any depth; ``values`` only bare values, each
    path from the top of the data set; ``structured`` the JSON model; ``aligned`` pads values to columns.
    """

    search: tuple[TagPath, ...] = ()
    values: tuple[TagPath, ...] = ()
    structured: bool = False
    aligned: bool = False


def dump(paths: Sequence[str], options: DumpOptions) -> Iterator[Result]:
    """Yield one result per file below ``paths``; each is titled where there may be several."""
    titled = len(paths) != 1 or os.path.isdir(paths[0])

    def one(path: str) -> Result:
        title = [f"# {escape(path)}"] if titled else []
        with Part10File.open(path) as file:
            if options.values:
                return _values(path, file, options.values)
            if options.structured:
                return _structured(path, file, options.search)
            if options.search:
                return _search(path, file, options, title)
            return _whole(path, file, options, title)

    return for_each(paths, one)


def _whole(path: str, file: Part10File, options: DumpOptions, title: list[str]) -> Result:
    writer = LineWriter(VALUE_COLUMNS if options.aligned else 0)
    syntax = escape(uid_name(file.transfer_syntax))
    pieces = [*title, "# File meta information", *writer.meta(file.meta), "", f"# Data set, {syntax}"]
    walker = file.walk()
    while elements := walker.read():
        pieces.append("\n".join(writer.lines(elements, walker)))
    pieces.append("")
    return Result(path, {"file": path}, text="\n".join(pieces))


def _structured(path: str, file: Part10File, wanted: tuple[TagPath, ...]) -> Result:
    from dcmtools.encoding.jsonmodel import json_model
    from dcmtools.inspection.selecting import select

    model = json_model(file.walk())
    absent: list[TagPath] = []
    if wanted:
        model, found = select(model, wanted)
        absent = [one for one in wanted if one not in found]
    record = {"file": path, "transfer_syntax": file.transfer_syntax, "dataset": model}
    return _answer(path, record, None, absent, "data set")


def _answer(
    path: str,
    record: Mapping[str, object],
    text: str | None,
    absent: list[TagPath],
    where: str = "file",
) -> Result:
    """Return what was found, as a failure that names what was not if anything was not."""
    if not absent:
        return Result(path, record, text=text)
    verb = "is" if len(absent) == 1 else "are"
    error = CheckFailed(f"{', '.join(map(str, absent))} {verb} not in this {where}")
    return Result(path, record, Outcome.FAILED, text=text, error=error)


def _search(path: str, file: Part10File, options: DumpOptions, title: list[str]) -> Result:
    """Show the elements searched for; a sequence that is found is shown with what it holds."""
    writer = LineWriter(VALUE_COLUMNS if options.aligned else 0)
    lines: list[str] = []
    found: set[TagPath] = set()
    for (element, _), line in zip(file.meta, writer.meta(file.meta), strict=True):
        if hits := _named_in_meta(element[0], options.search):
            found.update(hits)
            lines.append(line)
    walker = file.walk()
    finder = _Finder(walker, options.search)
    while elements := walker.read():
        for element, line in zip(elements, writer.lines(elements, walker), strict=True):
            if finder.shows(element):
                lines.append(line)
    found |= finder.found
    absent = [wanted for wanted in options.search if wanted not in found]
    text = "\n".join([*title, *lines, ""]) if lines else None
    return _answer(path, {"file": path}, text, absent)


def _named_in_meta(tag: int, paths: Sequence[TagPath]) -> list[TagPath]:
    return [path for path in paths if len(path.steps) == 1 and path.steps[0].matches(tag, "")]


class _Finder:
    """Tells, fed with each element of a walk, which ones to show: those named and what stands inside."""

    def __init__(self, walker: Walker, paths: Sequence[TagPath]) -> None:
        self.found: set[TagPath] = set()
        self._walker = walker
        self._paths = paths
        self._tracker = PathTracker()
        self._inside = NO_STOP  # the depth of the sequence that is shown whole

    def shows(self, element: Element) -> bool:
        """Take note of ``element`` and tell whether to show it."""
        _, vr, _, _, length, depth = element
        _track(self._tracker, element, self._walker)
        hits = self._hits(element)
        self.found.update(hits)
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
        return [path for path in self._paths if self._names(path, tag, depth)]

    def _names(self, path: TagPath, tag: int, depth: int) -> bool:
        if len(path.steps) > 1:
            return self._tracker.at(path, tag, depth)
        step = path.steps[0]
        return step.matches(tag, self._tracker.creator(tag, depth) if step.creator else "")


def _track(tracker: PathTracker, element: Element, walker: Walker) -> None:
    tag, vr, _, offset, length, depth = element
    if depth & 1 or vr == "SQ" or length == UNDEFINED:
        tracker.enter(tag, vr, depth)
    elif is_private(tag) and 0x10 <= tag & 0xFFFF <= 0xFF:
        tracker.reserve(tag, depth, walker.value(offset, min(length, 64)).decode("latin-1").strip(" \0"))


def _values(path: str, file: Part10File, wanted: tuple[TagPath, ...]) -> Result:
    """Show bare values, one line for each hit in the order asked for; what is absent fails the file."""
    error: DcmtoolsError | None = None
    hits = _bare_values(file, wanted, max(found.last_top_tag for found in wanted) + 1)
    if not all(hits.values()):  # before it is called absent: elements may be out of order
        try:
            hits = _bare_values(file, wanted, NO_STOP)
        except MalformedError as broken:
            error = broken
    text = "".join(f"{value}\n" for found in wanted for value in hits[found])
    record = {"file": path, "values": {str(found): values for found, values in hits.items()}}
    if error:
        return Result(path, record, Outcome.FAILED, text=text, error=error)
    return _answer(path, record, text, [found for found, values in hits.items() if not values])


def _bare_values(file: Part10File, wanted: Sequence[TagPath], stop: int) -> dict[TagPath, list[str]]:
    hits: dict[TagPath, list[str]] = {found: [] for found in wanted}
    for (tag, vr, _, _, _, _), raw in file.meta:
        for found in _named_in_meta(tag, wanted):
            hits[found].append(bare_value(tag, vr, raw, "<", DEFAULT))
    walker = file.walk(stop=stop)
    tracker = PathTracker()
    decoders = [DEFAULT]
    while elements := walker.read():
        for element in elements:
            tag, _, _, offset, length, depth = element
            level = depth >> 1
            del decoders[level + 1 :]
            while len(decoders) <= level:
                decoders.append(decoders[-1])
            if tag == SPECIFIC_CHARACTER_SET and length <= _MAX_CHARSET:
                decoders[level] = decoder_of(walker.value(offset, length))
            _track(tracker, element, walker)
            for found in wanted:
                if tracker.at(found, tag, depth):
                    hits[found].append(_bare(element, walker, decoders[level]))
    return hits


def _bare(element: Element, walker: Walker, decode: Decoder) -> str:
    tag, vr, _, offset, length, _ = element
    if vr == "SQ" or length == UNDEFINED:
        return "(sequence)" if vr == "SQ" else "(encapsulated)"
    if length > (MAX_BARE_BULK if effective_vr(tag, vr) in BULK_VRS else MAX_BARE):
        raise InputError(f"offset {offset}: a value of {length} bytes is too long to be printed")
    return bare_value(tag, vr, walker.value(offset, length), walker.order, decode)

"""What is in a file: every element as a line, chosen ones, bare values, or the JSON model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dcmtools.data.uids import UIDS
from dcmtools.encoding.charset import DEFAULT, decoder_of
from dcmtools.encoding.tagpath import PathTracker
from dcmtools.encoding.tags import SPECIFIC_CHARACTER_SET, is_private
from dcmtools.encoding.walker import NO_STOP, UNDEFINED
from dcmtools.errors import CheckFailed
from dcmtools.escaping import escape
from dcmtools.files.inputs import for_each
from dcmtools.files.part10 import Part10File
from dcmtools.inspection.lines import LineWriter, show_value
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dcmtools.encoding.charset import Decoder
    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.encoding.walker import Element, Walker

VALUE_COLUMNS: Final = 40


@dataclass(frozen=True, slots=True)
class DumpOptions:
    """What to show of each file.

    ``search`` shows only the elements named, a single tag at any depth; ``values`` only bare values, each
    path from the top of the data set; ``structured`` the JSON model; ``aligned`` pads values to columns, ``titled`` names each file.
    """

    search: tuple[TagPath, ...] = ()
    values: tuple[TagPath, ...] = ()
    structured: bool = False
    aligned: bool = False
    titled: bool = False


def dump(paths: Sequence[str], options: DumpOptions) -> Iterator[Result]:
    """Yield one result per file below ``paths``."""

    def one(path: str) -> Result:
        with Part10File.open(path) as file:
            if options.values:
                return _values(path, file, options.values)
            if options.structured:
                return _structured(path, file)
            if options.search:
                return _search(path, file, options)
            return _whole(path, file, options)

    return for_each(paths, one)


def _title(path: str, options: DumpOptions) -> list[str]:
    return [f"# {escape(path)}"] if options.titled else []


def _whole(path: str, file: Part10File, options: DumpOptions) -> Result:
    writer = LineWriter(VALUE_COLUMNS if options.aligned else 0)
    lines = [*_title(path, options), "# File meta information"]
    lines += writer.meta(file.meta)
    name = UIDS.get(file.transfer_syntax, (file.transfer_syntax, ""))[0]
    lines += ["", f"# Data set, {escape(name)}"]
    walker = file.walk()
    while elements := walker.read():
        lines += writer.lines(elements, walker)
    lines.append("")
    return Result(path, {"file": path}, text="\n".join(lines))


def _structured(path: str, file: Part10File) -> Result:
    from dcmtools.encoding.jsonmodel import json_model

    record = {"file": path, "transfer_syntax": file.transfer_syntax, "dataset": json_model(file.walk())}
    return Result(path, record)


def _search(path: str, file: Part10File, options: DumpOptions) -> Result:
    """Show the elements searched for; a sequence that is found is shown with what it holds."""
    writer = LineWriter(VALUE_COLUMNS if options.aligned else 0)
    anywhere = {found.steps[0].tag for found in options.search if len(found.steps) == 1}
    lines = [
        line
        for element, line in zip(file.meta, writer.meta(file.meta), strict=True)
        if element[0][0] in anywhere
    ]
    walker = file.walk()
    tracker = PathTracker()
    inside = NO_STOP
    while elements := walker.read():
        shown = writer.lines(elements, walker)
        for element, line in zip(elements, shown, strict=True):
            depth = element[5]
            if depth <= inside:
                inside = NO_STOP
                if not _hit(tracker, element, walker, options.search):
                    continue
                inside = depth if element[1] == "SQ" else NO_STOP
            else:
                _hit(tracker, element, walker, ())
            lines.append(line)
    if not lines:
        wanted = ", ".join(str(found) for found in options.search)
        return Result.failed(path, CheckFailed(f"{wanted} is not in this file"), {"file": path})
    return Result(path, {"file": path}, text="\n".join([*_title(path, options), *lines, ""]))


def _hit(tracker: PathTracker, element: Element, walker: Walker, paths: tuple[TagPath, ...]) -> bool:
    """Feed ``element`` to the tracker and tell whether one of ``paths`` names it."""
    tag, vr, _, offset, length, depth = element
    if depth & 1 or vr in ("", "SQ"):
        tracker.enter(tag, vr, depth)
        if depth & 1 or vr == "":
            return False
    if is_private(tag) and 0x10 <= tag & 0xFFFF <= 0xFF:
        tracker.reserve(tag, depth, walker.value(offset, min(length, 64)).decode("latin-1").strip(" \0"))
    for path in paths:
        if len(path.steps) == 1:
            step = path.steps[0]
            if step.matches(tag, tracker.creator(tag, depth) if step.creator else ""):
                return True
        elif tracker.at(path, tag, depth):
            return True
    return False


def _values(path: str, file: Part10File, wanted: tuple[TagPath, ...]) -> Result:
    """Show bare values, one line for each hit in the order asked for; what is absent fails the file."""
    hits: dict[TagPath, list[str]] = {found: [] for found in wanted}
    for (tag, vr, _, _, _, _), raw in file.meta:
        for found in wanted:
            if len(found.steps) == 1 and found.steps[0].tag == tag:
                hits[found].append(show_value(tag, vr, raw, "<", DEFAULT, bare=True))
    walker = file.walk(stop=max(found.last_top_tag for found in wanted) + 1)
    tracker = PathTracker()
    decoders = [DEFAULT]
    while elements := walker.read():
        for element in elements:
            tag, vr, _, offset, length, depth = element
            level = depth >> 1
            del decoders[level + 1 :]
            while len(decoders) <= level:
                decoders.append(decoders[-1])
            if tag == SPECIFIC_CHARACTER_SET:
                decoders[level] = decoder_of(walker.value(offset, length))
            _hit(tracker, element, walker, ())
            for found in wanted:
                if tracker.at(found, tag, depth):
                    hits[found].append(_bare(element, walker, decoders[level]))
    absent = [str(found) for found, values in hits.items() if not values]
    text = "".join(f"{value}\n" for found in wanted for value in hits[found])
    record = {"file": path, "values": {str(found): values for found, values in hits.items()}}
    if absent:
        error = CheckFailed(f"{', '.join(absent)} is not in this file")
        return Result(path, record, Outcome.FAILED, text=text, error=error)
    return Result(path, record, text=text)


def _bare(element: Element, walker: Walker, decode: Decoder) -> str:
    tag, vr, _, offset, length, _ = element
    if vr == "SQ" or length == UNDEFINED:
        return "(sequence)" if vr == "SQ" else "(encapsulated)"
    return show_value(tag, vr, walker.value(offset, length), walker.encoding.order, decode, bare=True)

"""What is in a file: every element as a line, chosen ones, bare values, or the JSON model."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dcmtools.encoding.uids import uid_name
from dcmtools.errors import UsageError
from dcmtools.escaping import escape
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.inputs import for_each
from dcmtools.files.part10 import Part10File
from dcmtools.inspection.answers import answer
from dcmtools.inspection.filtering import Reading
from dcmtools.inspection.lines import LineWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.inspection.options import DumpOptions
    from dcmtools.results import Result


def dump(paths: Sequence[str], options: DumpOptions) -> Iterator[Result]:
    """Yield one result per file below ``paths``; each is titled where there may be several."""
    several = len(paths) != 1 or os.path.isdir(paths[0])
    if options.raw and several:
        raise UsageError("--raw takes one file", hint="for several, --value shows the element of each")
    titled = several or options.titles != "auto"
    kind = Part10File if options.strict else LenientFile

    def one(path: str) -> Result:
        title = [f"# {escape(path)}"] if titled else []
        with kind.open(path, options.syntax) as file:
            if isinstance(file, LenientFile):
                file.notices = options.notices
            return _one(path, file, options, title)

    return for_each(paths, one)


def _one(path: str, file: Part10File, options: DumpOptions, title: list[str]) -> Result:
    if options.raw:
        from dcmtools.inspection.bare import raw_value

        return raw_value(path, file, options.raw)
    if options.values:
        from dcmtools.inspection.bare import values

        return values(path, file, options.values, options.decode)
    if options.structured:
        return _structured(path, file, options)
    if options.search:
        from dcmtools.inspection.searching import search

        return search(path, file, options, title)
    return _whole(path, file, options, title)


def _whole(path: str, file: Part10File, options: DumpOptions, title: list[str]) -> Result:
    writer = LineWriter(options.style, options.decode)
    syntax = escape(uid_name(file.transfer_syntax)) or "no transfer syntax"
    pieces = [*title, "# File meta information", *writer.meta(file.meta), "", f"# Data set, {syntax}"]
    reading = Reading(file, options)
    walker = reading.walker
    while elements := reading.read():
        pieces.append("\n".join(writer.lines(elements, walker)))
    pieces.append("")
    return answer(file, path, {"file": path}, "\n".join(pieces))


def _structured(path: str, file: Part10File, options: DumpOptions) -> Result:
    from dcmtools.encoding.jsonmodel import json_model
    from dcmtools.inspection.selecting import select

    reading = Reading(file, options)
    model = json_model(reading.walker, reading.read, options.decode)
    absent: list[TagPath] = []
    if options.search:
        model, found = select(model, options.search)
        absent = [one for one in options.search if one not in found]
    record = {"file": path, "transfer_syntax": file.transfer_syntax, "dataset": model}
    return answer(file, path, record, None, absent, "data set")

"""What is in a file: every element as a line, chosen ones, bare values, or the JSON model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.encoding.uids import uid_name
from dcmtools.errors import UsageError
from dcmtools.escaping import escape
from dcmtools.files.answers import answer
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.inputs import DIRECTORIES_TOO
from dcmtools.files.part10 import Part10File
from dcmtools.files.work import for_each
from dcmtools.inspection.filtering import Reading
from dcmtools.inspection.lines import LineWriter
from dcmtools.selection.where import chosen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.files.inputs import Input
    from dcmtools.files.paths import Paths
    from dcmtools.files.source import FileSource
    from dcmtools.inspection.options import DumpOptions
    from dcmtools.results import Result


def dump(paths: Paths, options: DumpOptions, jobs: int = 1) -> Iterator[Result]:
    """Yield one result per file below ``paths``, from up to ``jobs`` processes.

    Each is titled where there may be several.
    """
    several = paths.several
    kind = Part10File if options.strict else LenientFile

    def one(item: Input) -> Result:
        _check_raw(options, several=bool(item.folder))
        titled = several or item.folder or options.titles != "auto"
        title = [f"# {escape(item.path)}"] if titled else []
        # No URI leads into an archive.
        fitting = options._replace(located=False) if item.archive else options
        with item.open() as source:
            file = kind(source, options.syntax)
            if isinstance(file, LenientFile):
                file.notices, file.verbose = options.notices, options.verbose
            return _one(item.path, file, fitting, title)

    def opened(source: FileSource) -> Part10File:
        file = kind(source, options.syntax)
        if isinstance(file, LenientFile):
            file.notices = False
        return file

    _check_raw(options, several=several)
    return for_each(paths, chosen(one, options.where, opened, options.decode), jobs, sought=DIRECTORIES_TOO)


def _check_raw(options: DumpOptions, *, several: bool) -> None:
    if options.raw and several:
        raise UsageError("--raw takes one file", hint="for several, --value shows the element of each")


def _one(path: str, file: Part10File, options: DumpOptions, title: list[str]) -> Result:
    if options.raw:
        from dcmtools.inspection.bare import raw_value

        return raw_value(path, file, options.raw)
    if options.values:
        from dcmtools.inspection.bare import values

        return values(path, file, options.values, options.decode)
    if options.structured:
        from dcmtools.inspection.modelling import structured

        return structured(path, file, options)
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

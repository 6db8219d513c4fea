"""The files that a DICOMDIR names, where it is given to a command that works on DICOM files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from dcmtools.errors import DamagedError, InputError
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.directory import Directory, is_directory
from dcmtools.files.file_ids import shown
from dcmtools.files.inputs import Input, failed
from dcmtools.files.medium import Medium
from dcmtools.results import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dcmtools.files.directory_records import Record

_LOST: Final = "encoding"  # the one kind of problem by which records may be lost
_HINT: Final = "'dcmtools dicomdir verify' tells what is wrong with it"


def medium_of(path: str) -> Medium | None:
    """Return the medium that a DICOMDIR at ``path`` is of; None where there is none that can be read."""
    try:
        medium = Medium.at(path)
        with medium.directory_item.open() as source:
            return medium if is_directory(LenientFile(source)) else None
    except (InputError, OSError):
        return None


def referenced(
    medium: Medium, chosen: Callable[[Directory, Record], bool] | None = None
) -> Iterator[Input | Result]:
    """Yield the files that the records of the medium name, in their order, each once, if it is ``chosen``.

    Those that are missing, or that could lead out of the medium, become failed results. So does the DICOMDIR
    itself where records may be lost; what else is wrong with it is said in a skipped result, not counted.
    """
    item = medium.directory_item
    try:
        with Directory.of(item.open()) as directory:
            yield from _files(medium, directory, chosen)
            for record in directory.nameless():
                if not chosen or chosen(directory, record):
                    what = f"record {record.number} ({record.type[:40]})"
                    error = InputError(f"{what} names no file, or none that could be one", hint=_HINT)
                    yield failed(item.path, error)
            yield from _remarks(item.path, directory)
    except (InputError, OSError) as error:
        yield failed(item.path, error)


def _files(
    medium: Medium, directory: Directory, chosen: Callable[[Directory, Record], bool] | None
) -> Iterator[Input | Result]:
    met = set()
    for record in directory.instances():
        if chosen and not chosen(directory, record):
            continue
        try:
            item = medium.find(record.file_id)
        except (InputError, OSError) as error:
            yield failed(f"{medium.folder}{os.sep}{shown(record.file_id)}", error)
            continue
        if item.path not in met:
            met.add(item.path)
            yield item._replace(named=True)


def _remarks(path: str, directory: Directory) -> Iterator[Result]:
    problems = directory.problems
    if lost := [problem.message for problem in problems if problem.kind == _LOST]:
        yield Result.failed(path, DamagedError(f"records may be lost: {lost[0]}", hint=_HINT), {"file": path})
    elif problems:
        count = len(problems) + directory.more
        note = f"{count} fault{'s' if count > 1 else ''} passed over: {problems[0].message}"
        yield Result.skipped(path, note, {"file": path})._replace(counted=False)
    if inactive := directory.tree.inactive.count(1):
        note = f"{inactive} records are not in use"
        yield Result.skipped(path, note, {"file": path})._replace(counted=False)

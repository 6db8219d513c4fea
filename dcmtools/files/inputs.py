"""Finding the inputs of a command: files, folders, standard input."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from dcmtools.errors import InputError, Unsuitable
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

STDIN = "-"


class Input(NamedTuple):
    """A path to work on; ``folder`` is the argument it was found below, empty where it was named itself."""

    path: str
    folder: str = ""


def find(paths: Iterable[str]) -> Iterator[Input | Result]:
    """Yield the inputs that ``paths`` name, folders searched through in the order of their names.

    Links to folders are followed only where they are named; links found in a folder are followed to files.
    What cannot be listed becomes a failed result.
    """
    for path in paths:
        if path == STDIN or not os.path.isdir(path):
            yield Input(path)
        else:
            yield from _below(path, path)


def _below(folder: str, argument: str) -> Iterator[Input | Result]:
    pending = [folder]
    while pending:
        current = pending.pop()
        try:
            with os.scandir(current) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            yield Result.failed(current, InputError(error.strerror or str(error)), {"file": current})
            continue
        folders = []
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            elif entry.is_file():
                yield Input(entry.path, argument)
        pending.extend(reversed(folders))


def for_each(paths: Iterable[str], operation: Callable[[str], Result]) -> Iterator[Result]:
    """Yield the result of ``operation`` on each input: a failed one where it raises InputError.

    What a folder holds that is not DICOM is skipped; a folder that holds nothing else fails.
    """
    found: dict[str, int] = {}
    for item in find(paths):
        if isinstance(item, Result):
            yield item
            continue
        path, folder = item
        try:
            result = operation(path)
        except Unsuitable as error:
            if folder:
                found.setdefault(folder, 0)
                yield Result.skipped(path, error.message, {"file": path})
                continue
            result = Result.failed(path, error, {"file": path})
        except InputError as error:
            result = Result.failed(path, error, {"file": path})
        found[folder] = found.get(folder, 0) + 1
        yield result
    for path in paths:
        if path != STDIN and os.path.isdir(path) and not found.get(path):
            yield Result.failed(path, InputError("no DICOM file in this folder"), {"file": path})


def is_usable(result: Result) -> bool:
    """Tell whether ``result`` is of an input that neither failed nor was skipped."""
    return result.outcome in (Outcome.DONE, Outcome.WARNING)

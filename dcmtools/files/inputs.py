"""Finding the inputs of a command: files, folders, standard input."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from dcmtools.errors import InputError, Unsuitable
from dcmtools.files.source import STDIN
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence


class Input(NamedTuple):
    """A path to work on; ``folder`` is the argument it was found below, empty where it was named itself."""

    path: str
    folder: str = ""


def find(paths: Iterable[str]) -> Iterator[Input | Result]:
    """Yield the inputs that ``paths`` name, folders searched through in the order of their names.

    Hidden files count; pipes and devices in a folder do not. Links to folders are followed only where they
    are named; links found in a folder are followed to files. What cannot be listed and links that lead
    nowhere become failed results, what is passed over skipped ones.
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
        folders = []
        try:
            with os.scandir(current) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            yield _failed(current, error)
            continue
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.is_file():
                    yield Input(entry.path, argument)
                else:
                    yield _passed_over(entry)
            except OSError as error:  # such as a link that leads to itself
                yield _failed(entry.path, error)
        pending.extend(reversed(folders))


def _passed_over(entry: os.DirEntry[str]) -> Result:
    """Return the result for what is neither file nor folder; a link that leads nowhere has lost its file."""
    if entry.is_symlink() and not os.path.exists(entry.path):
        return Result.failed(entry.path, InputError("the link leads nowhere"), {"file": entry.path})
    what = "a link to a folder" if entry.is_dir() else "neither a file nor a folder"
    return Result.skipped(entry.path, what, {"file": entry.path})


def _failed(path: str, error: OSError) -> Result:
    return Result.failed(path, InputError(error.strerror or str(error)), {"file": path})


def for_each(paths: Sequence[str], operation: Callable[[str], Result]) -> Iterator[Result]:
    """Yield the result of ``operation`` on each input: a failed one where it raises InputError.

    What a folder holds that is not DICOM is skipped; a folder that holds nothing else fails.
    """
    for argument in paths:
        barren = os.path.isdir(argument) and argument != STDIN
        for item in find([argument]):
            result = item if isinstance(item, Result) else _result(item, operation)
            barren = barren and result.outcome is Outcome.SKIPPED
            yield result
        if barren:
            yield Result.failed(argument, InputError("no DICOM file in this folder"), {"file": argument})


def _result(item: Input, operation: Callable[[str], Result]) -> Result:
    path, folder = item
    try:
        return operation(path)
    except Unsuitable as error:
        if folder:
            return Result.skipped(path, error.message, {"file": path})
        return Result.failed(path, error, {"file": path})
    except InputError as error:
        return Result.failed(path, error, {"file": path})


def is_usable(result: Result) -> bool:
    """Tell whether ``result`` is of an input that neither failed nor was skipped."""
    return result.outcome in (Outcome.DONE, Outcome.WARNING)

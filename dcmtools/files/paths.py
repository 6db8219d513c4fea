"""What a command is to work on: the paths it was given, and those of a list."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Final, cast

from dcmtools.errors import InputError
from dcmtools.files.inputs import medium_at
from dcmtools.files.source import STDIN
from dcmtools.results import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from io import BufferedReader

LONGEST: Final = 65536  # bytes of a name in a list


class Paths:
    """Paths ``named`` on the command line, then those in the file ``listed``, ``-`` for standard input."""

    def __init__(self, named: Sequence[str], listed: str | None = None, *, followed: bool = True) -> None:
        """Read nothing yet; a DICOMDIR that is ``followed`` stands for several."""
        self._followed = followed
        self._named = named
        self._listed = listed

    @property
    def is_empty(self) -> bool:
        """Whether nothing was named."""
        return self._listed is None and not self._named

    @property
    def several(self) -> bool:
        """Whether there can be more than one file. What is in an archive is not known yet."""
        if self._listed is not None or len(self._named) != 1:
            return True
        only = self._named[0]
        return os.path.isdir(only) or (self._followed and medium_at(only) is not None)

    @property
    def alone(self) -> str | None:
        """The one path that is named, None where there may be more."""
        return self._named[0] if self._listed is None and len(self._named) == 1 else None

    def names(self, path: str) -> bool:
        """Tell whether one of those on the command line is the file at ``path``, whatever it is called."""
        there = [named for named in self._named if os.path.exists(named)] if os.path.exists(path) else []
        return any(os.path.samefile(named, path) for named in there)

    def __iter__(self) -> Iterator[str | Result]:
        """Yield the paths, those of the list as they come, and a failed result where it names none."""
        yield from self._named
        if self._listed is None:
            return
        error: InputError | None = InputError("no file is named in this list")
        try:
            for name in _names(self._listed):
                error = None
                yield name
        except InputError as broken:
            error = broken
        if error:
            yield Result.failed(self._listed, error, {"file": self._listed})


def _names(listed: str) -> Iterator[str | Result]:
    """Yield the names in the file ``listed``; raise InputError where it cannot be read to its end."""
    try:
        with _opened(listed) as file:
            for data in _lines(file):
                name = os.fsdecode(data)
                if b"\0" in data:
                    yield Result.failed(name, InputError("a NUL byte is no part of a name"), {"file": name})
                else:
                    yield "./-" if name == STDIN else _as_it_is(name)
    except OSError as error:
        raise InputError(error.strerror or str(error)) from error


def _as_it_is(name: str) -> str:
    """Return a name without the end of a line of Windows, where there is only a file without it."""
    bare = name.removesuffix("\r")
    return bare if bare != name and os.path.lexists(bare) and not os.path.lexists(name) else name


def _opened(listed: str) -> AbstractContextManager[BufferedReader]:
    if listed != STDIN:
        return open(listed, "rb")
    if sys.stdin is None:
        raise InputError("standard input is closed")
    return nullcontext(cast("BufferedReader", sys.stdin.buffer))


def _lines(file: BufferedReader) -> Iterator[bytes]:
    """Yield what ends with a newline or, where there is a NUL among the first bytes, with NUL.

    The first bytes are those that come at once with the first end of a name; no more is waited for.
    """
    data = b""
    while not (b"\n" in data or b"\0" in data or len(data) >= LONGEST) and (more := file.read1(LONGEST)):
        data += more
    separator = b"\0" if b"\0" in data else b"\n"
    while True:
        *lines, data = data.split(separator)
        yield from filter(None, lines)
        if len(data) >= LONGEST:
            raise InputError(f"a name of {LONGEST} bytes or more: this is no list of names")
        more = file.read1(LONGEST)
        if not more:
            break
        data += more
    if data:
        yield data

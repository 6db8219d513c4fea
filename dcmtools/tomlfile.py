"""A TOML file as it was read, and complaints about it that name the line."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from dcmtools.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


class TomlFile(NamedTuple):
    """The file, its text, and what it says."""

    path: str
    text: str
    tables: Mapping[str, object]

    def table(self, *keys: str) -> Mapping[str, object]:
        """Return the table at ``keys``, an empty one where nothing is; raise UsageError for another thing."""
        found: object = self.tables
        for depth, key in enumerate(keys, 1):
            found = found.get(key, {}) if isinstance(found, dict) else {}
            if not isinstance(found, dict):
                raise self.wrong(keys[:depth], f"must be a table: [{'.'.join(keys[:depth])}]")
        return found if isinstance(found, dict) else {}

    def line_of(self, keys: tuple[str, ...]) -> int:
        """Return the number of the line that first speaks of ``keys``; 0 where none does."""
        from dcmtools.statements import line_of

        return line_of(self.text, keys)

    def wrong(self, keys: tuple[str, ...], message: str) -> UsageError:
        """Return the error that says what is wrong with ``keys``, and where that stands."""
        line = self.line_of(keys)
        where = f"{self.path}: line {line}" if line else self.path
        return UsageError(f"{where}: {'.'.join(keys)}: {message}")


def read(path: str) -> str:
    """Return the text of the file at ``path``.

    Raises UsageError for what is no file or no UTF-8, OSError for what cannot be read.
    """
    try:
        with open(path, "rb", opener=_opened) as file:  # pathlib takes 3 ms to import
            return file.read().decode("utf-8-sig")  # as some editors begin it
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start} is not UTF-8") from error


def parse(path: str, text: str) -> TomlFile:
    """Return what ``text``, which stands in the file at ``path``, says; raise UsageError if it is no TOML."""
    import tomllib  # 2 to 6 ms that only those with a file have to pay

    try:
        return TomlFile(path, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:  # its message ends in the line and the column
        raise UsageError(f"{path}: {error}") from error


def _opened(path: str, flags: int) -> int:
    """Open what is a file, or the null device, which stands for an empty one; wait for no pipe's writer."""
    descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    found = os.fstat(descriptor)
    kind = stat.S_IFMT(found.st_mode)  # of a folder open() itself complains
    if kind in (stat.S_IFREG, stat.S_IFDIR) or os.path.samestat(found, os.stat(os.devnull)):
        return descriptor
    os.close(descriptor)
    raise UsageError(f"{path}: the configuration has to be a file")

"""Which lines of a TOML text say what: tomllib tells values, but not where they stand."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Keys = tuple[str, ...]


class Statement(NamedTuple):
    """A table's header or a key with its value: lines ``first`` to ``end`` (from 0, ``end`` left out)."""

    first: int
    end: int
    is_header: bool
    keys: tuple[Keys, ...]

    def is_within(self, keys: Keys) -> bool:
        """Whether all that it says is about ``keys`` or what lies below."""
        return all(own[: len(keys)] == keys for own in self.keys)

    def is_about(self, keys: Keys) -> bool:
        """Whether some of what it says is about ``keys`` or what lies below."""
        return any(own[: len(keys)] == keys for own in self.keys)


def statements(lines: Sequence[str]) -> Iterator[Statement]:
    """Yield the statements of a valid TOML text, given as its lines.

    A statement ends with the first line that makes it complete, as no beginning of one is complete
    before its last line; blank lines and comments are complete and say nothing.
    """
    table: Keys = ()
    first = 0
    for end in range(1, len(lines) + 1):
        try:
            said = tomllib.loads("\n".join(lines[first:end]) + "\n")
        except tomllib.TOMLDecodeError:
            continue
        if said:
            is_header = lines[first].lstrip().startswith("[")
            keys = tuple(_paths(said, () if is_header else table))
            table = keys[0] if is_header else table
            yield Statement(first, end, is_header, keys)
        first = end


def line_of(text: str, keys: Keys) -> int:
    """Return the number of the line that first speaks of ``keys``; 0 where none does."""
    found = (statement.first + 1 for statement in statements(text.split("\n")) if statement.is_about(keys))
    return next(found, 0)


def _paths(table: Mapping[str, object], above: Keys) -> Iterator[Keys]:
    for key, value in table.items():
        if isinstance(value, dict) and value:
            yield from _paths(value, (*above, key))
        else:
            yield (*above, key)

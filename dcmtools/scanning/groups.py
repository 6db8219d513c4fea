"""Rows about groups of files: series, studies, patients, or whatever has the same values."""

from __future__ import annotations

from functools import partial
from operator import gt, lt
from typing import TYPE_CHECKING, Any, Final

from dcmtools.selection.comparing import rank_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dcmtools.scanning.keys import Key

BETWEEN: Final = "|"
"""Stands between the values that a group has of an element; a backslash is between those of one file."""


class Values:
    """The different values of an element in a group, in the order of the files."""

    def __init__(self) -> None:
        """Begin with none."""
        self._found: dict[str, None] = {}

    def add(self, value: str | None) -> None:
        """Take the value of a file, unless it has none."""
        if value:
            self._found[value] = None

    def cell(self) -> object:
        """Return all of them."""
        return BETWEEN.join(self._found) if self._found else None


class Count(Values):
    """How many different values there are."""

    def cell(self) -> object:
        """Return the number."""
        return len(self._found)


class Extreme:
    """One of the values: the first, the least or the greatest."""

    def __init__(self, better: Callable[[Any, Any], bool], rank: Callable[[str], object]) -> None:
        """Keep the value whose ``rank`` is ``better``; what has None of it is passed over."""
        self._better = better
        self._rank = rank
        self._kept: tuple[object, str] | None = None

    def add(self, value: str | None) -> None:
        """Take the value of a file, unless it has none."""
        if not value or (rank := self._rank(value)) is None:
            return
        if self._kept is None or self._better(rank, self._kept[0]):
            self._kept = rank, value

    def cell(self) -> object:
        """Return the value."""
        return self._kept[1] if self._kept else None


class Group:
    """What is asked for of one group of files."""

    def __init__(self, keys: Sequence[Key]) -> None:
        """Begin with no file."""
        self._columns = [_column(key) for key in keys]
        self._functions = [key.function for key in keys]
        self._files = 0
        self._bytes = 0

    def add(self, cells: Sequence[str | None], size: int) -> None:
        """Take a file of ``size`` bytes with its value, if any, for each key."""
        self._files += 1
        self._bytes += size
        for column, cell in zip(self._columns, cells, strict=True):
            column.add(cell)

    def cells(self) -> Iterator[object]:
        """Yield the value of each key."""
        for column, function in zip(self._columns, self._functions, strict=True):
            if function in ("files", "bytes"):
                yield self._files if function == "files" else self._bytes
            else:
                yield column.cell()


def _column(key: Key) -> Values | Extreme:
    if key.function == "first":
        return Extreme(_never, str)
    if key.function in ("min", "max"):
        return Extreme(lt if key.function == "min" else gt, partial(rank, key.kind))
    return Count() if key.function == "count" else Values()


def _never(_one: object, _other: object) -> bool:
    return False


def rank(kind: str, value: str) -> tuple[bool, list[Any]] | None:
    """Return what orders the values in ``value`` among others of its ``kind``, one after the other.

    None where they are not of that kind. Without a kind numbers are before all else, which is text.
    """
    parts = value.split("\\")
    ranks = [rank_of(kind or "number", part.strip()) for part in parts]
    if None not in ranks:
        return False, ranks
    return None if kind else (True, parts)

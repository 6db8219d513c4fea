"""Entities that match an identifier, and instances to be retrieved, found in an index (PS3.4 C.4.1 to C.4.3).

Rows are read in pages: no transaction is open while whoever asked works on one, and what stays in memory are
8 bytes for each match.
"""

from __future__ import annotations

import json
from array import array
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from dcmtools.archive.asked import (
    DEPTHS,
    column_at,
    criteria,
    is_met,
    level_of,
    places,
    require_place,
    unique_keys,
)
from dcmtools.archive.columns import COLUMNS
from dcmtools.archive.criteria import Criterion, literal_criterion
from dcmtools.archive.schema import PARENTS, TABLES
from dcmtools.encoding.tags import SPECIFIC_CHARACTER_SET
from dcmtools.query.models import LEVELS, QUERY_RETRIEVE_LEVEL, Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from sqlite3 import Connection

    from dcmtools.archive.columns import Column
    from dcmtools.encoding.dataset import DataSet
    from dcmtools.query.models import Model

    Reader: TypeAlias = Callable[[], AbstractContextManager[Connection]]
    Cell: TypeAlias = str | bytes | None

PAGE: Final = 500
RETRIEVE_AE_TITLE: Final = 0x00080054
INSTANCE_AVAILABILITY: Final = 0x00080056


class Search:
    """A C-FIND's identifier, understood: what matches it, and what is returned of each match.

    ``columns`` are returned, in the order of their tags, and ``constants`` beside them. Keys in
    ``unsupported`` are neither matched nor returned (C.2.2.1.3).
    """

    def __init__(
        self,
        model: Model,
        identifier: DataSet,
        retrieve_aet: str,
        *,
        relational: bool = False,
        combined: bool = False,
    ) -> None:
        """Understand ``identifier``, by the rules for relational queries and combined dates where agreed.

        Raises NoAnswer where it cannot be answered.
        """
        self.identifier = identifier
        self.level = level_of(model, identifier)
        require_place(model, self.level, identifier, relational=relational)
        self.constants = {
            QUERY_RETRIEVE_LEVEL: ("CS", str(self.level)),
            RETRIEVE_AE_TITLE: ("AE", retrieve_aet),
        }
        if INSTANCE_AVAILABILITY in identifier:
            self.constants[INSTANCE_AVAILABILITY] = ("CS", "ONLINE")
        tags = sorted({*identifier, *unique_keys(model, self.level)})
        found = {tag: column_at(tag, self.level) for tag in tags if tag not in self.constants}
        self.columns: tuple[Column, ...] = tuple([column for column in found.values() if column])
        self.unsupported = [
            tag for tag, column in found.items() if column is None and tag != SPECIFIC_CHARACTER_SET
        ]
        self._criteria = list(criteria(identifier, self.level, combined=combined))
        self._possible = all(
            is_met(identifier, tag, vr, value) for tag, (vr, value) in self.constants.items()
        )

    def pages(self, reader: Reader) -> Iterator[list[tuple[Cell, ...]]]:
        """Yield the values of ``columns`` for all that matches, some rows at a time.

        ``reader`` opens an index for reading. What is removed from it meanwhile is left out. Raises what
        sqlite3 raises.
        """
        if not self._possible:
            return
        with reader() as connection:
            found = matches(connection, self.level, self._criteria)
        selected = ", ".join([column.sql for column in self.columns])
        levels = [column.level for column in self.columns]
        yield from _pages(reader, f"SELECT {selected} {_tables(self.level, levels)}", self.level, found)


class Instance(NamedTuple):
    """An instance to be retrieved; ``path`` is relative to the folder of the archive."""

    path: str
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str


class Instances:
    """Instances to be retrieved, as many as ``len`` tells; what is removed meanwhile is not among them."""

    def __init__(self, reader: Reader, found: array[int]) -> None:
        """Read those with the row numbers ``found``."""
        self._reader = reader
        self._found = found

    def __len__(self) -> int:
        """Return how many there were."""
        return len(self._found)

    def __iter__(self) -> Iterator[Instance]:
        """Yield them."""
        select = "SELECT path, SOPClassUID, SOPInstanceUID, transfer_syntax_uid FROM instances"
        for rows in _pages(self._reader, select, Level.IMAGE, self._found):
            yield from map(Instance._make, rows)


def instances_of(reader: Reader, model: Model, identifier: DataSet, *, relational: bool = False) -> Instances:
    """Return what the identifier of a C-MOVE or C-GET asks for, by unique keys alone (C.4.2.1.4).

    At its level there may be several values; other keys do not count. Raises NoAnswer where it cannot be
    answered, and what sqlite3 raises.
    """
    level = level_of(model, identifier)
    require_place(model, level, identifier, relational=relational)
    wanted = [literal_criterion(COLUMNS[tag], keys) for tag, keys in places(model, level, identifier).items()]
    with reader() as connection:
        return Instances(reader, matches(connection, Level.IMAGE, wanted))


def matches(connection: Connection, level: Level, wanted: Sequence[Criterion]) -> array[int]:
    """Return the row numbers of the entities of ``level`` that meet all criteria."""
    statement, parameters = statement_for(level, wanted)
    rows: Iterable[tuple[int, *tuple[Cell, ...]]] = connection.execute(statement, parameters)
    tests = list(_tests(wanted))
    if tests:
        rows = (row for row in rows if all(test(row) for test in tests))
    return array("q", (row[0] for row in rows))


def statement_for(level: Level, wanted: Sequence[Criterion]) -> tuple[str, tuple[str, ...]]:
    """Return the statement for row numbers and the columns to be tested, and its parameters."""
    selected = ", ".join([f"{TABLES[level]}.id", *[name for each in wanted for name in each.columns]])
    where = " AND ".join([each.where for each in wanted if each.where])
    tables = _tables(level, [each.level for each in wanted])
    statement = f"SELECT {selected} {tables}" + (f" WHERE {where}" if where else "")
    return statement, tuple([value for each in wanted for value in each.parameters])


def _tests(wanted: Sequence[Criterion]) -> Iterator[Callable[[tuple[object, ...]], bool]]:
    """Yield the tests of a row of ``statement_for``."""
    at = 1
    for criterion in wanted:
        if criterion.test:
            yield _test_at(at, at + len(criterion.columns), criterion.test)
        at += len(criterion.columns)


def _test_at(begin: int, end: int, test: Callable[..., bool]) -> Callable[[tuple[object, ...]], bool]:
    if end - begin == 1:
        return lambda row: test(row[begin] or "")
    return lambda row: test(*[value or "" for value in row[begin:end]])


def _tables(level: Level, levels: Iterable[Level]) -> str:
    """Return what joins the table of ``level`` with those above, as far up as ``levels`` go."""
    top = min([DEPTHS[level], *[DEPTHS[each] for each in levels]])
    joined = [f"FROM {TABLES[level]}"]
    for depth in range(DEPTHS[level], top, -1):
        upper, lower = LEVELS[depth - 1], LEVELS[depth]
        joined.append(f"JOIN {TABLES[upper]} ON {TABLES[upper]}.id = {TABLES[lower]}.{PARENTS[lower]}")
    return " ".join(joined)


def _pages(reader: Reader, select: str, level: Level, found: array[int]) -> Iterator[list[tuple[Cell, ...]]]:
    """Yield the rows that ``select`` gives of those with the numbers ``found``, a page at a time."""
    statement = f"{select} WHERE {TABLES[level]}.id IN (SELECT value FROM json_each(?))"
    for start in range(0, len(found), PAGE):
        with reader() as connection:
            rows = connection.execute(
                statement, (json.dumps(found[start : start + PAGE].tolist()),)
            ).fetchall()
        yield rows

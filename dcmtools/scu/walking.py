"""The levels of an information model, asked one after the other: which keys go to which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.archive.columns import COLUMNS
from dcmtools.encoding.dataset import DataSet
from dcmtools.encoding.dictionary import lookup
from dcmtools.query.keys import LEVEL_COLUMN, columns_of
from dcmtools.query.models import LEVELS, UNIQUE_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dcmtools.encoding.dataset import Value
    from dcmtools.query.keys import Column, Query
    from dcmtools.query.models import Level


def walked(query: Query) -> tuple[Level, ...]:
    """Return the levels from the highest of the model down to that of ``query``, all if it is the highest."""
    levels = query.model.levels if query.model else ()
    if query.level is None or query.level is levels[0]:
        return levels
    return levels[: levels.index(query.level) + 1]


def at_level(query: Query, level: Level, above: Mapping[int, bytes]) -> Query:
    """Return what to ask at ``level`` of a walk, below the entities with the unique keys ``above``.

    A key is asked at its own level; one above the model at the highest, one below the walk at the lowest,
    one that is of no level at all of them.
    """
    levels = walked(query)
    keys = DataSet()
    for tag, value in query.keys.items():
        column = COLUMNS.get(tag)
        if column is None or _within(column.level, levels) is level:
            keys[tag] = value
    for tag, unique in above.items():
        keys[tag] = (lookup(tag)[0], unique)
    return query._replace(level=level, keys=keys)


def is_narrowed_below(query: Query, level: Level) -> bool:
    """Tell whether keys that are asked below ``level`` of a walk have values."""
    levels = walked(query)
    below = levels[levels.index(level) + 1 :]
    return any(
        _within(COLUMNS[tag].level, levels) in below and _is_given(value)
        for tag, (_, value) in query.keys.items()
        if tag in COLUMNS
    )


def _is_given(value: Value) -> bool:
    if isinstance(value, list):
        return any(_is_given(each) for item in value for _, each in item.values())
    return bool(value)


def _within(level: Level, levels: tuple[Level, ...]) -> Level:
    ranks = [LEVELS.index(each) for each in levels]
    return LEVELS[min(max(LEVELS.index(level), ranks[0]), ranks[-1])]


def columns_of_walk(query: Query) -> tuple[Column, ...]:
    """Return the columns of rows: the level, the unique keys from the top down, then the others."""
    columns: dict[Column, None] = {}
    for level in walked(query):
        columns |= dict.fromkeys(columns_of(at_level(query, level, {}).identifier()))
    unique = [column for tag in UNIQUE_KEYS.values() for column in columns if column.tags == (tag,)]
    return tuple(dict.fromkeys([LEVEL_COLUMN, *unique, *columns]))

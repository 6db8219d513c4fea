"""Keys as conditions on the rows of an index: what SQL can narrow, and what is left to test.

Whatever comes from a key is a parameter; the rest is made of names in ``columns``.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.archive.schema import TABLES, in_scripts
from dcmtools.encoding.dataset import decode, items
from dcmtools.encoding.syntax import EXPLICIT
from dcmtools.query.matching import (
    RANGE_VRS,
    folded_name,
    has_wildcard,
    is_universal,
    items_chooser,
    name_test,
    value_test,
)
from dcmtools.query.ranges import Interval, filled, interval_of, moment_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dcmtools.archive.columns import Column
    from dcmtools.encoding.dataset import DataSet
    from dcmtools.query.models import Level

_LAST: Final = "\U0010ffff"
_MOST_ALTERNATIVES: Final = 100  # in one statement; a longer list is only tested
_NUMBERS: Final = ("DS", "IS")


class Criterion(NamedTuple):
    """What a key asks of a row: the condition ``where`` (none where empty), then the ``test`` of ``columns``.

    The test gets what stands there, empty text for NULL; without one the condition says all. ``level`` is
    that of the table they are about.
    """

    level: Level
    where: str
    parameters: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    test: Callable[..., bool] | None = None


def criterion_of(column: Column, keys: Sequence[str]) -> Criterion | None:
    """Return what the values of a key ask of ``column``; None where that is nothing.

    Raises ValueError, saying why, for a key that is not of the attribute's VR.
    """
    if is_universal(keys):
        return None
    keys = [_text(key) for key in keys if key]
    if column.folded:
        where, parameters = _either([_name(column, folded_name(key)) for key in keys])
        return Criterion(column.level, where, parameters, (column.folded,), name_test(keys))
    if _is_plain(column, keys):
        return literal_criterion(column, keys)
    test = value_test(column.vr, keys)
    where, parameters = _either([_narrowed(column, key) for key in keys])
    return Criterion(column.level, where, parameters, (column.sql,), test)


def literal_criterion(column: Column, keys: Sequence[str]) -> Criterion:
    """Return the criterion that the value is one of ``keys`` as they stand, which may be any number."""
    wanted = [_text(key) for key in keys]
    if len(wanted) == 1:
        return Criterion(column.level, f"{column.sql} = ?", (wanted[0],))
    among = f"{column.sql} IN (SELECT value FROM json_each(?))"
    return Criterion(column.level, among, (json.dumps(wanted),))


def items_criterion(column: Column, keys: Sequence[DataSet]) -> Criterion | None:
    """Return what the items of a key ask of a sequence; None where that is nothing.

    Raises ValueError as ``criterion_of`` does.
    """
    choose = items_chooser(keys)
    if choose is None:
        return None

    def test(blob: bytes | str) -> bool:
        return isinstance(blob, bytes) and bool(choose(items(decode(blob, EXPLICIT), column.tag)))

    return Criterion(column.level, f"{column.sql} IS NOT NULL", (), (column.sql,), test)


def moments_criterion(date: Column, dates: Interval, time: Column, times: Interval) -> Criterion:
    """Return what keys for a date and its time ask where they are one (combined date-time matching)."""
    together = dates.with_times(times)

    def test(day: str, hour: str) -> bool:
        on, at = moment_of("DA", day), moment_of("TM", hour)
        return (
            on is not None
            and at is not None
            and together.first <= on.digits + filled("TM", at.digits) <= together.last
        )

    where, parameters = _days(date.sql, dates)
    return Criterion(date.level, where, parameters, (date.sql, time.sql), test)


def _text(key: str) -> str:
    """Return ``key`` as an index has text that does not fit its character set."""
    return key if key.isascii() else re.sub("[\ud800-\udfff]", "\ufffd", key)


def _is_plain(column: Column, keys: Sequence[str]) -> bool:
    """Tell whether the values of ``keys`` are compared as they are, and stand alone in ``column``."""
    special = column.several or column.vr in RANGE_VRS or column.vr in _NUMBERS
    return not special and not any(has_wildcard(column.vr, key) for key in keys)


def _either(conditions: Sequence[tuple[str, tuple[str, ...]]]) -> tuple[str, tuple[str, ...]]:
    """Return the condition that one of ``conditions`` holds: none where one of them says nothing."""
    if not all(where for where, _ in conditions) or len(conditions) > _MOST_ALTERNATIVES:
        return "", ()
    where = " OR ".join([where for where, _ in conditions])
    return f"({where})", tuple([each for _, parameters in conditions for each in parameters])


def _narrowed(column: Column, key: str) -> tuple[str, tuple[str, ...]]:
    """Return a condition that all matches of one value of a key fulfil; none where there is no simple one."""
    if column.vr == "DA":
        return _days(column.sql, interval_of("DA", key))
    if column.vr in RANGE_VRS or column.vr in _NUMBERS:
        return "", ()
    if not has_wildcard(column.vr, key):
        return f"instr({column.sql}, ?) > 0", (key,)
    head = re.split(r"[*?]", key, maxsplit=1)[0]
    if head and not column.several:
        return _beginning(column.sql, head)
    longest = max(re.split(r"[*?]+", key), key=len)
    return (f"instr({column.sql}, ?) > 0", (longest,)) if longest else (f"{column.sql} <> ''", ())


def _name(column: Column, key: str) -> tuple[str, tuple[str, ...]]:
    """Return the same for a folded name, whose first component group is what its beginning tells of."""
    head = re.split("[*?=]", key, maxsplit=1)[0]
    if not head or column.several:
        return f"{column.folded} <> ''", ()
    where, parameters = _beginning(column.folded, head)
    if "=" in key:
        return where, parameters
    # A key of one group is for those of any script, too; an index serves each of both conditions.
    table = TABLES[column.level]
    one, other = (f"SELECT id FROM {table} WHERE {each}" for each in (where, in_scripts(column.folded)))
    return f"{table}.id IN ({one} UNION ALL {other})", parameters


def _beginning(sql: str, head: str) -> tuple[str, tuple[str, ...]]:
    return f"{sql} >= ? AND {sql} < ?", (head, head + _LAST)


def _days(sql: str, days: Interval) -> tuple[str, tuple[str, ...]]:
    """Return the condition for dates, which stand there as 20240131 or, out of old files, as 2024.01.31."""
    bounds = [days.first, days.last, _pointed(days.first), _pointed(days.last)]
    return f"({sql} BETWEEN ? AND ? OR {sql} BETWEEN ? AND ?)", tuple(bounds)


def _pointed(day: str) -> str:
    return f"{day[:4]}.{day[4:6]}.{day[6:]}" if len(day) == 8 else day

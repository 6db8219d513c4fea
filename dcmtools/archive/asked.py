"""What an identifier asks of an archive, before anything is looked up (PS3.4 C.4.1.2 and C.4.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.archive.columns import COLUMNS, TIMES
from dcmtools.archive.criteria import criterion_of, items_criterion, moments_criterion
from dcmtools.encoding.dataset import items, text, values
from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.values import BULK_VRS, effective_vr
from dcmtools.errors import DcmtoolsError
from dcmtools.net.status import CANNOT_UNDERSTAND, DOES_NOT_MATCH_SOP_CLASS
from dcmtools.query.matching import is_universal, value_test
from dcmtools.query.models import LEVELS, QUERY_RETRIEVE_LEVEL, UNIQUE_KEYS, Level
from dcmtools.query.ranges import interval_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dcmtools.archive.columns import Column
    from dcmtools.archive.criteria import Criterion
    from dcmtools.encoding.dataset import DataSet
    from dcmtools.query.models import Model

DEPTHS: Final = {level: depth for depth, level in enumerate(LEVELS)}


class NoAnswer(DcmtoolsError):
    """An identifier that cannot be answered: the status ``number``, and the ``tag`` at fault or 0."""

    def __init__(self, number: int, message: str, tag: int = 0) -> None:
        """Answer with status ``number``, ``message`` as Error Comment and ``tag`` as Offending Element."""
        super().__init__(message)
        self.number = number
        self.tag = tag


def level_of(model: Model, identifier: DataSet) -> Level:
    """Return the query/retrieve level; raise NoAnswer unless it is one of the model's."""
    named = text(identifier, QUERY_RETRIEVE_LEVEL)
    if named in model.levels:
        return Level(named)
    levels = ", ".join(model.levels)
    raise _mismatch(f"QueryRetrieveLevel is {named[:10] or 'missing'}, not {levels}", QUERY_RETRIEVE_LEVEL)


def require_place(model: Model, level: Level, identifier: DataSet, *, relational: bool) -> None:
    """Raise NoAnswer unless unique keys say where in the hierarchy, and none is of a level below.

    That is one value for each level above, which relational queries may leave out (C.4.1.2.2).
    """
    for above in _above(model, level):
        tag = UNIQUE_KEYS[above]
        keys = values(identifier, tag)
        if not relational and (len(keys) != 1 or is_universal(keys) or _is_pattern(above, keys[0])):
            raise _mismatch(f"level {level} needs {_keyword(tag)}, one value", tag)
    for below in LEVELS[DEPTHS[level] + 1 :]:
        tag = UNIQUE_KEYS[below]
        if not is_universal(values(identifier, tag)):
            raise _mismatch(f"{_keyword(tag)} is a key below level {level}", tag)


def unique_keys(model: Model, level: Level) -> tuple[int, ...]:
    """Return the unique keys of ``level`` and the levels above in ``model``."""
    return tuple([UNIQUE_KEYS[each] for each in (*_above(model, level), level)])


def places(model: Model, level: Level, identifier: DataSet) -> dict[int, list[str]]:
    """Return what is to be retrieved: for each unique key that has some, its values, none of them a pattern.

    Raises NoAnswer where ``level`` has none, and as ``require_place`` does.
    """
    found = {tag: [value for value in values(identifier, tag) if value] for tag in unique_keys(model, level)}
    if not found[UNIQUE_KEYS[level]]:
        tag = UNIQUE_KEYS[level]
        raise _mismatch(f"level {level} needs {_keyword(tag)}", tag)
    return {tag: given for tag, given in found.items() if given}


def criteria(identifier: DataSet, level: Level, *, combined: bool = False) -> Iterator[Criterion]:
    """Yield what the keys ask that are known at ``level``; ``combined`` takes dates with their times.

    Raises NoAnswer for a key that makes no sense.
    """
    paired = dict(_paired(identifier, level)) if combined else {}
    for tag in identifier:
        column = column_at(tag, level)
        if column is None or tag in paired.values():
            continue
        try:
            found = _criterion(identifier, column, COLUMNS.get(paired.get(tag, 0)))
        except ValueError as error:
            raise _not_understood(tag, error) from None
        if found:
            yield found


def is_met(identifier: DataSet, tag: int, vr: str, value: str) -> bool:
    """Tell whether what the identifier has as a key matches ``value``, the same for all entities.

    Raises NoAnswer for a key that makes no sense.
    """
    try:
        test = value_test(vr, values(identifier, tag))
    except ValueError as error:
        raise _not_understood(tag, error) from None
    return test is None or test(value)


def column_at(tag: int, level: Level) -> Column | None:
    """Return where the attribute stands, None where it is not one of ``level`` or a level above."""
    column = COLUMNS.get(tag)
    return column if column and DEPTHS[column.level] <= DEPTHS[level] else None


def _criterion(identifier: DataSet, column: Column, time: Column | None) -> Criterion | None:
    vr, value = identifier[column.tag]
    if value and (isinstance(value, list) != (column.vr == "SQ") or effective_vr(column.tag, vr) in BULK_VRS):
        message = f"VR {vr}, not {column.vr}"
        raise ValueError(message)
    if column.vr == "SQ":
        return items_criterion(column, items(identifier, column.tag))
    keys = values(identifier, column.tag)
    if time:
        dates, times = interval_of("DA", keys[0]), interval_of("TM", values(identifier, time.tag)[0])
        return moments_criterion(column, dates, time, times)
    return criterion_of(column, keys)


def _paired(identifier: DataSet, level: Level) -> Iterator[tuple[int, int]]:
    """Yield the dates, with their times, for both of which one value or range is given."""
    for date, time in TIMES.items():
        given = [values(identifier, tag) for tag in (date, time)]
        if column_at(date, level) and not any(len(keys) != 1 or is_universal(keys) for keys in given):
            yield date, time


def _above(model: Model, level: Level) -> Sequence[Level]:
    return model.levels[: model.levels.index(level)]


def _is_pattern(level: Level, key: str) -> bool:
    return level is Level.PATIENT and ("*" in key or "?" in key)


def _keyword(tag: int) -> str:
    return lookup(tag)[2]


def _not_understood(tag: int, error: ValueError) -> NoAnswer:
    return NoAnswer(CANNOT_UNDERSTAND, f"{_keyword(tag)}: {error}", tag)


def _mismatch(message: str, tag: int) -> NoAnswer:
    return NoAnswer(DOES_NOT_MATCH_SOP_CLASS, message, tag)

"""``archive index``: the index made to hold what the archive does."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from dcmtools.archive.holding import held, repaired_in_batches
from dcmtools.archive.repair import Change
from dcmtools.archive.schema import TABLES
from dcmtools.errors import InputError
from dcmtools.escaping import escape
from dcmtools.results import Result

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from dcmtools.results import Extent


def index(folder: str, *, anew: bool = False, extent: Extent) -> Iterator[Result]:
    """Yield a failed result for each file that cannot be indexed, and one that says what the index holds.

    Every file is looked for; those that are as they were are not read, unless the index is made ``anew``, as
    it is where it is damaged. Raises InputError where there is no such folder, and what ``holding.held``
    raises.
    """
    if not os.path.isdir(folder):
        raise InputError(f"{folder}: there is no such folder")
    counts: Counter[Change] = Counter()
    with held(folder, anew=anew, check=True) as rows:
        for step in repaired_in_batches(rows, thorough=True):
            counts[step.change] += 1
            extent.tick()
            if step.error:
                path = os.path.join(folder, step.path)
                yield Result.failed(path, step.error, {"path": path})
        yield _told(folder, rows.connection, counts)


def _told(folder: str, connection: sqlite3.Connection, counts: Counter[Change]) -> Result:
    rows = {
        table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES.values()
    }
    changes = {str(change): counts[change] for change in (Change.ADDED, Change.UPDATED, Change.REMOVED)}
    what, done = (
        ", ".join([f"{number} {name}" for name, number in each.items()]) for each in (rows, changes)
    )
    return Result(folder, {"path": folder, **rows, **changes}, text=f"{escape(folder)}: {what} ({done})\n")

"""The rows of an archive's index, written: of instances that came, changed or went."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from dcmtools.archive.attributes import ATTRIBUTES
from dcmtools.archive.extraction import described
from dcmtools.archive.opening import EXHAUSTED
from dcmtools.archive.schema import PARENTS, TABLES, columns
from dcmtools.errors import InputError
from dcmtools.query.models import LEVELS, Level

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Hashable

    from dcmtools.archive.extraction import Description

_MOST_KNOWN: Final = 10_000
_CHILDREN: Final = dict(pairwise(LEVELS))
# What finds the one row of a level: its parent, where it has one, and its unique key.
_KEYS: Final = {
    level: tuple([name for name in (PARENTS.get(level), ATTRIBUTES[level][0].keyword) if name])
    for level in LEVELS[:-1]
}


def _insertion(level: Level) -> str:
    names = columns(level)
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {TABLES[level]} ({', '.join(names)}) VALUES ({marks})"


def _filling(level: Level, rule: str) -> str:
    """Return what inserts a row, or puts values into the one there is by ``rule``, of old and new ones."""
    rest = [name for name in columns(level) if name not in _KEYS[level]]
    changes = ", ".join([f"{name} = {rule.format(old=name, new=f'excluded.{name}')}" for name in rest])
    return f"{_insertion(level)} ON CONFLICT ({', '.join(_KEYS[level])}) DO UPDATE SET {changes}"


def _condition(names: tuple[str, ...]) -> str:
    return " AND ".join([f"{name} = ?" for name in names])


_FILL: Final = {level: _filling(level, "coalesce({old}, {new})") for level in LEVELS[:-1]}
_CHANGE: Final = {level: _filling(level, "coalesce({new}, {old})") for level in LEVELS[:-1]}
_FIND: Final = {
    level: f"SELECT id FROM {TABLES[level]} WHERE {_condition(_KEYS[level])}" for level in LEVELS[:-1]
}
_INSERT: Final = f"{_insertion(Level.IMAGE)} ON CONFLICT (path) DO NOTHING"
_UPDATE: Final = (
    f"UPDATE instances SET {', '.join([f'{name} = ?' for name in columns(Level.IMAGE)])} WHERE path = ?"
)
_PRUNE: Final = {
    level: f"DELETE FROM {TABLES[level]} WHERE id = ?"
    f" AND NOT EXISTS (SELECT 1 FROM {TABLES[below]} WHERE {PARENTS[below]} = {TABLES[level]}.id)"
    for level, below in _CHILDREN.items()
}


class Rows:
    """Writes to the tables through one connection; transactions are whoever's it is.

    After one that was rolled back ``forget`` has to be called.
    """

    def __init__(self, connection: sqlite3.Connection, root: int) -> None:
        """Write of the files below the folder that is open as ``root``."""
        self.connection = connection
        self.root = root
        self._series: dict[Hashable, int] = {}
        self._folders: set[str] = set()

    def forget(self) -> None:
        """Take nothing for granted that was written."""
        self._series.clear()
        self._folders.clear()

    def put(self, path: str) -> bool:
        """Have the instance at ``path`` in the index, as its file is now; return whether it was already.

        Raises InputError where the file says nothing, which takes its row away, sqlite3.Error, and OSError
        where the process has no room to look.
        """
        self._note_folder(path)
        try:
            description = described(self.root, path)
        except InputError as error:
            if isinstance(error.__cause__, OSError) and error.__cause__.errno in EXHAUSTED:
                raise error.__cause__ from None
            self.remove(path)
            raise
        series = self._series.get(description.upper)
        if series is None:
            series = self._written(description, _FILL)
        row = (series, *description.values(Level.IMAGE), path, *description.file)
        if self.connection.execute(_INSERT, row).rowcount:
            return False
        self._change(path, description, row)
        return True

    def _change(self, path: str, description: Description, row: tuple[object, ...]) -> None:
        """Update the row of the instance at ``path`` and those above it, which it belonged to or now does."""
        found = self.connection.execute("SELECT series FROM instances WHERE path = ?", (path,)).fetchone()
        self._written(description, _CHANGE)
        self.connection.execute(_UPDATE, (*row, path))
        if found[0] != row[0]:
            self._prune(found[0])

    def _written(self, description: Description, statements: dict[Level, str]) -> int:
        """Write the rows above an instance; return the number of that of its series."""
        above: list[int] = []  # the number of the parent, if any
        for level in LEVELS[:-1]:
            values = description.values(level)  # the unique key first
            self.connection.execute(statements[level], [*above, *values])
            (number,) = self.connection.execute(_FIND[level], [*above, values[0]]).fetchone()
            above = [number]
        if len(self._series) >= _MOST_KNOWN:
            self._series.clear()
        self._series[description.upper] = above[0]
        return above[0]

    def remove(self, path: str) -> bool:
        """Take the instance at ``path`` out of the index; return whether it was there."""
        found = self.connection.execute("SELECT series FROM instances WHERE path = ?", (path,)).fetchone()
        if found is None:
            return False
        self.connection.execute("DELETE FROM instances WHERE path = ?", (path,))
        self._prune(found[0])
        return True

    def _prune(self, series: int) -> None:
        """Remove the row of a series without instances, then those that are empty above it."""
        number = series
        for level in reversed(LEVELS[:-1]):
            parent = PARENTS.get(level)
            above = f"SELECT {parent} FROM {TABLES[level]} WHERE id = ?"
            upper = self.connection.execute(above, (number,)).fetchone() if parent else (0,)
            if not self.connection.execute(_PRUNE[level], (number,)).rowcount:
                return
            self._series.clear()  # a number that is free again may be given to another
            number = upper[0]

    def _note_folder(self, path: str) -> None:
        """Have the folder of ``path`` among those to look into, when it goes or changes."""
        folder = path.rpartition("/")[0]
        if folder not in self._folders:
            if len(self._folders) >= _MOST_KNOWN:
                self._folders.clear()
            self._folders.add(folder)
            self.connection.execute("INSERT OR IGNORE INTO folders VALUES (?, 0)", (folder,))

    def record_folder(self, path: str, mtime_ns: int) -> None:
        """Note when a folder was modified that the index holds all of, 0 where it has to be looked into."""
        self.connection.execute("INSERT OR REPLACE INTO folders VALUES (?, ?)", (path, mtime_ns))

    def drop_folder(self, path: str) -> None:
        """Forget a folder that is there no more."""
        self._folders.discard(path)
        self.connection.execute("DELETE FROM folders WHERE path = ?", (path,))

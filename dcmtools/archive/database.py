"""The database of an archive's index: opened, made anew where it is of no use, read."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import suppress
from typing import Final

from dcmtools.archive.schema import VERSION, statements
from dcmtools.errors import DcmtoolsError
from dcmtools.files.names import BESIDE_INDEX, INDEX

# How long to wait for a lock: of a checkpoint, or of somebody who looks into the database by hand.
_PATIENCE: Final = 10.0
_CACHE_KIB: Final = 32 * 1024
_RUINED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class IndexBehind(DcmtoolsError):
    """The index does not hold what the archive does, or cannot be read."""

    code = "index"


def open_database(folder: str, *, check: bool = False) -> sqlite3.Connection:
    """Open the index of the archive in ``folder`` for its one writer.

    Where there is none, or one of another version, or no database that can be read, an empty one is made. A
    ``check`` reads all of it. Raises sqlite3.Error and OSError where that fails.
    """
    path = os.path.join(folder, INDEX)
    if _is_file(path):
        connection = None
        try:
            connection = _connected(path)
            if _is_ours(connection) and not (check and _is_damaged(connection)):
                return connection
        except sqlite3.DatabaseError as error:
            if not is_ruined(error):
                raise
        if connection:
            connection.close()
    remove_database(folder)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    connection = _connected(path)
    connection.execute("BEGIN IMMEDIATE")
    for statement in statements():
        connection.execute(statement)
    connection.execute("COMMIT")
    return connection


def open_reader(folder: str) -> sqlite3.Connection:
    """Open the index of the archive in ``folder`` for reading alone, by one thread at a time.

    Raises sqlite3.Error where there is none.
    """
    path = os.path.abspath(os.path.join(folder, INDEX))  # behind two slashes, which may be its own as well
    path = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    connection = sqlite3.connect(
        f"file://{path}?mode=rw", _PATIENCE, isolation_level=None, check_same_thread=False, uri=True
    )
    connection.execute("PRAGMA query_only = ON")
    return connection


def remove_database(folder: str) -> None:
    """Remove the index: the database first, as one without its log would be taken for whole."""
    for ending in ("", *BESIDE_INDEX):
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(folder, INDEX + ending))


def identity_of(folder: str) -> tuple[int, int] | None:
    """Return what tells the file of the index from one that takes its place; None where there is no file."""
    try:
        found = os.lstat(os.path.join(folder, INDEX))
    except OSError:
        return None
    return found.st_dev, found.st_ino


def is_ruined(error: sqlite3.Error) -> bool:
    """Tell whether ``error`` says that the file is damaged, which nothing but a new one helps."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _RUINED


def _is_file(path: str) -> bool:
    """Tell whether there is a file, and not a link to one."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False


def _connected(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, _PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes is found in the files
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _is_damaged(connection: sqlite3.Connection) -> bool:
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    return bool(found != "ok")


def _is_ours(connection: sqlite3.Connection) -> bool:
    """Tell whether the database has our tables, by its version and what it is made of."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    made = {statement for (statement,) in connection.execute("SELECT sql FROM sqlite_master WHERE sql > ''")}
    return version == VERSION and made == {each for each in statements() if each.startswith("CREATE")}

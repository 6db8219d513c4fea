"""An archive worked on while no server runs: held, and its index open."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

from dcmtools.archive.database import IndexBehind, is_ruined, open_database, remove_database
from dcmtools.archive.repair import is_complete, repaired
from dcmtools.archive.rows import Rows
from dcmtools.archive.storage import Storage
from dcmtools.errors import InputError
from dcmtools.files.names import INCOMING, INDEX
from dcmtools.results import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.archive.repair import Step
    from dcmtools.results import Extent

_BATCH: Final = 1000
# How long to wait for the repair of a server, and how long between two looks, in seconds.
_PATIENCE: Final = 30.0
_PAUSE: Final = 0.1


def check_archive(folder: str) -> None:
    """Raise InputError where ``folder`` is none, or nothing has ever been received into or indexed in it."""
    if not os.path.isdir(folder):
        raise InputError(f"{folder}: there is no such folder")
    if not any(os.path.lexists(os.path.join(folder, name)) for name in (INCOMING, INDEX)):
        hint = "dcmtools serve makes one, and dcmtools archive index of files that lie as it has them"
        raise InputError(f"{folder}: this folder is no archive", hint=hint)


@contextmanager
def held(folder: str, *, anew: bool = False, check: bool = False) -> Iterator[Rows]:
    """Hold the archive in ``folder`` and its index for a ``with`` block; an index made ``anew`` is empty.

    So is one in which a ``check`` finds damage. Raises HeldError while a server does, UsageError where the
    folder cannot be used, and IndexBehind where the index cannot, whatever the block says of it.
    """
    storage = Storage(folder, durable=False)
    try:
        if anew:
            remove_database(folder)
        with closing(open_database(folder, check=check)) as connection, _opened(folder) as root:
            yield Rows(connection, root)
    except sqlite3.Error as error:
        hint = f"dcmtools archive index {folder} makes it anew" if is_ruined(error) else ""
        raise IndexBehind(f"{os.path.join(folder, INDEX)}: {error}", hint=hint) from error
    finally:
        storage.close()


def repaired_in_batches(rows: Rows, *, thorough: bool = False) -> Iterator[Step]:
    """Repair the index as ``repair.repaired`` does, in transactions of their own."""
    connection = rows.connection
    connection.execute("BEGIN IMMEDIATE")
    for number, step in enumerate(repaired(rows, thorough=thorough), 1):
        yield step
        if number % _BATCH == 0:
            connection.execute("COMMIT")
            connection.execute("BEGIN IMMEDIATE")
    connection.execute("COMMIT")


def repaired_first(folder: str, rows: Rows, extent: Extent) -> Iterator[Result]:
    """Repair the index, and yield a failed result for each file of which it holds nothing."""
    for step in repaired_in_batches(rows):
        extent.tick()
        if step.error:
            path = os.path.join(folder, step.path)
            yield Result.failed(path, step.error, {"file": path})._replace(text="")  # no row among the others


def wait_until_complete(connection: sqlite3.Connection, extent: Extent) -> None:
    """Wait until whoever holds the archive has repaired its index; raises IndexBehind after half a minute."""
    deadline = time.monotonic() + _PATIENCE
    while not is_complete(connection):
        if time.monotonic() > deadline:
            raise IndexBehind("the index is being built, so it does not hold everything yet; try again later")
        time.sleep(_PAUSE)
        extent.tick()


@contextmanager
def _opened(folder: str) -> Iterator[int]:
    root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield root
    finally:
        os.close(root)

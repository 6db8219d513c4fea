"""An index compared with the files of its archive, and made to hold them.

Which folders of series have changed their modification times tell: those that have not are not looked into.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from contextlib import suppress
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.archive.opening import EXHAUSTED, folder_below
from dcmtools.archive.schema import stamp
from dcmtools.errors import InputError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from dcmtools.archive.rows import Rows

# A folder may change again without its time changing within so many nanoseconds, on whatever file system.
_GRAIN: Final = 3_000_000_000
_DEPTH: Final = 3  # patient, study, series
# What opening a folder fails with where there is none: nothing, no folder, a link.
_GONE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_WHOLE: Final = ""  # the archive, among its folders: 1 once a repair has come to its end


@unique
class Change(StrEnum):
    """What became of an instance in the index, or of a folder of a series: looked into, or as it was."""

    ADDED = "added"
    UPDATED = "updated"
    REMOVED = "removed"
    FAILED = "failed"
    LISTED = "listed"
    PASSED = "passed"


class Step(NamedTuple):
    """One step of a repair, at a ``path`` relative to the archive's folder; one that failed has its error."""

    change: Change
    path: str
    error: InputError | None = None


def repaired(rows: Rows, *, thorough: bool = False) -> Iterator[Step]:
    """Make the index hold what the archive does, step by step, each done when it is yielded.

    A ``thorough`` one looks into every folder. Between two steps other instances may be written. A folder
    that cannot be listed fails, and stays in the index as it is. Raises sqlite3.Error, and OSError where the
    process has no room to look.
    """
    rows.record_folder(_WHOLE, 0)
    seen = {_WHOLE}
    for found in folders_below(rows.root):
        if isinstance(found, Step):
            yield found
            continue
        seen.add(found)
        try:
            yield from _repaired_folder(rows, found, thorough=thorough)
        except OSError as error:
            yield _failed(found, error)
    for (path,) in rows.connection.execute("SELECT path FROM folders").fetchall():
        if path not in seen and not _is_there(rows.root, path):
            for name in held_in(rows.connection, path):
                rows.remove(f"{path}/{name}")
                yield Step(Change.REMOVED, f"{path}/{name}")
            rows.drop_folder(path)
    rows.record_folder(_WHOLE, 1)


def is_complete(connection: sqlite3.Connection) -> bool:
    """Tell whether the last repair of an index has come to its end."""
    found = connection.execute("SELECT mtime_ns FROM folders WHERE path = ?", (_WHOLE,)).fetchone()
    return bool(found and found[0])


def folders_below(root: int, above: str = "", depth: int = _DEPTH) -> Iterator[str | Step]:
    """Yield the paths of the folders of series below the open folder ``root``, in order.

    One that cannot be listed is a failed step.
    """
    for name in _folders_in(root):
        path = f"{above}{name}"
        if depth == 1:
            yield path
            continue
        try:
            with folder_below(root, name) as inner:
                yield from folders_below(inner, f"{path}/", depth - 1)
        except FileNotFoundError:
            continue
        except OSError as error:
            yield _failed(path, error)


def files_in(folder: int) -> dict[str, tuple[int, int]]:
    """Return the names of the instances in the open ``folder`` of a series, each with size and stamp of time.

    Raises OSError where it cannot be listed.
    """
    found = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if not (entry.name.endswith(".dcm") and is_ours(entry.name)):
                continue
            with suppress(FileNotFoundError):
                facts = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(facts.st_mode):
                    found[entry.name] = (facts.st_size, stamp(facts.st_mtime_ns))
    return found


def is_ours(name: str) -> bool:
    """Tell whether a name is one that an archive gives: readable, and not hidden."""
    return name.isascii() and name.isprintable() and not name.startswith(".")


def _folders_in(fd: int) -> list[str]:
    with os.scandir(fd) as entries:
        return sorted(
            [entry.name for entry in entries if is_ours(entry.name) and entry.is_dir(follow_symlinks=False)]
        )


def _is_there(root: int, path: str) -> bool:
    try:
        with folder_below(root, path):
            return True
    except OSError as error:  # others are not to say that it is gone
        return error.errno not in _GONE


def _failed(path: str, error: OSError) -> Step:
    """Return what is told of a folder; raise ``error`` where the folder is not what it is about."""
    if error.errno in EXHAUSTED:
        raise error
    return Step(Change.FAILED, path, InputError(error.strerror or str(error)))


def _repaired_folder(rows: Rows, path: str, *, thorough: bool) -> Iterator[Step]:
    """Compare the instances in one folder with their rows."""
    before = time.time_ns()
    recorded = rows.connection.execute("SELECT mtime_ns FROM folders WHERE path = ?", (path,)).fetchone()
    with folder_below(rows.root, path) as folder:
        modified = os.fstat(folder).st_mtime_ns
        if recorded == (stamp(modified),) and not thorough:
            yield Step(Change.PASSED, path)
            return
        held = held_in(rows.connection, path)  # before the files: what comes in between is not taken for gone
        files = files_in(folder)
    whole = True
    for name in sorted(held.keys() - files.keys()):
        rows.remove(f"{path}/{name}")
        yield Step(Change.REMOVED, f"{path}/{name}")
    for name in sorted(name for name in files if held.get(name) != files[name]):
        step = _put(rows, f"{path}/{name}")
        whole = whole and step.change is not Change.FAILED
        yield step
    rows.record_folder(path, stamp(modified) if whole and modified < before - _GRAIN else 0)
    yield Step(Change.LISTED, path)


def _put(rows: Rows, path: str) -> Step:
    try:
        return Step(Change.UPDATED if rows.put(path) else Change.ADDED, path)
    except InputError as error:
        return Step(Change.FAILED, path, error)


def held_in(connection: sqlite3.Connection, folder: str) -> dict[str, tuple[int, int]]:
    """Return what the index holds of the instances in ``folder``: size and modification time by name."""
    found = connection.execute(
        "SELECT path, size, mtime_ns FROM instances WHERE path > ? AND path < ?",
        (f"{folder}/", f"{folder}0"),  # 0 comes after /
    )
    return {path[len(folder) + 1 :]: (size, modified) for path, size, modified in found}

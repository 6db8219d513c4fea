"""Rows in a SQLite database, written whole or not at all."""

from __future__ import annotations

import os
from contextlib import closing
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from dcmtools.errors import OutputError, UsageError
from dcmtools.escaping import escape
from dcmtools.replacing import making
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Generator, Iterator

    from dcmtools.scanning.scan import ScanOptions

TROUBLE: Final = "failures"
_MAGIC: Final = b"SQLite format 3\0"
_OURS: Final = b"dcms"  # the application ID in the header of databases made here; no DICOM file has it
_HEADER: Final = 100
_OTHERS: Final = (".csv", ".tsv", ".json", ".jsonl", ".txt", ".xlsx", ".parquet", ".dcm")
_ID: Final = slice(68, 72)


def check(path: str, *, overwritten: bool) -> None:
    """Raise UsageError where no database can be put at ``path``."""
    if path.lower().endswith(_OTHERS):
        raise UsageError(
            f"{path}: --to writes a SQLite database, which is not what files with this ending are",
            hint="--format csv, tsv or json writes rows to standard output, for > FILE",
        )
    if os.path.isdir(path) or (os.path.exists(path) and not os.path.isfile(path)):
        raise UsageError(f"{path}: there is something else than a file")
    if os.path.lexists(path) and not overwritten:
        raise UsageError(f"{path}: there is a file already", hint="--overwrite replaces it")
    if os.path.exists(path) and not _is_ours(path):
        message = f"{path}: the file that is there is no database of dcmtools scan, and is not replaced"
        raise UsageError(message, hint="take another name, or remove that file")
    folder = os.path.dirname(path) or os.curdir
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"{path}: nothing can be written into {folder}")


def _is_ours(path: str) -> bool:
    """Tell a database that was made here, or an empty file."""
    try:
        with open(path, "rb") as file:
            header = file.read(_HEADER)
    except OSError:
        return False
    return not header or (header.startswith(_MAGIC) and header[_ID] == _OURS)


def stored(results: Iterator[Result], options: ScanOptions) -> Iterator[Result]:
    """Put all rows into a table of the database, what failed into another; yield all else, and how many.

    Raises OutputError, and what was there stays.
    """
    check(options.target, overwritten=options.overwritten)
    try:
        with TemporaryDirectory(prefix="dcmtools-") as folder:
            path = os.path.join(folder, "rows")
            count, counted = yield from _filled(results, options, path)
            over = options.overwritten
            with open(path, "rb") as made, making(options.target, over=over, mode=0o600) as file:
                copyfileobj(made, file)
    except OSError as error:
        raise OutputError(f"{options.target}: {error.strerror or error}") from error
    rows = f"{count} row{'' if count == 1 else 's'}"
    text = f"{rows} in {escape(options.target)}\n"
    record = {"output": options.target, "rows": count}
    yield Result(options.target, record, text=text, counted=counted, weighs=True)


def _filled(
    results: Iterator[Result], options: ScanOptions, path: str
) -> Generator[Result, None, tuple[int, int]]:
    import sqlite3

    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            return (yield from _written(results, options, database))
    except sqlite3.Error as error:
        raise OutputError(f"{options.target}: {error}") from error


def _written(
    results: Iterator[Result], options: ScanOptions, database: sqlite3.Connection
) -> Generator[Result, None, tuple[int, int]]:
    """Put the rows in, in one transaction of a file that nobody else knows.

    Return how many rows there are, and of how many files.
    """
    ours = int.from_bytes(_OURS, "big")
    database.executescript(
        f"PRAGMA application_id = {ours}; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;"
    )
    columns = ", ".join(f"{_quoted(name)} {kind}" for name, kind in _typed(options))
    database.execute(f"CREATE TABLE {_quoted(options.table)} ({columns})")
    database.execute(f"CREATE TABLE {TROUBLE} (file TEXT, error_code TEXT, error_message TEXT)")
    marks = ", ".join("?" * len(options.columns()))
    insert = f"INSERT INTO {_quoted(options.table)} VALUES ({marks})"  # noqa: S608  quoted above
    count = counted = 0
    for result in results:
        database.executemany(insert, [[_stored(value) for value in row] for row in result.rows])
        count += len(result.rows)
        if result.error:
            trouble = escape(result.item), result.error.code, escape(result.error.message)
            database.execute(f"INSERT INTO {TROUBLE} VALUES (?, ?, ?)", trouble)  # noqa: S608  a constant
        if result.rows and result.outcome is Outcome.DONE:
            counted += result.counted
        else:
            yield result._replace(rows=())
    database.execute("COMMIT")
    return count, counted


def _typed(options: ScanOptions) -> list[tuple[str, str]]:
    """Return the columns, no two alike in any case, with the affinity that has numbers compare as such."""
    numbers = {key.column for key in options.asked() if key.is_number} | {"files", "bytes"}
    found: dict[str, tuple[str, str]] = {}
    for name in options.columns():
        unlike = name
        while unlike.lower() in found:
            unlike += "_"
        found[unlike.lower()] = unlike, "NUMERIC" if name in numbers else "TEXT"
    return list(found.values())


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""').replace("\0", "") + '"'


def _stored(value: object) -> object:
    return escape(value) if isinstance(value, str) else value

"""The index of an archive that is being received into: one thread writes, many read.

What is kept is told to ``add``, which takes no time; a query first waits in ``catch_up``. Where the writer
fails, receiving goes on and queries are refused until the next start, which finds what is missing.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections import deque
from contextlib import closing, contextmanager, suppress
from threading import Condition, Thread
from typing import TYPE_CHECKING, Final

from dcmtools.archive.database import IndexBehind, is_ruined, open_database, open_reader, remove_database
from dcmtools.archive.repair import Change, repaired
from dcmtools.archive.rows import Rows
from dcmtools.errors import InputError
from dcmtools.escaping import escape

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from dcmtools.archive.repair import Step
    from dcmtools.net.stop import Stop

logger = logging.getLogger(__name__)

__all__ = ["Index", "IndexBehind"]

# So many instances may wait to be written: then adding waits.
_MOST_WAITING: Final = 10_000
# What one transaction holds, by instances and by seconds; nobody waits for what is not asked for.
_BATCH: Final = 200
_DELAY: Final = 0.05
_SLICE: Final = 0.2  # how often a wait looks whether there is an end to it
_MOST_IDLE: Final = 16  # connections of readers kept open


class Index:
    """The index of the archive in ``folder``, which nobody else may write to meanwhile."""

    def __init__(self, folder: str, stop: Stop | None = None) -> None:
        """Begin to compare the index with the files, in a thread that writes to it from now on.

        Nobody waits for it any longer once ``stop`` is requested.
        """
        self.folder = folder
        self._stop = stop
        self._changed = Condition()
        self._waiting: deque[str] = deque()
        self._added = 0
        self._written = 0
        self._urged = 0
        self._repaired = False
        self._looked_at = 0
        self._closed = False
        self._failure = ""
        self._readers: list[sqlite3.Connection] = []
        self._thread = Thread(target=self._work, name="index", daemon=True)
        self._thread.start()

    def add(self, path: str) -> None:
        """Have the instance at ``path``, relative to the folder, written; called before it is answered.

        Waits only where thousands are waiting.
        """
        with self._changed:
            while len(self._waiting) >= _MOST_WAITING and not self._failure:
                self._changed.wait()
            if self._failure:
                return
            self._waiting.append(path)
            self._added += 1
            if len(self._waiting) in (1, _BATCH):
                self._changed.notify_all()

    def catch_up(self, timeout: float = 30.0) -> None:
        """Wait until the index holds all that was added before, and all that the archive held at the start.

        Raises IndexBehind where that is not so within ``timeout`` seconds, or never will be.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            wanted = self._added
            self._urged += 1
            self._changed.notify_all()
            try:
                while not self._failure and not (self._repaired and self._written >= wanted):
                    left = deadline - time.monotonic()
                    if left <= 0 or self._is_ending():
                        raise IndexBehind(self._how_far(wanted))
                    self._changed.wait(min(left, _SLICE))
            finally:
                self._urged -= 1
            if self._failure:
                raise IndexBehind(self._failure)

    def _is_ending(self) -> bool:
        return self._closed or bool(self._stop and self._stop.count)

    def _how_far(self, wanted: int) -> str:
        if self._is_ending():
            return "the archive is being closed"
        if not self._repaired:
            return f"the index is being built, with {self._looked_at} instances so far"
        return f"the index lacks {wanted - self._written} instances that are still to be written"

    @contextmanager
    def reader(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection that reads one state of the index, to the end of the ``with`` block.

        It must not last: what is written meanwhile cannot be tidied up. Raises IndexBehind where the index
        cannot be read, whatever the block says of that.
        """
        try:
            connection = self._take_reader()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                self._give_back(connection)
        except sqlite3.Error as error:
            if is_ruined(error):
                self._fail(error)
            raise IndexBehind(f"the index cannot be read: {error}") from error

    def _take_reader(self) -> sqlite3.Connection:
        with self._changed:
            if self._failure:
                raise IndexBehind(self._failure)
            if self._readers:
                return self._readers.pop()
        return open_reader(self.folder)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with suppress(sqlite3.Error):
            connection.rollback()
        with self._changed:
            if not (self._closed or self._failure) and len(self._readers) < _MOST_IDLE:
                self._readers.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Write what waits to be written and end; a repair that is not over goes on at the next start."""
        with self._changed:
            self._closed = True
            readers, self._readers = self._readers, []
            self._changed.notify_all()
        for connection in readers:
            connection.close()
        self._thread.join()

    def __enter__(self) -> Self:
        """Use the index in a ``with`` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _work(self) -> None:
        try:
            try:
                self._open()
            except sqlite3.DatabaseError as error:
                if self._repaired or not is_ruined(error):
                    raise
                remove_database(self.folder)
                self._open()
        except Exception as error:  # receiving must go on, whatever it is
            self._fail(error)

    def _open(self) -> None:
        with self._changed:  # what was not written before is found by the repair
            self._written = self._added - len(self._waiting)
        root = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with closing(open_database(self.folder)) as connection:
                self._write(Rows(connection, root))
        finally:
            os.close(root)

    def _write(self, rows: Rows) -> None:
        steps: Iterator[Step] | None = repaired(rows)
        while True:
            paths = self._next(idle=steps is None)
            if not paths and self._closed:
                return
            rows.connection.execute("BEGIN IMMEDIATE")
            for path in paths:
                try:
                    rows.put(path)
                except InputError as error:
                    _tell(path, error)
            if steps and not self._advance(steps):
                steps = None
            rows.connection.execute("COMMIT")
            with self._changed:
                self._written += len(paths)
                self._repaired = steps is None
                self._changed.notify_all()

    def _next(self, *, idle: bool) -> list[str]:
        """Return what is to be written next; where the thread is ``idle`` wait for it, and for more of it."""
        with self._changed:
            if idle:
                while not (self._waiting or self._closed):
                    self._changed.wait()
                if not self._is_urgent():
                    self._changed.wait_for(self._is_urgent, _DELAY)
            return [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]

    def _is_urgent(self) -> bool:
        return bool(self._urged) or self._closed or len(self._waiting) >= _BATCH

    def _advance(self, steps: Iterator[Step]) -> bool:
        """Repair for the time of one transaction; return whether there is more to do."""
        deadline = time.monotonic() + _DELAY
        for step in steps:
            if step.error:
                _tell(step.path, step.error)
            if step.change not in (Change.LISTED, Change.PASSED):
                self._looked_at += 1
            if self._waiting or self._closed or time.monotonic() > deadline:
                return True
        return False

    def _fail(self, error: Exception) -> None:
        reason = getattr(error, "strerror", None) or f"{error}" or type(error).__name__
        with self._changed:
            if self._failure:
                return
            self._failure = f"the index is behind: {reason}"
            self._waiting.clear()
            self._changed.notify_all()
        if isinstance(error, sqlite3.Error) and is_ruined(error):
            with suppress(OSError):
                remove_database(self.folder)
        logger.error(
            "the index of %s cannot be kept (%s): queries are refused until the next start repairs it",
            escape(self.folder),
            escape(reason),
        )


def _tell(path: str, error: InputError) -> None:
    """Log of a file that the index does not hold, by its name: the folders name a patient."""
    logger.warning("%s is not in the index: %s", escape(path.rpartition("/")[2]), error.message)

"""The index of an archive that is being received into: one thread writes, many read.

What is kept is told to ``add``, which takes no time; a query first waits in ``catch_up``. Where the writer
fails, receiving goes on and queries are refused until the index has been repaired, which is tried again and
again.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections import deque
from contextlib import closing, contextmanager, suppress
from functools import partial
from threading import Condition, Thread
from typing import TYPE_CHECKING, Final

from dcmtools.archive.database import (
    IndexBehind,
    identity_of,
    is_ruined,
    open_database,
    open_reader,
    remove_database,
)
from dcmtools.archive.repair import Change, repaired
from dcmtools.archive.rows import Rows
from dcmtools.errors import InputError
from dcmtools.escaping import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from typing import Self

    from dcmtools.archive.repair import Step
    from dcmtools.net.stop import Stop

logger = logging.getLogger(__name__)

__all__ = ["Index", "IndexBehind"]

# So many instances may wait to be written: then adding waits.
_MOST_WAITING: Final = 10_000
# How many are written without waiting for a pause in what comes. Writing takes time from receiving, so it is
# put off; nobody waits for what is not asked for.
_MANY: Final = 1000
_DELAY: Final = 0.05  # seconds without anything new that are such a pause, and what a step of a repair takes
_LATEST: Final = 5.0
_BATCH: Final = 200  # instances in one transaction
_SLICE: Final = 0.2  # how often a wait looks whether there is an end to it
_MOST_IDLE: Final = 16  # connections of readers kept open
# How long a query waits: less than what the usual peers wait for their answer, so that they get one.
_PATIENCE: Final = 8.0
_RETRY: Final = 5.0  # between two beginnings


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
        self._ruined = False
        self._told = ""
        self._identity: tuple[int, int] | None = None
        self._readers: list[sqlite3.Connection] = []  # another list for each beginning
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
            if len(self._waiting) in (1, _MANY):
                self._changed.notify_all()

    def catch_up(self, timeout: float = _PATIENCE) -> None:
        """Wait until the index holds all that was added before, and all that the archive held at the start.

        Raises IndexBehind where that is not so within ``timeout`` seconds, or cannot be.
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
        if not self._failure and identity_of(self.folder) != self._identity:
            self._fail(IndexBehind("somebody has removed or replaced it"))
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

    @property
    def reader(self) -> Callable[[], AbstractContextManager[sqlite3.Connection]]:
        """Lends a connection that reads one state of the index, to the end of a ``with`` block.

        That must not last: what is written meanwhile cannot be tidied up. Raises IndexBehind where the index
        cannot be read, whatever the block says of that, and where it has failed since ``reader`` was got: the
        numbers of rows may be others now.
        """
        return partial(self._lent, self._readers)

    @contextmanager
    def _lent(self, pool: list[sqlite3.Connection]) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._take_reader(pool)
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                self._give_back(connection, pool)
        except sqlite3.Error as error:
            if is_ruined(error):
                self._fail(error)
            raise IndexBehind(f"the index cannot be read: {error}") from error

    def _take_reader(self, pool: list[sqlite3.Connection]) -> sqlite3.Connection:
        with self._changed:
            if self._failure or not self._repaired or pool is not self._readers:
                raise IndexBehind(self._failure or "the index is being repaired")
            if pool:
                return pool.pop()
        return open_reader(self.folder)

    def _give_back(self, connection: sqlite3.Connection, pool: list[sqlite3.Connection]) -> None:
        with suppress(sqlite3.Error):
            connection.rollback()
        with self._changed:
            if pool is self._readers and not self._closed and len(pool) < _MOST_IDLE:
                pool.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Write what waits to be written and end; a repair that is not over goes on at the next start."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._drop_readers()
        self._thread.join()

    def _drop_readers(self) -> None:
        readers, self._readers = self._readers, []
        for connection in readers:
            connection.close()

    def __enter__(self) -> Self:
        """Use the index in a ``with`` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _work(self) -> None:
        """Begin until there is nothing more to write; receiving must go on, whatever is met."""
        while True:
            started = time.monotonic()
            try:
                self._begin()
            except Exception as error:
                self._fail(error)
            else:
                return
            with self._changed:
                if self._changed.wait_for(lambda: self._closed, started + _RETRY - time.monotonic()):
                    return

    def _begin(self) -> None:
        """Open the index, anew where that is found to be needed, repair it and write to it to the end."""
        for anew in (self._ruined, True):
            if anew:
                remove_database(self.folder)
            try:
                self._open()
            except sqlite3.DatabaseError as error:
                if anew or self._repaired or not is_ruined(error):
                    raise
            else:
                return

    def _open(self) -> None:
        with self._changed:
            self._failure = ""
            self._repaired = False
            self._looked_at = 0
            self._written = self._added - len(self._waiting)  # what was not is found by the repair
        root = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with closing(open_database(self.folder)) as connection:
                self._identity = identity_of(self.folder)
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
            if self._told and self._repaired:
                self._told = ""
                logger.warning("the index of %s holds everything again", escape(self.folder))

    def _next(self, *, idle: bool) -> list[str]:
        """Return what is to be written next; where the thread is ``idle`` wait for it, and for a pause.

        Within a repair it is nothing but what would become too much: no query is answered before its end.
        """
        with self._changed:
            if idle:
                self._changed.wait_for(lambda: self._waiting or self._closed or self._failure)
                self._wait_for_a_pause()
            if self._failure:  # that a reader has met
                raise IndexBehind(self._failure)
            if not (idle or self._closed or len(self._waiting) >= _MANY):
                return []
            return [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]

    def _wait_for_a_pause(self) -> None:
        latest = time.monotonic() + _LATEST
        before = -1
        while self._added != before and time.monotonic() < latest:
            before = self._added
            if self._changed.wait_for(self._is_urgent, _DELAY):
                return

    def _is_urgent(self) -> bool:
        return bool(self._urged or self._closed or self._failure or len(self._waiting) >= _MANY)

    def _advance(self, steps: Iterator[Step]) -> bool:
        """Repair for the time of one transaction; return whether there is more to do."""
        deadline = time.monotonic() + _DELAY
        for step in steps:
            if step.error:
                _tell(step.path, step.error)
            if step.change not in (Change.LISTED, Change.PASSED):
                self._looked_at += 1
            if self._closed or time.monotonic() > deadline:
                return True
        return False

    def _fail(self, error: Exception) -> None:
        """Refuse queries from now on, and have the thread begin again."""
        reason = getattr(error, "strerror", None) or f"{error}" or type(error).__name__
        with self._changed:
            if self._failure:
                return
            self._failure = f"the index is behind: {reason}"
            self._ruined = isinstance(error, sqlite3.Error) and is_ruined(error)
            self._waiting.clear()
            self._changed.notify_all()
            self._drop_readers()
            told, self._told = self._told, reason
        if reason != told:
            logger.error(
                "the index of %s cannot be kept (%s): queries are refused until it is repaired",
                escape(self.folder),
                escape(reason),
            )


def _tell(path: str, error: InputError) -> None:
    """Log of a file that the index does not hold, by its name: the folders name a patient."""
    logger.warning("%s is not in the index: %s", escape(path.rpartition("/")[2]), error.message)

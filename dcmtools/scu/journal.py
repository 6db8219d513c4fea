"""What has been sent, in a file: a run that was killed goes on where it ended.

A line is written before each sending and after each answer, in one write to a file that is only ever added
to. A file is known by peer, SOP Instance UID, path, size and modification time; a changed one is another,
and one with all of these the same is the same. How its data set was encoded on the way is no part of it: the
peer has the instance either way.
The lock on the journal keeps two runs from sending the same; it is why a journal is never renamed.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from dcmtools.errors import OutputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

    from dcmtools.files.instance import Instance

_HEADER: Final = {"journal": "dcmtools store", "version": 1}
_LONGEST: Final = 65536  # a line; the longest path, escaped, takes 24 KB
_SYNC_INTERVAL: Final = 0.5  # seconds; what a crash of the machine may make unknown, and so is sent again

Key: TypeAlias = tuple[str, str, str, tuple[int, ...]]


class Journal:
    """An open journal, locked for this run; ``with`` it, at the end everything is on disk."""

    def __init__(self, path: str, peer: str) -> None:
        """Open or begin the journal at ``path`` for what is sent to ``peer``.

        Raises UsageError where it is in use by another run, no journal, or cannot be opened or locked.
        """
        self._path = path
        self._peer = peer
        self._lock = Lock()  # of the associations of this run
        self._stored: set[Key] = set()
        self._begun: set[Key] = set()
        self._synced = time.monotonic()
        self._broken: OutputError | None = None
        try:
            self._fd = os.open(
                path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600
            )
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from error
        try:
            self._begin()
        except BaseException:
            os.close(self._fd)
            raise

    def _begin(self) -> None:
        if not stat.S_ISREG(os.fstat(self._fd).st_mode):
            raise UsageError(f"{self._path}: a journal has to be a file")
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"{self._path}: another run is using this journal"
            raise UsageError(message, hint="let it end, or give this one a journal of its own") from error
        except OSError as error:
            raise UsageError(f"{self._path}: it cannot be locked ({error.strerror})") from error
        try:
            with open(os.dup(self._fd), "rb") as file:
                first = file.readline(_LONGEST)
                if first and _parsed(first) != _HEADER:
                    raise UsageError(f"{self._path}: this is no journal of dcmtools store")
                self._read(iter(partial(file.readline, _LONGEST), b""))
            if not first:
                self._write_header()
            elif not _ends_a_line(self._fd):  # the last run was killed while it wrote
                os.write(self._fd, b"\n")
        except OSError as error:
            raise UsageError(f"{self._path}: {error.strerror}") from error

    def _read(self, lines: Iterator[bytes]) -> None:
        """Take note of what the journal says of this peer; a line that says nothing is as good as none."""
        known = {"begun": self._begun, "stored": self._stored}
        for line in lines:
            entry = _parsed(line)
            if entry.get("peer") != self._peer:
                continue
            try:
                key = (self._peer, entry["sop_instance_uid"], entry["file"], tuple(entry["identity"]))
                if entry["event"] in known:
                    known[entry["event"]].add(key)
            except (KeyError, TypeError):
                continue

    def is_stored(self, instance: Instance) -> bool:
        """Tell whether the peer has acknowledged ``instance``."""
        return self._key(instance) in self._stored

    def is_begun(self, instance: Instance) -> bool:
        """Tell whether ``instance`` may have been sent without an answer that was noted."""
        return self._key(instance) in self._begun

    def begin(self, instance: Instance) -> None:
        """Note that ``instance`` is about to be sent; raises OutputError where that cannot be written."""
        self._note("begun", instance)

    def answered(self, instance: Instance, status: str) -> None:
        """Note that the peer has stored ``instance``, and every now and then have all notes on disk."""
        self._note("stored", instance, status=status)
        if time.monotonic() - self._synced >= _SYNC_INTERVAL:
            self._synced = time.monotonic()
            self._sync()

    def _note(self, event: str, instance: Instance, **more: str) -> None:
        peer, uid, path, identity = self._key(instance)
        entry = {"event": event, "peer": peer, "sop_instance_uid": uid, "file": path, "identity": identity}
        self._write(entry | more)

    def _key(self, instance: Instance) -> Key:
        # Device and inode are the first two; after a move of the disk they are others.
        return self._peer, instance.sop_instance_uid, os.path.abspath(instance.path), instance.identity[2:]

    def _write_header(self) -> None:
        try:
            self._write(_HEADER)
        except OutputError:
            os.ftruncate(self._fd, 0)  # half a header would be that of no journal
            raise

    def _write(self, entry: dict[str, Any]) -> None:
        """Add a line; after one that could not be written whole none is, or it would be the rest of that."""
        line = json.dumps(entry).encode() + b"\n"
        with self._lock:
            if self._broken:
                raise self._broken
            try:
                written = os.write(self._fd, line)
            except OSError as error:
                self._broken = OutputError(f"{self._path}: {error.strerror}")
            else:
                if written == len(line):
                    return
                self._broken = OutputError(f"{self._path}: only part of a line could be written")
            raise self._broken

    def _sync(self) -> None:
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            self._broken = OutputError(f"{self._path}: {error.strerror}")
            raise self._broken from error

    def __enter__(self) -> Self:
        """Use the journal in a ``with`` block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Have everything on disk, and let go of the lock."""
        try:
            if not self._broken:
                self._sync()
        finally:
            os.close(self._fd)


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}


def _ends_a_line(fd: int) -> bool:
    return os.pread(fd, 1, os.fstat(fd).st_size - 1) == b"\n"

"""Received instances on disk, in ``PATIENT/STUDY/SERIES/SOP.dcm`` below one folder.

An instance grows under a temporary name, is made durable, and only then appears under its own name, by a
link that never replaces anything; where replacing is wanted a rename does it. Names come from data sets, so
each is a safe name, and each folder is opened from the one above it without following links.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import ExitStack, suppress
from itertools import count
from typing import TYPE_CHECKING, Final

from dcmtools.archive.duplicates import DuplicateError, How, Kept, OnDuplicate, same_data_set
from dcmtools.archive.opening import open_below
from dcmtools.errors import InputError, OutputError, UsageError
from dcmtools.files.names import INCOMING, LOCK, PART, place_of
from dcmtools.files.source import FileSource

if TYPE_CHECKING:
    from collections.abc import Sequence

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# As much of an instance as a walk to its pixels needs stays in memory, where it costs no call to read it.
_HEAD: Final = 20 * 1024
_MAX_BESIDE: Final = 99
_MAX_SETTLED: Final = 10_000
# What a file system answers that keeps no hard links, or has no way to force a folder to disk.
_UNSUPPORTED: Final = (errno.EPERM, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


class HeldError(UsageError):
    """Another process holds the folder."""

    code = "held"


class Storage:
    """A folder that instances are received into; one process at a time holds it.

    Its threads share it: what they do at the same time is told apart by the names of temporary files, and
    decided by which link comes first.
    """

    def __init__(
        self, folder: str, *, durable: bool = True, on_duplicate: OnDuplicate = OnDuplicate.REJECT
    ) -> None:
        """Take hold of ``folder``, making it if need be, and clear what a killed process left unfinished.

        Without ``durable`` nothing is forced to disk. ``on_duplicate`` says what becomes of another data
        set under a name that is taken. Raises UsageError where the folder cannot be used.
        """
        self.folder = folder
        self._durable = durable
        self._on_duplicate = on_duplicate
        self._prefix = os.getpid()
        self._serial = count(1)
        self._settled: set[tuple[str, ...]] = set()
        self._held = ExitStack()
        try:
            _make(folder, durable=durable)
            self._root = self._hold(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        except OSError as error:
            raise UsageError(f"{folder}: {error.strerror}") from error
        try:
            self._take()
        except BlockingIOError as error:
            self.close()
            raise HeldError(f"{folder}: another process holds this folder: serve or archive") from error
        except OSError as error:
            self.close()
            raise UsageError(f"{os.path.join(folder, INCOMING)}: {error.strerror}") from error

    def _hold(self, fd: int) -> int:
        self._held.callback(os.close, fd)
        return fd

    def _take(self) -> None:
        """Lock the folder of temporary files, and look whether it can be used."""
        with suppress(FileExistsError):
            os.mkdir(INCOMING, 0o700, dir_fd=self._root)
        self._incoming = self._hold(os.open(INCOMING, _FOLDER, dir_fd=self._root))
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        lock = self._hold(os.open(LOCK, flags, 0o600, dir_fd=self._incoming))
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for name in os.listdir(self._incoming):
            if name.endswith(PART):
                os.unlink(name, dir_fd=self._incoming)
        try:
            os.link(LOCK, PART, src_dir_fd=self._incoming, dst_dir_fd=self._incoming)
        except OSError as error:
            if error.errno in _UNSUPPORTED:
                raise OSError(
                    error.errno, "this file system has no hard links, which receiving needs"
                ) from error
            raise
        os.unlink(PART, dir_fd=self._incoming)

    def close(self) -> None:
        """Let go of the folder."""
        self._held.close()

    def begin(self) -> Incoming:
        """Return a new temporary file to write an instance to; raises OutputError."""
        name = f"{self._prefix}-{next(self._serial)}{PART}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            return Incoming(self, name, os.open(name, flags, 0o600, dir_fd=self._incoming))
        except OSError as error:
            raise OutputError(error.strerror or str(error)) from error

    def open(self, path: str) -> FileSource:
        """Open the instance that is kept at ``path``, as ``Kept`` has it; raises InputError."""
        return open_below(self._root, path)

    def keep(self, part: Incoming, folders: Sequence[str], stem: str) -> Kept:
        """Give ``part`` its final name, ``stem`` and ``.dcm``, below ``folders``; see ``Incoming.keep``."""
        if self._durable:
            os.fdatasync(part.fd)
        with ExitStack() as opened:
            current = self._root
            for depth in range(1, len(folders) + 1):
                path = tuple(folders[:depth])
                inner = self._enter(current, path)
                opened.callback(os.close, inner)
                self._settle(current, path)
                current = inner
            how, name = self._name(part, current, stem)
            if self._durable:
                _sync_folder(current)
            return Kept(how, os.path.join(*folders, name))

    def _enter(self, parent: int, path: tuple[str, ...]) -> int:
        """Open the folder at ``path``, the last part of which is in ``parent``, making it if need be."""
        try:
            return os.open(path[-1], _FOLDER, dir_fd=parent)
        except FileNotFoundError:
            self._settled.discard(path)  # somebody has removed the folder that was settled
            with suppress(FileExistsError):  # another thread was quicker
                os.mkdir(path[-1], 0o700, dir_fd=parent)
            return os.open(path[-1], _FOLDER, dir_fd=parent)

    def _settle(self, parent: int, path: tuple[str, ...]) -> None:
        """Make the entry of the folder ``path`` in its ``parent`` durable, once in a run."""
        if not self._durable or path in self._settled:
            return
        _sync_folder(parent)
        if len(self._settled) >= _MAX_SETTLED:
            self._settled.clear()
        self._settled.add(path)

    def _name(self, part: Incoming, folder: int, stem: str) -> tuple[How, str]:
        """Give ``part`` a name in ``folder``, the first that will do; return it, and what that means."""
        name = f"{stem}.dcm"
        if self._link(part, folder, name):
            return How.NEW, name
        if _holds(folder, name, part):
            return How.SAME, name
        if self._on_duplicate is OnDuplicate.REPLACE:
            self._replace(part, folder, name)
            return How.REPLACED, name
        if self._on_duplicate is OnDuplicate.KEEP:
            return self._beside(part, folder, stem)
        raise DuplicateError("another data set is kept under this SOP Instance UID")

    def _link(self, part: Incoming, folder: int, name: str) -> bool:
        """Return whether ``name`` was free, and is the instance's now."""
        try:
            os.link(part.name, name, src_dir_fd=self._incoming, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:
            return False
        return True

    def _replace(self, part: Incoming, folder: int, name: str) -> None:
        if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise DuplicateError("something else than a file has the name of this SOP Instance UID")
        os.rename(part.name, name, src_dir_fd=self._incoming, dst_dir_fd=folder)
        part.moved = True

    def _beside(self, part: Incoming, folder: int, stem: str) -> tuple[How, str]:
        """Find a name with a number, which no UID has: ``1.2.3-2.dcm`` is never another's."""
        for number in range(2, _MAX_BESIDE + 2):
            name = f"{stem}-{number}.dcm"
            if self._link(part, folder, name):
                return How.BESIDE, name
            if _holds(folder, name, part):
                return How.SAME, name
        raise DuplicateError(f"{_MAX_BESIDE + 1} other data sets are kept under this SOP Instance UID")

    def discard(self, part: Incoming) -> None:
        """Remove the temporary file; where that fails the next start does it."""
        try:
            os.unlink(part.name, dir_fd=self._incoming)
        except OSError as error:
            import logging  # 9 ms, for what hardly ever happens

            logging.getLogger(__name__).warning("%s cannot be removed: %s", part.name, error.strerror)


class Incoming:
    """An instance that is being received; in a ``with`` block, whose end removes the temporary file."""

    def __init__(self, storage: Storage, name: str, fd: int) -> None:
        """Write to ``fd``, the file ``name`` of the storage's temporary folder."""
        self._storage = storage
        self._head = bytearray()
        self.name = name
        self.fd = fd
        self.size = 0
        self.moved = False

    def write(self, *blocks: bytes | memoryview) -> None:
        """Append ``blocks``; raises OutputError where the disk does not take them."""
        total = sum(map(len, blocks))
        try:
            written = os.writev(self.fd, blocks)
            if written < total:
                self._write_rest(memoryview(b"".join(blocks))[written:])
        except OSError as error:
            raise OutputError(error.strerror or str(error)) from error
        self.size += total
        if (room := _HEAD - len(self._head)) > 0:
            for block in blocks:
                self._head += block[:room]
                room = _HEAD - len(self._head)

    def _write_rest(self, rest: memoryview) -> None:
        while rest:
            rest = rest[os.write(self.fd, rest) :]

    def read(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes of what was written, from ``offset``.

        Raises InputError where it is not that long, OutputError where the disk does not give it back.
        """
        if offset + length > self.size:
            message = f"the data ended at offset {self.size}"
            raise InputError(message)
        if offset + length <= len(self._head):
            return bytes(self._head[offset : offset + length])
        try:
            data = os.pread(self.fd, length, offset)
        except OSError as error:
            raise OutputError(error.strerror or str(error)) from error
        if len(data) < length:
            raise OutputError("the temporary file has shrunk")
        return data

    def keep(self, patient_id: str, study_uid: str, series_uid: str, sop_uid: str) -> Kept:
        """Make the instance durable under its final name; return that, and how it got it.

        Raises DuplicateError where another data set has the name, unless the storage knows a way, and
        OutputError where the disk fails; what was kept before then stays as it is.
        """
        *folders, stem = place_of(patient_id, study_uid, series_uid, sop_uid)
        try:
            return self._storage.keep(self, folders, stem)
        except OSError as error:
            raise OutputError(error.strerror or str(error)) from error

    def __enter__(self) -> Incoming:
        """Receive in a ``with`` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close and remove the temporary file, a second name of the instance unless it became the only one.

        Raises OutputError where closing tells that the disk has not taken all of it.
        """
        try:
            os.close(self.fd)
        except OSError as error:
            raise OutputError(error.strerror or str(error)) from error
        finally:
            if not self.moved:
                self._storage.discard(self)


def is_held(folder: str) -> bool:
    """Tell whether a process receives into ``folder``; raises OSError where that cannot be told."""
    try:
        lock = os.open(os.path.join(folder, INCOMING, LOCK), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _holds(folder: int, name: str, part: Incoming) -> bool:
    """Tell whether the file ``name`` in ``folder`` holds the data set of ``part``."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with FileSource(os.open(name, flags, dir_fd=folder)) as kept, FileSource.duplicate(part.fd) as received:
        return same_data_set(received, kept)


def _make(folder: str, *, durable: bool) -> None:
    """Make ``folder`` and what is missing above it, for the owner alone."""
    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder.rstrip("/")) or "."
    if folder:
        _make(parent, durable=durable)
    with suppress(FileExistsError):  # which opening it looks at more closely
        os.mkdir(folder, 0o700)
    if durable:
        fd = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _sync_folder(fd)
        finally:
            os.close(fd)


def _sync_folder(fd: int) -> None:
    """Force the entries of a folder to disk, where the file system has a way to."""
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise

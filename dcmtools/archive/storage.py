"""Received instances on disk, in ``PATIENT/STUDY/SERIES/SOP.dcm`` below one folder.

An instance grows under a temporary name, is made durable, and only then appears under its own name, by a
link that never replaces anything. Names come from data sets, so each is a safe name, and each folder is
opened from the one above it without following links.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Final

from dcmtools.errors import DcmtoolsError, InputError, OutputError
from dcmtools.files.names import safe_name
from dcmtools.files.part10 import Part10File
from dcmtools.files.source import FileSource

if TYPE_CHECKING:
    from collections.abc import Sequence

INCOMING: Final = ".incoming"
_LOCK: Final = "lock"
_PART: Final = ".part"
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK: Final = 1024 * 1024
_MAX_SETTLED: Final = 10_000


class DuplicateError(DcmtoolsError):
    """Another data set is kept under the same name already."""

    code = "duplicate"


class Storage:
    """A folder that instances are received into; one process at a time holds it."""

    def __init__(self, folder: str, *, durable: bool = True) -> None:
        """Take hold of ``folder``, making it if need be, and clear what a killed process left unfinished.

        Without ``durable`` nothing is forced to disk. Raises OutputError where the folder cannot be used.
        """
        self.folder = folder
        self._durable = durable
        self._serial = count(1)
        self._settled: set[tuple[str, ...]] = set()
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            self._root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            self._incoming = _subfolder(self._root, INCOMING)
            lock = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            self._lock = os.open(_LOCK, lock, 0o600, dir_fd=self._incoming)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(f"{folder}: another server is receiving into this folder") from error
        except OSError as error:
            raise OutputError(f"{folder}: {error.strerror}") from error
        for name in os.listdir(self._incoming):
            if name.endswith(_PART):
                os.unlink(name, dir_fd=self._incoming)

    def begin(self) -> Incoming:
        """Return a new temporary file to write an instance to; raises OutputError."""
        name = f"{os.getpid()}-{next(self._serial)}{_PART}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            return Incoming(self, name, os.open(name, flags, 0o600, dir_fd=self._incoming))
        except OSError as error:
            raise OutputError(error.strerror or str(error)) from error

    def close(self) -> None:
        """Let go of the folder."""
        for fd in (self._lock, self._incoming, self._root):
            os.close(fd)

    def keep(self, part: Incoming, folders: Sequence[str], name: str) -> bool:
        """Give ``part`` its final ``name`` below ``folders``; see ``Incoming.keep``."""
        if self._durable:
            os.fdatasync(part.fd)
        current = os.dup(self._root)
        try:
            for depth, folder in enumerate(folders, 1):
                inner = _subfolder(current, folder)
                self._settle(current, tuple(folders[:depth]))
                os.close(current)
                current = inner
            linked = self._link(part, current, name)
            if self._durable:
                os.fsync(current)
            return linked
        finally:
            os.close(current)

    def _settle(self, parent: int, path: tuple[str, ...]) -> None:
        """Make the entry of the folder ``path`` in its ``parent`` durable, once in a run."""
        if not self._durable or path in self._settled:
            return
        os.fsync(parent)
        if len(self._settled) >= _MAX_SETTLED:
            self._settled.clear()
        self._settled.add(path)

    def _link(self, part: Incoming, folder: int, name: str) -> bool:
        try:
            os.link(part.name, name, src_dir_fd=self._incoming, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            with FileSource(os.open(name, flags, dir_fd=folder)) as kept:
                if not _same_data_set(part, kept):
                    raise DuplicateError("another data set is kept under this SOP Instance UID") from None
            return False
        return True

    def discard(self, part: Incoming) -> None:
        """Remove the temporary file."""
        with suppress(FileNotFoundError):
            os.unlink(part.name, dir_fd=self._incoming)


class Incoming:
    """An instance that is being received; in a ``with`` block, whose end removes the temporary file."""

    def __init__(self, storage: Storage, name: str, fd: int) -> None:
        """Write to ``fd``, the file ``name`` of the storage's temporary folder."""
        self._storage = storage
        self.name = name
        self.fd = fd

    def write(self, data: bytes | memoryview) -> None:
        """Append ``data``; raises OutputError where the disk does not take it."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self.fd, view) :]
        except OSError as error:
            raise OutputError(error.strerror or str(error)) from error

    def keep(self, patient_id: str, study_uid: str, series_uid: str, sop_uid: str) -> bool:
        """Make the instance durable under its final name; return False where the same one was kept already.

        Raises DuplicateError where another data set has the name, OutputError where the disk fails; what
        was kept before stays as it is.
        """
        folders = [safe_name(part or "UNKNOWN") for part in (patient_id, study_uid, series_uid)]
        try:
            return self._storage.keep(self, folders, f"{safe_name(sop_uid)}.dcm")
        except OSError as error:
            raise OutputError(error.strerror or str(error)) from error

    def __enter__(self) -> Incoming:
        """Receive in a ``with`` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close and remove the temporary file, which is a second name of the instance if that was kept."""
        os.close(self.fd)
        self._storage.discard(self)


def _subfolder(parent: int, name: str) -> int:
    """Open the folder ``name`` of ``parent``, making it where it is not there."""
    try:
        return os.open(name, _FOLDER, dir_fd=parent)
    except FileNotFoundError:
        with suppress(FileExistsError):  # another thread was quicker
            os.mkdir(name, 0o700, dir_fd=parent)
        return os.open(name, _FOLDER, dir_fd=parent)


def _same_data_set(part: Incoming, kept: FileSource) -> bool:
    """Tell whether two files hold the same data set in the same syntax, whatever their meta says."""
    with FileSource.duplicate(part.fd) as received:
        try:
            ours, theirs = Part10File(received), Part10File(kept)
        except InputError:
            return False
        length = received.size - ours.data_set_offset
        if (ours.transfer_syntax, length) != (theirs.transfer_syntax, kept.size - theirs.data_set_offset):
            return False
        for offset in range(0, length, _CHUNK):
            size = min(_CHUNK, length - offset)
            if received.read(ours.data_set_offset + offset, size) != kept.read(
                theirs.data_set_offset + offset, size
            ):
                return False
        return True

"""Bytes to read from: an open file, what came through a pipe, or memory."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING, BinaryIO, Final

from dcmtools.errors import InputError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

STDIN: Final = "-"
_CHUNK: Final = 1024 * 1024


class FileSource:
    """An open file of ``size`` bytes, read by offset; the descriptor is closed with the source."""

    __slots__ = ("_stat", "fd", "size")

    def __init__(self, fd: int) -> None:
        """Take over ``fd`` and note its size and modification time."""
        self.fd = fd
        self._stat = os.fstat(fd)
        self.size = self._stat.st_size

    @classmethod
    def open(cls, path: str) -> Self:
        """Open ``path`` for reading, ``-`` for standard input.

        What comes through a pipe is kept in a temporary file without a name. Raises InputError with the
        system's reason, or where ``path`` is neither file nor pipe.
        """
        try:
            return cls(_stdin() if path == STDIN else _open(path))
        except OSError as error:
            raise InputError(error.strerror or str(error)) from error

    @classmethod
    def duplicate(cls, fd: int) -> Self:
        """Read from the open file ``fd``, which stays open when the source is closed."""
        return cls(os.dup(fd))

    def read(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset``; raise InputError where the file no longer has them."""
        if offset + length > self.size:  # before room is made for what cannot come
            message = f"the file ends at offset {self.size}, before offset {offset + length}"
            raise InputError(message)
        try:
            data = os.pread(self.fd, length, offset)
            while len(data) < length:  # one read moves at most 2 GiB, or a file has shrunk
                more = os.pread(self.fd, length - len(data), offset + len(data))
                if not more:
                    message = f"the file ended at offset {offset + len(data)} while it was read"
                    raise InputError(message)
                data += more
        except OSError as error:
            raise InputError(error.strerror or str(error)) from error
        return data

    @property
    def identity(self) -> tuple[int, ...]:
        """What tells this file, as it is, from any other: device, inode, size, modification time."""
        return _identity(self._stat)

    def unchanged(self) -> bool:
        """Tell whether the file still is what it was at opening."""
        return _identity(os.fstat(self.fd)) == self.identity

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.fd)

    def __enter__(self) -> Self:
        """Use the source in a ``with`` block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the descriptor at the end of the block."""
        self.close()


def _identity(stat: os.stat_result) -> tuple[int, ...]:
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


class MemorySource:
    """Bytes in memory, read by offset."""

    __slots__ = ("_data", "size")

    def __init__(self, data: bytes) -> None:
        """Read from ``data``."""
        self._data = data
        self.size = len(data)

    def read(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset``; raise InputError where there are fewer."""
        data = self._data[offset : offset + length]
        if len(data) < length:
            message = f"the data ended at offset {self.size}"
            raise InputError(message)
        return data


def _open(path: str) -> int:
    """Return a descriptor of the file at ``path``, or of what comes through the pipe there."""
    if stat.S_ISFIFO(os.stat(path).st_mode):
        with open(path, "rb", buffering=0) as pipe:
            return _spooled(pipe)
    # Not to wait for a writer, should a pipe just have taken the place of a file.
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        _require_file(os.fstat(fd).st_mode)
    except InputError:
        os.close(fd)
        raise
    return fd


def _stdin() -> int:
    """Return a descriptor of standard input where it is a file, else of what comes through it."""
    if sys.stdin is None:
        raise InputError("standard input is closed")
    try:
        fd = sys.stdin.fileno()
    except OSError:  # not backed by a descriptor
        return _spooled(sys.stdin.buffer)
    mode = os.fstat(fd).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        return _spooled(sys.stdin.buffer)
    _require_file(mode)
    if os.lseek(fd, 0, os.SEEK_CUR):  # somebody has read the beginning
        return _spooled(sys.stdin.buffer)
    return os.dup(fd)


def _require_file(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise InputError("it is a folder" if stat.S_ISDIR(mode) else "not a regular file")


def _spooled(stream: BinaryIO) -> int:
    """Return a descriptor of an unlinked temporary file with all that ``stream`` has to give."""
    from tempfile import TemporaryFile

    with TemporaryFile() as file:
        while data := stream.read(_CHUNK):
            file.write(data)
        file.flush()
        return os.dup(file.fileno())

"""Bytes to read from: an open file, or what came through a pipe."""

from __future__ import annotations

import os
import stat
import sys
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final

from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable
    from types import TracebackType
    from typing import Self

STDIN: Final = "-"
_CHUNK: Final = 1024 * 1024


class Kept:
    """Descriptors of temporary files that cannot be made again, or only at a price, by what they hold.

    They are closed where the outermost ``with`` block ends.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._held: dict[Hashable, int] = {}
        self.users = 0

    def get(self, key: Hashable) -> int | None:
        """Return a duplicate of the descriptor kept as ``key``, None where there is none."""
        fd = self._held.get(key)
        return None if fd is None else os.dup(fd)

    def has(self, key: Hashable) -> bool:
        """Tell whether something is kept as ``key``."""
        return key in self._held

    def put(self, key: Hashable, fd: int) -> None:
        """Keep a duplicate of ``fd`` as ``key``."""
        self.drop(key)
        self._held[key] = os.dup(fd)

    def drop(self, key: Hashable) -> None:
        """Close what is kept as ``key``."""
        if key in self._held:
            os.close(self._held.pop(key))

    def __enter__(self) -> Self:
        """Begin to need what is kept."""
        self.users += 1
        return self

    def __exit__(self, *_: object) -> None:
        """Close everything unless somebody else needs it."""
        self.users -= 1
        if not self.users:
            for key in list(self._held):
                self.drop(key)


KEPT: Final = Kept()
"""What came through pipes, by path, as long as somebody needs it; and archives expanded."""


class FileSource:
    """An open file of ``size`` bytes, read by offset; the descriptor is closed with the source."""

    __slots__ = ("_adopted", "_base", "_identity", "_stat", "fd", "size")

    def __init__(
        self, fd: int, window: tuple[int, int] | None = None, identity: tuple[int, ...] | None = None
    ) -> None:
        """Take over ``fd`` and note its size and modification time.

        A ``window``, offset and size, takes these bytes of it for the file. ``identity`` stands in for
        what the system says of the file.
        """
        self.fd = fd
        self._stat = os.fstat(fd)
        self._base, self.size = window or (0, self._stat.st_size)
        self._identity = identity
        self._adopted: list[FileSource] = []

    @classmethod
    def open(cls, path: str, *, pipes: bool = True) -> Self:
        """Open ``path`` for reading, ``-`` for standard input.

        What comes through a pipe is put into a temporary file without a name, and can be opened again as long
        as it is ``KEPT``; without ``pipes`` only that is opened of them. Raises InputError with the system's
        reason, or where ``path`` is neither file nor pipe.
        """
        try:
            fd = KEPT.get(path)
            if fd is None:
                fd = _stdin() if path == STDIN else _open(path, pipes=pipes)
            return cls(fd)
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
            data = os.pread(self.fd, length, self._base + offset)
            while len(data) < length:  # one read moves at most 2 GiB, or a file has shrunk
                more = os.pread(self.fd, length - len(data), self._base + offset + len(data))
                if not more:
                    message = f"the file ended at offset {offset + len(data)} while it was read"
                    raise InputError(message)
                data += more
        except OSError as error:
            raise InputError(error.strerror or str(error)) from error
        return data

    def place(self, offset: int) -> int:
        """Return where the byte at ``offset`` is in the file that the descriptor is of."""
        return self._base + offset

    @property
    def window(self) -> tuple[int, int]:
        """Which bytes of ``fd`` are those of the file: offset and size."""
        return self._base, self.size

    @property
    def identity(self) -> tuple[int, ...]:
        """What tells this file, as it is, from any other: device, inode, size, modification time."""
        return self._identity or _identity(self._stat)

    def unchanged(self) -> bool:
        """Tell whether the file still is what it was at opening."""
        return _identity(os.fstat(self.fd)) == _identity(self._stat)

    def adopt(self, other: FileSource) -> None:
        """Have ``other``, made of this one, closed with it."""
        self._adopted.append(other)

    def close(self) -> None:
        """Close the descriptor, and whatever was adopted."""
        os.close(self.fd)
        for other in self._adopted:
            other.close()

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


def _open(path: str, *, pipes: bool) -> int:
    """Return a descriptor of the file at ``path``, or of what comes through the pipe there."""
    if pipes and stat.S_ISFIFO(os.stat(path).st_mode):
        with open(path, "rb", buffering=0) as pipe:
            return _kept(path, pipe)
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
        return _kept(STDIN, sys.stdin.buffer)
    mode = os.fstat(fd).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        return _kept(STDIN, sys.stdin.buffer)
    _require_file(mode)
    if os.lseek(fd, 0, os.SEEK_CUR):  # somebody has read the beginning
        return _kept(STDIN, sys.stdin.buffer)
    if KEPT.users:  # processes that are forked have another standard input
        KEPT.put(STDIN, fd)
    return os.dup(fd)


def _require_file(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise InputError("it is a folder" if stat.S_ISDIR(mode) else "not a regular file")


def _kept(path: str, pipe: BinaryIO) -> int:
    """Return a descriptor of all that ``pipe`` has to give, which comes only once."""
    fd = spooled(iter(partial(pipe.read, _CHUNK), b""))
    if KEPT.users:
        KEPT.put(path, fd)
    return fd


def spooled(pieces: Iterable[bytes]) -> int:
    """Return a descriptor of a temporary file without a name that holds ``pieces``; raises OSError."""
    from tempfile import TemporaryFile

    with TemporaryFile() as file:
        file.writelines(pieces)
        file.flush()
        return os.dup(file.fileno())

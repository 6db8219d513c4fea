"""Bytes to read from: an open file, or memory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dcmtools.errors import InputError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


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
        """Open ``path`` for reading; raise InputError with the system's reason where that fails."""
        try:
            return cls(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            raise InputError(error.strerror or str(error)) from error

    @classmethod
    def duplicate(cls, fd: int) -> Self:
        """Read from the open file ``fd``, which stays open when the source is closed."""
        return cls(os.dup(fd))

    def read(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset``; raise InputError where the file no longer has them."""
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
    def identity(self) -> tuple[int, int]:
        """Size in bytes and modification time in nanoseconds at opening."""
        return self._stat.st_size, self._stat.st_mtime_ns

    def unchanged(self) -> bool:
        """Tell whether size and modification time still are what they were at opening."""
        now = os.fstat(self.fd)
        return (now.st_size, now.st_mtime_ns) == self.identity

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

"""Bytes in memory that can be walked like those of a file."""

from __future__ import annotations

from dcmtools.errors import InputError


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

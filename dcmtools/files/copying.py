"""Bytes from one file to another, within the system where it does that."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from dcmtools.files.source import FileSource

if TYPE_CHECKING:
    from dcmtools.encoding.element import Source

_BLOCK: Final = 1024 * 1024
# Of systems, or pairs of file systems, that do not copy from file to file.
_NOT_COPIED: Final = (errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM)


def write(out: int, data: bytes | bytearray) -> None:
    """Write all of ``data``: one call writes at most 2 GiB, or what there is room for; raises OSError."""
    written = os.write(out, data) if data else 0
    while written < len(data):
        written += os.write(out, memoryview(data)[written:])


def copy(source: Source, offset: int, length: int, out: int) -> None:
    """Copy ``length`` bytes of ``source`` from ``offset``; raises InputError and, of ``out``, OSError."""
    copied = _copied(source, offset, length, out) if isinstance(source, FileSource) else 0
    for at in range(offset + copied, offset + length, _BLOCK):
        write(out, source.read(at, min(_BLOCK, offset + length - at)))


def _copied(source: FileSource, offset: int, length: int, out: int) -> int:
    """Copy bytes within the system, as many as it does; raises OSError for what is wrong with ``out``."""
    if not hasattr(os, "copy_file_range"):
        return 0
    done = 0
    try:
        while done < length:
            count = os.copy_file_range(source.fd, out, length - done, source.place(offset + done))
            if not count:  # the file has shrunk, or does not want to: reading tells
                break
            done += count
    except OSError as error:
        if error.errno not in _NOT_COPIED:
            raise
    return done

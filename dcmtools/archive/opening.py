"""Files of an archive, opened for reading without leaving its folder."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from dcmtools.errors import InputError
from dcmtools.files.source import FileSource

if TYPE_CHECKING:
    from collections.abc import Iterator

EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""What says nothing of a file: the process or the system has no room to look."""
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def open_below(root: int, path: str) -> FileSource:
    """Open the file at ``path``, relative to the folder that is open as ``root``.

    No link is followed and no step upwards taken. Raises InputError with the system's reason, and where there
    is something else than a file.
    """
    folder, _, name = path.rpartition("/")
    try:
        with folder_below(root, folder) as parent:
            fd = _opened(name, _FILE, parent)
    except OSError as error:
        raise InputError(error.strerror or str(error)) from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise InputError("not a regular file")
    return FileSource(fd)


@contextmanager
def folder_below(root: int, path: str) -> Iterator[int]:
    """Open the folder at ``path``, in the same way, for a ``with`` block; an empty path is ``root`` itself.

    Raises OSError where it cannot be opened.
    """
    current = root
    try:
        for name in path.split("/") if path else ():
            inner = _opened(name, _FOLDER, current)
            if current != root:
                os.close(current)
            current = inner
        yield current
    finally:
        if current != root:
            os.close(current)


def _opened(name: str, flags: int, folder: int) -> int:
    if name in ("", ".", ".."):
        raise InputError(f"{name!r} is no name of a file in an archive")
    return os.open(name, flags, dir_fd=folder)

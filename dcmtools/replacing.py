"""A file written whole or not at all: under another name first, in the same folder."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def replacing(path: str, *, mode: int | None = None, durable: bool = True) -> Iterator[BinaryIO]:
    """Open what is the file at ``path`` after the ``with`` block, unless that fails; raises OSError.

    Its mode is that of the file it replaces unless one is given, and 0600 where there is none. The bytes are
    on disk before the name is, unless that is not to be ``durable``; a link at ``path`` would be replaced,
    not followed.
    """
    from tempfile import mkstemp

    descriptor, temporary = mkstemp(prefix=".dcmtools-", dir=os.path.dirname(path) or ".")
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            with suppress(FileNotFoundError):
                os.fchmod(descriptor, stat.S_IMODE(os.stat(path).st_mode) if mode is None else mode)
            if durable:
                os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise

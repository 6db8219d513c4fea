"""What the directory of an archive says of one file in it."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """A file in an archive, and where its bytes are.

    ``name`` is as it would be typed, in the encoding of the file system. ``size`` bytes in the archive, from
    ``offset`` or behind a header there, are the ``length`` bytes of the file, compressed by ``method`` if it
    is not empty. ``note`` says why the entry is no file, ``fault`` why it cannot be read.
    """

    name: str
    offset: int = 0
    size: int = 0
    length: int = 0
    method: str = ""
    crc: int | None = None
    note: str = ""
    fault: str = ""

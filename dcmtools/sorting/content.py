"""Whether two files hold the same bytes, and whether they are one."""

from __future__ import annotations

import os
import stat
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from dcmtools.errors import InputError
from dcmtools.files.anyhow import LenientFile

if TYPE_CHECKING:
    from dcmtools.files.inputs import Input
    from dcmtools.files.source import FileSource

_BLOCK: Final = 1024 * 1024
_ENDS: Final = 16 * 1024


def same_content(item: Input, other: Input) -> bool:
    """Tell whether two inputs hold the same bytes; raises InputError where one cannot be read."""
    with item.open() as first, other.open() as second:
        return first.identity == second.identity or _same(first, 0, second, 0)  # two names of one file


def same_data_set(item: Input, other: Input) -> bool:
    """Tell whether two DICOM files have the same bytes behind their meta; raises InputError."""
    with item.open() as first, other.open() as second:
        starts = [LenientFile(source).data_set_offset for source in (first, second)]
        return _same(first, starts[0], second, starts[1])


def _same(first: FileSource, start: int, second: FileSource, other: int) -> bool:
    length = first.size - start
    return second.size - other == length and all(
        first.read(start + at, size) == second.read(other + at, size)
        for at in range(0, length, _BLOCK)
        if (size := min(_BLOCK, length - at))
    )


def fingerprint(item: Input) -> bytes:
    """Return what two inputs with the same bytes have in common, at little cost; raises InputError."""
    with item.open() as source:
        size = min(_ENDS, source.size)
        ends = source.read(0, size) + source.read(source.size - size, size)
        return blake2b(ends + source.size.to_bytes(8), digest_size=16).digest()


def is_entry(path: str, other: str) -> bool:
    """Tell whether two paths name one entry of a folder, by whatever way; raises OSError."""
    if os.path.basename(path) != os.path.basename(other):
        return False
    return os.path.samefile(os.path.dirname(path) or ".", os.path.dirname(other) or ".")


def may_go(path: str, kept: str) -> bool:
    """Tell whether the entry ``path`` can be removed because ``kept`` is another that holds the same file.

    Not so where both are one entry, seen from two places, nor where ``kept`` only leads to ``path``.
    """
    try:
        held = os.lstat(kept)
        if not stat.S_ISREG(held.st_mode) or is_entry(path, kept):
            return False
        if os.path.samestat(os.stat(path), held):
            return held.st_nlink > 1 or stat.S_ISLNK(os.lstat(path).st_mode)
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}") from error
    return True

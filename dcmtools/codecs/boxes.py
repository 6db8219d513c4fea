"""Boxes, in which JPEG 2000 and JPEG XL wrap codestreams (ISO/IEC 15444-1 I.4)."""

from __future__ import annotations

from struct import pack, unpack_from
from typing import TYPE_CHECKING

from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator


def boxes(data: bytes, at: int = 0, limit: int = 0) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield kind, begin, begin of the content, and end of each box; they have to fill ``data``.

    Zeros at the end are padding.
    """
    limit = limit or len(data)
    while at < limit and data[at:limit].strip(b"\0"):
        length, kind = unpack_from(">L4s", data, at)
        content = at + 8
        if length == 1:
            length, content = unpack_from(">Q", data, content)[0], at + 16
        end = at + length if length else limit
        if end > limit or end < content:
            raise InputError(f"the box at byte {at} is cut short")
        yield kind, at, content, end
        at = end


def box(kind: bytes, data: bytes) -> bytes:
    """Return a box."""
    if len(data) + 8 > 0xFFFFFFFF:
        return pack(">L4sQ", 1, kind, len(data) + 16) + data
    return pack(">L4s", len(data) + 8, kind) + data

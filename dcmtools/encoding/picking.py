"""Chosen elements out of the head of a data set: a glance that most files allow, in place of a walk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.element import SHORT_VRS, UNDEFINED
from dcmtools.encoding.headers import LONG, SHORT
from dcmtools.encoding.window import LONGEST_HEADER

if TYPE_CHECKING:
    from collections.abc import Container

    from dcmtools.encoding.element import Element
    from dcmtools.encoding.syntax import Encoding

_ITEMS: Final = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")


def pick(
    head: bytes, start: int, encoding: Encoding, wanted: Container[int], *, stop: int, first: int = 0
) -> tuple[list[Element], int] | None:
    """Return the ``wanted`` elements at the top of a data set, and where the first from ``stop`` on begins.

    ``head`` are the first bytes of a source in which the data set begins at ``start``; ``stop`` is below the
    tags of items. Returns None where only a walk can tell: a tag below ``first``, a header that no walk has
    met yet, a sequence that is not empty, a fault, the end of ``head`` before ``stop``.
    """
    headers = encoding.from_first(first) if first else encoding.headers
    width, u16, u32 = encoding.width, encoding.u16, encoding.u32
    found: list[Element] = []
    at = start
    last = len(head) - LONGEST_HEADER
    while at <= last:
        header = headers.get(head[at : at + width])
        if header is None:
            return (found, at) if u16(head, at)[0] << 16 | u16(head, at + 2)[0] >= stop else None
        tag, vr, form = header
        if tag >= stop:
            return found, at
        if form == SHORT or (vr in SHORT_VRS and encoding.explicit):
            length = u16(head, at + 6)[0]
            value = at + 8
        else:
            value = at + (12 if form == LONG or encoding.explicit else 8)
            length = u32(head, value - 4)[0]
            if length == UNDEFINED or (length and _is_sequence(vr, head, value)):
                return None
        if tag in wanted:
            if not vr or vr == "SQ":
                return None
            found.append((tag, vr, at, value, length, 0))
        at = value + length
    return None


def _is_sequence(vr: str, head: bytes, value: int) -> bool:
    """Tell whether an element may be a sequence: by its VR or, where that is unknown, by its first bytes."""
    return vr == "SQ" or (vr in ("", "UN") and head[value : value + 4] in _ITEMS)

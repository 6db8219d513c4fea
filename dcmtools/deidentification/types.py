"""Types of attributes (PS3.5 7.4), and what they make of the codes of PS3.15 Table E.1-1."""

from __future__ import annotations

from functools import cache
from typing import Final

from dcmtools.data.attribute_types import IODS, TYPES

UNKNOWN: Final = "?"
"""The type of every attribute of a SOP Class that nobody knows, and that may therefore be any."""


def attribute_type(sop_class_uid: str, parent: int, tag: int) -> str:
    """Return the type of an attribute in the items of the sequence ``parent``, 0 for the top.

    It is 1, 1C, 2 or 2C; empty for what may be absent, as it is of type 3 or not of that IOD; ``UNKNOWN`` in
    instances of SOP Classes that are not known. Known are the types of attributes for which they make a
    difference to the codes of the table; where an IOD has an attribute twice, it is the strictest.
    """
    iod = IODS.get(sop_class_uid)
    if iod is None:
        return UNKNOWN
    return next((kind for kind, iods in TYPES.get((parent, tag), ()) if iods >> iod & 1), "")


@cache  # of the eleven codes and six types
def resolved(code: str, kind: str) -> str:
    """Return what ``code`` asks for of an attribute of type ``kind``: D, Z, X, K, C or U; empty if none.

    A compound code asks for the weakest that leaves the instance conformant, and of a SOP Class that is not
    known for the strictest. An attribute of type 1 or 2 is never removed, nor one of type 1 emptied,
    whatever the code (PS3.15 E.1.1): the condition of one of type 1C or 2C is taken as met, as it is there.
    """
    weakest, *others = code.split("/")
    if weakest not in ("X", "Z"):
        return weakest
    if kind in ("1", "1C"):
        return "U" if "U*" in others else "D"
    if kind in ("2", "2C"):
        return "Z"
    return others[-1][0] if others and kind == UNKNOWN else weakest

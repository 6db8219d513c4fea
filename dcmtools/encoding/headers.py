"""What the header of a data element tells of it before its value is seen (PS3.5 7.1.2, 7.1.3)."""

from __future__ import annotations

from typing import TypeAlias

from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.element import LONG_VRS, SHORT_VRS
from dcmtools.encoding.tags import PIXEL_REPRESENTATION, is_creator, is_private

# Where the length stands: in 16 bits after the VR, in 32 bits after the VR, in 32 bits after the tag.
# LOOK says that the header alone is not enough: of sequences, of what VR UN or no VR says too little of, of
# elements that those after them depend on.
SHORT, LONG, NO_VR, LOOK = range(4)

Header: TypeAlias = tuple[int, str, int]
"""Tag, VR, and where the length stands."""


def explicit_header(tag: int, raw: bytes) -> Header | None:
    """Return what a header with the two bytes of VR ``raw`` means; None where these are no VR."""
    vr = raw.decode("latin-1")
    if vr in SHORT_VRS:
        return (tag, vr, LOOK if is_creator(tag) or tag == PIXEL_REPRESENTATION else SHORT)
    if vr in ("SQ", "UN"):
        return (tag, vr, LOOK)
    # PS3.5 7.1.2: VRs to come have a 32-bit length.
    return (tag, vr, LONG) if vr in LONG_VRS or (raw.isalpha() and raw.isupper()) else None


def implicit_header(tag: int) -> Header:
    """Return what a header without VR means; the VR is empty where the tag alone does not tell it."""
    vr = lookup(tag)[0]
    if tag == PIXEL_REPRESENTATION:
        return (tag, vr, LOOK)
    if is_private(tag) or " " in vr:
        return (tag, "LO" if is_creator(tag) else "", LOOK)
    return (tag, vr, LOOK if vr in ("SQ", "UN") else NO_VR)

"""Values given as text: which there are in it, and their bytes (PS3.5 6.2)."""

from __future__ import annotations

import re
from typing import Final

from dcmtools.encoding import tagpath
from dcmtools.encoding.encoder import encoded
from dcmtools.encoding.values import NUMBERS, SINGLE_TEXT_VRS, number_struct
from dcmtools.encoding.writing import padded

FLOAT: Final = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
_WHOLE: Final = r"[+-]?[0-9]{1,20}"


def values_of(vr: str, text: str) -> list[str]:
    """Return the values in ``text``, which a backslash separates where ``vr`` may have several."""
    if not text:
        return []
    return [text] if vr in SINGLE_TEXT_VRS else text.split("\\")


def raw_value(vr: str, text: str, order: str, charset: bytes) -> bytes:
    """Return the bytes of a value, or of several, in a byte order and a Specific Character Set, padded.

    Raises ValueError for what is no number of ``vr``, or not in the character set.
    """
    if vr in NUMBERS:
        return b"".join([packed(vr, value, order) for value in values_of(vr, text)])
    return padded(vr, encoded(text, charset))


def packed(vr: str, value: str, order: str) -> bytes:
    """Return the number or tag ``value`` in the bytes of ``vr``; raise ValueError where it is none."""
    from math import isfinite
    from struct import error as struct_error

    layout = number_struct(vr, order)
    try:
        if vr == "AT":
            return layout.pack(*divmod(_tag(value), 0x10000))
        if re.fullmatch(FLOAT if vr in ("FD", "FL") else _WHOLE, value):
            number = float(value) if vr in ("FD", "FL") else int(value)
            if isfinite(number):
                return layout.pack(number)
    except (struct_error, OverflowError):
        pass
    message = f"{value!r} is not a number that VR {vr} can hold"
    raise ValueError(message)


def settled(vr: str, text: str, *, signed: bool | None = None) -> str:
    """Return one VR where ``vr``, the dictionary's, leaves it open.

    What may be OW is OW, as it is where VRs are implicit (PS3.5 A.1). US or SS is decided by Pixel
    Representation, by the sign where there is none.
    """
    if "OW" in vr:
        return "OW"
    if vr == "US or SS":
        return "SS" if signed or (signed is None and "-" in text) else "US"
    return vr


def _tag(text: str) -> int:
    path = tagpath.parse(text)
    if len(path.steps) > 1 or path.steps[0].creator:
        message = f"{text!r} is not a tag"
        raise ValueError(message)
    return path.steps[0].tag

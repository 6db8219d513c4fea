"""What a value may look like under its VR (PS3.5 6.2)."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from dcmtools.encoding import tagpath
from dcmtools.encoding.values import NUMBERS, SINGLE_TEXT_VRS, number_struct

_ANY: Final = "(?s:.*)"
_HOUR: Final = r"([01][0-9]|2[0-3])"
_MINUTE: Final = r"[0-5][0-9]"
_SECOND: Final = r"([0-5][0-9]|60)(\.[0-9]{1,6})?"
_MONTH: Final = r"(0[1-9]|1[0-2])"
_DAY: Final = r"(0[1-9]|[12][0-9]|3[01])"
_TIME: Final = rf"{_HOUR}({_MINUTE}({_SECOND})?)?"
_FLOAT: Final = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
_NUMBER: Final = r"(0|[1-9][0-9]*)"
# VR: pattern, most characters, what is wanted.
_FORMS: Final = {
    "AE": (r"[ -\[\]-~]*[!-\[\]-~][ -\[\]-~]*", 16, "16 characters of ASCII at most, not all of them spaces"),
    "AS": (r"[0-9]{3}[DWMY]", 4, "three digits and D, W, M or Y, such as 042Y"),
    "CS": (r"[A-Z0-9_ ]*", 16, "16 capital letters, digits, spaces and underscores at most"),
    "DA": (rf"[0-9]{{4}}{_MONTH}{_DAY}", 8, "a date as YYYYMMDD"),
    "DS": (rf" *{_FLOAT} *", 16, "a number in 16 characters at most"),
    "DT": (
        rf"[0-9]{{4}}({_MONTH}({_DAY}({_TIME})?)?)?([+-]{_HOUR}{_MINUTE})?",
        26,
        "a date and time as YYYYMMDDHHMMSS.FFFFFF&ZZXX, from the right as much left out as is not known",
    ),
    "IS": (r" *[+-]?[0-9]+ *", 12, "a whole number from -2147483648 to 2147483647"),
    "LO": (_ANY, 64, "64 characters at most"),
    "LT": (_ANY, 10240, "10240 characters at most"),
    "PN": (
        r"[^=^]*(\^[^=^]*){0,4}(=[^=^]*(\^[^=^]*){0,4}){0,2}",
        194,
        "five components between ^ at most, in three groups between = at most, of 64 characters each",
    ),
    "SH": (_ANY, 16, "16 characters at most"),
    "ST": (_ANY, 1024, "1024 characters at most"),
    "TM": (_TIME, 14, "a time as HHMMSS.FFFFFF, from the right as much left out as is not known"),
    "UI": (rf"{_NUMBER}(\.{_NUMBER})*", 64, "a UID, of 64 characters at most, no number with a leading zero"),
    "UR": (r"[A-Za-z0-9_.~:/?#\[\]@!$&'()*+,;=%-]*", 0, "a URI, without spaces"),
}  # fmt: skip
_WHOLE: Final = r"[+-]?[0-9]{1,20}"
# Lone surrogates are bytes of the command line that are no text in its locale.
_CONTROLS: Final = "[\x00-\x1f\x7f-\x9f\ud800-\udfff]"
_CONTROLS_OF_LONG_TEXT: Final = "[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff]"
_LONG_TEXT: Final = frozenset(("LT", "ST", "UT"))


def values_of(vr: str, text: str) -> list[str]:
    """Return the values in ``text``, which a backslash separates where ``vr`` may have several."""
    if not text:
        return []
    return [text] if vr in SINGLE_TEXT_VRS else text.split("\\")


def check(vr: str, value: str) -> None:
    """Raise ValueError, saying what is wanted, where ``value`` cannot be a value of ``vr``.

    That is its form, its length and the characters that no text has; whether a character set has the others
    is another question. An empty one among several values passes, but for numbers.
    """
    if vr in NUMBERS:
        packed(vr, value, "<")
        return
    if not value:
        return
    control = re.search(_CONTROLS_OF_LONG_TEXT if vr in _LONG_TEXT else _CONTROLS, value)
    if control:
        message = f"the character {control[0]!r} cannot stand in a value of VR {vr}"
        raise ValueError(message)
    pattern, most, wanted = _FORMS.get(vr, (_ANY, 0, ""))
    short_enough = not most or len(value) <= most
    if not (short_enough and re.fullmatch(pattern, value) and _makes_sense(vr, value)):
        shown = repr(value) if len(value) <= 100 else f"a value of {len(value)} characters"
        message = f"{shown} is not of VR {vr}: {wanted}"
        raise ValueError(message)


def packed(vr: str, value: str, order: str) -> bytes:
    """Return the number or tag ``value`` in the bytes of ``vr``; raise ValueError where it is none."""
    from math import isfinite
    from struct import error as struct_error

    layout = number_struct(vr, order)
    try:
        if vr == "AT":
            return layout.pack(*divmod(_tag(value), 0x10000))
        if re.fullmatch(_FLOAT if vr in ("FD", "FL") else _WHOLE, value):
            number = float(value) if vr in ("FD", "FL") else int(value)
            if isfinite(number):
                return layout.pack(number)
    except (struct_error, OverflowError):
        pass
    message = f"{value!r} is not a number that VR {vr} can hold"
    raise ValueError(message)


def _tag(text: str) -> int:
    path = tagpath.parse(text)
    if len(path.steps) > 1 or path.steps[0].creator:
        message = f"{text!r} is not a tag"
        raise ValueError(message)
    return path.steps[0].tag


def _makes_sense(vr: str, value: str) -> bool:
    """Tell whether a value of the right form is one: a day that exists, a number within bounds."""
    if vr == "IS":
        return -(2**31) <= int(value) < 2**31
    if vr == "PN":
        return all(len(group) <= 64 for group in value.split("="))
    if vr == "DA" or (vr == "DT" and value[:8].isdigit() and len(value) >= 8):
        try:
            date(int(value[:4]), int(value[4:6]), int(value[6:8]))
        except ValueError:
            return False
    return True

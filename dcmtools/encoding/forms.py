"""What the values of an element may look like: under its VR (PS3.5 6.2), of its VM, as a matching key."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from dcmtools.encoding.texts import FLOAT, packed, settled, values_of
from dcmtools.encoding.values import BULK_VRS, NUMBERS, TEXT_VRS

_ANY: Final = "(?s:.*)"
_HOUR: Final = r"([01][0-9]|2[0-3])"
_MINUTE: Final = r"[0-5][0-9]"
_SECOND: Final = r"([0-5][0-9]|60)(\.[0-9]{1,6})?"
_MONTH: Final = r"(0[1-9]|1[0-2])"
_DAY: Final = r"(0[1-9]|[12][0-9]|3[01])"
_TIME: Final = rf"{_HOUR}({_MINUTE}({_SECOND})?)?"
_NUMBER: Final = r"(0|[1-9][0-9]*)"
# VR: pattern, most characters, what is wanted.
_FORMS: Final = {
    "AE": (r"[ -\[\]-~]*[!-\[\]-~][ -\[\]-~]*", 16, "16 characters of ASCII at most, not all of them spaces"),
    "AS": (r"[0-9]{3}[DWMY]", 4, "three digits and D, W, M or Y, such as 042Y"),
    "CS": (r"[A-Z0-9_ ]*", 16, "16 capital letters, digits, spaces and underscores at most"),
    "DA": (rf"[0-9]{{4}}{_MONTH}{_DAY}", 8, "a date as YYYYMMDD"),
    "DS": (rf" *{FLOAT} *", 16, "a number in 16 characters at most"),
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
# Lone surrogates are bytes of the command line that are no text in its locale.
_CONTROLS: Final = "[\x00-\x1f\x7f-\x9f\ud800-\udfff]"
_CONTROLS_OF_LONG_TEXT: Final = "[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff]"
_LONG_TEXT: Final = frozenset(("LT", "ST", "UT"))
_GROUPS: Final = {0x0000: "a command", 0x0002: "the file meta information", 0x0004: "a DICOMDIR"}
# Of matching keys (PS3.4 C.2.2.2.4 and C.2.2.2.5).
_WILDCARDS: Final = frozenset(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"))
_RANGES: Final = frozenset(("DA", "DT", "TM"))
_LONGEST_RANGE: Final = 2 * 26 + 1


def no_place(tag: int) -> str:
    """Return why a data set cannot have the element ``tag``; empty where it can (PS3.5 7.1, PS3.10)."""
    group = tag >> 16
    if group in _GROUPS:
        return f"it is an element of {_GROUPS[group]}, not of a data set"
    return "" if 0x0008 <= group < 0xFFFE and tag & 0xFFFF else "it is no element that a data set may have"


def no_text(vr: str) -> str:
    """Return why a value of ``vr``, as the dictionary has it, cannot be given as text; empty where it can."""
    if vr == "SQ":
        return "it is a sequence"
    if vr == "UN":
        return "PS3.6 does not have it, so its VR is not known"
    if settled(vr, "") not in (NUMBERS.keys() | TEXT_VRS) - BULK_VRS:
        return f"its VR is {vr}, whose values are not text"
    return ""


def check_values(vr: str, vm: str, text: str) -> None:
    """Raise ValueError unless ``text`` is empty or values of ``vr``, as many as ``vm`` allows."""
    vr = settled(vr, text)
    values = values_of(vr, text)
    for value in values:
        check(vr, value)
    require_count(len(values), vm)


def check_key(vr: str, text: str) -> None:
    """Do the same for a matching key (PS3.4 C.2.2.2): wildcards, ranges and lists are right, too."""
    vr = settled(vr, text)
    for value in values_of(vr, text):
        if vr in _RANGES and _is_range(vr, value):
            continue
        check(vr, value.replace("*", "").replace("?", "A") if vr in _WILDCARDS else value)


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


def _is_range(vr: str, value: str) -> bool:
    """Tell whether ``value`` is a range: two values, of which one may be left out, with a dash between."""
    dashes = [at for at, character in enumerate(value[:_LONGEST_RANGE]) if character == "-"]
    return len(value) > 1 and any(_fits(vr, value[:at]) and _fits(vr, value[at + 1 :]) for at in dashes)


def _fits(vr: str, value: str) -> bool:
    try:
        check(vr, value)
    except ValueError:
        return False
    return True


def require_count(count: int, vm: str) -> None:
    """Raise ValueError unless ``count`` is 0 or allowed by ``vm``, such as 1, 1-3, 2-n or 2-2n (PS3.6)."""
    least, _, most = vm.partition("-")
    step = int(most[:-1] or 1) if most.endswith("n") else 1
    highest = int(most or least) if not most.endswith("n") else count
    if count and (not int(least) <= count <= highest or (count % step if step > 1 else 0)):
        message = f"{count} value{'s' if count > 1 else ''} where the VM is {vm}"
        raise ValueError(message)

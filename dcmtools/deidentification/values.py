"""New values for old ones (PS3.15 E.1.1): dummies, dates that have moved, ages of the very old."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Final

from dcmtools.encoding.values import NUMBERS, number_struct

REMOVED: Final = b"REMOVED"
# Plausible ones: some readers take dates before 1900 for faults.
_DUMMIES: Final = {
    "AE": REMOVED,
    "AS": b"000D",
    "CS": REMOVED,
    "DA": b"19000101",
    "DS": b"0",
    "DT": b"19000101000000",
    "IS": b"0",
    "TM": b"000000",
    "UI": b"2.25.0",
    "UR": b"http://removed.invalid",
}
_DATE: Final = re.compile(r"([0-9]{4})([.-]?)([0-9]{2})?\2([0-9]{2})?")
_TIME: Final = re.compile(r"[0-9]{0,6}(\.[0-9]{1,6})?((\+(0[0-9]|1[0-4])|-(0[0-9]|1[0-2]))[0-5][0-9])?")
_AGE: Final = re.compile(r"([0-9]{1,6}) *([DWMY]?)", re.IGNORECASE)
_A_WORD: Final = 4
_A_YEAR: Final = {"D": 365.25, "W": 52.18, "M": 12, "Y": 1, "": 1}
_OLDEST: Final = 90  # years, from which on nobody's age is told: who is older is one of a few
_CAPPED: Final = "090Y"


def dummy(vr: str) -> bytes:
    """Return a value for an element of ``vr`` that has to have one, and says nothing."""
    if vr in NUMBERS:
        return bytes(number_struct(vr, "<").size + number_struct(vr, "<").size % 2)
    return _DUMMIES.get(vr, REMOVED)


def shifted(raw: bytes, days: int) -> bytes:
    """Return the dates, or dates with times, ``raw`` by ``days`` later; one that is none becomes empty.

    What is finer than a day stays as it is. A date without day or month is its first day, moved, to the same
    precision.
    """
    text = raw.decode("latin-1").rstrip(" \0")
    return "\\".join([_shifted(each.strip(), days) for each in text.split("\\")]).encode("latin-1")


def _shifted(text: str, days: int) -> str:
    match = _DATE.match(text)
    if match is None:
        return ""
    year, _, month, day = match.groups()
    try:
        moved = date(int(year), int(month or 1), int(day or 1)) + timedelta(days)
    except (ValueError, OverflowError):
        return ""
    rest = text[match.end() :]
    if rest[:1].isdecimal() and not day:
        return ""
    if not _TIME.fullmatch(rest):  # what looks like a zone may be a year: half of a range
        return ""
    digits = f"{moved.year:04d}{moved.month:02d}{moved.day:02d}"
    return digits[: 8 if day else 6 if month else 4] + rest


def is_text(raw: bytes) -> bool:
    """Tell whether letters stand in ``raw``, where numbers should be."""
    text = raw.strip(b"\0 ").decode("latin-1")
    if text.isascii() and text.isalnum():
        return True
    is_plain = text.isascii() and text.isprintable()
    return is_plain and len(text) >= _A_WORD and any(map(str.isalpha, text))


def capped(raw: bytes) -> bytes:
    """Return the age ``raw``, of 90 years where it is more than 89, empty where it is none."""
    ages = [each.strip(" ") for each in raw.decode("latin-1").rstrip(" \0").split("\\")]
    new = [_capped(each) for each in ages]
    return raw if new == ages else "\\".join(new).encode("ascii")


def _capped(age: str) -> str:
    match = _AGE.fullmatch(age)
    if match is None:
        return ""
    number, unit = match.groups()
    return _CAPPED if int(number) / _A_YEAR[unit.upper()] >= _OLDEST else age

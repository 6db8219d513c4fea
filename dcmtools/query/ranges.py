"""Dates, times and ranges of them as matching keys (PS3.4 C.2.2.2.1 and C.2.2.2.5)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final, NamedTuple

# The forms of ACR-NEMA, with points and colons, are still met (PS3.5 6.2).
_DATE: Final = r"(\d{4})(\.?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])"
_TIME: Final = r"([01]\d|2[0-3])(?:(:?)([0-5]\d)(?:\2([0-5]\d|60)(?:\.(\d{1,6}))?)?)?"
_DATE_TIME: Final = (
    r"(\d{4}(?:(?:0[1-9]|1[0-2])(?:(?:0[1-9]|[12]\d|3[01])"
    r"(?:(?:[01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?)?)?)?)([+-](?:0\d|1[0-4])[0-5]\d)?"
)
# What fills a value up whose last components are not given.
_FIRST: Final = {"DA": "", "TM": "000000000000", "DT": "00000101000000000000"}
_LAST: Final = {"DA": "", "TM": "235959999999", "DT": "99991231235959999999"}
_BEFORE_ALL: Final = ""
_AFTER_ALL: Final = ":"  # which is more than any digit
_LONGEST: Final = 64
_NAMES: Final = {"DA": "date", "TM": "time", "DT": "date-time"}
_MINUTES: Final = "%Y%m%d%H%M"


class Moment(NamedTuple):
    """A date, a time or both: its known digits, and its offset from UTC, such as ``+0100``, if it has one."""

    digits: str
    offset: str = ""


class Interval(NamedTuple):
    """All that a key of ``vr`` matches: from ``first`` to ``last``, digits filled up, and its ``offset``."""

    vr: str
    first: str
    last: str
    offset: str = ""

    def holds(self, value: str) -> bool:
        """Tell whether a value of the VR lies within; never, where it is not of the VR."""
        return self.position(value) == 0

    def position(self, value: str) -> int | None:
        """Tell whether a value lies before (-1), within (0) or behind (1); None where it is not of the VR."""
        moment = moment_of(self.vr, value)
        if moment is None:
            return None
        digits = at_offset(filled(self.vr, moment.digits), moment.offset, self.offset)
        return -1 if digits < self.first else int(digits > self.last)

    def with_times(self, times: Interval) -> Interval:
        """Return what this, of dates, and ``times`` make as one range (combined date-time matching)."""
        first = self.first and self.first + (times.first or _FIRST["TM"])
        last = self.last
        if last != _AFTER_ALL:
            last += times.last if times.last != _AFTER_ALL else _LAST["TM"]
        return Interval("DT", first, last)


def moment_of(vr: str, value: str) -> Moment | None:
    """Return what a value of DA, TM or DT says; None where it is not of that VR."""
    if len(value) > _LONGEST:
        return None
    if vr == "DT":
        match = re.fullmatch(_DATE_TIME, value, re.ASCII)
        return Moment(match[1].replace(".", ""), match[2] or "") if match else None
    match = re.fullmatch(_DATE if vr == "DA" else _TIME, value, re.ASCII)
    return Moment("".join([part for part in match.groups("") if part.isdigit()])) if match else None


def filled(vr: str, digits: str) -> str:
    """Return the first moment that ``digits`` can mean."""
    return digits + _FIRST[vr][len(digits) :]


def latest(vr: str, digits: str) -> str:
    """Return the last moment that ``digits`` can mean."""
    return digits + _LAST[vr][len(digits) :]


def at_offset(digits: str, offset: str, wanted: str) -> str:
    """Return a filled date and time at ``offset`` as it is at the one ``wanted``, if both are known."""
    if not offset or not wanted or offset == wanted:
        return digits
    return _moved(digits, _minutes(wanted) - _minutes(offset))


def interval_of(vr: str, key: str) -> Interval:
    """Return what the key, a value or a range of DA, TM or DT, stands for.

    What a value leaves open it holds: 10 are all times from 10:00 to 10:59:59.999999. Raises ValueError for
    what is neither.
    """
    key = key.strip()
    moment = moment_of(vr, key)
    if moment:
        return _interval(vr, moment, moment)
    for at in [at for at, character in enumerate(key[: 2 * _LONGEST]) if character == "-"]:
        first, last = key[:at].rstrip(), key[at + 1 :].lstrip()
        begin, end = moment_of(vr, first), moment_of(vr, last)
        if (begin or end) and (begin or not first) and (end or not last):
            return _interval(vr, begin, end)
    message = f"not a {_NAMES[vr]} or a range of {_NAMES[vr]}s"
    raise ValueError(message)


def _interval(vr: str, begin: Moment | None, end: Moment | None) -> Interval:
    first = filled(vr, begin.digits) if begin else _BEFORE_ALL
    last = latest(vr, end.digits) if end else _AFTER_ALL
    return Interval(vr, first, last, (begin.offset if begin else "") or (end.offset if end else ""))


def _minutes(offset: str) -> int:
    sign = -1 if offset[0] == "-" else 1
    return sign * (60 * int(offset[1:3]) + int(offset[3:]))


def _moved(digits: str, minutes: int) -> str:
    """Return a filled date and time as many minutes later; as it is where there is no such day."""
    try:
        return (datetime.strptime(digits[:12], _MINUTES) + timedelta(minutes=minutes)).strftime(
            _MINUTES
        ) + digits[12:]
    except (ValueError, OverflowError):
        return digits

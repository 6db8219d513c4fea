"""Words for dates in matching keys: ``today``, ``yesterday``, ``-7d`` for the day seven days ago."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import date

DATE_VRS: Final = frozenset(("DA", "DT"))
WAYS: Final = (
    "a date is YYYYMMDD, today, yesterday or -7d (seven days ago), a range -7d-yesterday or 20240101-"
)
_WORD: Final = r"today|yesterday|-(\d{1,6})d(?![0-9A-Za-z])"


def with_dates(text: str, today: date | None = None) -> str:
    """Return a key of VR DA or DT with dates, YYYYMMDD, for words; as many as stand in it, ranges included.

    So ``-7d-`` is from seven days ago on, ``-7d-yesterday`` ends with yesterday. What is no word stays.
    ``today`` is that of the clock here unless it is given. Raises ValueError before the year 1.
    """

    def day(match: re.Match[str]) -> str:
        from datetime import date, timedelta

        now = today or date.today()
        word = match[0].lower()
        ago = 0 if word == "today" else 1 if word == "yesterday" else int(match[1])
        try:
            return f"{now - timedelta(days=ago):%Y%m%d}".rjust(8, "0")
        except OverflowError:
            message = f"{match[0]!r} is before all dates"
            raise ValueError(message) from None

    return re.sub(_WORD, day, text, flags=re.IGNORECASE | re.ASCII)


def check_days(text: str) -> None:
    """Raise ValueError where a key of VR DA names a day that there is not, or a range that ends too early."""
    from datetime import date

    for day in re.findall(r"(?<![0-9])[0-9]{8}(?![0-9])", text):
        try:
            date.fromisoformat(f"{day[:4]}-{day[4:6]}-{day[6:]}")
        except ValueError:
            message = f"{day}: there is no such day; {WAYS}"
            raise ValueError(message) from None
    for first, last in re.findall(r"(?<![0-9])([0-9]{8})\s*-\s*([0-9]{8})(?![0-9])", text):
        if first > last:
            message = f"{first}-{last} ends before it begins; the earlier day comes first, as in -7d-today"
            raise ValueError(message)

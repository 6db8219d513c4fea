"""How people write a date that stands in a header as YYYYMMDD: patterns for folded text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_MONTHS: Final = (
    "JAN|ENE|GEN", "FEB|FEV", "MAR|MRZ|MAER|MRT", "APR|AVR|ABR", "MAY|MAI|MEI|MAG", "JUN|JUIN|GIU",
    "JUL|JUIL|LUG", "AUG|AOU|AGO", "SEP|SET", "OCT|OKT|OTT|OUT", "NOV", "DEC|DEZ|DIC",
)  # fmt: skip
WHOLE: Final = re.compile(r" *((?:18[5-9]|19\d|20\d)\d)([.-]?)(0[1-9]|1[012])\2(0[1-9]|[12]\d|3[01])")
"""Year, month and day of a value of VR DA or DT are the groups 1, 3 and 4."""


def short(year: str, month: str, day: str) -> Iterator[tuple[str, str, str]]:
    """Yield the numbers of a date without the century, in each of the orders in which they stand."""
    for first, second in ((day, month), (month, day)):
        for middle in (second, second.lstrip("0")):
            yield first.lstrip("0"), middle, year[2:]
    yield year[2:], month, day


def of_short(first: str, middle: str, last: str) -> str:
    """Return the pattern of a date without the century: there are signs between its numbers."""
    return rf"(?<!\d)(?<!\d\.)0?{first}([-/.]) ?{middle}\1 ?{last}(?!\d|\.\d)"


def of_whole(digits: str) -> str:
    """Return the pattern of the date that is YYYYMMDD."""
    year, month, day = digits[:4], digits[4:6], digits[6:]
    m, d = month.lstrip("0"), day.lstrip("0")
    either = [f"0?{each}" if len(each) == 1 else each for each in (m, d)]
    named = f"(?:{_MONTHS[int(m) - 1]})[A-Z]*"
    sep, gap = r"[-/._ ]", r"[-/._ ,]{0,3}"
    time = r"(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?"
    forms = (
        rf"{year}{month}{day}(?:{time})?",
        rf"{year}{sep} ?{either[0]}{sep} ?{either[1]}",
        rf"{either[1]}{sep} ?{either[0]}{sep} ?{year}",
        rf"{either[0]}{sep} ?{either[1]}{sep} ?{year}",
        rf"{day}{month}{year}",
        rf"{month}{day}{year}",
        rf"{either[1]}(?:ST|ND|RD|TH|\.)?{gap}{named}{gap}{year}",
        rf"{named}{gap}{either[1]}(?:ST|ND|RD|TH)?{gap}{year}",
        rf"{year}{gap}{named}{gap}{either[1]}",
    )
    return rf"(?<!\d)(?:{'|'.join(forms)})(?!\d)"

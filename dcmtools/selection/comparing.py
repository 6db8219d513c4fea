"""Values compared as their VR has them (PS3.5 6.2): numbers, dates, ages, tags, UIDs, text."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from dcmtools.encoding.tagpath import parse
from dcmtools.encoding.texts import FLOAT
from dcmtools.encoding.values import INTEGER_VRS, TEXT_VRS, numbers, show_number
from dcmtools.query.dates import check_days, with_dates
from dcmtools.query.matching import wildcard_test
from dcmtools.query.ranges import Interval, at_offset, filled, interval_of, latest, moment_of
from dcmtools.selection.patterns import Pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dcmtools.files.values import Value

    Position: TypeAlias = Callable[[Any], int | None]
    """Where a value is: before (-1) what it is compared with, the same (0) or within it, behind it (1)."""
    Test: TypeAlias = Callable[[Any], bool]

LONGEST_SEARCHED: Final = 64 * 1024  # characters of a value, for what takes its time with each
_LONGEST_NUMBER: Final = 64
_ISO_DAY: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01]))?")
_ISO_TIME: Final = re.compile(r"[T ]([0-2]\d)(?::(\d\d)(?::(\d\d(?:\.\d{1,6})?))?)?")
_AGO: Final = re.compile(r"(?i)today-(\d{1,6})d?")
_IN_EVERY_MONTH: Final = "28"
_PART_OF_DAY: Final = re.compile(r"\d{4}(?:0[1-9]|1[0-2])?")
_AGE: Final = re.compile(r"(\d{1,3})([DWMY])")
_AGES: Final = {"D": 16, "W": 7 * 16, "M": 487, "Y": 12 * 487}  # a year has 365.25 days, of 16 parts each
_NUMBER_VRS: Final = INTEGER_VRS | {"DS", "FD", "FL", "IS"}
_KINDS: Final = {
    **dict.fromkeys(_NUMBER_VRS, "number"),
    **dict.fromkeys(TEXT_VRS - _NUMBER_VRS, "text"),
    **{vr: vr for vr in ("AS", "AT", "DA", "DT", "PN", "TM", "UI")},
}
_EXAMPLES: Final = {
    "DA": "date such as 20240131, 2024-01, 2024 or today-7",
    "DT": "date and time such as 202401311030, 2024-01-31 or today",
    "TM": "time such as 1030 or 10:30:59",
}
KINDS: Final = ("number", "text", "AS", "AT", "DA", "DT", "PN", "TM", "UI")
ORDERS: Final = {"==": (0,), "<": (-1,), "<=": (-1, 0), ">": (1,), ">=": (0, 1)}
_UTC: Final = "+0000"
_WITHOUT_ORDER: Final = ("AT", "UI")


class Given(NamedTuple):
    """A value as an expression has it, ``quoted`` or not, at a place in it."""

    text: str
    quoted: bool
    at: int


def kind_of(vr: str) -> str:
    """Return how values of ``vr``, the dictionary's, are compared; empty where they are not."""
    return _KINDS.get(vr.partition(" ")[0], "")


def values(kind: str, vr: str, value: Value) -> list[Any]:
    """Return the values of an element of ``vr`` as they are compared; None for one not of the ``kind``."""
    raw = value.raw
    if not raw:
        return []
    if vr in TEXT_VRS:
        texts = value.texts() if vr == value.vr else value._replace(vr=vr).texts()
        return [_compared(kind, text) for text in texts] if kind in ("number", "AS") else texts
    order = "<" if value.vr == "UN" else value.order
    if kind == "number" and vr in INTEGER_VRS:
        return numbers(vr, raw, order)
    if kind == "number" and vr in ("FD", "FL"):
        shown = [Decimal(show_number(vr, number)) for number in numbers(vr, raw, order)]
        return [None if number.is_nan() else number for number in shown]
    return numbers(vr, raw, order) if kind == vr == "AT" else []


def _compared(kind: str, text: str) -> Any:  # noqa: ANN401  it depends on the kind
    """Return text, which is all that some VRs have, as values of its kind are compared."""
    if kind == "number":
        return number_of(text)
    return age_of(text) if kind == "AS" else text


def number_of(text: str) -> Decimal | None:
    """Return the number, exactly; None where it is none."""
    if len(text) > _LONGEST_NUMBER or not re.fullmatch(FLOAT, text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond all bounds
        return None


def age_of(text: str) -> int | None:
    """Return an age (AS) in sixteenths of a day, so that all units are whole; None where it is none."""
    found = _AGE.fullmatch(text)
    return int(found[1]) * _AGES[found[2]] if found else None


def _is_day(text: str) -> bool:
    """Tell whether a date, or what begins with one, is of a day that there is, if it is of a day at all."""
    digits = text.replace(".", "")[:8]
    if digits[6:] <= _IN_EVERY_MONTH:
        return True
    try:
        check_days(digits)
    except ValueError:
        return False
    return True


def rank_of(kind: str, text: str) -> Any:  # noqa: ANN401  it depends on the kind
    """Return what orders a value of its ``kind`` among others; None where it is not of the kind."""
    if kind in ("number", "AS"):
        return _compared(kind, text)
    if kind in ("DA", "DT", "TM"):
        moment = moment_of(kind, text) if kind == "TM" or _is_day(text) else None
        return at_offset(filled(kind, moment.digits), moment.offset, _UTC) if moment else None
    return text


def ordered(kind: str, operator: str, given: Given) -> Test:
    """Return the test of a value by ``operator``; raises ValueError for what cannot be told of the kind."""
    if operator != "==":
        _require_order(kind, given, operator)
    position = _position(kind, given)
    places = ORDERS[operator]
    return lambda value: position(value) in places


def one_of(kind: str, several: Iterable[Given]) -> Test:
    """Return the test whether a value is one of those; raises ValueError as ``ordered`` does."""
    positions = [_position(kind, given) for given in several]
    return lambda value: any(position(value) == 0 for position in positions)


def between(kind: str, low: Given | None, high: Given | None) -> Test:
    """Return the test whether a value lies within a range; raises ValueError as ``ordered`` does."""
    tests = []
    for given, operator in ((low, ">="), (high, "<=")):
        if given:
            _require_order(kind, given, "a range")
            tests.append(ordered(kind, operator, given))
    if low and high and ordered(kind, "<", low)(_compared(kind, high.text)):
        message = f"the range {low.text}..{high.text} ends before it begins"
        raise ValueError(message)
    return lambda value: all(test(value) for test in tests)


def like(kind: str, given: Given) -> Test:
    """Return the test for wildcards, letters in any case; raises ValueError where there is none."""
    test = wildcard_test(_folded(given.text))
    if kind == "PN":
        return lambda value: any(test(_folded(name)) for name in _groups(value))
    return lambda value: test(_folded(value))


def matching(given: Given) -> Test:
    """Return the test for a regular expression anywhere in a value; raises ValueError where it is none."""
    return Pattern(given.text).search


def _position(kind: str, given: Given) -> Position:
    if not given.text.strip():
        message = "no value equals an empty text; 'empty PATH' finds elements without value"
        raise ValueError(message)
    text = given.text.rstrip(" ") if kind == "text" else given.text.strip(" ")
    return _POSITIONS.get(kind, _interval)(kind, text)


def _require_order(kind: str, given: Given, what: str) -> None:
    if kind in _WITHOUT_ORDER:
        message = f"{'tags' if kind == 'AT' else 'UIDs'} have no order, so there is no use for {what}"
        raise ValueError(message)
    if kind in ("text", "PN") and not given.quoted and number_of(given.text) is not None:
        message = f'its values are text, which is not compared with a number; "{given.text}" is text'
        raise ValueError(message)


def _number(_kind: str, text: str) -> Position:
    wanted = number_of(text)
    if wanted is None:
        message = f"{text!r} is no number, but its values are"
        raise ValueError(message)
    return lambda value: None if value is None else (value > wanted) - (value < wanted)


def _age(_kind: str, text: str) -> Position:
    wanted = age_of(text.upper())
    if wanted is None:
        message = f"{text!r} is no age such as 45Y, 018M, 2W or 3D"
        raise ValueError(message)
    return lambda value: None if value is None else (value > wanted) - (value < wanted)


def _tag(_kind: str, text: str) -> Position:
    (step, *more) = parse(text).steps
    if more or step.creator:
        message = f"{text!r} is not a tag"
        raise ValueError(message)
    return lambda value: 0 if value == step.tag else None


def _uid(_kind: str, text: str) -> Position:
    from dcmtools.encoding.uids import is_uid, uid_named

    wanted = text if is_uid(text) else uid_named(text)
    return lambda value: 0 if value == wanted else None


def _text(_kind: str, text: str) -> Position:
    wanted = _composed(text)

    def position(value: str) -> int:
        value = _composed(value)
        return (value > wanted) - (value < wanted)

    return position


def _name(_kind: str, text: str) -> Position:
    """Compare with each of the groups of a name, if it is not several."""
    wanted = _spelt(text)

    def position(value: str) -> int:
        names = [_spelt(name) for name in _groups(value)]
        return 0 if wanted in names else (names[0] > wanted) - (names[0] < wanted)

    return position


def _groups(name: str) -> list[str]:
    """Return a name, and the groups that it has (PS3.5 6.2.1)."""
    return [name, *filter(None, name.split("="))] if "=" in name else [name]


def _spelt(name: str) -> str:
    """Return a name without what means nothing: delimiters with nothing behind them."""
    return "=".join([group.rstrip("^ ") for group in _composed(name).split("=")]).rstrip("=")


def _interval(kind: str, text: str) -> Position:
    """Compare with a date, a time or both, which holds all that it leaves open."""
    position = _interval_of(kind, text).position
    if kind == "TM":
        return position
    return lambda value: position(value) if _is_day(value) else None


def _interval_of(kind: str, text: str) -> Interval:
    plain = _plain(text) if kind != "TM" else text
    try:
        if kind == "DA" and _PART_OF_DAY.fullmatch(plain):
            return Interval("DA", filled("DT", plain)[:8], latest("DT", plain)[:8])
        if kind != "TM":
            check_days(plain[:8])
        return interval_of(kind, plain)
    except ValueError:
        message = f"{text!r} is no {_EXAMPLES[kind]}"
        raise ValueError(message) from None


def _plain(text: str) -> str:
    """Return a date, and a time behind it, as digits, whether it is a word or has hyphens and colons."""
    text = _AGO.sub(r"-\1d", text) if _AGO.fullmatch(text) else text
    day = _ISO_DAY.match(text)
    if day is None:
        return with_dates(text)
    time = _ISO_TIME.match(text, day.end())
    digits = "".join([*day.groups(""), *(time.groups("") if time else ())])
    return digits + text[time.end() if time else day.end() :]


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _folded(text: str) -> str:
    """Return text as it is where letters are alike in any case."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", _composed(text).casefold())


_POSITIONS: Final[dict[str, Callable[[str, str], Position]]] = {
    "AS": _age,
    "AT": _tag,
    "PN": _name,
    "UI": _uid,
    "number": _number,
    "text": _text,
}

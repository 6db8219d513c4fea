"""Data dictionaries of the user's own, as text in the form that DCMTK's have.

A line is an element: tag, VR, name, VM and what else there is, separated by tabs. Tags are written
``(gggg,eeee)``, private ones ``(gggg,"CREATOR",ee)`` in whatever block, or with all four digits in this one.
In place of a number may stand a range, ``6000-60FF``: of even numbers, ``-o-`` odd ones, ``-u-`` all.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.dictionary import Entries, Range
from dcmtools.encoding.values import NUMBERS, TEXT_VRS
from dcmtools.errors import UsageError
from dcmtools.escaping import escape

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST: Final = 16 * 1024 * 1024
_NUMBERS: Final = r"([0-9A-Fa-f]{1,4})(?:-(?:([oeu])-)?([0-9A-Fa-f]{1,4}))?"
_TAG: Final = rf'\({_NUMBERS},(?:"([^"]+)",)?{_NUMBERS}\)'
_VM: Final = r"[0-9]{1,6}(-([0-9]{1,6}|[0-9]{0,6}n))?"
# DCMTK's words for the VRs that PS3.6 gives as alternatives, and its own for offsets in a DICOMDIR.
_ALTERNATIVES: Final = {
    "lt": "US or OW",
    "ox": "OB or OW",
    "px": "OB or OW",
    "up": "UL",
    "xs": "US or SS",
    "US or SS": "US or SS",
    "US or OW": "US or OW",
    "OB or OW": "OB or OW",
    "US or SS or OW": "US or SS or OW",
}
_STRUCTURE: Final = "na"  # the VR of items and delimiters, which no dictionary can change


def read(paths: Iterable[str]) -> Entries:
    """Return the entries of the dictionaries at ``paths``, of which later ones go before earlier ones.

    Raises UsageError where one cannot be read, or has a line that makes no sense.
    """
    entries = Entries()
    for path in paths:
        for number, line in enumerate(_text(path).splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            try:
                _add(line, entries)
            except ValueError as error:
                raise UsageError(f"{path}, line {number}: {error}") from None
    return entries


def _text(path: str) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(_LONGEST + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    if len(data) > _LONGEST:
        raise UsageError(f"{path}: more than {_LONGEST >> 20} MiB is no dictionary")
    return data.decode("utf-8-sig", "backslashreplace")


def _add(line: str, entries: Entries) -> None:
    """Add what ``line`` says to ``entries``; raise ValueError saying what is wrong with it."""
    fields = [field for part in line.split("\t") if (field := part.strip())]
    if len(fields) < 3:
        message = "a tag, a VR and a name are wanted, separated by tabs"
        raise ValueError(message)
    tag, vr, name, vm = (*fields, "1")[:4]
    if vr == _STRUCTURE:
        return
    vr = _ALTERNATIVES.get(vr, vr)
    if vr not in TEXT_VRS and vr not in NUMBERS and vr != "SQ" and vr not in _ALTERNATIVES.values():
        message = f"{vr!r} is not a VR"
        raise ValueError(message)
    if escape(name) != name:
        message = f"the name {name!r} has characters that do not show"
        raise ValueError(message)
    if not re.fullmatch(_VM, vm):
        message = f"{vm!r} is not a VM, such as 1, 1-3 or 2-2n"
        raise ValueError(message)
    groups, creator, elements = _tags(tag)
    entries.add(Range(groups, elements, creator, (vr, vm, name)))


def _tags(text: str) -> tuple[range, str, range]:
    """Return the groups, the private creator, and the elements that a tag or a range of tags stands for."""
    match = re.fullmatch(_TAG, text)
    if match is None:
        message = f'{text!r} is not a tag: (gggg,eeee), (gggg,"CREATOR",ee), or with ranges gggg-gggg'
        raise ValueError(message)
    groups, creator = _range(*match.group(1, 2, 3)), (match[4] or "").strip()
    if creator and any(group % 2 == 0 for group in groups[:2]):
        message = f"the group of {text!r} is even, so it is not private"
        raise ValueError(message)
    return groups, creator, _range(*match.group(5, 6, 7))


def _range(first: str, parity: str | None, last: str | None) -> range:
    """Return the numbers from ``first`` to ``last``, by default the even ones of a range."""
    low = int(first, 16)
    if last is None:
        return range(low, low + 1)
    if parity != "u":
        low += (low & 1) != (parity == "o")
    found = range(low, int(last, 16) + 1, 1 if parity == "u" else 2)
    if not found:
        message = f"there is nothing between {first} and {last}"
        raise ValueError(message)
    return found

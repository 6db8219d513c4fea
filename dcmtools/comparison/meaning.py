"""Whether two values mean the same, by their VR."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

from dcmtools.comparison.rules import Tolerance
from dcmtools.encoding.values import (
    BULK_VRS,
    NUMBER_VRS,
    NUMBERS,
    TEXT_VRS,
    effective_vr,
    number_struct,
    numbers,
    swapped,
    texts,
)

if TYPE_CHECKING:
    from dcmtools.comparison.leaves import Leaf

_BLOCK: Final = 768 * 1024  # whole numbers of every size
_LONGEST: Final = 16 * 1024 * 1024  # of values that are taken for more than bytes
_MOST_DIGITS: Final = 64
_LONGEST_UIDS: Final = 64 * 1024
_UNDERSTOOD: Final = TEXT_VRS | NUMBER_VRS
_NUMBER_STRINGS: Final = ("DS", "IS")


def common_vr(one: Leaf, other: Leaf) -> str:
    """Return the VR by which both can be understood, empty where there is none.

    A VR that is written counts more than that of a dictionary; UN stands for any, and of what is bulk data
    and of integers either of two that differ does.
    """
    a, b = effective_vr(one.tag, one.vr), effective_vr(other.tag, other.vr)
    if a == b:
        return a
    if "SQ" in (a, b):
        return ""
    if a == "UN" or b == "UN":
        return b if a == "UN" else a
    if one.is_explicit != other.is_explicit:
        return a if one.is_explicit else b
    if a in BULK_VRS and b in BULK_VRS:
        return "OB" if "OB" in (a, b) else a
    both = {a, b}
    return "SS" if both == {"US", "SS"} else "SL" if both == {"UL", "SL"} else ""


def is_same(one: Leaf, other: Leaf, vr: str, tolerance: Tolerance) -> bool:
    """Tell whether two values of ``vr`` mean the same; raises what reading them does.

    Text is compared as decoded and without padding, numbers by value, tags as such, bulk data byte by byte in
    one byte order. What is too long for that, or no value of its VR, is compared as bytes.
    """
    if vr not in _UNDERSTOOD and abs(one.length - other.length) == 1:
        return _is_padded(one, other)
    if one.length == other.length and _same_bytes(one, other):
        alike = one.decode is other.decode if vr in TEXT_VRS else one.order == other.order
        if alike or vr not in _UNDERSTOOD:
            return True
    if vr not in _UNDERSTOOD or max(one.length, other.length) > _LONGEST:
        return False
    a, b = one.value(), other.value()
    if vr in TEXT_VRS:
        return _same_texts(vr, texts(vr, a, one.decode), texts(vr, b, other.decode), tolerance)
    if len(a) != len(b) or len(a) % (4 if vr == "AT" else number_struct(vr, "<").size):
        return False
    exactly = Tolerance() if vr == "AT" else tolerance  # a tag is no quantity
    values = zip(numbers(vr, a, one.order), numbers(vr, b, other.order), strict=True)
    return all(exactly.allows(x, y) for x, y in values)


def _is_padded(one: Leaf, other: Leaf) -> bool:
    """Tell whether a value of odd length and another are the same but for the NUL that makes it even."""
    if one.length > other.length:
        one, other = other, one
    if not one.length & 1 or other.piece(one.length, 1) != b"\0":
        return False
    return _same_bytes(one, other._replace(length=one.length))


def _same_bytes(one: Leaf, other: Leaf) -> bool:
    """Tell whether two values of one length are the same bytes, whatever their byte order."""
    swaps = one.order != other.order and one.vr in NUMBERS
    for at in range(0, one.length, _BLOCK):
        size = min(_BLOCK, one.length - at)
        a, b = one.piece(at, size), other.piece(at, size)
        if swaps:
            a, b = _in_order(one, a), _in_order(other, b)
        if a != b:
            return False
    return True


def _in_order(leaf: Leaf, raw: bytes) -> bytes:
    """Return bytes in little endian."""
    if leaf.order == "<":
        return raw
    try:
        return swapped(leaf.vr, raw)
    except ValueError:
        return raw


def _same_texts(vr: str, a: list[str], b: list[str], tolerance: Tolerance) -> bool:
    if a == b:
        return True
    if len(a) != len(b):
        return False
    if vr in _NUMBER_STRINGS:
        return all(x == y or _same_numbers(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if vr == "PN":
        return [_plain_name(each) for each in a] == [_plain_name(each) for each in b]
    return False


def _same_numbers(a: str, b: str, tolerance: Tolerance) -> bool:
    if max(len(a), len(b)) > _MOST_DIGITS:
        return False
    try:
        x, y = Decimal(a.strip()), Decimal(b.strip())
        return x == y or tolerance.allows(float(x), float(y))
    except (InvalidOperation, ValueError, OverflowError):
        return False


def _plain_name(text: str) -> list[str]:
    """Return the groups of a name without delimiters that nothing follows (PS3.5 6.2.1)."""
    groups = [group.rstrip("^ ") for group in text.split("=")]
    while groups and not groups[-1]:
        groups.pop()
    return groups


def is_known_uid(leaf: Leaf) -> bool:
    """Tell whether a value has a UID of PS3.6, which stands for the same everywhere."""
    from dcmtools.data.uids import UIDS

    if leaf.length > _LONGEST_UIDS:
        return False
    return any(each in UIDS for each in texts("UI", leaf.value(), leaf.decode))

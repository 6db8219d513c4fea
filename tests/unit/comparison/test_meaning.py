"""Values that mean the same."""

from __future__ import annotations

import math

import pytest

from dcmtools.comparison.leaves import Leaf
from dcmtools.comparison.meaning import is_same
from dcmtools.comparison.rules import Tolerance
from dcmtools.encoding.charset import DEFAULT, decoder_of

EXACT = Tolerance()


def leaf(raw: bytes, vr: str, order: str = "<", charset: bytes = b"") -> Leaf:
    decode = decoder_of(charset) if charset else DEFAULT
    return Leaf((), (), 0x00091001, vr, 0, len(raw), None, decode, order, raw=raw)


@pytest.mark.parametrize(
    ("vr", "a", "b", "same"),
    [
        ("DS", b"1.0 ", b"1.00", True),
        ("DS", b"1e1 ", b"10", True),
        ("DS", b"1\\2 ", b"1\\2\\", False),
        ("DS", b"abc ", b"abd ", False),
        ("DS", b"9" * 100, b"9" * 99 + b"8", False),
        ("IS", b"01", b"1 ", True),
        ("LO", b"A ", b"A\0", True),
        ("LO", b"A\\B ", b"A\\C ", False),
        ("UT", b" A", b"A ", False),
        ("PN", b"A^B^", b"A^B ", True),
        ("PN", b"A=B=", b"A=B ", True),
        ("PN", b"A^B ", b"A^^B", False),
        ("UI", b"1.2\0", b"1.2 ", True),
        ("FD", b"\0" * 8, b"\0" * 7 + b"\x80", True),  # a zero is a zero
        ("FD", b"\0\0\0\0\0\0\xf8\x7f", b"\1\0\0\0\0\0\xf8\x7f", True),  # no number is no number
        ("US", b"\1\0", b"\1\0\1\0", False),
        ("OB", b"ab", b"ac", False),
        ("OB", b"abc", b"abc\0", True),  # an odd length, made even
        ("OB", b"ab", b"ab\0", False),
        ("OB", b"abc", b"abcd", False),
        ("OB", b"abc", b"abd\0", False),
        ("AT", b"\1\0\2\0", b"\1\0\3\0", False),
    ],
)
def test_values_mean_the_same_or_not(vr: str, a: bytes, b: bytes, *, same: bool) -> None:
    assert is_same(leaf(a, vr), leaf(b, vr), vr, EXACT) is same
    assert is_same(leaf(b, vr), leaf(a, vr), vr, EXACT) is same


@pytest.mark.parametrize(
    ("vr", "little", "big"),
    [
        ("US", b"\1\0\2\0", b"\0\1\0\2"),
        ("OW", b"\1\0\2\0", b"\0\1\0\2"),
        ("AT", b"\x10\0\x20\0", b"\0\x10\0\x20"),
        ("LO", b"AB", b"AB"),
        ("OB", b"AB", b"AB"),
    ],
)
def test_byte_order_makes_no_difference(vr: str, little: bytes, big: bytes) -> None:
    assert is_same(leaf(little, vr), leaf(big, vr, ">"), vr, EXACT)
    if little != big:
        assert not is_same(leaf(little, vr), leaf(little, vr, ">"), vr, EXACT)


def test_text_is_what_is_decoded() -> None:
    latin, utf = (
        leaf("Jürgen".encode("latin-1"), "LO", charset=b"ISO_IR 100"),
        leaf("Jürgen".encode(), "LO", charset=b"ISO_IR 192"),
    )
    assert is_same(latin, utf, "LO", EXACT)
    cyrillic = leaf("Jürgen".encode("latin-1"), "LO", charset=b"ISO_IR 144")
    assert not is_same(latin, cyrillic, "LO", EXACT)


@pytest.mark.parametrize(
    ("tolerance", "a", "b", "allowed"),
    [
        (Tolerance(), 1.0, 1.0, True),
        (Tolerance(), 1.0, 1.1, False),
        (Tolerance(0.2), 1.0, 1.1, True),
        (Tolerance(0.0, 0.2), 10.0, 11.0, True),
        (Tolerance(0.0, 0.01), 10.0, 11.0, False),
        (Tolerance(1e300), math.inf, 1.0, False),
        (Tolerance(), math.inf, math.inf, True),
        (Tolerance(), math.nan, math.nan, True),
        (Tolerance(1.0), math.nan, 1.0, False),
    ],
)
def test_how_far_numbers_may_be_apart(tolerance: Tolerance, a: float, b: float, *, allowed: bool) -> None:
    assert tolerance.allows(a, b) is allowed

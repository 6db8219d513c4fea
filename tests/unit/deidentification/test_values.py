"""New values: legal dummies, dates that moved, ages of the very old."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmtools.deidentification.values import capped, dummy, shifted
from dcmtools.encoding.element import LONG_VRS, SHORT_VRS
from dcmtools.encoding.forms import check
from dcmtools.encoding.values import BULK_VRS, NUMBERS


@pytest.mark.parametrize("vr", sorted((LONG_VRS | SHORT_VRS) - {"SQ"}))
def test_dummies_are_legal(vr: str) -> None:
    value = dummy(vr)
    assert value
    if vr in NUMBERS:
        assert not any(value)
        assert len(value) % 2 == 0
    else:
        check(vr, value.decode())
    assert vr in BULK_VRS or len(value) <= 22


@given(st.dates(date(1920, 1, 1)), st.integers(-4000, -1))
def test_dates_move_by_days(day: date, days: int) -> None:
    raw = day.strftime("%Y%m%d").encode()
    moved = (day + timedelta(days)).strftime("%Y%m%d").encode()
    assert shifted(raw, days) == moved
    assert shifted(raw + b"101112.123456+0100", days) == moved + b"101112.123456+0100"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"20240301", b"20240229"),
        (b"20240301\\20230301 ", b"20240229\\20230228"),
        (b"2024.03.01", b"20240229"),
        (b"202403", b"202402"),
        (b"2024", b"2023"),
        (b"", b""),
        (b"20240230", b""),
        (b"00010101", b""),
        (b"DOE", b""),
        (b"20240301DOE", b""),
        (b"20240301-20240302", b""),
        (b"20240301-1200", b"20240229-1200"),
        (b"20240301-2019", b""),
        (b"20240301101112+1401", b"20240229101112+1401"),
        (b"20240301101112+1560", b""),
    ],
)
def test_dates_that_are_odd(old: bytes, new: bytes) -> None:
    assert shifted(old, -1) == new


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"089Y", b"089Y"), (b"090Y", b"090Y"), (b"103Y", b"090Y"), (b"999M", b"999M"), (b"", b"")],
)
def test_ages_are_capped(old: bytes, new: bytes) -> None:
    assert capped(old) == new

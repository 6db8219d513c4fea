from __future__ import annotations

from datetime import date, timedelta

import pytest

from dcmtools.query.dates import with_dates

TODAY = date(2024, 3, 2)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("today", "20240302"),
        ("Yesterday", "20240301"),
        ("-2d", "20240229"),
        ("-2d-", "20240229-"),
        ("-2d-today", "20240229-20240302"),
        ("-7d--1d", "20240224-20240301"),
        ("-today", "-20240302"),
        ("--7d", "-20240224"),
        ("20240101-yesterday", "20240101-20240301"),
        ("today\\yesterday", "20240302\\20240301"),
        ("-0d", "20240302"),
        ("20240101-20240131", "20240101-20240131"),
        ("-20240131", "-20240131"),
        ("tomorrow", "tomorrow"),
        ("", ""),
    ],
)
def test_words_become_dates(text: str, meant: str) -> None:
    assert with_dates(text, TODAY) == meant


def test_a_day_before_all_dates() -> None:
    with pytest.raises(ValueError, match="'-999999d' is before all dates"):
        with_dates("-999999d", TODAY)


def test_today_is_that_of_the_clock() -> None:
    before = date.today()
    yesterday = with_dates("yesterday")
    assert yesterday in {f"{each - timedelta(days=1):%Y%m%d}" for each in (before, date.today())}

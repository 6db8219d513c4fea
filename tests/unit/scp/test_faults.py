"""The words and numbers for faults that are made on purpose."""

from __future__ import annotations

import pytest

from dcmtools.net.pdu import AssociateRJ
from dcmtools.scp.faults import Faults, rejection, status_of


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("called-aet", (1, 1, 7)),
        ("calling-aet", (1, 1, 3)),
        ("application-context", (1, 1, 2)),
        ("congestion", (2, 3, 1)),
        ("local-limit", (2, 3, 2)),
        ("2/1/255", (2, 1, 255)),
    ],
)
def test_a_rejection(text: str, answer: tuple[int, int, int]) -> None:
    assert rejection(text) == AssociateRJ(*answer)


@pytest.mark.parametrize(
    "text", ["", "busy", "1/1", "1/1/7/1", "3/1/1", "0/1/1", "1/4/1", "1/1/256", "a/b/c", "1/1/-1"]
)
def test_what_is_no_rejection(text: str) -> None:
    with pytest.raises(ValueError, match=r"the result is|is neither"):
        rejection(text)


@pytest.mark.parametrize(
    ("text", "status"), [("A700", 0xA700), ("0xb000", 0xB000), ("0", 0), ("122", 0x122), ("FFFF", 0xFFFF)]
)
def test_a_status(text: str, status: int) -> None:
    assert status_of(text) == status


@pytest.mark.parametrize("text", ["", "0x", "A7000", "G000", "-1", "A 7", "\u0661"])
def test_what_is_no_status(text: str) -> None:
    with pytest.raises(ValueError, match="is not a status"):
        status_of(text)


@pytest.mark.parametrize(
    ("status", "fails"), [(0, False), (0xB000, False), (0xB007, False), (0xA700, True), (0x0110, True)]
)
def test_which_statuses_say_that_nothing_was_stored(status: int, *, fails: bool) -> None:
    assert Faults(status=status).fails == fails

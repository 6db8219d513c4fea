"""Status codes: which are failures, and their words (PS3.7 Annex C, PS3.4 B.2.3)."""

from __future__ import annotations

import pytest

from dcmtools.net.status import cause_of, explain, is_transient, is_warning, status_text


@pytest.mark.parametrize("status", [0xB000, 0xB006, 0xB007, 0xBFFF, 0x0001, 0x0107, 0x0116])
def test_warnings(status: int) -> None:
    """PS3.7 C.3 and Table C.1-1."""
    assert is_warning(status)


@pytest.mark.parametrize(
    "status", [0x0000, 0x0002, 0x0110, 0x0111, 0x0122, 0x0124, 0x0212, 0xA700, 0xA900, 0xAFFF, 0xC000, 0xCFFF]
)
def test_what_is_no_warning(status: int) -> None:
    assert not is_warning(status)


@pytest.mark.parametrize("status", [0xFE00, 0xFF00, 0xFF01, 0xFFFF])
def test_cancelled_and_pending_are_no_warnings(status: int) -> None:
    assert not is_warning(status)


def test_four_hexadecimal_digits() -> None:
    assert [status_text(status) for status in (0, 0x122, 0xA700)] == ["0000", "0122", "A700"]


def test_the_words_and_the_comment() -> None:
    assert explain(0xA700).startswith("status A700, ")
    assert explain(0xA700, "quota of 5 GB used up").endswith("the peer says 'quota of 5 GB used up'")
    assert "SOP Class Not Supported" in explain(0x0122)
    assert explain(0x9999) == "status 9999, not a status of this service"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0xA700, "disk may be full"),
        (0xA7FF, "disk may be full"),
        (0xA900, "not what the peer expects"),
        (0xC123, "could not read"),
        (0x0122, "does not store this kind"),
        (0x0124, "does not allow this AE title"),
        (0x9999, ""),
    ],
)
def test_the_usual_cause(status: int, words: str) -> None:
    assert words in cause_of(status)
    assert bool(words) == bool(cause_of(status))


def test_what_may_pass() -> None:
    """PS3.4 B.2.3: refused, out of resources."""
    transient = [status for status in range(0x10000) if is_transient(status)]
    assert transient == list(range(0xA700, 0xA800))


def test_a_comment_cannot_start_a_new_line() -> None:
    assert "\n" not in explain(0xC000, "one\ntwo")

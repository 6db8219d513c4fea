"""Status codes: which are failures, and their words (PS3.7 Annex C, PS3.4 B.2.3)."""

from __future__ import annotations

import pytest

from dcmtools.net.dimse import CommandField as F
from dcmtools.net.status import explain, is_done, is_pending, is_warning, status_text


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


def test_what_was_done_and_what_goes_on() -> None:
    """PS3.7 C.1 to C.6: success, warning, pending; the rest is a failure or a cancellation."""
    statuses = (0, 0x0107, 0xB000, 0xFF00, 0xFF01, 0xFE00, 0x0110, 0xA700, 0xC000)
    assert [status for status in statuses if is_done(status)] == [0, 0x0107, 0xB000]
    assert [status for status in statuses if is_pending(status)] == [0xFF00, 0xFF01]


PRINT, PROCEDURE_STEP = "1.2.840.10008.5.1.1.9", "1.2.840.10008.3.1.2.3.3"


@pytest.mark.parametrize(
    ("status", "field", "sop_class", "words"),
    [
        (0xA700, F.C_STORE_RQ, "", "Refused: Out of Resources"),
        (0xB000, F.C_STORE_RQ, "", "Coercion of Data Elements"),
        (0xC600, F.C_STORE_RQ, "", "Cannot Understand"),
        (0xFF00, F.C_STORE_RQ, "", "not a status of this service"),
        (0xFF00, F.C_FIND_RQ, "", "Matches are continuing"),
        (0xFF01, F.C_FIND_RQ, "", "Matches are continuing, warning"),
        (0xFE00, F.C_FIND_RQ, "", "Cancel"),
        (0xB000, F.C_GET_RQ, "", "Sub-operations complete"),
        (0xA701, F.C_GET_RQ, "", "number of matches"),
        (0xA702, F.C_MOVE_RQ, "", "sub-operations"),
        (0xA801, F.C_MOVE_RQ, "", "Move destination unknown"),
        (0xA801, F.C_GET_RQ, "", "not a status of this service"),
        (0xC600, F.N_ACTION_RQ, PRINT, "Film Session SOP Instance hierarchy does not contain Film Box"),
        (0xB603, F.N_ACTION_RQ, "1.2.840.10008.5.1.1.2", "empty page"),
        (0x0001, F.N_CREATE_RQ, PROCEDURE_STEP, "Requested optional attributes are not supported"),
        (0x0213, F.N_ACTION_RQ, "1.2.840.10008.1.20.1", "Resource Limitation"),
        (0x0122, 0, "", "SOP Class Not Supported"),
        (0xA700, 0, "", "not a status of this service"),
    ],
)
def test_the_words_are_those_of_the_service(status: int, field: int, sop_class: str, words: str) -> None:
    """PS3.4 B.2.3, C.4.1 to C.4.3, F.7 and H.4; PS3.7 Annex C for all."""
    explained = explain(status, field=field, sop_class_uid=sop_class)
    assert explained.startswith(f"status {status:04X}, ")
    assert words.lower() in explained.lower()


def test_the_comment_of_the_peer() -> None:
    assert explain(0xA700, "quota of 5 GB used up").endswith("the peer says 'quota of 5 GB used up'")


def test_a_comment_cannot_start_a_new_line() -> None:
    assert "\n" not in explain(0xC000, "one\ntwo")

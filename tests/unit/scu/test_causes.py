"""What lies behind failures of C-STORE, and which of them may pass (PS3.4 B.2.3)."""

from __future__ import annotations

import pytest

from dcmtools.scu.causes import cause_of, is_transient


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

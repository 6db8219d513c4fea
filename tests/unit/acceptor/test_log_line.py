"""The server's log lines: what a peer puts into a value stays within it."""

from __future__ import annotations

import pytest

from dcmtools.acceptor.log_line import log_line


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("CT1", "CT1"),
        ("1.2.840", "1.2.840"),
        ("::1%eth0", "::1%eth0"),
        (42, "42"),
        ("", '""'),
        ("CT ROOM 1", '"CT ROOM 1"'),
        ("a=b", '"a=b"'),
        ('X" status=0000 y="', '"X\\" status=0000 y=\\""'),
        ("back\\", '"back\\\\"'),
        ("café", '"café"'),
    ],
)
def test_values(value: object, shown: str) -> None:
    assert log_line("stored", first=1, value=value) == f"stored first=1 value={shown}"


def test_a_line_without_fields() -> None:
    assert log_line("stopped") == "stopped"

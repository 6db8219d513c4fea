"""What is left of a process that was killed: workers, which end by themselves."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

LIMIT: Final = 60


def settle(command: str, folder: Path) -> None:
    """Wait until no process works on ``folder`` with this command any more."""
    deadline = time.monotonic() + LIMIT
    while any(_is_working(command, folder, each) for each in os.listdir("/proc") if each.isdigit()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _is_working(command: str, folder: Path, process: str) -> bool:
    try:
        with open(f"/proc/{process}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
    except OSError:
        return False
    return command.encode() in words and os.fsencode(folder) in words

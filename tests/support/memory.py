"""How much memory a piece of Python takes, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_TELL = "\nprint(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])"


def peak_memory(script: str, *arguments: str | Path) -> float:
    """Return the most megabytes that a process has had when ``script`` has run; imports take some 25."""
    told = subprocess.run(
        [sys.executable, "-c", script + _TELL, *arguments], check=True, capture_output=True, text=True
    )
    return int(told.stdout.split()[-1]) / 1000

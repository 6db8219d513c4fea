"""How far a long run has come, for someone who watches."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dcmtools.output.console import Console

_INTERVAL = 0.1


class Progress:
    """One line on stderr, redrawn at most ten times a second."""

    def __init__(self, console: Console, verb: str, total: int | None) -> None:
        """Count what was ``verb``; ``total`` where it is known."""
        self._console = console
        self._verb = verb
        self._total = total
        self._due = monotonic() + _INTERVAL

    def show(self, count: int) -> None:
        """Draw ``count`` if it is time to."""
        now = monotonic()
        if now < self._due:
            return
        self._due = now + _INTERVAL
        share = f" of {self._total} ({100 * count // self._total} %)" if self._total else ""
        self._console.show_progress(f"{count}{share} {self._verb}")

"""How many associations are open, and whether any has a message in hand."""

from __future__ import annotations

import time
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack


class Places:
    """As many places as there may be associations at the same time; any thread may call."""

    def __init__(self, most: int) -> None:
        """Begin with ``most`` places, and all of them free."""
        self._free = self._most = most
        self._in_hand = 0
        self._last = time.monotonic()
        self._lock = Lock()

    def take(self, held: ExitStack) -> bool:
        """Take a place, which is given back with the end of ``held``; return False where none is free."""
        with self._lock:
            if not self._free:
                return False
            self._free -= 1
        held.callback(self._give_back)
        return True

    def _give_back(self) -> None:
        with self._lock:
            self._free += 1
            self._last = time.monotonic()

    @contextmanager
    def in_hand(self) -> Iterator[None]:
        """Have a message in hand for as long as the ``with`` block lasts."""
        with self._lock:
            self._in_hand += 1
        try:
            yield
        finally:
            with self._lock:
                self._in_hand -= 1
                self._last = time.monotonic()

    def idle_for(self) -> float:
        """Return for how many seconds no association has been open."""
        with self._lock:
            return time.monotonic() - self._last if self._free == self._most else 0.0

    def quiet_for(self) -> float:
        """Return for how many seconds no message has been in hand."""
        with self._lock:
            return 0.0 if self._in_hand else time.monotonic() - self._last

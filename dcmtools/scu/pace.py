"""A limit on how many bytes a second are sent, for all associations of a run together."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dcmtools.net.stop import Stop

_SLICES: Final = 4  # in a second
_LEAST: Final = 1024


class Pace:
    """Lets ``rate`` bytes through in a second."""

    def __init__(self, rate: int, stop: Stop) -> None:
        """Begin now; a wish to stop ends the waiting, so that what is in hand can end."""
        self._rate = rate
        self._stop = stop
        self._next = time.monotonic()
        self._lock = Lock()

    def paced(self, blocks: Iterable[bytes]) -> Iterator[bytes | memoryview]:
        """Yield ``blocks`` in slices, each when its time has come."""
        step = max(self._rate // _SLICES, _LEAST) & ~1
        for block in blocks:
            view = memoryview(block)
            for start in range(0, len(block), step):
                piece = view[start : start + step]
                self._wait(len(piece))
                yield piece

    def _wait(self, size: int) -> None:
        with self._lock:
            now = time.monotonic()
            begin = max(self._next, now)
            self._next = begin + size / self._rate
        if begin > now and not self._stop.count:
            self._stop.wait(begin - now)

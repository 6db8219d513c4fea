"""A limit on how many bytes a second are sent, for all associations of a run together."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dcmtools.net.stop import Stop

_SLICES: Final = 4  # in a second
_LONGEST_WAIT: Final = 0.5  # seconds; how late a lost connection may be noticed


class Pace:
    """Lets ``rate`` bytes through in a second."""

    def __init__(self, rate: int, stop: Stop) -> None:
        """Begin now; a wish to stop ends the waiting, so that what is in hand can end."""
        self._rate = rate
        self._stop = stop
        self._next = time.monotonic()
        self._lock = Lock()

    def paced(self, blocks: Iterable[bytes], watch: Callable[[], None]) -> Iterator[bytes | memoryview]:
        """Yield ``blocks`` in slices, each when its time has come; until then ``watch`` is called often."""
        step = max(self._rate // _SLICES, 2) & ~1
        for block in blocks:
            view = memoryview(block)
            for start in range(0, len(block), step):
                piece = view[start : start + step]
                self._wait(len(piece), watch)
                yield piece

    def _wait(self, size: int, watch: Callable[[], None]) -> None:
        with self._lock:
            begin = max(self._next, time.monotonic())
            self._next = begin + size / self._rate
        while (left := begin - time.monotonic()) > 0 and not self._stop.count:
            self._stop.wait(min(left, _LONGEST_WAIT))
            watch()

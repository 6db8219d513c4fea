"""What is logged of connections that come to nothing: enough to see why, never so much as to fill a disk."""

from __future__ import annotations

import logging
import math
import time
from threading import Lock
from typing import TYPE_CHECKING, Final

from dcmtools.acceptor.log_line import log_line
from dcmtools.errors import Interrupted
from dcmtools.net.accepting import NoRequest, Rejected
from dcmtools.net.refusals import rejection_text

if TYPE_CHECKING:
    from dcmtools.errors import DcmtoolsError

logger = logging.getLogger(__name__)

# So many lines of one address and level are logged in a minute; the others are counted.
_LINES: Final = 10
_MINUTE: Final = 60.0
# Lines of more addresses than this in one minute count as those of one address.
_ADDRESSES: Final = 256
_OTHERS: Final = "others"


class _Told:
    """How many lines there were from one address, in the minute that ends at ``end``."""

    __slots__ = ("end", "lines")

    def __init__(self, end: float) -> None:
        self.end = end
        self.lines = 0


class Complaints:
    """Logs ten lines a minute for an address, then one that says how many more there were."""

    def __init__(self) -> None:
        """Begin with nothing told."""
        self._told: dict[tuple[int, str], _Told] = {}  # in the order of their ends
        self._lock = Lock()

    def tell(self, level: int, host: str, line: str) -> None:
        """Log ``line``, which is about the peer at the address ``host``, or count it; any thread may call."""
        if not logger.isEnabledFor(level):
            return
        now = time.monotonic()
        self.sum_up(now)
        with self._lock:
            key = (level, host)
            if key not in self._told and len(self._told) >= _ADDRESSES:
                key = (level, _OTHERS)
            told = self._told.setdefault(key, _Told(now + _MINUTE))
            told.lines += 1
            if told.lines > _LINES:
                return
        logger.log(level, line)

    def until_due(self) -> float | None:
        """Return in how many milliseconds there is something to sum up, None where there is nothing."""
        with self._lock:
            first = next(iter(self._told.values()), None)
        return None if first is None else 1000 * max(first.end - time.monotonic(), 0)

    def sum_up(self, now: float = math.inf) -> None:
        """Say how many lines were not told in the minutes that have ended ``now``, by default in all."""
        ended = []
        with self._lock:
            while (key := next(iter(self._told), None)) and self._told[key].end <= now:
                ended.append((*key, self._told.pop(key).lines))
        for level, host, lines in ended:
            if lines > _LINES:
                logger.log(level, log_line("suppressed", peer=host, lines=lines - _LINES))


def failure(error: DcmtoolsError, number: int, host: str) -> tuple[int, str, str]:
    """Return what to tell of the connection ``number`` that came to no association; it is told always.

    That is, but of a peer that said nothing at all, as those do that look whether a port is open.
    """
    event, reason = "failed", error.message
    titles: dict[str, str] = {}
    if isinstance(error, Rejected):
        event, reason = "rejected", rejection_text(error.rejection.source, error.rejection.reason)
        titles = {"calling": error.request.calling_aet, "called": error.request.called_aet}
    level = logging.INFO if isinstance(error, NoRequest | Interrupted) else logging.WARNING
    return level, host, log_line(event, association=number, peer=host, **titles, reason=reason)

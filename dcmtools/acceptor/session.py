"""One association as the server's services and its log see it."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from dcmtools.acceptor.log_line import log_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dcmtools.net.association import Association


class Session:
    """An association that was accepted: its number in this run, the peer's address, and what came of it.

    ``counts`` is for the services, which add to what they told the server that they count.
    """

    def __init__(self, number: int, host: str, association: Association, counted: Iterable[str] = ()) -> None:
        """Begin, with nothing of what is ``counted``."""
        self.number = number
        self.host = host
        self.association = association
        self.calling_aet = association.request.calling_aet
        self.called_aet = association.request.called_aet
        self.counts = Counter(dict.fromkeys(counted, 0))
        self._started = time.monotonic()

    def line(self, event: str, **more: object) -> str:
        """Return a line for the log: the event, whose association it is, and ``more``."""
        return log_line(
            event,
            association=self.number,
            peer=self.host,
            calling=self.calling_aet,
            called=self.called_aet,
            **more,
        )

    def last_line(self, event: str, **more: object) -> str:
        """Return the line for its end, with all that came of it."""
        seconds = time.monotonic() - self._started
        return self.line(event, **self.counts, seconds=f"{seconds:.3f}", **more)

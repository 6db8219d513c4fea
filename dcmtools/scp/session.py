"""One association as the server's services and its log see it."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dcmtools.net.association import Association

_PLAIN: Final = re.compile(r"[\w.:%@/+-]+", re.ASCII)


class Session:
    """An association that was accepted: its number in this run, the peer's address, and what came of it."""

    def __init__(self, number: int, host: str, association: Association) -> None:
        """Begin, with nothing stored and nothing refused."""
        self.number = number
        self.host = host
        self.association = association
        self.calling_aet = association.request.calling_aet
        self.called_aet = association.request.called_aet
        self.stored = 0
        self.refused = 0
        self.size = 0
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long it has been open."""
        return time.monotonic() - self._started

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
        return self.line(
            event,
            stored=self.stored,
            refused=self.refused,
            bytes=self.size,
            seconds=f"{self.seconds:.3f}",
            **more,
        )


def log_line(event: str, **fields: object) -> str:
    """Return ``event key=value key="a value"``; values other than plain words stand in quotes.

    What a peer put into a value cannot end it, so no field can be forged.
    """
    return " ".join([event, *(f"{name}={_quoted(str(value))}" for name, value in fields.items())])


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

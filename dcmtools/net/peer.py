"""Whom to talk to, and on which terms."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from dcmtools.net.stop import Stop

DEFAULT_PORT: Final = 11112
DEFAULT_CALLED_AET: Final = "ANY-SCP"
DEFAULT_CALLING_AET: Final = "DCMTOOLS"

_HOST: Final = re.compile(r"[^\s@\[\]/\\\x00-\x1f\x7f]+")
_ADDRESS: Final = re.compile(r"(?:\[(?P<ipv6>[^\]]*)\]|(?P<host>[^:\[\]]*))(?::(?P<port>.*))?", re.DOTALL)


def checked_aet(text: str) -> str:
    """Return the AE title ``text`` without its padding, as PS3.5 6.2 allows it.

    Raises ValueError: empty, longer than 16 characters, a backslash, a control or non-ASCII character.
    """
    title = text.strip(" ")
    if not title:
        raise ValueError("an AE title must not be blank")
    if len(title) > 16:
        raise ValueError(f"AE title {title!r} is longer than 16 characters")
    if "\\" in title or not title.isascii() or not title.isprintable():
        raise ValueError(
            f"AE title {title!r} has a character that is not allowed (ASCII, no backslash, no control)"
        )
    return title


@dataclass(frozen=True, slots=True)
class Peer:
    """An application entity: where it listens, its AE title, and the title it knows us by, if set."""

    host: str
    port: int = DEFAULT_PORT
    aet: str = DEFAULT_CALLED_AET
    calling_aet: str | None = None

    def __post_init__(self) -> None:
        """Raise ValueError where a part is not usable."""
        if not _HOST.fullmatch(self.host):
            raise ValueError(
                f"{self.host!r} is not a host name or address" if self.host else "the host is missing"
            )
        if not 1 <= self.port <= 65535:
            raise ValueError(f"port {self.port} is not between 1 and 65535")
        for title in (self.aet, self.calling_aet):
            if title is not None:
                checked_aet(title)

    @property
    def name(self) -> str:
        """``AET@host:port``, for messages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.aet}@{host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Peer:
        """Return the peer named by ``AET@host:port``, ``host:port`` or ``host``; IPv6 stands in brackets.

        Raises ValueError, saying which part is wrong.
        """
        title, at, address = text.rpartition("@")
        aet = checked_aet(title) if at else DEFAULT_CALLED_AET
        match = _ADDRESS.fullmatch(address)
        if match is None:
            raise ValueError(f"{address!r} is not host:port; an IPv6 address stands in brackets: [::1]:104")
        port = match["port"]
        if port is not None and not (port.isascii() and port.isdigit() and len(port) <= 5):
            raise ValueError(
                f"{port!r} is not a port" + ("; IPv6 stands in brackets: [::1]:104" if ":" in port else "")
            )
        return cls(match["ipv6"] or match["host"] or "", DEFAULT_PORT if port is None else int(port), aet)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """What every association needs to know beside its peer; timeouts in seconds."""

    calling_aet: str = DEFAULT_CALLING_AET
    connect_timeout: float = 10.0
    acse_timeout: float = 30.0
    dimse_timeout: float = 60.0
    max_pdu: int = 262144
    stop: Stop = field(default_factory=Stop)

"""Whom to talk to, and on which terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.net.stop import Stop

if TYPE_CHECKING:
    from typing import Self

DEFAULT_PORT: Final = 11112
DEFAULT_CALLED_AET: Final = "ANY-SCP"
DEFAULT_CALLING_AET: Final = "DCMTOOLS"


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


class Limits(NamedTuple):
    """What is known of a peer's pace: timeouts in seconds, bytes of a PDU; None where nothing is."""

    connect_timeout: float | None = None
    acse_timeout: float | None = None
    dimse_timeout: float | None = None
    max_pdu: int | None = None


class _Address(NamedTuple):
    host: str
    port: int
    aet: str
    calling_aet: str | None
    limits: Limits


class Peer(_Address):
    """An application entity: where it listens, its AE title, the title it knows us by, and its limits."""

    __slots__ = ()

    def __new__(
        cls,
        host: str,
        port: int = DEFAULT_PORT,
        aet: str = DEFAULT_CALLED_AET,
        calling_aet: str | None = None,
        limits: Limits = Limits(),  # noqa: B008  a tuple, which nobody can change
    ) -> Self:
        """Raise ValueError where a part is not usable."""
        if not host:
            raise ValueError("the host is missing")
        if any(char in "@[]/\\" or char.isspace() or not char.isprintable() for char in host):
            raise ValueError(f"{host!r} is not a host name or address")
        if not 1 <= port <= 65535:
            raise ValueError(f"port {port} is not between 1 and 65535")
        for title in (aet, calling_aet):
            if title is not None:
                checked_aet(title)
        return super().__new__(cls, host, port, aet, calling_aet, limits)

    @property
    def name(self) -> str:
        """``AET@host:port``, for messages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.aet}@{host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the peer named by ``AET@host:port``, ``host:port`` or ``host``; IPv6 stands in brackets.

        Raises ValueError, saying which part is wrong.
        """
        title, at, address = text.rpartition("@")
        aet = checked_aet(title) if at else DEFAULT_CALLED_AET
        host, port = _host_and_port(address)
        if port is not None and not (port.isascii() and port.isdigit() and len(port) <= 5):
            raise ValueError(
                f"{port!r} is not a port" + ("; IPv6 stands in brackets: [::1]:104" if ":" in port else "")
            )
        return cls(host, DEFAULT_PORT if port is None else int(port), aet)


def _host_and_port(address: str) -> tuple[str, str | None]:
    """Split ``address`` at the colon before the port, which may be missing."""
    if address.startswith("["):
        host, bracket, rest = address[1:].partition("]")
        malformed = not bracket or rest[:1] not in ("", ":")
        colon, port = rest[:1], rest[1:]
    else:
        host, colon, port = address.partition(":")
        malformed = "[" in host or "]" in host
    if malformed:
        raise ValueError(f"{address!r} is not host:port; an IPv6 address stands in brackets: [::1]:104")
    return host, port if colon else None


class NetworkOptions:
    """What every association needs to know beside its peer; timeouts in seconds."""

    __slots__ = ("acse_timeout", "calling_aet", "connect_timeout", "dimse_timeout", "max_pdu", "stop")

    def __init__(
        self,
        *,
        calling_aet: str = DEFAULT_CALLING_AET,
        connect_timeout: float = 10.0,
        acse_timeout: float = 30.0,
        dimse_timeout: float = 60.0,
        max_pdu: int = 262144,
        stop: Stop | None = None,
    ) -> None:
        """Take what is given, and the defaults; without a ``stop`` nothing asks to stop."""
        self.calling_aet: Final = calling_aet
        self.connect_timeout: Final = connect_timeout
        self.acse_timeout: Final = acse_timeout
        self.dimse_timeout: Final = dimse_timeout
        self.max_pdu: Final = max_pdu
        self.stop: Final = stop or Stop()

"""Whom to talk to, and on which terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.net.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from dcmtools.net.user_information import UserIdentity

DEFAULT_PORT: Final = 11112
TLS_PORT: Final = 2762
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


class Security(NamedTuple):
    """How a peer wants to be approached, as the options of these names have it; None where nothing is known.

    Secrets are not among it, only the names of the files that hold them.
    """

    bind_address: str | None = None
    tls: bool | None = None
    tls_ca: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    tls_key_password_file: str | None = None
    tls_server_name: str | None = None
    tls_profile: str | None = None
    tls_min_version: str | None = None
    user: str | None = None
    password_file: str | None = None


class TlsOptions(NamedTuple):
    """How a connection is secured (PS3.15 Annex B); ``ca``, ``cert`` and ``key`` name PEM files.

    ``ca`` None is the system's store for a requestor; ``key`` None is the file of ``cert``.
    ``key_password`` is called where the key is encrypted, and raises UsageError where nobody knows it.
    ``server_name`` (a requestor's) stands in the peer's certificate, None for its host. ``client_auth`` (an
    acceptor's) is ``require``, ``request`` or ``none``; None is ``require`` where there is a ``ca``.
    """

    profile: str = "bcp195"
    min_version: str | None = None
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    key_password: Callable[[], bytes] | None = None
    server_name: str | None = None
    verify: bool = True
    client_auth: str | None = None


class _Address(NamedTuple):
    host: str
    port: int
    aet: str
    calling_aet: str | None
    limits: Limits
    security: Security


class Peer(_Address):
    """An application entity: where it listens, its AE title, the title it knows us by, limits, security."""

    __slots__ = ()

    def __new__(
        cls,
        host: str,
        port: int = DEFAULT_PORT,
        aet: str = DEFAULT_CALLED_AET,
        calling_aet: str | None = None,
        limits: Limits = Limits(),  # noqa: B008  a tuple, which nobody can change
        security: Security = Security(),  # noqa: B008  the same
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
        return super().__new__(cls, host, port, aet, calling_aet, limits, security)

    @property
    def name(self) -> str:
        """``AET@host:port``, for messages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.aet}@{host}:{self.port}"

    @classmethod
    def parse(cls, text: str, default_port: int = DEFAULT_PORT) -> Self:
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
        return cls(host, default_port if port is None else int(port), aet)


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
    """What every association needs to know beside its peer; timeouts in seconds.

    ``ip_version`` is 4 or 6, None for whichever the peer's name leads to; ``bind_address`` is the address
    that connections start from. ``identity`` goes into the request (PS3.7 D.3.3.7); where it asks for a
    positive response, an association without one is not gone on with.
    """

    __slots__ = (
        "acse_timeout",
        "bind_address",
        "calling_aet",
        "connect_timeout",
        "dimse_timeout",
        "identity",
        "ip_version",
        "max_pdu",
        "stop",
        "tls",
    )

    def __init__(  # noqa: PLR0913  one for each
        self,
        *,
        calling_aet: str = DEFAULT_CALLING_AET,
        connect_timeout: float = 10.0,
        acse_timeout: float = 30.0,
        dimse_timeout: float = 60.0,
        max_pdu: int = 262144,
        ip_version: int | None = None,
        bind_address: str | None = None,
        tls: TlsOptions | None = None,
        identity: UserIdentity | None = None,
        stop: Stop | None = None,
    ) -> None:
        """Take what is given, and the defaults; without a ``stop`` nothing asks to stop."""
        self.calling_aet: Final = calling_aet
        self.connect_timeout: Final = connect_timeout
        self.acse_timeout: Final = acse_timeout
        self.dimse_timeout: Final = dimse_timeout
        self.max_pdu: Final = max_pdu
        self.ip_version: Final = ip_version
        self.bind_address: Final = bind_address
        self.tls: Final = tls
        self.identity: Final = identity
        self.stop: Final = stop or Stop()

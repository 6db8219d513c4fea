"""Whom a server answers, and in which presentation contexts (PS3.8 9.3.3 and 9.3.4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Final, TypeAlias

from dcmtools.encoding.syntax import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from dcmtools.encoding.uids import is_uid
from dcmtools.errors import UsageError
from dcmtools.net import pdu
from dcmtools.net.peer import NetworkOptions
from dcmtools.net.presentation import (
    ABSTRACT_SYNTAX_NOT_SUPPORTED,
    ACCEPTANCE,
    TRANSFER_SYNTAXES_NOT_SUPPORTED,
    ContextResult,
    PresentationContext,
)
from dcmtools.net.refusals import CALLED_NOT_RECOGNIZED, CALLING_NOT_RECOGNIZED, PERMANENT, SERVICE_USER
from dcmtools.net.user_information import IDENTITY_USERNAME, IDENTITY_USERNAME_PASSCODE, UserIdentity

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dcmtools.net.peer import TlsOptions

    Network: TypeAlias = IPv4Network | IPv6Network

MAX_ASSOCIATIONS: Final = 256
IDLE_TIMEOUT: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """Where to listen, for whom, and on which terms.

    ``aet`` None answers to any called AE title; ``allow_aet`` and ``allow_ip`` empty to any caller, which
    beyond the loopback addresses has to be wanted in words: ``open_to_all``. ``refuse`` rejects everyone,
    for tests of senders. An association may be idle for ``idle_timeout`` seconds.
    With ``tls`` the server speaks nothing else.
    """

    bind: str = "127.0.0.1"
    port: int = 11112
    aet: str | None = None
    allow_aet: tuple[str, ...] = ()
    allow_ip: tuple[Network, ...] = ()
    open_to_all: bool = False
    refuse: pdu.AssociateRJ | None = None
    max_associations: int = MAX_ASSOCIATIONS
    idle_timeout: float = IDLE_TIMEOUT
    tls: TlsOptions | None = None
    network: NetworkOptions = field(default_factory=NetworkOptions)

    def check(self) -> None:
        """Raise UsageError where the server would be open to others without anyone having said so."""
        try:
            local = ip_address(self.bind).is_loopback
        except ValueError:
            local = self.bind == "localhost"
        if not local and not (self.allow_aet or self.allow_ip or self.open_to_all):
            raise UsageError(
                f"bound to {self.bind}, the server would take data from anyone",
                hint="add --allow-aet or --allow-ip to say from whom, or --open",
            )

    def takes_from(self, host: str) -> bool:
        """Tell whether connections from the address ``host`` are listened to at all."""
        address = _address(host)
        return not self.allow_ip or any(address in network for network in self.allow_ip)

    def refusal(self, request: pdu.AssociateRQ) -> pdu.AssociateRJ | None:
        """Return how to reject a ``request``, None where it is welcome."""
        if self.refuse is not None:
            return self.refuse
        if self.aet not in (None, request.called_aet):
            return pdu.AssociateRJ(PERMANENT, SERVICE_USER, CALLED_NOT_RECOGNIZED)
        if self.allow_aet and request.calling_aet not in self.allow_aet:
            return pdu.AssociateRJ(PERMANENT, SERVICE_USER, CALLING_NOT_RECOGNIZED)
        return None


def identity_response(identity: UserIdentity | None) -> bytes | None:
    """Return the positive response to a user who says who they are, None where there is none to give.

    A name is taken as it stands, whatever the passcode (PS3.15 B.4). Of tickets, assertions and tokens
    (PS3.7 D.3.3.7) nothing is known here, and nothing confirmed.
    """
    named = identity is not None and identity.identity_type in (IDENTITY_USERNAME, IDENTITY_USERNAME_PASSCODE)
    return b"" if named else None


def answered(
    contexts: Sequence[PresentationContext], syntaxes_for: Callable[[str], Sequence[str] | None]
) -> tuple[ContextResult, ...]:
    """Accept each of the ``contexts`` for whose abstract syntax ``syntaxes_for`` returns transfer syntaxes.

    That is in the first of these that was proposed, and in any where there are none; for None the abstract
    syntax is not supported.
    """
    return tuple([_answered(context, syntaxes_for(context.abstract_syntax)) for context in contexts])


def preferred(syntaxes: Sequence[str]) -> str:
    """Return which of the transfer syntaxes to accept: the first, but explicit VRs rather than implicit."""
    if syntaxes[0] == IMPLICIT_VR_LITTLE_ENDIAN and EXPLICIT_VR_LITTLE_ENDIAN in syntaxes:
        return EXPLICIT_VR_LITTLE_ENDIAN
    return syntaxes[0]


def _answered(context: PresentationContext, wanted: Sequence[str] | None) -> ContextResult:
    proposed = [syntax for syntax in context.transfer_syntaxes if is_uid(syntax)]
    chosen = preferred(proposed) if proposed else ""
    if wanted:
        chosen = next((syntax for syntax in wanted if syntax in proposed), "")
    if wanted is None:
        result = ABSTRACT_SYNTAX_NOT_SUPPORTED
    elif not chosen:
        result = TRANSFER_SYNTAXES_NOT_SUPPORTED
    else:
        return ContextResult(context.context_id, ACCEPTANCE, chosen)
    # Of a refused context the transfer syntax means nothing, but some peers want to read one.
    return ContextResult(context.context_id, result, IMPLICIT_VR_LITTLE_ENDIAN)


def _address(host: str) -> IPv4Address | IPv6Address:
    """Return the address of a peer; one that came by IPv4 to a socket for both is an IPv4 address."""
    address = ip_address(host)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address

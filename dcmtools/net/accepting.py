"""How a request for an association is answered (PS3.8 7.1 and 9.3.2 to 9.3.4)."""

from __future__ import annotations

import select
import socket
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dcmtools.errors import AssociationError
from dcmtools.net import aborting, pdu
from dcmtools.net.association import Association
from dcmtools.net.peer import checked_aet
from dcmtools.net.presentation import ContextResult  # noqa: TC001  a named tuple's types are needed to compile it
from dcmtools.net.refusals import (
    ACSE_PROVIDER,
    APPLICATION_CONTEXT_NOT_SUPPORTED,
    CALLED_NOT_RECOGNIZED,
    CALLING_NOT_RECOGNIZED,
    PERMANENT,
    PROTOCOL_VERSION_NOT_SUPPORTED,
    SERVICE_USER,
    rejection_text,
)
from dcmtools.net.transport import Transport
from dcmtools.net.user_information import ExtendedNegotiation, RoleSelection, UserInformation

if TYPE_CHECKING:
    from collections.abc import Callable
    from ssl import SSLContext
    from typing import TypeAlias

    from dcmtools.net.peer import NetworkOptions

    Decision: TypeAlias = "Acceptance | pdu.AssociateRJ"

# The asynchronous operations window that goes without saying (PS3.7 D.3.3.3), and the only one offered here.
SYNCHRONOUS: Final = (1, 1)
# What someone unknown may have us keep: room for 128 contexts that propose all registered transfer syntaxes,
# 59 of 30 bytes, and for a User Information Item of the greatest length, which user identities need.
MAX_REQUEST: Final = 320 * 1024


class Acceptance(NamedTuple):
    """How an association is accepted: an answer to each context, and to what else was asked.

    ``roles`` and ``extended`` answer proposals of the same SOP class (PS3.7 D.3.3.4 and D.3.3.5).
    ``identity_response`` goes to a requestor that asked for a positive response, None where the identity
    is neither known nor needed (PS3.7 D.3.3.7).
    """

    contexts: tuple[ContextResult, ...]
    roles: tuple[RoleSelection, ...] = ()
    extended: tuple[ExtendedNegotiation, ...] = ()
    identity_response: bytes | None = None


class Rejected(AssociationError):
    """The ``request`` of a peer was answered with the ``rejection``."""

    def __init__(self, request: pdu.AssociateRQ, rejection: pdu.AssociateRJ) -> None:
        """Keep both, and say why."""
        why = rejection_text(rejection.source, rejection.reason)
        super().__init__(f"rejected: {why}", step="associate", transient=rejection.transient)
        self.request = request
        self.rejection = rejection


class NoRequest(AssociationError):
    """A connection ended, or had its time, before there came a single byte."""


def accept_association(
    sock: socket.socket,
    network: NetworkOptions,
    decide: Callable[[pdu.AssociateRQ], Decision],
    tls: SSLContext | None = None,
) -> Association:
    """Answer the association request that comes in on ``sock`` with what ``decide`` makes of it.

    All has to come within the ACSE timeout, as PS3.8 9.1.5 has it of the ARTIM timer. With ``tls``, a context
    of ``dcmtools.net.tls.server_context``, that is agreed on first. Raises NoRequest when the peer says
    nothing at all, Rejected when its request was, AssociationError when no request comes in time and when it
    is malformed.
    """
    deadline = time.monotonic() + network.acse_timeout
    try:
        _await_first_byte(sock, deadline, network)
        if tls is not None:
            from dcmtools.net.tls import secured_answer

            sock = secured_answer(sock, tls, deadline - time.monotonic(), network.stop)
    except BaseException:
        sock.close()
        raise
    transport = Transport(sock, network.stop, MAX_REQUEST)
    transport.max_association_pdu = MAX_REQUEST
    try:
        request = _requested(transport, deadline)
        aborting.check_max_length(transport, request.user_information.max_length)
        decision = _decided(transport, request, _unusable(request) or decide(request))
        information = _answer(request.user_information, decision, network)
        accept = pdu.AssociateAC(request.called_aet, request.calling_aet, decision.contexts, information)
        transport.send([pdu.encode(accept)], network.acse_timeout)
    except BaseException:
        transport.close()
        raise
    transport.max_pdu = network.max_pdu
    return Association(transport, network, request, accept, request.user_information.max_length)


def _await_first_byte(sock: socket.socket, deadline: float, network: NetworkOptions) -> None:
    sock.setblocking(False)
    while network.stop.wait_for(sock, select.POLLIN, deadline):
        try:
            if sock.recv(1, socket.MSG_PEEK):
                return
        except BlockingIOError:  # a signal ended the wait
            continue
        except OSError:
            pass
        raise NoRequest("the peer closed the connection", step="associate", transient=True)
    raise NoRequest("no request from the peer in time", step="associate", transient=True)


def _answer(asked: UserInformation, decision: Acceptance, network: NetworkOptions) -> UserInformation:
    """Return what the acceptor says of itself, and to each thing it was asked."""
    confirms = asked.identity is not None and asked.identity.positive_response_requested
    return UserInformation(
        network.max_pdu,
        IMPLEMENTATION_CLASS_UID,
        IMPLEMENTATION_VERSION_NAME,
        async_window=None if asked.async_window is None else SYNCHRONOUS,
        roles=decision.roles,
        extended=decision.extended,
        identity_response=decision.identity_response if confirms else None,
    )


def _requested(transport: Transport, deadline: float) -> pdu.AssociateRQ:
    request = aborting.read_answer(transport, deadline)
    if not isinstance(request, pdu.AssociateRQ):
        raise aborting.broken(transport, "another PDU than a request", aborting.UNEXPECTED_PDU)
    return request


def _unusable(request: pdu.AssociateRQ) -> pdu.AssociateRJ | None:
    """Reject what no service can accept: another protocol or application context, AE titles that are none."""
    if not request.protocol_version & 1:  # the other bits are not to be looked at (PS3.8 9.3.2)
        return pdu.AssociateRJ(PERMANENT, ACSE_PROVIDER, PROTOCOL_VERSION_NOT_SUPPORTED)
    if request.application_context != pdu.DICOM_APPLICATION_CONTEXT:
        return pdu.AssociateRJ(PERMANENT, SERVICE_USER, APPLICATION_CONTEXT_NOT_SUPPORTED)
    for title, reason in (
        (request.called_aet, CALLED_NOT_RECOGNIZED),
        (request.calling_aet, CALLING_NOT_RECOGNIZED),
    ):
        try:
            checked_aet(title)
        except ValueError:
            return pdu.AssociateRJ(PERMANENT, SERVICE_USER, reason)
    return None


def _decided(transport: Transport, request: pdu.AssociateRQ, decision: Decision) -> Acceptance:
    if isinstance(decision, pdu.AssociateRJ):
        transport.send_last(pdu.encode(decision))
        raise Rejected(request, decision)
    return decision

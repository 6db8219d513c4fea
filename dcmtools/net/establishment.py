"""How an association comes about: asked for, or answered (PS3.8 7.1 and 9.3.2 to 9.3.4)."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from dcmtools.encoding.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dcmtools.errors import AssociationError, Interrupted
from dcmtools.net import pdu
from dcmtools.net.aborting import INVALID_PARAMETER, PROVIDER, UNEXPECTED_PDU, aborted
from dcmtools.net.association import Association
from dcmtools.net.connecting import connect, resolve
from dcmtools.net.peer import checked_aet
from dcmtools.net.transport import Transport

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Sequence
    from ssl import SSLContext
    from typing import TypeAlias

    from dcmtools.net.connecting import Address
    from dcmtools.net.peer import NetworkOptions, Peer, TlsOptions

    Decision: TypeAlias = "Acceptance | pdu.AssociateRJ"

PERMANENT, TRANSIENT = 1, 2
SERVICE_USER, ACSE_PROVIDER, PRESENTATION_PROVIDER = 1, 2, 3
APPLICATION_CONTEXT_NOT_SUPPORTED, CALLING_NOT_RECOGNIZED, CALLED_NOT_RECOGNIZED = 2, 3, 7
PROTOCOL_VERSION_NOT_SUPPORTED = 2
NO_REASON_GIVEN = 1
TEMPORARY_CONGESTION, LOCAL_LIMIT_EXCEEDED = 1, 2
# The asynchronous operations window that goes without saying (PS3.7 D.3.3.3), and the only one offered here.
SYNCHRONOUS = (1, 1)
# PDV header, message control header and two bytes of data, the fewest of even length (PS3.8 9.3.5).
LEAST_MAX_LENGTH = 8


class Acceptance(NamedTuple):
    """How an association is accepted: an answer to each context, and to what else was asked.

    ``roles`` and ``extended`` answer proposals of the same SOP class (PS3.7 D.3.3.4 and D.3.3.5).
    ``identity_response`` goes to a requestor that asked for a positive response, None where the identity
    is neither known nor needed (PS3.7 D.3.3.7).
    """

    contexts: tuple[pdu.ContextResult, ...]
    roles: tuple[pdu.RoleSelection, ...] = ()
    extended: tuple[pdu.ExtendedNegotiation, ...] = ()
    identity_response: bytes | None = None


def request_association(
    peer: Peer,
    network: NetworkOptions,
    contexts: Sequence[pdu.PresentationContext],
    *,
    roles: Sequence[pdu.RoleSelection] = (),
    extended: Sequence[pdu.ExtendedNegotiation] = (),
    common_extended: Sequence[pdu.CommonExtendedNegotiation] = (),
    steps: dict[str, float] | None = None,
) -> Association:
    """Connect to ``peer`` and ask it for an association with at most 128 ``contexts``.

    ``roles`` are those that we want to have, ``extended`` and ``common_extended`` negotiate what the SOP
    classes define. ``steps`` gets the milliseconds that each step took which was reached.

    Raises AssociationError with the step that failed (resolve, connect, tls, associate) and the peer's
    reason for a reject or abort in words; Interrupted when the user stops it; UsageError where the options
    of ``network`` let no connection begin.
    """
    watch = _StopWatch({} if steps is None else steps)
    with watch.step("resolve"):
        addresses = resolve(peer.host, peer.port, network.connect_timeout, network)
    with watch.step("connect"):
        sock = connect(addresses, network.connect_timeout, network)
    if network.tls is not None:
        with watch.step("tls"):
            sock = _secured(sock, addresses, peer, network, network.tls)
    transport = Transport(sock, network.stop, network.max_pdu)
    transport.ending_hint = _ending_hint(network)
    own = _user_information(network)
    information = own._replace(
        roles=tuple(roles),
        extended=tuple(extended),
        common_extended=tuple(common_extended),
        identity=network.identity,
    )
    request = pdu.AssociateRQ(peer.aet, network.calling_aet, tuple(contexts), information)
    try:
        with watch.step("associate"):
            transport.send([pdu.encode(request)], network.acse_timeout)
            answer = _accepted(transport, _read(transport, network.acse_timeout), request)
    except BaseException:
        transport.close()
        raise
    transport.ending_hint = ""
    return Association(transport, network, request, answer, answer.user_information.max_length)


def accept_association(
    sock: socket.socket,
    network: NetworkOptions,
    decide: Callable[[pdu.AssociateRQ], Decision],
    tls: SSLContext | None = None,
) -> Association:
    """Answer the association request that comes in on ``sock`` with what ``decide`` makes of it.

    With ``tls``, a context of ``dcmtools.net.tls.server_context``, that is agreed on first. Raises
    AssociationError when no request comes in time, when it is malformed and when it is rejected.
    """
    if tls is not None:
        from dcmtools.net.tls import secured_answer

        sock = secured_answer(sock, tls, network.acse_timeout, network.stop)
    transport = Transport(sock, network.stop, network.max_pdu)
    try:
        request = _requested(transport, _read(transport, network.acse_timeout))
        decision = _decided(transport, request, _unusable(request) or decide(request))
        information = _answer(request.user_information, decision, network)
        accept = pdu.AssociateAC(request.called_aet, request.calling_aet, decision.contexts, information)
        transport.send([pdu.encode(accept)], network.acse_timeout)
    except BaseException:
        transport.close()
        raise
    return Association(transport, network, request, accept, request.user_information.max_length)


class _StopWatch:
    """Takes the time of one step after the other."""

    def __init__(self, steps: dict[str, float]) -> None:
        self._steps = steps

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            self._steps[name] = round((time.perf_counter() - begun) * 1000, 2)


def _secured(
    sock: socket.socket, addresses: Sequence[Address], peer: Peer, network: NetworkOptions, tls: TlsOptions
) -> socket.socket:
    from dcmtools.net.tls import secured_request  # ssl takes 10 ms to import

    def again() -> socket.socket:
        return connect(addresses, network.connect_timeout, network)

    try:
        return secured_request(sock, again, tls, peer.host, network.connect_timeout, network.stop)
    except BaseException:
        sock.close()
        raise


def _ending_hint(network: NetworkOptions) -> str:
    """Return why peers usually end the connection when they are asked for an association."""
    if network.tls is None:
        return "the peer may want TLS (--tls), or takes no associations from this address"
    if network.tls.cert is None:
        return "the peer may want a client certificate (--tls-cert, --tls-key)"
    return "the peer may not trust our certificate, or takes no associations from this address"


def _user_information(network: NetworkOptions) -> pdu.UserInformation:
    return pdu.UserInformation(network.max_pdu, IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME)


def _answer(asked: pdu.UserInformation, decision: Acceptance, network: NetworkOptions) -> pdu.UserInformation:
    """Return what the acceptor says of itself, and to each thing it was asked."""
    confirms = asked.identity is not None and asked.identity.positive_response_requested
    return _user_information(network)._replace(
        async_window=None if asked.async_window is None else SYNCHRONOUS,
        roles=decision.roles,
        extended=decision.extended,
        identity_response=decision.identity_response if confirms else None,
    )


def _read(transport: Transport, timeout: float) -> pdu.Pdu:
    try:
        answer = pdu.decode(*transport.read_pdu(timeout))
    except pdu.PduError as error:
        transport.send_last(pdu.encode(pdu.Abort(PROVIDER, INVALID_PARAMETER)))
        raise AssociationError(f"the peer sent a PDU that is broken ({error})", step="associate") from error
    except (AssociationError, Interrupted):
        transport.send_last(pdu.encode(pdu.Abort(0, 0)))
        raise
    if isinstance(answer, pdu.Abort):
        raise aborted(answer, "associate")
    return answer


def _accepted(transport: Transport, answer: pdu.Pdu, request: pdu.AssociateRQ) -> pdu.AssociateAC:
    if isinstance(answer, pdu.AssociateRJ):
        raise _rejected(answer, request)
    if not isinstance(answer, pdu.AssociateAC):
        transport.send_last(pdu.encode(pdu.Abort(PROVIDER, UNEXPECTED_PDU)))
        raise AssociationError("the peer sent another PDU than an answer", step="associate")
    length = answer.user_information.max_length
    if 0 < length < LEAST_MAX_LENGTH:
        transport.send_last(pdu.encode(pdu.Abort(0, 0)))
        message = f"the peer takes PDUs of at most {length} bytes, too few for any message"
        raise AssociationError(message, step="associate")
    identity = request.user_information.identity
    if (
        identity
        and identity.positive_response_requested
        and answer.user_information.identity_response is None
    ):
        transport.send_last(pdu.encode(pdu.Abort(0, 0)))
        raise AssociationError(
            "the peer does not confirm the user identity",
            step="associate",
            hint="it may not look at it at all; without --identity-response that is not asked for",
        )
    return answer


def _requested(transport: Transport, request: pdu.Pdu) -> pdu.AssociateRQ:
    if not isinstance(request, pdu.AssociateRQ):
        transport.send_last(pdu.encode(pdu.Abort(PROVIDER, UNEXPECTED_PDU)))
        raise AssociationError("the peer sent another PDU than a request", step="associate")
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
        raise _rejected(decision, request)
    return decision


def _rejected(answer: pdu.AssociateRJ, request: pdu.AssociateRQ) -> AssociationError:
    how = {PERMANENT: "permanent", TRANSIENT: "transient"}.get(answer.result, f"result {answer.result}")
    words = pdu.rejection_text(answer.source, answer.reason)
    titles = f"called {request.called_aet!r}, calling {request.calling_aet!r}"
    message = f"rejected ({how}): {words}; {titles}"
    hint = _usual_mistake(answer, request)
    return AssociationError(message, step="associate", transient=answer.transient, hint=hint)


def _usual_mistake(answer: pdu.AssociateRJ, request: pdu.AssociateRQ) -> str:
    """Return what mostly lies behind a rejection, and what to do about it."""
    called, calling = request.called_aet, request.calling_aet
    unknown_to_peer = (
        f"the peer does not know {calling!r}: have that AE title and this machine's address entered there, or"
        " give one that it knows with --calling-aet"
    )
    mistakes = {
        (SERVICE_USER, CALLED_NOT_RECOGNIZED): f"the peer has another AE title than {called!r}: give it as"
        " AET@host:port or with --called-aet",
        (SERVICE_USER, CALLING_NOT_RECOGNIZED): unknown_to_peer,
        (SERVICE_USER, NO_REASON_GIVEN): f"many peers say no more when they do not know {calling!r}, or when"
        f" {called!r} is not their AE title; both can be set (--calling-aet, --called-aet)",
        (ACSE_PROVIDER, NO_REASON_GIVEN): "where the peer wants a user, it may not accept this one (--user)",
        (PRESENTATION_PROVIDER, TEMPORARY_CONGESTION): "the peer is busy: try again later",
        (PRESENTATION_PROVIDER, LOCAL_LIMIT_EXCEEDED): "the peer has as many associations as it allows: try"
        " again later, or end some",
    }
    return mistakes.get((answer.source, answer.reason), "")

"""How an association comes about: asked for, or answered (PS3.8 7.1 and 9.3.2 to 9.3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.encoding.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dcmtools.errors import AssociationError, Interrupted
from dcmtools.net import pdu
from dcmtools.net.aborting import INVALID_PARAMETER, PROVIDER, UNEXPECTED_PDU, aborted
from dcmtools.net.association import Association
from dcmtools.net.connecting import connect
from dcmtools.net.peer import checked_aet
from dcmtools.net.transport import Transport

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from dcmtools.net.peer import NetworkOptions, Peer

    Decision: TypeAlias = tuple[pdu.ContextResult, ...] | pdu.AssociateRJ

PERMANENT, TRANSIENT = 1, 2
SERVICE_USER, ACSE_PROVIDER, PRESENTATION_PROVIDER = 1, 2, 3
APPLICATION_CONTEXT_NOT_SUPPORTED, CALLING_NOT_RECOGNIZED, CALLED_NOT_RECOGNIZED = 2, 3, 7
PROTOCOL_VERSION_NOT_SUPPORTED = 2
LOCAL_LIMIT_EXCEEDED = 2
# PDV header, message control header and two bytes of data, the fewest of even length (PS3.8 9.3.5).
LEAST_MAX_LENGTH = 8


def request_association(
    peer: Peer, network: NetworkOptions, contexts: Sequence[pdu.PresentationContext]
) -> Association:
    """Connect to ``peer`` and ask it for an association with at most 128 ``contexts``.

    Raises AssociationError with the step that failed (resolve, connect, associate) and the peer's reason
    for a reject or abort in words; Interrupted when the user stops it.
    """
    sock = connect(peer.host, peer.port, network.connect_timeout, network.stop)
    transport = Transport(sock, network.stop, network.max_pdu)
    try:
        information = _user_information(network)
        request = pdu.AssociateRQ(peer.aet, network.calling_aet, tuple(contexts), information)
        transport.send([pdu.encode(request)], network.acse_timeout)
        answer = _accepted(transport, _read(transport, network.acse_timeout), request)
    except BaseException:
        transport.close()
        raise
    return Association(transport, network, request, answer, answer.user_information.max_length)


def accept_association(
    sock: socket.socket, network: NetworkOptions, decide: Callable[[pdu.AssociateRQ], Decision]
) -> Association:
    """Answer the association request that comes in on ``sock`` with what ``decide`` makes of it.

    Raises AssociationError when none comes in time, when it is malformed and when it is rejected.
    """
    transport = Transport(sock, network.stop, network.max_pdu)
    try:
        request = _requested(transport, _read(transport, network.acse_timeout))
        results = _decided(transport, request, _unusable(request) or decide(request))
        information = _user_information(network)
        accept = pdu.AssociateAC(request.called_aet, request.calling_aet, results, information)
        transport.send([pdu.encode(accept)], network.acse_timeout)
    except BaseException:
        transport.close()
        raise
    return Association(transport, network, request, accept, request.user_information.max_length)


def _user_information(network: NetworkOptions) -> pdu.UserInformation:
    return pdu.UserInformation(network.max_pdu, IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME)


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


def _decided(
    transport: Transport, request: pdu.AssociateRQ, decision: Decision
) -> tuple[pdu.ContextResult, ...]:
    if isinstance(decision, pdu.AssociateRJ):
        transport.send_last(pdu.encode(decision))
        raise _rejected(decision, request)
    return decision


def _rejected(answer: pdu.AssociateRJ, request: pdu.AssociateRQ) -> AssociationError:
    how = "transient" if answer.transient else "permanent"
    words = pdu.rejection_text(answer.source, answer.reason)
    titles = f"called {request.called_aet!r}, calling {request.calling_aet!r}"
    hint = ""
    if answer.source == SERVICE_USER and answer.reason in (CALLING_NOT_RECOGNIZED, CALLED_NOT_RECOGNIZED):
        hint = "both AE titles, --called-aet and --calling-aet, must be as the peer has them configured"
    message = f"rejected ({how}): {words}; {titles}"
    return AssociationError(message, step="associate", transient=answer.transient, hint=hint)

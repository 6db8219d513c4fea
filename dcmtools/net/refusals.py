"""Why associations and contexts are refused, or aborted: reasons and words (PS3.8 9.3.3, 9.3.4, 9.3.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.errors import AssociationError

if TYPE_CHECKING:
    from dcmtools.net.pdu import AssociateRJ, AssociateRQ

# Results, sources and reasons of an A-ASSOCIATE-RJ.
PERMANENT, TRANSIENT = 1, 2
SERVICE_USER, ACSE_PROVIDER, PRESENTATION_PROVIDER = 1, 2, 3
NO_REASON_GIVEN = 1
APPLICATION_CONTEXT_NOT_SUPPORTED, CALLING_NOT_RECOGNIZED, CALLED_NOT_RECOGNIZED = 2, 3, 7
PROTOCOL_VERSION_NOT_SUPPORTED = 2
TEMPORARY_CONGESTION, LOCAL_LIMIT_EXCEEDED = 1, 2

_REJECTIONS: Final = {
    (1, 1): "no reason given (service user)",
    (1, 2): "application context name not supported (service user)",
    (1, 3): "calling AE title not recognized (service user)",
    (1, 7): "called AE title not recognized (service user)",
    (2, 1): "no reason given (service provider, ACSE)",
    (2, 2): "protocol version not supported (service provider, ACSE)",
    (3, 1): "temporary congestion (service provider, presentation)",
    (3, 2): "local limit exceeded (service provider, presentation)",
}
_CONTEXTS: Final = {
    1: "rejected by its user",
    2: "no reason given",
    3: "it does not support this SOP class",
    4: "no transfer syntax that it takes",
}
_ABORTS: Final = {
    0: "reason not specified",
    1: "unrecognized PDU",
    2: "unexpected PDU",
    4: "unrecognized PDU parameter",
    5: "unexpected PDU parameter",
    6: "invalid PDU parameter value",
}


def rejection_text(source: int, reason: int) -> str:
    """Return in words why an association was refused, and by whom (PS3.8 Table 9-21)."""
    return _REJECTIONS.get((source, reason), f"reserved reason {reason} of source {source}")


def context_text(result: int | None) -> str:
    """Return in words why a context was refused (PS3.8 Table 9-18); None is no answer at all."""
    if result is None:
        return "it gave no answer to that"
    return _CONTEXTS.get(result, f"reserved result {result}")


def abort_text(source: int, reason: int) -> str:
    """Return in words why an association was aborted, and by whom (PS3.8 Table 9-26).

    The reason means nothing where the source is the service user.
    """
    if source == 0:
        return "reason not specified (service user)"
    if source != 2 or reason not in _ABORTS:
        return f"reserved reason {reason} of source {source}"
    return f"{_ABORTS[reason]} (service provider)"


def rejected(answer: AssociateRJ, request: AssociateRQ) -> AssociationError:
    """Return the error for a ``request`` that was answered so, with the usual mistake behind it."""
    how = {PERMANENT: "permanent", TRANSIENT: "transient"}.get(answer.result, f"result {answer.result}")
    words = rejection_text(answer.source, answer.reason)
    titles = f"called {request.called_aet!r}, calling {request.calling_aet!r}"
    message = f"rejected ({how}): {words}; {titles}"
    hint = _usual_mistake(answer, request)
    return AssociationError(message, step="associate", transient=answer.transient, hint=hint)


def _usual_mistake(answer: AssociateRJ, request: AssociateRQ) -> str:
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

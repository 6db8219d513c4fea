"""C-ECHO as SCU: does the peer answer, and if not, at which step? (PS3.4 Annex A, PS3.7 9.1.5)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.syntax import IMPLICIT_VR_LITTLE_ENDIAN
from dcmtools.encoding.uids import VERIFICATION
from dcmtools.errors import AssociationError, DcmtoolsError, Interrupted, PeerFailure
from dcmtools.escaping import escape
from dcmtools.net import dimse
from dcmtools.net.presentation import PresentationContext
from dcmtools.net.requesting import request_association
from dcmtools.net.status import SUCCESS, explain, is_warning, status_text
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.net.association import Association
    from dcmtools.net.peer import NetworkOptions, Peer

_VERIFICATION: Final = PresentationContext(1, VERIFICATION, (IMPLICIT_VR_LITTLE_ENDIAN,))


def echo(peer: Peer, network: NetworkOptions, *, count: int = 1, interval: float = 0) -> Iterator[Result]:
    """Yield one result per C-ECHO of ``count`` on one association, ``interval`` seconds apart.

    An association that does not come about, ends early or accepts no Verification is one failed result.
    Each names the ``step`` that failed, if one did: resolve, connect, tls, associate, context, send,
    receive or status. The first has the milliseconds of the steps to the association, and what TLS agreed
    on. With more than one C-ECHO a closing result holds the statistics of those that were answered.
    """
    elapsed: list[float] = []
    steps: dict[str, float] = {}
    way: dict[str, object] = {"steps_ms": steps, "tls": None}
    try:
        with request_association(peer, network, [_VERIFICATION], steps=steps) as association:
            way["tls"] = association.transport.protection
            for number in range(count):
                if number and network.stop.wait(interval):
                    break
                yield _echo_once(association, peer, elapsed, way)
                way = {}
        if network.stop.count:
            yield _failed(peer, Interrupted("stopped by the user"), way)
    except DcmtoolsError as error:
        yield _failed(peer, error, way)
    if count > 1 and elapsed:
        yield _statistics(peer, count, elapsed, round(sum(steps.values()), 2))


def _failed(peer: Peer, error: DcmtoolsError, way: dict[str, object]) -> Result:
    step = error.step if isinstance(error, AssociationError) else None
    if isinstance(error, PeerFailure):  # that of verify()
        step = "context"
    record = {"peer": peer.name, "status": None, "elapsed_ms": None, "step": step, **way}
    return Result.failed(peer.name, error, record)


def _echo_once(association: Association, peer: Peer, elapsed: list[float], way: dict[str, object]) -> Result:
    begun = time.perf_counter()
    status, comment = verify(association)
    taken = round((time.perf_counter() - begun) * 1000, 2)
    elapsed.append(taken)
    failed = status != SUCCESS and not is_warning(status)
    record = {
        "peer": peer.name,
        "status": status_text(status),
        "elapsed_ms": taken,
        "step": "status" if failed else None,
        **way,
    }
    if failed:
        return Result.failed(peer.name, PeerFailure(explain(status, comment)), record)
    if status == SUCCESS:
        return Result(peer.name, record)
    return Result(peer.name, record, Outcome.WARNING, note=explain(status, comment))


def verify(association: Association) -> tuple[int, str]:
    """Send one C-ECHO-RQ and return the status and error comment of its response (PS3.7 9.3.5).

    Raises PeerFailure where Verification was not accepted, AssociationError where no answer comes.
    """
    context = association.context_for(VERIFICATION)
    if context is None:
        raise PeerFailure(
            "context: the peer does not accept the Verification SOP Class",
            hint="the association stands, so host, port and AE titles are right",
        )
    request = dimse.request(
        dimse.CommandField.C_ECHO_RQ,
        association.next_message_id(),
        data_set=False,
        AffectedSOPClassUID=VERIFICATION,
    )
    association.send(context, request)
    answer = association.response_to(request).command
    return dimse.number(answer, "Status"), dimse.text(answer, "ErrorComment")


def _statistics(peer: Peer, count: int, elapsed: list[float], connected: float) -> Result:
    least, most, mean = min(elapsed), max(elapsed), round(sum(elapsed) / len(elapsed), 2)
    record = {
        "peer": peer.name,
        "sent": count,
        "answered": len(elapsed),
        "min_ms": least,
        "mean_ms": mean,
        "max_ms": most,
        "association_ms": connected,
    }
    text = (
        f"{escape(peer.name)}: {len(elapsed)} of {count} answered; "
        f"min {least}, mean {mean}, max {most} ms; association {connected} ms\n"
    )
    return Result(peer.name, record, text=text, counted=False)

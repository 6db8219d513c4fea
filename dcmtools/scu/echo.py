"""C-ECHO as SCU: does the peer answer? (PS3.4 Annex A, PS3.7 9.1.5)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.syntax import IMPLICIT_VR_LITTLE_ENDIAN
from dcmtools.encoding.uids import VERIFICATION
from dcmtools.errors import DcmtoolsError, Interrupted, PeerFailure
from dcmtools.escaping import escape
from dcmtools.net import dimse
from dcmtools.net.establishment import request_association
from dcmtools.net.pdu import PresentationContext
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
    With more than one C-ECHO a closing result holds the statistics of those that were answered.
    """
    elapsed: list[float] = []
    connected = 0.0
    begun = time.perf_counter()
    try:
        with request_association(peer, network, [_VERIFICATION]) as association:
            connected = _milliseconds(begun)
            for number in range(count):
                if number and network.stop.wait(interval):
                    break
                yield _echo_once(association, peer, elapsed)
        if network.stop.count:
            yield _failed(peer, Interrupted("stopped by the user"))
    except DcmtoolsError as error:
        yield _failed(peer, error)
    if count > 1 and elapsed:
        yield _statistics(peer, count, elapsed, connected)


def _failed(peer: Peer, error: DcmtoolsError) -> Result:
    return Result.failed(peer.name, error, {"peer": peer.name, "status": None, "elapsed_ms": None})


def _echo_once(association: Association, peer: Peer, elapsed: list[float]) -> Result:
    begun = time.perf_counter()
    status, comment = verify(association)
    taken = _milliseconds(begun)
    elapsed.append(taken)
    record = {"peer": peer.name, "status": status_text(status), "elapsed_ms": taken}
    if status != SUCCESS and not is_warning(status):
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
        raise PeerFailure("the peer does not accept the Verification SOP Class")
    request = dimse.request(
        dimse.CommandField.C_ECHO_RQ,
        association.next_message_id(),
        data_set=False,
        AffectedSOPClassUID=VERIFICATION,
    )
    association.send(context, request)
    answer = association.response_to(request).command
    return dimse.number(answer, "Status"), dimse.text(answer, "ErrorComment")


def _milliseconds(begun: float) -> float:
    return round((time.perf_counter() - begun) * 1000, 2)


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
    return Result(peer.name, record, text=text)

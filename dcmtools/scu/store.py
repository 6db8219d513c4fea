"""C-STORE as SCU: files to a peer, their data sets byte for byte (PS3.4 Annex B, PS3.7 9.1.1).

Each file has one outcome, and only a peer's answer makes it done. Files that could not be sent, or whose
answer never came, are failed results; the others go on, on a new association where the old one was lost.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.uids import uid_name
from dcmtools.errors import (
    AssociationError,
    DcmtoolsError,
    InputError,
    Interrupted,
    NotDicom,
    PeerFailure,
)
from dcmtools.files.inputs import for_each, is_usable
from dcmtools.files.instance import inspect
from dcmtools.net import dimse
from dcmtools.net.establishment import request_association
from dcmtools.net.status import SUCCESS, explain, is_warning, status_text
from dcmtools.results import Outcome, Result
from dcmtools.scu.contexts import batches
from dcmtools.scu.payload import Files, Payload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dcmtools.files.instance import Instance
    from dcmtools.net.association import Association, Context
    from dcmtools.net.pdu import PresentationContext
    from dcmtools.net.peer import NetworkOptions, Peer
    from dcmtools.net.stop import Stop

# Associations lost one after the other without any answer, and DIMSE timeouts since the last answer, after
# which the rest is given up: a peer that breaks off at once may do so for one file, one that hangs hangs.
MAX_LOSSES: Final = 3
MAX_SILENCE: Final = 3
_NAMED_AS_DICOM: Final = (".dcm", ".dicom", ".dic", ".ima")
_REFUSALS: Final = {
    1: "rejected by its user",
    2: "no reason given",
    3: "it does not store this SOP class",
    4: "it does not take this transfer syntax",
}


def store(paths: Sequence[str], peer: Peer, network: NetworkOptions) -> Iterator[Result]:
    """Yield one result per file below ``paths``, which are all inspected before the first is sent."""
    with Files() as files:
        yield from _store(paths, files, _Sender(peer, network, files), network.stop)


def _store(paths: Sequence[str], files: Files, sender: _Sender, stop: Stop) -> Iterator[Result]:
    instances: list[Instance] = []

    def look(path: str) -> Result:
        if stop.count:
            raise Interrupted("stopped by the user before all files were looked at")
        instances.append(_inspect(path, files))
        return Result(path)

    try:
        for result in for_each(paths, look):
            if not is_usable(result):
                yield result
    except Interrupted as error:
        if not instances:
            raise
        sender.lost = error
    for contexts, members in batches(instances):
        yield from sender.send(contexts, members)


def _inspect(path: str, files: Files) -> Instance:
    """Inspect one file; what is not DICOM but named as if it were is damaged, and never passed over."""
    with files.open(path) as source:
        try:
            return inspect(path, source)
        except NotDicom as error:
            if path.lower().endswith(_NAMED_AS_DICOM):
                raise InputError(error.message) from error
            raise


class _Sender:
    """Sends instances, on one association after the other where one is lost.

    ``lost`` is why no further association is asked for, once there is a reason.
    """

    def __init__(self, peer: Peer, network: NetworkOptions, files: Files) -> None:
        self.lost: DcmtoolsError | None = None
        self._peer = peer
        self._network = network
        self._files = files
        self._losses = 0
        self._last_answer = 0.0
        self._pending: list[Instance] = []  # not yet taken up, the next one last
        self._in_hand: Payload | None = None
        self._next: Payload | None = None
        self._failed: list[Result] = []

    def send(
        self, contexts: Sequence[PresentationContext], instances: Sequence[Instance]
    ) -> Iterator[Result]:
        """Yield a result for each of ``instances``, sent on associations that propose ``contexts``."""
        self._pending = list(reversed(instances))
        while self._pending and not self.lost:
            try:
                association = request_association(self._peer, self._network, contexts)
            except DcmtoolsError as error:
                self.lost = self._named(error)
            else:
                yield from self._work_off(association)
                if self._network.stop.count:
                    self.lost = Interrupted("stopped by the user")
        for instance in reversed(self._pending):
            yield Result.failed(instance.path, self.lost or Interrupted(""), _record(instance))

    def _work_off(self, association: Association) -> Iterator[Result]:
        """Yield a result for each pending instance until all are done or the association is lost."""
        association.transport.patient = True
        if not self._losses:
            self._last_answer = time.monotonic()
        try:
            with association:
                yield from self._send_all(association)
        except DcmtoolsError as error:
            yield from self._settle(error, answer_due=association.transport.step == "receive")
        finally:
            self._put_down()

    def _send_all(self, association: Association) -> Iterator[Result]:
        self._next = self._take(association)
        yield from self._drain()
        while self._next is not None and not self._network.stop.count:
            current = self._in_hand = self._next
            self._next = None
            request = self._send(association, current)
            # The next file is opened and read while the peer works on this one.
            self._next = self._take(association)
            answer = association.response_to(request).command
            self._losses, self._last_answer = 0, time.monotonic()
            current.close()
            self._in_hand = None
            yield _outcome(current, answer)
            yield from self._drain()

    def _take(self, association: Association) -> Payload | None:
        """Return the next instance that can be sent, with the failures met on the way put aside."""
        while self._pending and not self._network.stop.count:
            instance = self._pending.pop()
            try:
                context = _context(association, instance)
                return Payload(instance, context, self._files.open(instance.path))
            except DcmtoolsError as error:
                self._failed.append(Result.failed(instance.path, error, _record(instance)))
        return None

    def _send(self, association: Association, payload: Payload) -> dimse.Command:
        request = dimse.request(
            dimse.CommandField.C_STORE_RQ,
            association.next_message_id(),
            data_set=True,
            AffectedSOPClassUID=payload.instance.sop_class_uid,
            AffectedSOPInstanceUID=payload.instance.sop_instance_uid,
            Priority=dimse.MEDIUM,
        )
        association.expect_silence()  # an answer that was there before its request acknowledges nothing
        association.send(payload.context, request, payload.blocks())
        return request

    def _drain(self) -> Iterator[Result]:
        yield from self._failed
        self._failed = []

    def _settle(self, error: DcmtoolsError, *, answer_due: bool) -> Iterator[Result]:
        """Yield the failure of the file in hand, and decide whether to go on after it."""
        error = self._named(error)
        if self._in_hand is not None:
            instance = self._in_hand.instance
            if answer_due:
                error.hint = error.hint or "whether the peer has stored the file in hand is not known"
            yield Result.failed(instance.path, error, _record(instance))
        yield from self._drain()
        self._losses += isinstance(error, AssociationError)
        silence = time.monotonic() - self._last_answer
        if self._losses >= MAX_LOSSES and silence >= MAX_SILENCE * self._network.dimse_timeout:
            message = f"{self._peer.name}: {self._losses} associations were lost without any answer"
            self.lost = AssociationError(message, step="send", transient=True)

    def _put_down(self) -> None:
        """Close the files that are open; the one prepared after the one in hand is still to be sent."""
        if self._in_hand is not None:
            self._in_hand.close()
        if self._next is not None:
            self._next.close()
            self._pending.append(self._next.instance)
        self._in_hand = self._next = None

    def _named(self, error: DcmtoolsError) -> DcmtoolsError:
        """Return ``error`` with the peer's name in front where it is about the association."""
        if isinstance(error, AssociationError):
            error.message = f"{self._peer.name}: {error.message}"
        return error


def _context(association: Association, instance: Instance) -> Context:
    """Return the context to send ``instance`` on; raise PeerFailure where the peer accepted none."""
    sop_class, syntax = instance.sop_class_uid, instance.transfer_syntax_uid
    context = association.context_for(sop_class, syntax)
    if context is not None:
        return context
    refusals = {
        association.refused.get(proposed.context_id)
        for proposed in association.request.contexts
        if (proposed.abstract_syntax, proposed.transfer_syntaxes) == (sop_class, (syntax,))
    }
    reason = _REFUSALS.get(next(iter(refusals), None) or 0, "it gave no answer to that")
    raise PeerFailure(
        f"the peer accepts no {uid_name(sop_class)} in {uid_name(syntax)}: {reason}",
    )


def _outcome(payload: Payload, answer: dimse.Command) -> Result:
    instance = payload.instance
    status = dimse.number(answer, "Status")
    record = _record(instance, status_text(status))
    answered = dimse.text(answer, "AffectedSOPInstanceUID", instance.sop_instance_uid)
    if answered != instance.sop_instance_uid:  # PS3.7 9.1.1.1: equal to the request's
        error = PeerFailure(f"the peer answered for another instance, {answered!r}")
        return Result.failed(instance.path, error, record)
    if status != SUCCESS and not is_warning(status):
        error = PeerFailure(explain(status, dimse.text(answer, "ErrorComment")))
        return Result.failed(instance.path, error, record)
    notes = [instance.note] if instance.note else []
    if status != SUCCESS:
        notes.append(explain(status, dimse.text(answer, "ErrorComment")))
    outcome = Outcome.WARNING if notes else Outcome.DONE
    return Result(instance.path, record, outcome, note="; ".join(notes))


def _record(instance: Instance, status: str | None = None) -> dict[str, object]:
    return {
        "file": instance.path,
        "sop_class_uid": instance.sop_class_uid,
        "sop_instance_uid": instance.sop_instance_uid,
        "transfer_syntax_uid": instance.transfer_syntax_uid,
        "status": status,
    }

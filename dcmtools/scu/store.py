"""C-STORE as SCU: files to a peer, their data sets byte for byte (PS3.4 Annex B, PS3.7 9.1.1).

Each file has one outcome, and only a peer's answer makes it done. Files that could not be sent, or whose
answer never came, are failed results; the others go on, on a new association where the old one was lost.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.uids import uid_name
from dcmtools.errors import AssociationError, DcmtoolsError, InputError, Interrupted, PeerFailure
from dcmtools.files.inputs import for_each, is_usable
from dcmtools.files.instance import inspect
from dcmtools.files.source import FileSource
from dcmtools.net import dimse
from dcmtools.net.establishment import request_association
from dcmtools.net.status import SUCCESS, explain, is_warning, status_text
from dcmtools.results import Outcome, Result
from dcmtools.scu.contexts import batches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dcmtools.files.instance import Instance
    from dcmtools.net.association import Association, Context
    from dcmtools.net.peer import NetworkOptions, Peer
    from dcmtools.net.stop import Stop

logger = logging.getLogger(__name__)

BLOCK: Final = 1024 * 1024
_REFUSALS: Final = {
    1: "rejected by its user",
    2: "no reason given",
    3: "it does not store this SOP class",
    4: "it does not take this transfer syntax",
}


def store(paths: Sequence[str], peer: Peer, network: NetworkOptions) -> Iterator[Result]:
    """Yield one result per file below ``paths``, which are all inspected before the first is sent."""
    instances: list[Instance] = []

    def look(path: str) -> Result:
        instances.append(inspect(path))
        return Result(path)

    for result in for_each(paths, look):
        if not is_usable(result):
            yield result
    lost: DcmtoolsError | None = None
    for contexts, members in batches(instances):
        sender = _Sender(members, network.stop)
        while sender.pending and not lost:
            try:
                association = request_association(peer, network, contexts)
            except DcmtoolsError as error:
                lost = error
            else:
                yield from sender.work_off(association)
                lost = Interrupted("stopped by the user") if network.stop.count else None
        for instance in sender.pending:
            yield Result.failed(instance.path, lost or Interrupted(""), _record(instance))


class _Sender:
    """Sends instances, on one association after the other where one is lost.

    ``pending`` are those not yet taken up, the next one last.
    """

    def __init__(self, instances: Sequence[Instance], stop: Stop) -> None:
        self.pending = list(reversed(instances))
        self._stop = stop
        self._in_hand: _Payload | None = None
        self._next: _Payload | None = None
        self._failed: list[Result] = []

    def work_off(self, association: Association) -> Iterator[Result]:
        """Yield a result for each pending instance until all are done or the association is lost."""
        association.transport.patient = True
        try:
            yield from self._send_all(association)
        except DcmtoolsError as error:
            yield from self._settle(error)
        else:
            self._release(association)
        finally:
            association.abort()
            for payload in (self._in_hand, self._next):
                if payload is not None:
                    payload.close()

    def _send_all(self, association: Association) -> Iterator[Result]:
        self._next = self._take(association)
        while self._next is not None:
            current = self._in_hand = self._next
            self._next = None
            request = self._send(association, current)
            # The next file is opened and read while the peer works on this one.
            self._next = self._take(association)
            answer = association.response_to(request).command
            current.close()
            self._in_hand = None
            yield _outcome(current, answer)
            yield from self._drain()
        yield from self._drain()

    def _take(self, association: Association) -> _Payload | None:
        """Return the next instance that can be sent, with the failures met on the way put aside."""
        while self.pending and not self._stop.count:
            instance = self.pending.pop()
            try:
                context = _context(association, instance)
                return _Payload(instance, context)
            except DcmtoolsError as error:
                self._failed.append(Result.failed(instance.path, error, _record(instance)))
        return None

    def _send(self, association: Association, payload: _Payload) -> dimse.Command:
        request = dimse.request(
            dimse.CommandField.C_STORE_RQ,
            association.next_message_id(),
            data_set=True,
            AffectedSOPClassUID=payload.instance.sop_class_uid,
            AffectedSOPInstanceUID=payload.instance.sop_instance_uid,
            Priority=dimse.MEDIUM,
        )
        association.send(payload.context, request, payload.blocks())
        return request

    def _drain(self) -> Iterator[Result]:
        yield from self._failed
        self._failed = []

    def _settle(self, error: DcmtoolsError) -> Iterator[Result]:
        """Yield the failure of the file in hand, and put the one prepared after it back."""
        if self._in_hand is not None:
            instance = self._in_hand.instance
            if isinstance(error, AssociationError):
                error.hint = error.hint or "whether the peer has stored the file in hand is not known"
            yield Result.failed(instance.path, error, _record(instance))
        yield from self._drain()
        if self._next is not None:
            self.pending.append(self._next.instance)

    def _release(self, association: Association) -> None:
        try:
            association.release()
        except DcmtoolsError as error:  # every file has its answer already
            logger.warning("%s", error.message)


class _Payload:
    """The data set of an instance on its way: opened, checked, its first block in memory."""

    def __init__(self, instance: Instance, context: Context) -> None:
        """Open the file; raise InputError where it is not the one that was inspected any more."""
        self.instance = instance
        self.context = context
        self._source = FileSource.open(instance.path)
        try:
            if self._source.identity != instance.identity:
                raise InputError("the file has changed since it was inspected")
            self._first = self._source.read(instance.offset, min(instance.length, BLOCK))
        except BaseException:
            self._source.close()
            raise

    def blocks(self) -> Iterator[bytes]:
        """Yield the data set in blocks; raise InputError where the file changes while it is read."""
        length, offset = self.instance.length, self.instance.offset
        block = self._first
        for done in range(BLOCK, length, BLOCK):
            yield block
            block = self._source.read(offset + done, min(length - done, BLOCK))
        self._check()
        yield block + b"\0" if length % 2 else block

    def _check(self) -> None:
        if not self._source.unchanged():
            raise InputError("the file changed while it was sent")

    def close(self) -> None:
        """Close the file."""
        self._source.close()


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


def _outcome(payload: _Payload, answer: dimse.Command) -> Result:
    instance = payload.instance
    status = dimse.number(answer, "Status")
    record = _record(instance, status_text(status))
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

"""Instances to a peer with C-STORE, on one association after the other (PS3.4 Annex B, PS3.7 9.1.1).

Only a peer's answer makes an instance done. Where the association is lost, the file in hand has failed, or
its outcome is unknown if the answer was all that was missing; the others go on, on a new association.
"""

from __future__ import annotations

import random
import time
from copy import copy
from threading import Lock
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.syntax import is_lossy
from dcmtools.encoding.uids import uid_name
from dcmtools.errors import AssociationError, DcmtoolsError, Interrupted, OutputError, PeerFailure
from dcmtools.net import dimse
from dcmtools.net.requesting import request_association
from dcmtools.net.status import SUCCESS, explain, is_done, status_text
from dcmtools.results import Outcome, Result
from dcmtools.scu.contexts import agreed
from dcmtools.scu.payload import Payload
from dcmtools.scu.saying import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.editing.apart import Processes
    from dcmtools.files.instance import Instance
    from dcmtools.files.source import FileSource
    from dcmtools.net.association import Association
    from dcmtools.net.incoming import Message
    from dcmtools.net.peer import NetworkOptions, Peer
    from dcmtools.results import Extent
    from dcmtools.scu.journal import Journal
    from dcmtools.scu.pace import Pace
    from dcmtools.scu.storing import StoreOptions
    from dcmtools.scu.work import Attempt, Batch, Work

# Associations lost one after the other without any answer, and DIMSE timeouts since the last answer, after
# which the rest is given up: a peer that breaks off at once may do so for one file, one that hangs hangs.
MAX_LOSSES: Final = 3
MAX_SILENCE: Final = 3
LONGEST_DELAY: Final = 300.0
WAIT_SLICE: Final = 0.5  # seconds; how late a sender that waits may notice that there is nothing left to do
MAY_BE_STORED: Final = "the peer may have stored it or not; to send it again does no harm"


class Surroundings:
    """What all senders of a run have in common."""

    def __init__(
        self,
        peer: Peer,
        network: NetworkOptions,
        options: StoreOptions,
        apart: Processes,
        extent: Extent,
        journal: Journal | None,
        pace: Pace | None,
    ) -> None:
        """Send to ``peer``; see ``scu.store.store``."""
        self.peer = peer
        self.network = network
        self.options = options
        self.apart = apart
        self.extent = extent
        self.journal = journal
        self.pace = pace
        self.last_answer = 0.0
        self.unpacking = Lock()  # what archives expand to is kept for all, in one place


class Sender:
    """Sends its share of a run's work, one association at a time."""

    def __init__(self, work: Work, around: Surroundings) -> None:
        """Take from ``work`` whatever is due."""
        self._work = work
        self._around = around
        self._stop = around.network.stop
        self._failures = 0  # associations asked for in vain, one after the other
        self._losses = 0  # associations lost, one after the other, without any answer
        self._given_up = False
        self._in_hand: tuple[Attempt, Payload] | None = None
        self._answer_due = False  # all of the file in hand has gone out
        self._next: tuple[Attempt, Payload] | None = None
        self._refused: list[Result] = []
        options = around.options
        self._anonymizer = options.anonymizing and options.anonymizing.anonymizer(options.changes)

    def run(self) -> Iterator[Result]:
        """Yield a result for each instance that this sender is done with, until there is nothing to do."""
        while not self._given_up and not self._work.lost and not self._stop.count:
            batch, wait = self._work.choose()
            if batch is not None:
                try:
                    yield from self._serve(batch)
                finally:
                    self._work.release(batch)
            elif wait:
                self._stop.wait(min(wait, WAIT_SLICE))
            else:
                return

    def _serve(self, batch: Batch) -> Iterator[Result]:
        """Yield results for ``batch`` as long as one association lasts."""
        around = self._around
        try:
            association = request_association(around.peer, around.network, batch.contexts)
        except DcmtoolsError as error:
            self._not_associated(self._named(error))
            return
        self._failures = 0
        association.transport.patient = True
        if not self._losses:
            around.last_answer = time.monotonic()
        try:
            with association:
                yield from self._send_all(association, batch)
        except DcmtoolsError as error:
            yield from self._settle(batch, error)
        finally:
            self._put_down(batch)

    def _not_associated(self, error: DcmtoolsError) -> None:
        """Wait before the next try, or give up: another sender may have an association, and do the rest."""
        self._failures += 1
        transient = isinstance(error, AssociationError) and error.transient
        if not transient or self._failures > self._around.options.retries:
            self._work.refused = error
            self._given_up = True
            return
        delay = self._delay(self._failures)
        say("%s; trying again in %.0f s", error.message, delay)
        end = time.monotonic() + delay
        while (left := end - time.monotonic()) > 0 and self._work.is_wanted():
            if self._stop.wait(min(left, WAIT_SLICE)):
                return

    def _send_all(self, association: Association, batch: Batch) -> Iterator[Result]:
        self._next = self._take(association, batch)
        yield from self._drain()
        while self._next is not None and not self._stop.count and not self._work.lost:
            self._in_hand, self._next = self._next, None
            attempt, payload = self._in_hand
            request = self._send(association, attempt, payload)
            self._answer_due = True
            # The next file is opened and read while the peer works on this one.
            self._next = self._take(association, batch)
            answer = association.response_to(request)
            self._losses, self._around.last_answer = 0, time.monotonic()
            self._in_hand, self._answer_due = None, False
            payload.close()
            result = self._outcome(batch, attempt, payload, answer)
            if result is not None:
                yield self._told(result)
            yield from self._drain()

    def _take(self, association: Association, batch: Batch) -> tuple[Attempt, Payload] | None:
        """Return the next instance that can be sent, with the failures met on the way put aside."""
        while not self._stop.count and not self._work.lost and (attempt := self._work.take(batch)):
            try:
                return attempt, self._prepared(association, attempt.instance)
            except Interrupted:  # while it was transcoded
                self._work.put_back(batch, attempt._replace(due=0.0))
            except DcmtoolsError as error:
                self._refused.append(self._told(unsent(attempt, error)))
        return None

    def _prepared(self, association: Association, instance: Instance) -> Payload:
        options, apart = self._around.options, self._around.apart
        context = agreed(association, instance, options)
        source = self._opened(instance)
        if not self._anonymizer:
            return Payload(instance, context, source, apart, options.changes)
        found = self._anonymizer.anonymized(instance, source)
        payload = Payload(found.instance, context, found.source, apart, options.changes)
        payload.doubts, payload.record = found.doubts, found.record
        return payload

    def _opened(self, instance: Instance) -> FileSource:
        if not instance.file.archive:
            return instance.file.open()
        with self._around.unpacking:
            return instance.file.open()

    def _send(self, association: Association, attempt: Attempt, payload: Payload) -> dimse.Command:
        around = self._around
        if around.journal:
            around.journal.begin(attempt.instance)
        options = around.options
        request = payload.request(association.next_message_id(), options.priority, **options.move_originator)
        association.expect_silence()  # an answer that was there before its request acknowledges nothing
        blocks = payload.blocks()
        paced = around.pace.paced(blocks, association.check_open) if around.pace else blocks
        association.send(payload.context, request, paced)
        around.extent.moved += payload.length
        return request

    def _outcome(self, batch: Batch, attempt: Attempt, payload: Payload, answer: Message) -> Result | None:
        """Return what the peer's answer makes of an attempt; None where it is to be made again."""
        instance, command = attempt.instance, answer.command
        status = dimse.number(command, "Status")
        syntax = payload.context.transfer_syntax
        record = record_of(instance, status_text(status), attempt.number, syntax)
        anonymized = payload.instance if payload.instance is not instance else None
        if anonymized or syntax != instance.transfer_syntax_uid:
            record["sent_sop_instance_uid"] = payload.sop_instance_uid
            record |= {"changes": [*payload.remarks], **payload.record}
        if mismatch := payload.mismatch(answer):
            error = PeerFailure(mismatch, hint=MAY_BE_STORED)
            return Result(instance.path, {**record, "status": None}, Outcome.UNKNOWN, error=error)
        explained = ""
        if status != SUCCESS:
            comment = dimse.text(command, "ErrorComment")
            explained = explain(status, comment, dimse.CommandField.C_STORE_RQ, instance.sop_class_uid)
        if not is_done(status):
            from dcmtools.scu.causes import cause_of, is_transient

            if is_transient(status) and self._again(batch, attempt):
                say("%s: %s; it is sent again later", instance.path, explained)
                return None
            error = PeerFailure(explained, hint=cause_of(status))
            return Result.failed(instance.path, error, record)
        remarks = anonymized.note if anonymized else ""
        said = (instance.note, remarks, _lossy(payload), *payload.warnings, explained)
        notes = [note for note in said if note]
        if not (notes and self._around.options.strict):  # what has failed is sent again by the next run
            self._note(instance, status)
        outcome = Outcome.WARNING if notes else Outcome.DONE
        notes = [*(notes or filter(None, [_sent_as(payload)])), *payload.doubts]
        return Result(instance.path, record, outcome, note="; ".join(notes))

    def _again(self, batch: Batch, attempt: Attempt) -> bool:
        """Put an attempt that failed back to be made again later, if it has not been made too often."""
        if attempt.number > self._around.options.retries or self._stop.count or self._work.lost:
            return False
        due = time.monotonic() + self._delay(attempt.number)
        doubtful = attempt.doubtful or self._answer_due
        later = attempt._replace(number=attempt.number + 1, due=due, doubtful=doubtful)
        self._work.put_back(batch, later)
        return True

    def _note(self, instance: Instance, status: int) -> None:
        """Have the journal say that the peer has ``instance``; a run that cannot note this ends."""
        if self._around.journal:
            try:
                self._around.journal.answered(instance, status_text(status))
            except OutputError as error:
                self._work.lost = error

    def _delay(self, number: int) -> float:
        """Return how many seconds to wait before a try again: each time twice as long, no two the same."""
        delay = min(self._around.options.retry_delay * 2.0 ** (number - 1), LONGEST_DELAY)
        return delay * random.uniform(0.5, 1.5)  # noqa: S311  so that many senders do not come back at once

    def _drain(self) -> Iterator[Result]:
        yield from self._refused
        self._refused = []

    def _told(self, result: Result) -> Result:
        """Return ``result`` as the options judge it; nothing is begun after a failure that ends the run."""
        options = self._around.options
        result = options.judged(result)
        if options.fail_fast and result.error and not self._work.lost:
            self._work.lost = options.ended()
        return result

    def _settle(self, batch: Batch, error: DcmtoolsError) -> Iterator[Result]:
        """Yield what became of the file in hand, and decide whether to go on after it."""
        error = self._named(error)
        if self._in_hand is not None:
            attempt, _ = self._in_hand
            if isinstance(error, OutputError):  # of the journal, without which nothing is begun
                self._work.lost = error
                self._work.put_back(batch, attempt._replace(due=0.0))
            elif isinstance(error, AssociationError) and self._again(batch, attempt):
                what = "its answer was lost" if self._answer_due else "it was not sent whole"
                say("%s: %s (%s); it is sent again", attempt.instance.path, what, error.message)
            else:
                made = attempt._replace(
                    number=attempt.number + 1, doubtful=attempt.doubtful or self._answer_due
                )
                yield self._told(unsent(made, error))
        yield from self._drain()
        self._losses += isinstance(error, AssociationError)
        silence = time.monotonic() - self._around.last_answer
        if self._losses >= MAX_LOSSES and silence >= MAX_SILENCE * self._around.network.dimse_timeout:
            message = f"{self._around.peer.name}: {self._losses} associations were lost without any answer"
            self._work.lost = AssociationError(message, step="send", transient=True)

    def _put_down(self, batch: Batch) -> None:
        """Close the files that are open; the one prepared after the one in hand is still to be sent."""
        for _, payload in filter(None, (self._in_hand, self._next)):
            payload.close()
        if self._next is not None:
            self._work.put_back(batch, self._next[0]._replace(due=0.0))
        self._in_hand, self._next, self._answer_due = None, None, False

    def _named(self, error: DcmtoolsError) -> DcmtoolsError:
        """Return ``error`` with the peer's name in front where it is about the association."""
        if isinstance(error, AssociationError):
            error.message = f"{self._around.peer.name}: {error.message}"
        return error


def _lossy(payload: Payload) -> str:
    """Return what to say of an instance that another one was made of on its way, nothing of others."""
    if payload.sop_instance_uid == payload.instance.sop_instance_uid:
        return ""
    return f"{_sent_as(payload)}; stored as a new instance, {payload.sop_instance_uid}"


def _sent_as(payload: Payload) -> str:
    """Return what became of an instance on its way, nothing where it went in its own transfer syntax."""
    syntax = payload.context.transfer_syntax
    if syntax == payload.instance.transfer_syntax_uid:
        return ""
    what = f"sent with loss as {uid_name(syntax)}" if is_lossy(syntax) else f"sent as {uid_name(syntax)}"
    return ": ".join(filter(None, (what, ", ".join(payload.remarks))))


def unsent(attempt: Attempt, error: DcmtoolsError) -> Result:
    """Return the result of an instance that is not sent (again): ``attempt`` is not made, for ``error``."""
    instance = attempt.instance
    record = record_of(instance, attempts=attempt.number - 1)
    if attempt.doubtful:
        error = copy(error)  # it may be that of other files, too
        error.hint = MAY_BE_STORED
        return Result(instance.path, record, Outcome.UNKNOWN, error=error)
    return Result.failed(instance.path, error, record)


def record_of(
    instance: Instance, status: str | None = None, attempts: int = 0, sent_as: str | None = None
) -> dict[str, object]:
    """Return the JSON fields of a file that was sent ``attempts`` times, lastly in the syntax ``sent_as``."""
    return {
        "file": instance.path,
        "sop_class_uid": instance.sop_class_uid,
        "sop_instance_uid": instance.sop_instance_uid,
        "transfer_syntax_uid": instance.transfer_syntax_uid,
        "status": status,
        "attempts": attempts,
        "sent_as": sent_as,
    }

"""C-MOVE as SCU: a peer sends what it has to a third one, or to ourselves (PS3.4 C.4.2, PS3.7 9.1.4).

One request for each identifier, over as many associations as are wanted. Only a final response makes it
done; where the association is lost before that, what became of the request is unknown, and the others go on.
"""

from __future__ import annotations

import os
import time
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dcmtools.errors import AssociationError, CheckFailed, DcmtoolsError, Interrupted
from dcmtools.net import dimse
from dcmtools.net.dimse import CommandField
from dcmtools.net.exchange import invoke, responses
from dcmtools.net.outbox import merged
from dcmtools.net.presentation import PresentationContext
from dcmtools.net.status import (
    MOVE_DESTINATION_UNKNOWN,
    SUBOPERATIONS_FAILED,
    SUBOPERATIONS_IMPOSSIBLE,
)
from dcmtools.results import Extent, Outcome, Result
from dcmtools.scu.finding import SYNTAXES
from dcmtools.scu.retrieving import MAX_LOSSES, associated, hint_for
from dcmtools.scu.saying import mention, said_by, say
from dcmtools.scu.selection import rehearsed, selected, sorted_out
from dcmtools.scu.suboperations import Progress, SubOperations

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dcmtools.archive.storage import Storage
    from dcmtools.net.association import Association
    from dcmtools.net.negotiated import Context
    from dcmtools.net.peer import NetworkOptions, Peer
    from dcmtools.scu.receiver import Receiver, Receiving
    from dcmtools.scu.selection import Retrieval, Selection

_LOOPBACK: Final = ("127.", "::1:", "[::1]:", "localhost:")
_OF_THIS_MACHINE: Final = ", which only peers on this machine reach; --bind ADDRESS is for others"


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveOptions:
    """Where to move to, the AE title ``destination``, and how; ``receiving`` is for a move to ourselves.

    With ``skip_existing`` what is complete in its folder is not asked for again.
    """

    destination: str
    priority: int = dimse.MEDIUM
    jobs: int = 1
    dry_run: bool = False
    receiving: Receiving | None = None
    skip_existing: bool = False


def move(
    selection: Selection,
    peer: Peer,
    network: NetworkOptions,
    options: MoveOptions,
    extent: Extent | None = None,
) -> Iterator[Result]:
    """Yield one result for each identifier that ``peer`` is asked to move, and for what cannot be named.

    Raises what ``selected`` raises, and UsageError where there is nowhere to receive.
    """
    extent = extent or Extent()
    chosen = selected(selection, peer, network)
    with ExitStack() as held:
        receiver = _receiver(held, options)
        work: deque[Retrieval] = deque()
        if options.skip_existing and (storage := _storage(held, options, receiver)):
            from dcmtools.scu.lacking import lacking

            wanted: deque[Retrieval] = deque()
            yield from sorted_out(chosen, wanted)
            chosen = lacking(wanted, storage, selection, peer, network)
        if options.dry_run:
            yield from rehearsed(chosen, lambda each: Result(each.item, _record(each, peer, options)))
            return
        yield from sorted_out(chosen, work)
        extent.total = len(work)
        run = _Run(selection, peer, network, options, receiver, work, extent)
        if work:
            workers = [_Mover(run).run for _ in range(min(options.jobs, len(work)))]
            yield from _told(merged(workers, network.stop, extent.tick), extent)
        yield from run.rest()


def _told(results: Iterable[Result], extent: Extent) -> Iterator[Result]:
    """Yield ``results``, with how many instances they are about for the closing line."""
    moved = 0
    for each in results:
        counts = [each.record.get(name) for name in ("completed", "warning")]
        moved += sum(count for count in counts if isinstance(count, int))
        extent.closing = f"{moved} instance{'' if moved == 1 else 's'} moved"
        yield each


def _receiver(held: ExitStack, options: MoveOptions) -> Receiver | None:
    if options.receiving is None or options.dry_run:
        return None
    from dcmtools.scu.receiver import Receiver

    return held.enter_context(Receiver(options.receiving))


def _storage(held: ExitStack, options: MoveOptions, receiver: Receiver | None) -> Storage | None:
    """Return where to look for what is here already; None where there is no such folder yet."""
    if receiver:
        return receiver.storage
    if options.receiving is None or not os.path.isdir(options.receiving.folder):
        return None
    storage = options.receiving.storage()
    held.callback(storage.close)
    return storage


class _Run:
    """What the associations of a run share, and why nothing more is begun, once there is a reason."""

    def __init__(
        self,
        selection: Selection,
        peer: Peer,
        network: NetworkOptions,
        options: MoveOptions,
        receiver: Receiver | None,
        work: deque[Retrieval],
        extent: Extent,
    ) -> None:
        self.model = selection.model
        self.relational = selection.relational
        self.peer = peer
        self.network = network
        self.options = options
        self.receiver = receiver
        self.work = work
        self.progress = Progress(extent)
        # A terminal is drawn on by the main thread only, which is the one that ticks.
        self.extent = extent if options.jobs == 1 else Extent()
        self.lost: DcmtoolsError | None = None

    def rest(self) -> Iterator[Result]:
        """Yield a failed result, with the one reason, for each of those that were not asked for."""
        stopped = self.network.stop.count
        cause = Interrupted("stopped by the user") if stopped else self.lost
        for each in self.work:
            record = _record(each, self.peer, self.options)
            yield Result.failed(each.item, cause or Interrupted("stopped by the user"), record)
        if not self.work and self.lost:
            say("%s; all was done over fewer associations", self.lost.message)


class _Mover:
    """Asks for its share of a run's work, on one association after the other."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._losses = 0

    def run(self) -> Iterator[Result]:
        """Yield a result for each request, until there is nothing to do or no way to do it."""
        run = self._run
        while run.work and not run.network.stop.count and self._losses < MAX_LOSSES:
            try:
                with self._association() as association:
                    context = association.require(run.model.move)
                    yield from self._move_all(association, context)
            except DcmtoolsError as error:
                if not (isinstance(error, AssociationError) and error.step == "release"):
                    run.lost = said_by(run.peer.name, error)
                    return
                mention("%s: %s", run.peer.name, error.message)

    def _association(self) -> Association:
        run = self._run
        uid = run.model.move
        contexts = [PresentationContext(1, uid, SYNTAXES)]
        return associated(run.peer, run.network, contexts, (uid,) if run.relational else ())

    def _move_all(self, association: Association, context: Context) -> Iterator[Result]:
        run = self._run
        while association.open and run.work and not run.network.stop.count:
            try:
                retrieval = run.work.popleft()
            except IndexError:  # another has been faster
                return
            yield self._move(association, context, retrieval)

    def _move(self, association: Association, context: Context, retrieval: Retrieval) -> Result:
        run, begun = self._run, time.monotonic()
        operations = SubOperations(CommandField.C_MOVE_RQ, run.progress)
        error: DcmtoolsError | None = None
        try:
            request = invoke(
                association,
                context,
                CommandField.C_MOVE_RQ,
                retrieval.identifier(),
                AffectedSOPClassUID=context.abstract_syntax,
                Priority=run.options.priority,
                MoveDestination=run.options.destination,
            )
            for message in responses(association, context, request):
                operations.take(association, message)
                run.extent.tick()
        except (AssociationError, Interrupted) as broken:
            association.abort()
            error = broken
        record = _record(retrieval, run.peer, run.options) | operations.record()
        record["elapsed_ms"] = round(1000 * (time.monotonic() - begun), 1)
        received = run.receiver.arrived(retrieval, operations.completed or 0) if run.receiver else None
        record["received"] = received
        if error:
            return self._unknown(retrieval, record, error)
        self._losses = 0
        asked = bool(run.network.stop.count)
        named = len(retrieval.sop_instance_uids)
        result = operations.result(retrieval.item, record, self._hint, asked=asked, named=named)
        if received is None or result.error:
            return result
        if received < (operations.completed or 1):
            return Result.failed(retrieval.item, _missing(operations.completed, received), record)
        return result

    def _unknown(self, retrieval: Retrieval, record: dict[str, object], error: DcmtoolsError) -> Result:
        """Return the result of a request whose final response has not come."""
        self._losses += 1
        if self._losses == MAX_LOSSES and not isinstance(error, Interrupted):
            self._run.lost = said_by(self._run.peer.name, error)
        return Result(retrieval.item, record, Outcome.UNKNOWN, error=error)

    def _hint(self, status: int) -> str:
        """Return what to do about the final status of a failure (PS3.4 C.4.2.1.5)."""
        aet, receiver = self._run.options.destination, self._run.receiver
        where = (
            f"this machine and its port; we listen on {receiver.address}"
            f"{_OF_THIS_MACHINE if receiver.address.startswith(_LOOPBACK) else ''}"
            if receiver
            else "the host and port that it listens on"
        )
        if status == MOVE_DESTINATION_UNKNOWN:
            return (
                f"ask the peer's administrator to add the AE title {aet} with {where}; "
                "upper and lower case make a difference"
            )
        if status in (SUBOPERATIONS_IMPOSSIBLE, SUBOPERATIONS_FAILED):
            return (
                f"the peer may not reach {aet}, or {aet} not take what it sends: look whether {aet} runs, "
                "and at its log; the peer has to know it with " + where
            )
        if status >> 12 == 0xC:
            return (
                "the peer's log may say why; some answer so where nothing matches, "
                f"or where they do not know the AE title {aet}"
            )
        return hint_for(status)


def _missing(completed: int | None, received: int) -> DcmtoolsError:
    if completed is None:
        return CheckFailed("nothing has come", hint="dcmtools find shows what the peer has")
    hint = "the peer may send to another receiver of this AE title; its log says what it has sent where"
    return DcmtoolsError(f"the peer says that it has sent {completed}, and {received} have come", hint=hint)


def _record(retrieval: Retrieval, peer: Peer, options: MoveOptions) -> dict[str, object]:
    return {"peer": peer.name, "destination": options.destination, **retrieval.record()}

"""One association after the other on which a peer is asked for what it has: C-FIND, then C-GET.

A peer sends on the presentation contexts that were agreed on before it was asked for anything, so it is asked
first which SOP classes there are, and a new association is made where the one in hand has not all of them.
"""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.errors import AssociationError, CheckFailed, DcmtoolsError, Interrupted
from dcmtools.net.dimse import CommandField
from dcmtools.net.exchange import invoke, responses
from dcmtools.net.status import (
    CANCELED,
    SUBOPERATIONS_FAILED,
    SUBOPERATIONS_IMPOSSIBLE,
)
from dcmtools.results import Outcome, Result
from dcmtools.scu.arrivals import Arrivals
from dcmtools.scu.contents import Contents
from dcmtools.scu.existing import is_complete, remaining
from dcmtools.scu.get_contexts import COMMON, fits, proposals, roles
from dcmtools.scu.retrieving import MAX_LOSSES, associated, hint_for
from dcmtools.scu.saying import mention, said_by
from dcmtools.scu.suboperations import SubOperations, some_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from dcmtools.net.association import Association
    from dcmtools.scu.contents import Holding
    from dcmtools.scu.get import Run
    from dcmtools.scu.selection import Retrieval

GOES_ON: Final = "the same with --skip-existing gets what is missing"


class _Plan(NamedTuple):
    """How to get one retrieval: its ``parts``, of these SOP classes; what the peer lists, if asked."""

    parts: Sequence[Retrieval]
    sop_classes: Sequence[str]
    holdings: Sequence[Holding] = ()
    existing: dict[str, str] = {}  # noqa: RUF012  nobody writes to it


class Getter:
    """Gets its share of a run's retrievals, over one association at a time."""

    def __init__(self, run: Run) -> None:
        """Take from ``run`` what is to be done."""
        self._run = run
        self._association: Association | None = None
        self._sop_classes: tuple[str, ...] = ()  # those proposed on it
        self._losses = 0

    def run(self) -> Iterator[Result]:
        """Yield results of instances and of retrievals, until there is nothing to do or no way to do it."""
        run = self._run
        try:
            while not run.network.stop.count and (retrieval := run.take()) is not None:
                yield from self._got(retrieval)
                if self._losses >= MAX_LOSSES:
                    return
            self._end()
        finally:
            if self._association:
                self._association.abort()

    def _got(self, retrieval: Retrieval) -> Iterator[Result]:
        """Yield the results of one retrieval, which goes back where no association comes about for it."""
        run = self._run
        try:
            self._associate(run.options.sop_classes)
        except DcmtoolsError as error:
            run.put_back(retrieval, said_by(run.peer.name, error))
            self._losses = MAX_LOSSES
            return
        try:
            plan = self._planned(retrieval)
            yield from run.skipped(plan.holdings, plan.existing)
            paths: dict[str, str] = {}
            failure: DcmtoolsError | None = None
            for part in plan.parts:
                if run.network.stop.count:
                    raise Interrupted("stopped by the user")
                if run.lost:
                    yield self._lost(part, run.lost, run.record(part))
                    continue
                association = self._associate(plan.sop_classes)
                arrivals = Arrivals(run.storage, association, part, run.extent)
                failure = (yield from self._get(association, part, arrivals)) or failure
                paths |= arrivals.paths
            if run.options.verify and not run.network.stop.count:
                yield from self._missing(plan, paths, failure)
        except DcmtoolsError as error:
            yield self._broken(retrieval, error)

    # ---------------------------------------------------------------- the association

    def _associate(self, sop_classes: Sequence[str]) -> Association:
        """Return an association with contexts for ``sop_classes``: the one in hand, if it has them."""
        association = self._association
        if association and association.open and set(sop_classes) <= {*self._sop_classes}:
            return association
        self._end()
        both = tuple(dict.fromkeys((*sop_classes, *self._sop_classes)))
        syntaxes = self._run.options.transfer_syntaxes
        self._sop_classes = both if fits(both, syntaxes) else tuple(sop_classes)
        self._association = self._requested()
        return self._association

    def _requested(self) -> Association:
        run = self._run
        model, syntaxes = run.model, run.options.transfer_syntaxes
        contexts = proposals(model, self._sop_classes, syntaxes)
        relational = (model.get, model.find) if run.relational else ()
        association = associated(run.peer, run.network, contexts, relational, roles(self._sop_classes))
        try:
            association.require(model.get)
        except BaseException:
            association.abort()
            raise
        return association

    def _end(self) -> None:
        """Release the association in hand, if there is one; that it does not end well changes nothing."""
        association, self._association = self._association, None
        if association and association.open:
            try:
                association.release()
            except DcmtoolsError as error:
                mention("%s: %s", self._run.peer.name, error.message)

    # ---------------------------------------------------------------- what there is

    def _planned(self, retrieval: Retrieval) -> _Plan:
        """Ask the peer what there is, as far as that has to be known."""
        options = self._run.options
        if not (options.verify or options.skip_existing):
            return _Plan([retrieval], options.sop_classes or self._classes_of(retrieval))
        holdings = list(self._contents().instances(retrieval))
        if not holdings:
            raise CheckFailed("the peer has nothing that matches", hint="dcmtools find shows what it has")
        classes = options.sop_classes or tuple(sorted({each.sop_class_uid for each in holdings} - {""}))
        if not options.skip_existing:
            return _Plan([retrieval], classes or COMMON, holdings)
        existing = self._run.existing_of(holdings)
        parts = list(remaining(holdings, existing, self._run.at_once)) if existing else [retrieval]
        return _Plan(parts, classes or COMMON, holdings, existing)

    def _contents(self) -> Contents:
        run = self._run
        return Contents(self._associate(()), run.model, run.network)

    def _classes_of(self, retrieval: Retrieval) -> Sequence[str]:
        """Return the SOP classes to expect, common ones where the peer does not tell."""
        try:
            found = self._contents().sop_classes(retrieval)
        except Interrupted:
            raise
        except DcmtoolsError as error:
            untold = f"the peer does not tell which SOP classes there are ({error.message})"
            mention("%s: %s; common ones are proposed", self._run.peer.name, untold)
            found = set()
        return tuple(sorted(found)) or COMMON

    # ---------------------------------------------------------------- the operation

    def _get(
        self, association: Association, part: Retrieval, arrivals: Arrivals
    ) -> Generator[Result, None, DcmtoolsError | None]:
        """Yield results of the instances that a C-GET brings, then of itself; return why it failed."""
        run, begun = self._run, time.monotonic()
        operations = SubOperations(CommandField.C_GET_RQ, run.progress)
        context = association.require(run.model.get)
        error: DcmtoolsError | None = None
        try:
            request = invoke(
                association,
                context,
                CommandField.C_GET_RQ,
                part.identifier(),
                AffectedSOPClassUID=run.model.get,
                Priority=run.options.priority,
            )
            for message in responses(association, context, request, arrivals.take):
                operations.take(association, message)
                yield from arrivals.results()
                run.extent.tick()
            self._losses = 0
        except DcmtoolsError as broken:
            association.abort()
            error = broken
        yield from arrivals.results()
        record = run.record(part) | operations.record()
        record["received"] = len(arrivals.paths)
        record["elapsed_ms"] = round(1000 * (time.monotonic() - begun), 1)
        result = (
            self._lost(part, error, record) if error else self._judged(operations, part, record, arrivals)
        )
        yield result
        return result.error

    def _judged(
        self, operations: SubOperations, part: Retrieval, record: dict[str, object], arrivals: Arrivals
    ) -> Result:
        """Return the result of a C-GET that came to its end: as the peer says, and as we have counted."""
        asked = bool(self._run.network.stop.count)
        hint_of = partial(self._hint, operations, arrivals)
        result = operations.result(part.item, record, hint_of, asked=asked)
        count, sent = len(arrivals.paths), operations.completed
        if sent is None:  # it does not say, so it is all that has come
            sent = count + arrivals.strays
        if isinstance(result.error, CheckFailed) and count:  # there was something after all
            note = f"the peer counts none, and {count} have come"
            result = Result(part.item, record, Outcome.WARNING, note=note)
        elif result.error is None and not count:
            nothing = CheckFailed("nothing has come", hint="dcmtools find shows what the peer has")
            result = Result.failed(part.item, nothing, record)
        elif result.error is None and count < sent:
            fewer = f"the peer has sent {sent}, and of what was asked for {count} have come"
            result = Result.failed(part.item, DcmtoolsError(fewer, hint=GOES_ON), record)
        elif result.error is None and count < len(part.sop_instance_uids):
            absent = [uid for uid in part.sop_instance_uids if uid not in arrivals.paths]
            hint = "dcmtools find shows what the peer has"
            result = Result.failed(part.item, CheckFailed(f"not there: {some_of(absent)}", hint=hint), record)
        return result._replace(text="", counted=False, weighs=True)

    def _hint(self, operations: SubOperations, arrivals: Arrivals, status: int) -> str:
        """Return what to do about the final status of a failure (PS3.4 C.4.3.1.4)."""
        association = self._association
        if status in (SUBOPERATIONS_FAILED, SUBOPERATIONS_IMPOSSIBLE):
            if association and not any(role.scp for role in association.roles.values()):
                return (
                    "the peer does not agree that we receive on this association (role selection); try move"
                )
            if arrivals.refused:
                return ""  # which has been told, with what to do
            if operations.comment and "syntax" not in operations.comment:
                return GOES_ON
            return (
                "the peer may not send what it has in the transfer syntaxes that were agreed on, or send all "
                "of a SOP class in one: --skip-existing --transfer-syntax SYNTAX gets the others; so may move"
            )
        if status == CANCELED:
            return GOES_ON
        return "the peer's log may say why" if status >> 12 == 0xC else hint_for(status)

    def _missing(self, plan: _Plan, paths: dict[str, str], failure: DcmtoolsError | None) -> Iterator[Result]:
        """Yield a failed result for each instance that the peer has, and the folder not, or not whole."""
        run = self._run
        absent: DcmtoolsError = CheckFailed("the peer has it, and it has not come", hint=GOES_ON)
        if failure and failure.status is not absent.status:
            absent = failure  # which is why
        for each in plan.holdings:
            uid = each.sop_instance_uid
            path = plan.existing.get(uid) or paths.get(uid)
            record = each.record()
            if path is None:
                yield Result.failed(uid, absent, record)._replace(text="")
            elif not is_complete(run.storage, path, each):
                file = os.path.join(run.options.folder, path)
                unsound = CheckFailed("it has come, and its file is not whole, or not what the peer lists")
                yield Result.failed(file, unsound, {"file": file, **record})._replace(text="")

    # ---------------------------------------------------------------- losses

    def _broken(self, retrieval: Retrieval, error: DcmtoolsError) -> Result:
        """Return the result of a retrieval that did not come to its C-GET, or not to all of them."""
        association = self._association
        if association and isinstance(error, (AssociationError, Interrupted)):
            association.abort()
        return self._lost(retrieval, error, self._run.record(retrieval))

    def _lost(self, part: Retrieval, error: DcmtoolsError, record: dict[str, object]) -> Result:
        run = self._run
        if isinstance(error, AssociationError) and error is not run.lost:
            self._losses += 1
            error = said_by(run.peer.name, error)
            error.hint = error.hint or GOES_ON
            if self._losses == MAX_LOSSES:
                run.lost = error
        return Result.failed(part.item, error, record)._replace(text="")

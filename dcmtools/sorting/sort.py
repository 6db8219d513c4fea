"""Files put into folders by what is in them: what ``dcmtools sort`` does."""

from __future__ import annotations

import os
from collections import Counter, deque
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from dcmtools import batch
from dcmtools.errors import AlreadyThere, DcmtoolsError, DiskFull, InputError, Interrupted, UsageError
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.inputs import Input
from dcmtools.files.outputs import is_within
from dcmtools.files.source import KEPT
from dcmtools.files.work import for_each
from dcmtools.results import Outcome, Result
from dcmtools.sorting import plan
from dcmtools.sorting.acting import ACTIONS, COPY, MOVE, Actor, copied, failure
from dcmtools.sorting.deciding import MADE, Decider, Decision, Rules, State
from dcmtools.sorting.looking import TOGETHER, Looker, facts_of, instance_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from dcmtools.selection.template import Template
    from dcmtools.selection.where import Where
    from dcmtools.sorting.looking import Facts

DEFAULT_TEMPLATE: Final = (
    "{PatientID|PatientName}/{StudyDate}_{StudyDescription|StudyID|Modality}/"
    "{SeriesNumber:04}_{SeriesDescription|Modality}/{InstanceNumber|SOPInstanceUID:05}.dcm"
)
_DONE: Final = {"copy": "copied", "move": "moved", "hard link": "linked", "symbolic link": "linked"}
_AS_PLANNED: Final = Rules("fail", "planned", "keep")


class SortOptions(NamedTuple):
    """Where files go, and how.

    ``template`` names them below ``folder``; files that it has no values for fail if that is ``strict``.
    With ``ahead`` nothing is done but told, and written to the file ``planned``, if there is one, which may
    be ``overwritten``.
    """

    folder: str
    template: Template
    action: str = COPY
    rules: Rules = Rules()
    strict: bool = False
    where: Where | None = None
    ahead: bool = False
    planned: str = ""
    overwritten: bool = False


class Totals:
    """What a run has done: the words of the closing line."""

    def __init__(self, verb: str) -> None:
        """Begin with nothing."""
        self._verb = verb
        self.states: Counter[State] = Counter()
        self.missing = 0
        self.renamed = 0

    def __str__(self) -> str:
        """Return the verb, and how many files were there or left, or lack what their names need."""
        parts = [
            (self.states[State.THERE], "there already"),
            (self.states[State.IDENTICAL], "the same as others"),
            (self.renamed, "with a number, as others have the name"),
            (self.missing, "named without attributes that they lack"),
        ]
        told = ", ".join([f"{number} {what}" for number, what in parts if number])
        return f"{self._verb} ({told})" if told else self._verb


def sort(
    paths: Iterable[str | Input | Result], options: SortOptions, jobs: int, totals: Totals
) -> Iterator[Result]:
    """Yield a result for each DICOM file below ``paths``, once it is where it belongs.

    A source that is moved is gone then, and what was made of it on disk. Raises UsageError where the folder
    for all makes no sense, and Interrupted.
    """
    looker = Looker(options.template, options.where, strict=options.strict)
    run = _Run(options.folder, options.rules, totals, ahead=options.ahead)
    with ExitStack() as held:
        if options.planned:
            run.plan = held.enter_context(plan.writing(options.planned, over=options.overwritten))
        # Who copies with other processes looks at files in this one meanwhile.
        lookers = 1 if options.action == COPY and not options.ahead else jobs
        named = list(paths)
        within = _check_apart(named, options)
        looked: Iterable[Result] = for_each(named, looker, lookers, together=TOGETHER)
        if within:  # all are found before the first is moved
            held.enter_context(KEPT)
            looked = list(looked)
        yield from run.results(looked, options.action, jobs)
        if run.plan and not run.plan.tell():
            raise InputError("nothing is to be done, so there is no plan")


def apply(path: str, folder: str, totals: Totals) -> Iterator[Result]:
    """Yield a result for each file of the plan at ``path``, once it is where the plan says, below ``folder``.

    Names that are taken by other content fail. Raises UsageError where the plan is none: before anything is
    done, as it is read twice.
    """
    plan.check(path)
    run = _Run(folder, _AS_PLANNED, totals)
    try:
        with KEPT:
            for facts, action, over in plan.read(path):
                if action == plan.SKIP:
                    record = {"file": facts.item.path}
                    yield Result.skipped(facts.item.path, "the plan leaves it where it is", record)
                else:
                    yield from run.planned(facts, action, over=over)
    except KeyboardInterrupt:
        yield from run.settled()
        raise Interrupted("stopped by the user; the same command goes on") from None
    yield from run.settled()


def _check_apart(paths: Iterable[str | Input | Result], options: SortOptions) -> bool:
    """Raise UsageError where the run would walk through what it makes, or write over what it has to read.

    Return whether some of ``paths`` and the folder for all are in each other, as a move can bear.
    """
    overwriting = options.rules.on_conflict == "overwrite"
    within = False
    for path in paths:
        if not isinstance(path, str) or not (overwriting or os.path.isdir(path)):
            continue
        if is_within(options.folder, path) or is_within(path, options.folder):
            if overwriting:
                message = f"{path} and OUT, {options.folder}, are in each other: nothing can be overwritten"
                raise UsageError(message)
            if options.action != MOVE:
                message = f"{path} and OUT, {options.folder}, are in each other: name one beside it"
                raise UsageError(message, hint="only a move sorts a folder within itself, with no copy left")
            within = True
    return within


class _Copying(NamedTuple):
    """A file on its way to ``path``; nothing else goes to another process, nor comes back from it."""

    facts: Facts
    path: str
    over: bool


def _copied(copying: _Copying) -> DcmtoolsError | None:
    """Copy the file; return what is wrong if that fails."""
    try:
        copied(*copying)
    except OSError as error:
        return failure(os.path.dirname(copying.path), copying.path, error)
    except DcmtoolsError as error:
        return error
    return None


def _lost(_: _Copying) -> DcmtoolsError:
    return DcmtoolsError("the process that copied it died", hint="perhaps of too little memory")


def _left(_: _Copying) -> DcmtoolsError:
    return Interrupted("stopped by the user")


def _interrupting(looked: Iterable[Result]) -> Iterator[Result]:
    """Yield ``looked``, and have Ctrl-C come through as it is, so that what is being copied is told of."""
    try:
        yield from looked
    except Interrupted:
        raise KeyboardInterrupt from None


def _is_that(facts: Facts, path: str) -> bool:
    """Tell whether the file at ``path`` is the one that a plan speaks of, as far as that is known of it."""
    return os.stat(path).st_size == facts.size and instance_at(Input(path)) == facts.uid


class _Run:
    """One run: decides on each file in turn, and has it done."""

    def __init__(self, folder: str, rules: Rules, totals: Totals, *, ahead: bool = False) -> None:
        """Begin with nothing done; see SortOptions."""
        self.plan: BinaryIO | None = None
        self._folder = folder
        self._totals = totals
        self._ahead = ahead
        self._decider = Decider(folder, rules)
        self._actors = {action: Actor(folder, action) for action in ACTIONS}
        self._full: DiskFull | None = None

    def results(self, looked: Iterable[Result], action: str, jobs: int) -> Iterator[Result]:
        """Yield what comes of each file that was looked at, and of the others what was said of them.

        Up to ``jobs`` are copied at the same time.
        """
        try:
            if action == COPY and not self._ahead:
                yield from self._copied(looked, jobs)
            else:
                for result in looked:
                    if not result.rows:
                        yield result
                    for facts in facts_of(result):
                        yield from self.sorted(facts, action)
        except (KeyboardInterrupt, Interrupted):
            yield from self.settled()
            raise Interrupted("stopped by the user; the same command goes on") from None
        yield from self.settled()

    def _copied(self, looked: Iterable[Result], jobs: int) -> Iterator[Result]:
        """Yield what comes of files that are copied: what is decided is ahead of what other processes do."""
        ahead: deque[Result | tuple[Facts, Decision]] = deque()
        for error in batch.run(_copied, self._to_copy(looked, ahead), jobs, _lost, left=_left):
            yield from self._ready(ahead)
            facts, decision = cast("tuple[Facts, Decision]", ahead.popleft())
            if error:
                self._decider.undone(facts, decision)
                yield self._failed(facts, error)
            else:
                self._decider.done(decision)
                yield from self._told(facts, decision, COPY)
        yield from self._ready(ahead)

    def _ready(self, ahead: deque[Result | tuple[Facts, Decision]]) -> Iterator[Result]:
        while ahead and isinstance(ahead[0], Result):
            yield cast("Result", ahead.popleft())

    def _to_copy(
        self, looked: Iterable[Result], ahead: deque[Result | tuple[Facts, Decision]]
    ) -> Iterator[_Copying]:
        """Yield the files that are to be copied, and put them behind the results of the others ``ahead``."""
        for result in _interrupting(looked):
            if not result.rows:
                ahead.append(result)
            for facts in facts_of(result):
                try:
                    decision = self._decided(facts, COPY)
                except DcmtoolsError as error:
                    ahead.append(self._failed(facts, error))
                    continue
                if decision.state in MADE:
                    ahead.append((facts, decision))
                    path = os.path.join(self._folder, decision.target)
                    yield _Copying(facts, path, decision.state is State.OVER)
                else:
                    ahead.extend(self._told(facts, decision, COPY))

    def settled(self) -> Iterator[Result]:
        """Yield the results that have waited for the disk."""
        for actor in self._actors.values():
            yield from actor.settle()

    def planned(self, facts: Facts, action: str, *, over: bool) -> Iterator[Result]:
        """Yield what comes of a file of a plan; one that has gone where it belongs is done."""
        target = os.path.join(self._folder, facts.target)
        gone = action == MOVE and not os.path.lexists(facts.item.path) and os.path.isfile(target)
        if gone and _is_that(facts, target):
            self._totals.states[State.THERE] += 1
            record = self._record(facts, Decision(State.THERE, facts.target), action)
            yield Result(facts.item.path, record, note="moved before", counted=False, weighs=True)
            return
        try:
            with facts.item.open() as source:
                LenientFile(source)
        except InputError as error:  # what a plan says may be anybody's, and about any file
            yield self._failed(facts, error)
            return
        for result in self.sorted(facts, action, over=over):
            if isinstance(result.error, AlreadyThere):
                result.error.hint = "the plan can give it another target"
            yield result

    def sorted(self, facts: Facts, action: str, *, over: bool = False) -> Iterator[Result]:
        """Yield what comes of a file, which is done at once."""
        try:
            decision = self._decided(facts, action, over=over)
            try:
                if self.plan:
                    self.plan.write(plan.line(facts, decision, action))
                elif not self._ahead:
                    self._actors[action].act(facts, decision)
            except DcmtoolsError:
                self._decider.undone(facts, decision)
                raise
        except DcmtoolsError as error:
            yield self._failed(facts, error)
        else:
            if not self._ahead:
                self._decider.done(decision)
            yield from self._told(facts, decision, action)

    def _decided(self, facts: Facts, action: str, *, over: bool = False) -> Decision:
        """Return what becomes of a file; its folder is there then."""
        if self._full:
            raise self._full
        decision = self._decider.decide(facts, over=over)
        if not self._ahead and decision.state is not State.SKIPPED:
            try:
                self._actors[action].prepare(facts, decision)
            except DcmtoolsError:
                self._decider.undone(facts, decision)
                raise
        return decision

    def _failed(self, facts: Facts, error: DcmtoolsError) -> Result:
        if isinstance(error, DiskFull) and not self._full:
            self._full = DiskFull(f"not done, as there is no room in {self._folder}")
        return Result.failed(facts.item.path, error, {"file": facts.item.path})

    def _told(self, facts: Facts, decision: Decision, action: str) -> Iterator[Result]:
        self._totals.states[decision.state] += 1
        self._totals.missing += bool(facts.missing)
        self._totals.renamed += decision.state is State.NEW and decision.target != facts.target
        made = decision.state in MADE
        record = self._record(facts, decision, action)
        lacking = f"it has no {', '.join(facts.missing)}" if facts.missing else ""
        note = "; ".join(filter(None, (decision.note, lacking)))
        if decision.state is State.SKIPPED:
            yield Result.skipped(facts.item.path, note, record)
            return
        outcome = Outcome.WARNING if decision.warned else Outcome.DONE
        counted = made or decision.warned
        result = Result(facts.item.path, record, outcome, note=note, counted=counted, weighs=True)
        if self._ahead:
            yield result
        else:
            yield from self._actors[action].finish(result, facts, decision.target)

    def _record(self, facts: Facts, decision: Decision, action: str) -> dict[str, object]:
        done = "planned" if self._ahead else _DONE[action]
        return {
            "file": facts.item.path,
            "target": os.path.join(self._folder, decision.target),
            "action": action,
            "state": done if decision.state in MADE else str(decision.state),
            "sop_instance_uid": facts.uid,
            "missing": list(facts.missing),
        }

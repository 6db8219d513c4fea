"""Files to a peer, their data sets byte for byte where it takes them so: what ``dcmtools store`` does.

All files are inspected before the first is sent, so that what is proposed is what they hold. Each has one
outcome.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from dcmtools.batch import processors
from dcmtools.editing.apart import Processes
from dcmtools.encoding.uids import uid_name
from dcmtools.errors import DcmtoolsError, Interrupted, OutputError
from dcmtools.files.instance import inspect
from dcmtools.files.source import KEPT
from dcmtools.files.work import for_each, is_usable
from dcmtools.net.outbox import merged
from dcmtools.results import Extent, Outcome, Result
from dcmtools.scu.contexts import batches
from dcmtools.scu.pace import Pace
from dcmtools.scu.saying import say
from dcmtools.scu.sender import Sender, Surroundings, record_of, unsent
from dcmtools.scu.storing import DEFAULTS
from dcmtools.scu.work import Batch, Work
from dcmtools.selection.where import chosen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dcmtools.files.inputs import Input
    from dcmtools.files.instance import Instance
    from dcmtools.net.peer import NetworkOptions, Peer
    from dcmtools.net.stop import Stop
    from dcmtools.scu.anonymizing import Anonymizer
    from dcmtools.scu.journal import Journal
    from dcmtools.scu.storing import StoreOptions
    from dcmtools.selection.where import Where

_TOO_EARLY: Final = "stopped by the user before all files were looked at"


def store(
    paths: Iterable[str | Result],
    peer: Peer,
    network: NetworkOptions,
    options: StoreOptions = DEFAULTS,
    extent: Extent | None = None,
) -> Iterator[Result]:
    """Yield one result per file below ``paths``; ``extent`` is told how many there will be.

    Raises UsageError for a journal that cannot be used.
    """
    extent = extent or Extent()
    with ExitStack() as held:
        held.enter_context(KEPT)  # each file is opened twice, what comes through a pipe included
        journal = _opened(held, options, peer)
        instances: list[Instance] = []
        lost: DcmtoolsError | None = None
        seen = 0
        try:
            for result in _inspected(paths, instances, network.stop, extent, options.where):
                seen += result.selected
                judged = options.judged(result)
                yield judged
                if judged.error and options.fail_fast:
                    lost = options.ended()
                    break
        except Interrupted as error:
            if not instances or options.dry_run:
                raise
            lost = error
        extent.total = seen + len(instances)
        if journal:
            yield from map(options.shown, _known(journal, instances))
        work = Work(_divided(_remarked(instances), options))
        work.lost = lost
        if options.dry_run:
            yield from map(options.judged, _planned(work, options))
            return
        pace = Pace(options.rate, network.stop) if options.rate else None
        apart = Processes(min(options.jobs, processors()), network.stop)
        held.callback(apart.close)
        around = Surroundings(peer, network, options, apart, extent, journal, pace)
        yield from merged([Sender(work, around).run for _ in range(options.jobs)], network.stop)
        yield from map(options.shown, _left(work, network.stop))


def _left(work: Work, stop: Stop) -> Iterator[Result]:
    """Yield results for what has not been sent, with the reason; raise it where no file is left to name."""
    refused = None if stop.count else work.refused
    rest = work.rest()
    cause = work.lost or refused or Interrupted("stopped by the user")
    for attempt in sorted(rest, key=lambda attempt: not attempt.doubtful):
        yield unsent(attempt, cause)
    if not rest and isinstance(work.lost, (Interrupted, OutputError)):
        raise work.lost
    if not rest and refused:
        say("%s; all has gone over fewer associations", refused.message)


def _opened(held: ExitStack, options: StoreOptions, peer: Peer) -> Journal | None:
    if options.journal is None:
        return None
    from dcmtools.scu.journal import Journal

    name = peer.name
    if options.changes:  # what was sent without them, or with others, is something else
        from hashlib import sha256

        digest = sha256(repr(options.changes).encode("utf-8", "surrogatepass")).hexdigest()
        name = f"{name} --set {digest}"  # the values may be of patients
    if options.anonymizing:
        name = f"{name} --anonymize {options.anonymizing.name}"
    return held.enter_context(Journal(options.journal, name))


def _inspected(
    paths: Iterable[str | Result],
    instances: list[Instance],
    stop: Stop,
    extent: Extent,
    where: Where | None,
) -> Iterator[Result]:
    """Add what can be sent to ``instances``; yield a result for each of the others."""

    def look(item: Input) -> Result:
        if stop.count:
            raise Interrupted(_TOO_EARLY)
        extent.tick()
        with item.open() as source:
            instances.append(inspect(item, source))
        return Result(item.path)

    results = for_each(paths, chosen(look, where))
    while True:
        stop.breaks = _TOO_EARLY  # a pipe may be read that nobody ever writes to
        try:
            result = next(results, None)
        finally:
            stop.breaks = ""
        if result is None:
            return
        if not is_usable(result):
            yield result


def _known(journal: Journal, instances: list[Instance]) -> Iterator[Result]:
    """Take what has been stored out of ``instances``, and yield a result for each of these."""
    unknown = []
    for instance in instances:
        if journal.is_stored(instance):
            note = "stored by an earlier run, as the journal says"
            yield Result.skipped(instance.path, note, record_of(instance))
        else:
            if journal.is_begun(instance):
                say("%s: it may have been sent before; it is sent again", instance.path)
            unknown.append(instance)
    instances[:] = unknown


def _remarked(instances: Iterable[Instance]) -> Iterator[Instance]:
    """Yield ``instances``, with a note where the same SOP Instance UID was met before."""
    paths: dict[str, str] = {}
    for instance in instances:
        first = paths.get(instance.sop_instance_uid)
        if first is None:
            paths[instance.sop_instance_uid] = instance.path
            yield instance
        else:
            note = f"the SOP Instance UID is that of {first}, too"
            yield instance._replace(note="; ".join(filter(None, (instance.note, note))))


def _divided(instances: Iterable[Instance], options: StoreOptions) -> Iterator[Batch]:
    studies: dict[str, list[Instance]] = {}
    for instance in instances:
        studies.setdefault(instance.study_instance_uid if options.per_study else "", []).append(instance)
    for members in studies.values():
        for contexts, group in batches(members, options.transcode):
            yield Batch(contexts, group, exclusive=options.per_study)


def _planned(work: Work, options: StoreOptions) -> Iterator[Result]:
    """Yield what would be proposed, and the files that would be sent, de-identified if they would be."""
    anonymizer = options.anonymizing and options.anonymizing.anonymizer(options.changes)
    for number, batch in enumerate(work.batches, 1):
        proposed = [
            f"{uid_name(context.abstract_syntax)} in {' or '.join(map(uid_name, context.transfer_syntaxes))}"
            for context in batch.contexts
        ]
        for attempt in batch.pending:
            record = {**record_of(attempt.instance), "association": number, "proposed": proposed}
            try:
                yield _tried(attempt.instance, record, anonymizer)
            except DcmtoolsError as error:
                yield unsent(attempt, error)


def _tried(instance: Instance, record: dict[str, object], anonymizer: Anonymizer | None) -> Result:
    """Return what would become of ``instance``; raises what keeps it from being de-identified."""
    notes, doubts = [instance.note], []
    if anonymizer:
        found = anonymizer.anonymized(instance, instance.file.open())
        found.source.close()
        notes.append(found.instance.note)
        doubts = found.doubts
        record |= {"sent_sop_instance_uid": found.instance.sop_instance_uid, **found.record}
    outcome = Outcome.WARNING if any(notes) else Outcome.DONE
    return Result(instance.path, record, outcome, note="; ".join(filter(None, [*notes, *doubts])))

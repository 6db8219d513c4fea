"""Many files de-identified: what ``dcmtools anonymize`` does."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.deidentification.mapping import MapFile
from dcmtools.deidentification.releasing import LEFT_OUT, SAME, Releaser
from dcmtools.errors import UsageError
from dcmtools.files.outputs import STDOUT, Causes, is_within
from dcmtools.files.source import STDIN
from dcmtools.files.work import for_each
from dcmtools.results import WARNED, Extent, Outcome, Result
from dcmtools.selection.where import chosen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dcmtools.deidentification.engine import Settings
    from dcmtools.files.outputs import Outputs
    from dcmtools.selection.where import Where

_FORCE: Final = "--force allows that"


class AnonymizeOptions(NamedTuple):
    """How to de-identify, and where to.

    Where outputs are renamed they are called by their new UIDs. ``key`` is the name of one that is kept. The
    map of patients is ``complete`` if nobody else may come. What cannot be let out goes to the folder
    ``quarantine``, where there is one. ``private`` are files that tell of patients: none of them has a place
    where outputs go, unless ``forced``. ``map_out`` is to hold what became of identifiers. In a ``dry`` run
    nothing is written; with ``explain`` each element is told of, and nothing else done. Files are worked on
    ``apart`` where that may take a process down. Those that ``where`` is not true of are left out.
    """

    outputs: Outputs
    settings: Settings
    key: str = ""
    complete: bool = False
    quarantine: str = ""
    private: tuple[str, ...] = ()
    forced: bool = False
    map_out: str = ""
    dry: bool = False
    explain: bool = False
    apart: bool = False
    where: Where | None = None

    @property
    def writes(self) -> bool:
        """Whether files are written at all."""
        return not (self.dry or self.explain)


class Totals:
    """What a run has put aside and left out: the words of the closing line."""

    def __init__(self, verb: str) -> None:
        """Begin with nothing."""
        self.extent = Extent()
        self.extent.warned = WARNED
        self._verb = verb
        self._quarantined = 0
        self._left_out = 0
        self._remarked = 0
        self._same = 0

    def add(self, result: Result) -> None:
        """Take note of ``result``."""
        if result.record.get("quarantine"):
            self._quarantined += 1
            self.extent.failed = f"{self._quarantined} of them in quarantine"
        if result.note == LEFT_OUT:
            self._left_out += 1
            self.extent.closing = f"{self._left_out} DICOMDIR left out"
        self._remarked += result.outcome is Outcome.DONE and result.note not in ("", SAME)
        self._same += result.outcome is Outcome.DONE and result.note.endswith(SAME)

    def __str__(self) -> str:
        """Return the verb, with what has no outcome of its own."""
        remarked = f"{self._remarked} with remarks" if self._remarked else ""
        same = f"{self._same} as they were there already" if self._same else ""
        return ", ".join(filter(None, (self._verb, remarked, same)))


def anonymize(
    paths: Iterable[str | Result], options: AnonymizeOptions, jobs: int, totals: Totals
) -> Iterator[Result]:
    """Yield one result per file below ``paths``; with ``explain`` one per element before that.

    What goes to standard output is in results, too. Raises UsageError where the outputs cannot be begun, and
    OutputError where the map cannot go on: what is not in it gets no name.
    """
    with ExitStack() as held:
        releaser = held.enter_context(Releaser(options))
        written = held.enter_context(MapFile(options.map_out)) if options.map_out else None
        causes = Causes(options.outputs.target)
        admitted = _admitted(paths, options)
        release = chosen(releaser.release, options.where)
        for each in for_each(admitted, release, jobs, apart=options.apart, ending=causes):
            for settled in map(causes.shared, releaser.settle(each, written)):
                totals.add(settled)
                yield settled._replace(counted=False) if settled.note == LEFT_OUT else settled
        yield from releaser.remarks()


def check_places(outputs: Outputs, quarantine: str, private: Iterable[str], *, forced: bool) -> None:
    """Raise UsageError where what tells of patients would lie among what does not."""
    if not outputs.folder:
        return
    if quarantine and is_within(quarantine, outputs.target):
        raise UsageError(f"quarantine {quarantine}: it is inside {outputs.target}, the output folder")
    for path in () if forced else private:
        if is_within(path, outputs.target):
            message = f"{path}: what tells of patients has no place in {outputs.target}, the output folder"
            raise UsageError(message, hint=_FORCE)


def _admitted(paths: Iterable[str | Result], options: AnonymizeOptions) -> Iterator[str | Result]:
    """Yield ``paths``, a failed result for those that are where something else goes, or has to stay away."""
    if options.explain:
        yield from paths
        return
    for path in options.outputs.admitted(paths):
        if not isinstance(path, Result) and (error := _misplaced(path, options)):
            yield Result.failed(path, error, {"file": path})
        else:
            yield path


def _misplaced(path: str, options: AnonymizeOptions) -> UsageError | None:
    outputs, hint = options.outputs, "originals and what is made of them are to be told apart"
    if path == STDIN:
        return None
    if outputs.folder and is_within(path, outputs.target):
        return UsageError(f"it is inside the output folder, {outputs.target}", hint=hint)
    if options.quarantine and os.path.isdir(path) and is_within(options.quarantine, path):
        return UsageError(f"the quarantine, {options.quarantine}, is inside of it", hint=hint)
    for private in options.private if outputs.in_place and not options.forced else ():
        if is_within(private, path):
            return UsageError(f"{private}, which tells of patients, is inside of it", hint=_FORCE)
    return None


def quarantine_of(outputs: Outputs) -> str:
    """Return the folder beside the one that outputs go to; empty where they go to none."""
    if not outputs.folder or outputs.target == STDOUT:
        return ""
    return f"{os.path.abspath(outputs.target)}.quarantine"

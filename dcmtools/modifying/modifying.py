"""Many files with elements set, replaced and erased: what ``dcmtools modify`` does."""

from __future__ import annotations

import os
from contextlib import nullcontext
from functools import partial
from itertools import chain
from time import monotonic
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.syntax import is_deflated
from dcmtools.encoding.tags import MEDIA_STORAGE_SOP_CLASS_UID
from dcmtools.encoding.uids import MEDIA_STORAGE_DIRECTORY
from dcmtools.errors import DcmtoolsError, Interrupted, MalformedError, Unsuitable
from dcmtools.escaping import escape
from dcmtools.files.copying import copy, write
from dcmtools.files.deflate import deflated
from dcmtools.files.inputs import BY_ITS_NAME
from dcmtools.files.part10 import part10_file
from dcmtools.files.places import BACKUP, is_backup, kept, made_of, require_none
from dcmtools.files.source import KEPT
from dcmtools.modifying.identity import followed
from dcmtools.modifying.staged import Staged, staged, zeros_behind
from dcmtools.modifying.told import Told
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from dcmtools.files.inputs import Input
    from dcmtools.files.outputs import Outputs
    from dcmtools.files.part10 import Part10File
    from dcmtools.files.places import Maker, Place
    from dcmtools.files.source import FileSource
    from dcmtools.modifying.told import Alteration, MetaStep, Step
    from dcmtools.selection.where import Where

NOTHING: Final = "nothing to change"
_REMARKS: Final = 3


class NewUids(NamedTuple):
    """UIDs that are to change: those ``given``, and those that identify the files at ``levels``.

    All of them are written to the file ``out``, if there is to be one.
    """

    levels: tuple[str, ...] = ()
    given: Mapping[str, str] = {}
    out: str = ""

    @property
    def hint(self) -> str:
        """What to do about a file that has not changed, if others refer to it by UIDs made by this run."""
        if not self.levels:
            return ""
        if self.out:
            return f"'--uid-map {self.out}' without --new-uids changes what is left to the same UIDs"
        return (
            "the files of this run refer to what is left by new UIDs, and another run makes others: do all of"
            " them again, or have --uid-map-out keep them"
        )


class ModifyOptions(NamedTuple):
    """What is to be done, one step after the other, and where files go.

    ``opening`` says what a file is. ``uids`` change after the steps. ``meta`` says what stands before data
    sets; without it only their UIDs follow. What is replaced in place is kept with ``backup`` behind its
    name, where that is not empty. In a ``dry`` run nothing is written, and each change is told. With
    ``skip_existing`` what has its file already is skipped.
    """

    outputs: Outputs
    steps: tuple[Step, ...]
    opening: Callable[[FileSource], Part10File] = part10_file
    uids: NewUids | None = None
    meta: MetaStep | None = None
    where: Where | None = None
    backup: str = ""
    skip_existing: bool = False
    dry: bool = False


class Totals:
    """What a run has changed, or why nothing was: the words of the closing line."""

    def __init__(self, options: ModifyOptions) -> None:
        """Begin with nothing."""
        self._verb = "would be modified" if options.dry else "modified"
        self._otherwise = _otherwise(options) if options.dry else ""
        self._as_it_was = 0
        self._others = False
        self._skipped: dict[str, int] = {}

    def add(self, result: Result) -> None:
        """Take note of ``result``."""
        if result.outcome is Outcome.SKIPPED and result.selected and result.counted:
            if result.note in self._skipped or len(self._skipped) < _REMARKS:
                self._skipped[result.note] = self._skipped.get(result.note, 0) + 1
        elif result.counted:
            self._others = True
        self._as_it_was += not result.counted and result.outcome is Outcome.DONE and bool(result.record)

    def __str__(self) -> str:
        """Return the verb, and how many files had nothing to be changed; why all, if all were skipped."""
        why = ""
        if self._skipped and not (self._others or self._as_it_was):
            why = f" ({'; '.join(f'{note}: {count}' for note, count in self._skipped.items())})"
        unchanged = f", {self._as_it_was} with {NOTHING}" if self._as_it_was else ""
        return self._verb + why + unchanged + self._otherwise


def _otherwise(options: ModifyOptions) -> str:
    """Return in what a run differs from the dry one."""
    if not options.uids:
        return ""
    uids = ", in a run to other UIDs than these" if options.uids.levels else ""
    return uids + (f", and {options.uids.out} is not written" if options.uids.out else "")


def modify(
    paths: Iterable[str | Result], options: ModifyOptions, jobs: int, totals: Totals
) -> Iterator[Result]:
    """Yield one result per file below ``paths``; what goes to standard output is in results, too.

    What cannot be walked or changed fails, and stays as it is. Raises UsageError and OutputError where the
    UIDs cannot be written down; nothing has changed then.
    """
    with KEPT:  # what comes through a pipe may be read twice
        steps = options.steps
        if options.uids:
            paths = list(paths)
            steps = (*steps, _renaming(paths, options.uids, options, jobs))
        work = partial(_modified, options._replace(steps=steps))
        skip, opening = options.skip_existing, options.opening
        try:
            for result in made_of(paths, options.outputs, work, jobs, skip_existing=skip, opening=opening):
                totals.add(result)
                yield result
        except Interrupted as error:
            _hint(error, options)
            raise


def _renaming(paths: list[str | Result], asked: NewUids, options: ModifyOptions, jobs: int) -> Step:
    """Return the step that changes UIDs, once they are known and written down."""
    from dcmtools.modifying import uids

    levels, given, out = asked
    collect = partial(
        uids.collected,
        paths,
        jobs=jobs,
        where=options.where,
        opening=options.opening,
        passed=_passed(options),
    )
    if given:
        uids.require_apart(given, collect(levels=("instance",)))
    found = collect(levels=levels) if levels else frozenset()
    known = uids.UidMap(given, found, os.urandom(32), instances="instance" in levels)
    if out and options.dry:
        uids.require_new(out)
    elif out:
        uids.write_uid_map(out, known)
    return partial(uids.step, known)


def _passed(options: ModifyOptions) -> Callable[[Input], bool] | None:
    """Return what tells which files are passed over by their names: backups stay as they are."""
    return partial(is_backup, suffix=options.backup) if options.outputs.in_place else None


def _hint(error: DcmtoolsError, options: ModifyOptions) -> None:
    """Have ``error`` tell what becomes of UIDs then."""
    if options.uids and not options.dry:
        error.hint = "; ".join(filter(None, (error.hint, options.uids.hint)))


def _modified(options: ModifyOptions, maker: Maker, item: Input, file: Part10File) -> Result:
    try:
        return _done(options, maker, item, file)
    except DcmtoolsError as error:
        if not isinstance(error, Unsuitable):
            _hint(error, options)
        raise


def _done(options: ModifyOptions, maker: Maker, item: Input, file: Part10File) -> Result:
    begun = monotonic()
    if options.where and not options.where.of(file, item):
        return Result.unselected(item.path)
    if (passed := _passed(options)) and passed(item):
        return Result.skipped(item.path, BACKUP, {"file": item.path})
    if file.meta_text(MEDIA_STORAGE_SOP_CLASS_UID) == MEDIA_STORAGE_DIRECTORY:
        raise Unsuitable("a DICOMDIR says where in it its records are, and is not changed", hint=BY_ITS_NAME)
    place = None if options.outputs.nowhere else maker.place(item)
    if place and not options.dry and (taken := place.taken()):
        return taken
    told = Told()
    after, zeros = _staged(file, options.steps, told)
    meta = _meta(options, file, after, told)
    if isinstance(after, Staged) and after.whole.signed:
        told.remark("it has digital signatures, which may not be valid any more")
    unchanged = meta is None and after is file
    if options.dry:
        if place and options.backup and not unchanged:
            require_none(place.path, options.backup)
        return _remarked(_listed(options, item, told), told)
    if place is None:
        message = "there is no place for the file"
        raise ValueError(message)
    if unchanged:
        return _remarked(_as_it_was(place, file, begun), told)
    keeping = kept(place.path, options.backup) if options.backup else nullcontext()
    with keeping, place.writing(file.source) as out:
        _write(out, file, after, meta, zeros)
    return _remarked(Result(item.path, _record(place, told, begun)), told)


def _remarked(result: Result, told: Told) -> Result:
    """Return ``result`` as a warning where there is something to remark."""
    if not told.remarks:
        return result
    more = len(told.remarks) - _REMARKS
    remarks = [*told.remarks[:_REMARKS], f"and {more} more" if more > 0 else "", result.note]
    note = "; ".join(filter(None, remarks))
    return result._replace(outcome=Outcome.WARNING, note=note, counted=True)


def _staged(file: Part10File, steps: Iterable[Step], told: Told) -> tuple[Part10File, int]:
    """Return ``file`` as it will be, and how many zeros follow its elements, which stay."""
    try:
        return staged(file, steps, told), 0
    except MalformedError as error:
        zeros = zeros_behind(file, error)
        if not zeros:
            raise
        file.data_set_end = error.offset
        told.clear()
        return staged(file, steps, told), zeros


def _meta(options: ModifyOptions, file: Part10File, after: Part10File, told: Told) -> bytes | None:
    """Return what is to stand before the data set, None for what does."""
    repaired = options.meta(after, told) if options.meta else None
    return repaired if repaired is not None or after is file else followed(file, after, told)


def _as_it_was(place: Place, file: Part10File, begun: float) -> Result:
    if place.outputs.in_place:
        return Result.skipped(place.item.path, NOTHING, {"file": place.item.path})
    place.copy(file.source)
    record = {**_record(place, Told(), begun), "copied": True}
    return Result(place.item.path, record, note=f"copied as it is: {NOTHING}", counted=False, weighs=True)


def _write(out: BinaryIO, file: Part10File, after: Part10File, meta: bytes | None, zeros: int) -> None:
    source, descriptor = file.source, out.fileno()
    before = source.read(0, file.data_set_offset) if meta is None else meta
    if not isinstance(after, Staged):
        write(descriptor, before)
        copy(source, file.data_set_offset, source.size - file.data_set_offset, descriptor)
    elif is_deflated(file.transfer_syntax):
        for block in chain([before], deflated(after.whole.blocks())):
            write(descriptor, block)
    else:
        after.whole.write(descriptor, before)
        write(descriptor, bytes(zeros))
    out.seek(0, os.SEEK_END)


def _record(place: Place | None, told: Told, begun: float) -> dict[str, object]:
    return {
        "file": place.item.path if place else None,
        "output": place.path if place else None,
        "altered": told.total,
        "changes": [change._asdict() for change in told],
        "copied": False,
        "elapsed_ms": round(1000 * (monotonic() - begun), 1),
    }


def _listed(options: ModifyOptions, item: Input, told: Told) -> Result:
    """Return the result that tells each change."""
    heading = f"# {escape(item.path)}\n" if options.outputs.several else ""
    lines = [_line(change) for change in told] or [f"{NOTHING}\n"]
    if told.total > len(told):
        lines.append(f"and {told.total - len(told)} more\n")
    record = {**_record(None, told, monotonic()), "file": item.path, "elapsed_ms": None}
    text = heading + "".join(lines)
    return Result(item.path, record, text=text, counted=bool(told.total), weighs=True)


def _line(change: Alteration) -> str:
    *_, last = change.path.rpartition(".")
    group, _, number = last.strip("()").partition(",")
    known = lookup(int(group + number, 16))[2] if len(group) == len(number) == 4 else ""
    old = f" [{escape(change.old)}]" if change.old or change.what == "set" else ""
    new = f" to [{escape(change.new)}]" if change.what != "erase" else ""
    return f"{' '.join(filter(None, (change.path, known)))}: {change.what}{old}{new}\n"

"""Many files with elements set, replaced and erased: what ``dcmtools modify`` does."""

from __future__ import annotations

import os
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from itertools import chain
from time import monotonic
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.syntax import is_deflated
from dcmtools.encoding.tags import MEDIA_STORAGE_SOP_CLASS_UID
from dcmtools.encoding.uids import MEDIA_STORAGE_DIRECTORY
from dcmtools.errors import (
    AlreadyThere,
    DcmtoolsError,
    Interrupted,
    MalformedError,
    OutputError,
    Unsuitable,
)
from dcmtools.escaping import escape
from dcmtools.files.copying import copy, write
from dcmtools.files.deflate import deflated
from dcmtools.files.instance import all_zero
from dcmtools.files.part10 import part10_file
from dcmtools.files.places import made_of
from dcmtools.files.source import KEPT, FileSource
from dcmtools.modifying.identity import followed
from dcmtools.modifying.staged import Staged, staged
from dcmtools.modifying.told import Told
from dcmtools.replacing import making
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from dcmtools.files.inputs import Input
    from dcmtools.files.outputs import Outputs
    from dcmtools.files.part10 import Part10File
    from dcmtools.files.places import Maker, Place
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
    """What a run has changed: the words of the closing line."""

    def __init__(self, options: ModifyOptions) -> None:
        """Begin with nothing."""
        self._verb = "would be modified" if options.dry else "modified"
        self._as_it_was = 0

    def add(self, result: Result) -> None:
        """Take note of ``result``."""
        self._as_it_was += not result.counted and result.outcome is Outcome.DONE and bool(result.record)

    def __str__(self) -> str:
        """Return the verb, and how many files had nothing to be changed."""
        return self._verb + (f", {self._as_it_was} with {NOTHING}" if self._as_it_was else "")


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
    found: frozenset[str] = frozenset()
    if levels:
        found = uids.collected(paths, levels, jobs, where=options.where, opening=options.opening)
    known = uids.UidMap(given, found, os.urandom(32))
    if out and not options.dry:
        uids.write_uid_map(out, known)
    return partial(uids.step, known)


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
    if options.backup and item.folder and item.path.endswith(options.backup):
        return Result.skipped(item.path, "by its name it is a backup", {"file": item.path})
    if file.meta_text(MEDIA_STORAGE_SOP_CLASS_UID) == MEDIA_STORAGE_DIRECTORY:
        raise Unsuitable("a DICOMDIR says where in it its records are, and is not changed")
    place = None if options.outputs.nowhere else maker.place(item)
    if place and not options.dry and (taken := place.taken()):
        return taken
    told = Told()
    after, zeros = _staged(file, options.steps, told)
    meta = _meta(options, file, after, told)
    if isinstance(after, Staged) and after.whole.signed:
        told.remark("it has digital signatures, which may not be valid any more")
    if options.dry:
        return _remarked(_listed(options, item, told), told)
    if place is None:
        message = "there is no place for the file"
        raise ValueError(message)
    if meta is None and after is file:
        return _remarked(_as_it_was(place, file, begun), told)
    kept = _kept(place.path, options.backup) if options.backup else nullcontext()
    with kept, place.writing(file.source) as out:
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
        zeros = file.source.size - error.offset
        if is_deflated(file.transfer_syntax) or zeros <= 0 or not all_zero(file.source, error.offset):
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


@contextmanager
def _kept(path: str, suffix: str) -> Iterator[None]:
    """Have the file at ``path`` under another name, too, if it is replaced in the ``with`` block."""
    backup = path + suffix
    try:
        made = _named(path, backup)
    except OSError as error:
        raise OutputError(f"{backup}: {error.strerror or error}") from error
    try:
        yield
    except BaseException:
        if made:
            with suppress(OSError):
                os.unlink(backup)
        raise


def _named(path: str, backup: str) -> bool:
    """Give the file at ``path`` a second name; return False where it has that already."""
    try:
        os.link(path, backup)
    except FileExistsError:
        if os.path.samefile(path, backup):  # by a process that died before it could go on
            return False
        hint = "move it away first; with another suffix it would be changed like any file"
        raise AlreadyThere(f"there is a file {backup} already", hint=hint) from None
    except OSError:  # there are file systems without such names
        with FileSource.open(path) as source, making(backup, mode=0o600) as out:
            copy(source, 0, source.size, out.fileno())
    return True


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

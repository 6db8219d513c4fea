"""One file de-identified, written, looked at, and then let out, or not.

It gets its name, or the place of the original, when it is whole, and when nothing that was removed has been
found in it.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryFile
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.deidentification import method
from dcmtools.deidentification.engine import Deidentifier
from dcmtools.deidentification.mapping import MissingPatient
from dcmtools.deidentification.placing import Waiting, path_below, quarantined
from dcmtools.deidentification.refusals import AlreadyDone, Leaking, Suspect
from dcmtools.deidentification.verification import Seen, leaks
from dcmtools.encoding.tags import MEDIA_STORAGE_SOP_CLASS_UID
from dcmtools.encoding.uids import MEDIA_STORAGE_DIRECTORY
from dcmtools.errors import CheckFailed, DcmtoolsError, InputError, OutputError, Unsuitable
from dcmtools.escaping import escape
from dcmtools.files.made import Made
from dcmtools.files.outputs import STDOUT, shown
from dcmtools.files.part10 import Part10File, part10_file
from dcmtools.files.source import FileSource
from dcmtools.files.values import values_of
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO, Self

    from dcmtools.deidentification.anonymizing import AnonymizeOptions
    from dcmtools.deidentification.deidentified import Deidentified
    from dcmtools.deidentification.mapping import MapFile
    from dcmtools.files.inputs import Input

LEFT_OUT: Final = (
    "a DICOMDIR is left out: it names patients and files; 'dcmtools dicomdir create' makes one of what was"
    " written"
)
_NAMED: Final = 3  # places of leaks in a message
SAME: Final = "the same was there already"
IN_PLACE: Final = "a DICOMDIR stays as it is in its place: it names patients, and files that are others now"
_FOLDER: Final = "give the folder that it is in, and the files in it are done"
_REMOVE: Final = "remove it, and have another one made of what is there; -o OUT leaves it out"
_FINISHED: Final = "finished"  # in a record on its way, where nobody else sees it
_COUNTED: Final = {"X": "removed", "Z": "emptied", "D": "replaced", "C": "cleaned", "U": "uids"}


class _Finished(NamedTuple):
    """What a process hands over: where a file waits, what it is to be called, old and new identifiers.

    ``telling`` says of what kinds that is which was removed and stands in the name.
    """

    waiting: str
    path: str
    pairs: tuple[tuple[str, str], ...]
    telling: tuple[str, ...] = ()


class Releaser:
    """What each process does with an input, and the main one with what comes of it."""

    def __init__(self, options: AnonymizeOptions) -> None:
        """Prepare the places that outputs go to; raises UsageError."""
        outputs = options.outputs
        self._options = options
        self._settings = options.settings
        self._engine = Deidentifier(options.settings)
        self._seen = Seen()
        self._doubted = False
        self._telling: list[str] = []  # the first name that holds what was removed, and of what kinds that is
        self._telling_names = 0
        with ExitStack() as held:
            self._stdout = held.enter_context(TemporaryFile())
            self._outputs = outputs._replace(made=held.enter_context(Made()))
            self._waiting: Waiting | None = None
            if options.writes and outputs.folder:
                self._waiting = held.enter_context(Waiting(outputs))
            self._held = held.pop_all()

    def __enter__(self) -> Self:
        """Use it in a ``with`` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what got no name."""
        self._held.close()

    # ---------------------------------------------------------------- in each process

    def release(self, item: Input) -> Result:
        """Return the result for ``item``, which ``settle`` is to have."""
        begun = monotonic()
        try:
            with item.open() as source:
                file = part10_file(source)
                if file.meta_text(MEDIA_STORAGE_SOP_CLASS_UID) == MEDIA_STORAGE_DIRECTORY:
                    if self._outputs.in_place:
                        raise CheckFailed(IN_PLACE, hint=_REMOVE)
                    raise Unsuitable(LEFT_OUT, hint=_FOLDER)
                if self._options.explain:
                    return self._explained(item, file)
                return self._done(item, file, begun)
        except InputError:
            raise
        except DcmtoolsError as error:  # of this file: the disk may have room for another
            return Result.failed(item.path, error, {"file": item.path})

    def _explained(self, item: Input, file: Part10File) -> Result:
        with self._engine.deidentified(file) as done:
            heading = f"# {escape(item.path)}\n" if self._outputs.several else ""
            return Result(item.path, {"file": item.path, _FINISHED: done.explained}, text=heading)

    def _done(self, item: Input, file: Part10File, begun: float) -> Result:
        outputs = self._outputs
        if outputs.in_place and self._options.writes:
            path = outputs.path_for(item)
            if outputs.made and outputs.made.has(path, item):
                note = "it was done by a process that died before it could tell"
                return Result(item.path, {"file": item.path, "output": path}, note=note)
            _check_not_done(file)
        with self._engine.deidentified(file) as done:
            if self._options.complete and not done.old_patient[0]:
                raise MissingPatient("it has no Patient ID, and so is not in the map")
            path = self._path_for(item, done)
            record = self._record(item, done, path)
            remarks = [*done.changes]
            if telling := self._in_name(item, path, done):
                remarks.append(f"its name holds what was removed: {', '.join(telling)}")
            try:
                with self._writing(path, item) as (out, waiting):
                    self._write(file, done, out, remarks, record)
            except CheckFailed as error:
                return Result.failed(item.path, error, record | {"output": None})
            pairs = tuple(_pairs(done)) if self._options.map_out else ()
        record["elapsed_ms"] = round(1000 * (monotonic() - begun), 1)
        record[_FINISHED] = _Finished(waiting, path, pairs, telling)
        outcome = Outcome.WARNING if done.warnings else Outcome.DONE
        return Result(item.path, record, outcome, note="; ".join([*done.warnings, *remarks]))

    def _path_for(self, item: Input, done: Deidentified) -> str:
        outputs = self._outputs
        if not (outputs.renamed and outputs.folder):
            return outputs.path_for(item)
        new = done.patient.id, done.study_instance_uid, done.series_instance_uid, done.sop_instance_uid
        return path_below(outputs.target, *new)

    def _in_name(self, item: Input, path: str, done: Deidentified) -> tuple[str, ...]:
        """Return of what kinds that is which was removed and stands in the name that an output has kept."""
        outputs = self._outputs
        if outputs.target == STDOUT or (outputs.renamed and outputs.folder):
            return ()
        name = os.path.relpath(path, outputs.target) if outputs.folder else os.path.basename(path)
        return tuple(done.identifiers.kinds_in(item.path if outputs.in_place else name))

    def _record(self, item: Input, done: Deidentified, path: str) -> dict[str, object]:
        counts = {name: done.actions.get(code, 0) for code, name in _COUNTED.items()}
        return {
            "file": item.path,
            "output": path,
            "quarantine": None,
            "patient_id": done.patient.id,
            "study_instance_uid": done.study_instance_uid,
            "series_instance_uid": done.series_instance_uid,
            "sop_instance_uid": done.sop_instance_uid,
            **counts,
            "methods": done.methods,
            "kept_text": done.kept_texts,
            "key": self._options.key or None,
            "verified": self._settings.verify,
            "elapsed_ms": None,
        }

    @contextmanager
    def _writing(self, path: str, item: Input) -> Iterator[tuple[BinaryIO, str]]:
        """Open what to write to, and tell what it is called until it gets its name, if it is to get one."""
        if not self._options.writes:
            with _full(), TemporaryFile() as out:
                yield out, ""
        elif path == STDOUT:
            self._stdout.seek(0)
            self._stdout.truncate()
            with _full():
                yield self._stdout, ""
        elif self._waiting:
            with self._waiting.writing() as (file, waiting):
                yield file, waiting
        else:
            with self._outputs.writing(path, item) as file:
                yield file, ""

    def _write(
        self,
        file: Part10File,
        done: Deidentified,
        out: BinaryIO,
        remarks: list[str],
        record: dict[str, object],
    ) -> None:
        """Write ``done``, and look at it; raise CheckFailed where nobody is to have it, and put it aside."""
        done.write(out)
        out.flush()
        if not file.source.unchanged():
            raise InputError("the file has changed while it was read")
        try:
            if done.telling:
                raise Leaking(f"{done.telling} that was removed from the file")
            if self._settings.verify:
                remarks += verified(done, out, self._seen)
            if done.suspect:
                raise Suspect(done.suspect, hint="--pixels says what becomes of such files")
        except CheckFailed as error:
            if self._options.writes and self._options.quarantine:
                raise self._put_aside(error, out, record) from error
            raise

    def _put_aside(self, error: CheckFailed, out: BinaryIO, record: dict[str, object]) -> CheckFailed:
        """Copy what ``error`` is about into the quarantine, and return the error that says so."""
        try:
            record["quarantine"] = path = quarantined(self._options.quarantine, out)
        except OutputError as why:
            return type(error)(f"{error.message}; it could not be put aside: {why.message}", hint=error.hint)
        return type(error)(f"{error.message}; put aside as {path}", hint=error.hint)

    # ---------------------------------------------------------------- in the main one

    def settle(self, result: Result, written: MapFile | None) -> Iterator[Result]:
        """Yield ``result`` once its file has its name, and what else is to be told of it.

        Raises OutputError where its identifiers could not be ``written``.
        """
        record = {**result.record}
        finished = record.pop(_FINISHED, None)
        raw = b"" if self._outputs.target == STDOUT else None  # nothing but the file goes there
        result = result._replace(record=record, raw=raw)
        if isinstance(finished, _Finished):
            if finished.telling:
                self._telling = self._telling or [finished.path, *finished.telling]
                self._telling_names += 1
            if written:
                yield from self._noted(result.item, written, finished)
            yield from self._let_out(result, finished)
            return
        yield result
        if isinstance(finished, list):
            for row in finished:
                yield Result(result.item, {"file": result.item, **row}, counted=False)

    def _noted(self, item: str, written: MapFile, finished: _Finished) -> Iterator[Result]:
        """Add identifiers to what is ``written``; yield a warning, the first time that they do not fit."""
        written.add(finished.pairs)
        if written.doubt and not self._doubted:
            self._doubted = True
            yield warning(item, written.doubt)

    def remarks(self) -> Iterator[Result]:
        """Yield what is to be told of the run as a whole."""
        if self._telling:
            path, *kinds = self._telling
            count = self._telling_names
            names = f"the names of {count} files, this one's first, hold" if count > 1 else "its name holds"
            yield warning(path, f"{names} what was removed: {', '.join(kinds)}")

    def _let_out(self, result: Result, finished: _Finished) -> Iterator[Result]:
        if finished.path == STDOUT and self._options.writes:
            yield from shown(result, self._stdout)
        elif self._waiting:
            try:
                if not self._waiting.name(finished.waiting, finished.path):
                    note = "; ".join(filter(None, (result.note, SAME)))
                    result = result._replace(note=note)
            except DcmtoolsError as error:
                record = {**result.record, "output": None}
                result = Result.failed(result.item, error, record)
        yield result


@contextmanager
def _full() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"temporary file: {error.strerror or error}") from error


def warning(item: str, note: str) -> Result:
    """Return what is to be told of a run, and is no result of a file."""
    return Result(item, {"file": item}, Outcome.WARNING, raw=b"", note=note, counted=False)


def _check_not_done(file: Part10File) -> None:
    """Raise AlreadyDone where ``file`` says that it is de-identified."""
    found = values_of(file, {method.REMOVED}).get(method.REMOVED)
    if found and found.texts() == ["YES"]:
        raise AlreadyDone(
            "it is marked as de-identified already, and is not done again in its place",
            hint="-o OUT de-identifies such files once more",
        )


def verified(done: Deidentified, out: BinaryIO, seen: Seen | None = None) -> list[str]:
    """Return what may be a leak in what was written to ``out``; raise Leaking where something is one.

    What was ``seen`` before is not searched again.
    """
    try:
        with FileSource.duplicate(out.fileno()) as source:
            written = Part10File(source)
            found = leaks(
                written,
                done.identifiers,
                private=done.private,
                before=done.before,
                sealed=done.sealed,
                profile=done.profile,
                seen=seen,
            )
    except InputError as error:
        raise Leaking(f"what was written cannot be read: {error.message}") from error
    certain = [f"{leak.where} ({leak.what})" for leak in found if leak.certain]
    if not certain:
        return [f"{leak.where}: {leak.what}" for leak in found]
    more = f" and {len(certain) - _NAMED} more" if len(certain) > _NAMED else ""
    raise Leaking(f"what was written does not pass: {', '.join(certain[:_NAMED])}{more}")


def _pairs(done: Deidentified) -> Iterator[tuple[str, str]]:
    """Yield old and new identifiers of patient and instances."""
    old_id, _ = done.old_patient
    if old_id:
        yield old_id, done.patient.id
    yield from done.uids.items()

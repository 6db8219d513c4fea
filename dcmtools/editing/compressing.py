"""Files put into another transfer syntax: what ``dcmtools compress`` and ``decompress`` do."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from importlib import import_module
from itertools import chain
from tempfile import TemporaryFile
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from dcmtools.codecs.registry import codec_of
from dcmtools.editing.transcoding import Asked, transcoded, verify
from dcmtools.encoding.tags import MEDIA_STORAGE_SOP_CLASS_UID, MEDIA_STORAGE_SOP_INSTANCE_UID
from dcmtools.encoding.uids import MEDIA_STORAGE_DIRECTORY
from dcmtools.errors import (
    AlreadyThere,
    DcmtoolsError,
    InputError,
    Interrupted,
    OutputError,
    Unsuitable,
)
from dcmtools.files.inputs import for_each, is_usable
from dcmtools.files.outputs import BLOCK, STDOUT, Causes, Made, Outputs, shown
from dcmtools.files.part10 import Part10File, part10_file
from dcmtools.files.source import FileSource
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from dcmtools.codecs.registry import Codec
    from dcmtools.editing.transcoding import Transcoded
    from dcmtools.files.inputs import Input

FORCE: Final = "--force writes it all the same"


class CompressOptions(NamedTuple):
    """How to compress.

    What is written is read again and compared unless that loses something, or as ``verify`` says. With
    ``force`` files that are in the transfer syntax already are done once more. ``if_smaller`` files stay as
    they are unless that makes them so. With ``skip_existing`` what has its file already is skipped.
    """

    asked: Asked
    outputs: Outputs
    verify: bool | None = None
    force: bool = False
    if_smaller: bool = False
    skip_existing: bool = False

    @property
    def verifying(self) -> bool:
        """Whether what is written is read again."""
        return self.asked.codec.lossless if self.verify is None else self.verify


class Totals:
    """What a run has written, and of what: the words of the closing line."""

    def __init__(self, verb: str) -> None:
        """Begin with nothing."""
        self._verb = verb
        self.before = 0
        self.after = 0
        self.copied = 0

    def add(self, result: Result) -> None:
        """Take the sizes of ``result``, or that it was copied."""
        if result.record.get("copied"):
            self.copied += 1
            return
        self.before += cast("int", result.record.get("input_bytes", 0))
        self.after += cast("int", result.record.get("output_bytes", 0))

    def __str__(self) -> str:
        """Return the verb, with the sizes as they are now, and how many were copied."""
        unit, size = ("MB", 1e6) if max(self.before, self.after) >= 1e6 else ("kB", 1e3)
        sizes = f" ({self.before / size:.1f} to {self.after / size:.1f} {unit})" if self.after else ""
        return self._verb + sizes + (f", {self.copied} copied" if self.copied else "")


def compress(
    paths: Iterable[str | Result], options: CompressOptions, jobs: int, totals: Totals
) -> Iterator[Result]:
    """Yield one result per file below ``paths``; what goes to standard output is in results, too.

    A codec that crashes on a file takes a worker with it, not the run.
    """
    _load(options.asked.codec)
    with TemporaryFile() as stdout, Made() as made:
        outputs = options.outputs._replace(made=made)
        asked = options.asked._replace(again=options.force)
        operation = partial(_compressed, options._replace(asked=asked, outputs=outputs), stdout)
        causes = Causes(outputs.target)
        for each in for_each(outputs.admitted(paths), operation, jobs, apart=True, ending=causes):
            result = causes.shared(each)
            if isinstance(result.error, Interrupted):  # what was being written then may be there
                result = result._replace(outcome=Outcome.UNKNOWN)
            if is_usable(result):
                totals.add(result)
                if options.outputs.target == STDOUT:
                    yield from shown(result, stdout)
            yield result._replace(raw=b"") if options.outputs.target == STDOUT else result


def _load(codec: Codec) -> None:
    """Import once, for all workers, what each needs."""
    import imagecodecs  # noqa: F401  for what follows
    import numpy as np  # noqa: F401

    if codec.module:
        import_module(f"dcmtools.codecs.{codec.module}")
    import_module("dcmtools.editing.reencoding")


def _compressed(options: CompressOptions, stdout: BinaryIO, item: Input) -> Result:
    begun = monotonic()
    try:
        with item.open() as source:
            path = options.outputs.path_for(item)
            return _Work(options, stdout, item, part10_file(source), path, begun).done()
    except InputError:
        raise
    except AlreadyThere as error:
        record = {"file": item.path}
        if options.skip_existing:
            return Result.skipped(item.path, error.message, record)
        return Result.failed(item.path, error, record)
    except DcmtoolsError as error:  # of this file: the disk may have room for another
        return Result.failed(item.path, error, {"file": item.path})


class _Work(NamedTuple):
    """A ``file`` on its way to ``path``."""

    options: CompressOptions
    stdout: BinaryIO
    item: Input
    file: Part10File
    path: str
    begun: float

    @property
    def _alone(self) -> bool:
        """Whether one file was to come of it, rather than what there is in a folder."""
        return not (self.options.outputs.folder or self.item.folder)

    def done(self) -> Result:
        """Return the result, once the file is there."""
        outputs = self.options.outputs
        if self.path != STDOUT and outputs.made and not outputs.made.claim(self.path, self.item):
            if outputs.in_place:
                note = "it is another name of a file that is done"
                return Result.skipped(self.item.path, note, {"file": self.item.path})
            raise OutputError(f"another file of this run has the name {self.path}")
        if outputs.in_place and outputs.made and outputs.made.has(self.path, self.item):
            note = "it was done by a process that died before it could tell"
            return Result(self.item.path, {"file": self.item.path, "output": self.path}, note=note)
        try:
            return self._transcoded()
        except Unsuitable as error:
            if outputs.in_place:
                return Result.skipped(self.item.path, error.message, {"file": self.item.path})
            if self.file.meta_text(MEDIA_STORAGE_SOP_CLASS_UID) != MEDIA_STORAGE_DIRECTORY:
                return self._copied(error.message)
            if self._alone:
                raise
            note = f"left out: {error.message}"  # and would tell of files that are others now
            return Result(self.item.path, {"file": self.item.path}, Outcome.WARNING, note=note)

    def _transcoded(self) -> Result:
        options, asked, file = self.options, self.options.asked, self.file
        if file.transfer_syntax == asked.codec.uid and not (options.force or asked.frames or asked.new_uid):
            raise Unsuitable(f"it is in {asked.codec.keyword} already", hint=FORCE)
        with transcoded(file, asked, remembering=options.verifying) as done:
            with self._out() as out:
                size = _written(done, out, options)
                if options.if_smaller and size >= file.source.size:
                    raise Unsuitable(f"in {asked.codec.keyword} it would have {size} bytes, which is no less")
            return self._result(done, size)

    @contextmanager
    def _out(self) -> Iterator[BinaryIO]:
        """Open what becomes of the file, if that stays as it is until it has been read."""
        if self.path == STDOUT:
            self.stdout.seek(0)
            self.stdout.truncate()
            try:
                yield self.stdout
            except OSError as error:
                raise OutputError(f"temporary file: {error.strerror}") from error
            return
        with self.options.outputs.writing(self.path, self.item) as out:
            yield out
            if not self.file.source.unchanged():
                raise InputError("the file has changed while it was read")

    def _copied(self, why: str) -> Result:
        """Copy the file as it is; where it is the only one, that is said aloud."""
        source = self.file.source
        with self._out() as out:
            _write(
                out, (source.read(at, min(BLOCK, source.size - at)) for at in range(0, source.size, BLOCK))
            )
        outcome = Outcome.WARNING if self._alone else Outcome.DONE
        note = f"copied as it is: {why}"
        record = self._record(None, source.size)
        return Result(self.item.path, record, outcome, note=note, counted=False, weighs=True)

    def _result(self, done: Transcoded, size: int) -> Result:
        record = self._record(done, size)
        if done.warnings:
            return Result(self.item.path, record, Outcome.WARNING, note="; ".join(done.warnings))
        return Result(self.item.path, record, note="; ".join(done.changes))

    def _record(self, done: Transcoded | None, size: int) -> dict[str, object]:
        """Return the fields of what was ``done``, None where it was copied."""
        file = self.file
        source = codec_of(file.transfer_syntax)
        name = source.name if source else file.transfer_syntax
        codec = done.asked.codec if done else None
        verified = "samples" if codec and codec.lossless else "decoded"
        return {
            "file": self.item.path,
            "output": self.path,
            "from": name,
            "to": codec.name if codec else name,
            "transfer_syntax_uid": codec.uid if codec else file.transfer_syntax,
            "sop_instance_uid": done.sop_instance_uid
            if done
            else file.meta_text(MEDIA_STORAGE_SOP_INSTANCE_UID),
            "frames": len(done.chosen) if done else None,
            "input_bytes": file.source.size,
            "output_bytes": size,
            "ratio": round(done.ratio, 3) if done and done.ratio else None,
            "verified": verified if done and self.options.verifying else None,
            "copied": done is None,
            "changes": done.changes if done else [],
            "elapsed_ms": round(1000 * (monotonic() - self.begun), 1),
        }


def _written(done: Transcoded, out: BinaryIO, options: CompressOptions) -> int:
    """Write ``done`` to ``out``, look at it again if that is wanted, and return the number of bytes."""
    _write(out, chain([done.meta], done.blocks()))
    if options.verifying:
        with FileSource.duplicate(out.fileno()) as source:
            verify(done, Part10File(source))
    return out.tell()


def _write(out: BinaryIO, blocks: Iterable[bytes]) -> None:
    out.writelines(blocks)
    out.flush()

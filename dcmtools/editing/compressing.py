"""Files put into another transfer syntax: what ``dcmtools compress`` and ``decompress`` do."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from tempfile import TemporaryFile
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from dcmtools.codecs.registry import codec_of
from dcmtools.editing.transcoding import Asked, transcoded, verify
from dcmtools.errors import DcmtoolsError, InputError, OutputError, Unsuitable
from dcmtools.files.inputs import for_each, is_usable
from dcmtools.files.outputs import STDOUT, Made, Outputs, shown
from dcmtools.files.part10 import Part10File
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
    ``force`` files that are in the transfer syntax already are done once more.
    """

    asked: Asked
    outputs: Outputs
    verify: bool | None = None
    force: bool = False

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

    def add(self, result: Result) -> None:
        """Take the sizes of ``result``."""
        self.before += cast("int", result.record.get("input_bytes", 0))
        self.after += cast("int", result.record.get("output_bytes", 0))

    def __str__(self) -> str:
        """Return the verb, with the sizes as they are now."""
        if not self.after:
            return self._verb
        return f"{self._verb} ({self.before / 1e6:.1f} to {self.after / 1e6:.1f} MB)"


def compress(
    paths: Iterable[str | Result], options: CompressOptions, jobs: int, totals: Totals
) -> Iterator[Result]:
    """Yield one result per file below ``paths``; what goes to standard output is in results, too.

    A codec that crashes on a file takes a worker with it, not the run.
    """
    _load(options.asked.codec)
    with TemporaryFile() as stdout, Made() as made:
        outputs = options.outputs._replace(made=made)
        operation = partial(_compressed, options._replace(outputs=outputs), stdout)
        for result in for_each(outputs.admitted(paths), operation, jobs, apart=True):
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
            return _done(options, stdout, item, Part10File(source), begun)
    except InputError:
        raise
    except DcmtoolsError as error:  # of this file: the disk may have room for another
        return Result.failed(item.path, error, {"file": item.path})


def _done(options: CompressOptions, stdout: BinaryIO, item: Input, file: Part10File, begun: float) -> Result:
    outputs, asked = options.outputs, options.asked
    path = outputs.path_for(item)
    if outputs.in_place and outputs.made and outputs.made.has(path, item):
        note = "it was done by a process that died before it could tell"
        return Result(item.path, {"file": item.path, "output": path}, note=note)
    if file.transfer_syntax == asked.codec.uid and not (options.force or asked.frames or asked.new_uid):
        return _already(outputs, item, asked.codec)
    try:
        with transcoded(file, asked, remembering=options.verifying) as done:
            if path == STDOUT:
                stdout.seek(0)
                size = _written(done, stdout, options)
            else:
                with outputs.writing(path, item) as out:
                    size = _written(done, out, options)
                    if not file.source.unchanged():
                        raise InputError("the file has changed while it was read")
            return _result(item, file, done, begun, path, size, verified=options.verifying)
    except Unsuitable as error:
        if outputs.target == STDOUT or (not outputs.folder and not outputs.in_place and not item.folder):
            raise  # one file was to come of it
        return Result.skipped(item.path, error.message, {"file": item.path})


def _already(outputs: Outputs, item: Input, codec: Codec) -> Result:
    message = f"it is in {codec.keyword} already"
    if not (outputs.folder or outputs.in_place or item.folder):
        raise Unsuitable(message, hint=FORCE)
    return Result.skipped(item.path, message, {"file": item.path})


def _written(done: Transcoded, out: BinaryIO, options: CompressOptions) -> int:
    """Write ``done`` to ``out``, look at it again if that is wanted, and return the number of bytes."""
    try:
        out.write(done.meta)
        out.writelines(done.blocks())
        out.flush()
    except OSError as error:
        raise OutputError(error.strerror or str(error)) from error
    if options.verifying:
        with FileSource.duplicate(out.fileno()) as source:
            verify(done, Part10File(source))
    return out.tell()


def _result(
    item: Input, file: Part10File, done: Transcoded, begun: float, path: str, size: int, *, verified: bool
) -> Result:
    source = codec_of(file.transfer_syntax)
    before = file.source.size
    record = {
        "file": item.path,
        "output": path,
        "from": source.name if source else file.transfer_syntax,
        "to": done.asked.codec.name,
        "transfer_syntax_uid": done.asked.codec.uid,
        "sop_instance_uid": done.sop_instance_uid,
        "frames": len(done.chosen),
        "input_bytes": before,
        "output_bytes": size,
        "ratio": round(before / size, 3),
        "verified": verified,
        "changes": done.changes,
        "elapsed_ms": round(1000 * (monotonic() - begun), 1),
    }
    if done.warnings:
        return Result(item.path, record, Outcome.WARNING, note="; ".join(done.warnings))
    return Result(item.path, record, note="; ".join(done.changes))

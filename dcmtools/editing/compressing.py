"""Files put into another transfer syntax: what ``dcmtools compress`` and ``decompress`` do."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from itertools import chain
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from dcmtools.codecs.registry import codec_of
from dcmtools.editing.transcoding import Asked, transcoded, verify
from dcmtools.encoding.tags import MEDIA_STORAGE_SOP_CLASS_UID, MEDIA_STORAGE_SOP_INSTANCE_UID
from dcmtools.encoding.uids import MEDIA_STORAGE_DIRECTORY
from dcmtools.errors import (
    Unsuitable,
)
from dcmtools.files.part10 import Part10File
from dcmtools.files.places import made_of
from dcmtools.files.source import FileSource
from dcmtools.files.work import is_usable
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from dcmtools.codecs.registry import Codec
    from dcmtools.editing.transcoding import Transcoded
    from dcmtools.files.inputs import Input
    from dcmtools.files.outputs import Outputs
    from dcmtools.files.places import Maker, Place
    from dcmtools.selection.where import Where

FORCE: Final = "--force writes it all the same"


class CompressOptions(NamedTuple):
    """How to compress.

    What is written is read again and compared unless that loses something, or as ``verify`` says. With
    ``force`` files that are in the transfer syntax already are done once more. ``if_smaller`` files stay as
    they are unless that makes them so. With ``skip_existing`` what has its file already is skipped. Files
    that ``where`` is not true of are left out.
    """

    asked: Asked
    outputs: Outputs
    verify: bool | None = None
    force: bool = False
    if_smaller: bool = False
    skip_existing: bool = False
    where: Where | None = None

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
    asked = options.asked._replace(again=options.force)
    work = partial(_compressed, options._replace(asked=asked))
    for result in made_of(
        paths, options.outputs, work, jobs, skip_existing=options.skip_existing, apart=True
    ):
        if is_usable(result):
            totals.add(result)
        yield result


def _load(codec: Codec) -> None:
    """Import once, for all workers, what each needs."""
    import imagecodecs  # noqa: F401  for what follows
    import numpy as np  # noqa: F401

    if codec.module:
        import_module(f"dcmtools.codecs.{codec.module}")
    import_module("dcmtools.editing.reencoding")


def _compressed(options: CompressOptions, maker: Maker, item: Input, file: Part10File) -> Result:
    begun = monotonic()
    if options.where and not options.where.of(file, item):
        return Result.unselected(item.path)
    return _Work(options, maker.place(item), file, begun).done()


class _Work(NamedTuple):
    """A ``file`` on its way to its ``place``."""

    options: CompressOptions
    place: Place
    file: Part10File
    begun: float

    def done(self) -> Result:
        """Return the result, once the file is there."""
        if taken := self.place.taken():
            return taken
        item = self.place.item
        try:
            return self._transcoded()
        except Unsuitable as error:
            if self.place.outputs.in_place:
                return Result.skipped(item.path, error.message, {"file": item.path})
            if self.file.meta_text(MEDIA_STORAGE_SOP_CLASS_UID) != MEDIA_STORAGE_DIRECTORY:
                return self._copied(error.message)
            if self.place.alone:
                raise
            note = f"left out: {error.message}"  # and would tell of files that are others now
            return Result(item.path, {"file": item.path}, Outcome.WARNING, note=note)

    def _transcoded(self) -> Result:
        options, asked, file = self.options, self.options.asked, self.file
        if file.transfer_syntax == asked.codec.uid and not (options.force or asked.frames or asked.new_uid):
            raise Unsuitable(f"it is in {asked.codec.keyword} already", hint=FORCE)
        with transcoded(file, asked, remembering=options.verifying) as done:
            with self.place.writing(file.source) as out:
                size = _written(done, out, options)
                if options.if_smaller and size >= file.source.size:
                    raise Unsuitable(f"in {asked.codec.keyword} it would have {size} bytes, which is no less")
            return self._result(done, size)

    def _copied(self, why: str) -> Result:
        """Copy the file as it is; where it is the only one, that is said aloud."""
        self.place.copy(self.file.source)
        outcome = Outcome.WARNING if self.place.alone else Outcome.DONE
        note = f"copied as it is: {why}"
        record = self._record(None, self.file.source.size)
        return Result(self.place.item.path, record, outcome, note=note, counted=False, weighs=True)

    def _result(self, done: Transcoded, size: int) -> Result:
        record = self._record(done, size)
        if done.warnings:
            return Result(self.place.item.path, record, Outcome.WARNING, note="; ".join(done.warnings))
        return Result(self.place.item.path, record, note="; ".join(done.changes))

    def _record(self, done: Transcoded | None, size: int) -> dict[str, object]:
        """Return the fields of what was ``done``, None where it was copied."""
        file = self.file
        source = codec_of(file.transfer_syntax)
        name = source.name if source else file.transfer_syntax
        codec = done.asked.codec if done else None
        verified = "samples" if codec and codec.lossless else "decoded"
        return {
            "file": self.place.item.path,
            "output": self.place.path,
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

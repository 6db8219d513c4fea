"""Multi-frame files taken apart: what ``dcmtools split`` does."""

from __future__ import annotations

import os
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from dcmtools.conversion.described import name
from dcmtools.conversion.frames import Frames
from dcmtools.encoding.syntax import is_deflated
from dcmtools.encoding.tags import MEDIA_STORAGE_SOP_CLASS_UID
from dcmtools.encoding.uids import MEDIA_STORAGE_DIRECTORY, uid_name
from dcmtools.errors import InputError, Unsuitable
from dcmtools.files.copying import copy, write
from dcmtools.files.deflate import deflated
from dcmtools.files.inputs import BY_ITS_NAME, NAMED_AS_DICOM
from dcmtools.files.parts import Parts
from dcmtools.files.places import made_of
from dcmtools.files.work import is_usable
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from dcmtools.conversion.frames import Frame
    from dcmtools.editing.frame_selection import Selection
    from dcmtools.files.inputs import Input
    from dcmtools.files.outputs import Outputs
    from dcmtools.files.part10 import Part10File
    from dcmtools.files.places import Maker
    from dcmtools.selection.template import Template
    from dcmtools.selection.where import Where

FRAME: Final = "frame"
"""The word of a template that stands for the number of the frame."""
_DIGITS: Final = 4
_MOST_ERRORS: Final = 1000  # of a file; whoever lies about that many frames has none of the others, either


class SplitOptions(NamedTuple):
    """Which frames to make files of, and where these go.

    Without ``frames`` it is all of them. Files are named by a ``template``, or by their file and number. With
    ``keep_class`` a frame stays what the image was. With ``skip_existing`` what is there already stays. Files
    that ``where`` is not true of are left out.
    """

    outputs: Outputs
    frames: Selection | None = None
    template: Template | None = None
    keep_class: bool = False
    skip_existing: bool = False
    where: Where | None = None


class Totals:
    """How many frames a run has made files of: the words of the closing line."""

    def __init__(self) -> None:
        """Begin with none."""
        self._frames = 0
        self._copied = 0
        self._unnamed = 0

    def add(self, result: Result) -> None:
        """Take note of ``result``."""
        self._copied += bool(result.record.get("copied"))
        self._unnamed += bool(result.record.get("missing"))
        self._frames += cast("int", result.record.get("written") or 0)

    def __str__(self) -> str:
        """Return how many frames there are, how many files were copied, and which have names with gaps."""
        frames = f" into {self._frames} frame{'s' * (self._frames != 1)}"
        copied = f", {self._copied} copied" if self._copied else ""
        unnamed = f", {self._unnamed} without values that their names want" if self._unnamed else ""
        return "split" + (frames if self._frames else "") + copied + unnamed


def split(
    paths: Iterable[str | Result], options: SplitOptions, jobs: int, totals: Totals
) -> Iterator[Result]:
    """Yield one result per file below ``paths``; what goes to standard output is in results, too."""
    work = partial(_split, options)
    for result in made_of(paths, options.outputs, work, jobs, skip_existing=options.skip_existing):
        if is_usable(result):
            totals.add(result)
        yield result


def _split(options: SplitOptions, maker: Maker, item: Input, file: Part10File) -> Result:
    begun = monotonic()
    if options.where and not options.where.of(file, item):
        return Result.unselected(item.path)
    if file.meta_text(MEDIA_STORAGE_SOP_CLASS_UID) == MEDIA_STORAGE_DIRECTORY:
        raise Unsuitable("a DICOMDIR says which files there are, and is not split", hint=BY_ITS_NAME)
    work = _Work(options, item, file, Parts(maker, item, file.source), {})
    try:
        frames = Frames(file, keep_class=options.keep_class)
    except Unsuitable as error:
        return work.copied(error.message, begun)
    return work.done(frames, begun)


class _Work(NamedTuple):
    """The ``parts`` of a ``file`` on their way; ``missing`` are the names of fields that had no value."""

    options: SplitOptions
    item: Input
    file: Part10File
    parts: Parts
    missing: dict[str, None]

    def done(self, frames: Frames, begun: float) -> Result:
        """Return the result, once each frame has its file."""
        count, asked = len(frames), self.options.frames
        chosen = asked.of(count) if asked else range(count)
        if not (self.options.outputs.folder or self.item.folder) and len(chosen) > 1:
            target = self.options.outputs.target
            hint = "--frames chooses one; a folder takes all"
            raise InputError(f"{target} takes one frame, and there are {len(chosen)}", hint=hint)
        for index in chosen:
            self._one(frames, index, count)
            if len(self.parts.errors) >= _MOST_ERRORS:
                break
        record = {
            **self._record(frames.becoming.sop_class_uid, begun),
            "frames": count,
            "series_instance_uid": frames.series_uid,
        }
        return self._remarked(self.parts.result(record), frames)

    def _one(self, frames: Frames, index: int, count: int) -> None:
        try:
            frame = frames.frame(index)
            path = self._name(frame, index + 1, count)
        except InputError as error:
            self.parts.failed(error)
            return
        self.parts.make(path, partial(_write, frame))

    def _name(self, file: Part10File, number: int, count: int) -> str:
        """Return the name of a file below the target: that of one frame, or of all there is."""
        template, outputs = self.options.template, self.options.outputs
        if template:
            named = template.named(file, self.item, {FRAME: str(number)})
            self.missing.update(dict.fromkeys(named.missing))
            return named.path
        whole = outputs.name_below(self.item)
        if count == 1 and file is self.file:
            return whole
        stem, ending = os.path.splitext(whole)
        stem = stem if ending.lower() in NAMED_AS_DICOM else whole
        return f"{stem}-{number:0{max(_DIGITS, len(str(count)))}}.dcm"

    def copied(self, why: str, begun: float) -> Result:
        """Copy the file as it is."""
        if self.options.frames:
            self.options.frames.of(1)
        path = self._name(self.file, 1, 1)
        self.parts.make(path, lambda out: copy(self.file.source, 0, self.file.source.size, out.fileno()))
        record = {**self._record("", begun), "frames": 1, "copied": True, "written": 0}
        result = self.parts.result(record, f"copied as it is: {why}")
        if result.outcome is not Outcome.DONE:
            return result
        return result._replace(counted=False, weighs=True)

    def _record(self, sop_class_uid: str, begun: float) -> dict[str, object]:
        paths = self.parts.paths
        return {
            "file": self.item.path,
            "output": os.path.dirname(paths[0]) if len(paths) > 1 else "".join(paths),
            "outputs": paths,
            "frames": 0,
            "written": len(paths),
            "there": self.parts.kept,
            "sop_class_uid": sop_class_uid,
            "series_instance_uid": "",
            "copied": False,
            "missing": list(self.missing),
            "elapsed_ms": round(1000 * (monotonic() - begun), 1),
        }

    def _remarked(self, result: Result, frames: Frames) -> Result:
        """Return ``result`` as a warning where something is lost, or not known."""
        remarks = list(frames.remarks)
        if frames.lacking:
            wanting = ", ".join(map(name, frames.lacking))
            remarks.append(f"nothing tells {wanting}, as {uid_name(frames.becoming.sop_class_uid)} has to")
        if self.missing:
            remarks.append(f"no value for {', '.join(self.missing)}")
        if not remarks or not is_usable(result):
            return result
        note = "; ".join(filter(None, (*remarks, result.note)))
        return result._replace(outcome=Outcome.WARNING, note=note)


def _write(frame: Frame, out: BinaryIO) -> None:
    descriptor = out.fileno()
    if is_deflated(frame.transfer_syntax):
        write(descriptor, frame.before)
        for block in deflated(frame.whole.blocks()):
            write(descriptor, block)
    else:
        frame.whole.write(descriptor, frame.before)
    out.seek(0, os.SEEK_END)

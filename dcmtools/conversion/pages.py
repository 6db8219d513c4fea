"""Several pictures as the frames of one image: what ``dcmtools wrap --multi-frame`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dcmtools.conversion.captured import described, frame_of
from dcmtools.conversion.kinds import IMAGES, SOUGHT, found
from dcmtools.conversion.numbering import first_number, ordered, series_of
from dcmtools.conversion.objects import (
    MULTI_FRAME_BYTE,
    MULTI_FRAME_COLOUR,
    MULTI_FRAME_WORD,
    capture,
    summary,
)
from dcmtools.conversion.written import finish, write_frames
from dcmtools.encoding.dataset import made
from dcmtools.errors import DcmtoolsError, InputError, OutputError, Unsuitable
from dcmtools.files.source import KEPT
from dcmtools.files.work import for_each, is_usable
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dcmtools.conversion.captured import Frame
    from dcmtools.conversion.wrapping import WrapOptions
    from dcmtools.encoding.dataset import DataSet
    from dcmtools.files.inputs import Input


def together(paths: Sequence[str | Result], options: WrapOptions, jobs: int) -> Iterator[Result]:
    """Yield one result for each picture below ``paths``, all of them frames of one Secondary Capture image.

    Nothing is written where one of them is no picture, or not like the others, as a frame would be missing.
    """
    with KEPT:  # as each is opened twice
        looked: dict[str, Result] = {}
        failed: list[Result] = []
        for each in for_each(paths, _looked, jobs, apart=True, sought=SOUGHT):
            if is_usable(each):
                looked[each.item] = each
            else:
                failed += [each] if each.error else []
                yield each
        items = [item for item in ordered(paths) if item.path in looked]
        frames = {path: cast("Frame", each.record["frame"]) for path, each in looked.items()}
        for item in items if not failed else ():
            if unlike := _unlike(frames[items[0].path], frames[item.path]):
                failed.append(Result.failed(item.path, unlike, {"file": item.path}))
                yield failed[-1]
        if failed or not items:
            gone = {each.item for each in failed}
            yield from _kept_back([item for item in items if item.path not in gone])
        else:
            yield from _made(items, looked, frames, options)


def _looked(item: Input) -> Result:
    """Return what a picture is like, its samples left out: once it could be decoded, it can be again."""
    with item.open() as source:
        what = found(source, item.path)
        if what.kind not in IMAGES:
            raise Unsuitable(f"{what.kind.upper()} is no picture, of which frames are made")
        frame = frame_of(what)
        record = {"kind": what.kind, "frame": frame._replace(data=b"")}
        return Result(item.path, record, note="; ".join((*what.warnings, *frame.warnings)))


def _unlike(first: Frame, other: Frame) -> InputError | None:
    """Return what keeps a frame from being one of an image that begins with ``first``."""
    if first.samples > 1 and first.bits > 8:
        return InputError("colours of 16 bits have no place in a multi-frame Secondary Capture image")
    both = [
        (each.rows, each.columns, each.samples, each.bits, each.photometric, each.syntax)
        for each in (first, other)
    ]
    if both[0] != both[1]:
        return InputError(
            "it is not like the first picture, in size, colours or compression: frames are alike"
        )
    return None


def _kept_back(items: Sequence[Input]) -> Iterator[Result]:
    """Yield failed results for pictures that could have been frames."""
    error = InputError("no image was made of it, as another frame would be missing")
    for item in items:
        yield Result.failed(item.path, error, {"file": item.path})


def _made(
    items: Sequence[Input], looked: dict[str, Result], frames: dict[str, Frame], options: WrapOptions
) -> Iterator[Result]:
    all_frames = [frames[item.path] for item in items]
    like = all_frames[0]._replace(lossless=all(frame.lossless for frame in all_frames))
    ratio = sum(frame.raw_bytes for frame in all_frames) / sum(frame.compressed for frame in all_frames)
    data_set = _image(like, len(items), options)
    data_set.update(described(like, ratio))
    at: list[Input] = []
    try:
        finish(data_set, options.values)
        for item in items:  # none of which may be what is written
            options.outputs.path_for(item._replace(folder=""))
        with options.outputs.writing(options.outputs.target, items[0]) as out:
            write_frames(out, data_set, _read(items, like, at), like, len(items))
    except (OutputError, InputError) as error:
        # What is wrong with the output is so for all of them.
        mine = at[-1:] if isinstance(error, InputError) and at else items
        yield from (Result.failed(item.path, error, {"file": item.path}) for item in mine)
        yield from _kept_back([item for item in items if item not in mine])
        return
    except DcmtoolsError as error:
        yield from (Result.failed(item.path, error, {"file": item.path}) for item in items)
        return
    for item in items:
        result = looked[item.path]
        record = summary(data_set, item.path, options.outputs.target, str(result.record["kind"]), len(items))
        yield Result(item.path, record, Outcome.WARNING if result.note else Outcome.DONE, note=result.note)


def _read(items: Sequence[Input], like: Frame, at: list[Input]) -> Iterator[Frame]:
    """Yield the frames, ``at`` the item whose turn it is."""
    for item in items:
        at.append(item)
        with item.open() as source:
            frame = frame_of(found(source))
            if not source.unchanged() or _unlike(like, frame):
                raise InputError("the file has changed while it was read")
            yield frame


def _image(frame: Frame, count: int, options: WrapOptions) -> DataSet:
    """Return what there is to say of the image, but for its pixels (PS3.3 A.8.2 to A.8.5, C.7.6.6)."""
    sop_class = MULTI_FRAME_BYTE if frame.bits <= 8 else MULTI_FRAME_WORD
    if frame.samples > 1:
        sop_class = MULTI_FRAME_COLOUR
    series = series_of(options.origin, options.title)
    data_set = capture(series, first_number(options.origin), sop_class=sop_class)
    data_set.update(made(NumberOfFrames=count))
    if count > 1:
        pages = list(range(1, count + 1))
        data_set.update(made(FrameIncrementPointer="(0018,2001)", PageNumberVector=pages))
    return data_set

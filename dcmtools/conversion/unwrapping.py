"""Documents and pictures taken out of DICOM files: what ``dcmtools unwrap`` does."""

from __future__ import annotations

import os
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.codecs.frames import pixel_data
from dcmtools.conversion.pictures import PICTURE_ENDINGS, picture
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.tags import MEDIA_STORAGE_SOP_INSTANCE_UID
from dcmtools.encoding.values import numbers
from dcmtools.errors import InputError, Unsuitable
from dcmtools.files.copying import copy
from dcmtools.files.outputs import STDOUT, Endings
from dcmtools.files.parts import Parts
from dcmtools.files.places import made_of
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from dcmtools.codecs.frames import PixelData
    from dcmtools.editing.frame_selection import Selection
    from dcmtools.encoding.element import Element
    from dcmtools.encoding.walker import Walker
    from dcmtools.files.inputs import Input
    from dcmtools.files.outputs import Outputs
    from dcmtools.files.part10 import Part10File
    from dcmtools.files.places import Maker
    from dcmtools.selection.where import Where

_DOCUMENT: Final = 0x00420011
_MIME_TYPE: Final = 0x00420012
_LENGTH: Final = 0x00420015
_LONGEST: Final = 1024
_OTHER: Final = ".bin"
_ENDINGS: Final = {
    "application/pdf": ".pdf",
    "text/xml": ".xml",
    "application/xml": ".xml",
    "model/stl": ".stl",
    "model/x.stl-binary": ".stl",
    "application/sla": ".stl",
    "model/obj": ".obj",
    "model/mtl": ".mtl",
    "application/prs.genozip": ".genozip",
    "application/prs.vcfbzip2": ".vcf.bz2",
}
_SAME: Final = {".jpg": (".jpeg", ".jpe", ".jfif"), ".j2k": (".j2c", ".jpc"), ".xml": (".cda",)}
# Kinds whose last byte is never NUL, so that one which is there is padding.
_TEXTS: Final = (".pdf", ".xml", ".obj", ".mtl")


class UnwrapOptions(NamedTuple):
    """Where files go, and which ``frames`` of images become some: all, unless they are chosen."""

    outputs: Outputs
    frames: Selection | None = None
    skip_existing: bool = False
    where: Where | None = None


class Document(NamedTuple):
    """An encapsulated document: where its bytes are in the source of ``walker``, and how its file ends.

    ``remark`` says what is wrong with its length.
    """

    walker: Walker
    offset: int
    length: int
    mime_type: str
    ending: str
    remark: str = ""


def unwrap(paths: Iterable[str | Result], options: UnwrapOptions, jobs: int) -> Iterator[Result]:
    """Yield one result per file below ``paths``, and what goes to standard output."""
    work = partial(_unwrapped, options)
    yield from made_of(paths, options.outputs, work, jobs, skip_existing=options.skip_existing, apart=True)


def _unwrapped(options: UnwrapOptions, maker: Maker, item: Input, file: Part10File) -> Result:
    if options.where and not options.where.of(file, item):
        return Result.unselected(item.path)
    parts = Parts(maker, item, file.source)
    record: dict[str, object] = {
        "file": item.path,
        "outputs": [],
        "mime_type": None,
        "frames": None,
        "sop_instance_uid": file.meta_text(MEDIA_STORAGE_SOP_INSTANCE_UID),
    }
    document = document_in(file)
    if document:
        parts.make(_name(maker, item, document.ending), partial(_write, document))
        record["mime_type"] = document.mime_type
        remarks = filter(None, (document.remark, _misnamed(maker, item, document.ending)))
        return _warned(parts.result(record), "; ".join(remarks))
    try:
        data = pixel_data(file)
    except Unsuitable:
        message = "it holds neither a document nor a picture"
        raise Unsuitable(message) from None
    return _pictures(options, maker, parts, file, data, record)


def document_in(file: Part10File) -> Document | None:
    """Return the document that ``file`` holds (PS3.3 C.24.2), None where it holds none."""
    found: Element | None = None
    values: dict[int, bytes] = {}
    walker = file.walk(stop=_LENGTH + 1, shallow=True)
    for element in walker:
        tag, vr, _, offset, length, depth = element
        if depth or not vr:
            continue
        if tag == _DOCUMENT:
            found = element
        elif tag in (_MIME_TYPE, _LENGTH):
            values[tag] = walker.value(offset, min(length, _LONGEST))
    if found is None:
        return None
    _, _, _, offset, length, _ = found
    if length == UNDEFINED:
        raise InputError("its document is in fragments, against PS3.3 C.24.2")
    mime_type = values.get(_MIME_TYPE, b"").decode("latin-1").strip(" \0")
    ending = _ENDINGS.get(mime_type.lower(), _OTHER)
    told = [int(each) for each in numbers("UL", values.get(_LENGTH, b""), walker.order)]
    document = Document(walker, offset, length, mime_type, ending)
    last = walker.source.read(offset + length - 1, 1) if length else b""
    if told and (told[0] == length or (told[0] == length - 1 and last in (b"\0", b" "))):
        return document._replace(length=told[0])
    wrong = f"its length is given as {told[0]} bytes, of {length}" if told else ""
    if ending in _TEXTS and last == b"\0":
        return document._replace(length=length - 1, remark=wrong)
    if last == b"\0" and ending == _OTHER and not told:
        wrong = "its exact length is not given: the NUL at its end may be padding"
    return document._replace(remark=wrong)


def _write(document: Document, out: BinaryIO) -> None:
    copy(document.walker.source, document.offset, document.length, out.fileno())


def _pictures(
    options: UnwrapOptions,
    maker: Maker,
    parts: Parts,
    file: Part10File,
    data: PixelData,
    record: dict[str, object],
) -> Result:
    item = parts.item
    chosen = options.frames.of(len(data)) if options.frames else range(len(data))
    if len(chosen) > 1 and not (maker.outputs.folder or item.folder):
        message = f"{maker.outputs.target} takes one frame, and there are {len(chosen)}"
        raise InputError(message, hint="--frames chooses one; a folder takes all")
    digits = max(4, len(str(len(data))))
    remarks: dict[str, None] = {}
    warnings: dict[str, None] = {}
    done = 0
    for index in chosen:
        try:
            made = picture(file, data, index)
        except InputError as error:
            parts.failed(error)
            continue
        number = f"-{index + 1:0{digits}}" if len(data) > 1 else ""
        name = _name(maker, item, f"{number}{made.ending}")
        done += parts.make(name, partial(_put, made.data))
        remarks |= dict.fromkeys(filter(None, [made.remark]))
        warnings |= dict.fromkeys(filter(None, [made.warning, _misnamed(maker, item, made.ending)]))
    if parts.errors and not parts.paths:
        record = {"file": item.path}
    else:
        record["frames"] = done
    return _warned(parts.result(record, "; ".join(remarks)), "; ".join(warnings))


def _put(data: bytes, out: BinaryIO) -> None:
    out.write(data)


def _name(maker: Maker, item: Input, ending: str) -> str:
    """Return how a file made of ``item`` is called below the target."""
    return maker.outputs._replace(endings=Endings(ending)).name_below(item)


def _misnamed(maker: Maker, item: Input, ending: str) -> str:
    """Return what to say where the name of the one output is that of another kind of file."""
    target = maker.outputs.target
    named = os.path.splitext(target)[1].lower()
    if maker.outputs.folder or item.folder or target == STDOUT or named in (ending, *_SAME.get(ending, ())):
        return ""
    known = {*_ENDINGS.values(), *PICTURE_ENDINGS, *chain.from_iterable(_SAME.values())}
    return f"by its bytes it is {ending[1:].upper()}, not what its name says" if named in known else ""


def _warned(result: Result, remark: str) -> Result:
    """Return ``result`` with what is to be told of what was done."""
    if not remark or result.outcome is not Outcome.DONE:
        return result
    note = "; ".join(filter(None, (result.note, remark)))
    return result._replace(outcome=Outcome.WARNING, note=note)

"""Data sets around frames and documents as files: what is long goes by in blocks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from dcmtools.codecs.encapsulating import Encapsulated
from dcmtools.codecs.settings import Settings
from dcmtools.encoding.dataset import DataSet, encode, made, text
from dcmtools.encoding.putting import put
from dcmtools.encoding.syntax import EXPLICIT, EXPLICIT_VR_LITTLE_ENDIAN
from dcmtools.encoding.tags import PIXEL_DATA, SOP_CLASS_UID, SOP_INSTANCE_UID, SPECIFIC_CHARACTER_SET
from dcmtools.encoding.values import CHARSET_VRS
from dcmtools.encoding.writing import header
from dcmtools.errors import InputError, UsageError
from dcmtools.files.copying import copy
from dcmtools.files.meta import file_meta

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import BinaryIO

    from dcmtools.conversion.captured import Frame
    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.files.source import FileSource

_DOCUMENT: Final = 0x00420011
_LARGEST: Final = 0xFFFFFFFE
_NO_LENGTH: Final = b"\xff\xff\xff\xff"


def finish(data_set: DataSet, values: Sequence[tuple[TagPath, str]]) -> None:
    """Put in what the user says, and name the character set; raises UsageError for what has no place."""
    for path, value in values:
        try:
            put(data_set, path, value)
        except ValueError as error:
            message = f"-k {error}"
            raise UsageError(message) from None
    if SPECIFIC_CHARACTER_SET not in data_set and not _is_ascii(data_set):
        data_set[SPECIFIC_CHARACTER_SET] = ("CS", b"ISO_IR 192")


def _is_ascii(data_set: DataSet) -> bool:
    return all(
        all(map(_is_ascii, value)) if isinstance(value, list) else vr not in CHARSET_VRS or value.isascii()
        for vr, value in data_set.values()
    )


def write_frames(out: BinaryIO, data_set: DataSet, frames: Iterable[Frame], like: Frame, count: int) -> None:
    """Write a data set with ``count`` frames, all ``like`` one, as its pixel data; one is in memory."""
    start, end = _around(data_set, PIXEL_DATA, like.syntax)
    if like.syntax != EXPLICIT_VR_LITTLE_ENDIAN:
        out.writelines((start, header(PIXEL_DATA, "OB", EXPLICIT)[0], _NO_LENGTH))
        with Encapsulated(Settings()) as held:
            for frame in frames:
                held.add(frame.data)
            out.writelines(held.blocks())
        out.write(end)
        return
    length = like.raw_bytes * count
    if length > _LARGEST:
        raise InputError(f"{count} frames of {like.raw_bytes} bytes are too many for DICOM, which has 4 GiB")
    out.write(start + _header(PIXEL_DATA, "OB" if like.allocated == 8 else "OW", length))
    for frame in frames:
        out.write(frame.data)
    out.write(b"\0" * (length % 2) + end)


def write_document(out: BinaryIO, data_set: DataSet, source: FileSource) -> None:
    """Write a data set with the bytes of ``source`` as its document, which are never in memory."""
    if source.size > _LARGEST:
        raise InputError(f"a document of {source.size} bytes is too long for DICOM, which has 4 GiB")
    data_set.update(made(EncapsulatedDocumentLength=source.size))
    start, end = _around(data_set, _DOCUMENT, EXPLICIT_VR_LITTLE_ENDIAN)
    out.write(start + _header(_DOCUMENT, "OB", source.size))
    out.flush()
    copy(source, 0, source.size, out.fileno())
    out.seek(0, os.SEEK_END)
    out.writelines([b"\0" * (source.size % 2), end])


def _header(tag: int, vr: str, length: int) -> bytes:
    head, size = header(tag, vr, EXPLICIT)
    return head + (length + length % 2).to_bytes(size, "little")


def _around(data_set: DataSet, tag: int, syntax: str) -> tuple[bytes, bytes]:
    """Return a file as it is before and behind the element ``tag``, which is not in the data set yet."""
    before, after = DataSet(), DataSet()
    for each, element in data_set.items():
        (before if each < tag else after)[each] = element
    try:
        charset = before.get(SPECIFIC_CHARACTER_SET, ("", b""))[1]
        meta = file_meta(text(data_set, SOP_CLASS_UID), text(data_set, SOP_INSTANCE_UID), syntax)
        around = charset if isinstance(charset, bytes) else b""
        return meta + encode(before, EXPLICIT), encode(after, EXPLICIT, around)
    except ValueError as error:
        raise InputError(str(error)) from None

"""Preamble and file meta information put right from the data set (PS3.10 7.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.charset import unpadded
from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.implementation import IMPLEMENTATION_CLASS_UID
from dcmtools.encoding.syntax import NATIVE, is_deflated
from dcmtools.encoding.tags import (
    MEDIA_STORAGE_SOP_CLASS_UID,
    MEDIA_STORAGE_SOP_INSTANCE_UID,
    PIXEL_DATA,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    TRANSFER_SYNTAX_UID,
    format_tag,
)
from dcmtools.encoding.uids import is_standard, is_uid, uid_name
from dcmtools.errors import InputError
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.meta import carried, file_meta
from dcmtools.files.part10 import META, META_OFFSET, PREFIX_OFFSET
from dcmtools.files.values import values_of
from dcmtools.modifying.identity import preamble_of
from dcmtools.modifying.told import Alteration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.files.part10 import Meta, Part10File
    from dcmtools.files.source import FileSource
    from dcmtools.modifying.told import Told

_VERSION: Final = 0x00020001
_IMPLEMENTATION: Final = 0x00020012
_PREAMBLE: Final = "preamble"


def opened(source: FileSource) -> LenientFile:
    """Return ``source`` as a file whose preamble and file meta information may be missing or wrong.

    Its transfer syntax is the one that its data set is encoded in, whatever is declared. Raises NotDicom
    where nothing looks like a data set, and InputError where it is not certain what is which.
    """
    file = LenientFile(source)
    file.notices = False
    require_certain(file)
    return file


def require_certain(file: LenientFile) -> None:
    """Raise InputError for what is wrong with ``file`` itself, but for a transfer syntax wrongly declared."""
    for problem in file.own:
        is_guess = file.guessed and not problem.path and problem.offset == file.data_set_offset
        if problem.serious and not is_guess:
            raise InputError(f"cannot be repaired: {problem}")
    if not file.transfer_syntax:
        raise InputError("cannot be repaired: no transfer syntax is encoded as its data set is")
    if file.guessed and file.transfer_syntax in NATIVE:
        require_native(file)


def require_native(file: Part10File) -> None:
    """Raise InputError where the pixel data of ``file`` is encapsulated, nobody knows how."""
    for tag, vr, _, _, length, _ in file.walk(stop=PIXEL_DATA + 1, shallow=True):
        if tag == PIXEL_DATA and length == UNDEFINED and vr != "SQ":
            message = f"{format_tag(tag)}: nothing tells how its frames are compressed"
            raise InputError(f"cannot be repaired: {message}")


def fixed(file: Part10File, told: Told) -> bytes | None:
    """Return preamble, prefix and file meta information as the data set has it; None where they are right.

    What the data set does not tell stays: who sent it, and what is private. Raises InputError where there is
    no SOP Class or SOP Instance UID to be found.
    """
    if _is_native(file):
        syntax = uid_name(file.transfer_syntax)
        told.remark(
            f"its pixel data is not encapsulated, as it is in {syntax}: who wrote it has to say how it is"
        )
    found = values_of(file, (SOP_CLASS_UID, SOP_INSTANCE_UID))
    right = {TRANSFER_SYNTAX_UID: file.transfer_syntax}
    for name, tag, meta in (
        ("SOP Class UID", SOP_CLASS_UID, MEDIA_STORAGE_SOP_CLASS_UID),
        ("SOP Instance UID", SOP_INSTANCE_UID, MEDIA_STORAGE_SOP_INSTANCE_UID),
    ):
        values = found[tag].texts() if tag in found else []
        uid = values[0] if values else file.meta_text(meta)
        if not is_uid(uid):
            raise InputError(f"{format_tag(tag)}: there is no {name}, which the file meta information names")
        right[meta] = uid
    wrong = sorted(_wrong(file, right))
    if not wrong:
        return None
    has_prefix = file.head[PREFIX_OFFSET:META_OFFSET] == b"DICM"
    preamble = preamble_of(file, told) if has_prefix else bytes(PREFIX_OFFSET)
    for each in wrong:
        told.append(each)
    ours = file_meta(
        right[MEDIA_STORAGE_SOP_CLASS_UID],
        right[MEDIA_STORAGE_SOP_INSTANCE_UID],
        file.transfer_syntax,
        carried=_carried(file.meta),
    )
    return preamble + ours[PREFIX_OFFSET:]


def _is_native(file: Part10File) -> bool:
    """Tell pixel data that is there as in no file of the transfer syntax, which encapsulates it."""
    if (
        file.transfer_syntax in NATIVE
        or is_deflated(file.transfer_syntax)
        or not is_standard(file.transfer_syntax)
    ):
        return False
    return any(
        tag == PIXEL_DATA and vr and not depth and length != UNDEFINED
        for tag, vr, _, _, length, depth in file.walk(stop=PIXEL_DATA + 1, shallow=True)
    )


def _carried(meta: Meta) -> bytes:
    """Return what is to stay of ``meta``, in order; raise InputError where something would be lost."""
    kept: Meta = []
    for each in sorted(meta):
        (tag, vr, at, value, length, depth), raw = each
        if kept and kept[-1][0][0] == tag:
            if kept[-1][1] != raw:
                raise InputError(f"{format_tag(tag)}: it stands twice, with different values")
            continue
        known = lookup(tag)[0]
        kept.append(((tag, vr if known == "UN" else known, at, value, length, depth), raw))
    try:
        return carried(kept)
    except ValueError as error:
        raise InputError(f"the file meta information cannot be kept: {error}") from None


def _wrong(file: Part10File, right: dict[int, str]) -> Iterator[Alteration]:
    """Yield what is wrong before the data set of ``file``."""
    if file.head[PREFIX_OFFSET:META_OFFSET] != b"DICM":
        yield Alteration(_PREAMBLE, "meta", "", "preamble and prefix DICM")
    values = {element[0]: raw for element, raw in file.meta}
    for tag, uid in right.items():
        old = unpadded(values.get(tag, b""))
        if old != uid:
            yield Alteration(format_tag(tag), "meta", old, uid)
    if not _is_length_right(file):
        what = str(int.from_bytes(values[META], "little")) if META in values else ""
        yield Alteration(format_tag(META), "meta", what, "the length of the group")
    if values.get(_VERSION, b"")[1:2] != b"\1":
        yield Alteration(format_tag(_VERSION), "meta", values.get(_VERSION, b"").hex(), "0001")
    if not is_uid(unpadded(values.get(_IMPLEMENTATION, b""))):
        old = unpadded(values.get(_IMPLEMENTATION, b""))
        yield Alteration(format_tag(_IMPLEMENTATION), "meta", old, IMPLEMENTATION_CLASS_UID)
    yield from _wrong_elements(file.meta)


def _wrong_elements(meta: Meta) -> Iterator[Alteration]:
    """Yield what is wrong with the elements whatever their values: their order, their VRs."""
    last = 0
    for (tag, vr, *_), _ in meta:
        if tag <= last:
            what = "twice" if tag == last else f"behind {format_tag(last)}"
            yield Alteration(format_tag(tag), "meta", what, "in order")
        known = lookup(tag)[0]
        if known not in (vr, "UN"):
            yield Alteration(format_tag(tag), "meta", vr, known)
        last = max(last, tag)


def _is_length_right(file: Part10File) -> bool:
    """Tell whether the first meta element says where the data set begins."""
    if not file.meta:
        return False
    (tag, _, _, offset, length, _), raw = file.meta[0]
    return tag == META and offset + length + int.from_bytes(raw, "little") == file.data_set_offset

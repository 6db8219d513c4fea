"""Data sets in memory as files (PS3.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.codecs.registry import codec_of
from dcmtools.encoding.checking import faults
from dcmtools.encoding.dataset import DataSet, Fragments, encode, text
from dcmtools.encoding.dictionary import name_of
from dcmtools.encoding.element import SHORT_VRS
from dcmtools.encoding.forms import no_place
from dcmtools.encoding.syntax import EXPLICIT, EXPLICIT_VR_LITTLE_ENDIAN, encoding_of, is_deflated
from dcmtools.encoding.tags import (
    MEDIA_STORAGE_SOP_CLASS_UID,
    MEDIA_STORAGE_SOP_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    SPECIFIC_CHARACTER_SET,
    TRANSFER_SYNTAX_UID,
)
from dcmtools.encoding.uids import is_transfer_syntax, is_uid
from dcmtools.encoding.values import BULK_VRS, CHARSET_VRS
from dcmtools.encoding.writing import LONGEST_SHORT
from dcmtools.errors import InputError
from dcmtools.files.deflate import deflated
from dcmtools.files.meta import file_meta

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIXEL_DATA: Final = 0x7FE00010
_CARRIED: Final = 0x00020016
_UTF_8: Final = b"ISO_IR 192"
_ITEM: Final = b"\xfe\xff\x00\xe0"
_END: Final = b"\xfe\xff\xdd\xe0\0\0\0\0"
_OLD_PRIVATE: Final = (1, 3, 5, 7)
_SHOWN: Final = 3


class Made(NamedTuple):
    """A file: the ``blocks`` it is made of, what it says of itself, and what is to be told of it."""

    blocks: list[bytes]
    sop_instance_uid: str
    transfer_syntax: str
    warnings: list[str]


def file_of(data_set: DataSet, asked: str = "", *, strict: bool = False) -> Made:
    """Return ``data_set``, with elements of group 0002 in it, as a file.

    Its transfer syntax is the one ``asked`` for, else that of (0002,0010), else Explicit VR Little Endian. It
    is changed on the way. Values that are not of their VR, and whatever else PS3.5 and PS3.6 have otherwise,
    are warnings, or errors where it is to be ``strict``. Raises InputError where no file can be made of it.
    """
    try:
        meta = _without_meta(data_set)
        for each in _everywhere(data_set):
            _check_places(each)
        warnings = [*_uids_known(data_set, meta), *_left_out(data_set)]
        syntax = _syntax(data_set, text(meta, TRANSFER_SYNTAX_UID), asked, warnings)
        _settle_character_set(data_set, warnings)
        found = list(faults(data_set))
        if found and strict:
            _fail(_several(found))
        warnings += [_several(found)] if found else []
        encoding = encoding_of(syntax)
        if encoding.explicit:
            _as_unknown(data_set)
        body = encode(data_set, encoding)
        carried = encode(_carried(meta), EXPLICIT)
    except ValueError as error:
        raise InputError(str(error)) from None
    uid = text(data_set, SOP_INSTANCE_UID) or text(meta, MEDIA_STORAGE_SOP_INSTANCE_UID)
    sop_class = text(data_set, SOP_CLASS_UID) or text(meta, MEDIA_STORAGE_SOP_CLASS_UID)
    head = file_meta(sop_class, uid, syntax, carried=carried)
    blocks = [head, *(deflated([body]) if is_deflated(syntax) else [body])]
    return Made(blocks, uid, syntax, warnings)


def _fail(message: str) -> None:
    raise ValueError(message)


def _several(found: list[str]) -> str:
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return "; ".join(found[:_SHOWN]) + more


def _everywhere(data_set: DataSet) -> Iterator[DataSet]:
    yield data_set
    for _, value in data_set.values():
        if isinstance(value, list):
            for item in value:
                yield from _everywhere(item)


def _without_meta(data_set: DataSet) -> DataSet:
    """Take group 0002 out of ``data_set``, and group lengths, which would be wrong."""
    meta = DataSet()
    for tag in [tag for tag in data_set if tag >> 16 == 2]:
        meta[tag] = data_set.pop(tag)
    for each in _everywhere(data_set):
        for tag in [tag for tag in each if not tag & 0xFFFF and tag >> 16 > 2]:
            del each[tag]
    return meta


def _check_places(data_set: DataSet) -> None:
    for tag in data_set:
        if tag >> 16 in _OLD_PRIVATE:  # PS3.5 7.8.1 forbids them, but they are read as any other
            continue
        if reason := no_place(tag):
            _fail(f"{name_of(tag)}: {reason}")


def _uids_known(data_set: DataSet, meta: DataSet) -> list[str]:
    """Fail where an instance does not say what it is; return what of the meta says otherwise."""
    warnings = []
    for tag, of_meta in (
        (SOP_CLASS_UID, MEDIA_STORAGE_SOP_CLASS_UID),
        (SOP_INSTANCE_UID, MEDIA_STORAGE_SOP_INSTANCE_UID),
    ):
        own, other = text(data_set, tag), text(meta, of_meta)
        if not own and not other:
            _fail(f"{name_of(tag)} is missing, without which there is no file")
        if own and other and own != other:
            warnings.append(f"{name_of(of_meta)} is not {name_of(tag)}, and is now")
    return warnings


def _carried(meta: DataSet) -> DataSet:
    """Return the elements of ``meta`` that are not about how a file is written, and by whom."""
    kept = DataSet()
    for tag, (vr, value) in meta.items():
        if isinstance(value, list):
            _fail(f"{name_of(tag)}: a sequence has no place in file meta information")
        if tag >= _CARRIED:
            kept[tag] = (vr, value)
    return kept


def _left_out(data_set: DataSet) -> Iterator[str]:
    """Tell of bulk values that are empty, as they are where whoever made the JSON has left them out."""
    bulk = BULK_VRS - {"UN"}
    for each in _everywhere(data_set):
        found = [name_of(tag) for tag, (vr, value) in each.items() if vr in bulk and not value]
        if found:
            yield f"without a value, as where it was left out: {_several(found)}"
            return


# -------------------------------------------------------------------- pixel data


def _syntax(data_set: DataSet, named: str, asked: str, warnings: list[str]) -> str:
    """Return the transfer syntax to write, in which pixel data has to be; make items of what is some."""
    for each in _everywhere(data_set):
        vr, value = each.get(_PIXEL_DATA, ("", b""))
        if isinstance(value, bytes) and (items := _items(value)) is not None:
            each[_PIXEL_DATA] = (vr, items)
    value = data_set.get(_PIXEL_DATA, ("", b""))[1]
    if named and not is_uid(named):
        _fail(f"TransferSyntaxUID (0002,0010): {named[:100]!r} is no UID")
    if named and not asked and not is_transfer_syntax(named):
        warnings.append(f"{named} is no transfer syntax of PS3.6, and others may not read it")
    syntax = asked or named or EXPLICIT_VR_LITTLE_ENDIAN
    is_items, wanted = isinstance(value, Fragments), _is_encapsulated(syntax)
    if value and is_items and not (asked or named):
        _fail("Pixel Data is encapsulated, and (0002,0010) does not say how; --transfer-syntax can")
    if value and is_items and named and asked not in ("", named):
        _fail(f"Pixel Data is in {named}, and stays so; 'dcmtools compress' and 'decompress' change that")
    if value and is_items != wanted:
        how = "encapsulated" if is_items else "not encapsulated"
        _fail(f"Pixel Data is {how}, as it cannot be in {syntax}; 'dcmtools compress' writes others")
    if not value and wanted and _PIXEL_DATA in data_set:
        warnings.append(f"without a value of Pixel Data it is not in {syntax} but Explicit VR Little Endian")
        return EXPLICIT_VR_LITTLE_ENDIAN
    return syntax


def _is_encapsulated(syntax: str) -> bool:
    codec = codec_of(syntax)
    # PS3.5 A.4: whatever is not among the few that are native.
    return codec.encapsulated if codec else not is_deflated(syntax)


def _items(value: bytes) -> Fragments | None:
    """Return ``value`` as items without a delimiter, if it is nothing but whole items (PS3.5 A.4)."""
    if isinstance(value, Fragments):
        return value
    at = 0
    while value[at : at + 4] == _ITEM and at + 8 <= len(value):
        at += 8 + int.from_bytes(value[at + 4 : at + 8], "little")
    if at and (at == len(value) or value[at:] == _END):
        return Fragments(value[:at])
    return None


# -------------------------------------------------------------------- text


def _settle_character_set(data_set: DataSet, warnings: list[str]) -> None:
    """Have text that takes more than ASCII in UTF-8 where no character set is named."""
    if SPECIFIC_CHARACTER_SET in data_set:
        return
    if any(_is_beyond_ascii(each) for each in _everywhere(data_set)):
        data_set[SPECIFIC_CHARACTER_SET] = ("CS", _UTF_8)
        warnings.append("Specific Character Set is ISO_IR 192 now, as text is not ASCII")


def _is_beyond_ascii(data_set: DataSet) -> bool:
    return any(
        vr in CHARSET_VRS and isinstance(value, bytes) and not value.isascii()
        for vr, value in data_set.values()
    )


def _as_unknown(data_set: DataSet) -> None:
    """Have what is too long for its header under VR UN (PS3.5 6.2.2)."""
    for each in _everywhere(data_set):
        for tag, (vr, value) in each.items():
            if vr in SHORT_VRS and len(value) > LONGEST_SHORT:
                each[tag] = ("UN", value)

"""Preamble and file meta information of a file that is to be written (PS3.10 7.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dcmtools.encoding.syntax import EXPLICIT
from dcmtools.encoding.tags import format_tag
from dcmtools.encoding.writing import element
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.files.part10 import Meta

_VERSION: Final = element(0x00020001, "OB", b"\0\1", EXPLICIT)


_SOURCE: Final = 0x00020016


def file_meta(
    sop_class_uid: str,
    sop_instance_uid: str,
    transfer_syntax_uid: str,
    source_aet: str = "",
    *,
    carried: bytes = b"",
) -> bytes:
    """Return the bytes before the data set: a zero preamble, the prefix and group 0002.

    Without a ``source_aet`` it does not say where the data set came from; ``carried`` are the elements of
    another file that say that and more. Raises InputError where a value is not ASCII or longer than 65534
    bytes.
    """
    elements = _VERSION
    elements += _element(0x00020002, "UI", sop_class_uid)
    elements += _element(0x00020003, "UI", sop_instance_uid)
    elements += _element(0x00020010, "UI", transfer_syntax_uid)
    elements += _element(0x00020012, "UI", IMPLEMENTATION_CLASS_UID)
    elements += _element(0x00020013, "SH", IMPLEMENTATION_VERSION_NAME)
    if source_aet:
        elements += _element(_SOURCE, "AE", source_aet)
    elements += carried
    return (
        bytes(128)
        + b"DICM"
        + element(0x00020000, "UL", len(elements).to_bytes(4, "little"), EXPLICIT)
        + elements
    )


def carried(meta: Meta) -> bytes:
    """Return those elements of ``meta`` that are not about how a file is written, and by whom."""
    return b"".join([element(tag, vr, raw, EXPLICIT) for (tag, vr, *_), raw in meta if tag >= _SOURCE])


def _element(tag: int, vr: str, text: str) -> bytes:
    try:
        return element(tag, vr, text.encode("ascii"), EXPLICIT)
    except UnicodeEncodeError:
        raise InputError(f"{format_tag(tag)}: {text[:100]!r} is not ASCII") from None
    except ValueError as error:
        raise InputError(f"{format_tag(tag)}: {error}") from None

"""Data elements and items as bytes (PS3.5 section 7)."""

from __future__ import annotations

import re
from functools import lru_cache
from struct import pack
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.dictionary import lookup, on_change
from dcmtools.encoding.element import SHORT_VRS
from dcmtools.encoding.tags import SEQUENCE_DELIMITER, is_creator, is_private
from dcmtools.encoding.values import BULK_VRS, NUMBERS, TEXT_VRS

if TYPE_CHECKING:
    from dcmtools.encoding.syntax import Encoding

LONGEST_SHORT: Final = 65534
"""The most bytes that an explicit header with a 16-bit length can announce, as values are of even length."""
_VR: Final = "[A-Z]{2}"
_NO_LENGTH: Final = b"\xff\xff\xff\xff"
_ITEM: Final = {"<": b"\xfe\xff\x00\xe0", ">": b"\xff\xfe\xe0\x00"}


def element(tag: int, vr: str, value: bytes, encoding: Encoding) -> bytes:
    """Return an element: its header and ``value``, in the byte order of ``encoding``, padded to even length.

    The value of a sequence are its items. Raises ValueError where the value is too long for the length field
    of ``vr``, and what ``header`` raises.
    """
    head, size = header(tag, vr, encoding)
    if len(value) & 1:
        value += padding(vr, 1)
    try:
        return head + len(value).to_bytes(size, "big" if encoding.big else "little") + value
    except OverflowError:
        raise ValueError(_too_long(vr, len(value), size)) from None


def item(body: bytes, encoding: Encoding) -> bytes:
    """Return an item around the elements ``body`` (PS3.5 7.5); raise ValueError from 4 GiB on."""
    try:
        return _ITEM[encoding.order] + len(body).to_bytes(4, "big" if encoding.big else "little") + body
    except OverflowError:
        raise ValueError(_too_long("SQ", len(body), 4)) from None


def encapsulated(tag: int, vr: str, items: bytes, encoding: Encoding) -> bytes:
    """Return the element ``tag`` of ``items`` with undefined length and its delimiter (PS3.5 A.4)."""
    return header(tag, vr, encoding)[0] + _NO_LENGTH + items + delimiter(SEQUENCE_DELIMITER, encoding)


def delimited(tag: int, items: bytes, encoding: Encoding) -> bytes:
    """Return the sequence ``tag`` of ``items`` with undefined length and its delimiter (PS3.5 7.5.2)."""
    return encapsulated(tag, "SQ", items, encoding)


def delimiter(tag: int, encoding: Encoding) -> bytes:
    """Return the delimiter ``tag`` of a sequence or an item of undefined length."""
    return pack(f"{encoding.order}HHL", tag >> 16, tag & 0xFFFF, 0)


def padded(vr: str, raw: bytes) -> bytes:
    """Return the value ``raw`` in an even number of bytes (PS3.5 6.2)."""
    return raw + padding(vr, len(raw)) if len(raw) & 1 else raw


def padding(vr: str, length: int) -> bytes:
    """Return what makes a value of ``length`` bytes even: nothing, a space, or NUL where it is no text."""
    if length % 2 == 0:
        return b""
    return b" " if vr in TEXT_VRS and vr != "UI" else b"\0"


@lru_cache(maxsize=8192)  # bounded, as a hostile file can have any tag
def header(tag: int, vr: str, encoding: Encoding) -> tuple[bytes, int]:
    """Return an element's header up to the length, and how many bytes the length takes (PS3.5 7.1).

    Raises ValueError where ``vr`` is none, and where VRs are implicit for one under which the bytes mean
    something else than under that of the dictionary, by which whoever reads them has to go.
    """
    if vr not in NUMBERS and vr not in TEXT_VRS and not re.fullmatch(_VR, vr):
        message = f"{vr!r} is not a value representation"
        raise ValueError(message)
    number = pack(f"{encoding.order}HH", tag >> 16, tag & 0xFFFF)
    if encoding.explicit:
        return (number + vr.encode(), 2) if vr in SHORT_VRS else (number + vr.encode() + b"\0\0", 4)
    known = lookup(tag)[0]
    if is_creator(tag) and vr == "SQ":
        message = "a sequence stands where a private creator should, which would be read as LO"
        raise ValueError(message)
    if not is_private(tag) and not any(_reads_as(vr, other) for other in known.split(" or ")):
        message = f"VR {vr} contradicts {known} of PS3.6, by which implicit VRs are read"
        raise ValueError(message)
    return number, 4


on_change(header.cache_clear)


def _reads_as(vr: str, other: str) -> bool:
    """Tell whether the bytes of a value of ``vr`` are those of the same value of ``other``."""
    if "SQ" in (vr, other):
        return other in {vr, "UN"}
    return vr in BULK_VRS or other in BULK_VRS or _form(vr) == _form(other)


def _form(vr: str) -> str:
    return "text" if vr in TEXT_VRS else NUMBERS.get(vr, vr)


def _too_long(vr: str, length: int, size: int) -> str:
    most = "4 GiB" if size > 2 else f"{LONGEST_SHORT} where VRs are explicit"
    return f"{length} bytes are too many for VR {vr}, which holds at most {most}"

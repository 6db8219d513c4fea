"""Preamble and file meta information of a file that is to be written (PS3.10 7.1)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from dcmtools.encoding.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

_SHORT: Final = Struct("<HH2sH")
_LONG: Final = Struct("<HH2sxxL")


def file_meta(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str, source_aet: str) -> bytes:
    """Return the bytes before the data set: a zero preamble, the prefix and group 0002.

    Raises UnicodeEncodeError where a value is not ASCII, struct.error where it is longer than 65534 bytes.
    """
    elements = _LONG.pack(2, 1, b"OB", 2) + b"\0\1"
    elements += _element(0x02, b"UI", sop_class_uid)
    elements += _element(0x03, b"UI", sop_instance_uid)
    elements += _element(0x10, b"UI", transfer_syntax_uid)
    elements += _element(0x12, b"UI", IMPLEMENTATION_CLASS_UID)
    elements += _element(0x13, b"SH", IMPLEMENTATION_VERSION_NAME)
    elements += _element(0x16, b"AE", source_aet)
    length = _SHORT.pack(2, 0, b"UL", 4) + len(elements).to_bytes(4, "little")
    return bytes(128) + b"DICM" + length + elements


def _element(number: int, vr: bytes, text: str) -> bytes:
    value = text.encode("ascii")
    if len(value) % 2:
        value += b"\0" if vr == b"UI" else b" "
    return _SHORT.pack(2, number, vr, len(value)) + value

"""Tags, and how they are written."""

from __future__ import annotations

from typing import Final

ITEM: Final = 0xFFFEE000
ITEM_DELIMITER: Final = 0xFFFEE00D
SEQUENCE_DELIMITER: Final = 0xFFFEE0DD
MEDIA_STORAGE_SOP_CLASS_UID: Final = 0x00020002
MEDIA_STORAGE_SOP_INSTANCE_UID: Final = 0x00020003
TRANSFER_SYNTAX_UID: Final = 0x00020010
LENGTH_TO_END: Final = 0x00080001
SPECIFIC_CHARACTER_SET: Final = 0x00080005
SOP_CLASS_UID: Final = 0x00080016
SOP_INSTANCE_UID: Final = 0x00080018
PATIENT_ID: Final = 0x00100020
STUDY_INSTANCE_UID: Final = 0x0020000D
SERIES_INSTANCE_UID: Final = 0x0020000E
PIXEL_REPRESENTATION: Final = 0x00280103
PIXEL_DATA: Final = 0x7FE00010
DIGITAL_SIGNATURES: Final = 0xFFFAFFFA


def format_tag(tag: int) -> str:
    """Return ``tag`` as ``(gggg,eeee)``, the one form in which tags are printed."""
    return f"({tag >> 16:04x},{tag & 0xFFFF:04x})"


def is_private(tag: int) -> bool:
    """Tell whether ``tag`` has an odd group number (PS3.5 7.8)."""
    return bool(tag & 0x10000)


def is_retired_length(tag: int) -> bool:
    """Tell whether ``tag`` says how long others are together: a Group Length (PS3.5 7.2), Length to End."""
    return tag & 0xFFFF == 0 or tag == LENGTH_TO_END


def is_creator(tag: int) -> bool:
    """Tell whether ``tag`` reserves a block of private elements (PS3.5 7.8.1)."""
    return is_private(tag) and 0x10 <= tag & 0xFFFF <= 0xFF

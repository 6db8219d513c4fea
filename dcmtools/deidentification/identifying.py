"""Attributes that PS3.15 Table E.1-1 does not list, and that tell who somebody is all the same.

Retired ones of orders, birth dates in other calendars, what places and devices are called, comments: their
like is in the table. Text that is not here stays, and is searched and told of.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class _Kind(NamedTuple):
    """The options by which attributes stay, and by which they are cleaned."""

    retain: str = ""
    clean: str = ""


_ALWAYS: Final = _Kind()
_DATE: Final = _Kind(retain="dates")
_DEVICE: Final = _Kind(retain="device")
_INSTITUTION: Final = _Kind(retain="institution")
_WORDS: Final = _Kind(clean="descriptors")

# X where nothing requires them, Z where something may want them to be there, D to have a value.
_ROWS: Final[dict[int, tuple[str, _Kind]]] = {
    # of patients, and of what is theirs
    0x00100033: ("X", _ALWAYS),  # Patient's Birth Date in Alternative Calendar
    0x00100034: ("X", _DATE),  # Patient's Death Date in Alternative Calendar
    0x00102295: ("D", _ALWAYS),  # Breed Registration Number
    0x00880130: ("Z", _ALWAYS),  # Storage Media File-set ID
    0x20000050: ("X", _ALWAYS),  # Film Session Label
    0x4010101A: ("X", _ALWAYS),  # Boarding Pass ID
    0x40101051: ("X", _ALWAYS),  # Itinerary ID
    # of orders, and of documents
    0x00401006: ("X", _ALWAYS),  # Placer Order Number / Procedure
    0x00401007: ("X", _ALWAYS),  # Filler Order Number / Procedure
    0x00402006: ("X", _ALWAYS),  # Placer Order Number / Imaging Service Request, retired
    0x00402007: ("X", _ALWAYS),  # Filler Order Number / Imaging Service Request, retired
    0x0040A224: ("X", _ALWAYS),  # Identification Description (Trial)
    0x0040A992: ("X", _ALWAYS),  # Uniform Resource Locator (Trial)
    0x0040E001: ("D", _ALWAYS),  # HL7 Instance Identifier
    0x00420010: ("Z", _ALWAYS),  # Document Title
    0x40080103: ("X", _ALWAYS),  # Reference to Recorded Sound
    # of other people
    0x00140100: ("Z", _ALWAYS),  # Component Welder IDs
    0x00720008: ("D", _ALWAYS),  # Hanging Protocol Creator
    0x00720010: ("X", _ALWAYS),  # Hanging Protocol User Group Name
    0x0074100C: ("X", _ALWAYS),  # Contact Display Name
    0x21000010: ("X", _ALWAYS),  # Print Job ID
    0x21000160: ("X", _ALWAYS),  # Owner ID
    # of places
    0x00400031: ("D", _INSTITUTION),  # Local Namespace Entity ID
    0x00400032: ("D", _INSTITUTION),  # Universal Entity ID
    # of devices
    0x00181003: ("X", _DEVICE),  # Device ID
    0x00181006: ("X", _DEVICE),  # Grid ID
    0x00181803: ("X", _DEVICE),  # NTP Source Address
    0x00440012: ("X", _DEVICE),  # Substance Administration Device ID
    0x01000426: ("X", _DEVICE),  # Authorization Equipment Certification Number
    0x21100030: ("X", _DEVICE),  # Printer Name
    0x21100099: ("X", _DEVICE),  # Print Queue ID
    0x30020020: ("Z", _DEVICE),  # Radiation Machine Name
    # what people say
    0x00080418: ("Z", _WORDS),  # Transaction Status Comment
    0x0018991A: ("X", _WORDS),  # Instruction Performance Comment
    0x0022112C: ("D", _WORDS),  # Calculation Comment
    0x00240044: ("X", _WORDS),  # Comments on Patient's Performance of Visual Field
    0x00400400: ("X", _WORDS),  # Comments on the Scheduled Procedure Step
    0x00401060: ("X", _WORDS),  # Requested Procedure Description (Trial)
    0x0040A33A: ("X", _WORDS),  # Report Status Comment (Trial)
    0x00440003: ("X", _WORDS),  # Approval Status Further Description
    0x00440011: ("X", _WORDS),  # Substance Administration Notes
    0x00440106: ("X", _WORDS),  # Assertion Comments
    0x00660004: ("X", _WORDS),  # Surface Comments
    0x00741006: ("Z", _WORDS),  # Procedure Step Progress Description
    0x00741238: ("Z", _WORDS),  # Reason For Cancellation
    0x01000424: ("X", _WORDS),  # SOP Authorization Comment
    0x30040006: ("X", _WORDS),  # Dose Comment
    0x300600C8: ("X", _WORDS),  # Frame of Reference Transformation Comment
    0x30080066: ("Z", _WORDS),  # Override Reason
    0x30080202: ("X", _WORDS),  # Treatment Status Comment
    0x300A0402: ("X", _WORDS),  # Setup Image Comment
}


def identifying_codes(options: frozenset[str]) -> dict[int, str]:
    """Return the codes of PS3.15 E.1, by tag, that such attributes have with ``options`` of the profile."""
    return {tag: _code(basic, kind, options) for tag, (basic, kind) in _ROWS.items()}


def is_identifying(tag: int) -> bool:
    """Tell whether ``tag`` is of such an attribute."""
    return tag in _ROWS


def _code(basic: str, kind: _Kind, options: frozenset[str]) -> str:
    if kind.clean in options:
        return "C"
    return "K" if kind.retain in options else basic

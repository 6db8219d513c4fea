"""The keys of each type of directory record, with the types of these attributes (PS3.3 F.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT_SEQUENCE: Final = 0x0040A730
ICON: Final = 0x00880200
"""Icon Image Sequence, which a record may have beside its keys (PS3.3 F.7)."""

_CHARSET: Final = ((0x00080005, "1C"),)
_CONTENT_TIME: Final = ((0x00080023, "1"), (0x00080033, "1"))
_NUMBER: Final = ((0x00200013, "1"),)
# The Content Identification Macro (PS3.3 10.9).
_CONTENT: Final = (*_NUMBER, (0x00700080, "1"), (0x00700081, "2"), (0x00700084, "2"))
_ICON: Final = ((ICON, "3"),)
_TIMED_CONTENT: Final = (*_CHARSET, *_CONTENT_TIME, *_CONTENT)

KEYS: Final[Mapping[str, tuple[tuple[int, str], ...]]] = {
    "PATIENT": (*_CHARSET, (0x00100010, "2"), (0x00100020, "1")),
    "STUDY": (
        *_CHARSET,
        (0x00080020, "1"),  # Study Date
        (0x00080030, "1"),  # Study Time
        (0x00080050, "2"),  # Accession Number
        (0x00081030, "2"),  # Study Description
        (0x0020000D, "1C"),  # Study Instance UID, where the record names no file
        (0x00200010, "1"),  # Study ID
    ),
    "SERIES": (
        *_CHARSET,
        (0x00080060, "1"),  # Modality
        (0x0020000E, "1"),  # Series Instance UID
        (0x00200011, "1"),  # Series Number
        *_ICON,
    ),
    "IMAGE": (*_CHARSET, *_NUMBER, *_ICON),
    "RT DOSE": (*_CHARSET, *_NUMBER, (0x30040006, "3"), (0x3004000A, "1"), *_ICON),
    "RT STRUCTURE SET": (
        *_CHARSET,
        *_NUMBER,
        (0x30060002, "1"),  # Structure Set Label
        (0x30060008, "2"),  # Structure Set Date
        (0x30060009, "2"),  # Structure Set Time
    ),
    "RT PLAN": (
        *_CHARSET,
        *_NUMBER,
        (0x300A0002, "1"),  # RT Plan Label
        (0x300A0006, "2"),  # RT Plan Date
        (0x300A0007, "2"),  # RT Plan Time
    ),
    "RT TREAT RECORD": (
        *_CHARSET,
        *_NUMBER,
        (0x30080250, "2"),  # Treatment Date
        (0x30080251, "2"),  # Treatment Time
    ),
    "PRESENTATION": (
        *_CHARSET,
        (0x00081115, "1C"),  # Referenced Series Sequence, where the object has it
        *_CONTENT,
        (0x00700082, "1"),  # Presentation Creation Date
        (0x00700083, "1"),  # Presentation Creation Time
        (0x00700402, "1C"),  # Blending Sequence, where the object has it
    ),
    "WAVEFORM": (*_CHARSET, *_CONTENT_TIME, *_NUMBER, *_ICON),
    "SR DOCUMENT": (
        *_CHARSET,
        *_CONTENT_TIME,
        *_NUMBER,
        (0x0040A030, "1C"),  # Verification DateTime, the latest, of what is verified
        (0x0040A043, "1"),  # Concept Name Code Sequence
        (0x0040A491, "1"),  # Completion Flag
        (0x0040A493, "1"),  # Verification Flag
        (CONTENT_SEQUENCE, "1C"),  # what modifies the concept name, where there is such
        *_ICON,
    ),
    "KEY OBJECT DOC": (
        *_CHARSET,
        *_CONTENT_TIME,
        *_NUMBER,
        (0x0040A043, "1"),
        (CONTENT_SEQUENCE, "1C"),
        *_ICON,
    ),
    "SPECTROSCOPY": (
        *_CHARSET,
        (0x00080008, "1"),  # Image Type
        *_CONTENT_TIME,
        (0x00089092, "1C"),  # Referenced Image Evidence Sequence, where the object has it
        *_NUMBER,
        (0x00280008, "1"),  # Number of Frames
        (0x00280010, "1"),  # Rows
        (0x00280011, "1"),  # Columns
        (0x00289001, "1"),  # Data Point Rows
        (0x00289002, "1"),  # Data Point Columns
        *_ICON,
    ),
    "RAW DATA": (*_CHARSET, *_CONTENT_TIME, (0x00200013, "2"), *_ICON),
    "REGISTRATION": _TIMED_CONTENT,
    "FIDUCIAL": _TIMED_CONTENT,
    "HANGING PROTOCOL": (
        *_CHARSET,
        (0x00720002, "1"),  # Hanging Protocol Name
        (0x00720004, "1"),  # Hanging Protocol Description
        (0x00720006, "1"),  # Hanging Protocol Level
        (0x00720008, "1"),  # Hanging Protocol Creator
        (0x0072000A, "1"),  # Hanging Protocol Creation DateTime
        (0x0072000C, "1"),  # Hanging Protocol Definition Sequence
        (0x0072000E, "2"),  # Hanging Protocol User Identification Code Sequence
        (0x00720014, "1"),  # Number of Priors Referenced
    ),
    "ENCAP DOC": (
        *_CHARSET,
        (0x00080023, "2"),
        (0x00080033, "2"),
        *_NUMBER,
        (0x0040A043, "2"),
        (0x0040E001, "1C"),  # HL7 Instance Identifier, where the object has it
        (0x00420010, "2"),  # Document Title
        (0x00420012, "1"),  # MIME Type of Encapsulated Document
    ),
    "VALUE MAP": _TIMED_CONTENT,
    "STEREOMETRIC": _CHARSET,
    "PALETTE": (*_CHARSET, (0x00700080, "1"), (0x00700081, "2")),
    "IMPLANT": (
        *_CHARSET,
        (0x00080070, "1"),  # Manufacturer
        (0x00221095, "1"),  # Implant Name
        (0x00221097, "1"),  # Implant Part Number
        (0x00686210, "1C"),  # Implant Size, where the object has it
    ),
    "IMPLANT ASSY": (
        *_CHARSET,
        (0x00080070, "1"),  # Manufacturer
        (0x00760001, "1"),  # Implant Assembly Template Name
        (0x00760020, "1"),  # Procedure Type Code Sequence
    ),
    "IMPLANT GROUP": (
        *_CHARSET,
        (0x00780001, "1"),  # Implant Template Group Name
        (0x00780020, "1"),  # Implant Template Group Issuer
    ),
    "PLAN": _CHARSET,
    "MEASUREMENT": _TIMED_CONTENT,
    "SURFACE": _TIMED_CONTENT,
    "SURFACE SCAN": (*_CHARSET, *_CONTENT_TIME),
    "TRACT": _TIMED_CONTENT,
    "ASSESSMENT": (
        *_CHARSET,
        (0x00080012, "1"),  # Instance Creation Date
        (0x00080013, "2"),  # Instance Creation Time
        *_NUMBER,
    ),
    "RADIOTHERAPY": (
        *_CHARSET,
        *_NUMBER,
        (0x00700081, "2"),
        (0x00700084, "2"),
        (0x30100033, "1C"),  # User Content Label, where the object has it
        (0x30100034, "1C"),  # User Content Long Label, where the object has it
    ),
    "ANNOTATION": _TIMED_CONTENT,
    "INVENTORY": (
        *_CHARSET,
        *_CONTENT_TIME,
        (0x00080400, "2"),  # Scope of Inventory Sequence
        (0x00080401, "2"),  # Inventory Purpose
        (0x00080403, "1"),  # Inventory Level
        (0x00080426, "1"),  # Inventory Completion Status
        (0x00080428, "1"),  # Total Number of Study Records
    ),
    # Retired, but for files of retired SOP classes there is nothing else (PS3.3-2004).
    "OVERLAY": (*_CHARSET, (0x00200022, "1"), *_ICON),
    "CURVE": (*_CHARSET, (0x00200024, "1")),
    "MODALITY LUT": (*_CHARSET, (0x00200026, "1")),
    "VOI LUT": (*_CHARSET, (0x00200026, "1")),
    "STORED PRINT": (*_CHARSET, (0x00200013, "2"), *_ICON),
}
"""Tag and type (PS3.5 7.4) of each key, by the type of record; those of type 3 are icons and comments."""

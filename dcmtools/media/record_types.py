"""Which type of directory record refers to instances of a SOP class (PS3.3 F.3.2.2, F.4, F.5)."""

from __future__ import annotations

from typing import Final

PRIVATE: Final = "PRIVATE"
PRIVATE_RECORD_UID: Final = "2.25.289194863437608599865429165569156954011"
"""Private Record UID of our records for what PS3.3 has no type for: each names one file, and has the keys of
an image."""

_CLASSES: Final = "1.2.840.10008.5.1.4."
_STANDARD: Final = "1.2.840.10008."
_STORED: Final = f"{_CLASSES}1.1."
# By type, what follows the root of SOP classes; a storage class begins with 1.1.
_BY_TYPE: Final = {
    "RT DOSE": "1.1.481.2",
    "RT STRUCTURE SET": "1.1.481.3",
    "RT PLAN": "1.1.481.5 1.1.481.8",
    "RT TREAT RECORD": "1.1.481.4 1.1.481.6 1.1.481.7 1.1.481.9",
    "PRESENTATION": "1.1.11.1 1.1.11.2 1.1.11.3 1.1.11.4 1.1.11.5 1.1.11.6 1.1.11.7 1.1.11.8 1.1.11.9"
    " 1.1.11.10 1.1.11.11 1.1.11.12 1.1.131",
    "WAVEFORM": "1.1.9.1 1.1.9.1.1 1.1.9.1.2 1.1.9.1.3 1.1.9.1.4 1.1.9.2.1 1.1.9.3.1 1.1.9.4.1 1.1.9.4.2"
    " 1.1.9.5.1 1.1.9.6.1 1.1.9.6.2 1.1.9.7.1 1.1.9.7.2 1.1.9.7.3 1.1.9.7.4 1.1.9.8.1",
    "SR DOCUMENT": "1.1.88.1 1.1.88.2 1.1.88.3 1.1.88.4 1.1.88.11 1.1.88.22 1.1.88.33 1.1.88.34 1.1.88.35"
    " 1.1.88.40 1.1.88.50 1.1.88.65 1.1.88.67 1.1.88.68 1.1.88.69 1.1.88.70 1.1.88.71 1.1.88.72 1.1.88.73"
    " 1.1.88.74 1.1.88.75 1.1.88.76 1.1.88.77 1.1.79.1 1.1.78.6 1.1.501.3",
    "KEY OBJECT DOC": "1.1.88.59",
    "SPECTROSCOPY": "1.1.4.2",
    "RAW DATA": "1.1.66",
    "REGISTRATION": "1.1.66.1 1.1.66.3",
    "FIDUCIAL": "1.1.66.2",
    "ENCAP DOC": "1.1.104.1 1.1.104.2 1.1.104.3 1.1.104.4 1.1.104.5",
    "VALUE MAP": "1.1.67",
    "STEREOMETRIC": "1.1.77.1.5.3",
    "PLAN": "34.1 34.7 34.10",
    "MEASUREMENT": "1.1.78.1 1.1.78.2 1.1.78.3 1.1.78.4 1.1.78.5 1.1.78.7 1.1.78.8 1.1.80.1",
    "SURFACE": "1.1.66.5",
    "SURFACE SCAN": "1.1.68.1 1.1.68.2",
    "TRACT": "1.1.66.6",
    "ASSESSMENT": "1.1.90.1",
    "RADIOTHERAPY": "1.1.481.10 1.1.481.11 1.1.481.12 1.1.481.13 1.1.481.14 1.1.481.15 1.1.481.16"
    " 1.1.481.17 1.1.481.18 1.1.481.19 1.1.481.20 1.1.481.21 1.1.481.22 1.1.481.25",
    "ANNOTATION": "1.1.91.1",
    "OVERLAY": "1.1.8",
    "CURVE": "1.1.9 1.1.129",
    "MODALITY LUT": "1.1.10",
    "VOI LUT": "1.1.11",
    "HANGING PROTOCOL": "38.1",
    "PALETTE": "39.1",
    "IMPLANT": "43.1",
    "IMPLANT ASSY": "44.1",
    "IMPLANT GROUP": "45.1",
    "INVENTORY": "1.1.201.1",
    PRIVATE: "1.1.200.1 1.1.200.2 1.1.200.3 1.1.200.7 1.1.200.8",
}
RECORD_TYPES: Final = {
    _CLASSES + each: name for name, classes in _BY_TYPE.items() for each in classes.split()
} | {
    "1.2.840.10008.5.1.1.27": "STORED PRINT",
    "1.2.840.10008.5.1.1.29": "IMAGE",
    "1.2.840.10008.5.1.1.30": "IMAGE",
}
"""Type of record by SOP Class UID; those of images in storage classes are left out."""

ROOT_TYPES: Final = frozenset((
    *("PATIENT", "HANGING PROTOCOL", "PALETTE", "IMPLANT", "IMPLANT ASSY", "IMPLANT GROUP", "INVENTORY"),
))  # fmt: skip
"""Types of records below no other (PS3.3 F.4); PRIVATE ones may be anywhere."""

# Instances of these are of no patient, as little as those of ROOT_TYPES.
_OF_NO_PATIENT: Final = frozenset(f"{_CLASSES}1.1.200.{last}" for last in (1, 3, 7))


def record_type(sop_class: str) -> str:
    """Return the type of the record that refers to an instance of ``sop_class``.

    What the Standard has in a storage class not listed here is an image, or newer than this list; for what
    is not the Standard's, and for what PS3.3 has no type for, it is PRIVATE.
    """
    known = RECORD_TYPES.get(sop_class)
    if known is None:
        known = "IMAGE" if sop_class.startswith(_STORED) else PRIVATE
    return known


def is_stored(sop_class: str) -> bool:
    """Tell whether there can be files of ``sop_class``, not of another service of the Standard."""
    return sop_class in RECORD_TYPES or sop_class.startswith(_STORED) or not sop_class.startswith(_STANDARD)


def is_at_root(sop_class: str) -> bool:
    """Tell whether the record for an instance of ``sop_class`` is below no other."""
    return record_type(sop_class) in ROOT_TYPES or sop_class in _OF_NO_PATIENT

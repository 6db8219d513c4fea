"""What the tables of PS3.11 say: SOP classes, limits of attributes, keys of records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

Keys = tuple[tuple[int, str], ...]
"""Tag and type (PS3.5 7.4) of keys of one type of record."""

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
CT: Final = f"{_STORAGE}2"
MR: Final = f"{_STORAGE}4"
XA: Final = f"{_STORAGE}12.1"
SECONDARY_CAPTURE: Final = f"{_STORAGE}7"
ULTRASOUND: Final = f"{_STORAGE}6.1"
ULTRASOUND_MULTI_FRAME: Final = f"{_STORAGE}3.1"
GREY_STATE: Final = f"{_STORAGE}11.1"
DISPLAY: Final = f"{_STORAGE}131"
DOSE_SR: Final = f"{_STORAGE}88.67"
DENTAL: Final = (f"{_STORAGE}1.3", f"{_STORAGE}1.1")  # both for presentation
ECG: Final = f"{_STORAGE}9.1.1"
HEMODYNAMIC: Final = f"{_STORAGE}9.2.1"
RETIRED: Final = frozenset(
    f"{_STORAGE}{each}"
    for each in (
        *("3", "5", "6", "8", "9", "9.1", "10", "11", "12.3", "77.1", "77.2", "129"),
        *("88.1", "88.2", "88.3", "88.4"),
    )
) | {"1.2.840.10008.5.1.4.34.1", "1.2.840.10008.5.1.1.27"}  # fmt: skip
"""Storage SOP classes that are no longer for media (PS3.4 B.5, I.4)."""

MODALITY: Final = 0x00080060
SAMPLES: Final = 0x00280002
PHOTOMETRIC: Final = 0x00280004
NUMBER_OF_FRAMES: Final = 0x00280008
ROWS: Final = 0x00280010
COLUMNS: Final = 0x00280011
BITS_ALLOCATED: Final = 0x00280100
BITS_STORED: Final = 0x00280101
HIGH_BIT: Final = 0x00280102
PIXEL_REPRESENTATION: Final = 0x00280103

OVERLAYS_APART: Final = 1
OVERLAYS_NONE: Final = 2


class Limit(NamedTuple):
    """What the value of the attribute ``tag`` may be: one of ``allowed``, numbers or texts.

    Where ``like`` is given, it has to be the value of that attribute less ``less`` instead. It holds only
    ``when`` another attribute has one of some values.
    """

    tag: int
    allowed: frozenset[str] | frozenset[int] | range = frozenset[str]()
    like: int = 0
    less: int = 0
    when: tuple[int, frozenset[str] | frozenset[int]] | None = None


def _one(value: str) -> frozenset[str]:
    return frozenset((value,))


def _numbers(*values: int) -> frozenset[int]:
    return frozenset(values)


_GREY: Final = Limit(PHOTOMETRIC, _one("MONOCHROME2"))
_8_BITS: Final = (Limit(BITS_ALLOCATED, _numbers(8)), Limit(BITS_STORED, _numbers(8)))
# Tables A.3-3, B.3-3 and B.3-4.
CARDIAC_LIMITS: Final = (
    Limit(MODALITY, _one("XA")),
    Limit(ROWS, range(1, 513)),
    Limit(COLUMNS, range(1, 513)),
    *_8_BITS,
)
ANGIO_LIMITS: Final = (
    Limit(MODALITY, _one("XA")),
    Limit(ROWS, range(1, 1025)),
    Limit(COLUMNS, range(1, 1025)),
    Limit(BITS_STORED, _numbers(8, 10, 12)),
)
SC_ANGIO_LIMITS: Final = (
    Limit(ROWS, range(1, 1025)),
    Limit(COLUMNS, range(1, 1025)),
    Limit(SAMPLES, _numbers(1)),
    _GREY,
    *_8_BITS,
    Limit(HIGH_BIT, _numbers(7)),
    Limit(PIXEL_REPRESENTATION, _numbers(0)),
)
# Tables E.3-3 to E.3-6.
CT_LIMITS: Final = (Limit(MODALITY, _one("CT")), _GREY)
MR_LIMITS: Final = (
    Limit(MODALITY, _one("MR")),
    _GREY,
    Limit(BITS_STORED, _numbers(8, 12, 13, 14, 15, 16)),
    Limit(HIGH_BIT, like=BITS_STORED, less=1),
)
_IS_GREY: Final = (PHOTOMETRIC, _one("MONOCHROME2"))
_IS_COLOUR: Final = (PHOTOMETRIC, _one("PALETTE COLOR"))
SC_CTMR_LIMITS: Final = (
    Limit(SAMPLES, _numbers(1)),
    Limit(PHOTOMETRIC, frozenset(("MONOCHROME2", "PALETTE COLOR"))),
    Limit(BITS_ALLOCATED, _numbers(8, 16), when=_IS_GREY),
    Limit(BITS_STORED, like=BITS_ALLOCATED, when=_IS_GREY),
    Limit(BITS_ALLOCATED, _numbers(8), when=_IS_COLOUR),
    Limit(BITS_STORED, _numbers(8), when=_IS_COLOUR),
    Limit(HIGH_BIT, like=BITS_STORED, less=1),
)
# Tables K.3-3 and K.3-4, L.4-1 and L.4-2.
DENTAL_LIMITS: Final = (
    Limit(BITS_STORED, _numbers(8, 10, 12, 16)),
    Limit(BITS_ALLOCATED, _numbers(8), when=(BITS_STORED, _numbers(8))),
    Limit(BITS_ALLOCATED, _numbers(16), when=(BITS_STORED, _numbers(10, 12, 16))),
)
DENTAL_REQUIRED: Final = (
    0x00080080,  # Institution Name
    0x00081090,  # Manufacturer's Model Name
    0x0018700A,  # Detector ID
    0x0018702A,  # Detector Manufacturer Name
    0x0018702B,  # Detector Manufacturer's Model Name
)

IMAGE_TYPE: Final = 0x00080008
REFERENCED_IMAGES: Final = 0x00081140
_CALIBRATION_IMAGE: Final = 0x00500004
_LOSSY_RATIO: Final = 0x00282112
_FRAME_OF_REFERENCE: Final = 0x00200052
IMAGE_POSITION: Final = 0x00200032
IMAGE_ORIENTATION: Final = 0x00200037
PIXEL_SPACING: Final = 0x00280030
IN_FUNCTIONAL_GROUPS: Final = frozenset((
    REFERENCED_IMAGES, IMAGE_POSITION, IMAGE_ORIENTATION, PIXEL_SPACING
))  # fmt: skip
"""Keys that enhanced objects have in their Shared Functional Groups Sequence, if they have them."""


def _keys(type_: str, *tags: int) -> Keys:
    return tuple((tag, type_) for tag in tags)


_PATIENT: Final = (0x00100030, 0x00100040)  # Patient's Birth Date, Sex
_SERIES: Final = (0x00080080, 0x00080081, 0x00081050)  # Institution Name, Address, Performing Physicians
# Table D.3-2.
GENERAL_KEYS: Final[Mapping[str, Keys]] = {"IMAGE": _keys("1C", IMAGE_TYPE, REFERENCED_IMAGES)}
# Table H.3-2, which J, M and N refer to.
_WIDE: Final = (
    *_keys("1C", 0x0008002A, REFERENCED_IMAGES, 0x00181800, IMAGE_POSITION, IMAGE_ORIENTATION),
    *_keys("1C", _FRAME_OF_REFERENCE, 0x00200200, NUMBER_OF_FRAMES),
    *_keys("1", ROWS, COLUMNS),
    *_keys("1C", PIXEL_SPACING),
)
WIDE_KEYS: Final[Mapping[str, Keys]] = {
    "PATIENT": _keys("1C", *_PATIENT),
    "SERIES": _keys("1C", *_SERIES),
    "IMAGE": (*_WIDE, *_keys("1C", IMAGE_TYPE, _LOSSY_RATIO, _CALIBRATION_IMAGE)),
    "SPECTROSCOPY": _WIDE,
}
# Table I.3-2.
VIDEO_KEYS: Final[Mapping[str, Keys]] = {
    "PATIENT": _keys("1C", *_PATIENT),
    "SERIES": _keys("1C", *_SERIES),
    "IMAGE": (*_keys("1C", IMAGE_TYPE, _LOSSY_RATIO), *_keys("1", ROWS, COLUMNS)),
}
# Tables A.3-2 and B.3-2. Image Type is required of angiographic images only.
ANGIO_KEYS: Final[Mapping[str, Keys]] = {
    "PATIENT": _keys("2", *_PATIENT),
    "SERIES": _keys("2", *_SERIES),
    "IMAGE": (
        *_keys("1C", IMAGE_TYPE, REFERENCED_IMAGES, _LOSSY_RATIO),
        (_CALIBRATION_IMAGE, "2"),
    ),
}
# Table E.3-2.
CTMR_KEYS: Final[Mapping[str, Keys]] = {
    "IMAGE": (
        *_keys("1C", REFERENCED_IMAGES, IMAGE_POSITION, IMAGE_ORIENTATION, _FRAME_OF_REFERENCE),
        *_keys("1", ROWS, COLUMNS),
        *_keys("1C", PIXEL_SPACING),
    ),
}

# What dcmmkdir calls them.
ALIASES: Final = {
    "general-purpose": "STD-GEN-CD", "general-dvd-jpeg": "STD-GEN-DVD-JPEG",
    "general-dvd-j2k": "STD-GEN-DVD-J2K", "general-bd-jpeg": "STD-GEN-BD-JPEG",
    "general-bd-j2k": "STD-GEN-BD-J2K", "general-bd-mpeg2-mpml": "STD-GEN-BD-MPEG2-MPML",
    "general-bd-mpeg2-mphl": "STD-GEN-BD-MPEG2-MPHL", "general-bd-mpeg4-hp": "STD-GEN-BD-MPEG4-HPLV41",
    "general-bd-mpeg4-hpbd": "STD-GEN-BD-MPEG4-HPLV41BD",
    "general-bd-mpeg4-hp2d": "STD-GEN-BD-MPEG4-HPLV42-2D",
    "general-bd-mpeg4-hp3d": "STD-GEN-BD-MPEG4-HPLV42-3D",
    "general-bd-mpeg4-hpst": "STD-GEN-BD-MPEG4-SHPLV42", "usb-and-flash-jpeg": "STD-GEN-USB-JPEG",
    "usb-and-flash-j2k": "STD-GEN-USB-J2K", "general-mime": "STD-GEN-MIME",
    "mpeg2-mpml-dvd": "STD-DVD-MPEG2-MPML", "basic-cardiac": "STD-XABC-CD",
    "xray-angiographic": "STD-XA1K-CD", "xray-angiographic-dvd": "STD-XA1K-DVD",
    "dental-radiograph": "STD-DEN-CD", "ct-and-mr": "STD-CTMR-CD", "std-ctmr-xxxx": "STD-CTMR-CD",
    "12-lead-ecg": "STD-WVFM-ECG-FD", "hemodynamic-waveform": "STD-WVFM-HD-FD",
    "std-gen-usb/mmc/cf/sd-jpeg": "STD-GEN-USB-JPEG", "std-gen-usb/mmc/cf/sd-j2k": "STD-GEN-USB-J2K",
    "std-gen-cd/dvd-ram": "STD-GEN-CD",
    **{
        name: f"STD-US-{kind.upper()}-{frames.upper()}-CDR"
        for kind in ("id", "sc", "cc")
        for frames in ("sf", "mf")
        for name in (f"ultrasound-{kind}-{frames}", f"std-us-{kind}-{frames}-xxxx")
    },
}  # fmt: skip
"""Profile by the long option of dcmmkdir, and by what stands for several of them."""

"""Functional groups at the top of a data set, as a classic image has them (PS3.3 C.7.6.16.2)."""

from __future__ import annotations

from enum import Enum, unique
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.charset import decoder_of
from dcmtools.encoding.dataset import DataSet
from dcmtools.encoding.encoder import encoded
from dcmtools.encoding.tags import SPECIFIC_CHARACTER_SET, is_creator, is_private, is_retired_length
from dcmtools.encoding.values import CHARSET_VRS
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.encoding.dataset import Value


@unique
class Macro(Enum):
    """What becomes of the sequence that a functional group is."""

    UP = "up"
    """What its item holds goes to the top."""
    WHOLE = "whole"
    """It stays a sequence, at the top, where classic images may have it, too."""
    SOURCES = "sources"
    """Its items say of which images the frame was made."""


# Whatever is not listed goes up if it has one item, and stays whole if it has several.
MACROS: Final = {
    0x00289110: ("C.7.6.16.2.1", Macro.UP),  # Pixel Measures
    0x00209111: ("C.7.6.16.2.2", Macro.UP),  # Frame Content
    0x00209113: ("C.7.6.16.2.3", Macro.UP),  # Plane Position (Patient)
    0x00209116: ("C.7.6.16.2.4", Macro.UP),  # Plane Orientation (Patient)
    0x00081140: ("C.7.6.16.2.5", Macro.WHOLE),  # Referenced Image
    0x00089124: ("C.7.6.16.2.6", Macro.SOURCES),  # Derivation Image
    0x00189118: ("C.7.6.16.2.7", Macro.UP),  # Cardiac Synchronization
    0x00209071: ("C.7.6.16.2.8", Macro.UP),  # Frame Anatomy
    0x00289145: ("C.7.6.16.2.9", Macro.UP),  # Pixel Value Transformation; CT, C.8.15.3.10
    0x00289132: ("C.7.6.16.2.10", Macro.UP),  # Frame VOI LUT
    0x00409096: ("C.7.6.16.2.11", Macro.WHOLE),  # Real World Value Mapping
    0x00189341: ("C.7.6.16.2.12", Macro.WHOLE),  # Contrast/Bolus Usage
    0x00289422: ("C.7.6.16.2.13", Macro.WHOLE),  # Pixel Intensity Relationship LUT
    0x00289415: ("C.7.6.16.2.14", Macro.UP),  # Frame Pixel Shift
    0x00209450: ("C.7.6.16.2.15", Macro.UP),  # Patient Orientation in Frame
    0x00189472: ("C.7.6.16.2.16", Macro.UP),  # Frame Display Shutter
    0x00209253: ("C.7.6.16.2.17", Macro.UP),  # Respiratory Synchronization
    0x00189477: ("C.7.6.16.2.18", Macro.UP),  # Irradiation Event Identification
    0x00189737: ("C.7.6.16.2.19", Macro.UP),  # Radiopharmaceutical Usage
    0x00189771: ("C.7.6.16.2.20", Macro.UP),  # Patient Physiological State
    0x00209310: ("C.7.6.16.2.23", Macro.UP),  # Temporal Position
    0x00209170: ("C.7.6.16.2.25.1", Macro.UP),  # Unassigned Shared Converted Attributes
    0x00209171: ("C.7.6.16.2.25.2", Macro.UP),  # Unassigned Per-Frame Converted Attributes
    0x00209172: ("C.7.6.16.2.25.3", Macro.WHOLE),  # Image Frame Conversion Source
    0x00189226: ("C.8.13.5.1", Macro.UP),  # MR Image Frame Type
    0x00189112: ("C.8.13.5.2", Macro.UP),  # MR Timing and Related Parameters
    0x00189125: ("C.8.13.5.3", Macro.UP),  # MR FOV/Geometry
    0x00189114: ("C.8.13.5.4", Macro.UP),  # MR Echo
    0x00189115: ("C.8.13.5.5", Macro.UP),  # MR Modifier
    0x00189006: ("C.8.13.5.6", Macro.UP),  # MR Imaging Modifier
    0x00189042: ("C.8.13.5.7", Macro.UP),  # MR Receive Coil
    0x00189049: ("C.8.13.5.8", Macro.UP),  # MR Transmit Coil
    0x00189117: ("C.8.13.5.9", Macro.UP),  # MR Diffusion
    0x00189119: ("C.8.13.5.10", Macro.UP),  # MR Averages
    0x00189107: ("C.8.13.5.11", Macro.WHOLE),  # MR Spatial Saturation
    0x00189152: ("C.8.13.5.12", Macro.UP),  # MR Metabolite Map
    0x00189197: ("C.8.13.5.13", Macro.WHOLE),  # MR Velocity Encoding
    0x00189251: ("C.8.13.5.14", Macro.WHOLE),  # MR Arterial Spin Labeling
    0x00189329: ("C.8.15.3.1", Macro.UP),  # CT Image Frame Type
    0x00189301: ("C.8.15.3.2", Macro.UP),  # CT Acquisition Type
    0x00189304: ("C.8.15.3.3", Macro.UP),  # CT Acquisition Details
    0x00189308: ("C.8.15.3.4", Macro.UP),  # CT Table Dynamics
    0x00189326: ("C.8.15.3.5", Macro.UP),  # CT Position
    0x00189312: ("C.8.15.3.6", Macro.UP),  # CT Geometry
    0x00189314: ("C.8.15.3.7", Macro.UP),  # CT Reconstruction
    0x00189321: ("C.8.15.3.8", Macro.UP),  # CT Exposure
    0x00189325: ("C.8.15.3.9", Macro.UP),  # CT X-Ray Details
    0x00189360: ("C.8.15.3.11", Macro.WHOLE),  # CT Additional X-Ray Source
    0x00189412: ("C.8.19.6.1", Macro.UP),  # X-Ray Frame Characteristics
    0x00189432: ("C.8.19.6.2", Macro.UP),  # X-Ray Field of View
    0x00189434: ("C.8.19.6.3", Macro.WHOLE),  # X-Ray Exposure Control Sensing Regions
    0x00289443: ("C.8.19.6.4", Macro.UP),  # X-Ray Frame Pixel Data Properties
    0x00189451: ("C.8.19.6.5", Macro.UP),  # X-Ray Frame Detector Parameters
    0x00189455: ("C.8.19.6.6", Macro.WHOLE),  # X-Ray Calibration Device Usage
    0x00189456: ("C.8.19.6.7", Macro.UP),  # X-Ray Object Thickness
    0x00189417: ("C.8.19.6.8", Macro.UP),  # X-Ray Frame Acquisition
    0x00189401: ("C.8.19.6.9", Macro.UP),  # X-Ray Projection Pixel Calibration
    0x00189405: ("C.8.19.6.10", Macro.UP),  # X-Ray Positioner
    0x00189406: ("C.8.19.6.11", Macro.UP),  # X-Ray Table Position
    0x00189407: ("C.8.19.6.12", Macro.UP),  # X-Ray Collimator
    0x00189462: ("C.8.19.6.13", Macro.UP),  # X-Ray Isocenter Reference System
    0x00189476: ("C.8.19.6.14", Macro.UP),  # X-Ray Geometry
    0x00189751: ("C.8.22.5.1", Macro.UP),  # PET Frame Type
    0x00189732: ("C.8.22.5.2", Macro.UP),  # PET Frame Acquisition
    0x00189733: ("C.8.22.5.3", Macro.UP),  # PET Detector Motion Details
    0x00189735: ("C.8.22.5.4", Macro.UP),  # PET Position
    0x00189736: ("C.8.22.5.5", Macro.UP),  # PET Frame Correction Factors
    0x00189749: ("C.8.22.5.6", Macro.UP),  # PET Reconstruction
    0x00189734: ("C.8.22.5.7", Macro.UP),  # PET Table Dynamics
}
SOURCE_IMAGES: Final = 0x00082112
_DIMENSION_INDEX_VALUES: Final = 0x00209157  # of dimensions that one frame has none of
_MOST_BLOCKS: Final = 0xFF


def lifted(groups: DataSet, charset: bytes, creators: dict[int, bytes]) -> DataSet:
    """Return what functional ``groups`` say, for the top of a data set whose text is in ``charset``.

    ``creators`` are the private creators there by tag; those of private groups are added, at blocks that are
    free. Raises InputError for text that is not in the character set, and where no block is free.
    """
    out = DataSet(charset)
    for tag, (vr, value) in _private_blocks(groups, creators):
        what = MACROS.get(tag, ("", Macro.UP))[1]
        whole = is_private(tag) or what is Macro.WHOLE
        if whole or not isinstance(value, list) or (what is Macro.UP and len(value) > 1):
            _put(out, groups, tag, vr, value)
        elif what is Macro.SOURCES:
            _put_sources(out, value)
        else:
            for item in value:
                for inner, (inner_vr, inner_value) in _private_blocks(item, creators):
                    _put(out, item, inner, inner_vr, inner_value)
    return out


def _put_sources(out: DataSet, derivations: list[DataSet]) -> None:
    """Have all source images in one sequence, and the description and the codes of how they were used."""
    sources: list[DataSet] = []
    for derivation in derivations:
        for tag, (vr, value) in derivation.items():
            if tag == SOURCE_IMAGES and isinstance(value, list):
                sources += value
            else:
                _put(out, derivation, tag, vr, value)
    if sources:
        out[SOURCE_IMAGES] = ("SQ", sources)


def _put(out: DataSet, item: DataSet, tag: int, vr: str, value: Value) -> None:
    if tag in (SPECIFIC_CHARACTER_SET, _DIMENSION_INDEX_VALUES) or is_retired_length(tag):
        return
    if isinstance(value, bytes) and vr in CHARSET_VRS and item.charset != out.charset and not value.isascii():
        try:
            value = encoded(decoder_of(item.charset)(value).rstrip(" \0"), out.charset)
        except ValueError as error:
            raise InputError(f"functional groups in another character set: {error}") from None
    out[tag] = (vr, value)


def _private_blocks(item: DataSet, creators: dict[int, bytes]) -> Iterator[tuple[int, tuple[str, Value]]]:
    """Yield the elements of ``item``, private ones in the blocks that their creators have at the top."""
    blocks: dict[int, int] = {}
    for tag in sorted(item):
        vr, value = item[tag]
        if is_creator(tag) and isinstance(value, bytes):
            blocks[tag] = _block(tag, value, creators)
            yield blocks[tag], (vr, value)
        elif is_private(tag) and tag & 0xFFFF > 0xFF:
            creator = tag & 0xFFFF0000 | tag >> 8 & 0xFF
            moved = blocks.get(creator, creator)
            yield tag & 0xFFFF00FF | (moved & 0xFF) << 8, (vr, value)
        else:
            yield tag, (vr, value)


def _block(tag: int, value: bytes, creators: dict[int, bytes]) -> int:
    """Return the tag that a private creator has, or gets, at the top (PS3.5 7.8.1)."""
    group, name = tag & 0xFFFF0000, value.strip(b" \0")
    for known, creator in creators.items():
        if known & 0xFFFF0000 == group and creator == name:
            return known
    free = tag
    if free in creators:
        free = next((each for each in range(group | 0x10, group | _MOST_BLOCKS) if each not in creators), 0)
    if not free:
        raise InputError(f"no block of private elements is free in group {tag >> 16:04x}")
    creators[free] = name
    return free

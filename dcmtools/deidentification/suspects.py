"""Which images may show text that tells of the patient: what their attributes say, never their pixels.

What is known to be free of it are images of a few SOP Classes that modalities make by themselves; all others
are suspects, and so are these where an attribute speaks against them. That Burned In Annotation is NO proves
nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.codecs.pixels import PHOTOMETRIC_INTERPRETATION
from dcmtools.encoding.tags import MEDIA_STORAGE_SOP_CLASS_UID, SOP_CLASS_UID

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.deidentification.reading import Elements
    from dcmtools.files.part10 import Part10File

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
# Images in shades of grey, of computed or digital radiography, tomography and nuclear medicine, and of RT.
_GREY: Final = frozenset(
    _STORAGE + each
    for each in (
        *("1", "1.1", "1.1.1", "1.2", "1.2.1", "1.3", "1.3.1"),
        *("2", "2.1", "2.2", "4", "4.1", "4.4", "20", "128", "128.1", "130"),
        *("13.1.1", "13.1.2", "13.1.3", "13.1.4", "13.1.5", "14.1", "14.2"),
        *("30", "77.1.5.4", "77.1.5.7", "481.1", "481.2", "481.23", "481.24"),
    )
)
_SLIDES: Final = frozenset((f"{_STORAGE}77.1.6", f"{_STORAGE}77.1.8", f"{_STORAGE}77.1.9"))
_SEGMENTATIONS: Final = frozenset((f"{_STORAGE}66.4", f"{_STORAGE}66.7", f"{_STORAGE}66.8"))
_WITHOUT_TEXT: Final = _GREY | _SLIDES | _SEGMENTATIONS
_SECONDARY_CAPTURE: Final = f"{_STORAGE}7"

# Whose images are screens, films or photographs, be they of whatever SOP Class.
_MODALITIES: Final = frozenset((
    "US", "IVUS", "EC", "DD", "CD", "XA", "RF", "DF", "CF", "VF", "AS", "ES", "CP", "CS", "LP", "FS",
    "OT", "HC", "DOC", "GM", "XC", "SC", "DMS", "TG",
))  # fmt: skip
_SCREENS: Final = re.compile(
    r"SCREEN\W*(?:SAVE|SHOT|CAP|DUMP|COPY|$)|CAPTURE|REPORT|PROTOCOL|\bPROT$|POSDISP|DIGITI[SZ]ED|\bFILM\b"
    r"|DOSE\W*(?:INFO|REPORT|SHEET|SUMMARY|PAGE|RECORD|SCREEN|$)"
)
_SERIES: Final = re.compile(
    r"DOSE\W*(?:INFO|REPORT|SHEET|SUMMARY|PAGE|RECORD)|PATIENT\W*PROTOCOL|SCREEN\W*(?:SAVE|SHOT|CAP)"
)
_OF_SLIDES: Final = frozenset(("LABEL", "OVERVIEW"))
# Of films, video and drawings; the others are what workstations write into what they compute, too.
_CONVERTED: Final = frozenset(("DV", "DF", "SD", "SI", "DRW"))

_IMAGE_TYPE: Final = 0x00080008
_MODALITY: Final = 0x00080060
_CONVERSION_TYPE: Final = 0x00080064
_SERIES_DESCRIPTION: Final = 0x0008103E
_VIDEO_FORMAT: Final = 0x00181022
_BURNED_IN: Final = 0x00280301
_RECOGNIZABLE: Final = 0x00280302
_LABEL_IN_IMAGE: Final = 0x00480010
_TAGS: Final = (
    *(SOP_CLASS_UID, _MODALITY, _IMAGE_TYPE, _CONVERSION_TYPE, _SERIES_DESCRIPTION, _VIDEO_FORMAT),
    *(_BURNED_IN, _RECOGNIZABLE, _LABEL_IN_IMAGE, PHOTOMETRIC_INTERPRETATION),
)


class Told(NamedTuple):
    """What a data set tells of its image: values in upper case, without padding."""

    sop_class: str
    modality: str
    image_type: str
    conversion_type: str
    series_description: str
    video_format: str
    burned_in: str
    recognizable: str
    label_in_image: str
    photometric: str


def told(file: Part10File, elements: Elements) -> Told:
    """Return what ``elements`` tell of an image."""
    found = _told(tuple(map(elements.value, _TAGS)))
    return found if found.sop_class else found._replace(sop_class=file.meta_text(MEDIA_STORAGE_SOP_CLASS_UID))


@lru_cache(maxsize=1024)  # images of a series tell the same
def _told(values: tuple[bytes, ...]) -> Told:
    return Told(*(value.decode("latin-1").strip(" \0").upper() for value in values))


@lru_cache(maxsize=1024)
def suspicion(image: Told) -> str:
    """Return why an image may show who the patient is, in words that tell nothing of it; else nothing."""
    return next((reason for reason, speaks in _REASONS.items() if speaks(image)), "")


def _is_capture(image: Told) -> bool:
    return image.sop_class == _SECONDARY_CAPTURE or image.sop_class.startswith(f"{_SECONDARY_CAPTURE}.")


def _types(image: Told) -> list[str]:
    return [each.strip().replace("_", " ") for each in image.image_type.split("\\")]


def _is_coloured(image: Told) -> bool:
    grey = not image.photometric or image.photometric.startswith("MONOCHROME")
    return image.sop_class in _GREY and not grey


_REASONS: Final[dict[str, Callable[[Told], bool]]] = {
    "Burned In Annotation is YES": lambda image: image.burned_in == "YES",
    "Recognizable Visual Features is YES": lambda image: image.recognizable == "YES",
    "Specimen Label in Image is YES": lambda image: image.label_in_image == "YES",
    "it is a secondary capture": _is_capture,
    "images of its Modality may show text": lambda image: image.modality in _MODALITIES,
    "images of its SOP Class may show text": lambda image: image.sop_class not in _WITHOUT_TEXT,
    "Image Type tells of a screen, a report or a film": lambda image: any(
        map(_SCREENS.search, _types(image))
    ),
    "Image Type tells of a slide's label": lambda image: (
        image.sop_class in _SLIDES and not _OF_SLIDES.isdisjoint(_types(image))
    ),
    "Series Description tells of a screen or a report": lambda image: (
        _SERIES.search(image.series_description.replace("_", " ")) is not None
    ),
    "Conversion Type tells of a film, a video or a drawing": lambda image: (
        image.conversion_type in _CONVERTED or image.video_format != ""
    ),
    "it has colours, which images of its SOP Class have where they show a screen": _is_coloured,
}

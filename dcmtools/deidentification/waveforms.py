"""Which waveforms may tell who the patient is: those that are sound, and bytes that are of none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.tags import ITEM, MEDIA_STORAGE_SOP_CLASS_UID, SOP_CLASS_UID
from dcmtools.encoding.values import numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dcmtools.deidentification.reading import Elements
    from dcmtools.encoding.element import Element
    from dcmtools.files.part10 import Part10File

WAVEFORM_SEQUENCE: Final = 0x54000100
_MODALITY: Final = 0x00080060
_CHANNELS, _SAMPLES = 0x003A0005, 0x003A0010
_BITS_ALLOCATED, _INTERPRETATION, _DATA = 0x54001004, 0x54001006, 0x54001010
_OF_SOUND: Final = frozenset(("1.2.840.10008.5.1.4.1.1.9.4.1", "1.2.840.10008.5.1.4.1.1.9.4.2"))
_SOUND: Final = (b"MB", b"AB")  # telephony, by mu-law and A-law (PS3.3 C.10.9.1.4)
_BLOCK: Final = 1024 * 1024


def doubts(file: Part10File, elements: Elements) -> str:
    """Return why the waveforms of a file may tell of the patient, in words that tell nothing of it."""
    if WAVEFORM_SEQUENCE not in elements.top:
        return ""
    sop_class = elements.text(SOP_CLASS_UID) or file.meta_text(MEDIA_STORAGE_SOP_CLASS_UID)
    if sop_class in _OF_SOUND or elements.text(_MODALITY) == "AU":
        return "its waveforms are sound, which may tell who the patient is"
    for waveform in _waveforms(elements):
        interpretation = waveform.get(_INTERPRETATION)
        if interpretation and elements.bytes(*interpretation[3:5]).strip(b" \0") in _SOUND:
            return "its waveforms may be sound, which may tell who the patient is"
        if _has_more(elements, waveform):
            return "a waveform has bytes behind its last sample"
    return ""


def _waveforms(elements: Elements) -> Iterator[Mapping[int, Element]]:
    """Yield the elements in each item of Waveform Sequence, by tag."""
    found: dict[int, Element] = {}
    within = False
    for batch in elements.batches():
        for element in batch.elements:
            tag, vr, _, _, _, depth = element
            if depth == 0 and vr:
                within = tag == WAVEFORM_SEQUENCE
            elif within and depth == 1 and tag == ITEM:
                yield found
                found = {}
            elif within and depth == 2 and vr:
                found[tag] = element
    yield found


def _has_more(elements: Elements, waveform: Mapping[int, Element]) -> bool:
    """Tell whether anything but zeros follows the samples of all channels."""
    if _DATA not in waveform:
        return False

    def number(tag: int, vr: str) -> int:
        raw = elements.bytes(*waveform[tag][3:5]) if tag in waveform and waveform[tag][4] <= 8 else b""
        return int((numbers(vr, raw, elements.encoding.order) or [0])[0])

    size = number(_CHANNELS, "US") * number(_SAMPLES, "UL") * number(_BITS_ALLOCATED, "US") // 8
    at, after = waveform[_DATA][3], sum(waveform[_DATA][3:5])
    rest = range(at + size, after, _BLOCK)
    return any(elements.bytes(each, min(_BLOCK, after - each)).strip(b"\0") for each in rest)

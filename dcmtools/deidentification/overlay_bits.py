"""Overlays in bits of native pixels that no sample has (PS3.3 C.9.2, retired).

What describes an overlay may be gone while its bits are still there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.codecs.frames import is_big
from dcmtools.deidentification.describing import ESSENTIAL, pixels_of
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.tags import PIXEL_DATA, is_private
from dcmtools.encoding.values import numbers

if TYPE_CHECKING:
    from dcmtools.codecs.pixels import Pixels
    from dcmtools.codecs.streams import Samples
    from dcmtools.deidentification.reading import Elements
    from dcmtools.encoding.element import Source
    from dcmtools.files.part10 import Part10File

_OVERLAYS: Final = range(0x60000000, 0x61000000)
_TYPE, _POSITION, _DATA = 0x0040, 0x0102, 0x3000
_PADDING_VALUE: Final = 0x00280120
_BLOCK: Final = 1024 * 1024
REGION: Final = "R"
"""Overlay Type of those that mark regions."""


def overlay_bits(elements: Elements, pixels: Pixels, *, regions_stay: bool) -> int | None:
    """Return which of these bits are to stay, those of overlays that mark regions where ``regions_stay``.

    Return None where there is no overlay in any.
    """
    if pixels.bits_allocated == pixels.bits_stored:
        return None
    top, order = elements.top, elements.encoding.order
    samples = range(pixels.high_bit + 1 - pixels.bits_stored, pixels.high_bit + 1)
    found, kept = False, 0
    for group in {tag & 0xFFFF0000 for tag in top if tag in _OVERLAYS and not is_private(tag)}:
        position = numbers("US", elements.value(group | _POSITION)[:2], order)
        bit = int(position[0]) if position else 0
        if bit in samples or (bit == 0 and group | _DATA in top):
            continue
        found = True
        if regions_stay and bit < pixels.bits_allocated and elements.text(group | _TYPE) == REGION:
            kept |= 1 << bit
    return kept if found else None


def padding_word(elements: Elements) -> int | None:
    """Return the Pixel Padding Value as the 16 bits that it is, None where there is none."""
    found = numbers("US", elements.value(_PADDING_VALUE)[:2], elements.encoding.order)
    return int(found[0]) if found else None


def stray_bits(file: Part10File, elements: Elements, at: int) -> bool:
    """Tell whether something is in bits that no sample has of native Pixel Data with its value at ``at``.

    What describes it is among ``elements``, which may be those of another file that is like this one.
    """
    element = elements.top.get(PIXEL_DATA)
    if element is None or element[4] == UNDEFINED or elements.top.keys().isdisjoint(ESSENTIAL):
        return False
    pixels = pixels_of(elements, PIXEL_DATA)
    if pixels.bits_stored == pixels.bits_allocated:
        return False
    order = ">" if is_big(file.transfer_syntax, file.encoding.order) else "<"
    return _has_strays(file.body().source, at, pixels, order, padding_word(elements))


def _has_strays(source: Source, at: int, pixels: Pixels, order: str, padding: int | None) -> bool:
    """Tell whether native samples at ``at`` have other bits than those of a sample, and of its sign.

    Words that are ``padding`` do not count: some devices put a negative one among samples without a sign.
    """
    import numpy as np

    kind = f"{order}{'i' if pixels.signed else 'u'}{pixels.bits_allocated // 8}"
    end = at + pixels.frames * pixels.frame_bits // 8
    for begin in range(at, end, _BLOCK):
        words = np.frombuffer(source.read(begin, min(_BLOCK, end - begin)), kind)
        if _are_beyond(words, pixels):
            unpadded = words[words.view(f"{order}u{words.itemsize}") != padding]
            if unpadded.size and _are_beyond(unpadded, pixels):
                return True
    return False


def _are_beyond(words: Samples, pixels: Pixels) -> bool:
    """Tell whether some of ``words`` are more than a sample can be."""
    least = -(1 << pixels.high_bit) if pixels.signed else 0
    below = (1 << pixels.high_bit + 1 - pixels.bits_stored) - 1
    if int(words.max()) >= 1 << pixels.high_bit + 1 or int(words.min()) < least:
        return True
    return bool(below and (words & below).any())

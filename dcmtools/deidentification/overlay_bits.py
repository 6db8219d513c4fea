"""Overlays in bits of native pixels that no sample has (PS3.3 C.9.2, retired)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.tags import is_private
from dcmtools.encoding.values import numbers

if TYPE_CHECKING:
    from dcmtools.codecs.pixels import Pixels
    from dcmtools.deidentification.reading import Elements

_OVERLAYS: Final = range(0x60000000, 0x61000000)
_TYPE, _POSITION, _DATA = 0x0040, 0x0102, 0x3000
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

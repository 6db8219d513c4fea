"""What the elements of a data set say of its pixels."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dcmtools.codecs.frames import PIXEL_TAGS
from dcmtools.codecs.pixels import BITS_ALLOCATED, COLUMNS, DESCRIBING, ROWS, described

if TYPE_CHECKING:
    from dcmtools.codecs.pixels import Pixels
    from dcmtools.deidentification.reading import Elements

ESSENTIAL: Final = (ROWS, COLUMNS, BITS_ALLOCATED)
"""Where none of them is there, nothing describes pixels."""
_TAGS: Final = tuple(sorted(DESCRIBING))


def pixels_of(elements: Elements, tag: int) -> Pixels:
    """Return what describes the pixels in the element ``tag``; raise InputError where it makes no sense."""
    top, value = elements.top, elements.value
    values = tuple([value(each) if each in top else None for each in _TAGS])
    return _described(values, elements.encoding.order, PIXEL_TAGS[tag])


@lru_cache(maxsize=256)
def _described(values: tuple[bytes | None, ...], order: str, bits_allocated: int) -> Pixels:
    known = {tag: value for tag, value in zip(_TAGS, values, strict=True) if value is not None}
    return described(known, order, bits_allocated=bits_allocated)

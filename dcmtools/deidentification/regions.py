"""Where an ultrasound image is, and not its frame of text: Sequence of Ultrasound Regions (PS3.3 C.8.5.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.memory import MemorySource
from dcmtools.encoding.tags import ITEM
from dcmtools.encoding.values import numbers
from dcmtools.encoding.walker import Walker
from dcmtools.encoding.writing import element

if TYPE_CHECKING:
    from dcmtools.deidentification.pixel_rules import Box
    from dcmtools.deidentification.reading import Elements

REGIONS: Final = 0x00186011
_FORMAT, _TYPE = 0x00186012, 0x00186014
_BOUNDS: Final = (0x00186018, 0x0018601A, 0x0018601C, 0x0018601E)  # left, top, right, bottom
_GRAPHICS: Final = 5
_MOST: Final = 256


def regions(elements: Elements, rows: int, columns: int) -> tuple[Box, ...]:
    """Return those parts of an image that its regions are.

    A region that is said to hold graphics, or nothing at all, or of which a bound is missing or makes no
    sense is none; nor are there any where they are more than a screen can have.
    """
    encoding = elements.encoding_in(elements.top[REGIONS], elements.encoding)
    whole = element(REGIONS, "SQ", elements.items(REGIONS), encoding)
    walker = Walker(MemorySource(whole), 0, len(whole), encoding)
    items: list[dict[int, int]] = []
    for tag, vr, _, value, length, depth in walker:
        if depth == 1 and tag == ITEM:
            items.append({})
        elif depth == 2 and vr in ("US", "UL") and length >= 2:
            (number, *_) = numbers(vr, walker.value(value, length), encoding.order) or [0]
            items[-1][tag] = int(number)
    boxes = [_box(item, rows, columns) for item in items] if len(items) <= _MOST else []
    return tuple([box for box in boxes if box])


def _box(item: dict[int, int], rows: int, columns: int) -> Box | None:
    kind = item.get(_FORMAT, 0)
    if kind == _GRAPHICS or not (kind or item.get(_TYPE)) or not all(tag in item for tag in _BOUNDS):
        return None
    left, top, right, bottom = (item[tag] for tag in _BOUNDS)
    width, height = min(right + 1, columns) - left, min(bottom + 1, rows) - top
    return (left, top, width, height) if width > 0 and height > 0 else None

"""Icons: a frame as a small picture, grey or in up to 256 colours (PS3.3 C.7.6.1.1.6, F.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.dataset import DataSet, made
from dcmtools.errors import InputError
from dcmtools.rendering.colour import MOST_COLOURS, Colours, in_few_colours
from dcmtools.rendering.frame import frame_of
from dcmtools.rendering.grey import Greys
from dcmtools.rendering.scaling import fitted

if TYPE_CHECKING:
    from dcmtools.codecs.streams import Samples
    from dcmtools.files.part10 import Part10File

SIZE: Final = 64
LARGEST: Final = 128
_NAMES: Final = ("Red", "Green", "Blue")


def icon(file: Part10File, size: int = SIZE) -> DataSet:
    """Return the item of an Icon Image Sequence for ``file``, of ``size`` by ``size`` pixels.

    It shows the frame that stands for all (``frame_of``), in its form, with black at its sides. Grey frames
    are seen through their first window; overlays are left out. Raises Unsuitable where there are no pixels,
    InputError where they cannot be decoded or no picture be made of them.
    """
    frame = frame_of(file)
    try:
        if frame.photometric.startswith("MONOCHROME") and frame.pixels.samples == 1:
            return _item("MONOCHROME2", fitted(frame, size, Greys(frame).shades))
        picture = fitted(frame, size, Colours(frame).rgb)
    except (ValueError, MemoryError) as error:
        raise InputError(f"no icon: {str(error) or 'out of memory'}") from error
    indices, palette = in_few_colours(picture)
    item = _item("PALETTE COLOR", indices)
    item.update(_palette(palette))
    return item


def _item(photometric: str, pixels: Samples) -> DataSet:
    item = made(
        SamplesPerPixel=1,
        PhotometricInterpretation=photometric,
        Rows=pixels.shape[0],
        Columns=pixels.shape[1],
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PixelRepresentation=0,
    )
    value = pixels.tobytes()
    item[0x7FE00010] = ("OB", value + b"\0" * (len(value) % 2))
    return item


def _palette(palette: Samples) -> DataSet:
    """Return the look-up tables, of 16 bits and always of the same length (C.7.6.3.1.5)."""
    import numpy as np

    whole = np.zeros((MOST_COLOURS, 3), "<u2")
    whole[: len(palette)] = palette.astype("<u2") * 257
    found = DataSet()
    for number, name in enumerate(_NAMES):
        found.update(made(**{f"{name}PaletteColorLookupTableDescriptor": [MOST_COLOURS, 0, 16]}))
        found.update(made(**{f"{name}PaletteColorLookupTableData": whole[:, number].tobytes()}))
    return found

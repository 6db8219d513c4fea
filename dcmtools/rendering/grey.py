"""Grey samples as shades from black to white: modality and VOI transformations (PS3.3 C.11.1, C.11.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.dataset import DataSet, values
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.codecs.streams import Samples
    from dcmtools.rendering.frame import Attributes, Frame

WHITE: Final = 255.0
_LUT_DATA: Final = 0x00283006
_ENTRIES: Final = 1 << 16


class Window(NamedTuple):
    """A window (C.11.2.1.2): its center and width, and the function, LINEAR where it is not named."""

    center: float
    width: float
    function: str = "LINEAR"

    def shades(self, samples: Samples) -> Samples:
        """Return shades from 0 to 255, not rounded."""
        import numpy as np

        if self.function == "SIGMOID":
            with np.errstate(over="ignore"):
                sigmoid: Samples = WHITE / (1 + np.exp(-4 * (samples - self.center) / self.width))
                return sigmoid
        center, width = self.center, self.width
        if self.function != "LINEAR_EXACT":
            center, width = center - 0.5, width - 1
        if width <= 0:
            steep: Samples = np.where(samples > center, WHITE, 0.0)
            return steep
        shades: Samples = (((samples - center) / width + 0.5) * WHITE).clip(0, WHITE)
        return shades


class Lut(NamedTuple):
    """A look-up table (C.11.1.1, C.11.2.1.1): ``entries`` for values from ``first`` on, of so many bits."""

    entries: Samples
    first: int
    bits: int

    def looked_up(self, samples: Samples) -> Samples:
        """Return the entries for ``samples``; beyond both ends it is the entry there."""
        import numpy as np

        index = np.rint(samples).astype("i8") - self.first
        found: Samples = self.entries[index.clip(0, len(self.entries) - 1)]
        return found.astype("f4")

    def shades(self, samples: Samples) -> Samples:
        """Return shades from 0 to 255, not rounded."""
        return self.looked_up(samples) * (WHITE / ((1 << self.bits) - 1))


class Greys:
    """How stored samples of a frame become shades: ``shades(samples)``, for all of them or for a part."""

    def __init__(self, frame: Frame) -> None:
        """Take what the ``frame`` says of it; without a window or table its own extremes are black and white.

        Raises InputError for tables that make no sense.
        """
        attributes = frame.attributes
        self._modality = _modality(attributes)
        slope, intercept = (attributes.numbers(f"Rescale{name}")[:1] for name in ("Slope", "Intercept"))
        self._slope = slope[0] if slope and slope[0] else 1.0
        self._intercept = intercept[0] if intercept else 0.0
        self._inverted = frame.photometric == "MONOCHROME1"
        self._voi = _voi(attributes) or self._extremes(frame)

    def shades(self, samples: Samples) -> Samples:
        """Return shades of stored ``samples``, from 0 for black to 255 for white, not rounded."""
        shades = self._voi.shades(self._modal(samples))
        return WHITE - shades if self._inverted else shades

    def _modal(self, samples: Samples) -> Samples:
        if self._modality:
            return self._modality.looked_up(samples)
        return samples.astype("f4") * self._slope + self._intercept

    def _extremes(self, frame: Frame) -> Window:
        """Return the window between the darkest and the brightest sample, padding left out (C.7.5.1.1.2)."""
        import numpy as np

        samples = frame.samples
        seen = np.isfinite(samples) if samples.dtype.kind == "f" else np.ones(samples.shape, bool)
        padding = [
            *frame.attributes.numbers("PixelPaddingValue")[:1],
            *frame.attributes.numbers("PixelPaddingRangeLimit")[:1],
        ]
        if padding:
            seen &= (samples < min(padding)) | (samples > max(padding))
        inside = samples[seen]
        if not inside.size:
            return Window(0.0, 1.0, "LINEAR_EXACT")
        ends = self._modal(np.array([inside.min(), inside.max()]))
        low, high = float(ends.min()), float(ends.max())
        return Window((low + high) / 2, max(high - low, 1e-6), "LINEAR_EXACT")


def _modality(attributes: Attributes) -> Lut | None:
    found = attributes.items("ModalityLUTSequence")
    return lut(found[0], "LUTDescriptor", signed=_is_signed(attributes)) if found else None


def _voi(attributes: Attributes) -> Window | Lut | None:
    """Return the first window, else the first table, if there is one that makes sense."""
    center, width = (attributes.numbers(f"Window{name}")[:1] for name in ("Center", "Width"))
    if center and width and width[0] > 0:
        return Window(center[0], width[0], attributes.text("VOILUTFunction") or "LINEAR")
    if found := attributes.items("VOILUTSequence"):
        slope = attributes.numbers("RescaleIntercept")[:1]
        return lut(found[0], "LUTDescriptor", signed=_is_signed(attributes) or bool(slope and slope[0] < 0))
    return None


def _is_signed(attributes: Attributes) -> bool:
    return attributes.numbers("PixelRepresentation")[:1] == [1.0]


def lut(item: DataSet, descriptor: str, *, signed: bool) -> Lut:
    """Return the table of ``item``, whose first value is ``signed`` or not, whatever the VR says.

    Raises InputError where it makes no sense.
    """
    import numpy as np

    found = [int(each) for each in values(item, descriptor)]
    data = item.get(_LUT_DATA, ("", b""))[1]
    if len(found) != 3 or not isinstance(data, bytes):
        raise InputError("a look-up table has no descriptor, or no data")
    count, first, bits = (each % _ENTRIES for each in found)
    count = count or _ENTRIES
    if signed and first >= _ENTRIES // 2:
        first -= _ENTRIES
    if not 0 < bits <= 16 or len(data) < count:
        raise InputError(f"a look-up table of {count} entries of {bits} bits has {len(data)} bytes")
    wide = len(data) >= 2 * count
    entries = np.frombuffer(data, "<u2" if wide else "u1", count)
    return Lut(entries, first, bits)

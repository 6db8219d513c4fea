"""Samples in colour as RGB of 8 bits, and that in up to 256 colours (PS3.3 C.7.6.3.1.2, C.7.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.codecs.photometric import converted
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.codecs.streams import Samples
    from dcmtools.rendering.frame import Frame

_DESCRIPTORS: Final = (0x00281101, 0x00281102, 0x00281103)
_TABLES: Final = (0x00281201, 0x00281202, 0x00281203)
_SEGMENTED: Final = (0x00281221, 0x00281222, 0x00281223)
_ENTRIES: Final = 1 << 16
MOST_COLOURS: Final = 256


class Colours:
    """How stored samples of a frame become colours: ``rgb(samples)``, for all of them or for a part."""

    def __init__(self, frame: Frame) -> None:
        """Take what the ``frame`` says of it; raises InputError for colours that are not known here."""
        self._photometric = frame.photometric
        self._pixels = frame.pixels
        self._palette: tuple[Samples, int] | None = None
        if frame.photometric == "PALETTE COLOR":
            self._palette = _palette(frame)
        elif frame.photometric not in ("RGB", "YBR_FULL") or frame.pixels.samples != 3:
            raise InputError(f"no picture is made of {frame.photometric or 'unnamed'} samples here")

    def rgb(self, samples: Samples) -> Samples:
        """Return red, green and blue of stored ``samples``, from 0 to 255, not rounded."""
        if self._palette:
            entries, first = self._palette
            found: Samples = entries[(samples.astype("i8") - first).clip(0, len(entries) - 1)]
            return found
        after = self._pixels._replace(photometric="RGB")
        rgb = converted(samples, self._photometric, after).astype("f4")
        bits = self._pixels.bits_stored
        return rgb if bits == 8 else rgb * (255.0 / ((1 << bits) - 1))


def _palette(frame: Frame) -> tuple[Samples, int]:
    """Return the entries of a palette as (n, 3) from 0 to 255, and the value of the first."""
    import numpy as np

    tables, first = [], 0
    for descriptor_tag, tag, segmented in zip(_DESCRIPTORS, _TABLES, _SEGMENTED, strict=True):
        descriptor = np.frombuffer(frame.attributes.raw(descriptor_tag)[:6].ljust(6, b"\0"), "<u2")
        count, first, bits = (int(each) for each in descriptor)
        count = count or _ENTRIES
        data = frame.attributes.raw(tag)
        if not data and (parts := frame.attributes.raw(segmented)):
            data = unsegmented(np.frombuffer(parts[: len(parts) & ~1], "<u2"), count)
        if len(data) < count or bits not in (8, 16):
            raise InputError("the palette is not there, or makes no sense")
        wide = len(data) >= 2 * count
        table = np.frombuffer(data, "<u2" if wide else "u1", count).astype("f4")
        # Some writers call entries 16 bits wide that only have 8 of them, or the other way round.
        tables.append(table * (255.0 / 65535.0) if wide and (bits == 16 or table.max() > 255) else table)
    if len({len(table) for table in tables}) > 1:
        raise InputError("the tables of the palette are not of the same length")
    if frame.pixels.signed and first >= _ENTRIES // 2:
        first -= _ENTRIES
    return np.stack(tables, -1), first


def unsegmented(parts: Samples, count: int) -> bytes:
    """Return the ``count`` entries of 16 bits that the segments ``parts`` make (PS3.3 C.7.9.2).

    Raises InputError where they do not.
    """
    import numpy as np

    made: list[Samples] = []
    length, at = 0, 0
    words = [int(each) for each in parts]
    while at + 1 < len(words) and length < count:
        kind, size = words[at], words[at + 1]
        if kind == 0 and at + 2 + size <= len(words):
            segment = np.array(words[at + 2 : at + 2 + size], "f8")
            at += 2 + size
        elif kind == 1 and at + 2 < len(words) and made and size:
            segment = np.linspace(made[-1][-1], words[at + 2], size + 1)[1:]
            at += 3
        else:
            raise InputError("the palette is made of segments that are not known here")
        if size:
            made.append(segment)
            length += size
    if length < count:
        raise InputError(f"the segments of the palette have {length} entries, not {count}")
    return bytes(np.rint(np.concatenate(made)[:count]).astype("<u2").tobytes())


def in_few_colours(rgb: Samples, most: int = MOST_COLOURS) -> tuple[Samples, Samples]:
    """Return the indices of ``rgb``, of (rows, columns, 3) in bytes, in a palette, and that, as (n, 3) bytes.

    Up to ``most`` different colours are kept; of more, groups that are alike become their mean.
    """
    import numpy as np

    colours, indices, counts = np.unique(rgb.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True)
    groups = [np.arange(len(colours))]
    while len(groups) < min(most, len(colours)):
        spreads = [np.ptp(colours[group], axis=0).max() * (len(group) > 1) for group in groups]
        group = groups.pop(int(np.argmax(spreads)))
        channel = int(np.ptp(colours[group], axis=0).argmax())
        ordered = group[np.argsort(colours[group, channel], kind="stable")]
        weights = counts[ordered].cumsum()
        cut = int(np.searchsorted(weights, weights[-1] / 2)) + 1
        cut = min(max(cut, 1), len(ordered) - 1)
        groups += [ordered[:cut], ordered[cut:]]
    palette = np.zeros((len(groups), 3), "u1")
    becomes = np.zeros(len(colours), "u1")
    for number, group in enumerate(groups):
        palette[number] = np.rint(np.average(colours[group], axis=0, weights=counts[group]))
        becomes[group] = number
    return becomes[indices.reshape(-1)].reshape(rgb.shape[:2]), palette

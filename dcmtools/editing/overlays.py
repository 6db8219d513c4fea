"""Overlays in bits of pixels that no sample has (PS3.3 C.9.2, retired): codecs have no room for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.codecs import native
from dcmtools.editing.splice import Edit
from dcmtools.encoding.values import numbers
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.codecs.frames import PixelData
    from dcmtools.editing.derivation import Top

OVERLAY_GROUPS: Final = range(0x6000, 0x6020, 2)
_ROWS, _COLUMNS, _FRAMES, _FIRST, _ALLOCATED, _POSITION, _DATA = (
    *(0x0010, 0x0011, 0x0015, 0x0051),
    *(0x0100, 0x0102, 0x3000),
)


class _Plane(NamedTuple):
    group: int
    bit: int
    frames: list[bytes]


class Embedded:
    """The overlays that native pixel ``data`` have in them, to get data of their own."""

    def __init__(self, top: Top, data: PixelData) -> None:
        """Find them; raises InputError for one that is not of the size of the image."""
        self._data = data
        self._single = data.pixels._replace(bits_allocated=1, photometric="", planar=0)
        self._order = top.encoding.order
        self._planes: list[_Plane] = []
        pixels = data.pixels
        of_samples = range(pixels.high_bit + 1 - pixels.bits_stored, pixels.high_bit + 1)
        for group in OVERLAY_GROUPS if not data.encapsulated else ():
            bit = self._number(top, group, _POSITION)
            size = self._number(top, group, _ROWS), self._number(top, group, _COLUMNS)
            if not size[0] or bit in of_samples or top.has(group << 16 | _DATA):
                continue
            if size != (pixels.rows, pixels.columns) or bit >= pixels.bits_allocated or pixels.samples > 1:
                raise InputError(f"the overlay ({group:04x},0010) is in the pixels, and not of their size")
            self._planes.append(_Plane(group, bit, []))

    def _number(self, top: Top, group: int, element: int) -> int:
        found = numbers("US", top.raw(group << 16 | element), self._order)
        return int(found[0]) if found else 0

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self._planes)

    def take(self, index: int) -> None:
        """Take the bits out of a frame."""
        if not self._planes:
            return
        words = native.decode(self._data.frame(index), self._data.pixels)
        for plane in self._planes:
            bits = words >> plane.bit & 1
            plane.frames.append(native.encode(bits.astype("u1"), self._single))

    def edits(self) -> Iterator[Edit]:
        """Yield what gives the overlays of the frames taken data of their own."""
        for group, _, frames in self._planes:
            bits = (native.decode(frame, self._single) for frame in frames)
            packed = b"".join(native.blocks(bits, self._single, word=2 if self._order == ">" else 1))
            count = len(frames)
            yield Edit(group << 16 | _ALLOCATED, "US", self._short(1))
            yield Edit(group << 16 | _POSITION, "US", self._short(0))
            yield Edit(group << 16 | _DATA, "OW", packed)
            if count > 1:
                yield Edit(group << 16 | _FRAMES, "IS", str(count).encode())
                yield Edit(group << 16 | _FIRST, "US", self._short(1))

    def _short(self, number: int) -> bytes:
        return number.to_bytes(2, "big" if self._order == ">" else "little")

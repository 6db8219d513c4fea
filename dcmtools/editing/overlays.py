"""Overlays in bits of pixels that no sample has (PS3.3 C.9.2, retired): codecs have no room for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.codecs import native
from dcmtools.editing.splice import Edit
from dcmtools.encoding.values import numbers, swapped
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.codecs.frames import PixelData
    from dcmtools.editing.derivation import Top

_GROUPS: Final = range(0x6000, 0x6020, 2)
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
        self._order = top.encoding.order
        self._planes: list[_Plane] = []
        pixels = data.pixels
        of_samples = range(pixels.high_bit + 1 - pixels.bits_stored, pixels.high_bit + 1)
        for group in _GROUPS if not data.encapsulated else ():
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
        import numpy as np

        if not self._planes:
            return
        words = native.decode(self._data.frame(index), self._data.pixels)
        for plane in self._planes:
            bits = words >> plane.bit & 1
            plane.frames.append(np.packbits(bits.astype("u1").reshape(-1), bitorder="little").tobytes())

    def edits(self) -> Iterator[Edit]:
        """Yield what gives the overlays of the frames taken data of their own."""
        for group, _, frames in self._planes:
            packed = self._joined(frames)
            packed += b"\0" * (len(packed) % 2)
            count = len(frames)
            yield Edit(group << 16 | _ALLOCATED, "US", self._short(1))
            yield Edit(group << 16 | _POSITION, "US", self._short(0))
            yield Edit(group << 16 | _DATA, "OW", swapped("OW", packed) if self._order == ">" else packed)
            if count > 1:
                yield Edit(group << 16 | _FRAMES, "IS", str(count).encode())
                yield Edit(group << 16 | _FIRST, "US", self._short(1))

    def _joined(self, frames: list[bytes]) -> bytes:
        """Return the bits of all frames, which do not begin with bytes (PS3.5 8.1.2)."""
        bits = self._data.pixels.rows * self._data.pixels.columns
        if bits % 8 == 0:
            return b"".join(frames)
        whole = 0
        for number, frame in enumerate(frames):
            whole |= int.from_bytes(frame, "little") << number * bits
        return whole.to_bytes(-(-bits * len(frames) // 8), "little")

    def _short(self, number: int) -> bytes:
        return number.to_bytes(2, "big" if self._order == ">" else "little")

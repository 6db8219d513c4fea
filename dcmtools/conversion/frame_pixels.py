"""The pixel data and the overlays of one frame, as they stand in the file (PS3.5 section 8, PS3.3 C.9.2)."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.codecs.frames import PixelData
from dcmtools.codecs.pixels import MAX_FRAMES, Pixels
from dcmtools.conversion.layout import Cut
from dcmtools.editing.overlays import OVERLAY_GROUPS
from dcmtools.editing.splice import Edit
from dcmtools.encoding.values import number_struct, numbers, swapped
from dcmtools.encoding.writing import header
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.conversion.layout import Layout
    from dcmtools.editing.derivation import Top
    from dcmtools.encoding.syntax import Encoding
    from dcmtools.files.part10 import Part10File

_ROWS, _COLUMNS, _FRAMES, _FIRST, _DATA = 0x0010, 0x0011, 0x0015, 0x0051, 0x3000
_ITEM: Final = b"\xfe\xff\x00\xe0"
_ONE_OFFSET: Final = _ITEM + pack("<LL", 4, 0)
_END: Final = b"\xfe\xff\xdd\xe0\0\0\0\0"


def cut_out(data: PixelData, index: int, encoding: Encoding) -> Cut:
    """Return the cut that leaves a frame of ``data``.

    A codestream keeps its fragments, behind an offset table of its own; samples stay where they stand, unless
    they begin within a byte or a word. Raises InputError where the frame is not there.
    """
    return _encapsulated(data, index) if data.encapsulated else _native(data, index, encoding)


def _encapsulated(data: PixelData, index: int) -> Cut:
    spans, value = data.fragments(index), data.element[3]
    if not any(span.length for span in spans):
        raise InputError(f"frame {index + 1} is empty")
    if any(span.length % 2 for span in spans):  # as no fragment may be
        stream = _even(data.frame(index))
        new = _ONE_OFFSET + _ITEM + pack("<L", len(stream)) + stream + _END
        return Cut(value, value, value, data.after, b"", new)
    last = spans[-1]
    return Cut(value, spans[0].offset - 8, last.offset + last.length, data.after, _ONE_OFFSET, _END)


def _native(data: PixelData, index: int, encoding: Encoding) -> Cut:
    tag, vr, at, _, _, _ = data.element
    begin, size = data.span(index)
    head, width = header(tag, vr, encoding)
    length = (size + size % 2).to_bytes(width, "big" if encoding.big else "little")
    if data.pixels.frame_bits % (8 * _word(data, vr)):
        frame = _even(data.frame(index))
        new = head + len(frame).to_bytes(width, "big" if encoding.big else "little")
        return Cut(at, at, at, data.after, b"", new + (swapped(vr, frame) if data.big else frame))
    return Cut(at, begin, begin + size, data.after, head + length, b"\0" * (size % 2))


def _word(data: PixelData, vr: str) -> int:
    """Return in how many bytes the value is kept that are no use one by one."""
    return number_struct(vr, ">").size if data.big else 1


def _even(raw: bytes) -> bytes:
    return raw + b"\0" * (len(raw) % 2)


class _Plane(NamedTuple):
    """An overlay whose frames are those of the image from the index ``first`` on; ``bits`` has them."""

    group: int
    first: int
    frames: int
    bits: PixelData | None


class Overlays:
    """The overlays of an image that are of certain frames only (C.9.3); others stay with all."""

    def __init__(self, file: Part10File, top: Top, layout: Layout) -> None:
        """Find them; raises InputError where it makes no sense what is said of them."""
        self._layout = layout
        self._order = file.encoding.order
        self._planes = list(self._found(file, top))

    def _found(self, file: Part10File, top: Top) -> Iterator[_Plane]:
        for group in OVERLAY_GROUPS:
            told = top.text(group << 16 | _FRAMES)
            if not told:
                continue
            if not told.isdecimal() or not told.isascii() or not 0 < int(told[:12]) <= MAX_FRAMES:
                raise InputError(f"the overlay ({group:04x},0015) has no number of frames")
            rows, columns = (self._number(top, group, each) for each in (_ROWS, _COLUMNS))
            first = max(1, self._number(top, group, _FIRST)) - 1
            bits, span = None, self._layout.value(group << 16 | _DATA)
            if span and rows and columns:
                pixels = Pixels(rows, columns, 1, "", 1, 1, 0, signed=False, planar=0, frames=int(told))
                vr = top.vr(group << 16 | _DATA)
                element = (group << 16 | _DATA, vr, span.offset, span.offset, span.length, 0)
                bits = PixelData(file.walk(), element, pixels, None, "")
            yield _Plane(group, first, int(told), bits)

    def _number(self, top: Top, group: int, element: int) -> int:
        found = numbers("US", top.raw(group << 16 | element), self._order)
        return int(found[0]) if found else 0

    def edits(self, index: int) -> Iterator[Edit]:
        """Yield what leaves of overlays those of a frame; raises InputError where one is not there."""
        for group, first, frames, bits in self._planes:
            if not first <= index < first + frames:
                yield from (Edit(tag, "", None) for tag in self._layout.in_group(group))
                continue
            yield Edit(group << 16 | _FRAMES, "IS", None)
            yield Edit(group << 16 | _FIRST, "US", None)
            if bits:
                yield Edit(group << 16 | _DATA, bits.element[1], self._frame(bits, index - first))

    def _frame(self, bits: PixelData, number: int) -> bytes:
        tag, vr, *_ = bits.element
        try:
            raw = _even(bits.frame(number))
        except InputError as error:
            raise InputError(f"overlay ({tag >> 16:04x},3000): {error.message}") from None
        return swapped(vr, raw) if bits.big else raw

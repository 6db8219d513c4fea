"""One frame of a file, and the attributes by which it becomes a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.codecs.decoding import decode
from dcmtools.codecs.frames import pixel_data
from dcmtools.encoding.dataset import DataSet, items, read, values
from dcmtools.encoding.tags import ITEM
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dcmtools.codecs.pixels import Pixels
    from dcmtools.codecs.streams import Samples
    from dcmtools.encoding.element import Element
    from dcmtools.files.part10 import Part10File

_SHARED: Final = 0x52009229
_PER_FRAME: Final = 0x52009230
_REPRESENTATIVE: Final = "RepresentativeFrameNumber"
_MACROS: Final = ("PixelValueTransformationSequence", "FrameVOILUTSequence", "PixelMeasuresSequence")
_TAGS: Final = frozenset((
    *(0x00080005, 0x00181164, 0x00280030, 0x00280034),  # character set, how far apart pixels are
    *(0x00280103, 0x00280120, 0x00280121, 0x00286010),  # sign, padding, which frame stands for all
    *(0x00281050, 0x00281051, 0x00281052, 0x00281053, 0x00281056, 0x00283000, 0x00283010),
    *(0x00281101, 0x00281102, 0x00281103, 0x00281201, 0x00281202, 0x00281203),
    *(0x00281221, 0x00281222, 0x00281223),
    _SHARED,
))  # fmt: skip


class Frame(NamedTuple):
    """A frame: its samples as they are stored (see ``codecs.decoding.Decoded``), and what describes them.

    ``attributes`` has those of the frame itself before those of all frames, those of the top last.
    """

    samples: Samples
    photometric: str
    pixels: Pixels
    attributes: Attributes


class Attributes:
    """Attributes of a frame, wherever the file has them: at the top, or in functional groups (C.7.6.16)."""

    def __init__(self, top: DataSet, per_frame: DataSet | None) -> None:
        """Look in the functional groups of the frame, in those of all, and at the ``top``, in this order."""
        groups = [per_frame, *items(top, _SHARED)[:1]]
        macros = [macro for group in groups if group for name in _MACROS for macro in items(group, name)[:1]]
        self._places = [*macros, top]

    def items(self, keyword: str) -> list[DataSet]:
        """Return the items of a sequence."""
        return next((found for place in self._places if (found := items(place, keyword))), [])

    def numbers(self, keyword: str) -> list[float]:
        """Return numbers, none where there are none or they are no numbers."""
        found = next((found for place in self._places if (found := values(place, keyword))), [])
        try:
            return [float(each) for each in found]
        except ValueError:
            return []

    def text(self, keyword: str) -> str:
        """Return the first value of a text."""
        return next((found[0] for place in self._places if (found := values(place, keyword))), "")

    def raw(self, keyword: int) -> bytes:
        """Return the bytes of an element at the top, in little endian."""
        value = self._places[-1].get(keyword, ("", b""))[1]
        return value if isinstance(value, bytes) else b""


def frame_of(file: Part10File, index: int | None = None) -> Frame:
    """Return the frame ``index`` of ``file``, from 0; without one that which stands for all of them.

    That is Representative Frame Number, else the one in the middle. Raises Unsuitable where there are no
    pixels, InputError where they cannot be decoded, and what walking the data set does.
    """
    data = pixel_data(file)
    top = read(file.walk(stop=_PER_FRAME), chosen=_Chosen(_TAGS))
    if index is None:
        representative = values(top, _REPRESENTATIVE)[:1]
        number = int(representative[0]) if representative and representative[0].isdecimal() else 0
        index = number - 1 if 0 < number <= len(data) else len(data) // 2
    if not 0 <= index < len(data):
        raise InputError(f"there is no frame {index + 1} of {len(data)}")
    decoded = decode(data, index)
    per_frame = None
    if len(data) > 1:
        found = read(file.walk(stop=_PER_FRAME + 1), chosen=_Chosen({_PER_FRAME}, item=index))
        per_frame = next(iter(items(found, _PER_FRAME)), None)
    return Frame(decoded.samples, decoded.photometric, data.pixels, Attributes(top, per_frame))


class _Chosen:
    """Of a walk the elements at the top that are ``tags``, of sequences all items, or the one of a number."""

    def __init__(self, tags: frozenset[int] | set[int], item: int | None = None) -> None:
        self._tags = tags
        self._wanted = item
        self._within = False
        self._item = -1

    def __call__(self, elements: Iterable[Element]) -> Iterator[Element]:
        for each in elements:
            tag, depth = each[0], each[5]
            if not depth:
                self._within, self._item = tag in self._tags, -1
            elif depth == 1 and tag == ITEM:
                self._item += 1
            if self._within and (not depth or self._wanted in (None, self._item)):
                yield each

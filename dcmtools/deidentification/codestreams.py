"""Compressed pixel data that holds images and nothing else: what codestreams carry beside them goes."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING, Final

from dcmtools import batch
from dcmtools.codecs.encapsulating import Encapsulated
from dcmtools.codecs.frames import EXTENDED_OFFSET_TABLE
from dcmtools.codecs.markers import stripped
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.codecs.frames import PixelData
    from dcmtools.codecs.pixels import Pixels
    from dcmtools.codecs.registry import Codec
    from dcmtools.codecs.settings import Settings
    from dcmtools.deidentification.reading import Elements

_LENGTHS: Final = EXTENDED_OFFSET_TABLE + 1
_ITEM: Final = 8  # bytes of its header


def is_bare(data: PixelData, elements: Elements) -> bool:
    """Tell whether there is nothing in the encapsulated pixel ``data`` but images and where they begin.

    Raises InputError for a frame that cannot be accounted for.
    """
    codec = _codec(data)
    for index, frame in enumerate(data):
        bare = _bare(frame, index, codec, data.pixels)
        if frame not in (bare, bare + b"\0"):
            return False
    return _tables_are_true(data, elements)


def stripped_frames(data: PixelData, settings: Settings) -> Encapsulated:
    """Return the frames of ``data`` with nothing in them but images, to be closed; raises InputError."""
    codec = _codec(data)
    whole = Encapsulated(settings)
    try:
        for index, frame in enumerate(data):
            whole.add(_bare(frame, index, codec, data.pixels))
    except BaseException:
        whole.close()
        raise
    return whole


def _codec(data: PixelData) -> Codec:
    if data.codec is None:
        raise InputError("the transfer syntax is not known")
    return data.codec


def _bare(frame: bytes, index: int, codec: Codec, pixels: Pixels) -> bytes:
    try:
        if codec.module == "jpeg_xl" and b"jbrd" in frame:  # which takes a native codec
            return batch.alone(_strip, (frame, codec), _lost)
        return stripped(frame, codec, pixels)
    except InputError as error:
        message = f"frame {index + 1}: {error.message}"
        raise InputError(message, hint=error.hint) from error


def _strip(what: tuple[bytes, Codec]) -> bytes:
    return stripped(*what)


def _lost(_: tuple[bytes, Codec]) -> bytes:
    raise InputError("the codec crashed on the JPEG within it")


def _tables_are_true(data: PixelData, elements: Elements) -> bool:
    """Tell whether offset tables say where frames begin, and nothing else."""
    spans = [data.fragments(index) for index in range(len(data))]
    begins = [frame[0].offset - _ITEM for frame in spans]
    offsets = [begin - begins[0] for begin in begins]
    table = data.source.read(data.element[3] + _ITEM, begins[0] - data.element[3] - _ITEM)
    if table and (offsets[-1] >= 1 << 32 or table != pack(f"<{len(offsets)}L", *offsets)):
        return False
    if EXTENDED_OFFSET_TABLE not in elements.top and _LENGTHS not in elements.top:
        return True
    if any(len(frame) > 1 for frame in spans):
        return False
    lengths = [frame[0].length for frame in spans]
    told = {EXTENDED_OFFSET_TABLE: offsets, _LENGTHS: lengths}
    return all(
        _value(data, elements, tag) == pack(f"<{len(values)}Q", *values) for tag, values in told.items()
    )


def _value(data: PixelData, elements: Elements, tag: int) -> bytes:
    element = elements.top.get(tag)
    return data.source.read(element[3], element[4]) if element else b""

"""Codestreams without what they carry beside the image: comments, application data, boxes.

Nothing is decoded. Lengths are taken at their word, and what does not add up is refused.
"""

from __future__ import annotations

import zlib
from functools import partial
from typing import TYPE_CHECKING, Final

from dcmtools.codecs import bare_jpeg, bare_jpeg_2000, bare_jpeg_xl, bare_rle
from dcmtools.codecs.streams import told
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dcmtools.codecs.pixels import Pixels
    from dcmtools.codecs.registry import Codec

    Part = tuple[bytes, bool]  # and whether it is kept

_NATIVE: Final = ("native", "uncompressed")
_MOST_INFLATED: Final = 1 << 20


def stripped(codestream: bytes, codec: Codec, pixels: Pixels | None = None) -> bytes:
    """Return the codestream of a frame with nothing in it but the image; its samples are the same.

    Of JPEG all COM and APPn go but for what tells of colours: JFIF's and Adobe's, each in fixed form. So do
    tables that no scan has use for. JPEG-LS keeps its colour transformation (APP8), JPEG 2000 its codestream
    without boxes, COM and optional pointers (TLM are made anew), JPEG XL the boxes that a decoder needs. A
    JPEG within JPEG XL is taken out and put in again by a native codec. Of RLE the runs are kept that make
    the frame ``pixels`` describes; without that nothing tells where segments end.
    What is behind the end goes; of a bare JPEG XL codestream nothing tells where that is, and within the
    coded bits of JPEG and JPEG 2000 only decoding would.

    Raises InputError where the codestream cannot be accounted for byte by byte, and for video.
    """
    if codec.module in _NATIVE:
        return codestream
    if codec.module not in _PARTS:
        raise InputError(f"what {codec.keyword} carries beside the image is not looked for here")
    with told(f"the {codec.keyword} codestream cannot be read"):
        if codec.module == "jpeg_xl":
            return bare_jpeg_xl.stripped(codestream)
        return b"".join([data for data, kept in _parts(codestream, codec, pixels) if kept])


def carried(codestream: bytes, codec: Codec, pixels: Pixels | None = None) -> list[bytes]:
    """Return all that ``stripped`` takes from a codestream: none where that holds nothing but the image.

    A codestream that cannot be accounted for is returned whole.
    """
    if codec.module in _NATIVE:
        return []
    if codec.module not in _PARTS:
        return [codestream]
    try:
        with told("not read"):
            parts = _parts(codestream, codec, pixels)
            return [data for data, kept in parts if not kept and data.strip(b"\0\xff")]
    except InputError:
        return [codestream]


def _parts(codestream: bytes, codec: Codec, pixels: Pixels | None) -> Iterator[Part]:
    if codec.module == "rle":
        return bare_rle.parts(codestream, pixels)
    return _PARTS[codec.module](codestream)


def _deflated_parts(codestream: bytes) -> Iterator[Part]:
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    rest = codestream
    try:
        while rest and not inflating.eof:
            inflating.decompress(rest, _MOST_INFLATED)
            rest = inflating.unconsumed_tail
    except zlib.error as error:
        raise InputError(f"the deflated frame is broken ({error})") from error
    if not inflating.eof:
        raise InputError("the deflated frame is cut short")
    end = len(codestream) - len(inflating.unused_data)
    yield codestream[:end], True
    yield codestream[end:], False


_PARTS: Final[dict[str, Callable[[bytes], Iterator[Part]]]] = {
    "jpeg": bare_jpeg.parts,
    "jpeg_ls": partial(bare_jpeg.parts, ls=True),
    "jpeg_2000": bare_jpeg_2000.parts,
    "htj2k": bare_jpeg_2000.parts,
    "jpeg_xl": bare_jpeg_xl.parts,
    "rle": bare_rle.parts,
    "deflated_frame": _deflated_parts,
}

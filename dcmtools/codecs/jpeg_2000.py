"""JPEG 2000 (ISO/IEC 15444-1) and the header it shares with High-Throughput JPEG 2000; PS3.5 8.2.4."""

from __future__ import annotations

import logging
from math import log10
from struct import unpack_from
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.codecs.settings import decibels, extent
from dcmtools.codecs.streams import Samples, Stream, told
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.codecs.pixels import Pixels
    from dcmtools.codecs.registry import Codec
    from dcmtools.codecs.settings import Settings

SIZ, COD, QCD, TLM = 0xFF51, 0xFF52, 0xFF5C, 0xFF55
_SOC: Final = b"\xff\x4f"
_BOXED: Final = b"\0\0\0\x0cjP  "
_SOT, _SOD, _EOC = 0xFF90, 0xFF93, b"\xff\xd9"
_MOST_TILES: Final = 65535
_SMALLEST: Final = 32  # of a side, for which OpenJPEG's six resolutions are not too many


class Marked(NamedTuple):
    """A marker segment of a main header: where what follows its length begins, and what it is."""

    marker: int
    offset: int
    data: bytes


def main_header(codestream: bytes) -> Iterator[Marked]:
    """Yield the marker segments up to the first tile-part; raises InputError where it is cut short."""
    at = len(_SOC)
    while True:
        marker, length = unpack_from(">HH", codestream, at)
        if at + 2 + length > len(codestream) or length < 2 or marker < 0xFF00:
            raise InputError("the JPEG 2000 codestream is cut short in its main header")
        yield Marked(marker, at + 4, codestream[at + 4 : at + 2 + length])
        if marker == _SOT:
            return
        at += 2 + length


def header(codestream: bytes) -> Stream:
    """Return what the codestream says of itself; raises InputError where it is none, or cut short."""
    codestream = bare(codestream)
    with told("the JPEG 2000 codestream cannot be read"):
        found = {marker: (offset, data) for marker, offset, data in main_header(codestream)}
        if SIZ not in found or COD not in found:
            raise InputError("the JPEG 2000 codestream lacks its SIZ or COD marker")
        _check_tile_parts(codestream, found[_SOT][0] - 4)
        return _header(found[SIZ][1], found[COD][1])


def _header(siz: bytes, cod: bytes) -> Stream:
    right, bottom, left, top, tile_width, tile_height, tile_left, tile_top = unpack_from(">8L", siz, 2)
    (components,) = unpack_from(">H", siz, 34)
    depths = siz[36 : 36 + 3 * components : 3]
    if not (tile_width and tile_height and right > left >= tile_left and bottom > top >= tile_top and depths):
        raise InputError("the SIZ marker of the JPEG 2000 codestream makes no sense")
    tiles = -(-(right - tile_left) // tile_width) * -(-(bottom - tile_top) // tile_height)
    if tiles > _MOST_TILES:
        raise InputError(f"{tiles} tiles are more than a JPEG 2000 codestream may have")
    if len(set(depths)) > 1:
        raise InputError("the components of the JPEG 2000 codestream differ in depth or sign")
    return Stream(
        rows=bottom - top,
        columns=right - left,
        samples=components,
        bits=(depths[0] & 0x7F) + 1,
        signed=depths[0] > 0x7F,
        lossless=cod[9] == 1,  # the reversible wavelet
        photometric="RGB" if cod[4] and components >= 3 else "",
    )


def _check_tile_parts(codestream: bytes, at: int) -> None:
    """Raise InputError where a tile-part ends behind the codestream."""
    while True:
        marker, _, _, length = unpack_from(">HHHL", codestream, at)
        if marker != _SOT or length == 0:  # the last may end wherever the codestream does
            return
        at += length
        if at > len(codestream) or length < 14:
            raise InputError("the JPEG 2000 codestream is cut short")
        if len(codestream) - at < 12:
            return


def bare(codestream: bytes) -> bytes:
    """Return a codestream without the boxes of a JP2 file around it, which PS3.5 A.4.4 does not want."""
    if codestream.startswith(_SOC):
        return codestream
    at = 0
    while codestream.startswith(_BOXED) and at + 8 <= len(codestream):
        length, kind = unpack_from(">L4s", codestream, at)
        if kind == b"jp2c":
            start = at + (16 if length == 1 else 8)
            return codestream[start : at + length if length > 1 else len(codestream)]
        if length < 8:
            break
        at += length
    raise InputError("not a JPEG 2000 codestream: it does not begin with SOC")


def decode(codestream: bytes, stream: Stream, pixels: Pixels) -> Samples:  # noqa: ARG001  as all decoders
    """Return the samples, its own colour transformation undone.

    It is OpenJPEG as pylibjpeg-openjpeg has it, but takes 0.85 of the time and lets other threads run.
    """
    from imagecodecs import jpeg2k_decode

    with told("the JPEG 2000 codestream cannot be decoded"):
        return jpeg2k_decode(bare(codestream))


def photometric(stream: Stream, pixels: Pixels) -> str:
    """Return what decoded samples are; a label of a transformation that is not there is taken for RGB."""
    if stream.photometric and not pixels.photometric.startswith("YBR_FULL"):
        return stream.photometric
    return "RGB" if pixels.photometric in ("YBR_RCT", "YBR_ICT") else pixels.photometric


def encode(samples: Samples, pixels: Pixels, codec: Codec, settings: Settings) -> bytes:
    """Return the codestream of a frame, with the colour transformation of JPEG 2000 if it is RGB.

    Sides of less than 32 are too short for ratios: these are encoded as well as it goes.
    """
    if min(pixels.rows, pixels.columns) < _SMALLEST:
        return _small(samples, pixels, codec)
    from openjpeg.utils import encode_buffer

    logging.getLogger("openjpeg").setLevel(logging.WARNING)  # it tells of every tile
    bits = pixels.bits_stored
    width = 1 if bits <= 8 else 2 if bits <= 16 else 4
    ratio = settings.ratio * bits / pixels.bits_allocated  # OpenJPEG counts bits that are stored
    noise = _of_nominal(decibels(settings.quality), samples, bits)
    with told("JPEG 2000 cannot encode this frame"):
        return bytes(
            encode_buffer(
                samples.astype(f"{samples.dtype.kind}{width}", copy=False).tobytes(),
                pixels.columns,
                pixels.rows,
                pixels.samples,
                bits,
                pixels.signed,
                photometric_interpretation=1 if pixels.photometric == "RGB" else 0,
                use_mct=True,
                compression_ratios=[max(1.0, ratio)] if ratio and not codec.lossless else None,
                signal_noise_ratios=None if ratio or codec.lossless else [noise],
            )
        )


def _of_nominal(noise: float, samples: Samples, bits: int) -> float:
    """Return a signal-to-noise ratio as OpenJPEG has it: its peak is what so many bits can hold."""
    return noise + 20 * log10(((1 << bits) - 1) / extent(samples))


def _small(samples: Samples, pixels: Pixels, codec: Codec) -> bytes:
    from imagecodecs import jpeg2k_encode

    with told("JPEG 2000 cannot encode this frame"):
        return bytes(
            jpeg2k_encode(
                samples,
                None if codec.lossless else round(_of_nominal(decibels(100), samples, pixels.bits_stored)),
                codecformat="j2k",
                reversible=codec.lossless,
                bitspersample=pixels.bits_stored,
                mct=pixels.photometric == "RGB",
            )
        )

"""High-Throughput JPEG 2000 (ISO/IEC 15444-15); PS3.5 8.2.14 and 10.18."""

from __future__ import annotations

import sys
from math import sqrt
from struct import iter_unpack, pack_into, unpack_from
from typing import TYPE_CHECKING, Any, Final

from dcmtools.codecs import jpeg_2000
from dcmtools.codecs.jpeg_2000 import QCD, SIZ, bare, main_header
from dcmtools.codecs.settings import decibels, extent, smallest_enough
from dcmtools.codecs.streams import Samples, Stream, told
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.codecs.pixels import Pixels
    from dcmtools.codecs.registry import Codec
    from dcmtools.codecs.settings import Settings

header = jpeg_2000.header
photometric = jpeg_2000.photometric
_THUMBNAIL: Final = 64  # PS3.5 10.18: no side of the smallest resolution is longer
_FINEST: Final = 0.25  # step of quantization, of a unit of samples: nothing is to be seen of finer ones
_SPARE: Final = 6  # guard bits that there can be beside the one that OpenJPH writes


def decode(codestream: bytes, stream: Stream, pixels: Pixels) -> Samples:
    """Return the samples, its own colour transformation undone.

    OpenJPEG notices damage that OpenJPH passes over, which has to do where samples have more than 16 bits.
    """
    if stream.bits <= 16:
        return jpeg_2000.decode(codestream, stream, pixels)
    from imagecodecs import htj2k_decode

    silenced: list[Any] = []
    hook = sys.unraisablehook
    sys.unraisablehook = silenced.append  # where an error of OpenJPH ends, rather than here
    try:
        with told("the HTJ2K codestream cannot be decoded"):
            samples = htj2k_decode(bare(codestream))
    finally:
        sys.unraisablehook = hook
    if silenced:
        raise InputError("the HTJ2K codestream cannot be decoded: it is damaged")
    return samples


def encode(samples: Samples, pixels: Pixels, codec: Codec, settings: Settings) -> bytes:
    """Return the codestream of a frame: RPCL, with lengths of tile-parts, as PS3.5 10.18 wants it."""
    from imagecodecs import htj2k_encode

    centred, bits = _centred(samples, pixels, codec)
    spare = 8 * centred.itemsize - bits
    resolutions = _resolutions(pixels)

    def at_step(step: float | None) -> bytes:
        encoded = htj2k_encode(
            centred,
            step,
            reversible=codec.lossless,
            rgb=pixels.photometric == "RGB",
            tlm=True,
            resolutions=resolutions,
        )
        return _described(bytes(encoded), bits, 0 if codec.lossless else spare, signed=pixels.signed)

    def at_quality(quality: int) -> bytes:
        noise = extent(samples) * 10 ** (-decibels(quality) / 20)
        return at_step(max(_FINEST, noise * sqrt(12)) / (1 << 8 * centred.itemsize))

    with told("HTJ2K cannot encode this frame"):
        if codec.lossless:
            return at_step(None)
        return bytes(smallest_enough(at_quality, settings, samples.nbytes))


def _centred(samples: Samples, pixels: Pixels, codec: Codec) -> tuple[Samples, int]:
    """Return signed samples, those that were not moved around 0, and of how many bits they are to be called.

    This is what a codestream has inside; so it can be said to be of any number of bits, rather than of 8, 16
    or 32. Lossy, there may be ``_SPARE`` fewer.
    """
    width = 1 if pixels.bits_stored <= 8 else 2 if pixels.bits_stored <= 16 else 4
    samples = samples.astype(f"{samples.dtype.kind}{width}", copy=False)
    bits = pixels.bits_stored if codec.lossless else max(pixels.bits_stored, 8 * samples.itemsize - _SPARE)
    if not pixels.signed:
        samples = (samples - samples.dtype.type(1 << bits - 1)).view(f"i{samples.itemsize}")
    return samples, bits


def _resolutions(pixels: Pixels) -> int:
    """Return how often a frame is halved: five times, or until a thumbnail is left."""
    longest = max(pixels.rows, pixels.columns)
    return max(5, (-(-longest // _THUMBNAIL) - 1).bit_length())


def _described(codestream: bytes, bits: int, spare: int, *, signed: bool) -> bytes:
    """Return a codestream said to be of samples of ``bits`` bits, which are ``spare`` fewer than it was.

    Steps of quantization are relative to the range of samples: to stay what they are they are said anew, and
    guard bits make up for the bit planes that are then missing.
    """
    changed = bytearray(codestream)
    for marker, at, data in main_header(codestream):
        if marker == SIZ:
            (components,) = unpack_from(">H", data, 34)
            changed[at + 36 : at + 36 + 3 * components : 3] = bytes([bits - 1 | signed << 7]) * components
        elif marker == QCD and spare:
            changed[at] = data[0] + (spare << 5)
            steps = [step - (spare << 11) for (step,) in iter_unpack(">H", data[1:])]
            pack_into(f">{len(steps)}H", changed, at + 1, *steps)
    return bytes(changed)

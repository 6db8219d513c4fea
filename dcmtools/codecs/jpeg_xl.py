"""JPEG XL (ISO/IEC 18181): lossless, lossy, and JPEG within it; PS3.5 8.2.15."""

from __future__ import annotations

from math import sqrt
from struct import unpack_from
from typing import TYPE_CHECKING, Final

from dcmtools.codecs.settings import EFFORT, smallest_enough
from dcmtools.codecs.streams import Samples, Stream, told
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.codecs.pixels import Pixels
    from dcmtools.codecs.registry import Codec
    from dcmtools.codecs.settings import Settings

_BEGIN: Final = b"\xff\x0a"
_BOXED: Final = b"\0\0\0\x0cJXL "
_LOSSLESS_EFFORT: Final = 2  # smaller than 3 and 4 on most images, and many times as quick
_LONGEST_HEADER: Final = 64
_LEAST_DISTANCE: Final = 0.01  # that libjxl knows
# As the format has its numbers: bits to read, and what to add, by the first two bits.
_SIZES: Final = ((9, 1), (13, 1), (18, 1), (30, 1))
_DEPTHS: Final = ((0, 8), (0, 10), (0, 12), (6, 1))
_COUNTS: Final = ((0, 0), (0, 1), (4, 2), (12, 1))
_SPACES: Final = ((0, 0), (0, 1), (4, 2), (6, 18))
_GREY: Final = 1
_RATIOS: Final = ((0, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


class _Bits:
    """The bits of a header, the lowest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._number = int.from_bytes(data, "little")
        self._left = 8 * len(data)

    def read(self, count: int) -> int:
        """Return the next bits as a number; raises InputError where there are no more."""
        self._left -= count
        if self._left < 0:
            raise InputError("the JPEG XL codestream is cut short in its header")
        number = self._number & (1 << count) - 1
        self._number >>= count
        return number

    def one_of(self, kinds: tuple[tuple[int, int], ...]) -> int:
        """Return a number of one of four ``kinds``, bits and what is added to them."""
        count, added = kinds[self.read(2)]
        return self.read(count) + added


def header(codestream: bytes) -> Stream:
    """Return what the codestream says of itself; raises InputError where it is none, or not of one image."""
    with told("the JPEG XL codestream cannot be read"):
        codestream = _bare(codestream)
        if not codestream.startswith(_BEGIN):
            raise InputError("not a JPEG XL codestream: it does not begin with FF0A")
        bits = _Bits(codestream[len(_BEGIN) : _LONGEST_HEADER])
        rows, columns = _size(bits)
        if bits.read(1):  # all as usual
            return Stream(rows, columns, 3, 8, None, lossless=False, photometric="RGB")
        _skip_extras(bits)
        if bits.read(1):
            raise InputError("JPEG XL of floating point samples is not decoded here")
        depth = bits.one_of(_DEPTHS)
        bits.read(1)  # buffers of 16 bits will do
        if bits.one_of(_COUNTS):
            raise InputError("the JPEG XL codestream has channels beside those of colour")
        transformed = bits.read(1)
        grey = not bits.read(1) and _space(bits) == _GREY
        return Stream(
            rows,
            columns,
            1 if grey else 3,
            depth,
            lossless=False if transformed else None,  # to XYB, from which nothing comes back as it was
            photometric="RGB" if transformed and not grey else "",
        )


def _space(bits: _Bits) -> int:
    bits.read(1)  # whether there is an ICC profile
    return bits.one_of(_SPACES)


def _size(bits: _Bits) -> tuple[int, int]:
    small = bits.read(1)
    rows = 8 * (bits.read(5) + 1) if small else bits.one_of(_SIZES)
    ratio = bits.read(3)
    if ratio:
        over, under = _RATIOS[ratio]
        return rows, rows * over // under
    return rows, 8 * (bits.read(5) + 1) if small else bits.one_of(_SIZES)


def _skip_extras(bits: _Bits) -> None:
    """Pass over orientation and intrinsic size; raises InputError where there is more than one image."""
    if not bits.read(1):
        return
    bits.read(3)
    if bits.read(1):
        _size(bits)
    if bits.read(1) or bits.read(1):
        raise InputError("the JPEG XL codestream has a preview or an animation")


def _bare(codestream: bytes) -> bytes:
    """Return the beginning of a codestream that may be inside of boxes."""
    if not codestream.startswith(_BOXED):
        return codestream
    at = 0
    while at + 8 <= len(codestream):
        length, kind = unpack_from(">L4s", codestream, at)
        start = at + (16 if length == 1 else 8)
        if kind == b"jxlc":
            return codestream[start:]
        if kind == b"jxlp":
            return codestream[start + 4 :]
        at += int.from_bytes(codestream[at + 8 : at + 16]) if length == 1 else length
        if length == 0 or at < start:
            break
    raise InputError("there is no codestream in the boxes of JPEG XL")


def decode(codestream: bytes, stream: Stream, pixels: Pixels) -> Samples:  # noqa: ARG001  as all decoders
    """Return the samples; those of a lossy codestream in colour are RGB."""
    from imagecodecs import jpegxl_decode

    with told("the JPEG XL codestream cannot be decoded"):
        return jpegxl_decode(codestream, keeporientation=True, numthreads=1)


def photometric(stream: Stream, pixels: Pixels) -> str:
    """Return what decoded samples are; YBR_FULL_422 is that of a JPEG, of which RGB comes out."""
    if stream.samples == 3 and pixels.photometric != "YBR_FULL":
        return "RGB"
    return pixels.photometric


def encode(samples: Samples, pixels: Pixels, codec: Codec, settings: Settings) -> bytes:
    """Return the codestream of a frame; signed samples are those of two's complement.

    It is bare but for lossless samples of more than 12 bits, of which only boxes tell (level 10).
    """
    from imagecodecs import jpegxl_encode

    bits = pixels.bits_stored
    if pixels.signed:
        samples, bits = samples.view(f"u{samples.itemsize}"), 8 * samples.itemsize
    if bits <= 8:
        samples = samples.astype("u1", copy=False)

    def encoded(effort: int, distance: float | None) -> bytes | bytearray:
        return jpegxl_encode(
            samples,
            effort=settings.effort or effort,
            distance=distance,
            lossless=codec.lossless,
            bitspersample=bits,
            usecontainer=False,
            numthreads=1,
        )

    # Who looks at more than 8 bits will look at a part of the range; a ratio is reached whatever that costs.
    finer = 1.0 if settings.ratio else sqrt(255 / max(255, (1 << bits) - 1))

    def at_quality(quality: int) -> bytes | bytearray:
        return encoded(EFFORT, max(_LEAST_DISTANCE, finer * _distance(quality)))

    with told("JPEG XL cannot encode this frame"):
        if codec.lossless:
            return bytes(encoded(_LOSSLESS_EFFORT, None))
        return bytes(smallest_enough(at_quality, settings, samples.nbytes))


def _distance(quality: int) -> float:
    """Return Butteraugli's distance that stands for a quality of 1 to 100 with 8 bits: 90 is 0.5."""
    return max(0.05, (100 - quality) / 20)

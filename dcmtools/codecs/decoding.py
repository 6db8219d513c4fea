"""A frame of whatever transfer syntax as samples (PS3.5 8.2)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, cast

from dcmtools.codecs import native
from dcmtools.codecs.streams import Samples, Stream, check
from dcmtools.encoding.syntax import IMPLICIT, encoding_of
from dcmtools.encoding.tags import PIXEL_DATA
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.codecs.frames import PixelData
    from dcmtools.codecs.pixels import Pixels
    from dcmtools.codecs.registry import Codec
    from dcmtools.codecs.settings import Settings


_LARGEST_NEAR: Final = 255


class Adapter(Protocol):
    """What a module that has the frames of a codec offers."""

    def header(self, codestream: bytes) -> Stream | None:
        """Return what the codestream says of itself, None where it says nothing."""

    def decode(self, codestream: bytes, stream: Stream | None, pixels: Pixels) -> Samples:
        """Return the samples, of any type that holds them."""

    def photometric(self, stream: Stream | None, pixels: Pixels) -> str:
        """Return the Photometric Interpretation of what ``decode`` returns, subsampled or not."""

    def encode(self, samples: Samples, pixels: Pixels, codec: Codec, settings: Settings) -> bytes:
        """Return the codestream of the samples that ``pixels`` describes."""


class Decoded(NamedTuple):
    """The samples of a frame.

    ``samples`` is (rows, columns) or (rows, columns, samples per pixel), in integers of Bits Allocated,
    signed as Pixel Representation says, or floats; in native byte order, contiguous, maybe read-only. A
    value has Bits Stored, whatever its High Bit was; its sign is extended. ``photometric`` is the Photometric
    Interpretation of these samples: RGB where the codec had made something else of it, and YBR_FULL where
    chrominance was subsampled. ``cleared`` tells that there was something in bits that no sample has.
    """

    samples: Samples
    photometric: str
    cleared: bool = False


def adapter(codec: Codec) -> Adapter:
    """Return the module that has the frames of ``codec``; raises InputError where there is none."""
    if not codec.module:
        raise InputError(f"frames in {codec.keyword} are video, which is not decoded here")
    return cast("Adapter", import_module(f"dcmtools.codecs.{codec.module}"))


def decode(data: PixelData, index: int) -> Decoded:
    """Return the frame ``index``, from 0, of ``data``.

    Raises InputError with the number of the frame, from 1, and the reason where it cannot be decoded or does
    not fit what the file says of it; that is known before memory is taken for it.
    """
    codec = data.codec
    if codec is None and encoding_of(data.transfer_syntax) is not IMPLICIT:
        raise InputError(f"pixel data in transfer syntax {data.transfer_syntax!r} is not known here")
    if data.encapsulated != (codec is not None and codec.encapsulated):
        name = codec.keyword if codec else data.transfer_syntax
        raise InputError(
            f"the pixel data is {'' if data.encapsulated else 'not '}encapsulated, against {name}"
        )
    frame = data.frame(index)
    try:
        if codec is not None and codec.encapsulated:
            return _decoded(frame, adapter(codec), data.pixels)
        return _native(frame, data)
    except InputError as error:
        message = f"frame {index + 1}: {error.message}"
        raise InputError(message, hint=error.hint) from error


def decoded(codestream: bytes, codec: Codec, pixels: Pixels) -> Decoded:
    """Return the frame that ``codestream`` is, as ``decode`` does."""
    return _decoded(codestream, adapter(codec), pixels)


def _native(frame: bytes, data: PixelData) -> Decoded:
    photometric = _of_samples(data.pixels.photometric)
    if data.element[0] != PIXEL_DATA:
        return Decoded(native.decode(frame, data.pixels, floating=True), photometric)
    return _fitted(native.decode(frame, data.pixels), None, data.pixels, photometric)


def _decoded(codestream: bytes, module: Adapter, pixels: Pixels) -> Decoded:
    stream = module.header(codestream)
    if stream is not None:
        check(stream, pixels)
    samples = module.decode(codestream, stream, pixels)
    expected = (pixels.rows, pixels.columns, pixels.samples)[: 2 if pixels.samples == 1 else 3]
    if samples.shape != expected:
        raise InputError(f"samples of shape {samples.shape} were decoded, not {expected}")
    return _fitted(samples, stream, pixels, _of_samples(module.photometric(stream, pixels)))


def _of_samples(photometric: str) -> str:
    """Return what samples are of which none is left out; raises InputError for what is retired."""
    if photometric.startswith("YBR_PARTIAL"):
        raise InputError(f"{photometric} is retired, and not decoded here")
    return "YBR_FULL" if photometric == "YBR_FULL_422" else photometric


def _fitted(samples: Samples, stream: Stream | None, pixels: Pixels, photometric: str) -> Decoded:
    """Return samples that are as ``pixels`` describes them: of Bits Stored, and of its sign."""
    import numpy as np

    width = max(8, pixels.bits_allocated)
    stored, shift, bits = pixels.bits_stored, pixels.high_bit + 1 - pixels.bits_stored, width
    if stream is not None:
        if stream.bits <= pixels.high_bit:  # the codec knew where samples begin
            shift = 0
        if stream.lossless is False:
            samples = _bounded(samples, pixels)
        if samples.dtype.kind == "u":
            bits = stream.bits
    words = samples.astype(f"{samples.dtype.kind}{width // 8}", copy=False).view(f"u{width // 8}")
    if pixels.signed:
        words, cleared = _extended(words, shift, min(bits - shift, stored))
    else:
        words, cleared = _masked(words, shift, stored)
    return Decoded(np.ascontiguousarray(words), photometric, cleared)


def _bounded(samples: Samples, pixels: Pixels) -> Samples:
    """Return samples of which none is beyond what Bits Stored hold, as lossy coding may make them.

    Two's complement in unsigned samples is taken for that where it is hardly beyond; else it is left alone.
    """
    import numpy as np

    low = -(1 << pixels.bits_stored - 1) if pixels.signed else 0
    high = low + (1 << pixels.bits_stored) - 1
    if pixels.signed and samples.dtype.kind == "u":
        numbers = samples.view(f"i{samples.itemsize}")
        error = min(_LARGEST_NEAR, high)
        if (
            samples.itemsize * 8 != pixels.bits_allocated
            or not low - error <= numbers.min() <= numbers.max() <= high + error
        ):
            return samples
        samples = numbers
    if low <= samples.min() <= samples.max() <= high:
        return samples
    held = np.iinfo(samples.dtype)
    return samples.clip(max(low, held.min), min(high, held.max))


def _masked(words: Samples, shift: int, stored: int) -> tuple[Samples, bool]:
    """Return the lower ``stored`` bits above ``shift`` of words, and whether others were not zero."""
    if shift:
        below = bool((words & words.dtype.type((1 << shift) - 1)).any())
        words, above = _masked(words >> shift, 0, stored)
        return words, below or above
    if stored == 8 * words.itemsize or not int(words.max()) >> stored:
        return words, False
    return words & words.dtype.type((1 << stored) - 1), True


def _extended(words: Samples, shift: int, bits: int) -> tuple[Samples, bool]:
    """Return the signed numbers in the lower ``bits`` above ``shift``, and whether others were not zero.

    Those above may also all be the sign.
    """
    width = 8 * words.itemsize
    signed = words.view(f"i{words.itemsize}")
    if bits == width:
        return signed, False
    numbers = (signed << width - bits - shift) >> width - bits
    wrong = numbers << shift != signed
    return numbers, bool((words[wrong] >> bits + shift).any() or (words[wrong] & (1 << shift) - 1).any())

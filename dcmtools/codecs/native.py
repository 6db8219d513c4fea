"""Samples as they are (PS3.5 8.1 and 8.2): bytes of a native frame to an array, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dcmtools.codecs.pixels import Pixels
    from dcmtools.codecs.streams import Samples

_FLOATS: Final = {32: "<f4", 64: "<f8"}


def decode(data: bytes, pixels: Pixels, *, floating: bool = False) -> Samples:
    """Return the samples of a frame, its ``data`` in little endian; of Float Pixel Data if ``floating``.

    Bits are unpacked, one to a byte; half of the chrominance becomes all of it (PS3.3 C.7.6.3.1.2). Raises
    InputError where there are too few bytes, or where subsampled chrominance has no pair of pixels.
    """
    import numpy as np

    size = pixels.frame_bytes
    if len(data) < size:
        raise InputError(f"{len(data)} bytes are fewer than the {size} of a frame")
    shape = (pixels.rows, pixels.columns)
    if pixels.bits_allocated == 1:
        count = pixels.rows * pixels.columns * pixels.samples
        flat = np.unpackbits(np.frombuffer(data, "u1", size), count=count, bitorder="little")
    else:
        kind = _FLOATS[pixels.bits_allocated] if floating else f"<u{pixels.bits_allocated // 8}"
        flat = np.frombuffer(data, kind, size * 8 // pixels.bits_allocated)
    if pixels.subsampled:
        return _upsampled(flat, shape)
    if pixels.samples == 1:
        return flat.reshape(shape)
    if pixels.planar:
        return np.ascontiguousarray(flat.reshape(pixels.samples, *shape).transpose(1, 2, 0))
    return flat.reshape(*shape, pixels.samples)


def _upsampled(flat: Samples, shape: tuple[int, int]) -> Samples:
    """Return pairs of pixels, Y Y Cb Cr, as pixels."""
    import numpy as np

    if flat.size % 4:
        raise InputError("an odd number of pixels cannot share their chrominance in pairs")
    pairs = flat.reshape(-1, 4)
    pixels = np.empty((len(pairs), 2, 3), flat.dtype)
    pixels[:, :, 0] = pairs[:, :2]
    pixels[:, :, 1:] = pairs[:, None, 2:]
    return pixels.reshape(*shape, 3)


def encode(samples: Samples, pixels: Pixels) -> bytes:
    """Return the bytes of a native frame in little endian, plane by plane if ``pixels`` says so.

    Bits are packed; the last byte is filled up with zeros. For many frames see ``blocks``.
    """
    import numpy as np

    if pixels.planar and pixels.samples > 1:
        samples = samples.transpose(2, 0, 1)
    if pixels.bits_allocated == 1:
        return np.packbits(samples.reshape(-1), bitorder="little").tobytes()
    return np.ascontiguousarray(samples, samples.dtype.newbyteorder("<")).tobytes()


def blocks(frames: Iterable[Samples], pixels: Pixels, *, word: int = 1) -> Iterator[bytes]:
    """Yield the value of native pixel data: one frame after the other, padded to an even length.

    Single bits are packed over the bounds of frames (PS3.5 8.1.1). A ``word`` of more than a byte is in big
    endian: 2 for OW, whatever a sample has.
    """
    yield from joined((encode(samples, pixels) for samples in frames), pixels, word=word)


def joined(frames: Iterable[bytes], pixels: Pixels, *, word: int = 1) -> Iterator[bytes]:
    """Yield what ``blocks`` does of the bytes of native frames, each in little endian and beginning anew."""
    rest, bits = 0, 0  # of a byte that the next frame has to fill
    held = b""
    for frame in frames:
        data = frame
        if pixels.bits_allocated == 1:
            number, count = rest | int.from_bytes(data, "little") << bits, bits + pixels.frame_bits
            whole, bits = divmod(count, 8)
            rest = number >> 8 * whole
            data = (number & (1 << 8 * whole) - 1).to_bytes(whole, "little")
        held += data
        ready = len(held) - len(held) % max(2, word)
        yield _swapped(held[:ready], word)
        held = held[ready:]
    if bits:
        held += bytes((rest,))
    yield _swapped(held + b"\0" * (-len(held) % max(2, word)), word)


def _swapped(data: bytes, word: int) -> bytes:
    if word == 1 or not data:
        return data
    import numpy as np

    return np.frombuffer(data, f"<u{word}").byteswap().tobytes()

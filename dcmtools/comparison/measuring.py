"""How far the samples of two images are apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmtools.codecs.decoding import Decoded
    from dcmtools.codecs.frames import PixelData
    from dcmtools.codecs.streams import Samples

_AT_ONCE: Final = 1024 * 1024  # samples


class Measure(NamedTuple):
    """How many ``frames`` and ``samples`` differ, by how much at most, and the least ``psnr`` of a frame.

    ``psnr`` is in decibels, None where no sample differs. ``mismatch`` says what keeps samples from being
    compared because it differs itself, ``failure`` why there are none.
    """

    frames: int = 0
    samples: int = 0
    max_error: float = 0.0
    psnr: float | None = None
    mismatch: str = ""
    failure: str = ""


def measured(one: PixelData, other: PixelData, indices: Sequence[int]) -> Measure:
    """Return how far the frames ``indices`` are apart, frame by frame."""
    from dcmtools.codecs.decoding import decode

    frames = samples = 0
    worst, least = 0.0, math.inf
    try:
        for index in indices:
            a, b = decode(one, index), decode(other, index)
            if mismatch := _mismatch(a, b):
                return Measure(mismatch=mismatch)
            count, most, squares = _errors(a.samples, b.samples)
            if count:
                frames += 1
                samples += count
                worst = max(worst, most)
                least = min(least, _psnr(squares / a.samples.size, _peak(a.samples, one)))
    except InputError as error:
        return Measure(failure=error.message)
    return Measure(frames, samples, worst, least if samples else None)


def _mismatch(a: Decoded, b: Decoded) -> str:
    if a.samples.shape != b.samples.shape:
        return f"{_shape(a.samples)} samples a frame, and {_shape(b.samples)}"
    if a.photometric != b.photometric:
        return f"samples in {a.photometric}, and in {b.photometric}"
    return ""


def _shape(samples: Samples) -> str:
    return " x ".join(map(str, samples.shape))


def _errors(a: Samples, b: Samples) -> tuple[int, float, float]:
    """Return how many samples differ, by how much at most, and the sum of the squares of that."""
    import numpy as np

    count, most, squares = 0, 0.0, 0.0
    one, other = a.reshape(-1), b.reshape(-1)
    for at in range(0, one.size, _AT_ONCE):
        x, y = one[at : at + _AT_ONCE], other[at : at + _AT_ONCE]
        differ = (x != y) & ~((x != x) & (y != y))  # noqa: PLR0124  what is no number is not itself
        found = int(np.count_nonzero(differ))
        if found:
            x, y = x[differ].astype(np.float64), y[differ].astype(np.float64)
            with np.errstate(invalid="ignore", over="ignore"):
                errors = np.abs(x - y)
                errors[errors == 0] = 1  # of 64 bits, which no float tells apart
                errors[np.isnan(errors)] = math.inf
                squares += float((errors * errors).sum())
            count += found
            most = max(most, float(errors.max()))
    return count, most, squares


def _peak(samples: Samples, data: PixelData) -> float:
    """Return the largest sample that there can be; of floats, how far those of the frame are apart."""
    import numpy as np

    if samples.dtype.kind != "f":
        return float((1 << data.pixels.bits_stored) - 1)
    finite = samples[np.isfinite(samples)]
    return float(finite.max()) - float(finite.min()) if finite.size else 0.0


def _psnr(mean_square: float, peak: float) -> float:
    """Return the ratio of the peak to the root of the mean square error."""
    if not peak or not math.isfinite(mean_square):
        return -math.inf
    return 20 * math.log10(peak) - 10 * math.log10(mean_square)

"""How frames are to be encoded, as far as somebody has a say in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.codecs.streams import Samples

QUALITY: Final = 90
NEAR: Final = 2
EFFORT: Final = 5
OFFSET_TABLES: Final = ("basic", "extended", "none")


class Settings(NamedTuple):
    """What is asked of an encoder; each codec takes what it knows of it.

    ``quality`` is 1 to 100 for all that is lossy but JPEG-LS, and ``ratio``, where it is not 0, stands in for
    it: a frame of samples has at least that many times the bytes of its codestream. ``near`` is the largest
    error of near-lossless JPEG-LS in steps of a sample; ``effort`` 1 to 9 is how hard JPEG XL tries, 0 what
    suits it. ``offset_table`` is basic, extended or none; no fragment has more than ``fragment_size`` bytes,
    unless that is 0.
    """

    quality: int = QUALITY
    ratio: float = 0.0
    near: int = NEAR
    effort: int = 0
    offset_table: str = OFFSET_TABLES[0]
    fragment_size: int = 0


def decibels(quality: int) -> float:
    """Return the peak signal-to-noise ratio that stands for a quality of 1 to 100: 90 is 64 dB.

    The peak is the range of the samples that are there, see ``extent``.
    """
    return 10 + 0.6 * quality


def extent(samples: Samples) -> int:
    """Return how far apart the least and the greatest sample are, at least 1."""
    return max(1, int(samples.max()) - int(samples.min()))


def smallest_enough(
    encoded: Callable[[int], bytes | bytearray], settings: Settings, size: int
) -> bytes | bytearray:
    """Return what ``encoded`` makes at the quality that ``settings`` ask for.

    With a ratio it is the best quality by which ``size`` bytes become small enough, or 1 where none does.
    """
    if not settings.ratio:
        return encoded(settings.quality)
    low, high = 1, 100
    best = encoded(low)
    while low < high:
        middle = (low + high + 1) // 2
        attempt = encoded(middle)
        if len(attempt) * settings.ratio <= size:
            low, best = middle, attempt
        else:
            high = middle - 1
    return best

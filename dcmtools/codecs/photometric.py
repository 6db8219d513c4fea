"""Photometric Interpretation (PS3.3 C.7.6.3.1.2): what a transfer syntax makes of it (PS3.5 8.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.codecs.encoding import require_room
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.codecs.pixels import Pixels
    from dcmtools.codecs.registry import Codec
    from dcmtools.codecs.streams import Samples

# What becomes of colours: by module and whether it is lossless, of samples in RGB and in YBR_FULL.
_COLOURS: Final = {
    ("rle", True): ("RGB", "YBR_FULL"),
    ("jpeg", True): ("RGB", "YBR_FULL"),
    ("jpeg", False): ("YBR_FULL_422", "YBR_FULL_422"),
    ("jpeg_ls", True): ("RGB", "YBR_FULL"),
    ("jpeg_ls", False): ("RGB", "YBR_FULL"),
    ("jpeg_2000", True): ("YBR_RCT", "YBR_FULL"),
    ("jpeg_2000", False): ("YBR_ICT", "YBR_FULL"),
    ("htj2k", True): ("YBR_RCT", "YBR_FULL"),
    ("htj2k", False): ("YBR_ICT", "YBR_FULL"),
    ("jpeg_xl", True): ("RGB", ""),
    ("jpeg_xl", False): ("XYB", "XYB"),
}  # fmt: skip
# Those that have a number of bits of their own, by how many there may be.
_DEPTHS: Final = {"jpeg": (8,), "jpeg-extended": (8, 12)}


class Target(NamedTuple):
    """What a frame becomes in a transfer syntax.

    ``pixels`` is what the file is to say of it. ``samples`` describes what the encoder gets: ``converted``
    from what was decoded to its photometric, in integers of its Bits Allocated.
    """

    pixels: Pixels
    samples: Pixels


def target(codec: Codec, pixels: Pixels, photometric: str) -> Target:
    """Return what frames of ``pixels``, decoded to samples of ``photometric``, become in ``codec``.

    Raises InputError where it cannot hold them, or not without a loss that nobody would expect of it.
    """
    samples = pixels._replace(photometric=photometric, high_bit=pixels.bits_stored - 1)
    if not codec.encapsulated:
        return Target(samples, samples)
    require_room(codec, samples)
    for bits in _DEPTHS.get(codec.name, ()):
        if samples.bits_stored <= bits:
            samples = samples._replace(
                bits_allocated=8 if bits == 8 else 16, bits_stored=bits, high_bit=bits - 1
            )
            break
    if codec.bits <= 16 < samples.bits_allocated:
        samples = samples._replace(bits_allocated=16)
    samples = samples._replace(planar=0)
    if samples.samples == 1:
        return Target(samples, samples)
    of_rgb, of_ybr = _COLOURS[codec.module, codec.lossless]
    becomes = of_rgb if photometric == "RGB" else of_ybr if photometric == "YBR_FULL" else photometric
    if not becomes:
        raise InputError(
            f"{codec.name} has no {photometric}, of which RGB cannot be made without loss",
            hint="these can: rle, jpeg-lossless, jpeg-ls, jpeg-2000-lossless, htj2k-lossless",
        )
    if becomes == "XYB":
        samples = samples._replace(photometric="RGB")
    return Target(samples._replace(photometric=becomes), samples)


def converted(samples: Samples, photometric: str, after: Pixels) -> Samples:
    """Return ``samples`` of ``photometric`` as ``after`` has them: in its colours, in its Bits Allocated.

    Raises InputError where colours are to change otherwise than from RGB to YBR_FULL or back.
    """
    if photometric != after.photometric:
        samples = _in_other_colours(samples, (photometric, after.photometric), after.bits_stored)
    return samples.astype(f"{samples.dtype.kind}{max(8, after.bits_allocated) // 8}", copy=False)


def _in_other_colours(samples: Samples, change: tuple[str, str], bits: int) -> Samples:
    import numpy as np

    half = 1 << bits - 1
    values = samples.astype("f4")
    if change == ("RGB", "YBR_FULL"):
        values = values @ np.array(_TO_YBR, "f4").T
        values[..., 1:] += half
    elif change == ("YBR_FULL", "RGB"):
        values[..., 1:] -= half
        values = values @ np.array(_TO_RGB, "f4").T
    else:
        raise InputError(f"{change[0]} is not converted to {change[1]} here")
    rounded: Samples = np.rint(values).clip(0, (1 << bits) - 1).astype(samples.dtype)
    return rounded


_TO_YBR: Final = (
    (0.299, 0.587, 0.114),
    (-0.299 / 1.772, -0.587 / 1.772, 0.5),
    (0.5, -0.587 / 1.402, -0.114 / 1.402),
)
_TO_RGB: Final = (
    (1.0, 0.0, 1.402),
    (1.0, -0.114 * 1.772 / 0.587, -0.299 * 1.402 / 0.587),
    (1.0, 1.772, 0.0),
)

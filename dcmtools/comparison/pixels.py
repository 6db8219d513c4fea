"""What is different between the pixel data of two files: bytes, or samples and by how much."""

from __future__ import annotations

import math
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from dcmtools import batch
from dcmtools.codecs.frames import pixel_data
from dcmtools.comparison.rules import BYTES
from dcmtools.errors import Unsuitable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmtools.codecs.frames import PixelData
    from dcmtools.comparison.measuring import Measure
    from dcmtools.comparison.rules import PixelRules
    from dcmtools.files.part10 import Part10File


class Apart(NamedTuple):
    """How far the pixel data of two files is apart, and whether it is the ``same`` by the rules.

    Where ``same`` is None that cannot be told; ``reason`` says why, or what is different beside samples. Of
    ``frames`` those are ``frames_different`` of which samples differ or, where bytes have to be the same,
    bytes. ``psnr`` is in decibels, that of the frame where it is least, None where no sample differs.
    """

    same: bool | None
    reason: str = ""
    frames: int = 0
    frames_different: int = 0
    samples_different: int = 0
    max_error: float = 0.0
    psnr: float | None = None

    def record(self) -> dict[str, object]:
        """Return it as the fields of a record; what is not finite is no number of JSON."""
        return {**self._asdict(), "max_error": _finite(self.max_error), "psnr": _finite(self.psnr, 2)}

    def __str__(self) -> str:
        """Return it in words."""
        return "; ".join(filter(None, (self._measure(), self.reason)))

    def _measure(self) -> str:
        if not self.frames:
            return ""
        of_them = f"{self.frames_different} of {self.frames} frames"
        if not self.samples_different:
            return f"{of_them} have other bytes, all samples are the same" if self.frames_different else ""
        psnr = "" if self.psnr is None else f", PSNR {self.psnr:.2f} dB"
        return f"{of_them} differ, in {self.samples_different} samples, by {self.max_error:g} at most{psnr}"


def _finite(number: float | None, digits: int | None = None) -> float | None:
    if number is None or not math.isfinite(number):
        return None
    return number if digits is None else round(number, digits)


def compared(a: Part10File, b: Part10File, rules: PixelRules) -> tuple[Apart | None, tuple[int, int]]:
    """Return how far pixel data is apart, None where all is the same or not both have it, and which it is.

    That is told by the offsets of the values, -1 where none was compared. Raises InputError where no frames
    can be made of it, and what reading raises.
    """
    one, other = _pixels_of(a), _pixels_of(b)
    if one is None or other is None:  # an element that the other has not, like any
        return None, (-1, -1)
    return _apart(one, other, rules), (one.element[3], other.element[3])


def _pixels_of(file: Part10File) -> PixelData | None:
    try:
        return pixel_data(file)
    except Unsuitable:
        return None


def _apart(one: PixelData, other: PixelData, rules: PixelRules) -> Apart | None:
    if len(one) != len(other):
        return Apart(same=False, reason=f"{len(one)} frames, and {len(other)}")
    alike = one.transfer_syntax == other.transfer_syntax and _arranged_alike(one, other)
    unread = alike or (_arranged_alike(one, other) and not one.encapsulated and not other.encapsulated)
    differing = _other_bytes(one, other) if unread else range(len(one))
    told = _judged(one, other, differing, rules, exact=rules.kind == BYTES and alike) if differing else None
    if _same_behind(one, other):
        return told
    reason = "; ".join(filter(None, (told.reason if told else "", "other bytes behind the last frame")))
    return (told or Apart(same=False, frames=len(one)))._replace(same=False, reason=reason)


def _arranged_alike(one: PixelData, other: PixelData) -> bool:
    return one.pixels == other.pixels and one.element[0] == other.element[0]


def _same_behind(one: PixelData, other: PixelData) -> bool:
    return one.beyond == other.beyond and all(
        a == b for a, b in zip_longest(one.behind(), other.behind(), fillvalue=b"")
    )


def _other_bytes(one: PixelData, other: PixelData) -> list[int]:
    """Return the indices of the frames whose bytes differ, the padding of codestreams left out."""
    found = []
    for index in range(len(one)):
        a, b = one.frame(index), other.frame(index)
        if a != b and not (one.encapsulated and other.encapsulated and _is_padding(a, b)):
            found.append(index)
    return found


def _is_padding(a: bytes, b: bytes) -> bool:
    """Tell whether the one is the other and the NUL that makes its length even (PS3.5 A.4)."""
    return abs(len(a) - len(b)) == 1 and max(a, b, key=len) == min(a, b, key=len) + b"\0"


def _judged(
    one: PixelData, other: PixelData, differing: Sequence[int], rules: PixelRules, *, exact: bool
) -> Apart | None:
    """Have the samples of frames compared; where bytes decide, the measure is only told.

    Codecs work in a process of their own, which they may take down.
    """
    from dcmtools.comparison.measuring import Measure, measured

    if one.encapsulated or other.encapsulated:
        lost = Measure(failure="the process that decoded it died")
        found = batch.alone(partial(measured, one, other), differing, lambda _: lost)
    else:
        found = measured(one, other, differing)
    if found.failure:
        reason = f"{len(differing)} of {len(one)} frames have other bytes ({found.failure})"
        return Apart(same=False, reason=reason) if exact else Apart(same=None, reason=found.failure)
    if found.mismatch:
        return Apart(same=False, reason=found.mismatch)
    if not found.samples and not exact:
        return None
    frames = len(differing) if exact else found.frames
    same = not exact and _is_near(found, rules)
    return Apart(same, "", len(one), frames, found.samples, found.max_error, found.psnr)


def _is_near(found: Measure, rules: PixelRules) -> bool:
    if rules.max_error is None and rules.min_psnr is None:
        return False
    near = rules.max_error is None or found.max_error <= rules.max_error
    return near and (rules.min_psnr is None or found.psnr is None or found.psnr >= rules.min_psnr)

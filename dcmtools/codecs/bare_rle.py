"""The parts of an RLE codestream, and which of them are the image: PackBits runs are counted, not decoded."""

from __future__ import annotations

from itertools import pairwise
from struct import pack, unpack_from
from typing import TYPE_CHECKING, Final

from dcmtools.codecs import rle
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.codecs.pixels import Pixels

_HEADER: Final = 64
_NOTHING: Final = 128
# By the first byte of a run (PS3.5 G.3.1): how many bytes it takes, that one included, and how many it makes.
_TAKEN: Final = (*range(2, 130), 1, *[2] * 127)
_MADE: Final = (*range(1, 129), 0, *range(128, 1, -1))


def parts(codestream: bytes, pixels: Pixels | None = None) -> Iterator[tuple[bytes, bool]]:
    """Yield header and segments, and whether each is kept.

    A segment is kept up to the run that makes the last of its bytes, a zero behind it where its length is
    odd; the header then tells where segments are. Places in it for segments that are not there become zero.
    Without ``pixels`` nothing tells where segments end: these are kept whole.

    Raises InputError where there are other segments than samples take, or too few runs in one.
    """
    rle.header(codestream)
    count, *offsets = unpack_from("<16L", codestream)
    bounds = [*offsets[:count], len(codestream)]
    segments = [codestream[begin:end] for begin, end in pairwise(bounds)]
    behind: list[bytes] = []
    if pixels:
        width = max(1, pixels.bits_allocated // 8)
        if count != pixels.samples * width:
            raise InputError(f"{count} RLE segments cannot be {pixels.samples} samples of {width} bytes")
        size = pixels.rows * pixels.columns
        for number, segment in enumerate(segments):
            segments[number], rest = _cut(segment, size, number + 1)
            behind.append(rest)
    yield _header(segments), True
    yield codestream[4 + 4 * count : _HEADER], False
    for segment in segments:
        yield segment, True
    for rest in behind:
        yield rest, False


def _header(segments: list[bytes]) -> bytes:
    offsets = [_HEADER]
    for segment in segments[:-1]:
        offsets.append(offsets[-1] + len(segment))
    return pack(f"<L{len(offsets)}L", len(segments), *offsets).ljust(_HEADER, b"\0")


def _cut(segment: bytes, size: int, number: int) -> tuple[bytes, bytes]:
    """Return the runs that make ``size`` bytes, of even length, and what else there is in the segment."""
    at, last, left = 0, 0, size
    taken, made = _TAKEN, _MADE
    try:
        while left > 0:
            last = at
            control = segment[at]
            at += taken[control]
            left -= made[control]
    except IndexError:
        at = len(segment) + 1
    if at > len(segment):
        raise InputError(f"segment {number} of the RLE codestream has less than its {size} bytes")
    kept, surplus = _shortened(segment[last:at], -left)
    kept = segment[:last] + kept
    return kept + b"\0" * (len(kept) % 2), surplus + segment[at:]


def _shortened(run: bytes, surplus: int) -> tuple[bytes, bytes]:
    """Return a run that makes ``surplus`` bytes less, of which at least one is left, and its bytes beyond."""
    left = _MADE[run[0]] - surplus
    if run[0] < _NOTHING or left == 1:
        return bytes([left - 1]) + run[1 : 1 + left], run[1 + left :]
    return bytes([257 - left]) + run[1:], b""

"""RLE Lossless: PackBits, byte plane by byte plane; PS3.5 Annex G."""

from __future__ import annotations

from itertools import pairwise
from struct import pack, unpack_from
from typing import TYPE_CHECKING, Final

from dcmtools.codecs.streams import Samples, Stream, told
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.codecs.pixels import Pixels
    from dcmtools.codecs.registry import Codec
    from dcmtools.codecs.settings import Settings

_HEADER: Final = 64
_MOST_SEGMENTS: Final = 15
_MOST_RATIO: Final = 64  # a run of 128 bytes takes two
_SLACK: Final = 256  # what padding of a segment may decode to


def header(codestream: bytes) -> Stream | None:
    """Return None: nothing but the number of segments is said, and ``decode`` looks at that."""
    _offsets(codestream)
    return None


def _offsets(codestream: bytes) -> list[int]:
    """Return where segments begin, and where the last ends; raises InputError where that makes no sense."""
    if len(codestream) < _HEADER:
        raise InputError(f"an RLE header has {_HEADER} bytes, here are {len(codestream)}")
    count, *offsets = unpack_from("<16L", codestream)
    if not 0 < count <= _MOST_SEGMENTS:
        raise InputError(f"an RLE header cannot have {count} segments")
    bounds = [*offsets[:count], len(codestream)]
    if bounds[0] != _HEADER or any(after <= before for before, after in pairwise(bounds)):
        raise InputError("the segments of the RLE header are not where they can be")
    return bounds


def decode(codestream: bytes, stream: Stream | None, pixels: Pixels) -> Samples:  # noqa: ARG001  as all decoders
    """Return the samples; raises InputError where a segment has fewer bytes than it takes.

    imagecodecs unpacks what pylibjpeg-rle ends the process for, and packs in a third of the time.
    """
    import numpy as np
    from imagecodecs import packbits_decode

    bounds = _offsets(codestream)
    width = max(1, pixels.bits_allocated // 8)
    if len(bounds) - 1 != pixels.samples * width:
        message = f"{len(bounds) - 1} RLE segments cannot be {pixels.samples} samples of {width} bytes"
        raise InputError(message)
    size = pixels.rows * pixels.columns
    for number, (begin, end) in enumerate(pairwise(bounds)):
        if size > _MOST_RATIO * (end - begin):
            raise InputError(f"segment {number + 1} of the RLE codestream has too few bytes: {end - begin}")
    planes = np.empty((size, pixels.samples, width), "u1")
    for number, (begin, end) in enumerate(pairwise(bounds)):
        with told(f"segment {number + 1} of the RLE codestream cannot be decoded"):
            plane = packbits_decode(codestream[begin:end], out=size + _SLACK)
        if len(plane) < size:
            message = f"segment {number + 1} of the RLE codestream has {len(plane)} bytes of {size}"
            raise InputError(message)
        sample, byte = divmod(number, width)
        planes[:, sample, width - 1 - byte] = np.frombuffer(plane, "u1", size)  # the highest byte comes first
    shape = (pixels.rows, pixels.columns, pixels.samples)[: 2 if pixels.samples == 1 else 3]
    return planes.view(f"<u{width}").reshape(shape)


def photometric(stream: Stream | None, pixels: Pixels) -> str:  # noqa: ARG001  as all codecs
    """Return what decoded samples are: chrominance is never subsampled."""
    return pixels.photometric


def encode(samples: Samples, pixels: Pixels, codec: Codec, settings: Settings) -> bytes:  # noqa: ARG001  as all encoders
    """Return the codestream of a frame."""
    import numpy as np
    from imagecodecs import packbits_encode

    width = samples.itemsize
    little = np.ascontiguousarray(samples, samples.dtype.newbyteorder("<"))
    planes = little.view("u1").reshape(pixels.rows, pixels.columns, pixels.samples, width)
    segments = []
    with told("RLE cannot encode this frame"):
        for sample in range(pixels.samples):
            for byte in reversed(range(width)):
                segment = packbits_encode(planes[:, :, sample, byte].copy())
                segments.append(segment + b"\0" * (len(segment) % 2))
    offsets = [_HEADER]
    for segment in segments[:-1]:
        offsets.append(offsets[-1] + len(segment))
    head = pack(f"<L{len(offsets)}L", len(segments), *offsets).ljust(_HEADER, b"\0")
    return b"".join([head, *segments])

"""JPEG-LS (ISO/IEC 14495-1), lossless and near-lossless; PS3.5 8.2.3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.codecs.jpeg import SOI, segments
from dcmtools.codecs.streams import Samples, Stream, told
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.codecs.pixels import Pixels
    from dcmtools.codecs.registry import Codec
    from dcmtools.codecs.settings import Settings

_SOF55, _SOS, _APP8 = 0xF7, 0xDA, 0xE8
# No sample takes more than 2 (bits + max(8, bits)) bits (ISO/IEC 14495-1 A.2.1); the header is short.
_GROWTH, _HEADER = 4, 1024


def header(codestream: bytes) -> Stream:
    """Return what the codestream says of itself; raises InputError where it is none, or cut short."""
    with told("the JPEG-LS codestream cannot be read"):
        found = dict(reversed(list(segments(codestream, "JPEG-LS"))))  # the first of each
        if _SOF55 not in found or _SOS not in found:
            raise InputError("there is no JPEG-LS frame in the codestream")
        frame, scan = found[_SOF55], found[_SOS]
        return Stream(
            rows=int.from_bytes(frame[1:3]),
            columns=int.from_bytes(frame[3:5]),
            samples=frame[5],
            bits=frame[0],
            signed=None,
            lossless=scan[1 + 2 * scan[0]] == 0,  # NEAR
        )


def decode(codestream: bytes, stream: Stream, pixels: Pixels) -> Samples:  # noqa: ARG001  as all decoders
    """Return the samples; JPEG-LS has no colours of its own."""
    from imagecodecs import jpegls_decode

    with told("the JPEG-LS codestream cannot be decoded"):
        return jpegls_decode(codestream)


def photometric(stream: Stream, pixels: Pixels) -> str:  # noqa: ARG001  as all codecs
    """Return what decoded samples are."""
    return pixels.photometric


def encode(samples: Samples, pixels: Pixels, codec: Codec, settings: Settings) -> bytes:
    """Return the codestream of a frame, with the precision of Bits Allocated; colours interleaved by sample.

    Where an error could take a sample beyond what Bits Stored can hold, or turn its sign, it is halved until
    that does not happen, to 0 if need be.
    """
    near = 0 if codec.lossless else settings.near
    while near and _leaves_bounds(samples, pixels, near):
        near //= 2
    return _encoded(samples, near)


def _encoded(samples: Samples, near: int) -> bytes:
    from imagecodecs import jpegls_encode

    with told("JPEG-LS cannot encode this frame"):
        room = _GROWTH * samples.nbytes + _HEADER  # without it noise has too little
        return _bare(bytes(jpegls_encode(samples.view(f"u{samples.itemsize}"), near, out=room)))


def _leaves_bounds(samples: Samples, pixels: Pixels, near: int) -> bool:
    """Tell whether decoders, which know of Bits Allocated only, would get samples out of Bits Stored."""
    most = (1 << pixels.bits_stored - pixels.signed) - 1
    least = -most - 1 if pixels.signed else 0
    if samples.max() <= most - near and samples.min() >= least + near:
        return False
    from imagecodecs import jpegls_decode

    decoded = jpegls_decode(_encoded(samples, near)).view(samples.dtype).astype("i4").reshape(samples.shape)
    far = abs(decoded - samples) > near  # where the sign has turned
    return bool((decoded > most).any() or (decoded < least).any() or far.any())


def _bare(codestream: bytes) -> bytes:
    """Return a codestream without its SPIFF header, which no DICOM reader expects."""
    at = len(SOI)
    while codestream[at + 1] == _APP8:
        at += 2 + int.from_bytes(codestream[at + 2 : at + 4])
    return SOI + codestream[at:]

"""JPEG (ISO/IEC 10918-1): baseline, extended, progressive and lossless; PS3.5 8.2.1."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.codecs.settings import smallest_enough
from dcmtools.codecs.streams import Samples, Stream, told
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.codecs.pixels import Pixels
    from dcmtools.codecs.registry import Codec
    from dcmtools.codecs.settings import Settings

SOI: Final = b"\xff\xd8"
_SOF: Final = range(0xC0, 0xD0)
_NOT_SOF: Final = (0xC4, 0xC8, 0xCC)  # tables
_DECODED: Final = (0xC0, 0xC1, 0xC2, 0xC3)  # Huffman coding, not hierarchical
_LOSSLESS: Final = 0xC3
_EOI, _SOS, _APP0, _APP14 = 0xD9, 0xDA, 0xE0, 0xEE
# Neither a stuffed byte, or one of a stuffed bit in JPEG-LS, nor a fill byte, nor a restart.
_MARKER: Final = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_MARKER_LS: Final = re.compile(rb"\xff([\x80-\xcf\xd8-\xfe])")
_BLOCK: Final = 2 * 64  # samples of which the most that a bit can stand for are made: 4:2:0 has half of all
_SUBSAMPLING: Final = "422"
# Adobe's marker and the names of components: how libjpeg says RGB, and how nothing is said.
_UNNAMED: Final = (
    (b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0", b""),
    (b"R\x11\0G\x11\0B\x11\0", b"\1\x11\0\2\x11\0\3\x11\0"),
    (b"\xff\xda\0\x0c\3R\0G\0B\0", b"\xff\xda\0\x0c\3\1\0\2\0\3\0"),
)


class Segment(NamedTuple):
    """A marker segment: its ``marker`` without the FF, and what follows its length."""

    marker: int
    data: bytes


def segments(codestream: bytes, what: str) -> Iterator[Segment]:
    """Yield the marker segments of JPEG or JPEG-LS up to EOI, what is between them passed over.

    Raises InputError, saying ``what`` it is, where the codestream is something else or cut short.
    """
    if not codestream.startswith(SOI):
        raise InputError(f"not a {what} codestream: it does not begin with SOI")
    at, markers = len(SOI), _MARKER_LS if what == "JPEG-LS" else _MARKER
    while found := markers.search(codestream, at):
        marker, at = found.group(1)[0], found.end()
        if marker == _EOI:
            yield Segment(marker, b"")
            return
        if marker < _SOF.start:
            raise InputError(f"the {what} codestream is damaged at byte {at}")
        length = int.from_bytes(codestream[at : at + 2])
        if length < 2 or at + length > len(codestream):
            break
        yield Segment(marker, codestream[at + 2 : at + length])
        at += length
    raise InputError(f"the {what} codestream is cut short")


def header(codestream: bytes) -> Stream:
    """Return what the codestream says of itself; raises InputError where it is none, cut short or too new."""
    with told("the JPEG codestream cannot be read"):
        stream = _header(list(segments(codestream, "JPEG")))
    most = 8 * len(codestream) * (1 if stream.lossless else _BLOCK)
    if stream.rows * stream.columns * stream.samples > most:
        message = f"{len(codestream)} bytes of JPEG cannot be {stream.rows} rows of {stream.columns} pixels"
        raise InputError(message)
    return stream


def _header(found: list[Segment]) -> Stream:
    frames = [each for each in found if each.marker in _SOF and each.marker not in _NOT_SOF]
    if len(frames) != 1:
        raise InputError("a JPEG codestream has one frame" if frames else "there is no frame header (SOF)")
    marker, data = frames[0]
    if marker not in _DECODED:
        raise InputError(
            f"JPEG with SOF{marker - 0xC0} is not decoded here: arithmetic coding or hierarchical"
        )
    if not any(each.marker == _SOS for each in found):
        raise InputError("there is no scan in the JPEG codestream")
    return Stream(
        rows=int.from_bytes(data[1:3]),
        columns=int.from_bytes(data[3:5]),
        samples=data[5],
        bits=data[0],
        signed=None,
        lossless=marker == _LOSSLESS,
        photometric=_photometric(found, data),
    )


def _photometric(found: list[Segment], frame: bytes) -> str:
    """Return what the components are as libjpeg has it: JFIF's marker tells, then Adobe's, then names."""
    if frame[5] != 3:
        return ""
    if any(marker == _APP0 and data.startswith(b"JFIF\0") for marker, data in found):
        return "YBR_FULL"
    for marker, data in found:
        if marker == _APP14 and data.startswith(b"Adobe") and len(data) >= 12:
            return "RGB" if data[11] == 0 else "YBR_FULL"
    return "RGB" if bytes(frame[6::3]) == b"RGB" else ""


def decode(codestream: bytes, stream: Stream, pixels: Pixels) -> Samples:
    """Return the samples; those of a lossy codestream in YCbCr become RGB, others stay what they are."""
    from imagecodecs import jpeg8_decode

    before = after = "RGB" if stream.samples == 3 else None
    if not kept(stream, pixels):
        before = "YCBCR"
    with told("the JPEG codestream cannot be decoded"):
        return jpeg8_decode(codestream, colorspace=before, outcolorspace=after)


def kept(stream: Stream, pixels: Pixels) -> bool:
    """Tell whether decoding leaves the colours as they are: no transformation, or not one of JPEG's own."""
    if stream.samples != 3 or stream.lossless:
        return True
    return (stream.photometric or pixels.photometric) == "RGB"


def photometric(stream: Stream, pixels: Pixels) -> str:
    """Return what decoded samples are."""
    return pixels.photometric if stream.samples != 3 or stream.lossless else "RGB"


def encode(samples: Samples, pixels: Pixels, codec: Codec, settings: Settings) -> bytes:
    """Return the codestream of a frame: lossless with predictor 1, or lossy with chrominance 4:2:2."""
    from imagecodecs import jpeg8_encode

    with told("JPEG cannot encode this frame"):
        if codec.lossless:
            return _lossless(samples, pixels)
        given = None
        if pixels.samples == 3:
            given = "YCBCR" if pixels.photometric == "YBR_FULL" else "RGB"

        def at_quality(quality: int) -> bytes | bytearray:
            return jpeg8_encode(
                samples,
                quality,
                bitspersample=12 if samples.itemsize > 1 else 8,
                optimize=True,
                colorspace=given,
                outcolorspace="YCBCR" if given else None,
                subsampling=_SUBSAMPLING if given else None,
            )

        return bytes(smallest_enough(at_quality, settings, samples.nbytes))


def _lossless(samples: Samples, pixels: Pixels) -> bytes:
    from imagecodecs import jpeg8_encode

    samples, bits = _as_unsigned(samples, pixels)
    # YCbCr by that name would get a second Huffman table, which libjpeg-turbo writes and then does not name.
    given = "RGB" if pixels.samples == 3 else None
    codestream = jpeg8_encode(
        samples, lossless=True, predictor=1, bitspersample=bits, colorspace=given, outcolorspace=given
    )
    if pixels.photometric == "YBR_FULL":
        for named, unnamed in _UNNAMED:
            codestream = codestream.replace(named, unnamed, 1)
    return bytes(codestream)


def _as_unsigned(samples: Samples, pixels: Pixels) -> tuple[Samples, int]:
    """Return samples as lossless JPEG takes them, and of how many bits.

    Those that are signed are all bits of two's complement; then differences between neighbours stay small.
    """
    if pixels.signed:
        return samples.view(f"u{samples.itemsize}"), 8 * samples.itemsize
    bits = max(2, pixels.bits_stored)
    return (samples.astype("u1") if bits <= 8 and samples.itemsize > 1 else samples), bits

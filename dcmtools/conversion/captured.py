"""JPEG and PNG as pixel data: the one as it is, the other as samples."""

from __future__ import annotations

from struct import unpack
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.codecs.jpeg import header, segments
from dcmtools.codecs.pixels import MAX_FRAME
from dcmtools.codecs.streams import Samples, told
from dcmtools.conversion.kinds import JPEG
from dcmtools.editing.derivation import METHODS
from dcmtools.encoding.dataset import DataSet, made
from dcmtools.encoding.syntax import EXPLICIT_VR_LITTLE_ENDIAN
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmtools.codecs.jpeg import Segment
    from dcmtools.codecs.streams import Stream
    from dcmtools.conversion.kinds import Found

_JPEG: Final = "1.2.840.10008.1.2.4."
# By the frame header: baseline, extended, progressive (which only retired syntaxes had), lossless.
_SYNTAXES: Final = {0xC0: f"{_JPEG}50", 0xC1: f"{_JPEG}51", 0xC3: f"{_JPEG}57"}
_SELECTION_1: Final = f"{_JPEG}70"
_PROGRESSIVE: Final = 0xC2
_SOS: Final = 0xDA
_EXIF: Final = 0xE1
_ORIENTATION: Final = 0x0112
_LONGEST: Final = 1 << 28  # bytes of a picture
_EARLY: Final = 1024  # bytes of a PNG among which the head of its colour profile is
_CHANNELS: Final = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}  # of a PNG, by its colour type


class Frame(NamedTuple):
    """A picture as a frame: what describes it, the transfer syntax that it is in, and its bytes.

    ``lossless`` is not so where the picture has lost something, which took ``compressed`` bytes; ``warnings``
    are about what the frame does not show as the picture did.
    """

    rows: int
    columns: int
    samples: int
    bits: int
    photometric: str
    syntax: str
    data: bytes
    compressed: int
    lossless: bool = True
    warnings: tuple[str, ...] = ()

    @property
    def allocated(self) -> int:
        """Bits Allocated."""
        return 8 if self.bits <= 8 else 16

    @property
    def raw_bytes(self) -> int:
        """How many bytes the samples take."""
        return self.rows * self.columns * self.samples * self.allocated // 8


def frame_of(found: Found) -> Frame:
    """Return the picture that was found as a frame; raises InputError where it is none that has a place."""
    if found.source.size > _LONGEST:
        raise InputError(f"a picture of {found.source.size} bytes; {_LONGEST} are allowed")
    data = found.source.read(0, found.source.size)
    return _jpeg(data) if found.kind == JPEG else _png(data)


def described(frame: Frame, ratio: float = 0.0) -> DataSet:
    """Return the Image Pixel Module (PS3.3 C.7.6.3) of frames like ``frame``, without the pixel data.

    Where something is lost, ``ratio`` is to how small a part; that of ``frame`` itself, unless it is given.
    """
    data_set = made(
        SamplesPerPixel=frame.samples,
        PhotometricInterpretation=frame.photometric,
        Rows=frame.rows,
        Columns=frame.columns,
        BitsAllocated=frame.allocated,
        BitsStored=frame.bits,
        HighBit=frame.bits - 1,
        PixelRepresentation=0,
    )
    if frame.samples > 1:
        data_set.update(made(PlanarConfiguration=0))
    if not frame.lossless:
        data_set.update(
            made(
                LossyImageCompression="01",
                LossyImageCompressionRatio=f"{ratio or frame.raw_bytes / max(1, frame.compressed):.6g}",
                LossyImageCompressionMethod=METHODS["jpeg"],
            )
        )
    return data_set


def _jpeg(data: bytes) -> Frame:
    stream = header(data)
    found = list(segments(data, "JPEG"))
    marker = next(each.marker for each in found if 0xC0 <= each.marker <= 0xC3)
    if stream.samples not in (1, 3):
        raise InputError(f"a JPEG of {stream.samples} colours (CMYK), which DICOM has no place for")
    if not stream.rows or not stream.columns:
        raise InputError("a JPEG that does not say how many rows and columns it has")
    warnings = list(_of_exif(found))
    if marker == _PROGRESSIVE:
        return _decoded(
            data, stream, (*warnings, "progressive JPEG became samples, as no transfer syntax has it")
        )
    syntax = _SYNTAXES[marker]
    if stream.lossless and _selection(found) == 1:
        syntax = _SELECTION_1
    photometric = "MONOCHROME2"
    if stream.samples == 3:
        photometric = stream.photometric or ("RGB" if stream.lossless else "YBR_FULL")
        if photometric == "YBR_FULL" and not stream.lossless:
            photometric = "YBR_FULL_422"  # however it is subsampled (PS3.5 8.2.1)
    return Frame(
        stream.rows,
        stream.columns,
        stream.samples,
        stream.bits,
        photometric,
        syntax,
        data,
        len(data),
        bool(stream.lossless),
        tuple(warnings),
    )


def _selection(found: Sequence[Segment]) -> int:
    """Return the predictor of the first scan of lossless JPEG (ISO/IEC 10918-1 B.2.3)."""
    data = next((each.data for each in found if each.marker == _SOS), b"\0")
    at = 1 + 2 * data[0]
    return data[at] if at < len(data) else 0


def _decoded(data: bytes, stream: Stream, warnings: Sequence[str]) -> Frame:
    import imagecodecs

    _require_room(stream.columns, stream.rows, stream.samples)
    with told("the JPEG cannot be decoded"):
        samples = imagecodecs.jpeg8_decode(data, outcolorspace="rgb" if stream.samples == 3 else None)
    return _native(samples, warnings, len(data), lossless=False)


def _of_exif(found: Sequence[Segment]) -> list[str]:
    """Return what a camera says of how the picture is to be held (Exif 2.3, tag 0112)."""
    for marker, data in found:
        if marker == _EXIF and data.startswith(b"Exif\0\0"):
            turned = _orientation(data[6:])
            if turned not in (0, 1):
                return [f"its Exif orientation is {turned}: viewers of DICOM show it as it lies in the file"]
    return []


def _orientation(tiff: bytes) -> int:
    order = "<" if tiff[:2] == b"II" else ">"
    if len(tiff) < 10:
        return 0
    at = unpack(f"{order}L", tiff[4:8])[0]
    count = unpack(f"{order}H", tiff[at : at + 2])[0] if at + 2 <= len(tiff) else 0
    for entry in range(at + 2, min(at + 2 + 12 * count, len(tiff) - 11), 12):
        tag, _, _, value = unpack(f"{order}HHLH", tiff[entry : entry + 10])
        if tag == _ORIENTATION:
            return int(value)
    return 0


def _png(data: bytes) -> Frame:
    import imagecodecs

    if data[12:16] != b"IHDR" or len(data) < 33:
        raise InputError("a PNG without its header")
    width, height, depth, colour = unpack(">LLBB", data[16:26])
    if colour not in _CHANNELS:
        raise InputError(f"a PNG with colour type {colour}, which there is not")
    _require_room(width, height, _CHANNELS[colour] * (2 if depth == 16 else 1))
    with told("the PNG cannot be decoded"):
        samples = imagecodecs.png_decode(data)
    profile = ["its colour profile (ICC) has been left out"] if b"iCCP" in data[:_EARLY] else []
    return _native(samples, profile, len(data))


def _require_room(width: int, height: int, samples: int) -> None:
    """Refuse a picture before memory is taken for it."""
    if not (0 < width <= 0xFFFF and 0 < height <= 0xFFFF):
        raise InputError(f"{width} columns and {height} rows; DICOM has room for 1 to 65535 of each")
    if width * height * samples > MAX_FRAME:
        raise InputError(f"its {width} x {height} pixels take more memory than one frame may")


def _native(samples: Samples, warnings: Sequence[str], compressed: int, *, lossless: bool = True) -> Frame:
    """Return samples as a frame; a second or fourth channel is how opaque they are, which has no place."""
    import numpy as np

    told_of = list(warnings)
    channels = samples.shape[2] if samples.ndim == 3 else 1
    if channels in (2, 4):
        if int(samples[..., -1].min()) < np.iinfo(samples.dtype).max:
            told_of.append(
                "it is transparent in places, which has no place in DICOM: colours are as they were below"
            )
        samples = samples[..., 0] if channels == 2 else samples[..., :3]
        channels -= 1
    plain = np.ascontiguousarray(samples.reshape(samples.shape[:2]) if channels == 1 else samples)
    bits = plain.dtype.itemsize * 8
    return Frame(
        plain.shape[0],
        plain.shape[1],
        channels,
        bits,
        "RGB" if channels == 3 else "MONOCHROME2",
        EXPLICIT_VR_LITTLE_ENDIAN,
        plain.astype(plain.dtype.newbyteorder("<")).tobytes(),
        compressed,
        lossless,
        tuple(told_of),
    )

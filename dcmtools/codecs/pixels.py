"""What describes the pixels of an image: the Image Pixel Module (PS3.3 C.7.6.3, PS3.5 8.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.values import numbers
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

SAMPLES_PER_PIXEL: Final = 0x00280002
PHOTOMETRIC_INTERPRETATION: Final = 0x00280004
PLANAR_CONFIGURATION: Final = 0x00280006
NUMBER_OF_FRAMES: Final = 0x00280008
ROWS: Final = 0x00280010
COLUMNS: Final = 0x00280011
BITS_ALLOCATED: Final = 0x00280100
BITS_STORED: Final = 0x00280101
HIGH_BIT: Final = 0x00280102
PIXEL_REPRESENTATION: Final = 0x00280103
DESCRIBING: Final = frozenset({
    SAMPLES_PER_PIXEL, PHOTOMETRIC_INTERPRETATION, PLANAR_CONFIGURATION, NUMBER_OF_FRAMES, ROWS, COLUMNS,
    BITS_ALLOCATED, BITS_STORED, HIGH_BIT, PIXEL_REPRESENTATION,
})  # fmt: skip
# Of one frame in memory, where it stands up to three times, however large the claim of a file.
MAX_FRAME: Final = 1 << 28
MAX_FRAMES: Final = 10_000_000
_ALLOCATED: Final = (1, 8, 16, 32, 64)
_SUBSAMPLED: Final = ("YBR_FULL_422", "YBR_PARTIAL_422")


class Pixels(NamedTuple):
    """How the frames of an image are made of samples.

    A sample is ``bits_stored`` bits, the highest at ``high_bit``, of ``bits_allocated``; ``planar`` is 1
    where the samples of a frame stand plane by plane.
    """

    rows: int
    columns: int
    samples: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    planar: int
    frames: int

    @property
    def subsampled(self) -> bool:
        """Whether native frames hold half of the chrominance samples (PS3.3 C.7.6.3.1.2)."""
        return self.samples == 3 and self.photometric in _SUBSAMPLED

    @property
    def frame_bits(self) -> int:
        """How many bits a native frame has; frames of single bits are packed, over the bounds of bytes."""
        bits = self.rows * self.columns * self.samples * self.bits_allocated
        return bits * 2 // 3 if self.subsampled else bits

    @property
    def frame_bytes(self) -> int:
        """How many bytes a frame has, alone."""
        return -(-self.frame_bits // 8)


def described(values: Mapping[int, bytes], order: str, *, bits_allocated: int = 0) -> Pixels:
    """Return what the elements of a data set say, by tag in the byte ``order`` (``<`` or ``>``) of the file.

    ``bits_allocated`` is for where that goes without saying: Float and Double Float Pixel Data. Raises
    InputError, naming the attribute, where they contradict PS3.3 C.7.6.3 or one that is needed is missing.
    """

    def number(tag: int, name: str, default: int | None = None) -> int:
        found = numbers("US", values.get(tag, b"")[:2], order)
        if not found and default is None:
            raise InputError(f"{name} is missing, without which pixel data makes no sense")
        return int(found[0]) if found else default or 0

    def text(tag: int) -> str:
        return values.get(tag, b"").decode("latin-1").strip(" \0")

    allocated = bits_allocated or number(BITS_ALLOCATED, "Bits Allocated")
    stored = number(BITS_STORED, "Bits Stored", allocated)
    pixels = Pixels(
        rows=number(ROWS, "Rows"),
        columns=number(COLUMNS, "Columns"),
        samples=number(SAMPLES_PER_PIXEL, "Samples per Pixel", 1),
        photometric=text(PHOTOMETRIC_INTERPRETATION) or "MONOCHROME2",
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=number(HIGH_BIT, "High Bit", stored - 1),
        signed=number(PIXEL_REPRESENTATION, "Pixel Representation", 0) == 1,
        planar=number(PLANAR_CONFIGURATION, "Planar Configuration", 0),
        frames=_frames(text(NUMBER_OF_FRAMES)),
    )
    _check(pixels)
    return pixels


def _frames(text: str) -> int:
    if not text:
        return 1
    if not text.lstrip("+").isdecimal() or len(text) > 12 or not 0 < int(text) <= MAX_FRAMES:
        raise InputError(f"Number of Frames is no number from 1 to {MAX_FRAMES}")
    return int(text)


def _unpacked(pixels: Pixels) -> int:
    """Return how many bytes the samples of a frame take in memory."""
    return pixels.rows * pixels.columns * pixels.samples * max(8, pixels.bits_allocated) // 8


def _check(pixels: Pixels) -> None:
    """Raise InputError for what no image can be."""
    wrong = ""
    if not (pixels.rows and pixels.columns):
        wrong = f"{pixels.rows} rows and {pixels.columns} columns are no image"
    elif pixels.samples not in (1, 3, 4):
        wrong = f"Samples per Pixel is {pixels.samples}"
    elif pixels.bits_allocated not in _ALLOCATED:
        wrong = f"Bits Allocated is {pixels.bits_allocated}"
    elif not 0 < pixels.bits_stored <= pixels.bits_allocated:
        wrong = f"Bits Stored is {pixels.bits_stored}, of {pixels.bits_allocated} allocated"
    elif not pixels.bits_stored - 1 <= pixels.high_bit < pixels.bits_allocated:
        wrong = f"High Bit is {pixels.high_bit}, of {pixels.bits_stored} bits stored"
    elif pixels.planar not in (0, 1):
        wrong = f"Planar Configuration is {pixels.planar}"
    elif (size := _unpacked(pixels)) > MAX_FRAME:
        wrong = f"a frame would have {size} bytes, more than the {MAX_FRAME} that are read"
    if wrong:
        raise InputError(wrong)

"""Parts of frames blanked, one frame in memory at a time; nothing is compressed with loss once more."""

from __future__ import annotations

from itertools import chain, repeat
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.codecs import native
from dcmtools.codecs.decoding import Decoded, adapter, decode
from dcmtools.codecs.encapsulating import Encapsulated
from dcmtools.codecs.encoding import PALETTE, encode
from dcmtools.codecs.frames import EXTENDED_OFFSET_TABLE
from dcmtools.codecs.photometric import converted, target
from dcmtools.codecs.registry import codec_named
from dcmtools.codecs.settings import Settings
from dcmtools.deidentification.overlay_bits import padding_word
from dcmtools.editing.derivation import LOSSY, lossy_edits
from dcmtools.editing.reencoding import describing_edits
from dcmtools.encoding.tags import PIXEL_DATA
from dcmtools.encoding.values import number_struct, numbers
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.codecs.frames import PixelData
    from dcmtools.codecs.photometric import Target
    from dcmtools.codecs.pixels import Pixels
    from dcmtools.codecs.registry import Codec
    from dcmtools.codecs.streams import Samples
    from dcmtools.deidentification.pixel_rules import Box
    from dcmtools.deidentification.reading import Elements
    from dcmtools.editing.derivation import Top
    from dcmtools.editing.splice import Edit

_PADDING_VALUE: Final = 0x00280120
_DESCRIPTORS: Final = (0x00281101, 0x00281102, 0x00281103)
_COLOURS: Final = 0x100  # from the descriptor of a palette to its data
# In which there is nothing without loss; others may hold what has none.
_ALWAYS_LOSSY: Final = frozenset(("jpeg", "jpeg-extended", "jpeg-spectral", "jpeg-progressive"))
_RECOMPRESSED: Final = "jpeg-xl-recompression"
# What is encoded instead, by name: without loss, or by something that can be written.
_LOSSLESS: Final = {
    **dict.fromkeys((*_ALWAYS_LOSSY, _RECOMPRESSED), "jpeg-lossless"),
    "jpeg-ls-near": "jpeg-ls",
    "jpeg-2000": "jpeg-2000-lossless",
    "jpeg-2000-part-2": "jpeg-2000-lossless",
    "jpeg-2000-part-2-lossless": "jpeg-2000-lossless",
    "htj2k": "htj2k-lossless",
    "jpeg-xl": "jpeg-xl-lossless",
}
_EXPLICIT: Final = codec_named("explicit")


class Mask(NamedTuple):
    """What of a frame is blanked: all, or the boxes ``blanked`` and what is outside of those ``kept``.

    Of the latter there may be several sets: what is outside of one of them is blanked.
    """

    whole: bool = False
    kept: tuple[tuple[Box, ...], ...] = ()
    blanked: tuple[Box, ...] = ()

    def array(self, rows: int, columns: int) -> Samples:
        """Return where pixels are blanked: True, by row and column."""
        import numpy as np

        def inside(boxes: tuple[Box, ...]) -> Samples:
            array = np.zeros((rows, columns), bool)
            for left, top, width, height in boxes:
                array[top : top + height, left : left + width] = True
            return array

        array = inside(self.blanked) | self.whole
        for boxes in self.kept:
            array |= ~inside(boxes)
        return array


class Masked(NamedTuple):
    """Pixel data that has been decoded: in the transfer syntax of ``codec``, as ``pixels`` describes it.

    ``whole`` are the codestreams, to be closed; without them ``native`` is its value.
    """

    frames: Frames
    codec: Codec
    pixels: Pixels
    whole: Encapsulated | None = None

    def native(self) -> Iterator[bytes]:
        """Yield the value of native pixel data; raises InputError where a frame cannot be decoded."""
        return native.blocks(self.frames.converted(), self.pixels)

    def edits(self, top: Top) -> list[Edit]:
        """Return the changes of what describes pixels, and of what tells of a loss that there was before."""
        data = self.frames.data
        edits, _ = describing_edits(data.pixels, self.pixels, top.encoding.order)
        if self.frames.is_lossy() and data.codec and top.text(LOSSY) != "01":
            size = max(1, data.after - data.element[3])
            ratio = len(data) * data.pixels.frame_bits / 8 / size
            edits += lossy_edits(top, [(data.codec.module, ratio)])
        return edits


class Frames:
    """The frames of ``data`` with ``mask`` on them, and without what is in bits that no sample has.

    Of these ``kept_bits`` stay, where it is not None, and all in a word that is the Pixel Padding Value.
    """

    def __init__(
        self, data: PixelData, elements: Elements, mask: Mask | None, kept_bits: int | None = None
    ) -> None:
        """Prepare to blank parts of frames."""
        self.data = data
        self._elements = elements
        self._mask = mask
        self._bits = kept_bits
        self._where: Samples | None = None

    @property
    def where(self) -> Samples:
        """Where pixels are blanked."""
        if self._where is None:
            pixels = self.data.pixels
            self._where = (self._mask or Mask()).array(pixels.rows, pixels.columns)
        return self._where

    @property
    def splits_pairs(self) -> bool:
        """Whether pixels beside the mask go with it, as they share their chrominance with some on it."""
        where = self.where.reshape(-1)
        pairs = where[: where.size - where.size % 2].reshape(-1, 2)
        return self.data.pixels.subsampled and bool((pairs.any(axis=1) != pairs.all(axis=1)).any())

    # ---------------------------------------------------------------- native ones stay as they are

    def native(self) -> Iterator[bytes]:
        """Yield the value of native pixel data, in the layout and the byte order that it has."""
        word = 1
        if self.data.big:
            word = number_struct(self.data.element[1], "<").size
        return native.joined(self._native(), self.data.pixels, word=word)

    def _native(self) -> Iterator[bytes]:
        if self._mask and self._mask.whole:
            pixels = self.data.pixels
            yield from repeat(self._blanked(bytes(pixels.frame_bytes)), pixels.frames)
            return
        yield from map(self._blanked, self.data)

    def _blanked(self, frame: bytes) -> bytes:
        """Return a native frame with the mask on it."""
        import numpy as np

        pixels = self.data.pixels
        colours = self._background(pixels.photometric)
        if pixels.bits_allocated == 1:
            count = pixels.rows * pixels.columns * pixels.samples
            bits = np.unpackbits(np.frombuffer(frame, "u1"), count=count, bitorder="little")
            bits.reshape(pixels.rows, pixels.columns, -1)[self.where] = colours
            return np.packbits(bits, bitorder="little").tobytes()
        words = np.frombuffer(frame, f"<u{pixels.bits_allocated // 8}").copy()
        self._clear(words)
        colours = [self._word(each) for each in colours]
        if pixels.subsampled:
            self._blank_pairs(words, colours)
        elif pixels.planar and pixels.samples > 1:
            for plane, colour in zip(words.reshape(-1, pixels.rows, pixels.columns), colours, strict=True):
                plane[self.where] = colour
        else:
            words.reshape(pixels.rows, pixels.columns, -1)[self.where] = colours
        return words.tobytes()

    def _blank_pairs(self, words: Samples, colours: list[int]) -> None:
        """Blank pairs of pixels, which share their chrominance, of which one is to go."""
        if words.size % 4:
            raise InputError("an odd number of pixels cannot share their chrominance in pairs")
        gone = self.where.reshape(-1, 2).any(axis=1)
        words.reshape(-1, 4)[gone] = [colours[0], *colours]

    def _clear(self, words: Samples) -> None:
        """Clear bits that no sample has; those of a sign are what the sign is."""
        if self._bits is None:
            return
        pixels = self.data.pixels
        stored = (1 << pixels.bits_stored) - 1 << pixels.high_bit + 1 - pixels.bits_stored
        negative = (words >> pixels.high_bit & 1).astype(bool) & pixels.signed
        padding = words == padding_word(self._elements)
        padded = words[padding]
        words &= words.dtype.type(stored | self._bits)
        if not self._bits:
            all_bits = (1 << pixels.bits_allocated) - 1
            words[negative] |= words.dtype.type(all_bits >> pixels.high_bit + 1 << pixels.high_bit + 1)
        words[padding] = padded

    def _word(self, value: int) -> int:
        """Return how a sample stands in the bits that are allocated to it."""
        pixels = self.data.pixels
        if self.data.element[0] != PIXEL_DATA:
            return 0
        bits = pixels.bits_allocated if value < 0 and not self._bits else pixels.high_bit + 1
        return (value << pixels.high_bit + 1 - pixels.bits_stored) & (1 << bits) - 1

    # ---------------------------------------------------------------- those that are decoded

    def encoded(self, settings: Settings) -> Masked:
        """Return all frames without loss, encoded as they were where that can be, else as native ones.

        Raises InputError where one cannot be decoded.
        """
        source = self.data.codec
        if source is None:
            raise InputError("the transfer syntax is not known")
        codec = codec_named(_LOSSLESS.get(source.name, source.name))
        first = self._decoded(0)
        try:
            goal = target(codec, self.data.pixels, first.photometric)
            codestream = encode(_converted(first, goal), goal.samples, codec, settings)
        except InputError:  # it cannot be written here, or does not hold this
            goal = target(_EXPLICIT, self.data.pixels, first.photometric)
            return Masked(self, _EXPLICIT, goal.pixels)
        whole = Encapsulated(settings)
        try:
            whole.add(codestream)
            for decoded in self._others(first):
                if decoded is not first:
                    codestream = encode(_converted(decoded, goal), goal.samples, codec, settings)
                whole.add(codestream)
        except BaseException:
            whole.close()
            raise
        return Masked(self, codec, goal.pixels, whole)

    def converted(self) -> Iterator[Samples]:
        """Yield the samples of all frames as native pixel data has them."""
        first = self._decoded(0)
        goal = target(_EXPLICIT, self.data.pixels, first.photometric)
        for decoded in chain([first], self._others(first)):
            yield _converted(decoded, goal)

    def _others(self, first: Decoded) -> Iterator[Decoded]:
        """Yield all frames behind the first; raise InputError where one has other colours."""
        if self._mask and self._mask.whole:
            yield from repeat(first, len(self.data) - 1)
            return
        for decoded in map(self._decoded, range(1, len(self.data))):
            if decoded.photometric != first.photometric:
                raise InputError(f"frames are in {decoded.photometric} and in {first.photometric}")
            yield decoded

    def _decoded(self, index: int) -> Decoded:
        """Return a frame with the mask on it; one that is blanked altogether is not decoded."""
        import numpy as np

        pixels = self.data.pixels
        if self._mask and self._mask.whole:
            coloured = pixels.photometric.startswith("YBR") or pixels.photometric == "XYB"
            photometric = "RGB" if coloured else pixels.photometric
            shape = (pixels.rows, pixels.columns, pixels.samples)[: 2 if pixels.samples == 1 else 3]
            kind = f"{'i' if pixels.signed else 'u'}{max(8, pixels.bits_allocated) // 8}"
            return Decoded(np.full(shape, self._background(photometric), kind), photometric)
        decoded = decode(self.data, index)
        samples, colours = decoded.samples.copy(), self._background(decoded.photometric)
        samples[self.where] = colours if pixels.samples > 1 else colours[0]
        return decoded._replace(samples=samples)

    def is_lossy(self) -> bool:
        """Tell whether frames were compressed with loss, unless the first one says that they were not."""
        codec = self.data.codec
        if codec is None or codec.name in _ALWAYS_LOSSY or codec.name == _RECOMPRESSED:
            return codec is not None
        if codec.lossless:
            return False
        try:
            stream = adapter(codec).header(self.data.frame(0))
        except InputError:  # nor has it to be decoded where all is blanked
            return True
        return stream is None or not stream.lossless

    # ---------------------------------------------------------------- the colour of what is blank

    def _background(self, photometric: str) -> list[int]:
        """Return a sample of each kind for a pixel without anything on it: padding, or what is dark."""
        pixels = self.data.pixels
        low = -(1 << pixels.bits_stored - 1) if pixels.signed else 0
        high = low + (1 << pixels.bits_stored) - 1
        if pixels.samples > 1:
            half = 1 << pixels.bits_stored - 1
            return [0, half, half] if photometric.startswith("YBR") else [0] * pixels.samples
        if photometric == PALETTE:
            return [min(self._darkest(), high)]
        raw = self._elements.value(_PADDING_VALUE)[:2]
        padding = numbers("SS" if pixels.signed else "US", raw, self._elements.encoding.order)
        if padding and low <= padding[0] <= high:
            return [int(padding[0])]
        return [high if photometric == "MONOCHROME1" else low]

    def _darkest(self) -> int:
        """Return the number of the darkest colour of the palette, 0 where that cannot be told."""
        order = self._elements.encoding.order
        sums: list[float] = []
        first = 0
        for tag in _DESCRIPTORS:
            described = numbers("US", self._elements.value(tag), order)
            table = self._elements.value(tag + _COLOURS)
            if len(described) != 3 or not table:
                return 0
            count, first = int(described[0]) or 65536, int(described[1])
            values = numbers("US", table, order) if len(table) >= 2 * count else [*table]
            sums = [one + other for one, other in zip(sums or [0] * len(values), values, strict=False)]
            sums = sums[:count]
        return first + sums.index(min(sums)) if sums else 0


def _converted(decoded: Decoded, goal: Target) -> Samples:
    return converted(decoded.samples, decoded.photometric, goal.samples)


def table_settings(data: PixelData, elements: Elements) -> Settings:
    """Return settings by which an offset table is of the kind that ``data`` has."""
    if EXTENDED_OFFSET_TABLE in elements.top:
        return Settings(offset_table="extended")
    length = int.from_bytes(data.source.read(data.element[3] + 4, 4), "little")
    return Settings(offset_table="basic" if length else "none")

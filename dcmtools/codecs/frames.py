"""The frames of a file's pixel data, one at a time: native, or encapsulated in fragments (PS3.5 A.4)."""

from __future__ import annotations

import re
from array import array
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from dcmtools.codecs.pixels import DESCRIBING, MAX_FRAME, Pixels, described
from dcmtools.codecs.registry import codec_of
from dcmtools.encoding.element import UNDEFINED, Span
from dcmtools.encoding.tags import ITEM, PIXEL_DATA
from dcmtools.encoding.values import number_struct, numbers, swapped
from dcmtools.errors import InputError, MalformedError, Unsuitable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dcmtools.encoding.element import Element
    from dcmtools.encoding.walker import Walker
    from dcmtools.files.part10 import Part10File

FLOAT_PIXEL_DATA: Final = 0x7FE00008
DOUBLE_FLOAT_PIXEL_DATA: Final = 0x7FE00009
EXTENDED_OFFSET_TABLE: Final = 0x7FE00001
PIXEL_TAGS: Final = {FLOAT_PIXEL_DATA: 32, DOUBLE_FLOAT_PIXEL_DATA: 64, PIXEL_DATA: 0}
_LONGEST: Final = 1024  # of what describes pixels
_LONGEST_TABLE: Final = 8 * 10_000_000
_MOST_FRAGMENTS: Final = 1_000_000  # each takes 250 bytes of memory
_BLOCK: Final = 1024 * 1024
_GE_PRIVATE: Final = "1.2.840.113619.5.2"  # implicit VR little endian, but pixel data in big endian
# How codestreams begin and end, where it takes that to tell frames apart: JPEG, JPEG-LS, JPEG 2000, JPEG XL.
_JPEG_XL: Final = b"\xff\x0a"
_BEGIN: Final = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", _JPEG_XL, b"\0\0\0\x0cJXL ")
_RLE_BEGIN: Final = re.compile(rb"[\1-\x0f]\0\0\0\x40\0\0\0")  # the first of 1 to 15 segments at 64


class Fragments:
    """The fragments of encapsulated pixel data, and which of them make a frame (PS3.5 A.4).

    ``after`` is the offset behind their delimiter.
    """

    def __init__(self, spans: Sequence[Span], firsts: Sequence[int], after: int) -> None:
        """Take the fragments, and the index among them of the first of each frame."""
        self._spans = spans
        self._firsts = firsts
        self.after = after

    def of_frame(self, index: int) -> Sequence[Span]:
        """Return the fragments of a frame."""
        end = self._firsts[index + 1] if index + 1 < len(self._firsts) else len(self._spans)
        return self._spans[self._firsts[index] : end]


class PixelData:
    """The pixel data of a file: what describes it, where it is, and its frames.

    ``element`` is the element as the walker found it, at the top of the data set, ``after`` the offset
    behind it, both in ``source``. ``codec`` is that of the file's transfer syntax, if it is known. ``big``
    tells that native samples are in big endian.
    """

    def __init__(
        self,
        walker: Walker,
        element: Element,
        pixels: Pixels,
        fragments: Fragments | None,
        transfer_syntax: str,
    ) -> None:
        """Read frames out of the source of ``walker``; ``pixel_data`` makes these."""
        self.source = walker.source
        self.element = element
        self.pixels = pixels
        self.transfer_syntax = transfer_syntax
        self.codec = codec_of(transfer_syntax)
        self.after = fragments.after if fragments else element[3] + element[4]
        self.big = is_big(transfer_syntax, walker.order)
        self._fragments = fragments

    @property
    def encapsulated(self) -> bool:
        """Whether frames are codestreams in fragments, rather than samples."""
        return self.element[4] == UNDEFINED

    def __len__(self) -> int:
        """Return how many frames there are."""
        return self.pixels.frames

    def __iter__(self) -> Iterator[bytes]:
        """Yield the frames in their order; see ``frame``."""
        return map(self.frame, range(len(self)))

    @property
    def beyond(self) -> int:
        """How many bytes of native pixel data stand behind the last frame, padding left out."""
        if self._fragments:
            return 0
        needed = -(-len(self) * self.pixels.frame_bits // 8)
        return max(0, self.element[4] - needed - needed % 2)

    def behind(self) -> Iterator[bytes]:
        """Yield what is ``beyond``, in little endian, in blocks."""
        end = self.element[4]
        for at in range(end - self.beyond, end, _BLOCK):
            yield self._read(at, min(at + _BLOCK, end))

    def left_out(self) -> str:
        """Return what to say of bytes behind the last frame, nothing where there are none.

        Raises InputError where they could be frames untold of.
        """
        if not self.beyond:
            return ""
        if 8 * self.beyond >= self.pixels.frame_bits:
            raise InputError(
                f"{self.beyond} bytes of pixel data stand behind the last frame, which could be more frames"
                f" than the {len(self)} of Number of Frames"
            )
        return f"{self.beyond} bytes of pixel data behind the last frame left out"

    def fragments(self, index: int) -> Sequence[Span]:
        """Return where the codestream of a frame stands; nothing of what is not encapsulated."""
        return self._fragments.of_frame(index) if self._fragments else ()

    def frame(self, index: int) -> bytes:
        """Return the bytes of a frame: its codestream, maybe padded, or its samples in little endian.

        Raises InputError where there are fewer bytes than it takes, and what the source raises.
        """
        if self._fragments:
            return self._joined(self._fragments.of_frame(index), index)
        return self._native(index)

    def _joined(self, spans: Sequence[Span], index: int) -> bytes:
        if sum([span.length for span in spans]) > MAX_FRAME:
            raise InputError(f"frame {index + 1} has more than {MAX_FRAME} bytes")
        return b"".join([self.source.read(*span) for span in spans])

    def span(self, index: int) -> Span:
        """Return where a native frame stands: the whole bytes that have some of its bits.

        Raises InputError where there are fewer bytes than it takes.
        """
        bits = self.pixels.frame_bits
        first, after = index * bits // 8, -(-(index + 1) * bits // 8)
        if after > self.element[4]:
            raise InputError(
                f"frame {index + 1} is not there: {self.element[4]} bytes of pixel data are fewer than the"
                f" {-(-len(self) * bits // 8)} of {len(self)} frames"
            )
        return Span(self.element[3] + first, after - first)

    def _native(self, index: int) -> bytes:
        offset, length = self.span(index)
        first, bits = offset - self.element[3], self.pixels.frame_bits
        data = self._read(first, first + length)
        if bits % 8:  # single bits are packed over the bounds of frames (PS3.5 8.1.1)
            number = int.from_bytes(data, "little") >> index * bits % 8
            data = (number & (1 << bits) - 1).to_bytes(-(-bits // 8), "little")
        return data

    def _read(self, first: int, after: int) -> bytes:
        """Return a part of a native value, in little endian."""
        _, vr, _, offset, length, _ = self.element
        if not self.big:
            return self.source.read(offset + first, after - first)
        width = number_struct(vr, ">").size  # of 16 bits under OW, whatever a sample has (PS3.5 8.1.1)
        begin, end = first - first % width, min(after + -after % width, length)
        data = swapped(vr, self.source.read(offset + begin, end - begin))
        return data[first - begin : after - begin]


def is_big(transfer_syntax: str, order: str) -> bool:
    """Tell whether native samples are in big endian in a file of the byte ``order``."""
    return order == ">" or transfer_syntax == _GE_PRIVATE


def pixel_data(file: Part10File) -> PixelData:
    """Return the pixel data of ``file``.

    Raises Unsuitable where there is none, InputError where what describes it is missing or makes no sense,
    MalformedError where fragments and offset tables contradict each other or do not tell the frames apart,
    and what the walk raises.
    """
    return pixel_data_in(file.walk(shallow=True), file.transfer_syntax)


def pixel_data_in(walker: Walker, transfer_syntax: str, level: int = 0) -> PixelData:
    """Return the first pixel data at the depth ``level`` of what ``walker`` walks, as ``pixel_data`` does."""
    values: dict[int, bytes] = {}
    order = walker.order
    elements = iter(walker)
    for element in elements:
        tag, vr, _, offset, length, depth = element
        if depth != level:
            continue
        if tag in PIXEL_TAGS and vr != "SQ":
            pixels = described(values, order, bits_allocated=PIXEL_TAGS[tag])
            fragments = None
            if length == UNDEFINED:
                fragments = _fragments(walker, element, elements, pixels, values)
            else:
                pixels = _subsampled_indeed(pixels, length)
            return PixelData(walker, element, pixels, fragments, transfer_syntax)
        if tag in DESCRIBING:
            values[tag] = walker.value(offset, min(length, _LONGEST))
        elif tag == EXTENDED_OFFSET_TABLE:
            if length > _LONGEST_TABLE:
                raise MalformedError(f"an offset table of {length} bytes", offset=offset)
            values[tag] = walker.value(offset, length)
    raise Unsuitable("there is no pixel data")


def _subsampled_indeed(pixels: Pixels, length: int) -> Pixels:
    """Return what describes pixels of that many bytes: some writers leave chrominance whole, untold."""
    whole = pixels._replace(photometric="YBR_FULL")
    if pixels.photometric == "YBR_FULL_422" and length >= whole.frames * whole.frame_bytes:
        return whole
    return pixels


def _fragments(
    walker: Walker, element: Element, elements: Iterator[Element], pixels: Pixels, values: Mapping[int, bytes]
) -> Fragments:
    """Return the fragments that follow ``element``, divided among the frames."""
    spans: list[Span] = []
    after = element[3]
    for tag, _, at, offset, length, _ in elements:
        if tag != ITEM:
            after = at + 8
            break
        spans.append(Span(offset, length))
        if len(spans) > _MOST_FRAGMENTS:
            raise MalformedError(f"pixel data of more than {_MOST_FRAGMENTS} fragments", offset=at)
    if not spans:
        raise MalformedError("the pixel data has not even an offset table", offset=element[2])
    table = spans.pop(0)
    if table.length > _LONGEST_TABLE:
        raise MalformedError(f"an offset table of {table.length} bytes", offset=table.offset)
    base = table.offset + table.length
    offsets = numbers("UV", values.get(EXTENDED_OFFSET_TABLE, b""), "<")
    if not offsets:
        offsets = numbers("UL", walker.source.read(*table), "<")
    return Fragments(
        spans, _firsts(walker, spans, pixels.frames, [base + int(each) for each in offsets]), after
    )


def _firsts(walker: Walker, spans: Sequence[Span], frames: int, begins: Sequence[int]) -> Sequence[int]:
    """Return the index of the first fragment of each frame.

    Where there are as many fragments as frames, no table can make it otherwise. ``begins`` are the offsets of
    items that the offset table has, if there is one.
    """
    if len(spans) == frames:
        return range(frames)
    if len(spans) < frames:
        message = f"{len(spans)} fragments cannot hold {frames} frames"
        raise MalformedError(message, offset=spans[0].offset if spans else 0)
    if frames == 1:
        _refuse_more(walker, spans, begins)
        return (0,)
    firsts = array("Q")
    if begins:
        index = {span.offset - 8: number for number, span in enumerate(spans)}
        firsts.extend([index.get(begin, len(spans)) for begin in begins])
        what = "the offset table does not tell where"
    else:
        firsts.extend([number for number, span in enumerate(spans) if _begins(walker, span)])
        what = "without an offset table nothing tells where"
    sound = len(firsts) == frames and firsts[0] == 0 and firsts[-1] < len(spans)
    if not sound or any(after <= before for before, after in pairwise(firsts)):
        message = f"{what} in {len(spans)} fragments the {frames} frames begin"
        raise MalformedError(message, offset=spans[0].offset)
    return firsts


def _refuse_more(walker: Walker, spans: Sequence[Span], begins: Sequence[int]) -> None:
    """Raise MalformedError where one frame is told of and there are more, which would be lost."""
    count = sum(_begins(walker, span) for span in spans)
    by_chance = walker.source.read(spans[0].offset, min(spans[0].length, 2)) == _JPEG_XL
    if count > 1 and (count in (len(spans), len(begins)) or not by_chance):
        message = f"there are {count} codestreams, and Number of Frames tells of one"
        raise MalformedError(message, offset=spans[0].offset)


def _begins(walker: Walker, span: Span) -> bool:
    """Tell whether a fragment is the beginning of a codestream: no later part of one looks like that."""
    head = walker.source.read(span.offset, min(span.length, 12))
    return head.startswith(_BEGIN) or _RLE_BEGIN.match(head) is not None

"""The parts of a JPEG 2000 or HTJ2K codestream, and which of them are the image; nothing is decoded."""

from __future__ import annotations

from struct import pack, pack_into, unpack_from
from typing import TYPE_CHECKING, Final

from dcmtools.codecs.boxes import boxes
from dcmtools.codecs.jpeg_2000 import COD, QCD, SIZ, TLM
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    Part = tuple[bytes, bool]  # and whether it is kept
    Segment = tuple[int, int, int]  # marker, begin, end
    TilePart = tuple[bytes, list[bytes]]  # without what is left out of it

_JP2: Final = b"\0\0\0\x0cjP  "
_CAP, _COC, _PRF, _PLM, _PLT, _CPF, _QCC, _RGN, _POC = (
    0xFF50, 0xFF53, 0xFF56, 0xFF57, 0xFF58, 0xFF59, 0xFF5D, 0xFF5E, 0xFF5F
)  # fmt: skip
_PPM, _PPT, _CRG, _COM, _CBD = 0xFF60, 0xFF61, 0xFF63, 0xFF64, 0xFF78
_SOT, _SOD, _EOC = 0xFF90, 0xFF93, b"\xff\xd9"
# Of a main or tile-part header (parts 1, 2 and 15): what decoding takes, and what it does without, pointers
# to packets and offsets of components among it.
_KEPT: Final = frozenset({
    _CAP, SIZ, COD, _COC, _PRF, _CPF, QCD, _QCC, _RGN, _POC, _PPM, _PPT, 0xFF72, 0xFF73,
    *range(0xFF74, 0xFF7A),
})  # fmt: skip
_LEFT_OUT: Final = frozenset({_COM, _CRG, _PLM, _PLT, TLM})
_LENGTHS: Final = 10_000  # of tile-parts in one TLM
_MOST_LEVELS: Final = 32
_MOST_BANDS: Final = 3 * _MOST_LEVELS + 1


def parts(codestream: bytes) -> Iterator[Part]:
    """Yield the pieces of a codestream, and whether each is kept; a tile-part is one.

    Where lengths of tile-parts were told (TLM), which PS3.5 10.18 asks for, they are told anew. Raises
    InputError for what cannot be accounted for byte by byte.
    """
    at, end = 0, len(codestream)
    if codestream.startswith(_JP2):
        outside, at, end = _unboxed(codestream)
        for data in outside:
            yield data, False
    if codestream[at : at + 2] != b"\xff\x4f":
        raise InputError("it does not begin with SOC")
    header = list(_main_header(codestream, at + 2, end))
    tile_parts, at_end = _tile_parts(codestream, header, end)
    lengths = _lengths([part for part, _ in tile_parts])
    packed = [codestream[begin + 4 : after] for marker, begin, after in header if marker == _PPM]
    _check_packed(packed, len(tile_parts))
    yield codestream[at : at + 2], True
    yield from _rewritten(codestream, header, lengths)
    for part, left_out in tile_parts:
        yield part, True
        for data in left_out:
            yield data, False
    yield _EOC, True
    if codestream[at_end : at_end + 2] == _EOC:
        at_end += 2
    elif codestream[at_end:end].strip(b"\0"):
        raise InputError(f"there is no tile-part at byte {at_end}, nor is it the end")
    yield codestream[at_end:end], False


def _rewritten(codestream: bytes, header: list[Segment], lengths: bytes) -> Iterator[Part]:
    """Yield the segments of the main header, and in the place of the first TLM ``lengths``."""
    old = b"".join([codestream[begin:after] for marker, begin, after in header if marker == TLM])
    told = False
    for marker, begin, after in header:
        if marker == TLM and not told:
            told = True
            yield lengths, True
            if old != lengths:
                yield old, False
        elif marker != TLM:
            kept = marker not in _LEFT_OUT
            yield codestream[begin if kept else begin + 4 : after], kept


def _lengths(tile_parts: list[bytes]) -> bytes:
    """Return the TLM segments of tile-parts: two bytes for the tile and four for the length of each."""
    segments = []
    for number, first in enumerate(range(0, len(tile_parts), _LENGTHS)):
        some = tile_parts[first : first + _LENGTHS]
        told = b"".join([part[4:6] + pack(">L", len(part)) for part in some])
        segments.append(pack(">HHBB", TLM, 4 + len(told), number & 0xFF, 0x60) + told)
    return b"".join(segments)


def _main_header(codestream: bytes, at: int, end: int) -> Iterator[Segment]:
    """Yield marker, begin and end of each segment up to the first tile-part."""
    components = 0
    while (marker := unpack_from(">H", codestream, at)[0]) != _SOT:
        length = unpack_from(">H", codestream, at + 2)[0]
        after = at + 2 + length
        if length < 2 or after > end or (marker == SIZ) != (not components):
            raise InputError(f"its main header is damaged at byte {at}")
        if marker == SIZ:
            components = unpack_from(">H", codestream, at + 38)[0]
            if not components or length != 38 + 3 * components:
                raise InputError("its SIZ marker makes no sense")
        elif marker not in _LEFT_OUT:
            _check_segment(marker, codestream[at + 4 : after], components)
        yield marker, at, after
        at = after
    if not components:
        raise InputError("there is no SIZ marker in it")


def _tile_parts(codestream: bytes, header: list[Segment], end: int) -> tuple[list[TilePart], int]:
    """Return the tile-parts behind the main header, and where the last of them ends."""
    components = unpack_from(">H", codestream, header[0][1] + 38)[0]
    at, found = header[-1][2], []
    while codestream[at : at + 2] == b"\xff\x90":
        after = _tile_part_end(codestream, at, end)
        found.append(_tile_part(codestream[at:after], components))
        at = after
    return found, at


def _tile_part_end(codestream: bytes, at: int, end: int) -> int:
    segment, _, length = unpack_from(">HHL", codestream, at + 2)
    if segment != 10 or (length and length < 14) or at + length > end:
        raise InputError(f"the tile-part at byte {at} is cut short")
    if length:
        return int(at + length)
    # It is the last, and goes to EOC, which no coded bits look like.
    data = codestream.find(b"\xff\x93", at + 12, end)
    after = codestream.find(_EOC, data, end) if data > 0 else -1
    if after < 0:
        raise InputError("the last tile-part does not end")
    return after


def _tile_part(part: bytes, components: int) -> TilePart:
    """Return a tile-part without what decoding does without, its length made true, and that."""
    kept, left_out = [], []
    begin, at = 0, 12
    while (marker := unpack_from(">H", part, at)[0]) != _SOD:
        length = unpack_from(">H", part, at + 2)[0]
        after = at + 2 + length
        if length < 2 or after > len(part) - 2:
            raise InputError("the header of a tile-part is damaged")
        if marker in _LEFT_OUT:
            kept.append(part[begin:at])
            left_out.append(part[at + 4 : after])
            begin = after
        else:
            _check_segment(marker, part[at + 4 : after], components)
        at = after
    changed = bytearray(b"".join([*kept, part[begin:]]))
    if part[6:10] != bytes(4):  # which says: up to the end
        pack_into(">L", changed, 6, len(changed))
    return bytes(changed), left_out


# ---------------------------------------------------------------- what a segment may hold


def _check_segment(marker: int, data: bytes, components: int) -> None:
    """Raise InputError for a segment that is not known, or not just as long as its content asks for."""
    if marker not in _KEPT:
        raise InputError(f"the marker {marker:04X} in one of its headers is not known")
    try:
        sound = _sound(marker, data, 1 if components < 257 else 2)
    except IndexError:
        sound = False
    if not sound:
        raise InputError(f"the marker segment {marker:04X} makes no sense")


def _sound(marker: int, data: bytes, wide: int) -> bool:
    """Tell whether a segment has the length that is its due; ``wide`` are the bytes of a component's number.

    Of PPM see ``_check_packed``; not looked into are the transformations of part 2.
    """
    size = len(data)
    if marker == _CAP:
        return size == 4 + 2 * int.from_bytes(data[:4]).bit_count()
    if marker == COD:
        return _coded(data[0], data[5], size - 10)
    if marker == _COC:
        return _coded(data[wide], data[wide + 1], size - 6 - wide)
    if marker in (QCD, _QCC):
        return _quantized(data[wide if marker == _QCC else 0 :])
    if marker == _RGN:
        return size == wide + 2
    if marker == _POC:
        return size > 0 and size % (5 + 2 * wide) == 0
    if marker == _CBD:
        count = int.from_bytes(data[:2])
        return size == 2 + (1 if count >> 15 else count)
    return size % 2 == 0 if marker in (_PRF, _CPF) else size > 0


def _coded(style: int, levels: int, precincts: int) -> bool:
    """Tell whether so many bytes of sizes of precincts are due; part 2 means more by levels."""
    return levels > _MOST_LEVELS or precincts == (levels + 1 if style & 1 else 0)


def _quantized(data: bytes) -> bool:
    """Tell whether there are steps for as many bands as there can be (T.800 A.6.4)."""
    style, steps = data[0] & 0x1F, len(data) - 1
    if style == 0:
        return 0 < steps <= _MOST_BANDS
    if style == 1:
        return steps == 2
    return 0 < steps <= 2 * _MOST_BANDS and steps % 2 == 0


def _check_packed(headers: list[bytes], count: int) -> None:
    """Raise InputError unless packet headers in the main header are of ``count`` tile-parts (T.800 A.7.4)."""
    if not headers:
        return
    data = b"".join([each[1:] for each in sorted(headers, key=lambda each: each[0])])
    at = found = 0
    while at + 4 <= len(data):
        at += 4 + unpack_from(">L", data, at)[0]
        found += 1
    if (at, found) != (len(data), count):
        raise InputError("the packet headers in its main header make no sense")


# ---------------------------------------------------------------- JP2


def _unboxed(codestream: bytes) -> tuple[list[bytes], int, int]:
    """Return the boxes of a JP2 file, none of which PS3.5 A.4.4 wants, and where its codestream is."""
    places, outside = [], []
    for kind, begin, content, end in boxes(codestream):
        if kind == b"jp2c":
            places.append((content, end))
            continue
        if kind == b"jp2h" and any(inner == b"pclr" for inner, *_ in boxes(codestream, content, end)):
            raise InputError("there is a palette in its boxes, without which the samples were others")
        outside.append(codestream[begin:end])
    if len(places) != 1:
        raise InputError(f"there are {len(places)} codestreams in its boxes")
    return outside, *places[0]

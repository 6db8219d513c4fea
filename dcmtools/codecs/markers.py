"""Codestreams without what they carry beside the image: comments, application data, boxes.

Nothing is decoded. Lengths are taken at their word, and what does not add up is refused.
"""

from __future__ import annotations

import re
import zlib
from struct import pack, pack_into, unpack_from
from typing import TYPE_CHECKING, Final

from dcmtools.codecs import rle
from dcmtools.codecs.jpeg import SOI
from dcmtools.codecs.streams import told
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dcmtools.codecs.registry import Codec

    Part = tuple[bytes, bool]  # and whether it is kept

# Behind a scan: neither a stuffed byte nor a fill byte nor a restart. JPEG-LS stuffs a bit: 00 to 7F.
_AFTER_SCAN: Final = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_AFTER_SCAN_LS: Final = re.compile(rb"\xff([\x80-\xcf\xd8-\xfe])")
_SOF: Final = frozenset({*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)})
_DHT, _DAC, _EOI, _SOS, _DQT, _DNL, _DRI, _DHP, _EXP = 0xC4, 0xCC, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF
_APP, _APP0, _APP8, _APP14, _COM, _SOF55, _LSE = range(0xE0, 0xF0), 0xE0, 0xE8, 0xEE, 0xFE, 0xF7, 0xF8
_HIERARCHICAL: Final = frozenset({_DHP, 0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF})
_ADOBE: Final = b"Adobe\0\x64\0\0\0\0"  # version 100, no flags; the colour transformation follows
_MRFX: Final = b"mrfx"
# Of a main or tile-part header of JPEG 2000 (parts 1, 2 and 15), beside SIZ and COM.
_J2K_SIZ, _J2K_COM, _J2K_SOT, _J2K_SOD, _J2K_EOC = 0xFF51, 0xFF64, 0xFF90, 0xFF93, b"\xff\xd9"
_J2K_KEPT: Final = frozenset({
    *range(0xFF50, 0xFF54), *range(0xFF55, 0xFF5A), *range(0xFF5C, 0xFF62), 0xFF63, 0xFF72, 0xFF73,
    *range(0xFF74, 0xFF7A),
})  # fmt: skip
_JP2: Final = b"\0\0\0\x0cjP  "
_JXL: Final = b"\0\0\0\x0cJXL "
_JXL_KEPT: Final = frozenset({b"JXL ", b"ftyp", b"jxll", b"jxli", b"jxlc", b"jxlp", b"jbrd"})
_JXL_LENGTHS: Final = {b"JXL ": 4, b"ftyp": 12, b"jxll": 1}
_MOST_INFLATED: Final = 1 << 20


def stripped(codestream: bytes, codec: Codec) -> bytes:
    """Return the codestream of a frame with nothing in it but the image; its samples are the same.

    Of JPEG all COM and APPn go but for Adobe's colour transformation, and for JFIF where that alone tells
    of it: both become an APP14 in fixed form. JPEG-LS keeps its colour transformation (APP8), JPEG 2000 its
    codestream without boxes and COM (of a tile-part an empty COM remains, lengths counting on it), JPEG XL
    the boxes that a decoder needs. A JPEG within JPEG XL is taken out and put in again by a native codec.
    What is behind the end goes; of a bare JPEG XL codestream nothing tells where that is.

    Raises InputError where the codestream cannot be accounted for byte by byte, and for video.
    """
    strip = _STRIP.get(codec.module)
    if strip is None:
        raise InputError(f"what {codec.keyword} carries beside the image is not looked for here")
    with told(f"the {codec.keyword} codestream cannot be read"):
        return strip(codestream)


def carried(codestream: bytes, codec: Codec) -> list[bytes]:
    """Return all that ``stripped`` takes from a codestream: none where that holds nothing but the image.

    A codestream that cannot be accounted for is returned whole.
    """
    found: list[bytes] = []
    parts = _PARTS.get(codec.module)
    if parts is None:
        return [codestream] if codec.module not in ("native", "uncompressed") else []
    try:
        with told("not read"):
            for data, kept in parts(codestream):
                if not kept and data.strip(b"\0\xff"):
                    found.append(data)
    except InputError:
        return [codestream]
    return found


# ---------------------------------------------------------------- JPEG and JPEG-LS


def _pieces(codestream: bytes, *, ls: bool) -> Iterator[tuple[int, int, int]]:
    """Yield marker, begin and end of each segment from SOI to EOI; that of a scan has its bits in it.

    Last comes marker 0 for what follows EOI. Raises InputError where anything else stands between them.
    """
    if not codestream.startswith(SOI):
        raise InputError("it does not begin with SOI")
    at, after_scan = len(SOI), _AFTER_SCAN_LS if ls else _AFTER_SCAN
    while True:
        while codestream[at : at + 2] == b"\xff\xff":
            at += 1
        if codestream[at] != 0xFF:
            raise InputError(f"there is no marker at byte {at}")
        marker = codestream[at + 1]
        if marker == _EOI:
            yield marker, at, at + 2
            yield 0, at + 2, len(codestream)
            return
        length = int.from_bytes(codestream[at + 2 : at + 4])
        end = at + 2 + length
        if marker < 0xC0 or marker == 0xD8 or length < 2 or end > len(codestream):
            raise InputError(f"it is damaged or cut short at byte {at}")
        if marker == _SOS:
            found = after_scan.search(codestream, end)
            if not found:
                raise InputError("it is cut short within a scan")
            end = found.start()
            # Fill bytes before a marker are part of it.
            while codestream[end - 1] == 0xFF:
                end -= 1
        yield marker, at, end
        at = end


def _sound(marker: int, data: bytes) -> bool:
    """Tell whether a segment that is kept has just the length that its content asks for (T.81 B.2)."""
    size = len(data)
    if marker in _SOF or marker in (_DHP, _SOF55):
        return size >= 6 and size == 6 + 3 * data[5]
    if marker in (_DRI, _DNL):
        return size == 2
    if marker == _EXP:
        return size == 1
    if marker == _DAC:
        return size % 2 == 0
    if marker == _DQT:
        return _filled(data, lambda at: 129 if data[at] >> 4 else 65)
    return marker == _DHT and _filled(data, lambda at: 17 + sum(data[at + 1 : at + 17]))


def _filled(data: bytes, size: Callable[[int], int]) -> bool:
    """Tell whether tables, ``size`` says of how many bytes, fill a segment to its end."""
    at = 0
    while at < len(data):
        at += size(at)
    return at == len(data)


def _sound_scan(data: bytes, *, ls: bool) -> bool:
    length = int.from_bytes(data[2:4])
    return (
        length == 6 + 2 * data[4]
        and 0 < data[4] <= 4
        and (not ls or data[length + 1] < 16)
    )  # fmt: skip


def _adobe(transform: int) -> bytes:
    body = _ADOBE + bytes([transform])
    return pack(">BBH", 0xFF, _APP14, 2 + len(body)) + body


def _fixed(marker: int, data: bytes, jfif: int, *, ls: bool) -> bytes:
    """Return what is kept of an application segment, in a form that leaves no room for anything else.

    ``jfif`` is 1 where the samples are YCbCr because JFIF says so.
    """
    if ls:
        if marker == _APP8 and data.startswith(_MRFX) and len(data) == 5 and data[4] < 4:
            return pack(">BBH", 0xFF, marker, 2 + len(data)) + data
        return b""
    if marker == _APP14 and data.startswith(b"Adobe") and len(data) >= 12 and data[11] < 3:
        return _adobe(data[11])
    if marker == _APP0 and jfif and data.startswith(b"JFIF\0"):
        return _adobe(1)
    return b""


def _jpeg_parts(codestream: bytes, *, ls: bool = False) -> Iterator[Part]:
    """Yield the pieces of a codestream and whether each is kept; a fixed form is one that is."""
    segments = list(_pieces(codestream, ls=ls))
    _check_frames([marker for marker, _, _ in segments], ls=ls)
    jfif = _told_by_jfif(codestream, segments)
    yield SOI, True
    for marker, begin, end in segments:
        whole = codestream[begin:end]
        if marker == 0:
            yield whole, False
        elif marker == _EOI:
            yield whole, True
        elif marker == _COM or marker in _APP:
            fixed = _fixed(marker, whole[4:], jfif, ls=ls)
            if fixed:
                yield fixed, True
                jfif = 0
            if fixed != whole:
                yield whole[4:], False
        elif marker == _SOS:
            if not _sound_scan(whole, ls=ls):
                raise InputError(f"the scan at byte {begin} makes no sense")
            yield whole, True
        elif _sound(marker, whole[4:]) or (ls and _sound_lse(marker, whole[4:])):
            yield whole, True
        else:
            raise InputError(f"the segment FF{marker:02X} at byte {begin} makes no sense")


def _check_frames(markers: list[int], *, ls: bool) -> None:
    """Raise InputError unless there is a frame, and one at that, or those of a hierarchy."""
    frames = [marker for marker in markers if marker in _SOF or marker == _SOF55]
    if not frames or _SOS not in markers:
        raise InputError("there is no frame in it")
    if ls != (frames[0] == _SOF55) or (len(frames) > 1 and not _HIERARCHICAL & set(markers)):
        raise InputError("it is not of one frame of its kind")


def _sound_lse(marker: int, data: bytes) -> bool:
    """Tell whether a segment is one of JPEG-LS's parameters (T.87 C.2.4)."""
    if marker != _LSE or not data:
        return False
    if data[0] == 1:
        return len(data) == 11
    if data[0] in (2, 3):  # a mapping table, and more of it
        return len(data) > 3 and (len(data) - 3) % (data[2] or 1) == 0
    return data[0] == 4 and len(data) >= 2 and len(data) == 2 + 2 * data[1]


def _told_by_jfif(codestream: bytes, segments: list[tuple[int, int, int]]) -> int:
    """Return 1 where nothing but JFIF says that three components are YCbCr."""
    names = b""
    jfif = 0
    for marker, begin, end in segments:
        data = codestream[begin + 4 : end]
        if marker in _SOF:
            names = data[6::3]
        elif marker == _APP14 and data.startswith(b"Adobe") and len(data) >= 12:
            return 0
        elif marker == _APP0 and data.startswith(b"JFIF\0"):
            jfif = 1
    return jfif if len(names) == 3 and names != b"RGB" else 0


# ---------------------------------------------------------------- JPEG 2000


def _j2k_parts(codestream: bytes) -> Iterator[Part]:
    """Yield the pieces of a codestream; a tile-part is one, the comments in its header emptied."""
    at, end = 0, len(codestream)
    if codestream.startswith(_JP2):
        outside, at, end = _unboxed(codestream)
        for data in outside:
            yield data, False
    if codestream[at : at + 2] != b"\xff\x4f":
        raise InputError("it does not begin with SOC")
    yield codestream[at : at + 2], True
    for marker, begin, after in _main_header(codestream, at + 2, end):
        kept = marker != _J2K_COM
        yield codestream[begin if kept else begin + 4 : after], kept
        at = after
    while codestream[at : at + 2] == b"\xff\x90":
        after = _tile_part_end(codestream, at, end)
        yield from _tile_part(codestream[at:after])
        at = after
    yield _J2K_EOC, True
    if codestream[at : at + 2] == _J2K_EOC:
        at += 2
    elif codestream[at:end].strip(b"\0"):
        raise InputError(f"there is no tile-part at byte {at}, nor is it the end")
    yield codestream[at:end], False


def _main_header(codestream: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield marker, begin and end of each segment up to the first tile-part."""
    wanted = {_J2K_SIZ}
    while (marker := unpack_from(">H", codestream, at)[0]) != _J2K_SOT:
        length = unpack_from(">H", codestream, at + 2)[0]
        after = at + 2 + length
        if length < 2 or after > end or (marker == _J2K_SIZ) != bool(wanted):
            raise InputError(f"its main header is damaged at byte {at}")
        if marker == _J2K_SIZ and length != 38 + 3 * unpack_from(">H", codestream, at + 38)[0]:
            raise InputError("its SIZ marker makes no sense")
        if marker not in _J2K_KEPT and marker != _J2K_COM:
            raise InputError(f"the marker {marker:04X} in its main header is not known")
        yield marker, at, after
        wanted.clear()
        at = after


def _tile_part_end(codestream: bytes, at: int, end: int) -> int:
    segment, _, length = unpack_from(">HHL", codestream, at + 2)
    if segment != 10 or (length and length < 14) or at + length > end:
        raise InputError(f"the tile-part at byte {at} is cut short")
    if length:
        return int(at + length)
    # It is the last, and goes to EOC, which no coded bits look like.
    data = codestream.find(b"\xff\x93", at + 12, end)
    after = codestream.find(_J2K_EOC, data, end) if data > 0 else -1
    if after < 0:
        raise InputError("the last tile-part does not end")
    return after


def _tile_part(part: bytes) -> Iterator[Part]:
    """Yield a tile-part with empty comments, and what these said."""
    changed = bytearray(part)
    taken = []
    at = 12
    while True:
        marker = unpack_from(">H", part, at)[0]
        if marker == _J2K_SOD:
            break
        length = unpack_from(">H", part, at + 2)[0]
        if length < 2 or at + 2 + length > len(part) - 2:
            raise InputError("the header of a tile-part is damaged")
        if marker == _J2K_COM:
            taken.append(part[at + 4 : at + 2 + length])
            pack_into(f"{length - 2}x", changed, at + 4)
        elif marker not in _J2K_KEPT:
            raise InputError(f"the marker {marker:04X} in the header of a tile-part is not known")
        at += 2 + length
    yield bytes(changed), True
    for data in taken:
        yield data, False


def _unboxed(codestream: bytes) -> tuple[list[bytes], int, int]:
    """Return the boxes of a JP2 file, none of which PS3.5 A.4.4 wants, and where its codestream is."""
    places, outside = [], []
    for kind, begin, content, end in _boxes(codestream):
        if kind == b"jp2c":
            places.append((content, end))
            continue
        if kind == b"jp2h" and any(inner == b"pclr" for inner, *_ in _boxes(codestream, content, end)):
            raise InputError("there is a palette in its boxes, without which the samples were others")
        outside.append(codestream[begin:end])
    if len(places) != 1:
        raise InputError(f"there are {len(places)} codestreams in its boxes")
    return outside, *places[0]


def _boxes(data: bytes, at: int = 0, limit: int = 0) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield kind, begin, begin of the content, and end of each box; they have to fill ``data``.

    Zeros at the end are padding.
    """
    limit = limit or len(data)
    while at < limit and data[at:limit].strip(b"\0"):
        length, kind = unpack_from(">L4s", data, at)
        content = at + 8
        if length == 1:
            length, content = unpack_from(">Q", data, content)[0], at + 16
        end = at + length if length else limit
        if end > limit or end < content:
            raise InputError(f"the box at byte {at} is cut short")
        yield kind, at, content, end
        at = end


# ---------------------------------------------------------------- JPEG XL, and the rest


def _jxl_parts(codestream: bytes) -> Iterator[Part]:
    if codestream.startswith(b"\xff\x0a"):
        yield codestream, True
        return
    if not codestream.startswith(_JXL):
        raise InputError("it begins with neither FF0A nor a box")
    at, inside = 0, False
    for kind, begin, content, end in _boxes(codestream):
        data = codestream[content:end]
        inside |= kind in (b"jxlc", b"jxlp")
        if kind == b"jbrd":
            raise _Reconstructible
        if kind not in _JXL_KEPT:
            yield data, False
        elif kind in _JXL_LENGTHS and len(data) != _JXL_LENGTHS[kind]:
            raise InputError(f"the box at byte {begin} makes no sense")
        else:
            yield _box(kind, data), True
        at = end
    if not inside:
        raise InputError("there is no codestream in its boxes")
    yield codestream[at:], False


def _box(kind: bytes, data: bytes) -> bytes:
    if len(data) + 8 > 0xFFFFFFFF:
        return pack(">L4sQ", 1, kind, len(data) + 16) + data
    return pack(">L4s", len(data) + 8, kind) + data


class _Reconstructible(InputError):
    """There is a JPEG within JPEG XL, and all that it carried, compressed."""

    def __init__(self) -> None:
        super().__init__("a JPEG is within it")


def _jxl(codestream: bytes) -> bytes:
    try:
        return _joined(_jxl_parts(codestream))
    except _Reconstructible:
        return _recompressed(codestream)


def _recompressed(codestream: bytes) -> bytes:
    from imagecodecs import jpegxl_decode_jpeg, jpegxl_encode_jpeg

    jpeg = bytes(jpegxl_decode_jpeg(codestream, numthreads=1))
    return bytes(jpegxl_encode_jpeg(_joined(_jpeg_parts(jpeg)), numthreads=1))


def _jxl_parts_within(codestream: bytes) -> Iterator[Part]:
    try:
        yield from list(_jxl_parts(codestream))
    except _Reconstructible:
        from imagecodecs import jpegxl_decode_jpeg

        for kind, _, content, end in _boxes(codestream):
            if kind not in _JXL_KEPT:
                yield codestream[content:end], False
        yield from _jpeg_parts(bytes(jpegxl_decode_jpeg(codestream, numthreads=1)))


def _rle_parts(codestream: bytes) -> Iterator[Part]:
    """Yield header and segments; places in the header for segments that are not there become zero."""
    rle.header(codestream)
    used = 4 + 4 * unpack_from("<L", codestream)[0]
    yield codestream[:used] + bytes(64 - used), True
    yield codestream[used:64], False
    yield codestream[64:], True


def _deflated_parts(codestream: bytes) -> Iterator[Part]:
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    rest = codestream
    try:
        while rest and not inflating.eof:
            inflating.decompress(rest, _MOST_INFLATED)
            rest = inflating.unconsumed_tail
    except zlib.error as error:
        raise InputError(f"the deflated frame is broken ({error})") from error
    if not inflating.eof:
        raise InputError("the deflated frame is cut short")
    end = len(codestream) - len(inflating.unused_data)
    yield codestream[:end], True
    yield codestream[end:], False


def _ls_parts(codestream: bytes) -> Iterator[Part]:
    return _jpeg_parts(codestream, ls=True)


def _joined(parts: Iterator[Part]) -> bytes:
    return b"".join([data for data, kept in parts if kept])


def _stripping(parts: Callable[[bytes], Iterator[Part]]) -> Callable[[bytes], bytes]:
    return lambda codestream: _joined(parts(codestream))


_PARTS: Final = {
    "jpeg": _jpeg_parts,
    "jpeg_ls": _ls_parts,
    "jpeg_2000": _j2k_parts,
    "htj2k": _j2k_parts,
    "jpeg_xl": _jxl_parts_within,
    "rle": _rle_parts,
    "deflated_frame": _deflated_parts,
}
_STRIP: Final[dict[str, Callable[[bytes], bytes]]] = {
    "native": bytes,
    "uncompressed": bytes,
    **{module: _stripping(parts) for module, parts in _PARTS.items()},
    "jpeg_xl": _jxl,
}

"""The parts of a JPEG or JPEG-LS codestream, and which of them are the image; nothing is decoded."""

from __future__ import annotations

import re
from struct import pack
from typing import TYPE_CHECKING, Final

from dcmtools.codecs.jpeg import SOI
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Segment = tuple[int, int, int]  # marker, begin, end
    Part = tuple[bytes, bool]  # and whether it is kept
    Key = tuple[int, int]  # a marker, and the number of one of its tables
    Table = tuple[Key, bytes]

# Behind a scan: neither a stuffed byte nor a fill byte nor a restart. JPEG-LS stuffs a bit: 00 to 7F.
_AFTER_SCAN: Final = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_AFTER_SCAN_LS: Final = re.compile(rb"\xff([\x80-\xcf\xd8-\xfe])")
_SOF: Final = frozenset({*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)})
_DHT, _DAC, _EOI, _SOS, _DQT, _DNL, _DRI, _DHP, _EXP = 0xC4, 0xCC, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF
_APP, _APP0, _APP8, _APP14, _COM, _SOF55, _LSE = range(0xE0, 0xF0), 0xE0, 0xE8, 0xEE, 0xFE, 0xF7, 0xF8
_HIERARCHICAL: Final = frozenset({_DHP, 0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF})
_LOSSLESS: Final = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
_ARITHMETIC: Final = range(0xC9, 0xD0)
# What tells of colours, in fixed form.
_JFIF: Final = b"JFIF\0\1\1\0\0\1\0\1\0\0"  # version 1.01, the aspect of pixels 1:1, no thumbnail
_ADOBE: Final = b"Adobe\0\x64\0\0\0\0"  # version 100, no flags; the colour transformation follows
_MRFX: Final = b"mrfx"
# Of JPEG-LS (T.87 C.2.4.1): what LSE has beside mapping tables, whose numbers are bytes.
_PRESET, _SIZE = 0x100, 0x200


def parts(codestream: bytes, *, ls: bool = False) -> Iterator[Part]:
    """Yield the pieces of a codestream, and whether each is kept; a fixed form is one that is.

    Kept are frame, scans, the tables that a scan has use for, and what tells of colours where that stands
    before the first scan. Raises InputError for what cannot be accounted for byte by byte.
    """
    segments = list(_pieces(codestream, ls=ls))
    frame = _frame([marker for marker, _, _ in segments], ls=ls)
    colours = _colours(codestream, segments, ls=ls)
    found: list[list[Part]] = []
    needed = _Needed(frame, codestream, segments)
    for segment in reversed(segments):  # scans before the tables that they need
        marker, begin, end = segment
        whole = codestream[begin:end]
        if marker == 0:
            found.append([(whole, False)])
        elif marker == _COM or marker in _APP:
            fixed = colours.get(begin, b"")
            found.append([(fixed, True)] if fixed == whole else [(fixed, True), (whole[4:], False)])
        elif marker == _SOS:
            if not _sound_scan(whole, ls=ls) or not needed.add(whole[4:]):
                raise InputError(f"the scan at byte {begin} makes no sense")
            found.append([(whole, True)])
        elif marker == _EOI or _sound(marker, whole[4:]):
            found.append([(whole, needed.is_kept(marker))])
        else:
            found.append(list(_of_tables(marker, begin, whole, needed)))
    yield SOI, True
    for each in reversed(found):
        yield from each


def _pieces(codestream: bytes, *, ls: bool) -> Iterator[Segment]:
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


def _frame(markers: list[int], *, ls: bool) -> int:
    """Return the marker of the frame, 0 for those of a hierarchy; raises InputError where there is none."""
    frames = [marker for marker in markers if marker in _SOF or marker == _SOF55]
    if not frames or _SOS not in markers:
        raise InputError("there is no frame in it")
    hierarchical = bool(_HIERARCHICAL & set(markers))
    if ls != (frames[0] == _SOF55) or (len(frames) > 1 and not hierarchical):
        raise InputError("it is not of one frame of its kind")
    return 0 if hierarchical else frames[0]


# ---------------------------------------------------------------- colours


def _colours(codestream: bytes, segments: Iterable[Segment], *, ls: bool) -> dict[int, bytes]:
    """Return by where they begin the segments that decoders ask about colours, in fixed form.

    Raises InputError where one is said again and otherwise, or cannot be understood.
    """
    told: dict[int, tuple[int, bytes]] = {}
    for marker, begin, end in segments:
        if marker == _SOS:
            break
        if fixed := _fixed(marker, codestream[begin + 4 : end], ls=ls):
            _, before = told.setdefault(marker, (begin, fixed))
            if before != fixed:
                raise InputError("it tells twice of its colours, and not the same")
    return dict(told.values())


def _fixed(marker: int, data: bytes, *, ls: bool) -> bytes:
    """Return what is kept of an application segment, in a form that leaves no room for anything else."""
    if ls:
        sound = marker == _APP8 and data.startswith(_MRFX) and len(data) == 5 and data[4] < 4
        return _segment(marker, data) if sound else b""
    if marker == _APP14 and data.startswith(b"Adobe") and len(data) >= 12:
        if data[11] > 2:
            raise InputError(f"its colour transformation is {data[11]}")
        return _segment(marker, _ADOBE + data[11:12])
    if marker == _APP0 and data.startswith(b"JFIF\0"):
        if len(data) < len(_JFIF):
            raise InputError("its JFIF header is cut short")
        return _segment(marker, _JFIF)
    return b""


def _segment(marker: int, data: bytes) -> bytes:
    return pack(">BBH", 0xFF, marker, 2 + len(data)) + data


# ---------------------------------------------------------------- tables


class _Needed:
    """The tables that scans need, followed from the last scan back to the first.

    ``frame`` is its marker, 0 for a hierarchy, of which everything is kept.
    """

    def __init__(self, frame: int, codestream: bytes, segments: Iterable[Segment]) -> None:
        """Look at the frame header among the ``segments``."""
        self._frame = frame
        self._keys: set[Key] = set()
        header = next((codestream[at + 4 : end] for marker, at, end in segments if marker == frame), b"")
        self._lines = int.from_bytes(header[1:3])
        self._quantization = dict(zip(header[6::3], header[8::3], strict=False))

    def add(self, scan: bytes) -> bool:
        """Note what a scan needs; False where it names a component that there is not."""
        frame = self._frame
        self._keys.add((_DRI, 0))
        components = scan[1 : 1 + 2 * scan[0] : 2], scan[2 : 2 + 2 * scan[0] : 2]
        for component, selector in zip(*components, strict=True):
            if frame and component not in self._quantization:
                return False
            if frame == _SOF55:
                self._keys.update([(_LSE, _PRESET), (_LSE, _SIZE), (_LSE, selector)])
                continue
            coding = _DAC if frame in _ARITHMETIC else _DHT
            self._keys.add((coding, selector >> 4))
            if frame not in _LOSSLESS:
                self._keys.add((coding, 0x10 | selector & 15))
                self._keys.add((_DQT, self._quantization.get(component, 0)))
        return True

    def take(self, key: Key, data: bytes) -> bool:
        """Tell whether a scan behind needs a table; what stands before it under the same number is not."""
        if not self._frame:
            return True
        if key not in self._keys:
            return False
        if key[0] != _LSE or data[0] != 3:  # which goes on with the table before it
            self._keys.discard(key)
        return True

    def is_kept(self, marker: int) -> bool:
        """Tell whether a segment without tables is one that decoders ask."""
        if not self._frame:
            return True
        return marker != _EXP and (marker != _DNL or not self._lines)


def _of_tables(marker: int, begin: int, whole: bytes, needed: _Needed) -> Iterator[Part]:
    """Yield a segment with the tables that are needed, and then the others."""
    tables = _tables(marker, whole[4:])
    if not tables:
        raise InputError(f"the segment FF{marker:02X} at byte {begin} makes no sense")
    taken = [needed.take(key, data) for key, data in reversed(tables)][::-1]
    kept = b"".join([data for (_, data), keep in zip(tables, taken, strict=True) if keep])
    yield _segment(marker, kept) if kept else b"", True
    for (_, data), keep in zip(tables, taken, strict=True):
        if not keep:
            yield data, False


def _tables(marker: int, data: bytes) -> list[Table]:
    """Return the tables of a segment; none where they are not sound, or do not fill it to its end."""
    size = _SIZES.get(marker)
    tables: list[Table] = []
    at = 0
    while size and at < len(data):
        key, length = size(data[at : at + 17], len(data) - at)
        if not length:
            return []
        tables.append(((marker, key), data[at : at + length]))
        at += length
    return tables if at == len(data) else []


def _huffman(head: bytes, _: int) -> tuple[int, int]:
    codes = sum(head[1:17])
    return head[0], 17 + codes if head[0] & 0xEC == 0 and codes <= 256 else 0


def _quantization(head: bytes, _: int) -> tuple[int, int]:
    return head[0] & 15, 0 if head[0] & 0xEC else 129 if head[0] >> 4 else 65


def _conditioning(head: bytes, left: int) -> tuple[int, int]:
    sound = left > 1 and head[0] & 0xEC == 0
    if sound and head[0] >> 4:
        sound = 0 < head[1] < 64
    elif sound:
        sound = head[1] & 15 <= head[1] >> 4
    return head[0], 2 if sound else 0


def _interval(_: bytes, left: int) -> tuple[int, int]:
    return 0, 2 if left == 2 else 0


def _ls_parameters(head: bytes, left: int) -> tuple[int, int]:
    """Return what of JPEG-LS's parameters a segment has (T.87 C.2.4.1)."""
    if head[0] == 1:
        return _PRESET, 11 if left == 11 else 0
    if head[0] in (2, 3) and left > 3:  # a mapping table, and more of it
        return head[1], left if (left - 3) % (head[2] or 1) == 0 else 0
    sound = head[0] == 4 and left >= 2 and left == 2 + 2 * head[1]
    return _SIZE, left if sound else 0


_SIZES: Final[dict[int, Callable[[bytes, int], tuple[int, int]]]] = {
    _DHT: _huffman,
    _DQT: _quantization,
    _DAC: _conditioning,
    _DRI: _interval,
    _LSE: _ls_parameters,
}


def _sound(marker: int, data: bytes) -> bool:
    """Tell whether a segment without tables has just the length that its content asks for (T.81 B.2)."""
    size = len(data)
    if marker in _SOF or marker in (_DHP, _SOF55):
        return size >= 6 and size == 6 + 3 * data[5]
    return size == {_DNL: 2, _EXP: 1}.get(marker, -1)


def _sound_scan(data: bytes, *, ls: bool) -> bool:
    length = int.from_bytes(data[2:4])
    return (
        length == 6 + 2 * data[4]
        and 0 < data[4] <= 4
        and (not ls or data[length + 1] < 16)
    )  # fmt: skip

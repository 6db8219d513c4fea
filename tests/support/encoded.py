"""Data elements put together byte by byte (PS3.5 section 7), right or wrong as a test needs them."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING, NamedTuple

from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.memory import MemorySource
from dcmtools.encoding.syntax import EXPLICIT, EXPLICIT_BIG, IMPLICIT, Encoding
from dcmtools.encoding.walker import Walker

if TYPE_CHECKING:
    from dcmtools.encoding.element import Element

LONG_HEADERS = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD


class Coder(NamedTuple):
    """Writes elements in one of the three encodings."""

    encoding: Encoding

    def header(self, tag: int, vr: str, length: int) -> bytes:
        order = self.encoding.order
        start = pack(f"{order}HH", tag >> 16, tag & 0xFFFF)
        if not self.encoding.explicit or tag >> 16 == 0xFFFE:
            return start + pack(f"{order}L", length)
        code = vr.encode("latin-1")
        if vr in LONG_HEADERS or vr not in SHORT_HEADERS:
            return start + code + b"\0\0" + pack(f"{order}L", length)
        return start + code + pack(f"{order}H", length)

    def element(self, tag: int, vr: str, value: bytes = b"", *, length: int | None = None) -> bytes:
        """An element; ``length`` is what its header claims."""
        return self.header(tag, vr, len(value) if length is None else length) + value

    def item(self, content: bytes = b"", *, undefined: bool = False) -> bytes:
        if undefined:
            return self.header(ITEM, "", UNDEFINED) + content + self.header(ITEM_END, "", 0)
        return self.element(ITEM, "", content)

    def sequence(self, tag: int, *items: bytes, undefined: bool = False, vr: str = "SQ") -> bytes:
        if undefined:
            return self.header(tag, vr, UNDEFINED) + b"".join(items) + self.header(SEQUENCE_END, "", 0)
        return self.element(tag, vr, b"".join(items))

    def number(self, code: str, value: float) -> bytes:
        """A value in this byte order, ``code`` as struct has it."""
        return pack(self.encoding.order + code, value)

    def walker(self, data: bytes, *, first: int = 0, stop: int = 1 << 32, shallow: bool = False) -> Walker:
        return Walker(
            MemorySource(data), 0, len(data), self.encoding, first=first, stop=stop, shallow=shallow
        )

    def walk(
        self, data: bytes, *, first: int = 0, stop: int = 1 << 32, shallow: bool = False
    ) -> list[Element]:
        return list(self.walker(data, first=first, stop=stop, shallow=shallow))

    def seen(self, data: bytes) -> list[tuple[int, str, int]]:
        """Tag, VR and depth of what a walk over ``data`` meets."""
        return [(tag, vr, depth) for tag, vr, _, _, _, depth in self.walk(data)]


SHORT_HEADERS = {
    *("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO"),
    *("LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US"),
}
EVL, EVB, IVL = Coder(EXPLICIT), Coder(EXPLICIT_BIG), Coder(IMPLICIT)
CODERS = {"explicit little": EVL, "explicit big": EVB, "implicit little": IVL}


def part10(data_set: bytes = b"", syntax: str = "1.2.840.10008.1.2.1", meta: bytes | None = None) -> bytes:
    """A file of PS3.10 around ``data_set``; ``meta`` stands in for the usual group 0002."""
    if meta is None:
        uid = syntax.encode("latin-1")
        meta = EVL.element(0x00020010, "UI", uid + b"\0" * (len(uid) % 2))
        meta = EVL.element(0x00020000, "UL", pack("<L", len(meta))) + meta
    return bytes(128) + b"DICM" + meta + data_set

"""Files with a patient's identity in every place where one can hide, and what to look for afterwards.

What is planted is legal where it stands, and unlike anything else in the file.
"""

from __future__ import annotations

import zlib
from datetime import date, timedelta
from struct import pack
from typing import TYPE_CHECKING, NamedTuple

from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.syntax import encoding_of, is_deflated
from tests.support.encoded import EVL, IVL, SEQUENCE_END, Coder, part10

if TYPE_CHECKING:
    from collections.abc import Iterator

EXPLICIT, JPEG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.50"
NATIVE = ("1.2.840.10008.1.2", EXPLICIT, "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
FAMILY = "Zquendt"
ROWS, COLUMNS = 4, 6


class Plant(NamedTuple):
    """A value that is to go: ``where`` it was planted, and the bytes it cannot be there without."""

    where: str
    token: bytes


class Planted(NamedTuple):
    """A file, and what was planted in it."""

    data: bytes
    plants: tuple[Plant, ...]
    name: str = ""

    def leaked(self, written: bytes) -> list[str]:
        """Where what still stands in ``written`` was planted."""
        seen = haystack(written).upper()
        return [plant.where for plant in self.plants if plant.token.upper() in seen]


def haystack(data: bytes) -> bytes:
    """All bytes of a file, and what of it is deflated inflated."""
    if NATIVE[3].encode() not in data[:1200]:
        return data
    begin = 144 + int.from_bytes(data[140:144], "little")
    return data[:begin] + zlib.decompressobj(-15).decompress(data[begin:])


class Planter:
    """Values that nobody else has, and where they were put."""

    def __init__(self, syntax: str) -> None:
        self.code = Coder(encoding_of(syntax))
        self.plants: list[Plant] = []
        self._count = 0

    def text(self, where: str) -> str:
        self._count += 1
        text = f"ZQ{self._count:05d}X"
        self.plants.append(Plant(where, text.encode()))
        return text

    def date(self, where: str) -> str:
        self._count += 1
        day = (date(1921, 3, 4) + timedelta(37 * self._count)).strftime("%Y%m%d")
        self.plants.append(Plant(where, day.encode()))
        return day

    def uid(self, where: str) -> str:
        self._count += 1
        uid = f"1.2.826.0.1.3680043.9.7777.{self._count:05d}1"
        self.plants.append(Plant(where, uid.encode()))
        return uid

    def element(self, tag: int, vr: str, value: str | bytes | None = None, *, where: str = "") -> bytes:
        """An element; without a ``value`` one that is planted."""
        where = where or f"{tag:08x}"
        if value is None:
            value = self._made(vr, where)
        raw = value if isinstance(value, bytes) else value.encode()
        return self.code.element(
            tag, vr, raw + (b"\0" if vr in ("UI", "OB", "UN") else b" ") * (len(raw) % 2)
        )

    def _made(self, vr: str, where: str) -> str:
        if vr == "DA":
            return self.date(where)
        if vr == "DT":
            return self.date(where) + "101112"
        if vr == "UI":
            return self.uid(where)
        if vr == "PN":
            return "^".join(self.text(f"{where} {part}") for part in ("family", "given"))
        return self.text(where)


def planted(syntax: str = EXPLICIT, codestream: bytes = b"") -> Planted:
    """A CT image with everything planted; with ``codestream`` it is that of its one frame."""
    planter = Planter(syntax)
    body = b"".join(_elements(planter)) + _pixels(planter, codestream)
    preamble = planter.text("preamble").encode()
    if is_deflated(syntax):
        stream = zlib.compressobj(wbits=-15)
        body = stream.compress(body) + stream.flush()
        body += b"\0" * (len(body) % 2)
    elif not codestream:
        body += bytes(16) + planter.text("behind the end").encode()
    file = part10(body, meta=_meta(planter, syntax))
    return Planted(preamble.ljust(128, b"\0") + file[128:], tuple(planter.plants), syntax)


def _meta(planter: Planter, syntax: str) -> bytes:
    meta = Planter(EXPLICIT)
    meta.plants, meta._count = planter.plants, planter._count
    elements = b"".join(
        [
            EVL.element(0x00020001, "OB", b"\0\1"),
            meta.element(0x00020002, "UI", CT_IMAGE),
            meta.element(0x00020003, "UI", "1.2.826.0.1.3680043.9.7777.1"),
            meta.element(0x00020010, "UI", syntax),
            meta.element(0x00020012, "UI", "1.2.826.0.1.3680043.9.7777.2"),
            meta.element(0x00020016, "AE"),
            meta.element(0x00020017, "AE"),
            meta.element(0x00020100, "UI"),
            meta.element(0x00020102, "OB"),
        ]
    )
    return EVL.element(0x00020000, "UL", pack("<L", len(elements))) + elements


def _elements(planter: Planter) -> Iterator[bytes]:
    element, code = planter.element, planter.code
    yield element(0x00080005, "CS", "ISO_IR 100")
    yield element(0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL")
    yield element(0x00080016, "UI", CT_IMAGE)
    yield element(0x00080018, "UI", "1.2.826.0.1.3680043.9.7777.1")
    for tag in (0x00080020, 0x00080021):
        yield element(tag, "DA")
    yield element(0x0008002A, "DT")
    yield element(0x00080030, "TM", "101112")
    yield element(0x00080050, "SH")
    yield element(0x00080060, "CS", "CT")
    yield element(0x00080070, "LO", "SIEMENS")
    for tag, vr in ((0x00080080, "LO"), (0x00080090, "PN"), (0x00081010, "SH"), (0x00081030, "LO")):
        yield element(tag, vr)
    yield element(0x00081090, "LO", f"Sensation {FAMILY.upper()} 64")
    planter.plants.append(Plant("repeated", f"Sensation {FAMILY}".encode()))
    yield code.sequence(
        0x00081140, code.item(element(0x00081150, "UI", CT_IMAGE) + element(0x00081155, "UI"))
    )
    yield code.sequence(0x00082218, _nested(planter, 3), undefined=True)
    yield from _patient(planter)
    yield code.element(0x00130010, "LO", b"ZQ OWNER")
    yield element(0x00131001, "LO", where="private")
    yield element(0x00131002, "OB", planter.text("private UTF-16").encode("utf-16-le"))
    planter.plants[-1] = Plant("private UTF-16", planter.plants[-1].token.decode().encode("utf-16-le"))
    yield element(0x00151001, "LO", where="private without creator")
    yield element(0x00180015, "CS", "CHEST")
    yield element(0x00181000, "LO")
    yield element(0x0020000D, "UI")
    yield element(0x0020000E, "UI")
    yield element(0x00200010, "SH")
    yield element(0x00200052, "UI")
    yield from _describing(planter)
    yield element(0x00321033, "LO")
    yield element(0x00409BCD, "LO", where="unknown")
    yield code.sequence(0x00880200, code.item(element(0x7FE00010, "OB", where="icon")))
    yield code.sequence(
        0x04000561, code.item(code.sequence(0x04000550, code.item(element(0x00100010, "PN"))))
    )
    yield code.element(0x60000010, "US", code.number("H", 8))
    yield element(0x60000022, "LO", where="overlay description")
    yield element(0x60001500, "LO", where="overlay label")


def _patient(planter: Planter) -> Iterator[bytes]:
    element = planter.element
    yield element(0x00100010, "PN", f"{FAMILY}^{planter.text('given name')}")
    planter.plants.append(Plant("family name", FAMILY.encode()))
    yield element(0x00100020, "LO")
    yield element(0x00100030, "DA")
    yield element(0x00100040, "CS", "F")
    yield element(0x00101001, "PN", "\\".join(planter.text(f"other name {number}") for number in (1, 2)))
    yield element(0x00101040, "UN" if planter.code.encoding.explicit else "LO")
    yield element(0x00104000, "LT")


def _nested(planter: Planter, deep: int) -> bytes:
    """An item of what PS3.15 lists, in sequences that it does not."""
    element, code = planter.element, planter.code
    inner = code.sequence(0x00082220, _nested(planter, deep - 1), undefined=deep % 2 == 0) if deep else b""
    where = f"{deep} deep"
    return code.item(
        element(0x00080020, "DA", where=where)
        + element(0x00080080, "LO", where=where)
        + inner
        + element(0x00100010, "PN", where=where)
        + element(0x00100020, "LO", where=where)
        + element(0x0020000D, "UI", where=where),
        undefined=bool(deep % 2),
    )


def _describing(planter: Planter) -> Iterator[bytes]:
    code = planter.code
    yield code.element(0x00280002, "US", code.number("H", 1))
    yield planter.element(0x00280004, "CS", "MONOCHROME2")
    for tag, number in (
        (0x00280010, ROWS), (0x00280011, COLUMNS), (0x00280100, 8), (0x00280101, 8), (0x00280102, 7),
        (0x00280103, 0),
    ):  # fmt: skip
        yield code.element(tag, "US", code.number("H", number))


def _pixels(planter: Planter, codestream: bytes) -> bytes:
    code = planter.code
    if codestream:
        comment = planter.text("codestream").encode()
        codestream = codestream[:2] + b"\xff\xfe" + pack(">H", 2 + len(comment)) + comment + codestream[2:]
        fragment = code.item(codestream + b"\0" * (len(codestream) % 2))
        return (
            code.header(0x7FE00010, "OB", UNDEFINED)
            + code.item()
            + fragment
            + code.header(SEQUENCE_END, "", 0)
        )
    samples = bytes(range(ROWS * COLUMNS)) + planter.text("behind the last frame").encode()
    return code.element(0x7FE00010, "OW" if code is IVL else "OB", samples + b" " * (len(samples) % 2))

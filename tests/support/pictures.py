"""Images of every kind, made up: their samples, what describes them, and files that have them."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING, Any

import numpy as np

from dcmtools.codecs.frames import PixelData, pixel_data
from dcmtools.codecs.pixels import Pixels
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.syntax import encoding_of
from dcmtools.files.part10 import Part10File
from tests.support.encoded import EVL, Coder, part10

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PIXEL_DATA, EXTENDED_OFFSETS, EXTENDED_LENGTHS = 0x7FE00010, 0x7FE00001, 0x7FE00002
EXPLICIT = "1.2.840.10008.1.2.1"
END = 0xFFFEE0DD
SECONDARY_CAPTURE, INSTANCE = b"1.2.840.10008.5.1.4.1.1.7\0", b"2.25.771"
Samples = np.ndarray[Any, np.dtype[Any]]


def described(  # as the Image Pixel Module has them
    rows: int = 33,
    columns: int = 47,
    bits: int = 8,
    *,
    samples: int = 1,
    signed: bool = False,
    allocated: int = 0,
    photometric: str = "",
    planar: int = 0,
    frames: int = 1,
    high: int = 0,
) -> Pixels:
    """What describes an image of ``bits`` bits; the rest as it goes with that."""
    room = allocated or (8 if bits <= 8 else 16 if bits <= 16 else 32)
    photometric = photometric or ("MONOCHROME2" if samples == 1 else "RGB")
    return Pixels(
        rows, columns, samples, photometric, room, bits, high or bits - 1, signed, planar, frames
    )  # fmt: skip


def picture(pixels: Pixels, seed: int = 1) -> Samples:
    """Samples with edges, a gradient, noise, and the least and greatest values there are."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0 : pixels.rows, 0 : pixels.columns]
    top = (1 << pixels.bits_stored) - 1
    planes = []
    for plane in range(pixels.samples):
        inside = np.hypot(y - pixels.rows / 2, x - pixels.columns / 2) < min(pixels.rows, pixels.columns) / 3
        value = top * (0.2 + 0.4 * inside + 0.2 * x / pixels.columns + 0.1 * plane * y / pixels.rows)
        planes.append(value + random.normal(0, top / 200, y.shape))
    whole = np.stack(planes, -1).clip(0, top).astype("i8")
    flat = whole.reshape(-1)
    flat[0], flat[-1] = 0, top
    if pixels.signed:
        whole -= 1 << pixels.bits_stored - 1
    kind = f"{'i' if pixels.signed else 'u'}{max(8, pixels.bits_allocated) // 8}"
    return np.ascontiguousarray(whole.astype(kind).reshape(whole.shape[: 2 if pixels.samples == 1 else 3]))


def data_set(
    pixels: Pixels,
    value: bytes | Sequence[bytes],
    syntax: str = EXPLICIT,
    *,
    table: bytes = b"",
    extended: tuple[bytes, bytes] | None = None,
    vr: str = "",
    undefined: bool = False,
) -> bytes:
    """A file of PS3.10: ``value`` is that of native pixel data, or the fragments behind ``table``.

    With ``undefined`` it is all that follows a header of undefined length.
    """
    code = Coder(encoding_of(syntax))

    def short(tag: int, number: int) -> bytes:
        return code.element(tag, "US", code.number("H", number))

    def text(tag: int, vr: str, text: str) -> bytes:
        raw = text.encode()
        return code.element(tag, vr, raw + b" " * (len(raw) % 2))

    elements = [
        code.element(0x00080016, "UI", SECONDARY_CAPTURE),
        code.element(0x00080018, "UI", INSTANCE),
        text(0x00080060, "CS", "OT"),
        code.element(0x0020000D, "UI", b"2.25.772"),
        code.element(0x0020000E, "UI", b"2.25.773"),
        short(0x00280002, pixels.samples),
        text(0x00280004, "CS", pixels.photometric),
        short(0x00280006, pixels.planar) if pixels.samples > 1 else b"",
        text(0x00280008, "IS", str(pixels.frames)) if pixels.frames != 1 else b"",
        short(0x00280010, pixels.rows),
        short(0x00280011, pixels.columns),
        short(0x00280100, pixels.bits_allocated),
        short(0x00280101, pixels.bits_stored),
        short(0x00280102, pixels.high_bit),
        short(0x00280103, pixels.signed),
    ]
    if pixels.photometric == "PALETTE COLOR":
        elements += _palette(code, pixels.bits_stored)
    if extended:
        elements.append(code.element(EXTENDED_OFFSETS, "OV", extended[0]))
        elements.append(code.element(EXTENDED_LENGTHS, "OV", extended[1]))
    if undefined:
        elements += [
            code.header(PIXEL_DATA, "OB", UNDEFINED),
            *([value] if isinstance(value, bytes) else value),
        ]
    elif isinstance(value, bytes):
        vr = vr or ("OB" if pixels.bits_allocated <= 8 else "OW")
        elements.append(code.element(PIXEL_DATA, vr, value + b"\0" * (len(value) % 2)))
    else:
        elements.append(code.header(PIXEL_DATA, "OB", UNDEFINED))
        for fragment in (table, *value):
            elements.append(code.item(fragment + b"\0" * (len(fragment) % 2)))
        elements.append(code.header(END, "", 0))
    return part10(b"".join(elements), meta=meta(syntax))


def _palette(code: Coder, bits: int) -> list[bytes]:
    """Lookup tables of grey in which there are 2 ** ``bits`` values."""
    values = [value * 0xFFFF // ((1 << bits) - 1) for value in range(1 << bits)]
    descriptor = b"".join(code.number("H", number) for number in (1 << bits & 0xFFFF, 0, 16))
    table = b"".join(code.number("H", value) for value in values)
    return [
        *(code.element(0x00281101 + colour, "US", descriptor) for colour in range(3)),
        *(code.element(0x00281201 + colour, "OW", table) for colour in range(3)),
    ]


def meta(syntax: str) -> bytes:
    """Group 0002, whole."""
    uid = syntax.encode()
    elements = [
        EVL.element(0x00020001, "OB", b"\0\1"),
        EVL.element(0x00020002, "UI", SECONDARY_CAPTURE),
        EVL.element(0x00020003, "UI", INSTANCE),
        EVL.element(0x00020010, "UI", uid + b"\0" * (len(uid) % 2)),
        EVL.element(0x00020012, "UI", INSTANCE),
    ]
    return EVL.element(0x00020000, "UL", pack("<L", sum(map(len, elements)))) + b"".join(elements)


def opened(folder: Path, file: bytes) -> tuple[Part10File, PixelData]:
    """The file and its pixel data; the first is to be closed."""
    path = folder / "image.dcm"
    path.write_bytes(file)
    part = Part10File.open(str(path))
    return part, pixel_data(part)


def offsets(fragments: Sequence[bytes], firsts: Sequence[int]) -> bytes:
    """A basic offset table of frames that begin with the fragments ``firsts``."""
    at, places = 0, []
    for fragment in fragments:
        places.append(at)
        at += 8 + len(fragment) + len(fragment) % 2
    return pack(f"<{len(firsts)}L", *(places[first] for first in firsts))

"""Frames as pictures that other programs read: codestreams as they are, samples as PNG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from dcmtools.codecs.photometric import converted
from dcmtools.encoding.tags import PIXEL_DATA
from dcmtools.encoding.values import numbers
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.codecs.frames import PixelData
    from dcmtools.codecs.streams import Samples
    from dcmtools.files.part10 import Part10File

# By module of codecs, how files with such a codestream alone are called.
_ENDINGS: Final = {
    "jpeg": ".jpg",
    "jpeg_ls": ".jls",
    "jpeg_2000": ".j2k",
    "htj2k": ".jhc",
    "jpeg_xl": ".jxl",
}
PICTURE_ENDINGS: Final = (*_ENDINGS.values(), ".jp2", ".png")
# What a codestream says itself, in whatever syntax, and in JPEG.
_PLAIN: Final = frozenset(("MONOCHROME2", "RGB", "YBR_RCT", "YBR_ICT", "XYB"))
_OF_JPEG: Final = frozenset(("YBR_FULL", "YBR_FULL_422"))
_BOXES: Final = b"\0\0\0\x0cjP  "  # JP2, against PS3.5 A.4.4
_END_OF_IMAGE: Final = b"\xff\xd9"
_ADOBE: Final = b"\xff\xee\x00\x0eAdobe"
_HEAD: Final = 64 * 1024
_PALETTES: Final = ((0x00281101, 0x00281201), (0x00281102, 0x00281202), (0x00281103, 0x00281203))
_LONGEST_PALETTE: Final = 1 << 18


class Picture(NamedTuple):
    """A file with a frame in it: its ending, its bytes, and how it differs from the frame.

    ``warning`` is what others may make of it that is wrong.
    """

    ending: str
    data: bytes
    remark: str = ""
    warning: str = ""


def ending_of(data: PixelData) -> str:
    """Return how the files of frames end."""
    module = data.codec.module if data.codec else ""
    return _ENDINGS.get(module, ".png") if data.encapsulated else ".png"


def picture(file: Part10File, data: PixelData, index: int) -> Picture:
    """Return the frame ``index``, from 0, as a picture.

    Codestreams of JPEG, JPEG-LS, JPEG 2000 and JPEG XL stay as they are, without padding. Of all else it is
    the samples as they are, not as a viewer shows them, but for colours, which are those of RGB, and for
    MONOCHROME1, which is turned round, so that white is white. Raises InputError where that cannot be.
    """
    if data.codec is not None and not data.codec.module:
        raise InputError("it is video, not a picture", hint="'dcmtools dump --raw PixelData' has its bytes")
    ending = ending_of(data)
    if ending == ".png":
        return _png(file, data, index)
    stream = _unpadded(data.frame(index))
    if stream.startswith(_BOXES):
        ending = ".jp2"
    return Picture(ending, stream, warning=_misread(data.pixels.photometric, ending, stream))


def _misread(photometric: str, ending: str, stream: bytes) -> str:
    """Return what programs that know the codestream only, not what the file says, may make of it."""
    if ending == ".jpg" and photometric == "RGB" and _ADOBE not in stream[:_HEAD]:
        return "its colours are RGB, which the JPEG alone does not say: other programs may show YCbCr"
    if photometric in _PLAIN or (ending == ".jpg" and photometric in _OF_JPEG):
        return ""
    meant = {"MONOCHROME1": "show white as black", "PALETTE COLOR": "show numbers of colours as grey"}
    return (
        f"its samples are {photometric}, which the codestream alone does not say: other programs may "
        f"{meant.get(photometric, 'show other colours')}"
    )


def _unpadded(stream: bytes) -> bytes:
    """Return a codestream without what makes its length even, where its end tells."""
    return stream[:-1] if stream[-3:-1] == _END_OF_IMAGE and stream[-1:] in (b"\0", b"\xff") else stream


def _png(file: Part10File, data: PixelData, index: int) -> Picture:
    import imagecodecs

    from dcmtools.codecs.decoding import decode

    decoded = decode(data, index)
    samples, photometric = decoded.samples, decoded.photometric
    if samples.dtype.kind == "f" or data.pixels.signed or data.pixels.bits_stored > 16:
        kind = "floating point" if samples.dtype.kind == "f" else f"{data.pixels.bits_stored} bits, signed"
        if not data.pixels.signed and samples.dtype.kind != "f":
            kind = f"{data.pixels.bits_stored} bits"
        raise InputError(
            f"samples of {kind} have no place in a PNG", hint="'dcmtools dump --raw PixelData' has the bytes"
        )
    remark = ""
    if photometric == "PALETTE COLOR":
        samples, remark = _coloured(samples, _palette(file)), "as RGB, by its palette"
    elif photometric == "MONOCHROME1":
        samples, remark = (1 << data.pixels.bits_stored) - 1 - samples, "MONOCHROME1 turned round"
    elif photometric == "YBR_FULL":
        samples = converted(samples, photometric, data.pixels._replace(photometric="RGB"))
        remark = "as RGB, of YBR_FULL"
    elif photometric not in ("MONOCHROME2", "RGB"):
        raise InputError(f"{photometric} is not made into a picture here")
    if data.pixels.bits_stored == 1 and not remark.startswith("as RGB"):
        samples = samples * 255
    wide = data.pixels.bits_stored > 8 or (samples.dtype.itemsize > 1 and int(samples.max(initial=0)) > 255)
    encoded = imagecodecs.png_encode(_plain(samples, wide=wide))
    return Picture(".png", bytes(encoded), remark)


def _plain(samples: Samples, *, wide: bool) -> Samples:
    import numpy as np

    return np.ascontiguousarray(samples.astype(np.uint16 if wide else np.uint8))


class _Table(NamedTuple):
    """A Palette Color Lookup Table: the ``first`` value that it maps, and its entries as 8 bits."""

    first: int
    entries: Any


def _palette(file: Part10File) -> list[_Table]:
    """Return the Palette Color Lookup Tables (PS3.3 C.7.6.3.1.5)."""
    wanted = {tag for pair in _PALETTES for tag in pair}
    raw: dict[int, bytes] = {}
    walker = file.walk(stop=PIXEL_DATA, shallow=True)
    order = walker.order
    for tag, vr, _, offset, length, depth in walker:
        if not depth and vr and tag in wanted and length <= _LONGEST_PALETTE:
            raw[tag] = walker.value(offset, length)
    tables = []
    for describing, holding in _PALETTES:
        descriptor = [int(each) for each in numbers("US", raw.get(describing, b""), order)]
        if len(descriptor) != 3 or holding not in raw:
            raise InputError("its palette is not all there, or segmented, which is not read here")
        tables.append(
            _Table(descriptor[1], _entries(raw[holding], descriptor[0] or 65536, descriptor[2], order))
        )
    # Some modalities have values of 8 bits where the descriptor says 16.
    shift = 8 if any(int(table.entries.max()) > 0xFF for table in tables) else 0
    return [table._replace(entries=(table.entries >> shift).astype("u1")) for table in tables]


def _entries(data: bytes, count: int, bits: int, order: str) -> Any:  # noqa: ANN401  numpy's
    """Return the entries of a table; 8 bits are in the low half where they have 16."""
    import numpy as np

    if bits not in (8, 16):
        raise InputError(f"its palette has entries of {bits} bits, where there are 8 or 16")
    kind = np.dtype("u1") if bits == 8 and len(data) <= count + 1 else np.dtype(f"{order}u2")
    table = np.frombuffer(data[: len(data) - len(data) % kind.itemsize], kind)[:count]
    if len(table) < count:
        raise InputError(f"its palette has {len(table)} entries of {count}")
    return table.astype(np.uint16)


def _coloured(samples: Samples, tables: list[_Table]) -> Samples:
    import numpy as np

    colours = []
    for table in tables:
        places = np.clip(samples.astype(np.int64) - table.first, 0, len(table.entries) - 1)
        colours.append(table.entries[places])
    return np.stack(colours, axis=-1)

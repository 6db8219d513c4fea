"""Values: what the bytes of an element mean under its VR (PS3.5 6.2)."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.tags import format_tag

if TYPE_CHECKING:
    from dcmtools.encoding.charset import Decoder

TEXT_VRS: Final = frozenset((
    "AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT",
))  # fmt: skip
SINGLE_TEXT_VRS: Final = frozenset(("LT", "ST", "UR", "UT"))
CHARSET_VRS: Final = frozenset(("LO", "LT", "PN", "SH", "ST", "UC", "UT"))
BULK_VRS: Final = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))
# The format of one number, for the VRs made of numbers.
NUMBERS: Final = {
    "AT": "HH",
    "FD": "d",
    "FL": "f",
    "OB": "B",
    "OD": "d",
    "OF": "f",
    "OL": "L",
    "OV": "Q",
    "OW": "H",
    "SL": "l",
    "SS": "h",
    "SV": "q",
    "UL": "L",
    "UN": "B",
    "US": "H",
    "UV": "Q",
}
NUMBER_VRS: Final = frozenset(NUMBERS) - BULK_VRS
INTEGER_VRS: Final = NUMBER_VRS - {"AT", "FD", "FL"}
_STRUCTS: Final = {order: {vr: Struct(order + code) for vr, code in NUMBERS.items()} for order in "<>"}
_FLOAT: Final = Struct("<f")
_WORDS: Final = {2: "H", 4: "I", 8: "Q"}


def number_struct(vr: str, order: str) -> Struct:
    """Return the layout of one value of ``vr`` in byte ``order`` (``<`` or ``>``)."""
    return _STRUCTS[order][vr]


def numbers(vr: str, raw: bytes, order: str) -> list[int | float]:
    """Return the values of a binary ``vr``; AT values as whole tags, a remainder of bytes is left out."""
    layout = number_struct(vr, order)
    whole = raw[: len(raw) - len(raw) % layout.size]
    if vr == "AT":
        return [group << 16 | element for group, element in layout.iter_unpack(whole)]
    return [value for (value,) in layout.iter_unpack(whole)]


def swapped(vr: str, raw: bytes) -> bytes:
    """Return ``raw`` with the bytes of each number of ``vr`` the other way round; text has none.

    UN has none either: its value is in little endian whatever is around it (PS3.5 6.2.2). Raises ValueError
    where the bytes are no whole numbers, or the VR is not one of PS3.5.
    """
    if vr in TEXT_VRS:
        return raw
    if vr not in NUMBERS:
        message = f"the byte order of VR {vr} is not known"
        raise ValueError(message)
    size = 2 if vr == "AT" else number_struct(vr, ">").size  # AT is a pair of numbers
    if len(raw) % size:
        message = f"{len(raw)} bytes are no whole number of values of VR {vr}, whose byte order has to change"
        raise ValueError(message)
    if size == 1:
        return raw
    from array import array

    words = array(_WORDS[size], raw)
    words.byteswap()
    return words.tobytes()


def texts(vr: str, raw: bytes, decode: Decoder) -> list[str]:
    """Return the values of a character string ``vr``, padding taken off (PS3.5 6.2).

    Leading spaces go too where they are not significant; LT, ST, UR and UT hold one value, backslashes
    and leading spaces included.
    """
    text = decode(raw) if vr in CHARSET_VRS else raw.decode("latin-1")
    text = text.rstrip(" \0")
    if vr in SINGLE_TEXT_VRS:
        return [text] if text else []
    if not text:
        return []
    if vr == "UI":
        return [part.strip(" \0") for part in text.split("\\")]
    if vr == "UC":
        return [part.rstrip(" ") for part in text.split("\\")]
    return [part.strip(" ") for part in text.split("\\")]


def effective_vr(tag: int, vr: str) -> str:
    """Return ``vr``, or for UN the VR that PS3.6 gives ``tag``, with which the value can be understood.

    PS3.5 6.2.2: the value of a UN element is encoded as in implicit VR little endian.
    """
    if vr != "UN":
        return vr if vr in TEXT_VRS or vr in NUMBERS or vr == "SQ" else "UN"
    known = lookup(tag)[0]
    return known if known in TEXT_VRS or known in NUMBERS else "UN"


def show_number(vr: str, value: int | float) -> str:
    """Return one number as text: floats with as many digits as their width holds, tags as tags.

    Both types are named, as a compiled function makes a float of an int where it wants a float.
    """
    if vr == "AT":
        return format_tag(int(value))
    if vr in ("FL", "OF"):
        short = f"{value:.7g}"
        return short if _FLOAT.pack(float(short)) == _FLOAT.pack(value) else f"{value:.9g}"
    return str(value)


def show_length(length: int) -> str:
    """Return a length field as text, ``u/l`` where it is undefined, as DCMTK writes it."""
    return "u/l" if length == UNDEFINED else str(length)

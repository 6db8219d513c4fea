"""Values as escaped text on the line of an element, cut to a moderate length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.values import (
    BULK_VRS,
    CHARSET_VRS,
    INTEGER_VRS,
    TEXT_VRS,
    effective_vr,
    number_struct,
    numbers,
    show_number,
)
from dcmtools.escaping import escape

if TYPE_CHECKING:
    from dcmtools.encoding.charset import Decoder

MAX_NUMBERS: Final = 16
_FLOATS: Final = {"OF": "FL", "OD": "FD"}
_HEX: Final = frozenset(("OL", "OV", "OW"))


def show_value(  # noqa: PLR0913  what a value is made of
    tag: int,
    vr: str,
    raw: bytes,
    order: str,
    decode: Decoder,
    *,
    length: int,
    most: int = MAX_NUMBERS,
    uid_names: bool = True,
) -> str:
    """Return a value as a line shows it: strings in brackets, UIDs by name, numbers with backslashes between.

    ``raw`` may hold only the beginning of a value of ``length`` bytes; what is left out, as are numbers
    beyond ``most``, shows as ``...``.
    """
    if vr == "UN":
        order = "<"
    vr = effective_vr(tag, vr)
    if not raw:
        return "(no value)"
    if vr not in TEXT_VRS:
        return _show_binary(vr, raw, order, length, most)
    text = (decode(raw) if vr in CHARSET_VRS else raw.decode("latin-1")).rstrip(" \0")
    return show_text(vr, text, uid_names=uid_names, more="..." if length > len(raw) else "")


def show_text(vr: str, text: str, *, uid_names: bool = True, more: str = "") -> str:
    """Return a text without its padding as a line shows it, with ``more`` behind it."""
    if vr == "UI" and uid_names:
        from dcmtools.data.uids import UIDS

        if text in UIDS:
            return f"={UIDS[text][0]}"
    return f"[{escape(text)}]{more}" if text else "(no value)"


def join_numbers(vr: str, raw: bytes, order: str, length: int = 0, most: int = MAX_NUMBERS) -> str:
    """Return the first ``most`` numbers of a value; what is no whole number of them shows as bytes."""
    length = max(length, len(raw))
    layout = number_struct(vr, order)
    size = layout.size
    if length == size and vr in INTEGER_VRS:
        return str(layout.unpack(raw)[0])
    if length % size:
        return show_bytes(raw, length, most)
    values = numbers(vr, raw[: most * size], order)
    shown = map(str, values) if vr in INTEGER_VRS else [show_number(vr, value) for value in values]
    return "\\".join(shown) + ("\\..." if length > most * size else "")


def show_bytes(raw: bytes, length: int, most: int = MAX_NUMBERS) -> str:
    """Return the first bytes of a value of ``length``."""
    return raw[:most].hex("\\") + ("\\..." if length > most else "")


def _show_binary(vr: str, raw: bytes, order: str, length: int, most: int) -> str:
    if vr not in BULK_VRS or vr in _FLOATS:
        return join_numbers(_FLOATS.get(vr, vr), raw, order, length, most)
    layout = number_struct(vr, order)
    if vr not in _HEX or length % layout.size:
        return show_bytes(raw, length, most)
    raw = raw[: most * layout.size]
    if order == "<":  # the bytes of each number are turned round, and so are the numbers, so these back again
        shown = "\\".join(raw[::-1].hex("\\", layout.size).split("\\")[::-1])
    else:
        shown = raw.hex("\\", layout.size)
    return shown + ("\\..." if length > most * layout.size else "")

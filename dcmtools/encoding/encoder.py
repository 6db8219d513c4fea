"""Text into the bytes of a Specific Character Set, or not at all (PS3.5 6.1 and PS3.3 C.12.1.1.2)."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from dcmtools.encoding.charset import codecs_of, decoder_of, unpadded

# What ends that which a code extension has begun, so that each part between begins anew.
_DELIMITERS: Final = r"([\r\n\t\f\\^=])"
_ASCII: Final = b"\x1b(B"
_ROMAJI: Final = b"\x1b(J"
_ONE_BYTE: Final = frozenset(("shift_jis",))  # ISO_IR 13 is the part of it that takes one byte


class _CodedSet(NamedTuple):
    """Characters that an escape sequence switches to, for bytes below 0x80 (``low``) or for those above.

    ``codec`` writes them in ``size`` bytes of 0x80 and above.
    """

    escape: bytes
    codec: str
    size: int = 1
    low: bool = False

    def code(self, character: str) -> bytes | None:
        """Return the bytes of ``character`` in this set, None where it is not there."""
        try:
            raw = character.encode(self.codec)
            if raw.decode(self.codec) != character:
                return None
        except UnicodeError:
            return None
        if len(raw) != self.size or raw[0] < 0x80 or (self.low and raw[0] == 0x8E):  # 8E: katakana of IR 13
            return None
        return bytes(byte & 0x7F for byte in raw[-2:]) if self.low else raw


# By the number in the defined term (PS3.3 tables C.12-3 and C.12-4).
_SETS: Final = {
    "13": _CodedSet(b"\x1b)I", "shift_jis"),
    "58": _CodedSet(b"\x1b$)A", "gb2312", 2),
    "87": _CodedSet(b"\x1b$B", "euc_jp", 2, low=True),
    "100": _CodedSet(b"\x1b-A", "latin-1"),
    "101": _CodedSet(b"\x1b-B", "iso8859_2"),
    "109": _CodedSet(b"\x1b-C", "iso8859_3"),
    "110": _CodedSet(b"\x1b-D", "iso8859_4"),
    "126": _CodedSet(b"\x1b-F", "iso8859_7"),
    "127": _CodedSet(b"\x1b-G", "iso8859_6"),
    "138": _CodedSet(b"\x1b-H", "iso8859_8"),
    "144": _CodedSet(b"\x1b-L", "iso8859_5"),
    "148": _CodedSet(b"\x1b-M", "iso8859_9"),
    "149": _CodedSet(b"\x1b$)C", "euc_kr", 2),
    "159": _CodedSet(b"\x1b$(D", "euc_jp", 3, low=True),
    "166": _CodedSet(b"\x1b-T", "tis_620"),
    "203": _CodedSet(b"\x1b-b", "iso8859_15"),
}


def encoded(text: str, charset: bytes) -> bytes:
    """Return ``text`` as the value ``charset`` of Specific Character Set has it written.

    Raises ValueError, naming the character, where it cannot: nothing is ever replaced.
    """
    raw = _encoded(text, charset)
    if raw is None:
        missing = next((character for character in text if _encoded(character, charset) is None), text)
        terms = unpadded(charset)
        named = repr(terms) if terms else "ASCII, as it names none"
        message = f"{missing!r} cannot be written in the data set's character set, {named}"
        raise ValueError(message)
    return raw


def _encoded(text: str, charset: bytes) -> bytes | None:
    if text.isascii():
        return text.encode("ascii")
    codec, terms = codecs_of(charset)
    if terms:
        parts = [_extended(part, terms) for part in re.split(_DELIMITERS, text)]
        return None if None in parts else b"".join(filter(None, parts))
    try:
        raw = text.encode(codec)
    except UnicodeEncodeError:
        return None
    if codec in _ONE_BYTE and len(raw) != len(text):
        return None
    # Some codecs write two characters alike: whoever reads it must get what was meant.
    return raw if decoder_of(charset)(raw) == text else None


def _extended(text: str, terms: list[str]) -> bytes | None:
    """Return ``text``, between two delimiters, with code extensions (PS3.5 6.1.2.5)."""
    sets = [_SETS[number] for term in terms if (number := term.rpartition(" ")[2]) in _SETS]
    first = _SETS.get(terms[0].rpartition(" ")[2])
    plain = _ROMAJI if first == _SETS["13"] else _ASCII
    below, above = plain, first.escape if first and first.size == 1 else b""
    out = b""
    for character in text:
        if character.isascii():
            escape, low, code = plain, True, character.encode()
        else:
            found = next(((each, raw) for each in sets if (raw := each.code(character))), None)
            if found is None:
                return None
            escape, low, code = found[0].escape, found[0].low, found[1]
        if escape != (below if low else above):
            out += escape
        below, above = (escape, above) if low else (below, escape)
        out += code
    return out if below == plain else out + plain

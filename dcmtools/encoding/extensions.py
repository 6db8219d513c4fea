"""Code extensions: escape sequences that switch between character sets (PS3.5 6.1.2.5, PS3.3 C.12.1.1.2).

Bytes below 0x80 are of the set that G0 holds, those above of the one in G1. An escape sequence changes one of
the two; a delimiter gives both back what the first value of Specific Character Set has there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ASCII: Final = b"\x1b(B"
ROMAJI: Final = b"\x1b(J"
_ESCAPE: Final = b"\x1b"
_ENDS: Final = re.compile(rb"[\r\n\t\f\\^=]")
_CONTROLS: Final = re.compile(rb"[\r\n\t\f]")  # where the other delimiters are halves of characters
_GRAPHIC: Final = re.compile(rb"([\x21-\x7e]+)")
# Every set of two bytes in G0, with the escape sequence before it.
_PAIRS: Final = "iso2022_jp_2"


class CodedSet(NamedTuple):
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
    "13": CodedSet(b"\x1b)I", "shift_jis"),
    "58": CodedSet(b"\x1b$)A", "gb2312", 2),
    "87": CodedSet(b"\x1b$B", "euc_jp", 2, low=True),
    "100": CodedSet(b"\x1b-A", "latin-1"),
    "101": CodedSet(b"\x1b-B", "iso8859_2"),
    "109": CodedSet(b"\x1b-C", "iso8859_3"),
    "110": CodedSet(b"\x1b-D", "iso8859_4"),
    "126": CodedSet(b"\x1b-F", "iso8859_7"),
    "127": CodedSet(b"\x1b-G", "iso8859_6"),
    "138": CodedSet(b"\x1b-H", "iso8859_8"),
    "144": CodedSet(b"\x1b-L", "iso8859_5"),
    "148": CodedSet(b"\x1b-M", "iso8859_9"),
    "149": CodedSet(b"\x1b$)C", "euc_kr", 2),
    "159": CodedSet(b"\x1b$(D", "euc_jp", 3, low=True),
    "166": CodedSet(b"\x1b-T", "tis_620"),
    "203": CodedSet(b"\x1b-b", "iso8859_15"),
}


class Extensions:
    """The character sets of a Specific Character Set with several values.

    ``sets`` are those beside ASCII; ``plain`` is the escape sequence for what G0 holds at the beginning,
    ``first`` the set in G1 then, None where there is none.
    """

    def __init__(self, terms: Sequence[str]) -> None:
        """Switch between the defined ``terms``."""
        numbers = [term.rpartition(" ")[2] for term in terms]
        first = _SETS.get(numbers[0])
        self.sets = [_SETS[number] for number in numbers if number in _SETS]
        self.plain = ROMAJI if numbers[0] == "13" else ASCII
        self.first = None if first is None or first.low else first
        self._codec = self.first.codec if self.first else "ascii"
        self._by_escape = {each.escape: each for each in self.sets}

    def decode(self, raw: bytes) -> str:
        """Return the text ``raw``; bytes that are none become surrogates, two of G0 that are none U+FFFD.

        Escape sequences of other sets stay as they are, and what follows them is read as at the beginning.
        """
        return "".join(self._parts(raw))

    def _parts(self, raw: bytes) -> Iterator[str]:
        before, *pieces = raw.split(_ESCAPE)
        yield before.decode(self._codec, "surrogateescape")
        low, codec = b"", self._codec
        for piece in pieces:
            escape = _ESCAPE + piece[: 3 if piece[1:2] in (b"(", b")") else 2]
            found = self._by_escape.get(escape)
            if found is not None and found.low:
                low = escape
            elif found is not None:
                codec = found.codec
            elif escape in (ASCII, ROMAJI):
                low = b""
            else:
                escape, low, codec = b"", b"", self._codec
            text = piece[len(escape) - 1 :] if escape else _ESCAPE + piece
            end = (_CONTROLS if low else _ENDS).search(text)
            yield from _halves(text[: end.start()] if end else text, low, codec)
            if end:
                low, codec = b"", self._codec
                yield text[end.start() :].decode(codec, "surrogateescape")


def _halves(text: bytes, low: bytes, codec: str) -> Iterator[str]:
    """Yield ``text`` by ``codec``, what is below 0x80 as pairs of the set ``low`` where that is not empty."""
    for number, part in enumerate(_GRAPHIC.split(text) if low else (text,)):
        yield (low + part).decode(_PAIRS, "replace") if number & 1 else part.decode(codec, "surrogateescape")

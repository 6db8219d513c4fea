"""Specific Character Set: from bytes to text (PS3.5 6.1 and PS3.3 C.12.1.1.2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    Decoder: TypeAlias = Callable[[bytes], str]

# Bytes that are not text in the character set become surrogates, which escaping shows as \xNN.
_UNDECODABLE: Final = "surrogateescape"
_SINGLE_BYTE: Final = {
    "13": "shift_jis",
    "100": "latin-1",
    "101": "iso8859_2",
    "109": "iso8859_3",
    "110": "iso8859_4",
    "126": "iso8859_7",
    "127": "iso8859_6",
    "138": "iso8859_8",
    "144": "iso8859_5",
    "148": "iso8859_9",
    "166": "tis_620",
    "203": "iso8859_15",
}
_STAND_ALONE: Final = {"ISO_IR 192": "utf-8", "GB18030": "gb18030", "GBK": "gbk"}
_EXTENSION: Final = "ISO 2022 IR "
_CODECS: Final[dict[str, str]] = {
    "": "ascii",
    "ISO_IR 6": "ascii",
    "ISO 2022 IR 6": "ascii",
    "ISO 2022 IR 58": "gb2312",
    "ISO 2022 IR 87": "iso2022_jp",
    "ISO 2022 IR 149": "euc_kr",
    "ISO 2022 IR 159": "iso2022_jp_2",
    **_STAND_ALONE,
    **{f"ISO_IR {number}": codec for number, codec in _SINGLE_BYTE.items()},
    **{f"{_EXTENSION}{number}": codec for number, codec in _SINGLE_BYTE.items()},
}
# What character sets are called, rightly or wrongly.
_LIKE_A_TERM: Final = (
    r"(?i:ASCII|BIG|CP|EUC|GB|ISO|JIS|KS|LATIN|UNICODE|UTF|WINDOWS)"
    r"(?i:[-_ ]?(?:2022|8859|10646|IR|GBK?|JP|KR))*[-_ ]?\d{0,5}"
)
# Spellings that occur: ISO-IR 100, ISO IR 100, ISO_2022_IR_87.
_MISSPELT: Final = r"ISO.(2022.)?IR.(\d+)"
_LONGEST: Final = 1024
_MOST_KNOWN: Final = 1024


def _ascii(raw: bytes) -> str:
    return raw.decode("ascii", _UNDECODABLE)


def _latin_1(raw: bytes) -> str:
    return raw.decode("latin-1")


def _utf_8(raw: bytes) -> str:
    return raw.decode("utf-8", _UNDECODABLE)


def unpadded(raw: bytes) -> str:
    """Return text that no character set governs, such as a UID, without its padding (PS3.5 6.2)."""
    return raw.decode("latin-1").strip(" \0")


DEFAULT: Decoder = _ascii
_NATIVE: Final[dict[str, Decoder]] = {"ascii": _ascii, "latin-1": _latin_1, "utf-8": _utf_8}
_known: dict[bytes, Decoder] = {}


def decoder_of(raw: bytes) -> Decoder:
    """Return the decoder for the value ``raw`` of Specific Character Set.

    Terms that PS3.3 does not define decode as the default repertoire. No decoder raises: what does not fit
    the character set is kept as surrogates, or becomes U+FFFD where code extensions have bytes mean halves of
    characters.
    """
    decoder = _known.get(raw)
    if decoder is None:
        decoder = _made(raw) if len(raw) <= _LONGEST else DEFAULT
        if len(raw) <= _LONGEST and len(_known) < _MOST_KNOWN:
            _known[raw] = decoder
    return decoder


def is_term(term: str) -> bool:
    """Tell whether ``term`` names a character set, be it in a way that PS3.3 does not know; or is empty."""
    term = term.strip()
    return not term or spelt(term) in _CODECS or re.fullmatch(_LIKE_A_TERM, term) is not None


def decoder_named(terms: str) -> Decoder:
    """Return the decoder for defined terms of PS3.3; raise ValueError for any other."""
    for term in terms.split("\\"):
        if spelt(term.strip()) not in _CODECS:
            message = f"{term!r} is not a character set of PS3.3 C.12.1.1.2, such as ISO_IR 100 or ISO_IR 192"
            raise ValueError(message)
    return decoder_of(terms.encode())


def codecs_of(raw: bytes) -> tuple[str, list[str]]:
    """Return the codec of Python that text begins in under the value ``raw`` of Specific Character Set.

    With it come the terms between which code extensions switch, none where there are no extensions. Terms
    that PS3.3 does not define stand for the default repertoire.
    """
    terms = [spelt(term.strip()) for term in unpadded(raw).split("\\")]
    first = terms[0]
    if first not in _CODECS:
        return "ascii", []
    # What stands alone cannot be extended, and nothing is extended by it.
    defined = [term for term in dict.fromkeys(terms) if term in _CODECS and term not in _STAND_ALONE]
    extended = first not in _STAND_ALONE and any(term.startswith(_EXTENSION) for term in defined)
    return _CODECS[first], defined if extended else []


def _made(raw: bytes) -> Decoder:
    codec, extensions = codecs_of(raw)
    return _extended(codec, extensions) if extensions else _NATIVE.get(codec) or _simple(codec)


def spelt(term: str) -> str:
    """Return ``term`` as PS3.3 spells it, if it is one of its defined terms in a spelling that occurs."""
    if term in _CODECS:
        return term
    match = re.fullmatch(_MISSPELT, term)
    return f"{_EXTENSION if match[1] else 'ISO_IR '}{match[2]}" if match else term


def _simple(codec: str) -> Decoder:
    return lambda raw: raw.decode(codec, _UNDECODABLE)


def _extended(codec: str, terms: list[str]) -> Decoder:
    """Return the decoding with code extensions (PS3.5 6.1.2.5), whose module is imported once one is used."""
    found: list[Decoder] = []

    def decode(raw: bytes) -> str:
        if b"\x1b" not in raw:
            return raw.decode(codec, _UNDECODABLE)
        if not found:
            from dcmtools.encoding.extensions import Extensions

            found.append(Extensions(terms).decode)
        return found[0](raw)

    return decode

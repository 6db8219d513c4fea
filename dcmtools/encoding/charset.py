"""Specific Character Set: from bytes to text (PS3.5 6.1 and PS3.3 C.12.1.1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    Decoder: TypeAlias = Callable[[bytes], str]

# Bytes that are not text in the character set become surrogates, which escaping shows as \xNN.
_UNDECODABLE: Final = "surrogateescape"


def _ascii(raw: bytes) -> str:
    return raw.decode("ascii", _UNDECODABLE)


def _latin_1(raw: bytes) -> str:
    return raw.decode("latin-1")


def _utf_8(raw: bytes) -> str:
    return raw.decode("utf-8", _UNDECODABLE)


DEFAULT: Decoder = _ascii
_NATIVE: Final[dict[str, Decoder]] = {
    "": _ascii,
    "ISO_IR 6": _ascii,
    "ISO 2022 IR 6": _ascii,
    "ISO_IR 100": _latin_1,
    "ISO_IR 192": _utf_8,
}
_known: dict[bytes, Decoder] = {}


def decoder_of(raw: bytes) -> Decoder:
    """Return the decoder for the value ``raw`` of Specific Character Set.

    Terms that PS3.3 does not define decode as the default repertoire; what does not fit the character set
    is kept as surrogates, so no decoder raises.
    """
    decoder = _known.get(raw)
    if decoder is None:
        terms = tuple(term.strip() for term in raw.decode("latin-1").strip(" \0").split("\\"))
        decoder = _NATIVE.get(terms[0]) if len(terms) == 1 else None
        decoder = decoder or _pydicom_decoder(terms)
        if len(_known) < 1024:
            _known[raw] = decoder
    return decoder


def _pydicom_decoder(terms: tuple[str, ...]) -> Decoder:
    """Return pydicom's decoding with code extensions; its import is paid only here."""
    import warnings

    from pydicom.charset import convert_encodings, decode_bytes, python_encoding

    defined = [term for term in terms if term in python_encoding]
    if not defined or not terms[0] in python_encoding:
        return _ascii
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encodings = convert_encodings(defined)

    def decode(raw: bytes) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return decode_bytes(raw, encodings, {0x0D, 0x0A, 0x09, 0x0C, 0x5C, 0x5E, 0x3D})
            except (LookupError, ValueError):
                return _ascii(raw)

    return decode

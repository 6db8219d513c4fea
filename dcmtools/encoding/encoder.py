"""Text into the bytes of a Specific Character Set, or not at all (PS3.5 6.1 and PS3.3 C.12.1.1.2)."""

from __future__ import annotations

import re
from typing import Final

from dcmtools.encoding.charset import codecs_of, decoder_of, unpadded
from dcmtools.encoding.extensions import Extensions

# What ends that which a code extension has begun, so that each part between begins anew.
_DELIMITERS: Final = r"([\r\n\t\f\\^=])"
_ONE_BYTE: Final = frozenset(("shift_jis",))  # ISO_IR 13 is the part of it that takes one byte


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
    raw = _extended(text, Extensions(terms)) if terms else _simple(text, codec)
    # Some codecs write two characters alike: whoever reads it must get what was meant.
    return raw if raw is not None and decoder_of(charset)(raw) == text else None


def _simple(text: str, codec: str) -> bytes | None:
    try:
        raw = text.encode(codec)
    except UnicodeEncodeError:
        return None
    return None if codec in _ONE_BYTE and len(raw) != len(text) else raw


def _extended(text: str, extensions: Extensions) -> bytes | None:
    parts = [_between(part, extensions) for part in re.split(_DELIMITERS, text)]
    return None if None in parts else b"".join(filter(None, parts))


def _between(text: str, extensions: Extensions) -> bytes | None:
    """Return ``text``, between two delimiters, with code extensions (PS3.5 6.1.2.5).

    At its end both halves are again what the first value of Specific Character Set has there.
    """
    plain, first = extensions.plain, extensions.first
    initial = first.escape if first and first.size == 1 else b""
    below, above = plain, initial
    out = b""
    for character in text:
        if character.isascii():
            escape, low, code = plain, True, character.encode()
        else:
            found = next(((each, raw) for each in extensions.sets if (raw := each.code(character))), None)
            if found is None:
                return None
            escape, low, code = found[0].escape, found[0].low, found[1]
        if not low and below != plain:
            # There are readers to whom an escape sequence changes both halves: each is told of both.
            out += plain
            below, above = plain, b""
        if escape != (below if low else above):
            out += escape
        below, above = (escape, above) if low else (below, escape)
        out += code
    if below != plain:
        out += plain
    return out + initial if above != initial else out

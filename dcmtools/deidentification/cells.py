"""Identifiers as they stand in the cells of a map, where some signs are escaped.

A byte that the character set does not have stands there as ``\\x85``, control characters, backslashes, and
what spreadsheets take for the beginning of a formula, as ``\\u003d``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from re import Match

_NO_TEXT: Final = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\\\\\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_FORMULA: Final = re.compile(r"^(?![+-][\d.]+$)[=+@-]")
_ESCAPE: Final = re.compile(r"\\x([89a-f][0-9a-f])|\\u([0-9a-f]{4})")


def escaped(text: str) -> str:
    """Return an identifier as it stands in a map."""

    def escape(match: Match[str]) -> str:
        number = ord(match[0])
        return f"\\x{number & 0xFF:02x}" if 0xDC80 <= number <= 0xDCFF else f"\\u{number:04x}"

    return _FORMULA.sub(escape, _NO_TEXT.sub(escape, text), count=1)


def unescaped(text: str) -> str:
    """Return the identifier that stands in a map as ``text``."""

    def unescape(match: Match[str]) -> str:
        byte, code = match.groups()
        return chr(0xDC00 + int(byte, 16)) if byte else chr(int(code, 16))

    return _ESCAPE.sub(unescape, text)

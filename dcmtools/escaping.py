"""Text from files and peers made harmless before a terminal, a log or a table sees it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# C0 and C1 controls, DEL, bidirectional and zero-width controls, line separators, BOM, tags, surrogates.
# Compiled when the first of them is met, and kept by re.
_HARMFUL: Final = (
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not text, kept by surrogateescape
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def escape(text: str, escaped: Callable[[re.Match[str]], str] = _escaped) -> str:
    r"""Return ``text`` with control, bidirectional and zero-width characters as ``\x1b`` or ``\u202e``.

    Where the text is of a language with escapes of its own, ``escaped`` writes these.
    """
    if text.isprintable():
        return text
    return re.sub(_HARMFUL, escaped, text)

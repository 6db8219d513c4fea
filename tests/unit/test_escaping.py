from __future__ import annotations

import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from dcmtools.escaping import escape

HARMFUL = {"Cc", "Cs", "Zl", "Zp"}


def test_ordinary_text_stays() -> None:
    for text in ("", "CT 1.dcm", "Yamada^Tarou=山田^太郎", "J\u00e9r\u00f4me", "\u0627\u0644", "\u3000"):
        assert escape(text) == text


def test_what_steers_a_terminal_is_spelt_out() -> None:
    assert escape("\x1b[2J\r\n\t\x00\x7f\x9b") == r"\x1b[2J\x0d\x0a\x09\x00\x7f\x9b"
    assert escape("a\u202eb\u2066\ufeff") == r"a\u202eb\u2066\ufeff"
    assert escape("\U000e0041") == r"\U000e0041"


def test_a_byte_that_was_no_text_is_shown_as_that_byte() -> None:
    assert escape(b"caf\xe9".decode("utf-8", "surrogateescape")) == r"caf\xe9"
    assert escape("\ud800") == r"\ud800"


def test_no_control_character_gets_through() -> None:
    for code in range(sys.maxunicode + 1):
        shown = escape(chr(code))
        assert unicodedata.category(shown[0]) not in HARMFUL
        assert unicodedata.bidirectional(shown[0]) not in {
            "LRE",
            "RLE",
            "LRO",
            "RLO",
            "PDF",
            "LRI",
            "RLI",
            "FSI",
            "PDI",
        }


@given(st.text(st.characters()))
def test_the_result_can_always_be_encoded(text: str) -> None:
    escape(text).encode("utf-8")
    assert escape(escape(text)) == escape(text)

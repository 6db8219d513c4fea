"""Text into the bytes of a character set: whole, or not at all."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydicom.charset import convert_encodings, decode_bytes, python_encoding

from dcmtools.encoding import encoder
from dcmtools.encoding.charset import decoder_of
from dcmtools.encoding.encoder import encoded

TEXTS = {
    "": "Doe^Jane",
    "ISO_IR 100": "Buc^Jérôme",
    "ISO_IR 101": "Wałęsa",
    "ISO_IR 109": "Ĝis",
    "ISO_IR 110": "Āboliņš",
    "ISO_IR 144": "Дядя^Яша",
    "ISO_IR 127": "قباني^لنزار",
    "ISO_IR 126": "Διονυσιος",
    "ISO_IR 138": "שרון^דבורה",
    "ISO_IR 148": "Çavuşoğlu",
    "ISO_IR 203": "5 €",
    "ISO_IR 13": "ﾔﾏﾀﾞ^ﾀﾛｳ",
    "ISO_IR 166": "นามสกุล",
    "ISO_IR 192": "Wang^XiaoDong=王^小东",
    "GB18030": "Wang^XiaoDong=王^小东",
    "GBK": "王^小东",
    "ISO 2022 IR 100": "Jérôme",
    "\\ISO 2022 IR 87": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "ISO 2022 IR 13\\ISO 2022 IR 87": "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    "\\ISO 2022 IR 149": "Hong^Gildong=洪^吉洞=홍^길동",
    "\\ISO 2022 IR 58": "Zhang^XiaoDong=张^小东",
    "ISO 2022 IR 100\\ISO 2022 IR 144\\ISO 2022 IR 126": "Dionysios is Διονυσιος^Дядя",
    "ISO 2022 IR 100\\ISO 2022 IR 87": "é文é",
    "ISO 2022 IR 13\\ISO 2022 IR 159\\ISO 2022 IR 87": "ﾔﾏ文ﾀ^ﾀﾛｳ=山丂ﾀ",
    "\\ISO 2022 IR 87\\ISO 2022 IR 58": "山张小a山=x",
    "ISO_IR 148\\ISO 2022 IR 203\\ISO 2022 IR 159": "ş€丂ş",
}


# The one it does not have, of the other it keeps the escape sequence as text.
UNKNOWN_TO_PYDICOM = ("203", "IR 58")


@pytest.mark.parametrize("terms", TEXTS)
def test_each_character_set(terms: str) -> None:
    """PS3.3 C.12.1.1.2: what is written reads as what was meant, to us and to pydicom."""
    raw = encoded(TEXTS[terms], terms.encode())
    assert decoder_of(terms.encode())(raw) == TEXTS[terms]
    if not any(term in terms for term in UNKNOWN_TO_PYDICOM):
        assert decode_bytes(raw, convert_encodings(terms.split("\\")), set(b"\\^=")) == TEXTS[terms]


@pytest.mark.parametrize(
    ("terms", "text", "missing"),
    [
        ("", "Müller", "ü"),
        ("ISO_IR 6", "Müller", "ü"),
        ("NONSENSE", "Müller", "ü"),
        ("ISO_IR 100", "Müller 山", "山"),
        ("ISO_IR 13", "ﾔﾏﾀﾞ 山", "山"),
        ("ISO_IR 13", "ﾔ¥", "¥"),  # it shares its byte with the backslash
        ("ISO_IR 192", "a\udce9", "\udce9"),
        ("\\ISO 2022 IR 87", "山 é", "é"),
        ("ISO 2022 IR 100\\ISO 2022 IR 144", "é Ж 山", "山"),
        ("GB18030\\ISO 2022 IR 87", "a\udce9", "\udce9"),
    ],
)
def test_what_a_character_set_does_not_have_is_named(terms: str, text: str, missing: str) -> None:
    with pytest.raises(ValueError, match="cannot be written") as told:
        encoded(text, terms.encode())
    assert str(told.value).startswith(repr(missing))


@pytest.mark.parametrize(
    ("terms", "text", "raw"),
    [
        # The examples of PS3.5 H.3, I.2, I.3 and K.2.
        (
            "\\ISO 2022 IR 87",
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        ),
        (
            "ISO 2022 IR 13\\ISO 2022 IR 87",
            "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
            b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J="
            b"\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
        ),
        (
            "\\ISO 2022 IR 149",
            "Hong^Gildong=洪^吉洞=홍^길동",
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        ),
        (
            "\\ISO 2022 IR 58",
            "Zhang^XiaoDong=张^小东",
            b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab",
        ),
        ("ISO 2022 IR 100\\ISO 2022 IR 144", "é Я é", b"\xe9 \x1b-L\xcf \x1b-A\xe9"),
        ("\\ISO 2022 IR 87\\ISO 2022 IR 159", "山a丂", b"\x1b$B;3\x1b(Ba\x1b$(D0!\x1b(B"),
        # G0 is ASCII again before what is of G1, and G1 that of the first value again before a delimiter.
        ("ISO 2022 IR 100\\ISO 2022 IR 87", "文é", b"\x1b$BJ8\x1b(B\x1b-A\xe9"),
        ("ISO 2022 IR 100\\ISO 2022 IR 144", "Я=é", b"\x1b-L\xcf\x1b-A=\xe9"),
    ],
)
def test_code_extensions(terms: str, text: str, raw: bytes) -> None:
    assert encoded(text, terms.encode()) == raw


def test_what_a_set_has_reads_as_what_was_meant() -> None:
    """One in seven characters that the sets of several bytes have."""
    for number in ("58", "87", "149", "159"):
        terms = f"\\ISO 2022 IR {number}"
        decode = decoder_of(terms.encode())
        found = 0
        for code in range(0x80, 0x10000, 7):
            try:
                raw = encoded(chr(code), terms.encode())
            except ValueError:
                continue
            assert decode(raw) == chr(code)
            found += 1
        assert found > 700


def test_what_would_not_read_as_what_was_meant_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check is the same with code extensions as without."""
    terms = (b"ISO_IR 100", b"ISO 2022 IR 100\\ISO 2022 IR 87")
    assert [encoded("é", each) for each in terms] == [b"\xe9", b"\xe9"]
    monkeypatch.setattr(encoder, "decoder_of", lambda _: lambda _: "e")
    for each in terms:
        with pytest.raises(ValueError, match="cannot be written"):
            encoded("é", each)


def test_pydicom_is_not_needed() -> None:
    script = "import sys; from dcmtools.encoding.encoder import encoded; encoded('山', b'\\\\ISO 2022 IR 87')"
    subprocess.run([sys.executable, "-c", f"{script}; assert 'pydicom' not in sys.modules"], check=True)


def test_every_character_of_every_single_byte_set() -> None:
    for terms in sorted(python_encoding):
        if "2022" in terms or not terms.startswith("ISO_IR") or terms == "ISO_IR 192":
            continue
        decode = decoder_of(terms.encode())
        for byte in range(0xA0, 0x100):
            character = decode(bytes((byte,)))
            if character.isprintable():
                assert encoded(character, terms.encode()) == bytes((byte,))

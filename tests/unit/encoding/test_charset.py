"""Specific Character Set (PS3.3 C.12.1.1.2 and PS3.5 6.1)."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydicom import dcmread
from pydicom.charset import convert_encodings, decode_bytes, python_encoding
from pydicom.multival import MultiValue

from dcmtools.encoding import charset
from dcmtools.encoding.charset import DEFAULT, decoder_of
from dcmtools.encoding.tags import SPECIFIC_CHARACTER_SET
from dcmtools.files.part10 import Part10File
from tests.support.samples import real_files

ALL_BYTES = bytes(range(256))
JAPANESE = "ISO 2022 IR 6\\ISO 2022 IR 87"
YAMADA = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"
CHINESE = b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab="
KOREAN = b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf"


def decoded(term: str, raw: bytes) -> str:
    return decoder_of(term.encode("latin-1"))(raw)


@pytest.mark.parametrize("term", ["", "  ", "ISO_IR 6", "ISO_IR 6 ", "ISO 2022 IR 6"])
def test_the_default_repertoire_is_ascii(term: str) -> None:
    """PS3.5 6.1.1: bytes beyond it stay visible as what they are."""
    assert decoded(term, b"Doe^Jane") == "Doe^Jane"
    assert decoded(term, b"M\xfcller") == "M\udcfcller"


@pytest.mark.parametrize("padding", ["", " ", "\0"])
def test_latin_1_and_utf_8(padding: str) -> None:
    assert decoded("ISO_IR 100" + padding, b"M\xfcller") == "Müller"
    assert decoded("ISO_IR 192" + padding, "Müller山".encode()) == "Müller山"
    assert decoded("ISO_IR 192" + padding, b"M\xfcller") == "M\udcfcller"


SINGLE = sorted(term for term in python_encoding if "2022" not in term and term not in ("", "ISO_IR 6"))


@pytest.mark.parametrize("term", SINGLE)
def test_each_single_character_set_decodes_as_pydicom_decodes_it(term: str) -> None:
    """PS3.3 table C.12-2 and C.12-5."""
    for first in range(0x20, 0x100):
        for raw in (bytes((first,)), bytes((first, 0xA4)), bytes((0xC3, first))):
            try:
                expected = raw.decode(python_encoding[term])
            except UnicodeDecodeError:
                expected = raw.decode(python_encoding[term], "surrogateescape")
            assert decoded(term, raw) == expected


def test_latin_9_which_pydicom_does_not_know() -> None:
    """PS3.3 table C.12-2: ISO_IR 203."""
    assert decoded("ISO_IR 203", b"\xa4 \xbd") == "€ œ"


@pytest.mark.parametrize(
    ("term", "raw", "text"),
    [
        (JAPANESE, YAMADA, "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("\\ISO 2022 IR 87", YAMADA, "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("ISO 2022 IR 87", YAMADA, "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("\\ISO 2022 IR 149", KOREAN, "Hong^Gildong=洪^吉洞=홍^길동"),
        ("ISO 2022 IR 13\\ISO 2022 IR 87", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
        ("\\ISO 2022 IR 58", CHINESE, "Zhang^XiaoDong=张^小东="),
        ("ISO 2022 IR 149", KOREAN[13:], "洪^吉洞=홍^길동"),
        ("ISO 2022 IR 100\\ISO 2022 IR 203", b"\xa4\x1b-b\xa4\\\xa4", "¤€\\¤"),
        ("\\ISO 2022 IR 58\\ISO 2022 IR 87", b"\x1b$)A\x1b$B;3\xd5\xc5 ;3\nED\xd5", "山张 山\nED\udcd5"),
        ("\\ISO 2022 IR 87", b"\x1b$B;3\x1b(J=a", "山=a"),  # JIS X 0201 is often meant with it
        ("GB18030", "王^小东".encode("gb18030"), "王^小东"),
        ("GBK", "王^小东".encode("gbk"), "王^小东"),
        ("ISO_IR 192\\ISO 2022 IR 87", "山".encode(), "山"),  # nothing extends UTF-8
        ("ISO 2022 IR 100\\ISO_IR 192", b"\xfc", "ü"),
    ],
)
def test_code_extensions(term: str, raw: bytes, text: str) -> None:
    """PS3.5 H.3, I.2, J.3 and K.2."""
    assert decoded(term, raw) == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\x1b$B;3\x1b-L\xcf", "山\x1b-L\udccf"),  # of a set that is not named
        (b"\x1b$B;3\x1b?\x1b", "山\x1b?\x1b"),
        (b'\x1b$B"/;3E\x1b(Ba', "\ufffd山\ufffda"),
    ],
)
def test_what_makes_no_sense_with_code_extensions_shows(raw: bytes, text: str) -> None:
    assert decoded(JAPANESE, raw) == text


GRAPHIC = [bytes((first, second)) for first in range(0x21, 0x7F) for second in range(0x21, 0x7F)]
IN_G1 = [bytes((first,)) for first in range(0xA0, 0x100)]


@pytest.mark.parametrize(
    ("number", "escape", "codes"),
    [
        ("87", b"$B", GRAPHIC),
        ("159", b"$(D", GRAPHIC),
        ("149", b"$)C", [bytes(byte | 0x80 for byte in code) for code in GRAPHIC]),
        ("13", b")I", IN_G1),
        ("101", b"-B", IN_G1),
        ("109", b"-C", IN_G1),
        ("110", b"-D", IN_G1),
        ("126", b"-F", IN_G1),
        ("127", b"-G", IN_G1),
        ("138", b"-H", IN_G1),
        ("144", b"-L", IN_G1),
        ("148", b"-M", IN_G1),
        ("166", b"-T", IN_G1),
    ],
)
def test_each_set_reads_as_pydicom_reads_it(number: str, escape: bytes, codes: list[bytes]) -> None:
    """PS3.3 tables C.12-3 and C.12-4: whatever is a character, with text of the first set around it."""
    terms = f"ISO 2022 IR 100\\ISO 2022 IR {number}"
    encodings, decode, compared = convert_encodings(terms.split("\\")), decoder_of(terms.encode()), 0
    for code in codes:
        raw = b"\xe9\x1b" + escape + code + b"\x1b(B^\xe9"
        try:
            text = decode_bytes(raw, encodings, set(b"\\^="))
        except UserWarning:  # there is no such character
            continue
        assert decode(raw) == text
        compared += 1
    assert compared > 0.5 * len(codes)


def test_the_second_byte_of_a_kanji_is_no_delimiter() -> None:
    """PS3.5 6.1.2.5.3: what looks like a backslash or an equals sign within a multi-byte character."""
    for character in "表予申能":
        raw = character.encode("iso2022_jp")
        assert decoded(JAPANESE, b"A\\" + raw + b"=" + raw) == f"A\\{character}={character}"


@pytest.mark.parametrize("spelt", ["ISO-IR 100", "ISO IR 100", "ISO_IR_100", "ISO_2022_IR_100"])
def test_misspellings_that_occur(spelt: str) -> None:
    assert decoded(spelt, b"\xfc") == "ü"


@pytest.mark.parametrize(
    "term",
    [
        "zlib_codec",
        "rot13",
        "unicode_escape",
        "idna",
        "utf-8",
        "latin-1",
        "\x1b[31m",
        "ISO_IR 999",
        "ISO_IR 1²",
    ],
)
def test_what_is_no_term_of_ps33_decodes_as_the_default(term: str) -> None:
    """A value from a file never names a codec."""
    assert decoded(term, ALL_BYTES) == DEFAULT(ALL_BYTES)


def test_no_decoder_raises() -> None:
    terms = ["", *python_encoding, JAPANESE, "\\".join(python_encoding)]
    for term in terms:
        for raw in (
            ALL_BYTES,
            b"\x1b",
            b"\x1b$",
            b"\x1b$B",
            b"\x1b$B\xff",
            b"\x1b$)C\xff",
            b"\x1b-F\xff\x1b",
        ):
            assert isinstance(decoded(term, raw), str)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charset, "_known", {})
    for number in range(3000):
        assert decoded(f"ISO_IR 100\\{number}", b"\xfc") == "ü"
    assert decoded("ISO_IR 100" + " " * 100_000, b"a") == "a"
    assert len(charset._known) == 1024
    assert max(map(len, charset._known)) < 100


def test_names_of_real_files_read_as_pydicom_reads_them() -> None:
    compared = 0
    for path in real_files():
        if path.parent.name == "charset_files":
            theirs = [element.value for element in dcmread(path) if element.VR == "PN"]
            ours = _names(str(path))
            for one, other in zip(ours, theirs, strict=True):
                many = "\\".join(map(str, other)) if isinstance(other, MultiValue) else str(other)
                assert one.rstrip(" =") == many.rstrip(" ="), path.name
                compared += 1
    assert compared > 40


def _names(path: str) -> list[str]:
    """The person names at the top of a data set."""
    with Part10File.open(path) as file:
        walker = file.walk()
        decode, names = DEFAULT, []
        for tag, vr, _, offset, length, depth in walker:
            if depth == 0 and tag == SPECIFIC_CHARACTER_SET:
                decode = decoder_of(walker.value(offset, length))
            elif depth == 0 and vr == "PN":
                names.append(decode(walker.value(offset, length)))
        return names


@pytest.mark.parametrize(
    ("term", "imported"),
    [("", False), ("ISO_IR 100", False), ("ISO_IR 192", False), ("ISO_IR 144", False), (JAPANESE, True)],
)
def test_code_extensions_are_imported_for_escape_sequences_only(term: str, imported: bool) -> None:
    script = (
        "import sys; from dcmtools.encoding.charset import decoder_of\n"
        f"decode = decoder_of({term.encode()!r}); decode(b'Doe^J\\xe4ne')\n"
        "assert 'dcmtools.encoding.extensions' not in sys.modules\n"
        f"decode({YAMADA!r}); print('dcmtools.encoding.extensions' in sys.modules)\n"
        "assert 'pydicom' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(imported)

"""What is looked for of a patient in texts and bytes, names, identifiers, dates, UIDs; and what is not."""

from __future__ import annotations

import pytest

from dcmtools.deidentification.identifiers import Identifiers, harmless

NAME, ID, BIRTH_DATE, STUDY_DATE, ACCESSION = 0x00100010, 0x00100020, 0x00100030, 0x00080020, 0x00080050
INSTITUTION, DESCRIPTION, BODY_PART, UID = 0x00080080, 0x0008103E, 0x00180015, 0x00080018
LATIN_1, UTF_8, JAPANESE = b"ISO_IR 100", b"ISO_IR 192", rb"\ISO 2022 IR 87"


def taken(tag: int, vr: str, *texts: str, charset: bytes = b"") -> Identifiers:
    identifiers = Identifiers(charset)
    identifiers.take(tag, vr, texts)
    return identifiers


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("born 08.12.64 in", "born in"),
        ("8.12.64-9", "-9"),
        ("12/8/64", ""),
        ("12/08/64", ""),
        ("8-12-64", ""),
        ("64-12-08", ""),
        ("8. 12. 64", ""),
        ("8.12.46", None),
        ("08.12/64", None),
        ("81264", None),
        ("1.8.12.64", None),
        ("8.12.64.1", None),
        ("8.12.641", None),
        ("18.12.64", None),
    ],
)
def test_dates_without_the_century(text: str, left: str | None) -> None:
    identifiers = taken(BIRTH_DATE, "DA", "19641208")
    assert identifiers.cleaned(text) == left
    assert bool(identifiers.found(text.encode())) is (left is not None)


@pytest.mark.parametrize(
    ("name", "text", "left"),
    [
        ("Doe^John", "seen by Dr. Doe", "seen by Dr."),
        ("Doe^John", "JOHN_DOE_axial", "_axial"),
        ("Doe^John", "john", ""),
        ("Doe^John", "DOE2 (R)", "2 (R)"),
        ("Doe^John", "doe's knee", "'s knee"),
        ("Doe^John^Fitzgerald", "AX Fitzgerald 5 mm", "AX 5 mm"),
        ("Smith John", "SMITH AX", "AX"),
        ("Smith, John", "AX John", "AX"),
        ("van der Berg^Jan", "van-der-Berg", ""),
        ("van der Berg^Jan", "Mr. Berg", "Mr."),
        ("Meier-Schulz^Eva", "Schulz", ""),
        ("Müller^Jürgen", "MULLER", ""),
        ("Müller^Jürgen", "Mueller", ""),
        ("Mueller^Jürgen", "Müller T2", "T2"),
        ("Müller^Jürgen", "juergen AX", "AX"),
        ("Núñez^José", "NUNEZ AX", "AX"),
        ("Strauß^Eva", "STRAUSS AX", "AX"),
        ("Sørensen^Åse", "Sorensen AX", "AX"),
        ("Li^Wu", "Wu Li AX", "AX"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "山田太郎様 AX", "様 AX"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "ヤマダ やまだ", "ヤマダ"),
        ("\u041b\u044e\u043a", "\u043b\u044e\u043a AX", "AX"),
        ("Διονυσιος", "ΔΙΟΝΥΣΙΟΣ AX", "AX"),
    ],
)
def test_names_in_texts(name: str, text: str, left: str) -> None:
    assert taken(NAME, "PN", name).cleaned(text) == left


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Doe^John", "Does it, Johnson?"),
        ("Doe^John", "doers"),
        ("Mann^Eva", "Hermann, many men"),
        ("Müller^Jürgen", "Müllerin"),
        ("van der Berg^Jan", "the position of the van der Waals radius"),
        ("Doe^J", "J"),
        ("Doe^John^^Dr^MD", "Dr. X, MD"),
        ("^^^^", "^"),
        ("", "x"),
    ],
)
def test_other_words_stay(name: str, text: str) -> None:
    identifiers = taken(NAME, "PN", name)
    assert identifiers.cleaned(text) is None
    assert not identifiers.in_text(text)


@pytest.mark.parametrize(
    ("given", "text", "left"),
    [
        ("MRN-12345", "see mrn 12345.", "see ."),
        ("00123456", "ID 123456", "ID"),
        ("123456", "ID 00123456 x", "ID x"),
        ("1234", "x 1234", "x"),
        ("DOE^JOHN", "Doe", ""),
        ("PAT 77 X", "PAT_77_X", ""),
    ],
)
def test_identifiers_in_texts(given: str, text: str, left: str) -> None:
    assert taken(ID, "LO", given).cleaned(text) == left


@pytest.mark.parametrize(
    ("given", "text"),
    [("123", "x 123"), ("123456", "1234567"), ("12345", "A12345"), ("AB12", "XAB12"), ("", " ")],
)
def test_parts_of_others_are_no_identifiers(given: str, text: str) -> None:
    assert taken(ID, "LO", given).cleaned(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "19700102", "1970-01-02", "1970/01/02", "1970.1.2", "02.01.1970", "2.1.1970", "2. 1. 1970",
        "01/02/1970", "02-01-1970", "02011970", "2 Jan 1970", "02-JAN-1970", "2nd January 1970",
        "Jan 2, 1970", "January 2nd, 1970", "2. Januar 1970", "2 janvier 1970", "1970 Jan 2",
        "19700102101112",
        "1970-01-02T10:11:12", "02JAN1970",
    ],
)  # fmt: skip
def test_dates_in_texts(text: str) -> None:
    identifiers = taken(BIRTH_DATE, "DA", "19700102")
    assert identifiers.cleaned(f"born {text} x") is not None
    assert "1970" not in (identifiers.cleaned(f"born {text} x") or "1970")


@pytest.mark.parametrize("text", ["119700102", "1970", "19700103", "02.01.19701", "2.11.1970", "12 Jan 1970"])
def test_other_dates_stay(text: str) -> None:
    assert taken(BIRTH_DATE, "DA", "19700102").cleaned(f"x {text} x") is None


def test_dates_of_date_times() -> None:
    assert taken(0x0008002A, "DT", "20240229101112.5+0100").cleaned("on 29.02.2024") == "on"
    assert not len(taken(0x0008002A, "DT", "2024"))
    assert not len(taken(BIRTH_DATE, "DA", "00000000"))


def test_uids_in_texts() -> None:
    identifiers = taken(UID, "UI", "1.2.826.0.77.1")
    assert identifiers.cleaned("of 1.2.826.0.77.1.") == "of ."
    assert identifiers.cleaned("of 1.2.826.0.77.1.5 and 1.2.826.0.77.12 and 11.2.826.0.77.1") is None
    assert not len(taken(UID, "UI", "1.2.840.10008.5.1.4.1.1.2"))


def test_what_tells_nothing_of_anybody_is_not_looked_for() -> None:
    for tag, vr, text in (
        (DESCRIPTION, "LO", "AX T2 FLAIR"),
        (0x00080030, "TM", "101112"),
        (0x00101030, "DS", "77.5"),
        (0x00104000, "LT", "claustrophobia"),
        (0x00100040, "CS", "M"),
    ):
        assert not len(taken(tag, vr, text))


def test_values_of_a_kind_are_kept_apart() -> None:
    """What one had is not looked for in the texts of another."""
    assert taken(NAME, "PN", "Doe^John").cleaned("Roe") is None
    identifiers = taken(NAME, "PN", "Doe^John", "Roe^Jane")
    assert identifiers.cleaned("Roe and Doe") == "and"


# ---------------------------------------------------------------- bytes


@pytest.mark.parametrize("charset", [b"", LATIN_1, UTF_8, JAPANESE])
@pytest.mark.parametrize("name", ["Doe^John", "Müller^Jürgen", "Yamada^Tarou=山田^太郎"])
@pytest.mark.parametrize("codec", ["latin-1", "utf-8", "utf-16-le", "utf-16-be", "iso2022_jp"])
def test_names_in_bytes(name: str, codec: str, charset: bytes) -> None:
    identifiers = taken(NAME, "PN", name, charset=charset)
    for component in name.replace("=", "^").split("^"):
        for form in (component, component.upper(), component.lower()):
            try:
                raw = form.encode(codec)
            except UnicodeError:
                continue
            if codec == "iso2022_jp" and not form.isascii() and charset != JAPANESE:
                continue  # where nobody says so, that is no text
            data = b"\x10\0\x11\xffLO\x08\0 " + raw + b" \0\1\2"
            assert identifiers.suspected(data), (form, codec)
            assert identifiers.found(data), (form, codec)


def test_accents_that_were_not_there() -> None:
    identifiers = taken(NAME, "PN", "Muller^Andre", charset=LATIN_1)
    for text in ("MÜLLER", "André"):
        assert identifiers.suspected(f"LO {text} x".encode("latin-1"))
        assert identifiers.cleaned(text) == ""


def test_whatever_stands_beside_a_value() -> None:
    """The length before it in big endian, the group behind it in little endian, may be letters."""
    identifiers = taken(NAME, "PN", "Doe^John")
    assert identifiers.suspected(b"LO\0ADOET\0\x10\0")
    assert identifiers.suspected(b"LO\0ADOE^JOHNB\0")


def test_numbers_are_no_text() -> None:
    """In many bytes three letters stand by chance: only what could hardly do so counts."""
    identifiers = taken(NAME, "PN", "Doe^Fitzgeraldine")
    noise = bytes(range(0x80, 0x100)) * 512
    assert not identifiers.found(noise + b"\0DOE\0", text=False)
    assert identifiers.found(noise + b"\0DOE\0", text=True)
    assert identifiers.found(noise + b"\0FITZGERALDINE\0", text=False)


# ---------------------------------------------------------------- what is left where it is


def test_what_is_also_a_word_of_the_study_stays() -> None:
    identifiers = taken(NAME, "PN", "Abdomen^Head")
    assert harmless(BODY_PART, "CS")
    identifiers.spare(BODY_PART, "CS", ["ABDOMEN"])
    assert identifiers.cleaned("CT ABDOMEN 5.0") is None
    assert {each.text for each in identifiers.ambiguous} == {"ABDOMEN"}
    assert identifiers.cleaned("CT HEAD 5.0") == "CT 5.0"
    assert identifiers.cleaned("for Head Abdomen") == "for"


def test_words_that_name_nobody_stay() -> None:
    identifiers = taken(NAME, "PN", "Anonymous^Patient")
    assert identifiers.cleaned("phantom of an anonymous donor") is None
    assert identifiers.ambiguous
    assert taken(NAME, "PN", "Siemens^Werner").cleaned("SIEMENS Werner") == ""
    assert taken(NAME, "PN", "Siemens^Werner").cleaned("SIEMENS") is None
    assert taken(ID, "LO", "0000").cleaned("0000") is None


@pytest.mark.parametrize(
    ("tag", "vr", "expected"),
    [
        (BODY_PART, "CS", True),
        (0x00181316, "DS", True),
        (0x00080100, "SH", True),
        (0x00130010, "LO", True),  # a private creator
        (0x00131001, "CS", False),
        (0x00409BCD, "CS", False),  # of no dictionary
        (0x00081090, "LO", False),
        (DESCRIPTION, "LO", False),
        (0x00080020, "DA", False),
    ],
)
def test_harmless(tag: int, vr: str, expected: bool) -> None:
    assert harmless(tag, vr) is expected


def test_dates_and_whole_names_are_harmless_nowhere() -> None:
    identifiers = taken(NAME, "PN", "Doe^John")
    identifiers.take(BIRTH_DATE, "DA", ["19700102"])
    identifiers.spare(BODY_PART, "CS", ["DOE_JOHN", "19700102"])
    assert identifiers.cleaned("Doe John 19700102") == ""

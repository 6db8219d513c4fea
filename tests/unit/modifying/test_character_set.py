"""Text put into another character set: what it says is the same, what cannot be written is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.encoding.charset import decoder_of
from dcmtools.encoding.encoder import encoded
from dcmtools.errors import InputError
from dcmtools.files.part10 import Part10File
from dcmtools.modifying import character_set
from dcmtools.modifying.character_set import character_set_named
from dcmtools.modifying.staged import Staged
from dcmtools.modifying.told import Told
from tests.support.encoded import CODERS, EVL, IVL, Coder, part10
from tests.support.samples import real_files

if TYPE_CHECKING:
    from pathlib import Path

UIDS = {"explicit little": "1.2.840.10008.1.2.1", "explicit big": "1.2.840.10008.1.2.2"}
IMPLICIT = "1.2.840.10008.1.2"
SET, MODALITY, NAME, COMMENTS, REQUESTS, STEP = (
    *(0x00080005, 0x00080060, 0x00100010, 0x00104000),
    *(0x00400275, 0x00400007),
)
UTF_8, LATIN_1 = "ISO_IR 192", "ISO_IR 100"
JAPANESE = "ISO 2022 IR 6\\ISO 2022 IR 87"


def converted(
    path: Path, data: bytes, target: str, assumed: str = "", syntax: str = UIDS["explicit little"]
) -> tuple[bytes | None, Told]:
    path.write_bytes(part10(data, syntax))
    told = Told()
    with Part10File.open(str(path)) as file:
        whole = character_set.step(target, assumed, file, told)
        return (whole.read(0, whole.size) if whole else None), told


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.dcm"


def text(coder: Coder, tag: int, vr: str, value: str, charset: str) -> bytes:
    raw = encoded(value, charset.encode())
    return coder.element(tag, vr, raw + b" " * (len(raw) % 2))


def named(coder: Coder, charset: str) -> bytes:
    return coder.element(SET, "CS", charset.encode() + b" " * (len(charset) % 2))


@pytest.mark.parametrize("name", CODERS)
def test_at_any_depth_and_in_items_with_sets_of_their_own(path: Path, name: str) -> None:
    coder = CODERS[name]

    def data_set(root: str, inner: str, *, own: bool) -> bytes:
        item = (named(coder, inner) if own else b"") + text(coder, STEP, "LO", "山田", inner)
        plain = text(coder, STEP, "LO", "Größe", root)
        return b"".join(
            [
                named(coder, root),
                coder.element(MODALITY, "CS", b"CT"),
                text(coder, NAME, "PN", "Müller^Jürg", root),
                coder.sequence(
                    REQUESTS, coder.item(plain), coder.item(item), coder.item(plain, undefined=True)
                ),
                coder.element(0x7FE00010, "OW", b"\xe9\xe9"),
            ]
        )

    syntax = UIDS.get(name, IMPLICIT)
    new, told = converted(path, data_set(LATIN_1, JAPANESE, own=True), UTF_8, syntax=syntax)
    assert new == data_set(UTF_8, UTF_8, own=True)
    assert [change.path for change in told] == [
        "(0008,0005)",
        "(0010,0010)",
        "(0040,0275)[0].(0040,0007)",
        "(0040,0275)[1].(0008,0005)",
        "(0040,0275)[1].(0040,0007)",
        "(0040,0275)[2].(0040,0007)",
    ]
    assert {change.what for change in told} == {"charset"}
    again, _ = converted(path, new or b"", UTF_8, syntax=syntax)
    assert again is None


def test_into_code_extensions_and_back(path: Path) -> None:
    def data_set(charset: str) -> bytes:
        name = text(EVL, NAME, "PN", "Yamada^Tarou=山田^太郎=やまだ^たろう", charset)
        comments = text(EVL, COMMENTS, "LT", "山田\r\n太郎", charset)
        return named(EVL, charset) + name + comments

    assert converted(path, data_set(UTF_8), JAPANESE)[0] == data_set(JAPANESE)
    assert converted(path, data_set(JAPANESE), UTF_8)[0] == data_set(UTF_8)
    assert b"\x1b$B" in data_set(JAPANESE)


def test_a_set_is_named_where_none_was(path: Path) -> None:
    """Even if all text is ASCII; before everything that it is about."""
    data = EVL.element(MODALITY, "CS", b"CT") + EVL.element(NAME, "PN", b"Doe^")
    assert converted(path, data, UTF_8)[0] == named(EVL, UTF_8) + data
    assert converted(path, b"", UTF_8)[0] == named(EVL, UTF_8)


@pytest.mark.parametrize("declared", ["", "ISO_IR 101", "FOO"])
def test_a_wrong_or_missing_set_is_told(path: Path, declared: str) -> None:
    text_element = text(EVL, NAME, "PN", "Müller", LATIN_1)
    data = (named(EVL, declared) if declared else b"") + text_element
    new, _ = converted(path, data, UTF_8, LATIN_1)
    assert new == named(EVL, UTF_8) + text(EVL, NAME, "PN", "Müller", UTF_8)
    if declared != "ISO_IR 101":
        with pytest.raises(InputError, match=r"\(0010,0010\): byte fc is no text in") as error:
            converted(path, data, UTF_8)
        assert "--charset-from" in error.value.hint


def test_what_cannot_be_written_is_named_by_its_path(path: Path) -> None:
    item = EVL.item(text(EVL, STEP, "LO", "山", UTF_8))
    data = named(EVL, UTF_8) + text(EVL, NAME, "PN", "Müller", UTF_8) + EVL.sequence(REQUESTS, item)
    with pytest.raises(InputError) as error:
        converted(path, data, LATIN_1)
    assert error.value.message == (
        "(0040,0275)[0].(0040,0007): '山' cannot be written in the character set ISO_IR 100"
    )


@pytest.mark.parametrize(
    ("charset", "raw"),
    [
        (UTF_8, b"M\xfcller "),
        (LATIN_1, b"\x1b$B;3ED\x1b(B"),
        (JAPANESE, b"\x1b$B!!~~\x1b(B "),
        ("", b"M\xc3\xbc "),
    ],
)
def test_bytes_that_are_no_text_are_not_guessed_at(path: Path, charset: str, raw: bytes) -> None:
    with pytest.raises(InputError, match="no text in"):
        converted(path, named(EVL, charset) + EVL.element(NAME, "PN", raw), "GB18030")


def test_text_under_un(path: Path) -> None:
    """Where a dictionary has it as text and it is some; what nobody knows stays."""
    creator = EVL.element(0x00090010, "LO", b"ACME")
    unknown = EVL.element(0x00091001, "UN", b"\xfc\xfc")
    data = named(EVL, LATIN_1) + creator + unknown + EVL.element(NAME, "UN", b"M\xfcller")
    new, _ = converted(path, data, UTF_8)
    right = named(EVL, UTF_8) + creator + unknown + EVL.element(NAME, "UN", b"M\xc3\xbcller ")
    assert new == right
    nested = IVL.item(IVL.element(STEP, "LO", b"\xfc "))
    new, _ = converted(path, named(EVL, LATIN_1) + EVL.sequence(REQUESTS, nested, vr="UN"), UTF_8)
    nested = IVL.item(IVL.element(STEP, "LO", b"\xc3\xbc"))
    assert new == named(EVL, UTF_8) + EVL.sequence(REQUESTS, nested, vr="UN")


@pytest.mark.parametrize("twice", [True, False])
def test_a_set_named_behind_its_text(path: Path, twice: bool) -> None:
    name = text(EVL, NAME, "PN", "Müller", LATIN_1)
    before = named(EVL, LATIN_1) if twice else name
    with pytest.raises(InputError, match=r"\(0008,0005\): it stands twice, or behind"):
        converted(path, before + named(EVL, LATIN_1), UTF_8, LATIN_1)


def test_what_becomes_too_long(path: Path) -> None:
    long = EVL.element(NAME, "LT", b"\xfc" * 40_000)
    with pytest.raises(InputError, match=r"\(0010,0010\)"):
        converted(path, named(EVL, LATIN_1) + long, UTF_8)


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("utf-8", UTF_8),
        ("Latin-1", LATIN_1),
        ("ISO_IR 144", "ISO_IR 144"),
        (JAPANESE, JAPANESE),
        ("ascii", "ISO_IR 6"),
    ],
)
def test_names(name: str, terms: str) -> None:
    assert character_set_named(name) == terms


@pytest.mark.parametrize("name", ["koi8", "ISO_IR 999", "utf-8\\latin-1"])
def test_names_of_none(name: str) -> None:
    with pytest.raises(ValueError, match="is not a character set"):
        character_set_named(name)


CHARSET_FILES = [path for path in real_files() if path.parent.name == "charset_files"]


@pytest.mark.parametrize("sample", CHARSET_FILES, ids=lambda each: each.name)
def test_real_files_say_the_same_in_unicode(sample: Path) -> None:
    assert len(CHARSET_FILES) > 10
    with Part10File.open(str(sample)) as file:
        try:
            whole = character_set.step(UTF_8, "", file, Told())
        except InputError as error:
            assert "no text in" in error.message  # noqa: PT017  it says that it is broken
            return
        before = texts(file)
        after = texts(Staged(file, whole)) if whole else before
    assert [each for each in after if each[0] != SET] == [each for each in before if each[0] != SET]
    assert any(not value.isascii() for _, value in after)


def texts(file: Part10File) -> list[tuple[int, str]]:
    walker, sets, found = file.walk(), [b""], []
    for tag, vr, _, value, length, depth in walker:
        if depth & 1:
            sets[(depth >> 1) + 1 :] = [sets[depth >> 1]]
        elif tag == SET:
            sets[depth >> 1] = walker.value(value, length)
        if vr in ("PN", "LO", "SH", "LT", "ST", "UT"):
            raw = walker.value(value, length)
            found.append((tag, decoder_of(sets[depth >> 1])(raw).rstrip(" \0")))
    return found

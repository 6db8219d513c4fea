"""Values of chosen elements, at a glance and walked to."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import pytest

from dcmtools.encoding.charset import DEFAULT, decoder_of
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.syntax import forget_headers
from dcmtools.errors import InputError
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.part10 import Part10File
from dcmtools.files.values import Value, glance, values_of
from tests.support.encoded import CODERS, EVB, EVL, part10
from tests.support.samples import real_files

if TYPE_CHECKING:
    from pathlib import Path

EXPLICIT, DEFLATED = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"
SYNTAXES = {"explicit little": EXPLICIT, "explicit big": "1.2.840.10008.1.2.2"}
SYNTAX, CHARSET, MODALITY, NAME, ROWS = 0x00020010, 0x00080005, 0x00080060, 0x00100010, 0x00280010
STUDIES, PIXELS = 0x00081110, 0x7FE00010
TAGS = (SYNTAX, CHARSET, 0x00080018, MODALITY, STUDIES, NAME, ROWS, 0x00281053)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.dcm"


def found(path: Path, data: bytes, *tags: int, most: int = 1000) -> dict[int, Value]:
    path.write_bytes(data)
    with Part10File.open(str(path)) as file:
        return values_of(file, tags, most=most)


def texts(path: Path, data: bytes, *tags: int) -> dict[int, list[str]]:
    return {tag: value.texts() for tag, value in found(path, data, *tags).items()}


@pytest.mark.parametrize("name", CODERS)
@pytest.mark.parametrize("learnt", [False, True])
def test_of_each_kind_in_each_encoding(path: Path, name: str, learnt: bool) -> None:
    """What no walk has met before cannot be picked out at a glance."""
    coder = CODERS[name]
    data = (
        coder.element(CHARSET, "CS", b"ISO_IR 192")
        + coder.element(NAME, "PN", "M\u00fcller ".encode())
        + coder.element(ROWS, "US", coder.number("H", 512) + coder.number("H", 3))
        + coder.element(PIXELS, "OW", bytes(32))
    )
    whole = part10(data, SYNTAXES.get(name, "1.2.840.10008.1.2"))
    if learnt:
        texts(path, whole, *TAGS)
    else:
        forget_headers()
    values = texts(path, whole, *TAGS)
    values.pop(SYNTAX)
    assert values == {CHARSET: ["ISO_IR 192"], NAME: ["M\u00fcller"], ROWS: ["512", "3"]}


def test_of_meta_and_of_what_is_deflated(path: Path) -> None:
    data = zlib.compress(EVL.element(MODALITY, "CS", b"CT"), wbits=-15)
    assert texts(path, part10(data, DEFLATED), SYNTAX, MODALITY) == {SYNTAX: [DEFLATED], MODALITY: ["CT"]}
    assert texts(path, part10(b"", EXPLICIT), SYNTAX, MODALITY) == {SYNTAX: [EXPLICIT]}
    # For what stands in the meta alone nothing is inflated.
    assert texts(path, part10(b"no stream", DEFLATED), SYNTAX) == {SYNTAX: [DEFLATED]}


def test_what_is_not_one_value(path: Path) -> None:
    fragments = EVL.sequence(PIXELS, EVL.item(), EVL.item(b"ab"), undefined=True, vr="OB")
    data = (
        EVL.sequence(STUDIES, EVL.item(EVL.element(NAME, "PN", b"in")), undefined=True)
        + EVL.element(NAME, "PN", b"too long")
        + EVL.element(ROWS, "US", b"")
        + fragments
    )
    values = found(path, part10(data), STUDIES, NAME, ROWS, PIXELS, most=7)
    assert {tag: (each.vr, each.raw, each.texts()) for tag, each in values.items()} == {
        STUDIES: ("SQ", None, []),
        NAME: ("PN", None, []),
        ROWS: ("US", b"", []),
        PIXELS: ("OB", None, []),
    }
    assert found(path, part10(data), NAME)[NAME].texts() == ["too long"]


def test_what_stands_in_a_sequence_is_not_at_the_top(path: Path) -> None:
    for undefined in (False, True):
        sequence = EVL.sequence(STUDIES, EVL.item(EVL.element(NAME, "PN", b"in")), undefined=undefined)
        assert found(path, part10(sequence), NAME) == {}


def test_the_value_of_un_is_in_little_endian(path: Path) -> None:
    """PS3.5 6.2.2, whatever is around it."""
    data = EVB.element(ROWS, "UN", b"\0\2") + EVB.element(0x00280011, "US", b"\2\0")
    big = part10(data, SYNTAXES["explicit big"])
    assert texts(path, big, ROWS, 0x00280011) == {ROWS: ["512"], 0x00280011: ["512"]}


def test_twice_and_out_of_order(path: Path) -> None:
    data = (
        EVL.element(NAME, "PN", b"A ") + EVL.element(NAME, "PN", b"B ") + EVL.element(MODALITY, "CS", b"CT")
    )
    assert texts(path, part10(data), NAME) == {NAME: ["B"]}
    assert texts(path, part10(data), MODALITY) == {}


def test_text_without_a_character_set(path: Path) -> None:
    path.write_bytes(part10(EVL.element(NAME, "PN", b"M\xfcller") + EVL.element(PIXELS, "OW", bytes(32))))
    with Part10File.open(str(path)) as file:
        for _ in range(2):  # walked to, and at a glance
            told = values_of(file, [NAME], decode=decoder_of(b"ISO_IR 100"))
            assert told[NAME].texts() == ["M\u00fcller"]
        assert glance(file, [NAME], DEFAULT) is not None


def test_damage_is_told(path: Path) -> None:
    with pytest.raises(InputError, match="exceeds"):
        found(path, part10(EVL.element(NAME, "PN", b"A ", length=9)), NAME)
    with LenientFile.open(str(path)) as file:
        assert values_of(file, [NAME])[NAME].texts() == ["A"]
        assert file.serious == 1


def test_of_real_files() -> None:
    """Once walked to and once, mostly, at a glance: what a whole walk finds."""
    glanced = 0
    for path in real_files():
        try:
            with Part10File.open(str(path)) as file:
                walker = file.walk()
                expected = {
                    tag: (vr, None if vr == "SQ" or length == UNDEFINED else walker.value(offset, length))
                    for tag, vr, _, offset, length, depth in walker
                    if tag in TAGS and not depth
                }
                syntax = file.meta_text(SYNTAX)
        except InputError:
            continue
        forget_headers()
        for _ in range(2):
            with Part10File.open(str(path)) as file:
                values = values_of(file, TAGS)
                assert values.pop(SYNTAX).texts() == [syntax]
                assert {tag: (each.vr, each.raw) for tag, each in values.items()} == expected
                glanced += glance(file, TAGS, DEFAULT) is not None
    assert glanced > 50

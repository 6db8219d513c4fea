"""Functional groups at the top: the table, private blocks, character sets; and what is made of them."""

from __future__ import annotations

import pytest

from dcmtools.conversion import classic
from dcmtools.conversion.classes import Way, becoming
from dcmtools.conversion.described import decimal
from dcmtools.conversion.functional_groups import MACROS, Macro, lifted
from dcmtools.encoding.dataset import DataSet, made, text
from dcmtools.encoding.dictionary import lookup, tag_of
from dcmtools.errors import InputError

LATIN_1 = b"ISO_IR 100"
IMAGE = "1.2.840.10008.5.1.4.1.1."


def test_the_table_is_of_sequences_that_say_where_they_are_from() -> None:
    for tag, (section, _) in MACROS.items():
        assert lookup(tag)[0] == "SQ", hex(tag)
        assert section.startswith(("C.7.6.16.2.", "C.8.13.5.", "C.8.15.3.", "C.8.19.6.", "C.8.22.5."))
    assert len({section for section, _ in MACROS.values()}) == len(MACROS)
    assert MACROS[tag_of("DerivationImageSequence")][1] is Macro.SOURCES


def test_every_keyword_of_the_rules_is_one() -> None:
    words = {*classic._SAME, *classic._SAME.values(), *classic._SCALED, *classic._CORRECTIONS}
    words |= {word for table in (classic._NEEDED, classic._EMPTY) for each in table.values() for word in each}
    words |= {*classic._VARIANTS, *classic._OPTIONS, *classic._NEEDED_OF_X_RAY, *classic._EMPTY_OF_X_RAY}
    words |= {word for several in classic._SCALED.values() for word, _ in several}
    assert all(tag_of(word) for word in words)


def test_items_go_up_and_several_stay_together() -> None:
    groups = made(
        PixelMeasuresSequence=[made(PixelSpacing="1\\2")],
        RealWorldValueMappingSequence=[made(LUTLabel="A"), made(LUTLabel="B")],
        ReferencedImageSequence=[made(ReferencedSOPInstanceUID="1.2")],
        CTExposureSequence=[made(Exposure="1"), made(Exposure="2")],
    )
    top = lifted(groups, b"", {})
    assert text(top, "PixelSpacing") == "1\\2"
    assert [len(top[tag_of(each)][1]) for each in (
        "RealWorldValueMappingSequence", "ReferencedImageSequence", "CTExposureSequence",
    )] == [2, 1, 2]  # fmt: skip


def test_text_goes_into_the_character_set_around() -> None:
    content = made(FrameComments="für")  # in UTF-8
    top = lifted(made(FrameContentSequence=[content]), LATIN_1, {})
    assert top == {tag_of("FrameComments"): ("LT", "für".encode("latin-1"))}
    content = made(FrameComments="日本")
    with pytest.raises(InputError, match="another character set"):
        lifted(made(FrameContentSequence=[content]), LATIN_1, {})


def test_private_blocks_are_those_of_the_creator() -> None:
    item = DataSet()
    item[0x20050010] = ("LO", b"MINE")
    item[0x20051001] = ("LO", b"value ")
    creators = {0x20050010: b"OTHER", 0x20050011: b"MINE"}
    assert lifted(item, b"", creators) == {0x20050011: ("LO", b"MINE"), 0x20051101: ("LO", b"value ")}
    creators = {0x20050010: b"OTHER"}
    assert set(lifted(item, b"", creators)) == {0x20050011, 0x20051101}
    full = {0x20050000 | each: b"OTHER" for each in range(0x10, 0x100)}
    with pytest.raises(InputError, match="no block"):
        lifted(item, b"", full)


@pytest.mark.parametrize(
    ("uid", "groups", "keep", "becomes", "way"),
    [
        ("2.1", True, False, "2", Way.RESOLVED),
        ("2.1", False, False, "2.1", Way.KEPT),
        ("2.1", True, True, "2.1", Way.KEPT),
        ("3.1", False, False, "6.1", Way.SINGLE),
        ("7", False, False, "7", Way.SINGLE),
        ("66.4", True, False, "66.4", Way.KEPT),
        ("20", False, False, "20", Way.KEPT),
        ("12.1", False, False, "12.1", Way.SINGLE),
        ("4.3", True, False, "4.3", Way.KEPT),
    ],
)
def test_what_becomes_of_classes(uid: str, groups: bool, keep: bool, becomes: str, way: Way) -> None:
    assert becoming(IMAGE + uid, groups=groups, keep_class=keep) == (IMAGE + becomes, way)


@pytest.mark.parametrize("number", [0.1, -1 / 3, 1e-300, 123456789012345678.0, -1.2345678901234567e-5, 0, 42])
def test_decimals_fit(number: float) -> None:
    written = decimal(number)
    assert len(written) <= 16
    assert float(written) == pytest.approx(number, rel=1e-8)

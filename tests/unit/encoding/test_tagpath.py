"""Tag paths: each written form is understood, one form is printed; a tracker knows where a walk stands."""

from __future__ import annotations

import re
import time

import pytest

from dcmtools.data.private_elements import CREATORS
from dcmtools.encoding.tagpath import PathTracker, Step, TagPath, parse
from dcmtools.encoding.tags import format_tag, is_private
from tests.support.encoded import EVL


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("PatientName", "(0010,0010)"),
        ("patientname", "(0010,0010)"),
        ("(0010,0010)", "(0010,0010)"),
        ("0010,0010", "(0010,0010)"),
        ("00100010", "(0010,0010)"),
        ("7FE0,0010", "(7fe0,0010)"),
        ("(7fe00010", None),
        ("0009,1001", "(0009,1001)"),
        ("0029,10,SIEMENS CSA HEADER", "(0029,10,SIEMENS CSA HEADER)"),
        ("(0029,10,SIEMENS CSA HEADER)", "(0029,10,SIEMENS CSA HEADER)"),
        ("(0009,0A,1.2.840.113681)", "(0009,0a,1.2.840.113681)"),
        ("(0019,10,Hologic, Inc.)", "(0019,10,Hologic, Inc.)"),
        ("OtherPatientIDsSequence.PatientID", "(0010,1002)[*].(0010,0020)"),
        ("OtherPatientIDsSequence[*].PatientID", "(0010,1002)[*].(0010,0020)"),
        ("OtherPatientIDsSequence[1].PatientID", "(0010,1002)[1].(0010,0020)"),
        ("0010,1002[0].0010,0020", "(0010,1002)[0].(0010,0020)"),
        ("(0010,1002)[0].(0010,0020)", "(0010,1002)[0].(0010,0020)"),
        ("00101002.(0040,0275)[3].PatientID", "(0010,1002)[*].(0040,0275)[3].(0010,0020)"),
        ("(0029,10,A.B)[2].(0029,11,C)", "(0029,10,A.B)[2].(0029,11,C)"),
        ("(0029,10,GE (X))", "(0029,10,GE (X))"),
        ("0029,10,GE (X)", "(0029,10,GE (X))"),
        ("(0029,10,GE (X.Y))[1].(0029,11,(A) [B])", "(0029,10,GE (X.Y))[1].(0029,11,(A) [B])"),
        ("(0029,10,A()[1].0029,11,B)", "(0029,10,A()[1].(0029,11,B))"),
    ],
)
def test_each_written_form(text: str, printed: str | None) -> None:
    if printed is None:
        with pytest.raises(ValueError, match="not a"):
            parse(text)
        return
    assert str(parse(text)) == printed
    assert parse(printed) == parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("PatientNme", "'PatientNme' is not a keyword of PS3.6; did you mean PatientName?"),
        ("patientnme", "'patientnme' is not a keyword of PS3.6; did you mean PatientName?"),
        ("Xyzzy", "'Xyzzy' is not a keyword of PS3.6, nor a tag such as 0010,0010"),
        ("", "'' does not end with an element"),
        ("PatientName.", "'PatientName.' does not end with an element"),
        ("OtherPatientIDsSequence[0]", "'OtherPatientIDsSequence[0]' does not end with an element"),
        ("OtherPatientIDsSequence[x].PatientID", "'OtherPatientIDsSequence[x].PatientID' is not a tag path"),
        ("OtherPatientIDsSequence[-1].PatientID", "is not a tag path"),
        (".PatientID", "is not a tag path"),
        ("A..B", "is not a"),
        ("0010,001", "is not a keyword of PS3.6"),
        ("0029,10,A.B", "'B' is not a keyword of PS3.6, nor a tag such as 0010,0010; a creator with a dot"),
        ("(0029,10,A)[x].(0029,11,B)", "is not a tag path"),
        ("0010,0010,", "is not a keyword"),
        ("0010,10,CREATOR", "group 0010 is even, so '0010,10,CREATOR' is not a private element"),
        ("PatientName\n", "is not a keyword"),
        ("PatientName\x1b[31m", "'PatientName\\x1b[31m' is not a tag path"),
    ],
)
def test_an_error_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        parse(text)
    assert str(caught.value).isprintable()


def test_every_known_creator() -> None:
    for creator in CREATORS:
        path = TagPath((Step(0x00290010, creator, 0), Step(0x00290011, creator, None)))
        assert parse(str(path)) == path


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("OtherPatientIDsSequence[0]", "(0010,1002)[0]"),
        ("(0010,1002)[3].(0040,0275)[12]", "(0010,1002)[3].(0040,0275)[12]"),
        ("(0010,1002).(0029,10,A)[1]", "(0010,1002)[*].(0029,10,A)[1]"),
    ],
)
def test_the_path_of_an_item(text: str, printed: str) -> None:
    assert str(parse(text, item=True)) == printed
    assert parse(printed, item=True) == parse(text, item=True)


@pytest.mark.parametrize("text", ["OtherPatientIDsSequence", "(0010,1002)[*]", "(0010,1002)[0].PatientID"])
def test_what_is_no_path_of_an_item(text: str) -> None:
    with pytest.raises(ValueError, match="does not end with the number of an item"):
        parse(text, item=True)
    with pytest.raises(ValueError, match="does not end with an element"):
        parse("(0010,1002)[0].", item=True)


def test_long_nonsense_is_refused_at_once() -> None:
    began = time.process_time()
    for text in ("A" * 20_000, "(" * 20_000, "0010,0010." * 2_000, "[" * 20_000, "A[1]" * 5_000):
        with pytest.raises(ValueError, match=r"is not|does not"):
            parse(text)
    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("PatientName", 0x00100010),
        ("OtherPatientIDsSequence.PatientID", 0x00101002),
        ("0029,10,A", 0x0029FF10),
    ],
)
def test_the_last_tag_at_which_a_walk_may_stop(text: str, last: int) -> None:
    assert parse(text).last_top_tag == last


def test_tags() -> None:
    """PS3.5 7.8: odd groups are private."""
    assert format_tag(0x7FE00010) == "(7fe0,0010)"
    assert is_private(0x00090010)
    assert not is_private(0x00080018)


IDS, STEPS, NAME = 0x00101002, 0x00400275, 0x00100010


def hits(text: str, data: bytes) -> list[int]:
    """The places, counted among all elements of the walk, that ``text`` names."""
    path, tracker, found = parse(text), PathTracker(), []
    walker = EVL.walker(data)
    for number, (tag, vr, _, offset, length, depth) in enumerate(walker):
        tracker.enter(tag, vr, depth)
        if is_private(tag) and 0x10 <= tag & 0xFFFF <= 0xFF:
            tracker.reserve(tag, depth, walker.value(offset, length).decode().strip())
        if tracker.at(path, tag, depth):
            found.append(number)
    return found


def named(*items: bytes, undefined: bool = False) -> bytes:
    return EVL.sequence(IDS, *(EVL.item(item, undefined=undefined) for item in items), undefined=undefined)


A_NAME = EVL.element(NAME, "PN", b"A ")


@pytest.mark.parametrize("undefined", [False, True])
def test_items_are_counted_from_0(undefined: bool) -> None:
    data = named(A_NAME, b"", A_NAME, undefined=undefined) + A_NAME
    places = [number for number, (tag, *_) in enumerate(EVL.walk(data)) if tag == NAME]
    assert hits("OtherPatientIDsSequence[0].PatientName", data) == places[:1]
    assert hits("OtherPatientIDsSequence[1].PatientName", data) == []
    assert hits("OtherPatientIDsSequence[2].PatientName", data) == places[1:2]
    assert hits("OtherPatientIDsSequence[3].PatientName", data) == []
    assert hits("OtherPatientIDsSequence[*].PatientName", data) == places[:2]
    assert hits("PatientName", data) == places[2:]
    assert hits("OtherPatientIDsSequence", data) == [0]


def test_each_sequence_counts_its_own_items() -> None:
    inner = EVL.sequence(STEPS, EVL.item(b""), EVL.item(A_NAME))
    data = named(inner, inner)
    assert len(hits("OtherPatientIDsSequence[1].(0040,0275)[1].PatientName", data)) == 1
    assert len(hits("OtherPatientIDsSequence.(0040,0275)[1].PatientName", data)) == 2
    assert hits("OtherPatientIDsSequence[0].(0040,0275)[0].PatientName", data) == []
    assert hits("(0040,0275)[1].PatientName", data) == []
    assert hits("OtherPatientIDsSequence[0].PatientName", data) == []


def test_fragments_are_no_items() -> None:
    """PS3.5 A.4: encapsulated pixel data is not a sequence of items with elements."""
    pixels = EVL.sequence(0x7FE00010, EVL.item(), EVL.item(b"ab"), undefined=True, vr="OB")
    assert hits("PatientName", pixels) == []
    assert hits("PixelData", named(A_NAME) + pixels) == [3]
    assert hits("OtherPatientIDsSequence[0].PatientName", named(pixels, A_NAME)) == []
    assert hits("OtherPatientIDsSequence[1].PatientName", named(pixels + A_NAME, A_NAME)) == [8]


def test_a_private_step_matches_by_creator_whatever_the_block() -> None:
    """PS3.5 7.8.1."""

    def private(block: int, creator: bytes) -> bytes:
        reserved = EVL.element(0x00290000 + block, "LO", creator)
        return reserved + EVL.element(0x00290010 + (block << 8), "LO", b"x ")

    data = private(0x10, b"OTHER ") + private(0x11, b"MINE")
    assert hits("0029,10,MINE", data) == [3]
    assert hits("0029,10,OTHER", data) == [1]
    assert hits("0029,10,NOBODY", data) == []
    assert hits("0029,1110", data) == [3]
    items = named(private(0x20, b"MINE"), EVL.element(0x00292010, "LO", b"x "))
    assert hits("OtherPatientIDsSequence.(0029,10,MINE)", items) == [3]


def test_a_path_is_a_value_that_can_be_a_key() -> None:
    assert {parse("PatientName"): 1}[parse("0010,0010")] == 1
    assert isinstance(parse("PatientName"), TagPath)

"""Small data sets in memory: built, encoded, decoded, asked; hostile bytes turned away."""

from __future__ import annotations

import pickle
from struct import pack
from typing import TYPE_CHECKING

import pytest

from dcmtools.encoding import dataset
from dcmtools.encoding.dataset import DataSet, decode, encode, items, made, values
from dcmtools.encoding.dictionary import Entries, Range, reset, use
from dcmtools.encoding.jsonmodel import json_model, model_of
from dcmtools.encoding.syntax import EXPLICIT, EXPLICIT_BIG, IMPLICIT
from dcmtools.errors import MalformedError
from tests.support.encoded import CODERS, EVB, EVL, IVL, SEQUENCE_END

if TYPE_CHECKING:
    from tests.support.encoded import Coder

NAME, STEPS, MODALITY, CHARSET = 0x00100010, 0x00400100, 0x00080060, 0x00080005


def back(data_set: DataSet, coder: Coder = EVL) -> DataSet:
    return decode(encode(data_set, coder.encoding), coder.encoding)


def test_what_is_made() -> None:
    keys = made(PatientName="A*", Rows=512, ScheduledProcedureStepSequence=[made(Modality="CT")])
    assert keys == {
        NAME: ("PN", b"A*"),
        0x00280010: ("US", b"\0\2"),
        STEPS: ("SQ", [{MODALITY: ("CS", b"CT")}]),
    }


@pytest.mark.parametrize(
    ("keyword", "given", "element"),
    [
        ("PatientID", "", ("LO", b"")),
        ("PatientID", None, ("LO", b"")),
        ("PatientID", "abc", ("LO", b"abc ")),
        ("StudyInstanceUID", "1.2", ("UI", b"1.2\0")),
        ("PatientName", "Łu", ("PN", "Łu".encode() + b" ")),
        ("ImageType", ["A", "B"], ("CS", b"A\\B ")),
        ("NumberOfCopies", 2, ("IS", b"2 ")),
        ("PixelAspectRatio", (1, 2), ("IS", b"1\\2 ")),
        ("SliceThickness", 1.5, ("DS", b"1.5 ")),
        ("AcquisitionMatrix", [1, 2, 3, 4], ("US", pack("<4H", 1, 2, 3, 4))),
        ("TableSpeed", -1.5, ("FD", pack("<d", -1.5))),
        ("FrameIncrementPointer", "FrameTime", ("AT", b"\x18\0\x63\x10")),
        ("PixelData", b"\1\2\3", ("OW", b"\1\2\3")),
        ("PixelData", "", ("OW", b"")),
        ("EncapsulatedDocument", b"%PDF", ("OB", b"%PDF")),
        ("PixelPaddingValue", 5, ("US", b"\5\0")),
        ("PixelPaddingValue", -5, ("SS", b"\xfb\xff")),
        ("ScheduledProcedureStepSequence", [], ("SQ", [])),
        ("ScheduledProcedureStepSequence", "", ("SQ", [])),
        ("ScheduledProcedureStepSequence", None, ("SQ", [])),
        ("ScheduledProcedureStepSequence", DataSet(), ("SQ", [{}])),
    ],
)
def test_each_kind_of_value(keyword: str, given: dataset.Given, element: tuple[str, bytes]) -> None:
    [found] = made(**{keyword: given}).values()
    assert found == element


def test_pixel_representation_says_what_may_be_signed() -> None:
    assert made(PixelRepresentation=1, PixelPaddingValue=5)[0x00280120] == ("SS", b"\5\0")
    with pytest.raises(
        ValueError, match=r"^PixelPaddingValue \(0028,0120\): '-5' is not a number that VR US"
    ):
        made(PixelRepresentation=0, PixelPaddingValue=-5)


def test_what_cannot_be_made() -> None:
    with pytest.raises(KeyError):
        made(PatientNam="A")
    with pytest.raises(ValueError, match=r"^Rows \(0028,0010\): '65536' is not a number that VR US can hold"):
        made(Rows=65536)
    with pytest.raises(ValueError, match=r"^ScheduledProcedureStepSequence .*: the items of a sequence are"):
        made(ScheduledProcedureStepSequence="CT")
    with pytest.raises(ValueError, match=r"^PatientName .* cannot be written"):
        made(PatientName="\udce9")


@pytest.mark.parametrize("coder", CODERS.values(), ids=CODERS)
def test_encoded_in_the_order_of_the_tags(coder: Coder) -> None:
    inner = made(ScheduledProcedureStepID="S1", Modality="CT")
    given = made(ScheduledProcedureStepSequence=[inner, made()], Rows=512, PatientName="A*", StudyDate="")
    step = coder.element(MODALITY, "CS", b"CT") + coder.element(0x00400009, "SH", b"S1")
    assert encode(given, coder.encoding) == b"".join(
        (
            coder.element(0x00080020, "DA"),
            coder.element(NAME, "PN", b"A*"),
            coder.element(0x00280010, "US", coder.number("H", 512)),
            coder.sequence(STEPS, coder.item(step), coder.item()),
        )
    )
    assert back(given, coder) == given


@pytest.mark.parametrize("coder", CODERS.values(), ids=CODERS)
@pytest.mark.parametrize("undefined", [False, True])
def test_sequences_within_sequences(coder: Coder, undefined: bool) -> None:
    name = coder.element(NAME, "PN", b"A ")
    inner = coder.sequence(STEPS, coder.item(name, undefined=undefined), coder.item(), undefined=undefined)
    outer = coder.sequence(0x00081140, coder.item(inner + name), coder.item(name), undefined=undefined)
    found = decode(outer + coder.sequence(STEPS, undefined=undefined) + name, coder.encoding)
    a = ("PN", b"A ")
    assert found == {
        0x00081140: ("SQ", [{STEPS: ("SQ", [{NAME: a}, {}]), NAME: a}, {NAME: a}]),
        STEPS: ("SQ", []),
        NAME: a,
    }
    assert back(found, coder) == found


def test_what_no_dictionary_has_stays_as_it_is() -> None:
    data = (
        EVL.element(0x00090010, "LO", b"WHO ")
        + EVL.element(0x00091001, "UN", b"\1\2")
        + EVL.element(0x00091002, "XY", b"\1\2")
        + EVL.element(0x00091003, "FD", pack("<d", 1.5))
        + EVL.sequence(0x00091004, EVL.item(EVL.element(0x00090010, "LO", b"ELSE")))
        + EVL.element(0x00189999, "OB", b"\1\2")
    )
    found = decode(data, EXPLICIT)
    assert encode(found, EXPLICIT) == data
    with pytest.raises(ValueError, match=r"^\(0009,1002\): the byte order of VR XY is not known"):
        encode(found, EXPLICIT_BIG)
    del found[0x00091002]
    assert back(found, EVB) == found


def test_a_private_sequence_is_one_where_vrs_are_implicit() -> None:
    given = DataSet()
    given[0x00090010] = ("LO", b"WHO ")
    given[0x00091001] = ("SQ", [made(Modality="CT"), made()])
    assert back(given, IVL) == given
    assert encode(given, IMPLICIT).endswith(IVL.header(SEQUENCE_END, "", 0))


def test_a_sequence_that_no_dictionary_has_is_one_where_vrs_are_implicit() -> None:
    """Of a standard group, as of a Standard to come; under a length it would be a value."""
    given = DataSet()
    given[0x00080FFE] = ("SQ", [made(PatientName="A^B"), made()])
    for coder in (EVL, EVB, IVL):
        assert back(given, coder) == given
    known = made(ScheduledProcedureStepSequence=[made(Modality="CT")])
    assert encode(known, IMPLICIT) == IVL.sequence(0x00400100, IVL.item(IVL.element(0x00080060, "", b"CT")))


def test_a_sequence_in_the_place_of_a_private_creator() -> None:
    """PS3.5 7.8.1: where VRs are implicit nothing would tell it from one."""
    given = DataSet()
    given[0x00090010] = ("SQ", [made()])
    assert back(given, EVL) == given
    with pytest.raises(
        ValueError, match=r"^PrivateCreator \(0009,0010\): a sequence stands where a private creator should"
    ):
        encode(given, IMPLICIT)


def test_a_sequence_under_un_in_big_endian() -> None:
    item = IVL.item(IVL.element(0x00280010, "US", b"\1\0"))
    data = EVB.element(0x00081140, "UN", item) + EVB.element(0x00280010, "US", b"\0\1")
    found = decode(data, EXPLICIT_BIG)
    assert found == {0x00081140: ("SQ", [{0x00280010: ("US", b"\1\0")}]), 0x00280010: ("US", b"\1\0")}


def test_lengths_of_old_are_left_out() -> None:
    data = (
        EVL.element(0x00080000, "UL", b"\1\0\0\0")
        + EVL.element(0x00080001, "UL", b"\1\0\0\0")
        + EVL.element(MODALITY, "CS", b"CT")
    )
    assert decode(data, EXPLICIT) == made(Modality="CT")


def test_values_of_odd_length_are_padded_on_their_way_out() -> None:
    found = decode(EVL.element(NAME, "PN", b"A"), EXPLICIT)
    assert found == {NAME: ("PN", b"A")}
    assert encode(found, EXPLICIT) == EVL.element(NAME, "PN", b"A ")


LONG = b"x" * 300_000


def test_a_value_longer_than_a_window() -> None:
    data = EVL.element(0x00420011, "OB", LONG) + EVL.element(0x00420012, "LO", b"ab")
    assert decode(data, EXPLICIT) == {0x00420011: ("OB", LONG), 0x00420012: ("LO", b"ab")}
    walker = EVL.walker(data)  # begins in windows
    assert dataset.read(walker) == decode(data, EXPLICIT)


def test_read_ends_where_the_walk_does() -> None:
    data = EVL.element(NAME, "PN", b"A ") + EVL.element(0x7FE00010, "OW", b"\1\2")
    assert dataset.read(EVL.walker(data, stop=0x7FE00010)) == {NAME: ("PN", b"A ")}


# ---------------------------------------------------------------- character sets


CHARACTER_SETS = [
    ("ISO_IR 192", "Łukasz^Jörg=山田"),
    ("ISO_IR 100", "Müller^Jörg"),
    ("\\ISO 2022 IR 87", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    ("ISO 2022 IR 13\\ISO 2022 IR 87", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎"),
    ("GB18030", "Wang^XiaoDong=王^小东"),
]


@pytest.mark.parametrize("coder", CODERS.values(), ids=CODERS)
@pytest.mark.parametrize(("charset", "name"), CHARACTER_SETS)
def test_the_character_set_governs_both_ways(coder: Coder, charset: str, name: str) -> None:
    given = made(
        SpecificCharacterSet=charset,
        PatientName=name,
        ScheduledProcedureStepSequence=[made(ScheduledPerformingPhysicianName=name)],
    )
    data = encode(given, coder.encoding)
    found = decode(data, coder.encoding)
    assert found.charset.decode().rstrip() == charset
    assert dataset.text(found, "PatientName") == dataset.text(given, "PatientName") == name
    [step] = items(found, "ScheduledProcedureStepSequence")
    assert dataset.text(step, "ScheduledPerformingPhysicianName") == name
    assert encode(found, coder.encoding) == data
    assert model_of(found)["00100010"] == model_of(given)["00100010"]


def test_text_of_another_character_set_is_put_into_the_one_named() -> None:
    found = decode(encode(made(SpecificCharacterSet="ISO_IR 100", PatientName="Jörg"), EXPLICIT), EXPLICIT)
    assert found[NAME] == ("PN", b"J\xf6rg")
    found[CHARSET] = ("CS", b"ISO_IR 192")
    assert decode(encode(found, EXPLICIT), EXPLICIT)[NAME] == ("PN", "Jörg".encode() + b" ")
    item = decode(encode(made(SpecificCharacterSet="ISO_IR 144", PatientName="Люк"), EXPLICIT), EXPLICIT)
    del item[CHARSET]
    outer = made(SpecificCharacterSet="ISO_IR 192", ReferencedPatientSequence=[item])
    assert items(back(outer), "ReferencedPatientSequence")[0][NAME] == ("PN", "Люк".encode())


def test_an_item_may_name_its_own() -> None:
    item = made(SpecificCharacterSet="ISO_IR 100", PatientName="é")
    found = back(
        made(
            SpecificCharacterSet="ISO_IR 192",
            PatientName="é",
            ReferencedPatientSequence=[item, made(PatientName="é")],
        )
    )
    first, second = items(found, "ReferencedPatientSequence")
    assert first[NAME] == ("PN", b"\xe9 ")
    assert second[NAME] == ("PN", "é".encode())
    assert dataset.text(first, NAME) == dataset.text(second, NAME) == dataset.text(found, NAME) == "é"


def test_code_extensions_are_not_taken_for_ascii() -> None:
    found = back(made(SpecificCharacterSet="\\ISO 2022 IR 87", PatientName="A=山田"))
    found[CHARSET] = ("CS", b"ISO_IR 192")
    raw = found[NAME][1]
    assert isinstance(raw, bytes)
    assert raw.isascii()
    assert dataset.text(back(found), NAME) == "A=山田"


def test_a_character_that_the_set_does_not_have() -> None:
    with pytest.raises(
        ValueError, match=r"^PatientName \(0010,0010\): 'ö' cannot be .*, ASCII, as it names none"
    ):
        encode(made(PatientName="Jörg"), EXPLICIT)
    step = made(ScheduledProcedureStepDescription="山")
    keys = made(SpecificCharacterSet="ISO_IR 100", ScheduledProcedureStepSequence=[step])
    with pytest.raises(
        ValueError,
        match=r"^ScheduledProcedureStepSequence .*: ScheduledProcedureStepDescription .*: '山' cannot",
    ):
        encode(keys, EXPLICIT)


def test_bytes_that_are_no_text_in_their_character_set_go_on_as_they_came() -> None:
    data = EVL.element(CHARSET, "CS", b"ISO_IR 192") + EVL.element(NAME, "PN", b"\xff\xe9")
    found = decode(data, EXPLICIT)
    assert encode(found, EXPLICIT) == data
    assert dataset.text(found, NAME) == "\udcff\udce9"
    found[CHARSET] = ("CS", b"ISO_IR 100")
    with pytest.raises(ValueError, match="cannot be written"):
        encode(found, EXPLICIT)


# ---------------------------------------------------------------- asked


def test_values_as_text() -> None:
    given = made(
        PatientID=" A1 ",
        StudyInstanceUID="1.2",
        ImageType=["A", "B"],
        AcquisitionMatrix=[1, 2, 3, 4],
        FrameIncrementPointer="FrameTime",
        PatientComments="a\\b",
        PatientName="",
        PixelData=b"\1\2",
        ScheduledProcedureStepSequence=[made()],
    )
    assert values(given, "PatientID") == ["A1"]
    assert values(given, 0x0020000D) == ["1.2"]
    assert values(given, "ImageType") == ["A", "B"]
    assert dataset.text(given, "ImageType") == "A\\B"
    assert dataset.text(given, "AcquisitionMatrix") == "1\\2\\3\\4"
    assert values(given, "FrameIncrementPointer") == ["(0018,1063)"]
    assert values(given, "PatientComments") == ["a\\b"]
    for keyword in ("PatientName", "PixelData", "ScheduledProcedureStepSequence", "StudyDate"):
        assert values(given, keyword) == []
        assert dataset.text(given, keyword) == ""
    assert items(given, "ScheduledProcedureStepSequence") == [{}]
    assert items(given, "PatientID") == items(given, "StudyDate") == []


def test_un_is_what_the_dictionary_has() -> None:
    found = decode(EVL.element(NAME, "UN", b"A ") + EVL.element(0x00280010, "UN", b"\1\0"), EXPLICIT)
    assert dataset.text(found, NAME) == "A"
    assert dataset.text(found, "Rows") == "1"


def test_the_json_model() -> None:
    given = made(
        SpecificCharacterSet="ISO_IR 192",
        PatientName="Łu^J=山",
        PatientID="",
        Rows=512,
        NumberOfCopies=2,
        PixelData=b"\1\2",
        EncapsulatedDocument=b"",
        ReferencedPatientSequence=[],
        ScheduledProcedureStepSequence=[made(Modality="CT", StudyDate=None)],
    )
    assert model_of(given) == {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00081120": {"vr": "SQ"},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Łu^J", "Ideographic": "山"}]},
        "00100020": {"vr": "LO"},
        "00280010": {"vr": "US", "Value": [512]},
        "00400100": {
            "vr": "SQ",
            "Value": [{"00080020": {"vr": "DA"}, "00080060": {"vr": "CS", "Value": ["CT"]}}],
        },
        "00420011": {"vr": "OB"},
        "20000010": {"vr": "IS", "Value": [2]},
        "7FE00010": {"vr": "OW", "InlineBinary": "AQI="},
    }
    assert list(model_of(given)) == sorted(model_of(given))


def test_a_data_set_goes_to_another_process_whole() -> None:
    given = back(made(SpecificCharacterSet="ISO_IR 100", PatientName="é"))
    there = pickle.loads(pickle.dumps(given))  # noqa: S301  our own
    assert there == given
    assert there.charset == given.charset


# ---------------------------------------------------------------- hostile bytes

DEEP = 101


def deep(levels: int) -> bytes:
    data = b""
    for _ in range(levels):
        data = EVL.sequence(STEPS, EVL.item(data))
    return data


HOSTILE = {
    "half a header": (b"\x10\0\x10\0P", "too few for an element"),
    "too long": (EVL.element(NAME, "PN", b"A ", length=4), "length 4 exceeds the 2 bytes left"),
    "no VR": (b"\x10\0\x10\0\1\2\2\0A ", "is not a value representation"),
    "too deep": (deep(DEEP), "nested deeper than 100"),
    "a stray delimiter": (EVL.header(SEQUENCE_END, "", 0), "nothing is to be delimited"),
    "no delimiter": (EVL.header(STEPS, "SQ", 0xFFFFFFFF), "is missing"),
    "no item": (EVL.sequence(STEPS, EVL.element(NAME, "PN", b"A ")), "stands where an item should"),
    "twice": (EVL.element(NAME, "PN", b"A ") * 2, r"offset 10, \(0010,0010\): the element stands twice"),
    "twice in an item": (EVL.sequence(STEPS, EVL.item(EVL.element(NAME, "PN") * 2)), "stands twice"),
    "a sequence twice": (EVL.sequence(STEPS) * 2, "stands twice"),
    "encapsulated": (
        EVL.header(0x7FE00010, "OB", 0xFFFFFFFF) + EVL.item(b"ab") + EVL.header(SEQUENCE_END, "", 0),
        r"\(7fe0,0010\): encapsulated pixel data has no place",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "message"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes(data: bytes, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        decode(data, EXPLICIT)


@pytest.mark.parametrize(
    ("vr", "message"), [("US", "3 bytes are no whole number"), ("ZZ", "the byte order of VR ZZ is not known")]
)
def test_big_endian_that_cannot_be_turned_round(vr: str, message: str) -> None:
    with pytest.raises(MalformedError, match=rf"^offset 0, \(0028,0010\): {message}"):
        decode(EVB.element(0x00280010, vr, b"123"), EXPLICIT_BIG)


def test_every_cut_is_a_data_set_or_a_fault() -> None:
    whole = encode(
        made(PatientName="A", ScheduledProcedureStepSequence=[made(Modality="CT"), made()]), EXPLICIT
    )
    for encoding in (EXPLICIT, EXPLICIT_BIG, IMPLICIT):
        for end in range(len(whole)):
            try:
                found = decode(whole[:end], encoding)
            except MalformedError:
                continue
            assert isinstance(found, DataSet)
            model_of(found)


def test_as_deep_as_may_be() -> None:
    found = decode(deep(DEEP - 1), EXPLICIT)
    assert decode(encode(found, IMPLICIT), IMPLICIT) == found
    model_of(found)


def test_a_character_set_that_is_a_sequence() -> None:
    found = decode(EVL.sequence(CHARSET, EVL.item()) + EVL.element(NAME, "PN", b"A "), EXPLICIT)
    assert dataset.text(found, NAME) == "A"
    assert encode(found, EXPLICIT)
    with pytest.raises(ValueError, match="VR SQ contradicts CS"):
        encode(found, IMPLICIT)


def test_an_element_too_long_for_its_header() -> None:
    with pytest.raises(ValueError, match=r"^PatientName \(0010,0010\): 70000 bytes are too many for VR PN"):
        encode(made(PatientName="x" * 70_000), EXPLICIT)
    assert len(encode(made(PatientName="x" * 70_000), IMPLICIT)) == 70_008


def test_a_users_dictionary_counts() -> None:
    extra = Entries()
    extra.add(Range(range(0x10, 0x11), range(0x10, 0x11), "", ("LO", "1", "PatientName")))
    use(extra=extra)
    try:
        assert made(PatientName="A") == {NAME: ("LO", b"A ")}
        assert decode(IVL.element(NAME, "", b"A "), IMPLICIT) == {NAME: ("LO", b"A ")}
    finally:
        reset()
    assert made(PatientName="A") == {NAME: ("PN", b"A ")}


@pytest.mark.parametrize("coder", CODERS.values(), ids=CODERS)
def test_the_model_is_that_of_the_bytes(coder: Coder) -> None:
    given = made(PatientName="A", Rows=1, StudyDate="", ScheduledProcedureStepSequence=[made(Modality="CT")])
    assert model_of(back(given, coder)) == json_model(coder.walker(encode(given, coder.encoding)))

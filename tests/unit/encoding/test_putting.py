"""Values put into a data set in memory as a person gives them."""

from __future__ import annotations

import time

import pytest

from dcmtools.encoding.dataset import DataSet, decode, encode, made
from dcmtools.encoding.putting import put
from dcmtools.encoding.syntax import EXPLICIT
from dcmtools.encoding.tagpath import parse

STEPS, MODALITY = 0x00400100, 0x00080060


def given(*texts: str, matching: bool = False) -> DataSet:
    data_set = DataSet()
    for text in texts:
        path, _, value = text.partition("=")
        put(data_set, parse(path), value, matching=matching)
    return data_set


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PatientID=A1", made(PatientID="A1")),
        ("0010,0020=", made(PatientID="")),
        (r"ImageType=A\B", made(ImageType="A\\B")),
        ("Rows=512", made(Rows=512)),
        ("PixelPaddingValue=-5", made(PixelPaddingValue=-5)),
        ("PatientName=Łu", made(PatientName="Łu")),
        ("PixelData=", made(PixelData=b"")),
        ("0010,9999=", {0x00109999: ("UN", b"")}),
        ("ScheduledProcedureStepSequence=", made(ScheduledProcedureStepSequence=[])),
        ("0029,0010=WHO", {0x00290010: ("LO", b"WHO ")}),
        ("SpecificCharacterSet=ISO_IR 100", made(SpecificCharacterSet="ISO_IR 100")),
    ],
)
def test_an_element(text: str, expected: DataSet) -> None:
    assert given(text) == expected


def test_the_last_one_counts() -> None:
    assert given("PatientID=A", "PatientID=B") == made(PatientID="B")
    assert given("ScheduledProcedureStepSequence.Modality=CT", "ScheduledProcedureStepSequence=") == made(
        ScheduledProcedureStepSequence=[]
    )


@pytest.mark.parametrize("step", ["", "[0]", "[*]"])
def test_sequences_and_items_are_made(step: str) -> None:
    sequence = f"ScheduledProcedureStepSequence{step}"
    assert given(f"{sequence}.Modality=CT", f"{sequence}.ScheduledProcedureStepID=S1") == made(
        ScheduledProcedureStepSequence=[made(Modality="CT", ScheduledProcedureStepID="S1")]
    )


def test_items_one_after_the_other() -> None:
    sequence = "ReferencedStudySequence[1].ReferencedSeriesSequence"
    data_set = given(
        "ReferencedStudySequence[0].StudyID=1", f"{sequence}[0].Modality=CT", f"{sequence}[1].Modality=MR"
    )
    assert data_set == made(
        ReferencedStudySequence=[
            made(StudyID="1"),
            made(ReferencedSeriesSequence=[made(Modality="CT"), made(Modality="MR")]),
        ]
    )


def test_private_elements_stand_in_their_creators_block() -> None:
    data_set = given(
        "0019,0010=OTHER",
        "0019,1E,GEMS_ACQU_01=1",
        "(0019,01,SIEMENS MR HEADER)=",
        "ScheduledProcedureStepSequence[0].(0019,01,GEMS_ACQU_01)=",
        "0019,23,GEMS_ACQU_01=",
    )
    assert {tag: vr for tag, (vr, _) in data_set.items()} == {
        0x00190010: "LO",
        0x00190011: "LO",
        0x0019111E: "DS",
        0x00191123: "DS",
        0x00190012: "LO",
        0x00191201: "UN",
        STEPS: "SQ",
    }
    [item] = data_set[STEPS][1]
    assert isinstance(item, DataSet)
    assert sorted(item) == [0x00190010, 0x00191001]
    assert decode(encode(data_set, EXPLICIT), EXPLICIT) == data_set


def test_a_group_without_a_block_left() -> None:
    data_set = DataSet()
    for block in range(0x10, 0x100):
        data_set[0x00190000 | block] = ("LO", b"OTHER ")
    with pytest.raises(ValueError, match="all private blocks of group 0019 are reserved"):
        put(data_set, parse("0019,20,GEMS_ACQU_01"), "1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Modality=ct", r"^Modality \(0008,0060\): 'ct' is not of VR CS: 16 capital letters"),
        ("Modality=C*", "'C\\*' is not of VR CS"),
        (r"Modality=A\B", "2 values where the VM is 1"),
        ("StudyDate=20240230", "a date as YYYYMMDD"),
        ("Rows=65536", "is not a number that VR US can hold"),
        (
            "ScheduledProcedureStepSequence.Modality=ct",
            r"^Modality \(0040,0100\)\[\*\]\.\(0008,0060\): 'ct' is not of VR CS",
        ),
        ("ScheduledProcedureStepSequence=CT", "cannot be set: it is a sequence"),
        ("PixelData=1", "cannot be set: its VR is OB or OW, whose values are not text"),
        ("0010,9999=1", r"^\(0010,9999\): cannot be set: PS3.6 does not have it"),
        ("0019,1020=1", r"^\(0019,1020\): cannot be set: it is private, so its creator is needed"),
        ("0019,FE,GEMS_ACQU_01=1", "so its VR is not known"),
        ("TransferSyntaxUID=1.2", "it is an element of the file meta information"),
        ("0008,0000=1", "it is no element that a data set may have"),
        ("PatientName.Modality=CT", r"PatientName \(0010,0010\) is no sequence"),
        ("ScheduledProcedureStepSequence[1].Modality=CT", "has 0 items, so there is no item 1 yet"),
        ("SpecificCharacterSet=LATIN", "'LATIN' is not a character set"),
        ("PatientName=\udce9", "cannot stand in a value of VR PN"),
        (".".join(["0040,0100[0]"] * 100) + ".Modality=CT", "nested deeper than 100"),
    ],
)
def test_what_cannot_be_put(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        given(text)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("ScheduledProcedureStepSequence.Modality", "ct"),
        ("ScheduledProcedureStepSequence[0].ReferencedStudySequence[5].StudyDate", "20240101"),
        ("ScheduledProcedureStepSequence[1].PatientName", "Müller"),
        ("ReferencedStudySequence[0].ReferencedStudySequence[0].PatientName", "Müller"),
        ("0029,20,WHO", "1"),
        ("0029,20,WHO[0].PatientName", "A"),
        ("ScheduledProcedureStepSequence[0].0019,0C,SIEMENS MR HEADER", "Müller"),
    ],
)
def test_nothing_is_left_behind_by_what_cannot_be_put(path: str, text: str) -> None:
    data_set = DataSet(b"")
    put(data_set, parse("ScheduledProcedureStepSequence.Modality"), "CT")
    before = encode(data_set, EXPLICIT)
    with pytest.raises(ValueError, match=r"item 5|ct|ü|WHO|no sequence"):
        put(data_set, parse(path), text)
    assert encode(data_set, EXPLICIT) == before


def test_which_item_has_to_be_said_where_there_are_several() -> None:
    data_set = made(ScheduledProcedureStepSequence=[made(), made()])
    with pytest.raises(ValueError, match=r"has 2 items: say which, as in \[0\]"):
        put(data_set, parse("ScheduledProcedureStepSequence.Modality"), "CT")


def test_what_is_there_already_in_a_vr_of_its_own() -> None:
    data_set = made()
    data_set[STEPS] = ("UN", b"ab")
    with pytest.raises(ValueError, match="is no sequence"):
        put(data_set, parse("ScheduledProcedureStepSequence.Modality"), "CT")


def test_text_in_the_character_set_of_a_data_set_that_was_read() -> None:
    found = decode(encode(made(SpecificCharacterSet="ISO_IR 100", StudyID="1"), EXPLICIT), EXPLICIT)
    put(found, parse("PatientName"), "Jörg")
    assert found[0x00100010] == ("PN", b"J\xf6rg")
    with pytest.raises(
        ValueError, match=r"^PatientName \(0010,0010\): '山' cannot be written in .* 'ISO_IR 100'"
    ):
        put(found, parse("PatientName"), "山")
    put(found, parse("ReferencedPatientSequence.PatientName"), "Jörg")
    assert found[0x00081120] == ("SQ", [{0x00100010: ("PN", b"J\xf6rg")}])


# PS3.4 C.2.2.2: keys that are right, and others that are none.
KEYS = {
    "Modality": (["C*", "?T", "*", "CT", ""], ["c*", "CT-MR"]),
    "PatientName": (["DOE*", "*^JO?N", "山*"], ["a^b^c^d^e^f*"]),
    "StudyDate": (
        ["20240101-20240131", "20240101-", "-20240131", "20240101"],
        ["-", "2024-01-01", "20240101-x", "2024*"],
    ),
    "StudyTime": (["1000-1100", "-1100", "10"], ["10:00", "1000-2500"]),
    "AcquisitionDateTime": (
        ["2024-2025", "20240101101112-0500-2025", "2024-0500", "-2024", "202401-202402"],
        ["2024-99999", "--"],
    ),
    "StudyInstanceUID": (["1.2", r"1.2\1.3"], ["1.*", "1.2-1.3"]),
    "RetrieveAETitle": (["A*", "*"], ["Ä*"]),
    "InstanceNumber": (["1"], ["1-2", "*"]),
}  # fmt: skip


@pytest.mark.parametrize("keyword", KEYS)
def test_matching_keys(keyword: str) -> None:
    right, others = KEYS[keyword]
    for text in right:
        assert given(f"{keyword}={text}", matching=True) == made(**{keyword: text})
    for text in others:
        with pytest.raises(ValueError, match=f"^{keyword} "):
            given(f"{keyword}={text}", matching=True)


def test_a_long_key_is_refused_at_once() -> None:
    began = time.process_time()
    with pytest.raises(ValueError, match="is not of VR DA"):
        given("StudyDate=" + "-" * 100_000, matching=True)
    assert time.process_time() - began < 1

"""Edits as a person writes them: what they lead to, and what is refused."""

from __future__ import annotations

import pytest

from dcmtools.modifying.wanted import EVERY, Given, checked, erasing, filled, setting


def test_a_path_with_its_items() -> None:
    wanted = setting("RequestAttributesSequence[0].ScheduledProtocolCodeSequence[*].CodeValue=A=B")
    assert [step.tag for step in wanted.steps] == [0x00400275, 0x00400008, 0x00080100]
    assert [step.item for step in wanted.steps] == [0, EVERY, None]
    assert (wanted.kind, wanted.deep, str(wanted.given)) == ("set", False, "A=B")


def test_any_depth() -> None:
    assert setting("**.PatientName=X").deep
    assert erasing("**.PatientName").deep
    assert erasing("PatientName", deep=True).deep


def test_an_item_can_be_erased_but_not_set() -> None:
    assert erasing("ReferencedStudySequence[1]").steps[0].item == 1
    with pytest.raises(ValueError, match="does not end with an element"):
        setting("ReferencedStudySequence[1]=X")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("PatientName", "is not PATH=VALUE"),
        ("=X", "does not end with an element"),
        ("PatientNam=X", "did you mean PatientName"),
        ("PatientName[0]=X", "does not end with an element"),
        ("Modality=ct", "is not of VR CS"),
        ("Rows=1\\2", "2 values where the VM is 1"),
        ("Rows=70000", "is not a number that VR US can hold"),
        ("StudyDate=20230230", "is not of VR DA"),
        (f"PatientID={'1' * 65}", "64 characters at most"),
        ("PixelData=X", "its VR is OB or OW, whose values are not text; --set-file takes bytes"),
        ("ReferencedStudySequence=X", "it is a sequence"),
        ("SpecificCharacterSet=ISO_IR 192", "--charset changes both"),
        ("ReferencedStudySequence[0].SpecificCharacterSet=ISO_IR 192", "--charset changes both"),
        ("TransferSyntaxUID=1.2", "'dcmtools compress'"),
        ("MediaStorageSOPInstanceUID=1.2", "see --fix-meta"),
        ("SOPInstanceUID=", "is not to be empty"),
        ("SOPInstanceUID=1.02", "is not of VR UI"),
        ("0008,0000=4", "it is no element that a data set may have"),
        ("0008,0001=4", "it is retired"),
        ("0004,1130=X", "it is an element of a DICOMDIR"),
        ("0029,1010=X", "so its creator is needed"),
        ("0008,0003=X", "PS3.6 does not have it"),
        ("**.=X", "does not end with an element"),
        (".".join(["ContentSequence"] * 300) + ".TextValue=X", "nested deeper"),
    ],
)
def test_what_cannot_be_set(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        setting(text)


@pytest.mark.parametrize(
    "text", ["SOPInstanceUID", "SOPClassUID", "SpecificCharacterSet", "0002,0010", "X.Y"]
)
def test_what_cannot_be_erased(text: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be erased|not a keyword"):
        erasing(text)


@pytest.mark.parametrize("text", ["0008,0000", "0008,0001", "ReferencedStudySequence[0].SOPInstanceUID"])
def test_what_can_be_erased(text: str) -> None:
    assert erasing(text).kind == "erase"


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["PatientName=A", "00100010=B"], "is given twice"),
        (["PatientName=A", "-PatientName"], "is given twice"),
        (["-ReferencedStudySequence", "ReferencedStudySequence[0].StudyID=1"], "is in what is erased"),
        (["-ReferencedStudySequence[0]", "ReferencedStudySequence[0].StudyID=1"], "is in what is erased"),
    ],
)
def test_what_contradicts(texts: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        checked([erasing(text[1:]) if text.startswith("-") else setting(text) for text in texts])


def test_the_more_specific_stands_behind() -> None:
    found = checked(map(setting, ("A[0].StudyID=1".replace("A", "ContentSequence"), "**.StudyID=3")))
    assert [wanted.path for wanted in found] == ["**.StudyID", "ContentSequence[0].StudyID"]


def test_the_vr_of_the_file_where_the_dictionary_leaves_it_open() -> None:
    pixels = Given("US or SS", "1")
    assert pixels.settled("SS") == ("SS", b"\1\0")
    assert pixels.settled("SS", signed=False) == ("US", b"\1\0")
    assert Given("US or SS", "-1").settled() == ("SS", b"\xff\xff")
    with pytest.raises(ValueError, match="VR US"):
        Given("US or SS", "-1").settled(signed=False)


def test_a_private_element_that_no_dictionary_has() -> None:
    given = setting("0029,10,NOBODY=5").given
    assert given
    assert given.settled("IS") == ("IS", b"5 ")
    for vr in ("", "UN", "OB"):
        with pytest.raises(ValueError, match="its VR is not known"):
            given.settled(vr)
    with pytest.raises(ValueError, match="VR DA"):
        given.settled("DA")


def test_values_out_of_files() -> None:
    assert str(filled("PatientComments", b"\xef\xbb\xbfa\r\nb\r\n").given) == "a\r\nb"
    assert str(filled("PixelData", b"abcd").given) == "4 bytes of VR OW"
    with pytest.raises(ValueError, match="3 bytes are no whole number of values of VR OW"):
        filled("PixelData", b"abc")
    with pytest.raises(ValueError, match="byte 1 is not UTF-8"):
        filled("PatientComments", b"a\xff")
    with pytest.raises(ValueError, match="VR DA"):
        filled("StudyDate", b"today\n")

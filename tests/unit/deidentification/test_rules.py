from __future__ import annotations

import pytest

from dcmtools.deidentification.rules import Place, Rule, parse


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("PatientSex", 0x00100040),
        ("0010,0040", 0x00100040),
        ("(0010,0040)", 0x00100040),
        ("RequestAttributesSequence.ScheduledProcedureStepID", (0x00400275, 0x00400009)),
        ("0040,0275[*].0040,0009", (0x00400275, 0x00400009)),
        ("0019,9e,GEMS_ACQU_01", ("GEMS_ACQU_01", 0x0019009E)),
        ("(0029,08,A.B)", ("A.B", 0x00290008)),
    ],
)
def test_what_a_rule_is_about(text: str, place: Place) -> None:
    assert parse(text, "keep", "--keep") == (place, Rule("keep", "--keep"))


def test_a_value_with_its_vr() -> None:
    assert parse("PatientName", "set", "here", "A^B") == (0x00100010, Rule("set", "here", "PN", "A^B"))
    assert parse("SmallestImagePixelValue", "set", "here", "7")[1] == Rule("set", "here", "US or SS", "7")
    assert parse("PatientName", "set", "here", "")[1].text == ""


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("PatientSecks", "did you mean PatientSex"),
        ("OtherPatientIDsSequence[0].PatientID", "is about every item"),
        ("0019,109e", "name its creator: 0019,9e,CREATOR"),
        ("0019,0010", "is a private creator"),
        ("ReferencedStudySequence.(0019,9e,A)", "leave the path out"),
        ("(0019,9e,A).PatientID", "leave the path out"),
        ("SOPClassUID", "says what the instance is"),
        ("SOPInstanceUID", "retaining uids keeps it"),
        ("OtherPatientIDsSequence.SpecificCharacterSet", "encoded by it"),
        ("PixelData", "an option of its own"),
        ("PatientIdentityRemoved", "says what was done"),
        ("TransferSyntaxUID", "of the file meta information"),
        ("0008,0000", "no element that a data set may have"),
        ("", "does not end with an element"),
    ],
)
@pytest.mark.parametrize("action", ["keep", "set"])
def test_what_no_rule_can_be_about(text: str, complaint: str, action: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse(text, "keep" if action == "keep" else "set", "here", "1")


@pytest.mark.parametrize(
    ("text", "value", "complaint"),
    [
        ("PatientBirthDate", "1.1.1970", r"PatientBirthDate \(0010,0030\): .*YYYYMMDD"),
        ("0019,9e,GEMS_ACQU_01", "1", "only standard elements can be set"),
        ("OtherPatientIDsSequence", "1", "it is a sequence"),
        ("0008,FFF0", "1", "its VR is not known"),
        ("StudyDate", "20240101\\20240102", "StudyDate"),
    ],
)
def test_what_cannot_be_set(text: str, value: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse(text, "set", "here", value)

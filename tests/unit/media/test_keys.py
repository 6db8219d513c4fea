"""The keys of records, compared with those that pydicom writes and demands."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.fileset import DIRECTORY_RECORDERS

from dcmtools.encoding.dataset import DataSet, decode, made, text
from dcmtools.encoding.syntax import EXPLICIT
from dcmtools.errors import InputError
from dcmtools.media.keys import ICON, KEYS
from dcmtools.media.record_keys import Rules, keys_of

SAMPLE = {
    "DA": "20240102", "TM": "120000", "DT": "20240102120000", "IS": "1", "US": 1, "UL": 1, "UI": "1.2.3",
}  # fmt: skip
CHARSET = 0x00080005
# PS3.3 F.5.28: the number of raw data may be empty.
LESS = {("RAW DATA", 0x00200013)}
# PS3.3 F.5.17 and F.5.24, as dciodvfy and dcmmkdir have them: name, description and level of a hanging
# protocol, and the comment of a dose, which is optional.
MORE = {("HANGING PROTOCOL", tag) for tag in (0x00720002, 0x00720004, 0x00720006)} | {("RT DOSE", 0x30040006)}


def value(keyword: str) -> object:
    vr = dictionary_VR(keyword)
    if vr == "SQ":
        return [Dataset()]
    return SAMPLE.get(vr, "TEXT")


def filled(kind: str) -> Dataset:
    data_set = Dataset()
    for tag, _ in KEYS[kind]:
        if tag not in (CHARSET, ICON):
            setattr(data_set, keyword_for_tag(tag), value(keyword_for_tag(tag)))
    return data_set


@pytest.mark.parametrize("kind", sorted(DIRECTORY_RECORDERS))
def test_they_are_those_of_pydicom(kind: str) -> None:
    record = DIRECTORY_RECORDERS[kind](filled(kind))
    assert {int(each.tag) for each in record} == {
        tag
        for tag, _ in KEYS[kind]
        if (tag not in (CHARSET, ICON, 0x0040A030) and (kind, tag) not in MORE) or tag in record
    }


@pytest.mark.parametrize("kind", sorted(DIRECTORY_RECORDERS))
def test_types_are_those_that_pydicom_demands(kind: str) -> None:
    for tag, needed in KEYS[kind]:
        if tag in (CHARSET, ICON):
            continue
        data_set = filled(kind)
        wanted = (needed == "1" or (kind, tag) in LESS) and (kind, tag) not in MORE
        if dictionary_VR(tag) == "SQ":
            del data_set[tag]
        else:
            setattr(data_set, keyword_for_tag(tag), None)
            wanted = wanted or needed == "1C"
        if wanted:
            with pytest.raises(ValueError, match=r"cannot be empty|is missing"):
                DIRECTORY_RECORDERS[kind](data_set)
        else:
            DIRECTORY_RECORDERS[kind](data_set)


# ---------------------------------------------------------------- as they are made


def keys(kind: str = "STUDY", *, charset: bytes = b"", rules: Rules | None = None, **values: Any) -> DataSet:  # noqa: ANN401  as made
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data_set = made(**values)
    return decode(keys_of(data_set, kind, rules or Rules(charset=charset)).encoded, EXPLICIT)


WHOLE: dict[str, Any] = {
    "StudyDate": "20240102",
    "StudyTime": "101112",
    "StudyID": "7",
    "StudyInstanceUID": "1.2.3",
    "PatientID": "P1",
}


def test_those_that_may_be_empty_are_there() -> None:
    found = keys(**WHOLE)
    assert [text(found, tag) for tag in sorted(found)] == ["20240102", "101112", "", "", "1.2.3", "7"]


def test_text_beyond_ascii_brings_its_character_set() -> None:
    found = keys(**WHOLE, StudyDescription="Größe")
    assert text(found, "SpecificCharacterSet") == "ISO_IR 192"
    assert text(found, "StudyDescription") == "Größe"
    assert CHARSET not in keys(**WHOLE, StudyDescription="size")


def test_text_gets_into_the_character_set_wanted() -> None:
    found = keys(charset=b"ISO_IR 100", **WHOLE, StudyDescription="Größe")
    assert found[0x00081030][1] == "Größe".encode("latin-1") + b" "
    with pytest.raises(InputError, match="StudyDescription"):
        keys(charset=b"ISO_IR 100", **WHOLE, StudyDescription="山田")


def test_dates_come_from_what_else_the_instance_has() -> None:
    found = keys(StudyInstanceUID="1.2.3", SeriesDate="20230405", SeriesTime="0607")
    assert (text(found, "StudyDate"), text(found, "StudyTime")) == ("20230405", "0607")


def test_the_time_of_another_date_is_not_taken() -> None:
    found = keys(StudyInstanceUID="1.2.3", StudyDate="20240102", SeriesDate="20230405", SeriesTime="0607")
    assert (text(found, "StudyDate"), text(found, "StudyTime")) == ("20240102", "000000")


def test_there_is_a_date_for_what_has_none() -> None:
    found = keys(StudyInstanceUID="1.2.3")
    assert (text(found, "StudyDate"), text(found, "StudyTime")) == ("19000101", "000000")


def test_dates_are_in_the_form_of_today() -> None:
    found = keys(**WHOLE | {"StudyDate": "1997.04.24", "StudyTime": "14:04:38"})
    assert (text(found, "StudyDate"), text(found, "StudyTime")) == ("19970424", "140438")


def test_one_patient_gets_one_made_up_id() -> None:
    one = keys("PATIENT", PatientName="Doe^Jane", PatientBirthDate="19700101", StudyInstanceUID="1.2.3")
    again = keys("PATIENT", PatientName="DOE^Jane", PatientBirthDate="19700101", StudyInstanceUID="1.2.4")
    other = keys("PATIENT", PatientName="Roe^Jane", PatientBirthDate="19700101", StudyInstanceUID="1.2.3")
    assert text(one, "PatientID") == text(again, "PatientID") != text(other, "PatientID")


def test_what_nobody_can_know_is_not_made_up() -> None:
    with pytest.raises(InputError, match=r"CompletionFlag .*VerificationFlag"):
        keys("SR DOCUMENT", InstanceNumber="1", StudyDate="20240102", ConceptNameCodeSequence=[made()])


def test_nothing_is_made_up_if_that_is_refused() -> None:
    with pytest.raises(InputError, match=r"it has no StudyTime .*, StudyID") as caught:
        keys(rules=Rules("refuse"), StudyInstanceUID="1.2.3", StudyDate="20240102")
    assert "--missing invent" in caught.value.hint


def test_a_document_brings_what_modifies_its_name_and_when_it_was_verified() -> None:
    modifier = made(RelationshipType="HAS CONCEPT MOD", TextValue="one")
    found = keys(
        "SR DOCUMENT",
        InstanceNumber="1",
        ContentDate="20240102",
        ContentTime="10",
        CompletionFlag="COMPLETE",
        VerificationFlag="VERIFIED",
        VerifyingObserverSequence=[
            made(VerificationDateTime="20240103"),
            made(VerificationDateTime="20240105"),
        ],
        ConceptNameCodeSequence=[made(CodeValue="1")],
        ContentSequence=[made(RelationshipType="CONTAINS", TextValue="two"), modifier],
    )
    content = found[0x0040A730][1]
    assert isinstance(content, list)
    assert [text(item, "TextValue") for item in content] == ["one"]
    assert text(found, "VerificationDateTime") == "20240105"

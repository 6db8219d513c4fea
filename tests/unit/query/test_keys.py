from __future__ import annotations

from typing import Any

import pytest

from dcmtools.encoding.dataset import encode, items, made, text
from dcmtools.encoding.dictionary import tag_of
from dcmtools.encoding.syntax import EXPLICIT
from dcmtools.errors import UsageError
from dcmtools.query.keys import Key, Query, columns_of, key_of, missing_above, query_of
from dcmtools.query.models import PATIENT_ROOT, PATIENT_STUDY_ONLY, STUDY_ROOT, Level

WORKLIST = "1.2.840.10008.5.1.4.31"


def query(*keys: str, **more: Any) -> Query:  # noqa: ANN401  as query_of has them
    return query_of([key_of(each) for each in keys], **{"model": STUDY_ROOT, **more})


def names(*keys: str, **more: Any) -> list[str]:  # noqa: ANN401  the same
    return [column.name for column in columns_of(query(*keys, **more).identifier())]


# ---------------------------------------------------------------- what is asked


def test_a_key_with_a_value_matches_and_one_without_is_returned() -> None:
    assert key_of("PatientID=1").value == "1"
    assert key_of("PatientID=").value == ""
    assert key_of("PatientID").value is None
    assert key_of("(0010,0020)=a=b") == Key(key_of("PatientID").path, "a=b")


def test_what_one_mostly_wants_to_see_is_asked_for_beside_matching_keys() -> None:
    found = names("PatientName=Doe*", "StudyDate=20240101-")
    assert found[:3] == ["StudyInstanceUID", "PatientName", "StudyDate"]
    assert {"PatientID", "AccessionNumber", "ModalitiesInStudy"} < set(found)


@pytest.mark.parametrize("key", ["AccessionNumber", "RequestAttributesSequence.ScheduledProcedureStepID"])
def test_a_key_to_return_replaces_the_defaults(key: str) -> None:
    assert names("PatientName=Doe*", key) == ["StudyInstanceUID", "PatientName", key]


def test_an_empty_value_is_universal_matching_and_keeps_the_defaults() -> None:
    assert "PatientID" in names("PatientName=")


def test_unique_keys_above_come_last() -> None:
    assert names("Modality", level=Level.SERIES) == ["SeriesInstanceUID", "Modality", "StudyInstanceUID"]
    assert names("Rows", level=Level.IMAGE, model=PATIENT_ROOT)[-3:] == [
        "PatientID",
        "StudyInstanceUID",
        "SeriesInstanceUID",
    ]


def test_a_given_unique_key_is_there_once() -> None:
    asked = query("StudyInstanceUID=1.2", "Modality", level=Level.SERIES).identifier()
    assert text(asked, "StudyInstanceUID") == "1.2"
    assert names("StudyInstanceUID=1.2\\1.3", "Rows") == ["StudyInstanceUID", "Rows"]


def test_patients_are_no_default_below_their_level_in_the_patient_root() -> None:
    found = names(model=PATIENT_ROOT, level=Level.STUDY)
    assert "PatientName" not in found
    assert found[-1] == "PatientID"
    assert "PatientName" in names(model=PATIENT_ROOT)


def test_the_level_is_named_and_by_default_the_highest() -> None:
    assert text(query().identifier(), "QueryRetrieveLevel") == "STUDY"
    assert query(model=PATIENT_ROOT).level is Level.PATIENT
    assert query(level=Level.IMAGE).level is Level.IMAGE
    assert query("QueryRetrieveLevel=SERIES").level is Level.SERIES
    assert query("QueryRetrieveLevel=").level is Level.STUDY


def test_models_without_levels_have_defaults_of_their_own() -> None:
    asked = query(model=None, sop_class_uid=WORKLIST).identifier()
    assert items(asked, "ScheduledProcedureStepSequence") == []
    assert tag_of("ScheduledProcedureStepSequence") in asked
    assert names(model=None, sop_class_uid="1.2.3") == ["SOPInstanceUID"]
    assert tag_of("QueryRetrieveLevel") not in asked


def test_keys_in_a_sequence() -> None:
    asked = query("RequestAttributesSequence[0].RequestedProcedureID=R*").identifier()
    (item,) = items(asked, "RequestAttributesSequence")
    assert text(item, "RequestedProcedureID") == "R*"


def test_a_key_to_return_leaves_what_matches() -> None:
    path = "RequestAttributesSequence"
    asked = query(f"{path}.RequestedProcedureID=R", path).identifier()
    assert items(asked, path)


def test_private_keys() -> None:
    asked = query("0029,10,ACME 1").identifier()
    assert asked[0x00290010] == ("LO", b"ACME 1")
    assert asked[0x00291010][1] == b""
    assert columns_of(asked)[1].name == "(0029,1010)"


def test_dates_in_words() -> None:
    assert key_of("StudyDate=-1d-").value != "-1d-"
    assert key_of("PatientID=today").value == "today"


def test_keys_go_before_those_of_a_file() -> None:
    asked = query("PatientID=2", file=made(PatientID="1", StudyID="", QueryRetrieveLevel="SERIES"))
    assert asked.level is Level.SERIES
    assert text(asked.identifier(), "PatientID") == "2"
    assert names(file=made(StudyID="")) == ["StudyInstanceUID", "StudyID"]


# ---------------------------------------------------------------- character sets


def test_ascii_needs_no_character_set() -> None:
    assert tag_of("SpecificCharacterSet") not in query("PatientName=Doe").identifier()


def test_other_text_is_in_utf_8() -> None:
    asked = query("PatientName=Dö").identifier()
    assert text(asked, "SpecificCharacterSet") == "ISO_IR 192"
    assert "Dö".encode() in encode(asked, EXPLICIT)


@pytest.mark.parametrize(
    ("more", "keys"), [({"charset": "ISO_IR 100"}, ()), ({}, ("SpecificCharacterSet=ISO_IR 100",))]
)
def test_the_character_set_can_be_chosen(more: dict[str, str], keys: tuple[str, ...]) -> None:
    asked = query("PatientName=Dö", *keys, **more).identifier()
    assert "Dö".encode("latin-1") in encode(asked, EXPLICIT)


def test_text_in_a_sequence_counts() -> None:
    asked = query("RequestAttributesSequence.RequestedProcedureDescription=ö").identifier()
    assert text(asked, "SpecificCharacterSet") == "ISO_IR 192"


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("keys", "more", "message"),
    [
        (["StudyDate=2024*"], {}, r"StudyDate \(0008,0020\): '2024\*' is not of VR DA"),
        (["StudyInstanceUID=1.2*"], {}, "is not of VR UI"),
        (["Modality=ct"], {}, "is not of VR CS"),
        (["SeriesNumber=one"], {}, "is not of VR IS"),
        (["PatientID=1", "0010,0020=2"], {}, r"\(0010,0020\) is given twice; .* backslashes"),
        (["RequestAttributesSequence=x"], {}, "it is a sequence"),
        (["RequestAttributesSequence[1].RequestedProcedureID=x"], {}, "a sequence has one item in a query"),
        (["TransferSyntaxUID"], {}, "an element of the file meta information"),
        (["00291010=x"], {}, "its creator is needed"),
        (["PatientName=日本"], {"charset": "ISO_IR 100"}, "'日' cannot be written"),
        (["QueryRetrieveLevel=FRAME"], {}, "'FRAME' is none of PATIENT, STUDY, SERIES, IMAGE"),
        (["QueryRetrieveLevel=IMAGE"], {"level": Level.SERIES}, "--level is SERIES, and .* IMAGE"),
        ([], {"level": Level.PATIENT}, "the study model has no level PATIENT, but STUDY, SERIES, IMAGE"),
        ([], {"level": Level.SERIES, "model": PATIENT_STUDY_ONLY}, "has no level SERIES"),
    ],
)
def test_what_is_no_query(keys: list[str], more: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        query(*keys, **more)


@pytest.mark.parametrize("text", ["PatientNam=x", "=x", "", "-9999999d"])
def test_what_is_no_key(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the messages are those of tag paths
        key_of(text)


# ---------------------------------------------------------------- the hierarchy


def test_unique_keys_that_are_missing_above() -> None:
    def missing(*keys: str) -> list[str]:
        asked = query(*keys, level=Level.IMAGE)
        return missing_above(asked, asked.identifier())

    assert missing() == ["StudyInstanceUID", "SeriesInstanceUID"]
    assert missing("StudyInstanceUID=1.2", "SeriesInstanceUID=1\\2") == ["SeriesInstanceUID"]
    assert missing("StudyInstanceUID=1.2", "SeriesInstanceUID=1") == []

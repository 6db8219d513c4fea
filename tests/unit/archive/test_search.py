"""Identifiers and what an index has to say to them (PS3.4 C.4.1 to C.4.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.archive.asked import NoAnswer
from dcmtools.archive.responding import Responses
from dcmtools.archive.search import PAGE, Search, instances_of
from dcmtools.encoding.dataset import DataSet, decode, items, made, text
from dcmtools.encoding.dictionary import tag_of
from dcmtools.encoding.syntax import EXPLICIT, EXPLICIT_BIG, IMPLICIT
from dcmtools.query.models import PATIENT_ROOT, PATIENT_STUDY_ONLY, STUDY_ROOT, Model
from tests.support.indexes import MadeIndex

if TYPE_CHECKING:
    from dcmtools.encoding.dataset import Given, Value
    from dcmtools.encoding.syntax import Encoding

MR = "1.2.840.10008.5.1.4.1.1.4"
JAPANESE = "Yamada^Tarou=\u5c71\u7530^\u592a\u90ce"
CODE = made(CodeValue="T-1", CodingSchemeDesignator="SRT", CodeMeaning="D\xe4umling")
OTHER_CODE = made(CodeValue="T-2", CodingSchemeDesignator="SRT")


@pytest.fixture(scope="module")
def index() -> MadeIndex:
    """Three patients; the first has two studies, and its first study two series, of two instances and one."""
    index = MadeIndex()
    doe: dict[str, str] = {"PatientID": "P1", "PatientName": "Doe^John", "PatientBirthDate": "19600131"}
    head: dict[str, str] = {
        **doe,
        "StudyInstanceUID": "1.2",
        "StudyDate": "20240110",
        "StudyTime": "101500",
        "AccessionNumber": "A1",
        "StudyDescription": "Head",
        "ReferringPhysicianName": "Roe^Ann",
    }
    code: dict[str, list[DataSet]] = {"ProcedureCodeSequence": [CODE, OTHER_CODE]}
    ct = {"SeriesInstanceUID": "1.2.1", "Modality": "CT", "SeriesNumber": "1"}
    index.put(**head, **code, **ct, SOPInstanceUID="1.2.1.1", InstanceNumber="1", Rows="512")
    index.put(**head, **ct, SOPInstanceUID="1.2.1.2", InstanceNumber="02", ImageType="ORIGINAL\\PRIMARY")
    mr = {"SeriesInstanceUID": "1.2.2", "Modality": "MR", "SeriesNumber": "2"}
    index.put(**head, **mr, SOPInstanceUID="1.2.2.1", SOPClassUID=MR)
    old = {"StudyInstanceUID": "1.3", "StudyDate": "1999.12.31", "AccessionNumber": "A[2]*"}
    index.put(**doe, **old, SeriesInstanceUID="1.3.1", SOPInstanceUID="1.3.1.1")
    yamada = {"PatientID": "P2", "PatientName": JAPANESE, "StudyInstanceUID": "1.4", "StudyDate": "20240110"}
    index.put(**yamada, StudyTime="235900", SeriesInstanceUID="1.4.1", SOPInstanceUID="1.4.1.1")
    index.put(PatientID="", StudyInstanceUID="1.5", SeriesInstanceUID="1.5.1", SOPInstanceUID="1.5.1.1")
    return index


def search(
    index: MadeIndex,
    level: str,
    keys: dict[str, Given],
    model: Model = STUDY_ROOT,
    *,
    relational: bool = False,
    combined: bool = False,
    encoding: Encoding = EXPLICIT,
) -> list[DataSet]:
    """The identifiers of the responses."""
    identifier = made(QueryRetrieveLevel=level, **keys)
    asked = Search(model, identifier, "ARCHIVE", relational=relational, combined=combined)
    responses = Responses(asked, encoding)
    return [decode(responses.of(row)[0], encoding) for rows in asked.pages(index.reader) for row in rows]


def found(
    index: MadeIndex, level: str, unique: str, keys: dict[str, Given], model: Model = STUDY_ROOT
) -> list[str]:
    """The unique keys of what matches."""
    return sorted(text(each, unique) for each in search(index, level, keys, model, relational=True))


# ---------------------------------------------------------------- matching


@pytest.mark.parametrize(
    ("keys", "studies"),
    [
        ({}, "1.2 1.3 1.4 1.5"),
        ({"StudyInstanceUID": "1.2"}, "1.2"),
        ({"StudyInstanceUID": ["1.2", "1.4", "1.9"]}, "1.2 1.4"),
        ({"StudyInstanceUID": "*"}, "1.2 1.3 1.4 1.5"),
        ({"StudyDate": "20240110"}, "1.2 1.4"),
        ({"StudyDate": "-20240101"}, "1.3"),
        ({"StudyDate": "19990101-20240109"}, "1.3"),
        ({"StudyDate": "19991231"}, "1.3"),
        ({"StudyDate": "20240101-"}, "1.2 1.4"),
        ({"StudyDate": ["20240110", "19991231"]}, "1.2 1.3 1.4"),
        ({"StudyTime": "10-11"}, "1.2"),
        ({"AccessionNumber": "A1"}, "1.2"),
        ({"AccessionNumber": "a1"}, ""),
        ({"AccessionNumber": "A*"}, "1.2 1.3"),
        ({"AccessionNumber": "A[*"}, "1.3"),
        ({"AccessionNumber": "?1"}, "1.2"),
        ({"AccessionNumber": "A1 "}, "1.2"),
        ({"AccessionNumber": "A1' OR '1'='1"}, ""),
        ({"AccessionNumber": "*'*"}, ""),
        ({"AccessionNumber": ["A1", "x"]}, "1.2"),
        ({"PatientName": "doe^john"}, "1.2 1.3"),
        ({"PatientName": "DOE*"}, "1.2 1.3"),
        ({"PatientName": "*john"}, "1.2 1.3"),
        ({"PatientName": "yama*"}, "1.4"),
        ({"PatientName": "\u5c71\u7530*"}, "1.4"),
        ({"PatientName": "=\u5c71*"}, "1.4"),
        ({"PatientName": "yamada*=\u5c71*"}, "1.4"),
        ({"PatientName": "x*=\u5c71*"}, ""),
        ({"PatientName": ["doe*", "yamada*"]}, "1.2 1.3 1.4"),
        ({"ReferringPhysicianName": "roe*"}, "1.2"),
        ({"PatientID": "P1"}, "1.2 1.3"),
        ({"PatientID": "P*"}, "1.2 1.3 1.4"),
        ({"PatientBirthDate": "19600101-19601231", "AccessionNumber": "A1"}, "1.2"),
        ({"ModalitiesInStudy": "CT"}, "1.2"),
        ({"ModalitiesInStudy": ["US", "MR"]}, "1.2"),
        ({"ModalitiesInStudy": "U*"}, ""),
        ({"SOPClassesInStudy": MR}, "1.2"),
        ({"NumberOfStudyRelatedSeries": "2"}, "1.2"),
        ({"ProcedureCodeSequence": [made(CodeValue="T-1")]}, "1.2"),
        ({"ProcedureCodeSequence": [made(CodeValue="T-1", CodingSchemeDesignator="99X")]}, ""),
        ({"ProcedureCodeSequence": [made(CodeMeaning="d\xe4*")]}, ""),
        ({"ProcedureCodeSequence": []}, "1.2 1.3 1.4 1.5"),
        ({"RetrieveAETitle": "ARCHIVE"}, "1.2 1.3 1.4 1.5"),
        ({"RetrieveAETitle": "OTHER"}, ""),
        ({"InstanceAvailability": "OFFLINE"}, ""),
        ({"Modality": "US"}, "1.2 1.3 1.4 1.5"),  # of a level below: not supported, so not matched
        ({"AdmittingTime": "10"}, "1.2 1.3 1.4 1.5"),  # not known
    ],
)
def test_studies(index: MadeIndex, keys: dict[str, Given], studies: str) -> None:
    assert found(index, "STUDY", "StudyInstanceUID", keys) == studies.split()


@pytest.mark.parametrize(
    ("keys", "instances"),
    [
        ({"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.1"}, "1.2.1.1 1.2.1.2"),
        ({"InstanceNumber": "2"}, "1.2.1.2"),
        ({"InstanceNumber": ["1", "2"]}, "1.2.1.1 1.2.1.2"),
        ({"ImageType": "PRIMARY"}, "1.2.1.2"),
        ({"ImageType": "PRIM*"}, "1.2.1.2"),
        ({"ImageType": "RIMARY"}, ""),
        ({"Rows": 512}, "1.2.1.1"),
        ({"SOPClassUID": MR, "PatientName": "doe*"}, "1.2.2.1"),
        ({"StudyDate": "20240110", "Modality": "CT"}, "1.2.1.1 1.2.1.2"),
    ],
)
def test_instances(index: MadeIndex, keys: dict[str, Given], instances: str) -> None:
    assert found(index, "IMAGE", "SOPInstanceUID", keys) == instances.split()


def test_patients(index: MadeIndex) -> None:
    assert found(index, "PATIENT", "PatientID", {}, PATIENT_ROOT) == ["", "P1", "P2"]
    assert found(index, "PATIENT", "PatientID", {"NumberOfPatientRelatedStudies": "2"}, PATIENT_ROOT) == [
        "P1"
    ]


def test_dates_and_times_are_separate_unless_agreed_otherwise(index: MadeIndex) -> None:
    """C.2.2.2.5: 2024-01-09 12:00 to 2024-01-10 11:00 are two ranges, or one."""
    keys: dict[str, Given] = {"StudyDate": "20240109-20240110", "StudyTime": "12-11"}
    assert search(index, "STUDY", keys) == []
    combined = search(index, "STUDY", keys, combined=True)
    assert [text(each, "StudyInstanceUID") for each in combined] == ["1.2"]
    keys["StudyTime"] = "10-12"
    separate = search(index, "STUDY", keys)
    assert [text(each, "StudyInstanceUID") for each in separate] == ["1.2"]
    open_ended = search(index, "STUDY", {"StudyDate": "20240110-", "StudyTime": "12-"}, combined=True)
    assert [text(each, "StudyInstanceUID") for each in open_ended] == ["1.4"]


# ---------------------------------------------------------------- responses


@pytest.mark.parametrize("encoding", [EXPLICIT, IMPLICIT, EXPLICIT_BIG], ids=["explicit", "implicit", "big"])
def test_a_response_has_what_was_asked_for(index: MadeIndex, encoding: Encoding) -> None:
    [answer] = search(
        index,
        "IMAGE",
        {
            "SOPInstanceUID": "1.2.1.1",
            "PatientName": "",
            "StudyDate": "",
            "ModalitiesInStudy": "",
            "NumberOfStudyRelatedInstances": "",
            "NumberOfPatientRelatedInstances": "",
            "NumberOfSeriesRelatedInstances": "",
            "InstanceAvailability": "",
            "Rows": None,
            "ImageComments": "",
            "AdmittingTime": "",
        },
        encoding=encoding,
        relational=True,
    )
    told = {
        "QueryRetrieveLevel": "IMAGE",
        "RetrieveAETitle": "ARCHIVE",
        "InstanceAvailability": "ONLINE",
        "SOPInstanceUID": "1.2.1.1",
        "SeriesInstanceUID": "1.2.1",  # the unique keys of the levels above, asked for or not
        "StudyInstanceUID": "1.2",
        "PatientName": "Doe^John",
        "StudyDate": "20240110",
        "ModalitiesInStudy": "CT\\MR",
        "NumberOfStudyRelatedInstances": "3",
        "NumberOfPatientRelatedInstances": "4",
        "NumberOfSeriesRelatedInstances": "2",
        "Rows": "512",
        "ImageComments": "",  # supported, without a value
    }
    assert {tag: text(answer, tag) for tag in answer} == {tag_of(name): value for name, value in told.items()}
    assert list(answer) == sorted(answer)


def test_what_is_not_supported_is_told() -> None:
    identifier = made(QueryRetrieveLevel="STUDY", AdmittingTime="", Modality="", StudyDate="", StudyID="")
    asked = Search(STUDY_ROOT, identifier, "ARCHIVE")
    assert sorted(asked.unsupported) == sorted([tag_of("AdmittingTime"), tag_of("Modality")])


def test_character_sets(index: MadeIndex) -> None:
    """That of the request where it has all of the text, else UTF-8; none for ASCII."""

    def charset(asked: str, name: str) -> tuple[str, str]:
        keys: dict[str, Given] = {"SpecificCharacterSet": asked} if asked else {}
        [answer] = search(index, "STUDY", {"StudyInstanceUID": name, "PatientName": "", **keys})
        return text(answer, "SpecificCharacterSet"), text(answer, "PatientName")

    assert charset("ISO_IR 100", "1.3") == ("", "Doe^John")
    assert charset("ISO_IR 192", "1.4") == ("ISO_IR 192", JAPANESE)
    assert charset("\\ISO 2022 IR 87", "1.4") == ("\\ISO 2022 IR 87", JAPANESE)
    assert charset("ISO_IR 100", "1.4") == ("ISO_IR 192", JAPANESE)
    assert charset("", "1.4") == ("ISO_IR 192", JAPANESE)
    assert charset("NONSENSE", "1.4") == ("ISO_IR 192", JAPANESE)


def test_keys_in_another_character_set(index: MadeIndex) -> None:
    identifier = made(QueryRetrieveLevel="STUDY", SpecificCharacterSet="\\ISO 2022 IR 87")
    identifier.charset = b"\\ISO 2022 IR 87"
    identifier[tag_of("PatientName")] = ("PN", JAPANESE.encode("iso2022_jp"))
    asked = Search(STUDY_ROOT, identifier, "ARCHIVE")
    assert sum(len(rows) for rows in asked.pages(index.reader)) == 1


def test_bytes_that_are_no_text_match_nothing(index: MadeIndex) -> None:
    identifier = made(QueryRetrieveLevel="STUDY")
    identifier.charset = b""
    for tag in (tag_of("PatientName"), tag_of("AccessionNumber"), tag_of("StudyDescription")):
        identifier[tag] = ("LO", b"\xe4\xf6*")
        assert list(Search(STUDY_ROOT, identifier, "ARCHIVE").pages(index.reader)) in ([], [[]])
        identifier[tag] = ("LO", b"\xe4")


def test_items_are_returned_as_asked_for(index: MadeIndex) -> None:
    """C.2.2.2.6: the items that match, with the attributes of the key's item."""

    def returned(key: list[DataSet]) -> list[DataSet]:
        [answer] = search(index, "STUDY", {"StudyInstanceUID": "1.2", "ProcedureCodeSequence": key})
        return items(answer, "ProcedureCodeSequence")

    assert [dict(each) for each in returned([made(CodeValue="T-1", CodeMeaning="")])] == [
        {tag_of("CodeValue"): ("SH", b"T-1 "), tag_of("CodeMeaning"): ("LO", "D\xe4umling ".encode())}
    ]
    assert len(returned([])) == 2
    assert [len(each) for each in returned([made()])] == [3, 2]
    assert [len(each) for each in returned([made(CodeValue="")])] == [1, 1]


def test_a_value_without_room_is_left_empty() -> None:
    large = MadeIndex()
    large.put(StudyDescription="x" * 65_535, PatientName="Doe")
    asked = Search(
        STUDY_ROOT, made(QueryRetrieveLevel="STUDY", StudyDescription="", PatientName=""), "ARCHIVE"
    )
    [[row]] = asked.pages(large.reader)
    data, entire = Responses(asked, EXPLICIT).of(row)
    assert not entire
    assert text(decode(data, EXPLICIT), "StudyDescription") == ""
    assert text(decode(data, EXPLICIT), "PatientName") == "Doe"
    assert Responses(asked, IMPLICIT).of(row)[1]


def test_values_come_in_pages() -> None:
    """What is read in one go is a page, so no transaction lasts; what vanishes meanwhile is left out."""
    index = MadeIndex()
    index.fill(PAGE // 100 * 3)
    asked = Search(STUDY_ROOT, made(QueryRetrieveLevel="IMAGE"), "ARCHIVE", relational=True)
    pages = asked.pages(index.reader)
    assert len(next(pages)) == PAGE
    index.connection.execute("DELETE FROM instances WHERE id % 2 = 0")
    assert [len(rows) for rows in pages] == [PAGE // 2, PAGE // 2]
    assert index.readers == 4


# ---------------------------------------------------------------- what cannot be answered


@pytest.mark.parametrize(
    ("model", "keys", "status", "at"),
    [
        (STUDY_ROOT, {}, 0xA900, "QueryRetrieveLevel"),
        (STUDY_ROOT, {"QueryRetrieveLevel": "PATIENT"}, 0xA900, "QueryRetrieveLevel"),
        (STUDY_ROOT, {"QueryRetrieveLevel": "study"}, 0xA900, "QueryRetrieveLevel"),
        (PATIENT_STUDY_ONLY, {"QueryRetrieveLevel": "SERIES"}, 0xA900, "QueryRetrieveLevel"),
        (PATIENT_ROOT, {"QueryRetrieveLevel": "STUDY"}, 0xA900, "PatientID"),
        (PATIENT_ROOT, {"QueryRetrieveLevel": "STUDY", "PatientID": "*"}, 0xA900, "PatientID"),
        (PATIENT_ROOT, {"QueryRetrieveLevel": "STUDY", "PatientID": "P*"}, 0xA900, "PatientID"),
        (STUDY_ROOT, {"QueryRetrieveLevel": "SERIES"}, 0xA900, "StudyInstanceUID"),
        (
            STUDY_ROOT,
            {"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": ["1", "2"]},
            0xA900,
            "StudyInstanceUID",
        ),
        (STUDY_ROOT, {"QueryRetrieveLevel": "IMAGE", "StudyInstanceUID": "1"}, 0xA900, "SeriesInstanceUID"),
        (STUDY_ROOT, {"QueryRetrieveLevel": "STUDY", "SeriesInstanceUID": "1"}, 0xA900, "SeriesInstanceUID"),
        (STUDY_ROOT, {"QueryRetrieveLevel": "STUDY", "StudyDate": "2024"}, 0xC000, "StudyDate"),
        (
            STUDY_ROOT,
            {"QueryRetrieveLevel": "STUDY", "ProcedureCodeSequence": [made(StudyDate="x")]},
            0xC000,
            "ProcedureCodeSequence",
        ),
    ],
)
def test_identifiers_that_cannot_be_answered(
    model: Model, keys: dict[str, Given], status: int, at: str
) -> None:
    with pytest.raises(NoAnswer) as refused:
        Search(model, made(**keys), "ARCHIVE")
    assert (refused.value.number, refused.value.tag) == (status, tag_of(at))
    assert at in refused.value.message
    assert len(refused.value.message) <= 64, "an Error Comment has room for 64 characters"


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientName", ("OB", b"Doe ")),
        ("PatientName", ("SQ", [made()])),
        ("ProcedureCodeSequence", ("LO", b"T-1 ")),
        ("StudyDate", ("ZZ", b"20240110")),
    ],
)
def test_keys_of_another_vr_are_not_taken_for_none(keyword: str, value: tuple[str, Value]) -> None:
    identifier = made(QueryRetrieveLevel="STUDY")
    identifier[tag_of(keyword)] = value
    with pytest.raises(NoAnswer, match=f"{keyword}: VR {value[0]}, not") as refused:
        Search(STUDY_ROOT, identifier, "ARCHIVE")
    assert refused.value.number == 0xC000


def test_relational_queries_need_no_keys_above(index: MadeIndex) -> None:
    assert found(index, "SERIES", "SeriesInstanceUID", {"Modality": "MR"}) == ["1.2.2"]
    assert found(index, "IMAGE", "SOPInstanceUID", {"SOPInstanceUID": "1.4.1.1"}, PATIENT_ROOT) == ["1.4.1.1"]


@pytest.mark.parametrize(
    ("model", "keys", "instances"),
    [
        (PATIENT_ROOT, {"QueryRetrieveLevel": "PATIENT", "PatientID": "P2"}, "1.4.1.1"),
        (PATIENT_ROOT, {"QueryRetrieveLevel": "PATIENT", "PatientID": "P*"}, ""),
        (PATIENT_ROOT, {"QueryRetrieveLevel": "STUDY", "PatientID": "P1", "StudyInstanceUID": "1.4"}, ""),
        (
            STUDY_ROOT,
            {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": ["1.2", "1.4", "1.9"]},
            "1.2.1.1 1.2.1.2 1.2.2.1 1.4.1.1",
        ),
        (
            STUDY_ROOT,
            {
                "QueryRetrieveLevel": "SERIES",
                "StudyInstanceUID": "1.2",
                "SeriesInstanceUID": ["1.2.1", "1.3.1"],
                "Modality": "MR",  # no unique key
            },
            "1.2.1.1 1.2.1.2",
        ),
        (
            STUDY_ROOT,
            {
                "QueryRetrieveLevel": "IMAGE",
                "StudyInstanceUID": "1.2",
                "SeriesInstanceUID": "1.2.1",
                "SOPInstanceUID": ["1.2.1.2", "1.2.2.1"],
            },
            "1.2.1.2",
        ),
    ],
)
def test_instances_to_retrieve(
    index: MadeIndex, model: Model, keys: dict[str, Given], instances: str
) -> None:
    asked = instances_of(index.reader, model, made(**keys))
    assert sorted(each.sop_instance_uid for each in asked) == instances.split()
    assert [each.path for each in asked] == [f"{each.sop_instance_uid}.dcm" for each in asked]
    assert len(asked) == len(instances.split())


@pytest.mark.parametrize(
    ("keys", "at"),
    [
        ({"QueryRetrieveLevel": "STUDY"}, "StudyInstanceUID"),
        ({"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": ""}, "StudyInstanceUID"),
        ({"QueryRetrieveLevel": "SERIES", "SeriesInstanceUID": "1.2.1"}, "StudyInstanceUID"),
        (
            {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "1.2", "SOPInstanceUID": "1.2.1.1"},
            "SOPInstanceUID",
        ),
        ({"StudyInstanceUID": "1.2"}, "QueryRetrieveLevel"),
    ],
)
def test_retrievals_that_cannot_be_answered(index: MadeIndex, keys: dict[str, Given], at: str) -> None:
    """What is missing or too much must never make more instances go than were asked for."""
    with pytest.raises(NoAnswer) as refused:
        instances_of(index.reader, STUDY_ROOT, made(**keys))
    assert (refused.value.number, refused.value.tag) == (0xA900, tag_of(at))


def test_relational_retrievals(index: MadeIndex) -> None:
    keys = made(QueryRetrieveLevel="IMAGE", SOPInstanceUID=["1.2.1.1", "1.4.1.1"])
    assert len(instances_of(index.reader, STUDY_ROOT, keys, relational=True)) == 2
    with pytest.raises(NoAnswer):
        instances_of(index.reader, STUDY_ROOT, made(QueryRetrieveLevel="IMAGE"), relational=True)

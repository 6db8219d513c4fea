"""Our archive asked by others: DCMTK's findscu, pynetdicom's and dcmjs-dimse's SCUs."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at run time
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
)

from tests.support.peers import HOST, dcmjs, dcmtk, requires_dcmjs, requires_dcmtk
from tests.support.served import associated, data_set, serving, store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pynetdicom.association import Association

    from tests.support.served import Served

PENDING, WARNING, SUCCESS, MISMATCH = 0xFF00, 0xFF01, 0x0000, 0xA900
PATIENT_FIND, STUDY_FIND = (
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two patients, three studies, of three series with four instances each."""
    with serving(tmp_path_factory.mktemp("query") / "archive", aet="ARCHIVE") as running:
        with associated(running.port, called="ARCHIVE") as association:
            for study, patient, name in (
                (1, "P1", "Doe^Jane"),
                (2, "P1", "Doe^Jane"),
                (3, "P2", "M\xfcller^Ann"),
            ):
                for series in range(3):
                    for number in range(4):
                        uid = f"1.2.{study}.{series}.{number}"
                        data = data_set(
                            uid,
                            patient=patient,
                            study=f"1.2.{study}",
                            series=f"1.2.{study}.{series}",
                            name=name,
                        )
                        if not name.isascii():
                            data = b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 192" + data
                        assert store(association, uid, data) == SUCCESS
        yield running


def findscu(archive: Served, *words: str) -> str:
    """What findscu says, the responses among it."""
    done = dcmtk("findscu", "-v", "-aec", "ARCHIVE", *words, HOST, archive.port)
    assert done.returncode == 0, done.stderr
    return done.stderr


@requires_dcmtk
def test_findscu_at_all_levels_of_the_patient_root(archive: Served) -> None:
    keys: list[str] = []
    for level, unique, count, key in (
        ("PATIENT", "PatientID", 2, "PatientID=P1"),
        ("STUDY", "StudyInstanceUID", 2, "StudyInstanceUID=1.2.2"),
        ("SERIES", "SeriesInstanceUID", 3, "SeriesInstanceUID=1.2.2.0"),
        ("IMAGE", "SOPInstanceUID", 4, ""),
    ):
        said = findscu(archive, "-P", "-k", f"QueryRetrieveLevel={level}", *keys, "-k", unique)
        assert said.count("(Pending)") == count
        assert "Received Final Find Response (Success)" in said
        keys += ["-k", key]


@requires_dcmtk
@pytest.mark.parametrize(
    ("keys", "count"),
    [
        (["PatientName=doe*"], 2),
        (["PatientName=*"], 3),
        (["PatientName=X*"], 0),
        (["StudyInstanceUID=1.2.1\\1.2.3"], 2),
        (["PatientID=P?", "StudyInstanceUID=1.2.3"], 1),
        (["PatientID=P1' OR 1=1 --"], 0),
    ],
)
@pytest.mark.parametrize("syntax", ["-xe", "-xi", "-xb"])
def test_findscu_with_keys(archive: Served, keys: list[str], count: int, syntax: str) -> None:
    words = [word for key in keys for word in ("-k", key)]
    said = findscu(archive, "-S", syntax, "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID", *words)
    assert said.count("(Pending)") == count


@requires_dcmtk
def test_findscu_cancels(archive: Served) -> None:
    keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", "PatientName=nobody")
    said = findscu(archive, "-S", "--cancel", "1", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID")
    assert "Received Final Find Response" in said
    assert "Received Final Find Response (Success)" in findscu(archive, "-S", *keys)


@requires_dcmtk
def test_findscu_is_told_what_is_wrong(archive: Served) -> None:
    said = findscu(archive, "-S", "-d", "-k", "QueryRetrieveLevel=SERIES", "-k", "SeriesInstanceUID")
    assert "0xa900" in said
    assert "level SERIES needs StudyInstanceUID, one value" in said


@contextmanager
def pynetdicom(archive: Served, extended: bytes = b"") -> Iterator[Association]:
    ae = AE("PYNETDICOM")
    for uid in (PATIENT_FIND, STUDY_FIND):
        ae.add_requested_context(uid)
    negotiation = SOPClassExtendedNegotiation()
    negotiation.sop_class_uid = STUDY_FIND
    negotiation.service_class_application_information = extended
    association = ae.associate(
        HOST, archive.port, ae_title="ARCHIVE", ext_neg=[negotiation] if extended else None
    )
    assert association.is_established
    try:
        yield association
    finally:
        association.release()


def asked(association: Association, level: str, **keys: str) -> tuple[list[int], list[Dataset]]:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    answers = list(association.send_c_find(identifier, STUDY_FIND))
    return [answer.Status for answer, _ in answers], [row for _, row in answers if row is not None]


def test_pynetdicom_finds_studies(archive: Served) -> None:
    with pynetdicom(archive) as association:
        keys = {
            "PatientName": "",
            "NumberOfStudyRelatedSeries": "",
            "NumberOfStudyRelatedInstances": "",
            "SOPClassesInStudy": "",
        }
        statuses, rows = asked(association, "STUDY", PatientID="P1", StudyInstanceUID="", **keys)
        assert statuses == [PENDING, PENDING, SUCCESS]
        assert sorted(str(row.StudyInstanceUID) for row in rows) == ["1.2.1", "1.2.2"]
        assert {str(row.PatientName) for row in rows} == {"Doe^Jane"}
        assert {(row.NumberOfStudyRelatedSeries, row.NumberOfStudyRelatedInstances) for row in rows} == {
            (3, 12)
        }
        assert {str(row.RetrieveAETitle) for row in rows} == {"ARCHIVE"}


def test_pynetdicom_reads_other_characters(archive: Served) -> None:
    with pynetdicom(archive) as association:
        for charset, answered in (
            ("ISO_IR 100", "ISO_IR 100"),
            ("ISO_IR 192", "ISO_IR 192"),
            ("", "ISO_IR 192"),
        ):
            keys = {"SpecificCharacterSet": charset} if charset else {}
            name = "m\xfcll*" if charset else "M*"
            _, [row] = asked(association, "STUDY", PatientName=name, StudyInstanceUID="", **keys)
            assert row.SpecificCharacterSet == answered
            assert str(row.PatientName) == "M\xfcller^Ann"


def test_pynetdicom_is_refused_and_goes_on(archive: Served) -> None:
    with pynetdicom(archive) as association:
        assert asked(association, "IMAGE", SOPInstanceUID="")[0] == [MISMATCH]
        assert asked(association, "STUDY", AdmittingTime="", StudyInstanceUID="1.2.1")[0] == [
            WARNING,
            SUCCESS,
        ]


def test_pynetdicom_negotiates_relational_queries(archive: Served) -> None:
    with pynetdicom(archive, b"\1\1\1") as association:
        [agreed] = association.acceptor.sop_class_extended.items()
        assert agreed == (STUDY_FIND, b"\1\1\0")
        statuses, rows = asked(association, "IMAGE", SOPInstanceUID="1.2.3.1.1", PatientID="P2")
        assert statuses == [PENDING, SUCCESS]
        assert rows[0].StudyInstanceUID == "1.2.3"


@requires_dcmjs
def test_dcmjs_finds_series(archive: Served) -> None:
    keys = {"StudyInstanceUID": "1.2.1", "SeriesInstanceUID": "", "NumberOfSeriesRelatedInstances": ""}
    answers = dcmjs("FIND", f"ARCHIVE@{HOST}:{archive.port}", "SERIES", keys)
    assert [answer["status"] for answer in answers] == [PENDING] * 3 + [SUCCESS]
    found = {answer["data"]["SeriesInstanceUID"] for answer in answers if answer.get("data")}
    assert found == {"1.2.1.0", "1.2.1.1", "1.2.1.2"}

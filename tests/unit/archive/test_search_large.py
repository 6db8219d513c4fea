"""An index of a million instances: which of SQLite's indexes serve a query, and how much memory it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.archive.asked import criteria
from dcmtools.archive.search import Search, instances_of, statement_for
from dcmtools.encoding.dataset import made
from dcmtools.query.models import STUDY_ROOT, Level
from tests.support.indexes import MadeIndex

if TYPE_CHECKING:
    from dcmtools.encoding.dataset import DataSet, Given

STUDIES = 10_000  # of 100 instances each


@pytest.fixture(scope="module")
def million() -> MadeIndex:
    index = MadeIndex()
    index.fill(STUDIES)
    [(count,)] = index.connection.execute("SELECT count(*) FROM instances")
    assert count == 1_000_000
    return index


def plan(index: MadeIndex, level: Level, identifier: DataSet) -> str:
    """What SQLite says of how it finds what matches."""
    statement, parameters = statement_for(level, list(criteria(identifier, level)))
    steps = index.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
    return "\n".join(step[3] for step in steps)


@pytest.mark.parametrize(
    ("level", "keys", "index", "matches"),
    [
        (Level.STUDY, {"StudyInstanceUID": "1.2.77"}, "studies_StudyInstanceUID", 1),
        (Level.STUDY, {"StudyInstanceUID": ["1.2.77", "1.2.78", "1"]}, "studies_StudyInstanceUID", 2),
        (Level.STUDY, {"StudyDate": "20120101"}, "studies_StudyDate", 2),
        (Level.STUDY, {"StudyDate": "20120101-20120107"}, "studies_StudyDate", 14),
        (Level.STUDY, {"StudyDate": "20120101", "ModalitiesInStudy": "CT"}, "studies_StudyDate", 2),
        (Level.STUDY, {"AccessionNumber": "A77"}, "studies_AccessionNumber", 1),
        (Level.STUDY, {"AccessionNumber": "A77*"}, "studies_AccessionNumber", 111),
        (Level.STUDY, {"PatientName": "NAME77*"}, "patients_PatientNameFolded", 16),
        (Level.STUDY, {"PatientName": "name9^given"}, "patients_PatientNameFolded", 1),
        (Level.STUDY, {"PatientID": "P78"}, "sqlite_autoindex_patients_1", 2),
        (Level.SERIES, {"StudyInstanceUID": "1.2.77", "Modality": "CT"}, "studies_StudyInstanceUID", 3),
        (Level.IMAGE, {"SeriesInstanceUID": "1.2.77.1"}, "series_SeriesInstanceUID", 25),
        (Level.IMAGE, {"SOPInstanceUID": "1.2.3.4567"}, "instances_SOPInstanceUID", 1),
        (Level.IMAGE, {"StudyDate": "20120101"}, "studies_StudyDate", 200),
    ],
)
def test_a_query_is_served_by_an_index(
    million: MadeIndex, level: Level, keys: dict[str, Given], index: str, matches: int
) -> None:
    identifier = made(QueryRetrieveLevel=str(level), **keys)
    steps = plan(million, level, identifier)
    print(steps)  # noqa: T201  shown where it fails
    assert f"INDEX {index}" in steps
    for table in ("patients", "studies", "series", "instances", "se", "i"):
        assert f"SCAN {table}\n" not in f"{steps}\n", "no table is read from end to end"
    asked = Search(STUDY_ROOT, identifier, "ARCHIVE", relational=True)
    assert sum(len(rows) for rows in asked.pages(million.reader)) == matches


def test_what_is_below_is_counted_by_indexes(million: MadeIndex) -> None:
    """Of the studies that match, not of all."""
    keys = made(
        QueryRetrieveLevel="STUDY",
        StudyInstanceUID="1.2.77",
        ModalitiesInStudy="",
        SOPClassesInStudy="",
        NumberOfStudyRelatedSeries="",
        NumberOfStudyRelatedInstances="",
        NumberOfPatientRelatedInstances="",
    )
    asked = Search(STUDY_ROOT, keys, "ARCHIVE")
    columns = ", ".join(column.sql for column in asked.columns)
    steps = million.connection.execute(
        f"EXPLAIN QUERY PLAN SELECT {columns} FROM studies"  # noqa: S608  columns of our own
        " JOIN patients ON patients.id = studies.patient WHERE studies.id IN (1, 2)"
    ).fetchall()
    found = "\n".join(step[3] for step in steps)
    print(found)  # noqa: T201  shown where it fails
    assert not [step for step in found.split("\n") if step.startswith("SCAN") and "subquery" not in step]


def test_instances_of_many_studies(million: MadeIndex) -> None:
    uids = [f"1.2.{number}" for number in range(1000)]
    found = instances_of(million.reader, STUDY_ROOT, made(QueryRetrieveLevel="STUDY", StudyInstanceUID=uids))
    assert len(found) == 100_000
    assert next(iter(found)).sop_instance_uid.startswith("1.2.3.")


def test_matches_take_little_memory(million: MadeIndex) -> None:
    """Eight bytes for each match, and a page of values."""
    import tracemalloc

    asked = Search(STUDY_ROOT, made(QueryRetrieveLevel="IMAGE"), "ARCHIVE", relational=True)
    tracemalloc.start()
    try:
        pages = asked.pages(million.reader)
        next(pages)
        next(pages)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000

"""Indexes of archives for tests of searching: rows put in directly, without files."""

# ruff: noqa: S608  statements are made of names in schema.py and of numbers

from __future__ import annotations

import sqlite3
from contextlib import nullcontext
from typing import TYPE_CHECKING

from dcmtools.archive.attributes import ATTRIBUTES
from dcmtools.archive.schema import PARENTS, TABLES, folded, statements
from dcmtools.encoding.dataset import encode, made
from dcmtools.encoding.syntax import EXPLICIT
from dcmtools.query.matching import folded_name
from dcmtools.query.models import LEVELS, UNIQUE_KEYS, Level

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from dcmtools.encoding.dataset import DataSet

# Of each study so many series, and of each series so many instances.
SERIES, INSTANCES = 4, 25


class MadeIndex:
    """An index in memory, or in ``path``, with the part of ``archive.index.Index`` that searches use."""

    def __init__(self, path: str = ":memory:") -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for statement in statements():
            self.connection.execute(statement)
        self.readers = 0

    def catch_up(self, timeout: float = 30.0) -> None:
        """Do nothing: all is there."""

    def reader(self) -> AbstractContextManager[sqlite3.Connection]:
        self.readers += 1
        return nullcontext(self.connection)

    def put(self, **values: str | list[DataSet]) -> None:
        """Put an instance there; what is above it is made unless it is there already."""
        given = {
            "PatientID": "P1",
            "StudyInstanceUID": "1.2",
            "SeriesInstanceUID": "1.2.1",
            "SOPInstanceUID": "1.2.1.1",
            "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
            **values,
        }
        parent = None
        for level in LEVELS:
            parent = self._row(level, parent, given)

    def _row(self, level: Level, parent: int | None, given: dict[str, str | list[DataSet]]) -> int:
        row: dict[str, str | int | bytes | None] = {}
        for keyword, tag, _, _ in ATTRIBUTES[level]:
            value = given.get(keyword)
            if isinstance(value, list):
                row[keyword] = encode(made(SpecificCharacterSet="ISO_IR 192", **{keyword: value}), EXPLICIT)
                continue
            row[keyword] = value
            if tag == UNIQUE_KEYS[level]:
                unique = keyword
        for keyword in [each.keyword for each in ATTRIBUTES[level] if each.vr == "PN"]:
            name = row[keyword]
            row[folded(keyword)] = folded_name(name) if isinstance(name, str) else None
        if level in PARENTS:
            row[PARENTS[level]] = parent
        if level is Level.IMAGE:
            row |= {"path": f"{given['SOPInstanceUID']}.dcm", "transfer_syntax_uid": "1.2.840.10008.1.2.1"}
        known = self.connection.execute(
            f"SELECT id FROM {TABLES[level]} WHERE {unique} = ?", (row[unique],)
        ).fetchone()
        if known:
            return int(known[0])
        marks = ", ".join("?" * len(row))
        cursor = self.connection.execute(
            f"INSERT INTO {TABLES[level]} ({', '.join(row)}) VALUES ({marks})", tuple(row.values())
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def fill(self, studies: int) -> None:
        """Make up studies, of two patients in three one each, with 100 instances each."""
        counted = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?) "
        statement = self.connection.execute
        statement("BEGIN")
        statement(
            counted + "INSERT INTO patients (id, PatientID, PatientName, PatientNameFolded)"
            " SELECT i + 1, 'P' || i, 'Name' || i || '^Given', 'name' || i || '^given' FROM n",
            (studies,),
        )
        statement(
            counted + "INSERT INTO studies (id, patient, StudyInstanceUID, StudyDate, StudyTime,"
            " AccessionNumber, StudyDescription) SELECT i + 1, i / 3 * 2 + i % 3 % 2 + 1, '1.2.' || i,"
            " strftime('%Y%m%d', '2010-01-01', (i % 5000) || ' days'), '1015', 'A' || i, 'Head' FROM n",
            (studies,),
        )
        statement(
            counted + "INSERT INTO series (id, study, SeriesInstanceUID, Modality, SeriesNumber)"
            f" SELECT i + 1, i / {SERIES} + 1, '1.2.' || (i / {SERIES}) || '.' || (i % {SERIES}),"
            f" CASE i % {SERIES} WHEN 0 THEN 'SR' ELSE 'CT' END, CAST(i % {SERIES} AS TEXT) FROM n",
            (studies * SERIES,),
        )
        statement(
            counted + "INSERT INTO instances (id, series, SOPInstanceUID, SOPClassUID, InstanceNumber, path,"
            f" transfer_syntax_uid) SELECT i + 1, i / {INSTANCES} + 1, '1.2.3.' || i,"
            f" '1.2.840.10008.5.1.4.1.1.2', CAST(i % {INSTANCES} AS TEXT), 'files/' || i || '.dcm',"
            " '1.2.840.10008.1.2.1' FROM n",
            (studies * SERIES * INSTANCES,),
        )
        statement("COMMIT")

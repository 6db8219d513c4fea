"""Archives made by hand, and what their indexes hold."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from dcmtools.archive.database import open_database
from dcmtools.archive.holding import repaired_in_batches
from dcmtools.archive.rows import Rows
from dcmtools.archive.schema import joined
from dcmtools.files.meta import file_meta
from dcmtools.files.names import INDEX, place_of
from dcmtools.query.models import Level
from tests.support.served import CT, EXPLICIT, data_set

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.archive.repair import Step

LONG_AGO = 1_600_000_000
UPPER = "PatientID, PatientName, StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID"


def put(
    folder: Path,
    sop: str,
    *,
    patient: str = "P1",
    study: str = "1.2.3",
    series: str = "1.2.3.1",
    name: str = "Doe^Jane",
    data: bytes | None = None,
) -> str:
    """Place a file where the archive in ``folder`` would have it; its path there."""
    *above, stem = place_of(patient, study, series, sop)
    path = "/".join([*above, f"{stem}.dcm"])
    if data is None:
        data = data_set(sop, patient=patient, study=study, series=series, name=name)
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(file_meta(CT, sop, EXPLICIT, "TESTER") + data)
    return path


def put_many(folder: Path, patients: int, studies: int, series: int, instances: int) -> list[str]:
    """So many of each in every one above; their paths."""
    return [
        put(folder, f"1.{p}.{st}.{se}.{i}", patient=f"P{p}", study=f"1.{p}.{st}", series=f"1.{p}.{st}.{se}")
        for p in range(patients)
        for st in range(studies)
        for se in range(series)
        for i in range(instances)
    ]


def age(folder: Path) -> None:
    """Have all folders of an archive modified long ago, so that they are taken for settled."""
    for path, _, _ in os.walk(folder):
        os.utime(path, (LONG_AGO, LONG_AGO))


def repair(folder: Path, *, thorough: bool = False) -> list[Step]:
    """Make or repair the index; what was done to it."""
    root = os.open(folder, os.O_RDONLY)
    try:
        with closing(open_database(str(folder))) as connection:
            return list(repaired_in_batches(Rows(connection, root), thorough=thorough))
    finally:
        os.close(root)


def rows(folder: Path, what: str = f"path, {UPPER}, size, mtime_ns") -> list[tuple[object, ...]]:
    """What the index holds of every instance."""
    with closing(sqlite3.connect(folder / INDEX)) as connection:
        select = f"SELECT {what} FROM {joined(Level.IMAGE)} ORDER BY path"  # noqa: S608  of tests
        return connection.execute(select).fetchall()


def counts(folder: Path) -> dict[str, int]:
    """How many rows each table has."""
    with closing(sqlite3.connect(folder / INDEX)) as connection:
        return {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608  the same
            for table in ("patients", "studies", "series", "instances")
        }


def files(folder: Path) -> list[str]:
    """The paths of all instances."""
    return sorted(str(path.relative_to(folder)) for path in folder.glob("*/*/*/*.dcm"))


def anew(folder: Path) -> list[tuple[object, ...]]:
    """What an index made from nothing holds."""
    for path in folder.glob(f"{INDEX}*"):
        path.unlink()
    repair(folder)
    return rows(folder)

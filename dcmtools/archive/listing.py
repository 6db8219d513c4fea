"""``archive list``: the patients, studies, series or instances of an archive, out of its index."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from dcmtools.archive.asked import column_at, criteria
from dcmtools.archive.columns import COLUMNS
from dcmtools.archive.database import IndexBehind, open_reader
from dcmtools.archive.holding import check_archive, held, repaired_first, wait_until_complete
from dcmtools.archive.schema import TABLES, joined
from dcmtools.archive.search import matches
from dcmtools.archive.storage import HeldError
from dcmtools.encoding.dictionary import name_of, tag_of
from dcmtools.errors import UsageError
from dcmtools.query.models import Level
from dcmtools.results import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.encoding.dataset import DataSet
    from dcmtools.results import Extent

_PATIENT: Final = "patient_id=PatientID patient_name=PatientName"
_FIELDS: Final = {
    Level.PATIENT: f"{_PATIENT} birth_date=PatientBirthDate sex=PatientSex"
    " studies=NumberOfPatientRelatedStudies series=NumberOfPatientRelatedSeries"
    " instances=NumberOfPatientRelatedInstances",
    Level.STUDY: f"{_PATIENT} study_date=StudyDate accession_number=AccessionNumber"
    " modalities=ModalitiesInStudy description=StudyDescription series=NumberOfStudyRelatedSeries"
    " instances=NumberOfStudyRelatedInstances study_instance_uid=StudyInstanceUID",
    Level.SERIES: "patient_id=PatientID study_instance_uid=StudyInstanceUID modality=Modality"
    " number=SeriesNumber description=SeriesDescription instances=NumberOfSeriesRelatedInstances"
    " series_instance_uid=SeriesInstanceUID",
    Level.IMAGE: "patient_id=PatientID study_instance_uid=StudyInstanceUID"
    " series_instance_uid=SeriesInstanceUID number=InstanceNumber sop_class_uid=SOPClassUID"
    " sop_instance_uid=SOPInstanceUID",
}
_COUNTS: Final = ("studies", "series", "instances")


def fields(level: Level) -> list[str]:
    """Return the fields of the records that tell of entities of ``level``, in their order."""
    return [*[word.partition("=")[0] for word in _FIELDS[level].split()], *_own(level)]


def listed(folder: str, level: Level, keys: DataSet, extent: Extent) -> Iterator[Result]:
    """Yield a result for each entity of ``level`` that matches ``keys``, of its level and those above.

    The index is repaired first, and what it cannot hold is a failed result, unless a server does that.
    Raises InputError where the folder is no archive, UsageError for keys that the index does not hold, and
    IndexBehind where it cannot be read.
    """
    check_archive(folder)
    for tag in keys:
        if column_at(tag, level) is None:
            raise UsageError(f"{name_of(tag)}: the index does not hold it at {level} level")
    try:
        with held(folder) as rows:
            yield from repaired_first(folder, rows, extent)
    except HeldError:
        pass
    try:
        with closing(open_reader(folder)) as connection:
            wait_until_complete(connection, extent)
            yield from _found(folder, connection, level, keys)
    except sqlite3.Error as error:
        raise IndexBehind(f"{folder}: the index cannot be read: {error}") from error


def _own(level: Level) -> tuple[str, ...]:
    return ("transfer_syntax_uid", "bytes", "file") if level is Level.IMAGE else ()


def _found(folder: str, connection: sqlite3.Connection, level: Level, keys: DataSet) -> Iterator[Result]:
    names = fields(level)
    columns = [COLUMNS[tag_of(word.partition("=")[2])].sql for word in _FIELDS[level].split()]
    own = ["transfer_syntax_uid", "size", "path"] if _own(level) else []
    select = f"SELECT {', '.join([*columns, *own])} FROM {joined(level)} WHERE {TABLES[level]}.id = ?"
    for number in matches(connection, level, list(criteria(keys, level, combined=False))):
        row = connection.execute(select, (number,)).fetchone()
        if row is None:  # removed meanwhile
            continue
        record = dict(zip(names, row, strict=True))
        for name in _COUNTS:
            if name in record:
                record[name] = int(record[name])
        if "file" in record:
            record["file"] = os.path.join(folder, record["file"])
        yield Result(str(record[_item(level)]), {"level": str(level), **record})


def _item(level: Level) -> str:
    """Return the field that tells entities of ``level`` apart."""
    return {Level.PATIENT: "patient_id", Level.IMAGE: "sop_instance_uid"}.get(
        level, f"{level.lower()}_instance_uid"
    )

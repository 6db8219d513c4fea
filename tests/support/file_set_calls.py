"""``dcmtools dicomdir`` on media in tests: made small, looked at with pydicom, verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import dcmread

from tests.support.instances import write_instance
from tests.support.run import Run, run

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = {
    "PatientID": "P1",
    "PatientName": "Doe^Jane",
    "StudyInstanceUID": "1.2.3",
    "SeriesInstanceUID": "1.2.3.4",
    "SeriesNumber": 1,
    "StudyID": "1",
    "StudyTime": "101112",
}


def instance(path: Path, number: int = 1, **values: object) -> Path:
    """Write an image whose SOP Instance UID ends with ``number``."""
    given = {"SOPInstanceUID": f"1.2.3.4.{number}", "InstanceNumber": number}
    return write_instance(path, **WHOLE | given | values)


def another_patient(path: Path, number: int) -> Path:
    """Write an image of somebody else."""
    return instance(
        path,
        number,
        PatientID="P2",
        PatientName="Roe^Jim",
        StudyInstanceUID="1.2.9",
        SeriesInstanceUID="1.2.9.4",
    )


def made(folder: Path) -> Path:
    """Return a medium with two images of one patient, and one of another."""
    for number in (1, 2):
        instance(folder / "in" / f"{number}.dcm", number)
    another_patient(folder / "in" / "3.dcm", 3)
    assert run("dicomdir", "create", folder / "in", "-o", folder / "medium", "-q").status == 0
    return folder / "medium"


def listed(medium: Path) -> dict[str, str]:
    """Return the File IDs by the last part of the SOP Instance UID, as pydicom reads them."""
    records = [
        each for each in dcmread(medium / "DICOMDIR").DirectoryRecordSequence if "ReferencedFileID" in each
    ]
    return {
        each.ReferencedSOPInstanceUIDInFile.rpartition(".")[2]: "/".join(each.ReferencedFileID)
        for each in records
    }


def values(medium: Path, keyword: str) -> list[object]:
    """Return the values of all records that have this key."""
    return [
        each[keyword].value
        for each in dcmread(medium / "DICOMDIR").DirectoryRecordSequence
        if keyword in each
    ]


def files(medium: Path) -> set[str]:
    """Return what is on a medium beside its DICOMDIR."""
    found = {str(path.relative_to(medium)) for path in medium.rglob("*") if path.is_file()}
    return found - {"DICOMDIR"}


def faults(medium: Path, *, warnings: bool = True) -> list[str]:
    """Return the kinds of what ``verify`` finds."""
    found = run("dicomdir", "verify", medium, "--format", "json").records
    counted = ("error", "warning") if warnings else ("error",)
    return [each["kind"] for each in found if each.get("severity") in counted]


def dicomdir(command: str, *args: object) -> Run:
    """Call a command of the family."""
    return run("dicomdir", command, *args)

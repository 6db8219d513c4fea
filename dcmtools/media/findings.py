"""What is wrong with a medium: one finding each, and how many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.errors import CheckFailed
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from dcmtools.files.directory_records import Record

ERROR: Final = "error"
WARNING: Final = "warning"
NOTE: Final = "note"
NO_RECORD: Final = -1
_LONGEST_TYPE: Final = 40


class Finding(NamedTuple):
    """Something wrong, of a ``kind`` that is a stable word; what is worth a NOTE is not.

    ``record`` is the number of the record that it is about, from 0 in the order of the DICOMDIR, NO_RECORD
    for none, ``type`` what it is, ``offset`` where. ``path`` is that of a file on the medium.
    """

    kind: str
    message: str
    severity: str = ERROR
    record: int = NO_RECORD
    type: str = ""
    offset: int | None = None
    path: str | None = None

    def result(self, directory: str) -> Result:
        """Return the result for it, on a medium with the DICOMDIR at ``directory``."""
        item = self.path or directory
        record = self._record(directory)
        if self.severity == ERROR:
            return Result.failed(item, CheckFailed(self._told()), record)._replace(counted=0)
        outcome = Outcome.WARNING if self.severity == WARNING else Outcome.DONE
        return Result(item, record, outcome, note=self._told(), counted=0, weighs=False)

    def _told(self) -> str:
        if self.record == NO_RECORD or self.message.startswith(f"record {self.record}"):
            return self.message
        return f"record {self.record} ({self.type[:_LONGEST_TYPE]}): {self.message}"

    def _record(self, directory: str) -> dict[str, object]:
        return {
            "file": directory,
            "kind": self.kind,
            "severity": self.severity,
            "record": None if self.record == NO_RECORD else self.record,
            "type": self.type or None,
            "offset": self.offset,
            "path": self.path,
            "message": self.message,
        }


def of_record(
    record: Record, kind: str, message: str, *, severity: str = ERROR, path: str | None = None
) -> Finding:
    """Return what was found about a record."""
    return Finding(kind, message, severity, record.number, record.type, record.offset, path)


class Totals:
    """What a run has looked at, and found."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.records = 0
        self.files = 0
        self.errors = 0
        self.warnings = 0

    def add(self, finding: Finding) -> None:
        """Count a finding."""
        self.errors += finding.severity == ERROR
        self.warnings += finding.severity == WARNING

    def __str__(self) -> str:
        """Return what the closing line says behind the number of records."""
        parts = [
            f"{self.files} file{'' if self.files == 1 else 's'} verified",
            *([f"{self.errors} error{'' if self.errors == 1 else 's'}"] if self.errors else ()),
            *([f"{self.warnings} warning{'' if self.warnings == 1 else 's'}"] if self.warnings else ()),
        ]
        return "and " + ", ".join(parts)

"""Of which patient, study and series a record is, as the records above it say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.tags import PATIENT_ID, SERIES_INSTANCE_UID, STUDY_INSTANCE_UID
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.files.directory import Directory
    from dcmtools.files.directory_records import Record

_TAGS: Final = {"PATIENT": PATIENT_ID, "STUDY": STUDY_INSTANCE_UID, "SERIES": SERIES_INSTANCE_UID}


class Lineage:
    """Answers for one record after the other, which is cheap where those of a series come together."""

    def __init__(self, directory: Directory) -> None:
        """Read what is needed of an open ``directory`` when it is needed."""
        self._directory = directory
        self._last: tuple[int, dict[int, str]] = (-1, {})

    def of(self, record: Record) -> dict[int, str]:
        """Return what is known of a record by tag: Patient ID, UIDs of study and series."""
        parent = self._directory.tree.parent[record.number]
        if parent != self._last[0]:
            above = [(_TAGS.get(each.type, 0), each) for each in self._directory.above(record.number)]
            values = {tag: self._text(each, tag) for tag, each in above if tag}
            self._last = parent, {tag: value for tag, value in values.items() if value}
        return self._last[1]

    def _text(self, record: Record, tag: int) -> str:
        try:
            return self._directory.texts(record, (tag,)).get(tag, "").strip(" ")
        except InputError:  # of a record that is too long to be read
            return ""

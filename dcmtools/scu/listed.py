"""What is to be retrieved, from a list: JSON Lines of dcmtools, bare UIDs, or rows whose first is one.

A record names what it is about in the fields ``patient_id``, ``study_instance_uid`` and so on, a table in the
columns that its header calls by keyword or by these names.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, BinaryIO, Final

from dcmtools.errors import InputError, Interrupted
from dcmtools.files.source import STDIN
from dcmtools.query.models import LEVELS, Level
from dcmtools.results import Outcome, Result
from dcmtools.scu.selection import NAMES, checked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from dcmtools.net.stop import Stop
    from dcmtools.scu.selection import Retrieval, Selection

_LONGEST: Final = 16 * 1024 * 1024  # of a line, which may hold a data set
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_FIELDS: Final = {
    Level.PATIENT: ("patient_id", "PatientID"),
    Level.STUDY: ("study_instance_uid", "StudyInstanceUID"),
    Level.SERIES: ("series_instance_uid", "SeriesInstanceUID"),
    Level.IMAGE: ("sop_instance_uid", "SOPInstanceUID"),
}
_NAMES: Final = {name: level for level, names in _FIELDS.items() for name in names}
_NOTHING: Final = "nothing to retrieve is listed"
_COMPLETE: Final = "find --format json says of each line which level it is of, and what it belongs to"
_SEVERAL: Final = "sop_instance_uids"


def listed(selection: Selection, path: str, stop: Stop) -> Iterator[Retrieval | Result]:
    """Yield what the lines of the file at ``path``, ``-`` for standard input, name.

    Each line that names nothing is a failed result, and so is a list that cannot be read to its end, or has
    no lines.
    """
    lines = _Lines(selection)
    where = "standard input" if path == STDIN else path
    number = 0
    try:
        for number, line in enumerate(_read(path, stop), 1):
            try:
                yield from lines.retrievals(line)
            except InputError as error:
                yield _failed(f"{where}, line {number}", error.message, error.hint)
        if not lines.named:
            yield _failed(where, _NOTHING, "find says why, or has found nothing")
    except (OSError, InputError) as error:
        reason, hint = (
            (error.message, error.hint) if isinstance(error, InputError) else (f"{error.strerror}", "")
        )
        yield _failed(where, f"{reason}, after {number} lines" if number else reason, hint)


def _failed(where: str, message: str, hint: str = "") -> Result:
    return Result("", {}, Outcome.FAILED, text="", error=InputError(f"{where}: {message}", hint=hint))


def _read(path: str, stop: Stop) -> Iterator[str]:
    """Yield the lines; raises InputError for one that is too long, Interrupted where the user stops it."""
    stop.breaks = "stopped by the user before there was a list"  # a FIFO waits for its writer
    try:
        opened = _opened(path)
    finally:
        stop.breaks = ""
    with opened as file:
        first = True
        while True:
            stop.breaks = "stopped by the user before all of the list was read"
            try:
                if stop.count:  # since the last line
                    raise Interrupted(stop.breaks)
                line = file.readline(_LONGEST)
            finally:
                stop.breaks = ""
            if not line:
                return
            if len(line) >= _LONGEST:
                raise InputError(f"a line has {_LONGEST} bytes or more")
            if first and line.startswith(_UTF_16):
                raise InputError("it is UTF-16, as > of PowerShell writes it", hint="a list is read as UTF-8")
            first = False
            yield line.decode("utf-8", "replace").strip("\ufeff\r\n")


def _opened(path: str) -> AbstractContextManager[BinaryIO]:
    if path != STDIN:
        return open(path, "rb")
    if sys.stdin is None:
        raise InputError("it is closed")
    return nullcontext(sys.stdin.buffer)


class _Lines:
    """Lines one after the other: the first may be the header of those that follow."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._above = {level: values[0] for level, values in selection.unique().items()}
        self._header: list[Level | None] = []
        self._separator = "\t"
        self._first = True
        self.named = 0

    def retrievals(self, line: str) -> Iterator[Retrieval]:
        """Yield what a line names; raises InputError where that is nothing."""
        if not line.strip() or line.startswith("#"):
            return
        first, self._first = self._first, False
        if line.lstrip().startswith("{"):
            self.named += 1
            yield from self._of_record(line)
        elif line.lstrip().startswith("["):
            self.named += 1
            hint = "JSON Lines are wanted, as --format json prints them; dicom-json is not read"
            raise InputError("a JSON array is no list", hint=hint)
        elif not (first and self._is_header(line)):
            self.named += 1
            yield self._of_row(line)

    def _is_header(self, line: str) -> bool:
        self._separator = "\t" if "\t" in line or "," not in line else ","
        self._header = [_NAMES.get(cell) for cell in self._cells(line)]
        return any(self._header)

    def _cells(self, line: str) -> list[str]:
        if self._separator == ",":
            from csv import reader

            return [cell.strip().removeprefix("'") for cell in next(reader([line]))]
        return [cell.strip() for cell in line.split("\t")]

    def _of_row(self, line: str) -> Retrieval:
        cells = self._cells(line)
        if any(self._header):
            pairs = zip(self._header, cells, strict=False)
            return self._retrieval({level: cell for level, cell in pairs if level and cell})
        level = self._selection.level or Level.STUDY
        try:
            return checked(level, {**self._above, level: cells[0]}, self._selection)
        except InputError as error:
            error.hint = f"{error.hint}; {_COMPLETE}" if error.hint else _COMPLETE
            raise

    def _of_record(self, line: str) -> Iterator[Retrieval]:
        import json

        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError("it begins like a JSON object, and is none") from error
        keys = {}
        for level, (field, _) in _FIELDS.items():
            value = record.get(field)
            if isinstance(value, str) and value:
                keys[level] = value
        said = record.get("level")
        at = Level(said) if said in LEVELS else None
        several = record.get(_SEVERAL)
        if not isinstance(several, list) or not several or self._selection.level not in (None, Level.IMAGE):
            several = [keys.get(Level.IMAGE, "")]
        for uid in several:
            yield self._retrieval({**keys, Level.IMAGE: str(uid)}, at)

    def _retrieval(self, keys: Mapping[Level, str], said: Level | None = None) -> Retrieval:
        known = {level: value for level, value in {**self._above, **keys}.items() if value}
        levels = [level for level in LEVELS if level in known and level in self._selection.model.levels]
        if not levels:
            names = ", ".join(NAMES[level] for level in self._selection.model.levels)
            hint = "-P, the patient root model, has patients" if Level.PATIENT in known else ""
            raise InputError(f"it has none of {names}", hint=hint)
        level = self._selection.level or (said if said in levels else levels[-1])
        return checked(level, known, self._selection)

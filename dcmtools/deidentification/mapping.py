"""Which new identifiers patients get, as a trial gives them, and a list of those that were given.

Both are CSV whose header has ``id_old`` and ``id_new``. They are what joins people to their pseudonyms.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from csv import Error as CsvError
from csv import reader, writer
from io import StringIO
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.forms import check_values
from dcmtools.errors import DcmtoolsError, ExitStatus, OutputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Self

_OLD: Final = "id_old"
_NEW: Final = "id_new"
_ISSUER: Final = "issuer_old"
_NAME: Final = "name_new"
_COLUMNS: Final = (_OLD, _NEW, _ISSUER, _NAME)
_PLAIN: Final = (_OLD, _NEW)
_LONGEST: Final = 64 * 1024 * 1024  # bytes of a map, which is kept in memory
_REMEMBERED: Final = 50_000
_TELLING: Final = 4  # characters of a Patient ID from which on it is no chance that others have it in them


class MissingPatient(DcmtoolsError):
    """The map does not have the patient of a file, and has to."""

    status = ExitStatus.USAGE
    code = "not-in-map"


class Given(NamedTuple):
    """The Patient ID, and the name where one is given, that stand for a patient."""

    id: str
    name: str = ""


class PatientMap:
    """The patients that a map has, by Patient ID and issuer; an issuer that is not given is any."""

    def __init__(
        self, patients: Mapping[tuple[str, str], Given], *, complete: bool = True, notes: Sequence[str] = ()
    ) -> None:
        """Hold ``patients``; one who is not among them is an error where the map is to be ``complete``.

        ``notes`` are remarks on what it says.
        """
        self._patients = patients
        self._complete = complete
        self.notes = notes

    def find(self, patient_id: str, issuer: str) -> Given | None:
        """Return what stands for a patient, None where others than the map decide it.

        Raises MissingPatient, which tells nothing of whom.
        """
        found = self._patients.get((patient_id, issuer)) or self._patients.get((patient_id, ""))
        if found is None and self._complete:
            raise MissingPatient(
                "the patient is not in the map",
                hint="--map-missing hash gives those who are not an identifier derived from the key",
            )
        return found


def read_map(path: str, *, complete: bool = True) -> PatientMap:
    """Return the map in the CSV file at ``path``; raise UsageError that names the line of what is wrong.

    Without a header that has ``id_old`` the rows are of old and new Patient ID.
    """
    rows = _rows(path, _text(path))
    first = next(rows, None)
    if first is None:
        raise UsageError(f"{path}: the map is empty")
    _, cells = first
    columns: Sequence[str] = [cell.strip().lower() for cell in cells]
    if _OLD in columns:
        _check_header(path, first[0], columns)
    else:
        columns, rows = _PLAIN, _with_first(first, rows)
    return _collected(path, columns, rows, complete=complete)


def _text(path: str) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(_LONGEST + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path or repr(path)}: {getattr(error, 'strerror', None) or error}") from error
    if len(data) > _LONGEST:
        raise UsageError(f"{path}: a map has {_LONGEST} bytes at most")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}: line {line}: this is not UTF-8") from error


def _rows(path: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not empty, each with the number of the line that it ends on."""
    head = text.partition("\n")[0]
    delimiter = next((mark for mark in ",;\t" if mark in head), ",")
    found = reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    try:
        for row in found:
            if any(cell.strip() for cell in row):
                yield found.line_num, row
    except CsvError as error:
        raise UsageError(f"{path}: line {found.line_num}: {error}") from error


def _with_first(
    first: tuple[int, list[str]], rows: Iterable[tuple[int, list[str]]]
) -> Iterator[tuple[int, list[str]]]:
    yield first
    yield from rows


def _check_header(path: str, line: int, columns: Sequence[str]) -> None:
    for name in columns:
        if name not in _COLUMNS:
            raise UsageError(f"{path}: line {line}: {name!r} is no column; known are {', '.join(_COLUMNS)}")
    if _NEW not in columns:
        raise UsageError(f"{path}: line {line}: there is no column {_NEW}")
    if len(set(columns)) < len(columns):
        raise UsageError(f"{path}: line {line}: a column is there twice")


def _collected(
    path: str, columns: Sequence[str], rows: Iterable[tuple[int, list[str]]], *, complete: bool
) -> PatientMap:
    patients: dict[tuple[str, str], Given] = {}
    lines: dict[tuple[str, str], int] = {}
    taken: dict[str, int] = {}
    notes = []
    for line, cells in rows:
        patient, given = _entry(path, line, columns, cells)
        if patient in patients and patients[patient] != given:
            raise UsageError(
                f"{path}: line {line}: line {lines[patient]} has another {_NEW} for this patient"
            )
        if patient not in patients and given.id in taken:
            notes.append(f"{path}: line {line}: line {taken[given.id]} has this {_NEW}, too: they become one")
        patients[patient] = given
        lines.setdefault(patient, line)
        taken.setdefault(given.id, line)
    _check_new(path, patients, lines)
    return PatientMap(patients, complete=complete, notes=notes)


def _check_new(
    path: str, patients: Mapping[tuple[str, str], Given], lines: Mapping[tuple[str, str], int]
) -> None:
    """Raise UsageError where what is new tells of somebody: it is an old Patient ID, or has that in it."""
    olds: dict[str, int] = {}
    for patient, line in lines.items():
        olds.setdefault(patient[0].casefold(), line)
    for patient, given in patients.items():
        old, where = patient[0].casefold(), f"{path}: line {lines[patient]}"
        for name, new in ((_NEW, given.id.casefold()), (_NAME, given.name.casefold())):
            if new in olds:
                whose = "its own" if new == old else f"that of line {olds[new]}"
                raise UsageError(f"{where}: {name} is an {_OLD}, {whose}: it would tell who the patient is")
            if len(old) >= _TELLING and old in new:
                raise UsageError(f"{where}: {name} has {_OLD} in it: it would tell who the patient is")


def _entry(
    path: str, line: int, columns: Sequence[str], cells: Sequence[str]
) -> tuple[tuple[str, str], Given]:
    if len(cells) != len(columns):
        many = f"{len(cells)} columns, not {len(columns)}"
        raise UsageError(f"{path}: line {line}: {many}", hint=f"a header names them: {', '.join(_COLUMNS)}")
    row = dict(zip(columns, (cell.strip() for cell in cells), strict=True))
    given = Given(row[_NEW], row.get(_NAME, ""))
    for name, vr, value in ((_NEW, "LO", given.id), (_NAME, "PN", given.name)):
        try:
            check_values(vr, "1", value)
        except ValueError:  # which says what stands there
            raise UsageError(f"{path}: line {line}: {name} is no value of VR {vr}") from None
        if not value.isascii():
            raise UsageError(f"{path}: line {line}: {name} is not ASCII, which every file can hold")
    if not row[_OLD] or not given.id:
        raise UsageError(f"{path}: line {line}: {_OLD if not row[_OLD] else _NEW} is empty")
    return (row[_OLD], row.get(_ISSUER, "")), given


class MapFile:
    """A new file of old and new identifiers, readable by its owner alone, that grows as they are given.

    What is told is in the file before ``add`` returns, so that of whatever has been named since the pairs
    are there, should the run come to a sudden end. A pair is there once, unless very many others came in
    between.
    """

    def __init__(self, path: str) -> None:
        """Make the file at ``path``; raise UsageError where one is there, or cannot be."""
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
            self._fd = os.open(path, flags, 0o600)
        except FileExistsError as error:
            hint = "a map is the only way back: it is never replaced"
            raise UsageError(f"{path}: there is a file already", hint=hint) from error
        except (OSError, ValueError) as error:
            raise UsageError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
        self._path = path
        self._known: OrderedDict[Sequence[str], None] = OrderedDict()
        self.add([_PLAIN])

    def add(self, pairs: Iterable[Sequence[str]]) -> None:
        """Write those of ``pairs``, each old and new, that are not there; raise OutputError."""
        rows = StringIO()
        writer(rows, lineterminator="\n").writerows([pair for pair in pairs if self._is_new(pair)])
        data = rows.getvalue().encode("utf-8", "surrogatepass")
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            raise OutputError(f"{self._path}: {error.strerror or error}") from error

    def _is_new(self, pair: Sequence[str]) -> bool:
        if pair in self._known:
            self._known.move_to_end(pair)
            return False
        self._known[pair] = None
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return True

    def __enter__(self) -> Self:
        """Write in a ``with`` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Force it to disk, and close it; raises OutputError."""
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise OutputError(f"{self._path}: {error.strerror or error}") from error
        finally:
            os.close(self._fd)

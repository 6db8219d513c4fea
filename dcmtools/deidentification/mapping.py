"""Which new identifiers patients get, as a trial gives them, and a list of those that were given.

Both are CSV whose header has ``id_old`` and ``id_new``. They are what joins people to their pseudonyms.
"""

from __future__ import annotations

import fcntl
import os
import stat
from contextlib import suppress
from csv import Error as CsvError
from csv import reader, writer
from hashlib import blake2b
from io import StringIO
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.deidentification.cells import escaped, unescaped
from dcmtools.encoding.forms import check_values
from dcmtools.errors import DcmtoolsError, ExitStatus, OutputError, UsageError
from dcmtools.files.csvfile import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Self

_OLD: Final = "id_old"
_NEW: Final = "id_new"
_ISSUER: Final = "issuer_old"
_NAME: Final = "name_new"
_COLUMNS: Final = (_OLD, _NEW, _ISSUER, _NAME)
_PLAIN: Final = (_OLD, _NEW)
_DIGEST: Final = 12
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_ANOTHER_KEY: Final = "this run has another key, map or issuer, and what it makes does not join what is there"
_TELLING: Final = 4  # characters of a Patient ID from which on it is no chance that others have it in them


class MissingPatient(DcmtoolsError):
    """The map does not have the patient of a file, and has to."""

    status = ExitStatus.USAGE
    code = "not-in-map"
    shared = True


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
        self.notes: Sequence[str] = notes

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


def read_map(path: str, *, complete: bool = True, merging: bool = False) -> PatientMap:
    """Return the map in the CSV file at ``path``; raise UsageError that names the line of what is wrong.

    Without a header the rows are of old and new Patient ID. Where it is ``merging`` patients, several may
    become one.
    """
    rows = rows_of(path)
    first = next(rows, None)
    if first is None:
        raise UsageError(f"{path}: the map is empty")
    _, cells = first
    columns: Sequence[str] = [cell.strip().lower() for cell in cells]
    if not set(columns).isdisjoint(_COLUMNS):
        _check_header(path, first[0], columns)
        return _collected(path, columns, rows, complete=complete, merging=merging)
    found = _collected(path, _PLAIN, _with_first(first, rows), complete=complete, merging=merging)
    if not any(map(str.isdigit, "".join(columns))):
        line = f"{path}: line {first[0]}"
        found.notes = (*found.notes, f"{line}: taken for a patient; a header would be {','.join(_PLAIN)}")
    return found


def _of_others(path: str) -> Iterator[str]:
    """Yield what is to be remarked on who may read the map."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return
    if stat.S_ISREG(mode) and mode & _OTHERS:
        yield f"{path}: others than its owner may read who becomes whom; chmod 600 {path}"


def _with_first(
    first: tuple[int, list[str]], rows: Iterable[tuple[int, list[str]]]
) -> Iterator[tuple[int, list[str]]]:
    yield first
    yield from rows


def _check_header(path: str, line: int, columns: Sequence[str]) -> None:
    for name in columns:
        if name not in _COLUMNS:
            raise UsageError(f"{path}: line {line}: {name!r} is no column; known are {', '.join(_COLUMNS)}")
    for name in _PLAIN:
        if name not in columns:
            raise UsageError(f"{path}: line {line}: there is no column {name}")
    if len(set(columns)) < len(columns):
        raise UsageError(f"{path}: line {line}: a column is there twice")


def _collected(
    path: str, columns: Sequence[str], rows: Iterable[tuple[int, list[str]]], *, complete: bool, merging: bool
) -> PatientMap:
    patients: dict[tuple[str, str], Given] = {}
    lines: dict[tuple[str, str], int] = {}
    taken: dict[str, int] = {}
    notes = [*_of_others(path)]
    for line, cells in rows:
        patient, given = _entry(path, line, columns, cells)
        if patient in patients and patients[patient] != given:
            raise UsageError(
                f"{path}: line {line}: line {lines[patient]} has another {_NEW} for this patient"
            )
        if patient not in patients and given.id in taken:
            message = f"{path}: line {line}: line {taken[given.id]} has this {_NEW}, too: they become one"
            if not merging:
                hint = "--map-merge allows that, for a patient with several Patient IDs"
                raise UsageError(message, hint=hint)
            notes.append(message)
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
    row |= {name: unescaped(row[name]) for name in (_OLD, _NEW, _ISSUER) if name in row}
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
    """A file of old and new identifiers, readable by its owner alone, that grows as they are given.

    One that an earlier run has begun goes on; what is in it stays. What is told is in the file before ``add``
    returns, so that of whatever has been named since the pairs are there, should the run come to a sudden
    end. A pair is there once: digests of all are kept in memory. ``doubt`` says where something has become
    another thing than in an earlier run.
    """

    def __init__(self, path: str) -> None:
        """Open the file at ``path``, or make it; raise UsageError where it cannot be, or is no such map."""
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
            self._fd = os.open(path, flags, 0o600)
        except (OSError, ValueError) as error:
            raise UsageError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
        self._path = path
        self._known: set[bytes] = set()
        self._lines: dict[bytes, int] = {}  # of what was there before, by what is old
        self.doubt = ""
        try:
            self._check()
            self._take_in()
            size = os.fstat(self._fd).st_size
            if size and os.pread(self._fd, 1, size - 1) != b"\n":  # as some editors leave it
                self._write(b"\n")
            self.add([_PLAIN])
        except BaseException:
            os.close(self._fd)
            raise

    def _check(self) -> None:
        """Raise UsageError unless it is a file for its owner alone, and for this run alone."""
        mode = os.fstat(self._fd).st_mode
        if not stat.S_ISREG(mode):
            raise UsageError(f"{self._path}: this is no file that could hold a map")
        if mode & _OTHERS:
            hint = f"chmod 600 {self._path}"
            raise UsageError(f"{self._path}: others than its owner may read it", hint=hint)
        with suppress(OSError):  # a file system without locks
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                hint = "let it end, or give this one a map of its own"
                raise UsageError(f"{self._path}: another run writes to it", hint=hint) from error

    def _take_in(self) -> None:
        """Take note of the pairs that are there; raise UsageError where that is not what is there."""
        hint = "what is in a file is never replaced: give another name"
        unlike = UsageError(f"{self._path}: there is a file already, which --map-out has not made", hint=hint)
        first = True
        with open(os.dup(self._fd), encoding="utf-8", errors="surrogatepass", newline="") as file:
            try:
                for number, cells in enumerate(reader(file, strict=True), 1):
                    if first and tuple(cells) != _PLAIN:
                        raise unlike
                    first = False
                    self._known.add(_digest(_row(cells)))
                    self._lines.setdefault(_digest(cells[0] if cells else ""), number)
            except (CsvError, UnicodeDecodeError) as error:
                raise unlike from error

    def add(self, pairs: Iterable[Sequence[str]]) -> None:
        """Write those of ``pairs``, each old and new, that are not there; raise OutputError."""
        written = [[*map(escaped, pair)] for pair in pairs]
        new = [pair for pair in written if self._is_new(_row(pair))]
        for old, _ in new if self._lines and not self.doubt else ():
            if line := self._lines.get(_digest(old)):
                self.doubt = f"{self._path}: line {line}: there the same has another {_NEW}: {_ANOTHER_KEY}"
        self._write("".join([f"{_row(pair)}\n" for pair in new]).encode("utf-8"))

    def _write(self, data: bytes) -> None:
        """Append ``data``, or nothing of it, so that no row is ever half a row."""
        size = os.fstat(self._fd).st_size
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._fd, size)
            raise OutputError(f"{self._path}: {error.strerror or error}") from error

    def _is_new(self, row: str) -> bool:
        before = len(self._known)
        self._known.add(_digest(row))
        return len(self._known) > before

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


def _row(pair: Sequence[str]) -> str:
    """Return ``pair`` as a line of CSV, without its end."""
    made = StringIO()
    writer(made, lineterminator="").writerow(pair)
    return made.getvalue()


def _digest(row: str) -> bytes:
    return blake2b(row.encode("utf-8", "surrogatepass"), digest_size=_DIGEST).digest()

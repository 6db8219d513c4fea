"""``dicomdir list``: what is on a medium, out of the records of its DICOMDIR alone."""

from __future__ import annotations

from array import array
from functools import cached_property
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.dataset import values
from dcmtools.encoding.dictionary import lookup, name_of, tag_of
from dcmtools.encoding.uids import uid_name
from dcmtools.errors import DamagedError, InputError, UsageError
from dcmtools.escaping import escape
from dcmtools.files.directory import Directory
from dcmtools.files.directory_tree import NONE
from dcmtools.files.file_ids import shown
from dcmtools.files.medium import Medium
from dcmtools.query.matching import value_test
from dcmtools.results import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dcmtools.encoding.dataset import DataSet
    from dcmtools.files.directory_records import Record
    from dcmtools.query.matching import Test

PATIENT, STUDY, SERIES, INSTANCE = "patient", "study", "series", "instance"
_PATIENT: Final = "patient_id=PatientID patient_name=PatientName"
_FIELDS: Final = {
    PATIENT: f"{_PATIENT} birth_date=PatientBirthDate sex=PatientSex studies series instances",
    STUDY: f"{_PATIENT} study_date=StudyDate accession_number=AccessionNumber description=StudyDescription"
    " series instances study_instance_uid=StudyInstanceUID",
    SERIES: "patient_id=PatientID study_instance_uid=StudyInstanceUID modality=Modality number=SeriesNumber"
    " description=SeriesDescription instances series_instance_uid=SeriesInstanceUID",
    INSTANCE: "patient_id=PatientID study_instance_uid=StudyInstanceUID"
    " series_instance_uid=SeriesInstanceUID type number=InstanceNumber sop_class_uid sop_instance_uid"
    " transfer_syntax_uid file_id",
}
_TAGS: Final = frozenset(
    tag_of(word.partition("=")[2]) for words in _FIELDS.values() for word in words.split() if "=" in word
)
# What a line of the tree has of a record, in this order.
_SHOWN: Final = {
    "PATIENT": "PatientName PatientID",
    "STUDY": "StudyDate StudyDescription AccessionNumber",
    "SERIES": "Modality SeriesNumber SeriesDescription",
}
_COUNTED: Final = {"patient": "patients", "study": "studies", "series": "series", "instance": "instances"}
_INSTANCE_NUMBER: Final = tag_of("InstanceNumber")
_INDENT: Final = "  "
_TOLD: Final = 3
_HINT: Final = "'dcmtools dicomdir verify' tells all that is wrong with it"


def fields(level: str) -> list[str]:
    """Return the fields of the records that tell of what is on a ``level``, in their order."""
    return [word.partition("=")[0] for word in _FIELDS[level].split()]


def listed(path: str, level: str, keys: DataSet) -> Iterator[Result]:
    """Yield a result for each of a ``level`` on the medium at ``path`` that ``keys`` match.

    That is where they match the values of a record together with those above it, be it one further down.
    What is wrong with the DICOMDIR is a failed result in the end. Raises InputError where there is none,
    UsageError for a key that is not of its VR.
    """
    tests = _tests(keys)
    with _opened(path) as directory:
        listing = _Listing(directory, tests)
        for record, _, known in listing.walk(named=level == INSTANCE):
            if record.type.lower() == level or (level == INSTANCE and record.file_id):
                yield Result(path, {"level": level, **listing.row(record, level, known)})
        yield from _trouble(path, directory)


def tree(path: str, keys: DataSet) -> Iterator[Result]:
    """Yield a line for each record on the medium at ``path`` that ``keys`` match, those below it indented.

    Raises what ``listed`` does.
    """
    tests = _tests(keys)
    with _opened(path) as directory:
        listing = _Listing(directory, tests)
        title = f"{directory.file_set_id or '(no File-set ID)'}  {listing.told(directory.tree.root)}"
        yield Result(path, text=f"{escape(title)}\n", counted=False)
        for record, depth, known in listing.walk():
            line = _INDENT * (depth + 1) + escape(listing.line(record, known))
            yield Result(path, text=f"{line}\n", counted=bool(record.file_id))
        yield from _trouble(path, directory)


def _opened(path: str) -> Directory:
    item = Medium.at(path).directory_item
    try:
        return Directory.of(item.open())
    except InputError as error:
        raise InputError(f"{path}: {error.message}", hint=error.hint) from None


def _tests(keys: DataSet) -> dict[int, Test]:
    tests = {}
    for tag in keys:
        try:
            test = value_test(lookup(tag)[0], values(keys, tag))
        except ValueError as error:
            message = f"{name_of(tag)}: {error}"
            raise UsageError(message) from None
        if test:
            tests[tag] = test
    return tests


def _trouble(path: str, directory: Directory) -> Iterator[Result]:
    """Yield a failed result for a DICOMDIR that is damaged, and say how much of it is not in use."""
    if nameless := sum(1 for _ in directory.nameless()):
        several = "records of files name none" if nameless > 1 else "record of a file names none"
        failed = Result.failed(path, DamagedError(f"{nameless} {several}", hint=_HINT), {"file": path})
        yield failed._replace(counted=False)
    if problems := directory.problems:
        told = "; ".join(problem.message for problem in problems[:_TOLD])
        more = len(problems) - _TOLD + directory.more
        told = f"{told}; and {more} more" if more > 0 else told
        failed = Result.failed(path, DamagedError(told, hint=_HINT), {"file": path})
        yield failed._replace(counted=False)
    if inactive := directory.tree.inactive.count(1):
        note = f"{inactive} record{'s' if inactive > 1 else ''} not in use"
        yield Result.skipped(path, note, {"file": path})._replace(counted=False)


class _Listing:
    """The records of a directory that are listed, with what is known of each and how much is below it."""

    def __init__(self, directory: Directory, tests: Mapping[int, Test]) -> None:
        """Find out which of them all ``tests`` of values, by tag, hold for, there or below."""
        self._directory = directory
        self._tags = _TAGS | tests.keys()
        self._kept: bytearray | None = None
        if tests:
            self._keep(tests)

    def walk(self, *, named: bool = True) -> Iterator[tuple[Record, int, dict[int, str]]]:
        """Yield each record, how many are above it, and the values of all these and its own by tag.

        Unless those ``named`` a file are wanted, they are left out.
        """
        above: list[dict[int, str]] = [{}]
        for node, depth in self._directory.walk():
            if self._kept and not self._kept[node.number]:
                continue
            if not named and self._directory.records.names_file(node.number):
                above[depth + 1 :] = [above[depth]]
                continue
            record = node.record
            known = {**above[depth], **self._texts(record)}
            above[depth + 1 :] = [known]
            yield record, depth, known

    def _texts(self, record: Record) -> dict[int, str]:
        try:
            return self._directory.texts(record, self._tags)
        except InputError:  # an element that is too much to be read
            return {}

    def _keep(self, tests: Mapping[int, Test]) -> None:
        kept = bytearray(len(self._directory.records) + 1)
        parents = self._directory.tree.parent
        for record, _, known in self.walk():
            number = record.number
            if all(test(known.get(tag, "")) for tag, test in tests.items()):
                while number != NONE and not kept[number]:
                    kept[number] = 1
                    number = parents[number]
        self._kept = kept

    @cached_property
    def _counts(self) -> dict[str, array[int]]:
        """How much of each level is below each record."""
        records, parents = self._directory.records, self._directory.tree.parent
        counts = {level: array("I", [0]) * (len(records) + 1) for level in _COUNTED}
        for node, _ in self._directory.walk():
            number = node.number
            if self._kept and not self._kept[number]:
                continue
            level = INSTANCE if records.names_file(number) else records.type(number).lower()
            while level in counts and (number := parents[number]) != NONE:
                counts[level][number] += 1
        return counts

    def row(self, record: Record, level: str, known: Mapping[int, str]) -> dict[str, object]:
        """Return the fields for a record on its ``level``."""
        row: dict[str, object] = {}
        for word in _FIELDS[level].split():
            name, _, keyword = word.partition("=")
            row[name] = known.get(tag_of(keyword)) if keyword else None
        for each, name in _COUNTED.items():
            if name in row:
                row[name] = self._counts[each][record.number]
        if level == INSTANCE:
            row["type"] = record.type
            row["sop_class_uid"], row["sop_instance_uid"] = record.sop_class, record.sop_instance
            row["transfer_syntax_uid"] = record.transfer_syntax
            row["file_id"] = "\\".join(record.file_id)
        return row

    def told(self, number: int) -> str:
        """Return how much is below a record."""
        told = [(counts[number], each) for each, counts in self._counts.items() if counts[number]]
        words = [f"{count} {each if count == 1 else _COUNTED[each]}" for count, each in told]
        return ", ".join(words) or "nothing"

    def line(self, record: Record, known: Mapping[int, str]) -> str:
        """Return what a line of the tree says of a record."""
        if record.file_id:
            number = known.get(_INSTANCE_NUMBER, "")
            what = uid_name(record.sop_class) or record.sop_class
            return _INDENT.join(filter(None, (f"{record.type:<5} {number:>5}", shown(record.file_id), what)))
        words = [known.get(tag_of(keyword), "") for keyword in _SHOWN.get(record.type, "").split()]
        words = list(filter(None, words)) or [record.type or "(no type)"]
        return f"{_INDENT.join(words)}  ({self.told(record.number)})"

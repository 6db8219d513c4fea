"""``dicomdir extract``: the files of a medium, or some of them, as paths or in a sorted tree."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.tags import PATIENT_ID, SERIES_INSTANCE_UID, STUDY_INSTANCE_UID
from dcmtools.errors import CheckFailed, DamagedError, InputError, UsageError
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.inputs import Input, failed
from dcmtools.files.medium import Medium
from dcmtools.files.outputs import is_within
from dcmtools.files.referenced import referenced
from dcmtools.files.source import KEPT
from dcmtools.files.values import values_of
from dcmtools.files.work import for_each
from dcmtools.media.lineage import Lineage
from dcmtools.results import Result
from dcmtools.sorting.sort import sort

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from dcmtools.files.directory import Directory
    from dcmtools.files.directory_records import Record
    from dcmtools.selection.where import Where
    from dcmtools.sorting.sort import SortOptions, Totals

_NAMES: Final = {PATIENT_ID: "patient", STUDY_INSTANCE_UID: "study", SERIES_INSTANCE_UID: "series"}


class Wanted(NamedTuple):
    """Which files of a medium: of these patients, studies and series by what its records say, all by default.

    Of a file each kind of which any is named has to hold.
    """

    patients: tuple[str, ...] = ()
    studies: tuple[str, ...] = ()
    series: tuple[str, ...] = ()

    def by_tag(self) -> dict[int, tuple[str, ...]]:
        """Return what is asked for, by tag."""
        every = {
            PATIENT_ID: self.patients,
            STUDY_INSTANCE_UID: self.studies,
            SERIES_INSTANCE_UID: self.series,
        }
        return {tag: values for tag, values in every.items() if values}


class _Selection:
    """Tells which records are of what is wanted, and what was asked for in vain."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted.by_tag()
        self._met: set[tuple[int, str]] = set()
        self._lineage: Lineage | None = None
        self._guessed = False

    def __call__(self, directory: Directory, record: Record) -> bool:
        """Tell whether a record is, or may be, of what is wanted."""
        if not self._wanted:
            return True
        if self._lineage is None:
            self._lineage = Lineage(directory)
            self._guessed = bool(directory.problems)
        return self._guessed or self._is_of(self._lineage.of(record))

    def holds(self, item: Input) -> bool:
        """Tell whether a file is of what is wanted, where its record may be in the place of another's.

        Raises InputError where it cannot be read.
        """
        if not self._guessed:
            return True
        with item.open() as source:
            values = values_of(LenientFile(source), self._wanted)
        return self._is_of({tag: value.text() for tag, value in values.items()})

    def _is_of(self, values: Mapping[int, str]) -> bool:
        found = [(tag, values.get(tag, "")) for tag, wanted in self._wanted.items()]
        self._met.update(found)
        return all(value in self._wanted[tag] for tag, value in found)

    def absent(self) -> Iterator[tuple[int, str]]:
        """Yield what was asked for, and is in no record."""
        for tag, values in self._wanted.items():
            for value in values:
                if (tag, value) not in self._met:
                    yield tag, value


def paths(
    path: str, wanted: Wanted, where: Where | None, jobs: int, *, nul: bool = False
) -> Iterator[Result]:
    """Yield the files of the medium at ``path`` that are wanted, by their paths, ended by NUL if so.

    Files are opened only where ``where`` has to be told. Raises InputError where there is no DICOMDIR, or one
    that cannot be read, UsageError for an archive, and Interrupted.
    """
    medium = Medium.at(path)
    if medium.archive:
        raise UsageError("files in an archive have no paths of their own", hint="-o puts them into a folder")
    shown = partial(_shown, nul=nul)
    if where is None:
        for item in _selected(medium, wanted):
            yield item if isinstance(item, Result) else shown(item)
        return
    yield from for_each(_selected(medium, wanted), partial(_where, where, shown), jobs)


def extract(path: str, wanted: Wanted, options: SortOptions, jobs: int, totals: Totals) -> Iterator[Result]:
    """Yield a result for each file of the medium at ``path`` that is wanted, once it is where it belongs.

    Raises what ``paths`` does, and UsageError where the folder for all is on the medium.
    """
    medium = Medium.at(path)
    if not medium.archive:
        _check_apart(medium.folder, options)
    with KEPT:
        yield from sort(_looked_through(_selected(medium, wanted)), options, jobs, totals)


def _looked_through(items: Iterable[Input | Result]) -> Iterator[Input | Result]:
    """Yield ``items``, and that a file is damaged, such as cut short, which is taken all the same."""
    for item in items:
        yield item
        if not isinstance(item, Input):
            continue
        try:
            with item.open() as source:
                file = LenientFile(source)
                file.notices = False
                file.read_through()
            if damage := next((problem for problem in file.problems if problem.serious), None):
                error = DamagedError(f"it is damaged, and taken as it is: {damage}")
                yield Result.failed(item.path, error, {"file": item.path})._replace(counted=False)
        except InputError:
            continue  # whoever takes it tells


def _check_apart(folder: str, options: SortOptions) -> None:
    """Raise UsageError where the run would write to the medium in ``folder``."""
    if is_within(options.folder, folder):
        raise UsageError(f"OUT, {options.folder}, is on the medium, {folder}: name one beside it")
    if options.rules.on_conflict == "overwrite" and is_within(folder, options.folder):
        raise UsageError(
            f"the medium, {folder}, is in OUT, {options.folder}: nothing can be overwritten there"
        )


def _selected(medium: Medium, wanted: Wanted) -> Iterator[Input | Result]:
    """Yield the files that are wanted, failed results for those that are not there, and what is of none.

    Raises InputError where no record is of what is wanted.
    """
    selection = _Selection(wanted)
    some = False
    for item in referenced(medium, selection):
        if isinstance(item, Input):
            try:
                if not selection.holds(item):
                    continue
            except InputError as error:
                yield failed(item.path, error)
                continue
        some = some or bool(item.counted if isinstance(item, Result) else item)
        yield item
    absent = list(selection.absent())
    if not some:
        raise InputError(_none(absent))
    for tag, value in absent:
        message = f"no record is of {_NAMES[tag]} {value}"
        yield Result.failed(medium.directory_item.path, CheckFailed(message))


def _none(absent: Sequence[tuple[int, str]]) -> str:
    """Return why no file is selected."""
    if not absent:
        return "no record names a file that is of all that is asked for"
    return "; ".join(f"no record is of {_NAMES[tag]} {value}" for tag, value in absent)


def _shown(item: Input, *, nul: bool) -> Result:
    """Return the result that shows the path of a file."""
    raw = os.fsencode(item.path) + b"\0" if nul else None
    return Result(item.path, {"file": item.path}, raw=raw)


def _where(where: Where, shown: Callable[[Input], Result], item: Input) -> Result:
    """Return the path of a file if ``where`` is true of it; raises InputError where that cannot be told."""
    with item.open() as source:
        file = LenientFile(source)
        file.notices = False
        return shown(item) if where.of(file, item) else Result.unselected(item.path)

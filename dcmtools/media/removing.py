"""``dicomdir remove``: records taken out of a DICOMDIR, and their files off the medium."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.tags import PATIENT_ID, SERIES_INSTANCE_UID, SOP_INSTANCE_UID, STUDY_INSTANCE_UID
from dcmtools.errors import CheckFailed, InputError, Interrupted, NotDicom
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.file_ids import shown
from dcmtools.files.values import values_of
from dcmtools.media.changing import changing
from dcmtools.media.entries import walk
from dcmtools.media.writing import unstopped
from dcmtools.query.models import Level
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dcmtools.files.inputs import Input
    from dcmtools.media.changing import Changing
    from dcmtools.media.entries import Entry
    from dcmtools.results import Extent
    from dcmtools.selection.where import Where

_TAGS: Final = {
    Level.PATIENT: PATIENT_ID,
    Level.STUDY: STUDY_INSTANCE_UID,
    Level.SERIES: SERIES_INSTANCE_UID,
    Level.IMAGE: SOP_INSTANCE_UID,
}
_SHARED: Final = "its file stays, which another record names"
_ABOVE: Final = (Level.PATIENT, Level.STUDY, Level.SERIES)


class RemoveOptions(NamedTuple):
    """What goes: the patients, studies, series and instances ``wanted``, of these what ``where`` is true of.

    With ``keep`` files stay on the medium; with ``ahead`` nothing is done but told.
    """

    wanted: Mapping[Level, Sequence[str]]
    where: Where | None = None
    keep: bool = False
    ahead: bool = False


class _Found(NamedTuple):
    """An instance that goes: its record, if it has one, its file, if that is there, and what to say of it."""

    names: Mapping[Level, str]
    entry: Entry | None
    item: Input | None
    note: str = ""


def remove(
    path: str, options: RemoveOptions, *, agree: Callable[[str], bool], extent: Extent
) -> Iterator[Result]:
    """Take records out of the DICOMDIR of the medium at ``path``, then their files; yield a result for each.

    So do files of what is wanted that no record names, as a run that was killed may have left. ``agree`` is
    asked beforehand. Raises InputError where there is nothing of what is wanted, Interrupted where nobody
    agrees, and what ``changing`` does.
    """
    with changing(path, ahead=options.ahead) as medium:
        selection = _Selection(medium, options)
        yield from selection.look()
        found = selection.found
        extent.total = len(found)
        if not found:
            raise InputError("the medium has nothing of what is to be removed")
        if options.ahead:
            for each in found:
                yield _result(medium, each, "planned")
            return
        if not agree(_question(medium.folder, found)):
            raise Interrupted("nothing was removed")
        yield from _removed(medium, found, keep=options.keep)


def _removed(medium: Changing, found: Sequence[_Found], *, keep: bool) -> Iterator[Result]:
    records = [each.entry for each in found if each.entry]
    for entry in records:
        medium.tree.remove(entry)
    with unstopped():
        if records:
            medium.write()
        files = [] if keep else [(each.item.path, each.names[Level.IMAGE]) for each in found if each.item]
        still = medium.delete(files)
    for each in found:
        if each.item and each.item.path in still:
            yield Result.failed(each.item.path, still[each.item.path], _record(medium, each, "unlisted"))
        else:
            yield _result(medium, each, "unlisted" if keep else "removed")


def _question(folder: str, found: Sequence[_Found]) -> str:
    instances = f"{len(found)} instance{'s' if len(found) > 1 else ''}"
    if unnamed := sum(each.entry is None for each in found):
        instances += f", {unnamed} of which no record names,"
    patients = len({each.names.get(Level.PATIENT, "") for each in found})
    return f"Remove {instances} of {patients} patient{'s' if patients > 1 else ''} from {folder} for good?"


class _Selection:
    """Finds what is to go: ``found`` once ``look`` has told what cannot be looked at."""

    def __init__(self, medium: Changing, options: RemoveOptions) -> None:
        self.found: list[_Found] = []
        self._medium = medium
        self._options = options
        self._met: set[tuple[Level, str]] = set()

    def look(self) -> Iterator[Result]:
        """Yield failed results for what cannot be told of, and for what is asked for in vain."""
        named: dict[str, list[_Found]] = {}
        chosen: dict[int, _Found] = {}
        for each in [self._of(entry) for entry in walk(self._medium.file_set.roots) if entry.reference]:
            if each.item:
                named.setdefault(self._medium.real(each.item.path), []).append(each)
            try:
                if self._is_wanted(each.names) and self._holds(each.item):
                    chosen[id(each.entry)] = each
            except InputError as error:
                yield Result.failed(each.item.path if each.item else self._medium.path, error)
        for each in chosen.values():
            others = named[self._medium.real(each.item.path)] if each.item else ()
            shared = any(id(other.entry) not in chosen for other in others)
            self.found.append(each._replace(item=None, note=_SHARED) if shared else each)
        if not self._options.keep:
            yield from self._unnamed()
        yield from self._in_vain()

    def _in_vain(self) -> Iterator[Result]:
        for level, values in self._options.wanted.items():
            for value in values:
                if (level, value) not in self._met:
                    word = "Patient ID" if level == Level.PATIENT else "UID"
                    error = CheckFailed(f"the medium has no {_word(level)} of this {word}")
                    yield Result.failed(value, error)

    def _of(self, entry: Entry) -> _Found:
        above = self._medium.tree.above(entry)
        names = {level: node.name for level, node in zip(_ABOVE, above, strict=False)}
        if entry.reference:
            names[Level.IMAGE] = entry.reference.sop_instance
        try:
            return _Found(names, entry, self._medium.item(entry))
        except InputError as error:
            return _Found(names, entry, None, f"only its record: {error.message}")

    def _unnamed(self) -> Iterator[Result]:
        """Find the files of what is wanted that no record names, as a run that was killed leaves them."""
        for item in self._medium.unnamed():
            try:
                names = _names_of(item)
                if names and self._is_wanted(names) and self._holds(item):
                    self.found.append(_Found(names, None, item, "no record named it"))
            except NotDicom:
                continue
            except InputError as error:
                yield Result.skipped(item.path, error.message, {"file": item.path})

    def _is_wanted(self, names: Mapping[Level, str]) -> bool:
        wanted = self._options.wanted
        met = {(level, names.get(level, "")) for level in wanted if names.get(level, "") in wanted[level]}
        self._met |= met
        return bool(met) or not wanted

    def _holds(self, item: Input | None) -> bool:
        """Tell whether ``where`` is true of a file; raises InputError where that cannot be told."""
        where = self._options.where
        if where is None:
            return True
        if item is None:
            raise InputError("--where cannot be told, as its file is not there")
        with item.open() as source:
            file = LenientFile(source)
            file.notices = False
            return where.of(file, item)


def _names_of(item: Input) -> dict[Level, str]:
    with item.open() as source:
        file = LenientFile(source)
        file.notices = False
        values = values_of(file, _TAGS.values())
    return {level: values[tag].text() for level, tag in _TAGS.items() if tag in values}


def _word(level: Level) -> str:
    return "instance" if level == Level.IMAGE else level.lower()


def _result(medium: Changing, found: _Found, state: str) -> Result:
    name = found.item.path if found.item else medium.folder
    outcome = Outcome.WARNING if found.note else Outcome.DONE
    return Result(name, _record(medium, found, state), outcome, note=found.note)


def _record(medium: Changing, found: _Found, state: str) -> dict[str, object]:
    reference = found.entry.reference if found.entry else None
    return {
        "file": found.item.path if found.item else medium.path,
        "file_id": shown(reference.file_id) if reference else "",
        "state": state,
        "sop_instance_uid": found.names.get(Level.IMAGE, ""),
    }

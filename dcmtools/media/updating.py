"""``dicomdir append`` and ``update``: more on a medium, or other in the place of what is there."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dcmtools.errors import CheckFailed, DcmtoolsError, InputError
from dcmtools.files.file_ids import shown
from dcmtools.files.medium import NotThere
from dcmtools.files.source import KEPT
from dcmtools.files.work import for_each
from dcmtools.media.adding import Adding, summary_of
from dcmtools.media.changing import changing, uid_of
from dcmtools.media.entries import FileSet, walk
from dcmtools.media.looking import TOGETHER, Facts, Looker, facts_of
from dcmtools.media.places import FolderPlace
from dcmtools.media.tree import Tree
from dcmtools.media.writing import unstopped
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from dcmtools.files.inputs import Input
    from dcmtools.media.adding import AddOptions, Totals
    from dcmtools.media.changing import Changing
    from dcmtools.media.entries import Entry


def append(
    medium: str,
    paths: Iterable[str | Result],
    options: AddOptions,
    jobs: int,
    totals: Totals,
    *,
    replace: bool = False,
) -> Iterator[Result]:
    """Yield the result of each file below ``paths``, and have it on the medium beside what is there.

    With ``replace`` it takes the place of the instance with its SOP Instance UID, whose file goes once the
    DICOMDIR names the new one. Raises what ``changing`` and ``Adding.results`` do.
    """
    with changing(medium, options.rules.charset, ahead=options.ahead) as opened:
        place = FolderPlace(opened.folder, options.action, options.rules)
        adding = Adding(place, opened.tree, options, totals)
        yield from adding.results(paths, jobs, opened.item, replace=replace)
        if not options.ahead:
            opened.look_again()
            yield from _discarded(opened, adding.replaced)
            yield from _left(opened, adding.met if replace else set())


def _left(opened: Changing, replaced: Collection[str]) -> Iterator[Result]:
    """Remove files that a killed run has left of instances that are ``replaced``; tell of others."""
    others = 0
    for item in opened.unnamed():
        try:
            uid = uid_of(item)
        except InputError:
            uid = ""
        if uid in replaced and opened.tree.get(uid):
            yield from _deleted(opened, {item.path: uid})
        else:
            others += 1
    if others:
        what = f"{others} file{'s' if others > 1 else ''} below DICOM that no record names"
        note = f"{what}; dicomdir verify names them"
        yield Result.skipped(opened.path, note, {"file": opened.path})._replace(counted=False)


def _discarded(opened: Changing, replaced: Iterable[Entry]) -> Iterator[Result]:
    """Remove the files of records that others have taken the place of; yield failed results."""
    named = opened.paths(walk(opened.file_set.roots))
    gone = {path: uid for path, uid in opened.paths(replaced).items() if path not in named}
    yield from _deleted(opened, gone)


def _deleted(opened: Changing, gone: Mapping[str, str]) -> Iterator[Result]:
    with unstopped():
        still = opened.delete(gone.items())
    for path, error in still.items():
        yield Result.failed(path, error, {"file": path})


# ------------------------------------------------------------ records made anew


class Renewed:
    """What has become of the records: the words of the closing line."""

    def __init__(self, *, ahead: bool = False) -> None:
        """Begin with none."""
        self._verb = "planned" if ahead else "looked at"
        self.states: Counter[str] = Counter()

    def __str__(self) -> str:
        """Return how many are other than before, and how many are gone."""
        told = [f"{self.states[state]} {state}" for state in ("renewed", "dropped") if self.states[state]]
        return f"{self._verb} ({', '.join(told) or 'nothing new'})"


def renew(medium: str, options: AddOptions, jobs: int, totals: Renewed, *, drop: bool) -> Iterator[Result]:
    """Yield the result of each instance of a medium, its record made anew of the file that it names.

    Where that is not there, or cannot be read, the record stays as it is; with ``drop`` it goes where the
    file is not there. Raises what ``changing`` does, and InputError where what stays contradicts the rest.
    """
    with changing(medium, options.rules.charset, ahead=options.ahead) as opened:
        renewing = _Renewing(opened, options, totals)
        try:
            with KEPT:
                yield from renewing.results(jobs, drop=drop)
        except KeyboardInterrupt:
            raise DcmtoolsError("stopped by the user; the DICOMDIR is as it was") from None
        opened.file_set.roots = renewing.file_set.roots
        if not options.ahead:
            opened.write()
            yield summary_of(opened.path, opened.file_set)


class _Renewing:
    """Makes another File-set of what one says and its files."""

    def __init__(self, opened: Changing, options: AddOptions, totals: Renewed) -> None:
        self.file_set = FileSet()
        self._totals = totals
        self._opened = opened
        self._options = options
        self._tree = Tree(self.file_set, options.rules.charset)

    def results(self, jobs: int, *, drop: bool) -> Iterator[Result]:
        """Yield the result of each instance."""
        entries = [entry for entry in walk(self._opened.file_set.roots) if entry.reference]
        found: dict[int, Input | InputError] = {}
        for entry in entries:
            try:
                found[id(entry)] = self._opened.item(entry)
            except InputError as error:
                found[id(entry)] = error
        if entries and all(isinstance(each, InputError) for each in found.values()):
            raise InputError("none of the files that it names is there", hint="the DICOMDIR is as it was")
        looked = self._looked([each for each in found.values() if not isinstance(each, InputError)], jobs)
        for entry in entries:
            each = found[id(entry)]
            if isinstance(each, InputError):
                gone = drop and isinstance(each, NotThere)
                yield self._result(entry, "dropped", each.message) if gone else self._kept(entry, each)
                continue
            facts = looked.get(each.path)
            if isinstance(facts, Facts):
                yield self._renewed(entry, facts)
            else:
                yield self._kept(entry, facts or InputError("it cannot be read"))

    def _looked(self, items: Iterable[Input], jobs: int) -> dict[str, Facts | DcmtoolsError]:
        """Return what there is to know of each file by its path, or what is wrong with it."""
        found: dict[str, Facts | DcmtoolsError] = {}
        for result in for_each(items, Looker(self._options.rules), jobs, together=TOGETHER):
            if result.rows:
                found.update({each.item.path: each for each in facts_of(result)})
            else:
                found[result.item] = result.error or InputError(result.note or "it cannot be read")
        return found

    def _renewed(self, entry: Entry, facts: Facts) -> Result:
        old = entry.reference
        if self._tree.get(facts.sop_instance):
            return self._kept(entry, CheckFailed("another record is of the instance that the file is"))
        try:
            added = self._tree.add(facts)
        except InputError as error:
            return self._kept(entry, error)
        self._tree.settle(added.entry, old.file_id if old else (), None)
        notes = [added.note] if added.note else []
        if old and old.sop_instance != facts.sop_instance:
            notes.append("it is another instance than before")
        same = added.entry.reference == old and _keys(self._tree, added.entry) == _keys(
            self._opened.tree, entry
        )
        return self._result(added.entry, "unchanged" if same else "renewed", "; ".join(notes))

    def _kept(self, entry: Entry, error: DcmtoolsError) -> Result:
        """Have the record as it is; raises InputError where that contradicts the others."""
        record = self._record(entry, "kept")
        try:
            self._tree.keep(entry, self._opened.tree.above(entry))
        except InputError as contradiction:
            message = f"{record['file']}: {error.message}, and its record contradicts others: {contradiction}"
            raise InputError(message, hint="the DICOMDIR is as it was") from error
        return Result.failed(str(record["file"]), error, record)

    def _result(self, entry: Entry, state: str, note: str) -> Result:
        self._totals.states[state] += 1
        record = self._record(entry, state)
        outcome = Outcome.WARNING if note else Outcome.DONE
        return Result(str(record["file"]), record, outcome, note=note)

    def _record(self, entry: Entry, state: str) -> dict[str, object]:
        reference = entry.reference
        file_id = reference.file_id if reference else ()
        return {
            "file": "/".join((self._opened.folder, *file_id)),
            "file_id": shown(file_id),
            "state": state,
            "type": entry.type,
            "sop_instance_uid": reference.sop_instance if reference else "",
        }


def _keys(tree: Tree, entry: Entry) -> list[bytes]:
    """Return the keys of a record and of those above it."""
    return [*(node.entry.keys for node in tree.above(entry)), entry.keys]

"""Files into a File-set: looked at, placed in its tree, made on the medium, and the DICOMDIR written."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.dictionary import name_of
from dcmtools.errors import DiskFull, InputError, Interrupted
from dcmtools.files.file_ids import DICOMDIR, conformant
from dcmtools.files.source import KEPT
from dcmtools.files.work import for_each
from dcmtools.media.choosing import Choice, failed, record_of
from dcmtools.media.entries import walk
from dcmtools.media.looking import TOGETHER, Facts, Looker, facts_of
from dcmtools.media.numbering import Names
from dcmtools.media.places import INDEX
from dcmtools.media.record_keys import Rules
from dcmtools.results import Outcome, Result
from dcmtools.sorting.acting import COPY, HARD

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from typing import TypeAlias, TypeVar

    from dcmtools.files.file_ids import FileID
    from dcmtools.files.inputs import Input
    from dcmtools.media.entries import Entry, FileSet
    from dcmtools.media.places import FolderPlace
    from dcmtools.media.tree import Added, Node, Tree
    from dcmtools.media.zipped import ZipPlace
    from dcmtools.selection.where import Where

    _T = TypeVar("_T")
    Step: TypeAlias = Generator[Result, None, _T]

DUPLICATES: Final = ("fail", "first", "last")
_DONE: Final = {COPY: "copied", HARD: "linked", INDEX: "indexed"}
_PLANNED: Final = "planned"
_AGAIN: Final = "nothing of this run is left on the medium"


class AddOptions(NamedTuple):
    """How files get into a File-set.

    ``action`` says how they get onto the medium: copy, hard link or, where they are there, index.
    ``duplicates`` is about other content with a SOP Instance UID met before: it fails, or the first or the
    last is taken. With ``ahead`` nothing is done but told.
    """

    action: str = COPY
    rules: Rules = Rules()
    duplicates: str = "fail"
    where: Where | None = None
    ahead: bool = False


class Totals:
    """What a run has done: the words of the closing line."""

    def __init__(self, action: str, *, ahead: bool = False) -> None:
        """Begin with nothing."""
        self._verb = _PLANNED if ahead else _DONE[action]
        self.identical = 0
        self.there = 0
        self.transcoded = 0
        self.invented = 0
        self.differing = 0

    def undone(self) -> None:
        """Take note that nothing is left of what was done."""
        self._verb = "undone"
        self.transcoded = self.invented = 0

    def __str__(self) -> str:
        """Return the verb, and what is worth knowing beside it."""
        parts = (
            (self.there, "on the medium already", ""),
            (self.identical, "the same as others", ""),
            (self.transcoded, "transcoded", ""),
            (self.invented, "value made up", "values made up"),
            (self.differing, "value differs from its record's", "values differ from their records'"),
        )
        told = ", ".join(
            [f"{number} {(number > 1 and several) or one}" for number, one, several in parts if number]
        )
        return f"{self._verb} ({told})" if told else self._verb


class _Old(NamedTuple):
    """A record that another is to replace, and those above it."""

    entry: Entry
    above: Sequence[Node]


class _Placed(NamedTuple):
    """A file with its record."""

    facts: Facts
    added: Added
    file_id: FileID = ()
    replaced: _Old | None = None


class Adding:
    """A run that adds files to a File-set.

    ``replaced`` are the records that others have taken the place of, where ``existing`` instances may be;
    ``met`` are the SOP Instance UIDs of all files that could be read.
    """

    def __init__(
        self, place: FolderPlace | ZipPlace, tree: Tree, options: AddOptions, totals: Totals
    ) -> None:
        """Begin with what ``tree`` has."""
        self.replaced: list[Entry] = []
        self.added = 0
        self.met: set[str] = set()
        self._place = place
        self._tree = tree
        self._options = options
        self._totals = totals
        self._full: DiskFull | None = None

    def results(
        self,
        paths: Iterable[str | Result],
        jobs: int,
        existing: Callable[[Entry], Input] | None = None,
        *,
        replace: bool = False,
    ) -> Iterator[Result]:
        """Yield the result of each file below ``paths``, then write the DICOMDIR.

        ``existing`` returns the file of an instance that the File-set has already: the same content is there
        already, other content fails, unless it is to ``replace`` it. Nothing is left of a run that ends with
        an error: raises Interrupted, DiskFull, OutputError, and InputError where no file was added, but for
        such as are there.
        """
        try:
            with KEPT:
                looked = yield from self._looked(paths, jobs)
                self.met = {facts.sop_instance for facts in looked}
                choice = Choice(self._tree, self._options, self._totals, existing, replace=replace)
                chosen = yield from choice.of(looked)
                placed = yield from self._placed(chosen)
                yield from self._made(placed, jobs)
                yield from self._finished()
        except (KeyboardInterrupt, Interrupted):
            self._undo()
            what = "the DICOMDIR names what was added" if self._place.written else _AGAIN
            raise Interrupted(f"stopped by the user; {what}") from None
        except BaseException:
            self._undo()
            raise

    def _undo(self) -> None:
        self._place.undo()
        if self.added and not self._place.written:
            self._totals.undone()

    def _looked(self, paths: Iterable[str | Result], jobs: int) -> Step[list[Facts]]:
        """Yield what there is to say of inputs that are not added, and return the facts of the others."""
        looker = Looker(self._options.rules, self._options.where)
        found: list[Facts] = []
        for result in for_each(paths, looker, jobs, together=TOGETHER):
            if result.rows:
                found += facts_of(result)
            else:
                yield result
        return found

    # ------------------------------------------------------------ records

    def _placed(self, chosen: list[Facts]) -> Step[list[_Placed]]:
        """Yield the results of files that have no place in the tree, and return the others with theirs."""
        checked: list[tuple[Facts, FileID, _Old | None]] = []
        for facts in chosen:
            try:
                file_id = self._checked(facts)
            except InputError as error:
                yield failed(facts, error)
                continue
            checked.append((facts, file_id, self._taken_out(facts)))
        placed: list[_Placed] = []
        for facts, file_id, old in checked:
            try:
                placed.append(_Placed(facts, self._tree.add(facts), file_id, old))
            except InputError as error:
                yield failed(facts, error)
                self._put_back(old, facts)
        names = Names(self._tree, self._place.present)
        return [
            each if each.file_id else each._replace(file_id=names.name(each.added.entry)) for each in placed
        ]

    def _taken_out(self, facts: Facts) -> _Old | None:
        """Take out the record of a file that is to be replaced, so that those above it can change."""
        entry = self._tree.get(facts.sop_instance)
        if entry is None:
            return None
        above = self._tree.above(entry)
        self._tree.remove(entry)
        return _Old(entry, above)

    def _put_back(self, old: _Old | None, facts: Facts) -> None:
        """Have a record again whose file stays; raises InputError where it contradicts new ones."""
        if old:
            try:
                self._tree.keep(old.entry, old.above)
            except InputError as error:
                what = f"{facts.item.path}: what it should replace stays, and contradicts others"
                raise InputError(f"{what}: {error.message}", hint=_AGAIN) from None

    def _checked(self, facts: Facts) -> FileID:
        """Return the File ID of a file that has one already; raise InputError where it cannot be added."""
        action = self._options.action
        if facts.mended and action != COPY:
            raise InputError("its file meta information is not as PS3.10 7.1 has it", hint=_MEND)
        if facts.codecs and action != COPY:
            raise InputError("it has to be transcoded, and is not copied", hint=_MEND)
        return self._own_id(facts) if action == INDEX else ()

    def _own_id(self, facts: Facts) -> FileID:
        """Return the File ID that a file has where it is; raises InputError where it can have none."""
        path, folder = facts.item.path, self._place.folder
        if facts.item.archive or os.path.islink(path):
            raise InputError("only a file on the medium itself can be indexed", hint=_COPY)
        real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        file_id = tuple(os.path.relpath(real, os.path.realpath(folder)).split(os.sep))
        if file_id[0] == os.pardir:
            message = f"it is not on the medium {folder}"
            raise InputError(message, hint=_COPY)
        if why := conformant(file_id):
            message = f"its name is no File ID (PS3.10 8.2): {why}"
            raise InputError(message, hint=_COPY)
        return file_id

    # ------------------------------------------------------------ files

    def _made(self, placed: list[_Placed], jobs: int) -> Iterator[Result]:
        """Yield the result of each file, once it is on the medium."""
        if self._options.ahead:
            for each in placed:
                self.added += 1
                yield self._done(each, each.facts, "")
            return
        icon = self._options.rules.icon
        orders = ((each.facts, each.file_id, icon if each.facts.type == "IMAGE" else 0) for each in placed)
        for each, made in zip(placed, self._place.made(orders, jobs), strict=True):
            entry = each.added.entry
            if made.error:
                self._tree.remove(entry)
                if isinstance(made.error, Interrupted):
                    raise made.error
                if isinstance(made.error, DiskFull):
                    made.error.hint = _AGAIN
                    raise made.error
                yield failed(each.facts, made.error)
                self._put_back(each.replaced, each.facts)
                continue
            self.added += 1
            self._totals.transcoded += bool(each.facts.codecs)
            self._tree.settle(entry, each.file_id, made.facts)
            if each.replaced:
                self.replaced.append(each.replaced.entry)
            yield self._done(each, made.facts or each.facts, made.note)

    def _done(self, placed: _Placed, facts: Facts, remark: str) -> Result:
        action, added = self._options.action, placed.added
        made_up = [name_of(tag) for tag in added.invented]
        self._totals.invented += len(made_up)
        state = _PLANNED if self._options.ahead else _DONE[action]
        record = record_of(facts, state, placed.file_id) | {"invented": made_up}
        told = f"made up: {', '.join(made_up)}" if made_up else ""
        note = "; ".join(filter(None, (added.note, remark, told)))
        warned = bool(added.note or remark)
        outcome = Outcome.WARNING if warned else Outcome.DONE
        return Result(facts.item.path, record, outcome, note=note)

    def _finished(self) -> Iterator[Result]:
        """Yield the result of the DICOMDIR, once it is written."""
        if not self.added and not self._totals.there:
            raise InputError(f"no file was added, and no {DICOMDIR} written")
        self._totals.differing = self._tree.differing
        if self.added and not self._options.ahead:
            path = self._place.finish(self._tree.file_set)
            yield summary_of(path, self._tree.file_set)


def summary_of(path: str, file_set: FileSet) -> Result:
    """Return the result of a DICOMDIR that has been written at ``path``."""
    kinds = Counter(entry.type for entry in walk(file_set.roots))
    counts = {"patients": kinds["PATIENT"], "studies": kinds["STUDY"], "series": kinds["SERIES"]}
    instances = sum(kinds.values()) - sum(counts.values())
    record = {"file": path, "file_id": DICOMDIR, "state": "written", **counts, "instances": instances}
    return Result(path, record, counted=False)


_COPY: Final = "dicomdir create without --index-only copies files under such names"
_MEND: Final = "a copy is made right; without --link and --index-only files are copied"

"""Which of several files of one SOP Instance UID goes into a File-set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.errors import AlreadyThere, InputError
from dcmtools.files.file_ids import shown
from dcmtools.results import Result
from dcmtools.sorting.content import same_content, same_data_set

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from dcmtools.errors import DcmtoolsError
    from dcmtools.files.file_ids import FileID
    from dcmtools.files.inputs import Input
    from dcmtools.media.adding import AddOptions, Totals
    from dcmtools.media.entries import Entry
    from dcmtools.media.looking import Facts
    from dcmtools.media.tree import Tree

_OTHER: Final = "it has another content under the SOP Instance UID"
_UPDATE: Final = "dcmtools dicomdir update replaces it"


class Choice:
    """Chooses among files, and between these and what ``tree`` has already.

    ``existing`` returns the file of a record: the same content is there already, other content fails, unless
    it is to ``replace`` that. Where there is no such file any more, any will do.
    """

    def __init__(
        self,
        tree: Tree,
        options: AddOptions,
        totals: Totals,
        existing: Callable[[Entry], Input] | None,
        *,
        replace: bool,
    ) -> None:
        """Choose by ``options``; ``totals`` count what is passed over."""
        self._tree = tree
        self._options = options
        self._totals = totals
        self._existing = existing
        self._replace = replace

    def of(self, looked: Iterable[Facts]) -> Generator[Result, None, list[Facts]]:
        """Yield the results of files that are not taken; return the others as they are to be added."""
        chosen: dict[str, Facts] = {}
        for facts in looked:
            uid = facts.sop_instance
            try:
                there = self._is_there(facts)
                if there:
                    self._totals.there += 1
                    yield _passed(facts, "there", "it is on the medium already")
                elif there is False and not self._replace:
                    yield failed(facts, AlreadyThere(f"{_OTHER} that is on the medium", hint=_UPDATE))
                elif uid not in chosen or (yield from self._takes_over(chosen[uid], facts)):
                    chosen[uid] = facts
            except InputError as error:
                yield failed(facts, error)
        return _in_order(chosen.values())

    def _is_there(self, facts: Facts) -> bool | None:
        """Tell whether what would be made of a file is there already; None where there is nothing."""
        entry = self._tree.get(facts.sop_instance)
        if not (entry and self._existing):
            return None
        try:
            item = self._existing(entry)
        except InputError:
            return None
        try:
            return same_data_set(facts.item, item) if facts.mended else same_content(facts.item, item)
        except InputError:  # what is on the medium cannot be read: whatever comes is better
            return None

    def _takes_over(self, first: Facts, facts: Facts) -> Generator[Result, None, bool]:
        """Yield what becomes of one of two files of one instance; return whether the second is taken."""
        if same_content(first.item, facts.item):
            self._totals.identical += 1
            yield _passed(facts, "identical", f"the same as {first.item.path}")
        elif self._options.duplicates == "fail":
            message = f"{_OTHER} of {first.item.path}"
            yield failed(facts, AlreadyThere(message, hint="--duplicates first or last takes one"))
        else:
            last = self._options.duplicates == "last"
            out, taken = (first, facts) if last else (facts, first)
            yield _passed(out, "duplicate", f"{_OTHER} of {taken.item.path}, which is taken")
            return last
        return False


def _in_order(chosen: Iterable[Facts]) -> list[Facts]:
    """Return files as they are to stand in their series: by number, series as they were met."""
    ranks: dict[str, int] = {}
    for facts in chosen:
        ranks.setdefault(_series(facts), len(ranks))
    return sorted(chosen, key=lambda facts: (ranks[_series(facts)], facts.number))


def _series(facts: Facts) -> str:
    return facts.levels[-1].name if facts.levels else ""


def _passed(facts: Facts, state: str, note: str) -> Result:
    return Result.skipped(facts.item.path, note, record_of(facts, state))


def failed(facts: Facts, error: DcmtoolsError) -> Result:
    """Return the result of a file that is not added."""
    return Result.failed(facts.item.path, error, {"file": facts.item.path})


def record_of(facts: Facts, state: str, file_id: FileID = ()) -> dict[str, object]:
    """Return the fields of a file in a record."""
    return {
        "file": facts.item.path,
        "file_id": shown(file_id),
        "state": state,
        "type": facts.type,
        "sop_class_uid": facts.sop_class,
        "sop_instance_uid": facts.sop_instance,
        "transfer_syntax_uid": facts.transfer_syntax,
    }

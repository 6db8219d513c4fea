"""How far a C-MOVE or C-GET is, as the peer tells, and what came of it (PS3.4 C.4.2 and C.4.3)."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.dataset import values
from dcmtools.errors import CheckFailed, DcmtoolsError, Interrupted, PeerFailure
from dcmtools.net import dimse
from dcmtools.net.exchange import read
from dcmtools.net.status import CANCELED, SUBOPERATIONS_FAILED, explain, is_done, is_pending, status_text
from dcmtools.results import Outcome, Result
from dcmtools.scu.finding import Incomplete

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dcmtools.net.association import Association
    from dcmtools.net.incoming import Message
    from dcmtools.results import Extent

_COUNTS: Final = ("Completed", "Failed", "Warning", "Remaining")
_FAILED_LIST: Final = "FailedSOPInstanceUIDList"
_SHOWN: Final = 10


class Progress:
    """The sub-operations of all requests of a run, added up for whoever watches ``extent``."""

    def __init__(self, extent: Extent) -> None:
        """Begin with none."""
        self._extent = extent
        self._lock = Lock()
        self._sums = dict.fromkeys(_COUNTS, 0)

    def add(self, changes: Mapping[str, int]) -> None:
        """Add ``changes`` of the counts, and say how far the run is."""
        with self._lock:
            for name, change in changes.items():
                self._sums[name] += change
            failed, left = self._sums["Failed"], self._sums["Remaining"]
            done = self._sums["Completed"] + self._sums["Warning"]
            trouble = f", {failed} failed" if failed else ""
            self._extent.doing = f"{done} of {done + failed + left} instances{trouble}"


class SubOperations:
    """The sub-operations of one request: ``take`` each of its responses, the last of which is the final one.

    Counts are None until the peer tells them; ``failed_uids`` is its Failed SOP Instance UID List,
    ``comment`` what it says beside a final status.
    """

    def __init__(self, field: dimse.CommandField, progress: Progress | None = None) -> None:
        """Count for a request of this command ``field``; add up in ``progress``."""
        self.status: int | None = None
        self.failed_uids: list[str] = []
        self.remark = ""
        self._field = field
        self._progress = progress
        self.comment = ""
        self._sop_class_uid = ""
        self._counts: dict[str, int | None] = dict.fromkeys(_COUNTS)

    @property
    def completed(self) -> int | None:
        """How many were done, with a warning or without; None where the peer has told neither."""
        told = [self._counts[name] for name in ("Completed", "Warning")]
        return None if told == [None, None] else sum(count or 0 for count in told)

    @property
    def failed(self) -> int:
        """How many have failed, by count or by list, whichever is more."""
        return max(self._counts["Failed"] or 0, len(self.failed_uids))

    @property
    def is_over(self) -> bool:
        """Whether the final response has come."""
        return self.status is not None

    def take(self, association: Association, message: Message) -> None:
        """Count what a response says; raises AssociationError where its data set cannot be read."""
        command = message.command
        before = {name: count or 0 for name, count in self._counts.items()}
        for name in _COUNTS:
            keyword = f"NumberOf{name}Suboperations"
            if keyword in command:
                self._counts[name] = dimse.number(command, keyword)
        status = dimse.number(command, "Status")
        if not is_pending(status):
            self._end(association, message, status)
        if self._progress:
            now = {name: count or 0 for name, count in self._counts.items()}
            self._progress.add({name: now[name] - before[name] for name in _COUNTS})

    def _end(self, association: Association, message: Message, status: int) -> None:
        command = message.command
        self.status = status
        self.comment = dimse.text(command, "ErrorComment")
        self._sop_class_uid = message.context.abstract_syntax
        if "NumberOfRemainingSuboperations" not in command:  # as it should be, unless it was canceled
            self._counts["Remaining"] = 0 if status != CANCELED else self._counts["Remaining"]
        try:
            self.failed_uids = values(read(association, message), _FAILED_LIST)
        except PeerFailure as error:
            self.remark = f"the list of what failed cannot be read: {error.message}"

    def record(self) -> dict[str, object]:
        """Return the JSON fields for status and counts."""
        return {
            "status": None if self.status is None else status_text(self.status),
            "completed": self._counts["Completed"],
            "failed": self._counts["Failed"],
            "warning": self._counts["Warning"],
            "remaining": self._counts["Remaining"],
            "failed_sop_instance_uids": self.failed_uids,
        }

    def told(self) -> str:
        """Return the counts in words."""
        parts = [f"{count} {name.lower()}" for name, count in self._counts.items() if count]
        return ", ".join(parts) or "nothing done"

    def result(
        self,
        item: str,
        record: Mapping[str, object],
        hint_of: Callable[[int], str],
        *,
        asked: bool,
        named: int = 0,
    ) -> Result:
        """Return what became of the request for ``item``, after the final response.

        ``hint_of`` has the next step for a status, ``asked`` says whether we wanted it canceled, ``named``
        how many instances were named one by one. That nothing was there to be retrieved, or fewer, is a
        failure, since it was named; where the peer counts nothing its status is believed.
        """
        error = self._error(asked=asked)
        if not error and self.completed is not None and self.completed < named:
            what = f"the peer has {self.completed} of {named} instances that were named"
            error = DcmtoolsError(what, hint="--uids-per-request 1 tells which it does not have")
        if error:
            error.hint = error.hint or hint_of(self.status or 0)
            return Result.failed(item, error, record)
        warnings = self._counts["Warning"] or 0
        notes = [f"{warnings} came with a warning"] if warnings else []
        if self.status:
            notes.append(self._explained())
        notes += filter(None, [self.remark])
        return Result(item, record, Outcome.WARNING if notes else Outcome.DONE, note="; ".join(notes))

    def _error(self, *, asked: bool) -> DcmtoolsError | None:
        status = self.status or 0
        if status == CANCELED and asked:
            return Interrupted(f"stopped by the user: {self.told()}")
        if status == CANCELED:
            return Incomplete(f"the peer has ended by itself (status {status_text(status)}): {self.told()}")
        if not is_done(status):
            return PeerFailure(f"{self._explained()}{self._listed()}")
        if self.failed:
            total = self.failed + (self.completed or 0)
            said = f"; the peer says {self.comment!r}" if self.comment else ""
            return DcmtoolsError(f"{self.failed} of {total} failed{self._listed()}{said}")
        if status == SUBOPERATIONS_FAILED:
            untold = self.remark or "the peer does not tell what failed"
            return DcmtoolsError(f"{self._explained()}; {untold} ({self.told()})")
        if self._counts["Remaining"]:
            return DcmtoolsError(f"the peer has ended before the end: {self.told()}")
        if self.completed == 0:
            return CheckFailed("the peer has nothing that matches", hint="dcmtools find shows what it has")
        return None

    def _explained(self) -> str:
        return explain(self.status or 0, self.comment, self._field, self._sop_class_uid)

    def _listed(self) -> str:
        return f": {some_of(self.failed_uids)}" if self.failed_uids else ""


def some_of(uids: Sequence[str]) -> str:
    """Return the first of several UIDs in words, and how many more there are."""
    more = len(uids) - _SHOWN
    return ", ".join(uids[:_SHOWN]) + (f" and {more} more" if more > 0 else "")

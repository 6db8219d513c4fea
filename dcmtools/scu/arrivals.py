"""Instances that come as sub-operations of a C-GET go into a storage as they come (PS3.4 C.4.3.2)."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Final

from dcmtools.archive.duplicates import DuplicateError
from dcmtools.archive.received import Refusal
from dcmtools.archive.receiving import receive, refused
from dcmtools.errors import DcmtoolsError, OutputError
from dcmtools.net import dimse
from dcmtools.net.dimse import CommandField
from dcmtools.net.exchange import respond
from dcmtools.net.status import SUCCESS, UNRECOGNIZED_OPERATION, status_text
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.archive.receiving import Received
    from dcmtools.archive.storage import Storage
    from dcmtools.net.association import Association
    from dcmtools.net.incoming import Message
    from dcmtools.results import Extent
    from dcmtools.scu.selection import Retrieval

_KINDS: Final = (OutputError, DuplicateError)
_HINTS: Final = {
    OutputError: "once there is room again, the same with --skip-existing gets the rest",
    DuplicateError: "the file in the folder is not whole, or is other data under the same UID: "
    "--on-duplicate replace takes the one that comes, keep has both",
}


class Arrivals:
    """What comes for one retrieval: ``paths`` of those kept that were asked for, and how many others."""

    def __init__(self, storage: Storage, association: Association, wanted: Retrieval, extent: Extent) -> None:
        """Keep in ``storage`` what comes on ``association``; ``extent`` is told of each instance."""
        self.paths: dict[str, str] = {}  # by SOP Instance UID
        self.strays = 0
        self.refused = False  # any of them, by us
        self._storage = storage
        self._association = association
        self._wanted = wanted
        self._extent = extent
        self._results: deque[Result] = deque()
        self._error: DcmtoolsError | None = None  # the last one, shared by all that fail alike

    def results(self) -> Iterator[Result]:
        """Yield a result for each instance that has come since the last call."""
        while self._results:
            yield self._results.popleft()

    def take(self, message: Message) -> None:
        """Keep the instance of a C-STORE request and answer; other requests are refused.

        Raises AssociationError where the association ends within it.
        """
        field = dimse.number(message.command, "CommandField")
        if field == CommandField.C_CANCEL_RQ:
            return  # which cancels nothing of ours, and has no response
        if field != CommandField.C_STORE_RQ:
            respond(self._association, message, UNRECOGNIZED_OPERATION)
            return
        association = self._association
        try:
            received = receive(self._storage, association, message, association.request.called_aet)
        except Refusal as refusal:
            self._results.append(self._failed(message, refusal))
            association.send(message.context, refused(message, refusal))
            return
        try:
            respond(association, message)  # first, so that the peer goes on while the rest is done
        finally:
            self._results.append(self._kept(received))
        self._extent.moved += received.size
        self._extent.tick()

    def _kept(self, received: Received) -> Result:
        names, path = received.names, received.kept.path
        if stray := self._stray(received):
            self.strays += 1
        else:
            self.paths[names.sop_instance_uid] = path
        file = os.path.join(self._storage.folder, path)
        record = {
            "file": file,
            "sop_class_uid": names.sop_class_uid,
            "sop_instance_uid": names.sop_instance_uid,
            "study_instance_uid": names.study_uid,
            "series_instance_uid": names.series_uid,
            "transfer_syntax_uid": received.transfer_syntax_uid,
            "bytes": received.size,
            "kept": received.kept.how.value,
            "status": status_text(SUCCESS),
        }
        note = "; ".join(filter(None, (stray, names.fault)))
        outcome = Outcome.WARNING if note else Outcome.DONE
        return Result(file, record, outcome, note=note, weighs=False)  # the request's result does

    def _stray(self, received: Received) -> str:
        """Return in words what the instance belongs to that was not asked for, empty where it was."""
        names, wanted = received.names, self._wanted
        if wanted.study_uid not in ("", names.study_uid):
            return f"the peer sent this of study {names.study_uid}, which was not asked for"
        if wanted.series_uid not in ("", names.series_uid):
            return f"the peer sent this of series {names.series_uid}, which was not asked for"
        if wanted.sop_instance_uids and names.sop_instance_uid not in wanted.sop_instance_uids:
            return "the peer sent this instance, which was not asked for"
        return ""

    def _failed(self, message: Message, refusal: Refusal) -> Result:
        self.refused = True
        uid = dimse.text(message.command, "AffectedSOPInstanceUID")
        record = {
            "sop_class_uid": dimse.text(message.command, "AffectedSOPClassUID"),
            "sop_instance_uid": uid,
            "transfer_syntax_uid": message.context.transfer_syntax,
            "status": status_text(refusal.number),
        }
        kind = next((each for each in _KINDS if isinstance(refusal.__cause__, each)), DcmtoolsError)
        if type(self._error) is not kind or self._error.message != refusal.message:
            self._error = kind(refusal.message, hint=_HINTS.get(kind, ""))
        return Result.failed(uid, self._error, record)._replace(text="")

"""How far a C-MOVE or C-GET is, and how its requestor is told (PS3.4 C.4.2, C.4.3; PS3.7 9.1.3, 9.1.4)."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from dcmtools.acceptor.cancel import Cancel
from dcmtools.encoding.dataset import DataSet, made
from dcmtools.encoding.writing import LONGEST_SHORT
from dcmtools.net import dimse
from dcmtools.net.exchange import respond
from dcmtools.net.status import (
    CANCELED,
    PENDING,
    SUBOPERATIONS_FAILED,
    SUBOPERATIONS_IMPOSSIBLE,
    SUCCESS,
    is_warning,
    status_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dcmtools.acceptor.session import Session
    from dcmtools.net.incoming import Message
    from dcmtools.net.stop import Stop

logger = logging.getLogger(__name__)

# Seconds between two pending responses: a person follows them, and each costs the requestor some time.
_PACE: Final = 0.1
# What US holds, and how many UIDs make an identifier that a peer can be expected to take: just below 4 MiB.
_MOST: Final = 0xFFFF
_MOST_LISTED: Final = 60_000
_LIST: Final = 0x00080058


class SubOperations:
    """The sub-operations of one request, counted, and the responses that tell of them."""

    def __init__(self, session: Session, message: Message, total: int, stop: Stop) -> None:
        """Expect ``total`` of them, for the C-MOVE or C-GET ``message`` whose identifier has been read.

        A first wish to ``stop`` lets none begin.
        """
        self.session = session
        self.message = message
        self.stop = stop
        self.cancel = Cancel(session.association, message)
        self.total = total
        self.completed = self.failed = self.warned = 0
        self.reason = ""  # that of the first failure
        self._uids: list[str] = []
        self._due = 0.0

    @property
    def left(self) -> int:
        """How many have neither been done nor failed."""
        return max(self.total - self.completed - self.failed - self.warned, 0)

    def goes_on(self) -> bool:
        """Tell whether another may begin: neither the requestor nor our own user wants an end.

        Now and then it sends a pending response. Raises AssociationError where the requestor has gone.
        """
        if self.stop.count or self.cancel.requested():
            return False
        if time.monotonic() >= self._due:
            respond(self.session.association, self.message, PENDING, **self._counts(), **self._remaining())
            self._due = time.monotonic() + _PACE
        return True

    def answered(self, uid: str, status: int) -> None:
        """Count the instance ``uid``, which was sent and answered with ``status``."""
        if status == SUCCESS:
            self.completed += 1
        elif is_warning(status):
            self.warned += 1
        else:
            self.fail(uid, f"the C-STORE was answered with status {status_text(status)}")
            return
        self.session.counts["sent"] += 1

    def fail(self, uid: str, reason: str) -> None:
        """Count the instance ``uid`` as one that was not sent, or not taken, for ``reason``."""
        self.failed += 1
        self.reason = self.reason or reason
        if uid and len(self._uids) < _MOST_LISTED:
            self._uids.append(uid)
        if logger.isEnabledFor(logging.INFO):
            logger.info(self.session.line("failed", sop_instance_uid=uid, reason=reason))

    def give_up(self, uids: Iterable[str], reason: str) -> None:
        """Count ``uids``, which are left, as failed for ``reason``, unless the requestor canceled them."""
        if not self.cancel.requested():
            for uid in uids:
                self.fail(uid, "the server is stopping" if self.stop.count else reason)

    def finish(self) -> None:
        """Send the final response, and log what came of it; what is left was canceled, or else has failed."""
        canceled = bool(self.left) and self.cancel.requested()
        if not canceled:
            self.failed += self.left
        status = CANCELED if canceled else self._status()
        fields = self._counts() | (self._remaining() if canceled else {})
        if self.reason:
            fields["ErrorComment"] = self.reason
        identifier = self._identifier() if self._uids else None
        respond(self.session.association, self.message, status, identifier, **fields)
        self._log(status)

    def _status(self) -> int:
        if not (self.failed or self.warned):
            return SUCCESS
        return SUBOPERATIONS_FAILED if self.completed or self.warned else SUBOPERATIONS_IMPOSSIBLE

    def _counts(self) -> dimse.Command:
        return {
            "NumberOfCompletedSuboperations": min(self.completed, _MOST),
            "NumberOfFailedSuboperations": min(self.failed, _MOST),
            "NumberOfWarningSuboperations": min(self.warned, _MOST),
        }

    def _remaining(self) -> dimse.Command:
        return {"NumberOfRemainingSuboperations": min(self.left, _MOST)}

    def _identifier(self) -> DataSet:
        """Return the list of what failed; as UN, where it is too long for an explicit UI (PS3.5 6.2.2)."""
        identifier = made(FailedSOPInstanceUIDList=self._uids)
        vr, value = identifier[_LIST]
        identifier[_LIST] = ("UN" if len(value) > LONGEST_SHORT else vr), value
        return identifier

    def _log(self, status: int) -> None:
        """Log one line that says nothing of the patient."""
        command = self.message.command
        fields: dict[str, object] = {
            "operation": dimse.CommandField(dimse.number(command, "CommandField")).name[:-3].replace("_", "-")
        }
        if "MoveDestination" in command:
            fields["destination"] = dimse.text(command, "MoveDestination")
        counts = {"completed": self.completed, "failed": self.failed, "warnings": self.warned}
        fields |= {"status": status_text(status), **counts, "remaining": self.left}
        if self.reason:
            fields["reason"] = self.reason
        level = logging.WARNING if self.failed else logging.INFO
        logger.log(level, self.session.line("retrieved", **fields))

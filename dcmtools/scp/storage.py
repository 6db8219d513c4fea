"""C-STORE as SCP: a data set goes to disk as it comes, then its answer (PS3.4 Annex B, PS3.7 9.1.1)."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.archive.received import Refusal
from dcmtools.archive.receiving import receive, requested
from dcmtools.net import dimse, status
from dcmtools.scp.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.acceptor.session import Session
    from dcmtools.archive.receiving import Received
    from dcmtools.archive.storage import Storage
    from dcmtools.net.incoming import Message
    from dcmtools.net.stop import Stop

logger = logging.getLogger(__name__)

COUNTS: Final = ("stored", "refused", "bytes")


class Stored(NamedTuple):
    """An instance that was received, what the sender was told, and in how many seconds."""

    received: Received
    status: int
    elapsed: float


class StorageService:
    """Receives instances of any class in any transfer syntax into one storage."""

    def __init__(
        self,
        storage: Storage,
        stop: Stop,
        done: Callable[[Session, Stored], None] = lambda *_: None,
        faults: Faults = Faults(),  # noqa: B008  a tuple, which nobody can change
    ) -> None:
        """Keep what is received in ``storage``; call ``done`` with each instance once it was answered."""
        self._storage = storage
        self._stop = stop
        self._done = done
        self._faults = faults

    def answer_store(self, session: Session, message: Message) -> None:
        """Receive the instance of a C-STORE-RQ and answer: success only once it is kept.

        Raises AssociationError when the association ends within the message.
        """
        self._faults.abort_if_due(session)
        started = time.monotonic()
        stored = None
        number, comment = self._faults.status, ""
        try:
            received = self._receive(session, message)
            stored = Stored(received, number, time.monotonic() - started)
        except Refusal as refusal:
            number, comment = refusal.number, refusal.message
        self._tell(session, message, stored, number, comment)
        response = dimse.response(message.command, number)
        if comment:
            response["ErrorComment"] = comment
        if self._faults.delay:
            self._stop.wait(self._faults.delay)
        try:
            session.association.send(message.context, response)
        finally:
            if stored is not None:
                self._done(session, stored)

    def _tell(
        self, session: Session, message: Message, stored: Stored | None, number: int, comment: str
    ) -> None:
        """Count the instance, and log one line for it that says nothing of the patient."""
        if stored is None:
            session.counts["refused"] += 1
        else:
            session.counts["stored"] += 1
            session.counts["bytes"] += stored.received.size
        level = logging.WARNING if stored is None else logging.INFO
        if not logger.isEnabledFor(level):
            return
        fields: dict[str, object] = {
            "sop_class_uid": dimse.text(message.command, "AffectedSOPClassUID"),
            "sop_instance_uid": dimse.text(message.command, "AffectedSOPInstanceUID"),
            "status": status.status_text(number),
        }
        if stored is None:
            fields["reason"] = comment
        else:
            received = stored.received
            fields |= {
                "bytes": received.size,
                "kept": received.kept.how,
                "elapsed_ms": f"{1000 * stored.elapsed:.1f}",
            }
            if received.names.fault:
                fields["fault"] = received.names.fault
        logger.log(level, session.line("refused" if stored is None else "stored", **fields))

    def _receive(self, session: Session, message: Message) -> Received:
        """Return what was received; raise Refusal where it is not kept."""
        if not self._faults.fails:
            return receive(self._storage, session.association, message, session.calling_aet)
        for _ in session.association.data():
            pass
        requested(message)  # whose own faults come first
        raise Refusal(self._faults.status, "refused, as --status asks")

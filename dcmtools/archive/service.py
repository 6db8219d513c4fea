"""C-STORE as SCP: a data set goes to disk as it comes, then its answer (PS3.4 Annex B, PS3.7 9.1.1)."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.archive.received import Refusal
from dcmtools.archive.receiving import receive, refused
from dcmtools.net import dimse
from dcmtools.net.status import SUCCESS, status_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.acceptor.session import Session
    from dcmtools.archive.receiving import Received
    from dcmtools.archive.storage import Storage
    from dcmtools.net.dimse import Command
    from dcmtools.net.incoming import Message

logger = logging.getLogger(__name__)

COUNTS: Final = ("stored", "refused", "bytes")


class Stored(NamedTuple):
    """An instance that was received, what the sender was told, and in how many seconds."""

    received: Received
    status: int
    elapsed: float


class StorageService:
    """Receives instances of any class in any transfer syntax into one storage.

    Each is answered with ``status``, a success or a warning, once it is kept.
    """

    status = SUCCESS

    def __init__(
        self,
        storage: Storage,
        done: Callable[[Session, Stored], None] = lambda *_: None,
        kept: Callable[[Received], None] = lambda _: None,
    ) -> None:
        """Keep what is received in ``storage``.

        ``kept`` is called with each instance before it is answered, ``done`` after that.
        """
        self._storage = storage
        self._done = done
        self._kept = kept

    def answer_store(self, session: Session, message: Message) -> None:
        """Receive the instance of a C-STORE-RQ and answer: success only once it is kept.

        Raises AssociationError when the association ends within the message.
        """
        started = time.monotonic()
        stored = None
        response = dimse.response(message.command, self.status)
        try:
            received = self.receive(session, message)
            self._kept(received)
            stored = Stored(received, self.status, time.monotonic() - started)
        except Refusal as refusal:
            response = refused(message, refusal)
        _tell(session, message, stored, response)
        try:
            self.respond(session, message, response)
        finally:
            if stored is not None:
                self._done(session, stored)

    def receive(self, session: Session, message: Message) -> Received:
        """Return what was received; raise Refusal where it is not kept."""
        return receive(self._storage, session.association, message, session.calling_aet)

    def respond(self, session: Session, message: Message, response: Command) -> None:
        """Send the ``response`` to ``message``."""
        session.association.send(message.context, response)


def _tell(session: Session, message: Message, stored: Stored | None, response: Command) -> None:
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
        "status": status_text(dimse.number(response, "Status")),
    }
    if stored is None:
        fields["reason"] = dimse.text(response, "ErrorComment")
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

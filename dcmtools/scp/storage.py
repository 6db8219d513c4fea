"""C-STORE as SCP, with faults that are made on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.archive.received import Refusal
from dcmtools.archive.receiving import requested
from dcmtools.archive.service import StorageService
from dcmtools.scp.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.acceptor.session import Session
    from dcmtools.archive.receiving import Received
    from dcmtools.archive.service import Stored
    from dcmtools.archive.storage import Storage
    from dcmtools.net.dimse import Command
    from dcmtools.net.incoming import Message
    from dcmtools.net.stop import Stop


class FaultyStorageService(StorageService):
    """Receives instances, and makes ``faults``, if any."""

    def __init__(
        self,
        storage: Storage,
        stop: Stop,
        done: Callable[[Session, Stored], None] = lambda *_: None,
        faults: Faults = Faults(),  # noqa: B008  a tuple, which nobody can change
        kept: Callable[[Received], None] = lambda _: None,
    ) -> None:
        """Do as StorageService does; ``stop`` ends delays."""
        super().__init__(storage, done, kept)
        self._stop = stop
        self._faults = faults
        self.status = faults.status

    def answer_store(self, session: Session, message: Message) -> None:
        """Answer, unless it is time to abort; raises AssociationError then."""
        self._faults.abort_if_due(session)
        super().answer_store(session, message)

    def receive(self, session: Session, message: Message) -> Received:
        """Return what was received; raise Refusal where it is not kept, be it on purpose."""
        if not self._faults.fails:
            return super().receive(session, message)
        for _ in session.association.data():
            pass
        requested(message)  # whose own faults come first
        raise Refusal(self._faults.status, "refused, as --status asks")

    def respond(self, session: Session, message: Message, response: Command) -> None:
        """Send the ``response`` to ``message``, late where that is wanted."""
        if self._faults.delay:
            self._stop.wait(self._faults.delay)
        super().respond(session, message, response)

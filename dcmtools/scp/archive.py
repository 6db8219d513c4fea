"""The archive behind a server: its index, and the answers out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.batch import processors
from dcmtools.editing.apart import Processes
from dcmtools.scp.offers import find_services, retrieve_services

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dcmtools.acceptor.service import Service
    from dcmtools.acceptor.session import Session
    from dcmtools.archive.index import Index
    from dcmtools.archive.receiving import Received
    from dcmtools.archive.search import Instances
    from dcmtools.archive.storage import Storage
    from dcmtools.encoding.dataset import DataSet
    from dcmtools.net.incoming import Message
    from dcmtools.net.peer import NetworkOptions
    from dcmtools.query.models import Model
    from dcmtools.scp.destinations import Destination
    from dcmtools.scp.find import Finding
    from dcmtools.scp.retrieve import Retrieval
    from dcmtools.scu.storing import Transcode


class Archive:
    """Indexes what a storage keeps, and answers C-FIND, C-MOVE and C-GET, all from ``open`` to ``close``."""

    _index: Index
    _finding: Finding
    _retrieval: Retrieval

    def __init__(
        self,
        storage: Storage,
        network: NetworkOptions,
        destinations: Mapping[str, Destination],
        *,
        relational: bool,
        transcode: Transcode,
    ) -> None:
        """Be ready to open the index of ``storage``; see ``scp.retrieve.Retrieval`` for the others.

        Everything is ``relational`` (PS3.4 C.4.1.2.2) where it is to be, else where it was agreed on.
        """
        self._storage = storage
        self._network = network
        self._destinations = destinations
        self._relational = relational
        self._transcode = transcode
        self._apart = Processes(processors(), network.stop)
        self._open = False

    def open(self) -> None:
        """Open the index; a server does it when it listens already, as the modules take 10 ms to import."""
        from dcmtools.archive.index import Index
        from dcmtools.scp.find import Finding
        from dcmtools.scp.retrieve import Retrieval

        stop = self._network.stop
        self._index = Index(self._storage.folder, stop)
        self._open = True
        self._finding = Finding(self._index, stop, relational=self._relational)
        self._retrieval = Retrieval(
            self._found,
            self._storage.open,
            self._network,
            self._destinations,
            self._apart,
            self._transcode,
        )

    def close(self) -> None:
        """End what transcodes; write to the index what is not in it yet, and close it, where it is open."""
        self._apart.close()
        if self._open:
            self._index.close()

    def add(self, received: Received) -> None:
        """Have the index hold an instance, which is not answered yet."""
        self._index.add(received.kept.path)

    def services(self) -> list[Service]:
        """Return what can be asked of the archive."""
        return [*find_services(self._find), *retrieve_services(self._move, self._get)]

    def _find(self, session: Session, message: Message) -> None:
        self._finding.answer_find(session, message)

    def _move(self, session: Session, message: Message) -> None:
        self._retrieval.answer_move(session, message)

    def _get(self, session: Session, message: Message) -> None:
        self._retrieval.answer_get(session, message)

    def _found(self, model: Model, identifier: DataSet, relational: bool) -> Instances:
        from dcmtools.archive.search import instances_of

        self._index.catch_up()
        return instances_of(self._index.reader, model, identifier, relational=relational or self._relational)

"""A server of our own for the sub-operations of a C-MOVE to ourselves: instances into a folder, counted."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from threading import Condition, Thread
from typing import TYPE_CHECKING

from dcmtools.acceptor.server import Server
from dcmtools.acceptor.service import Service
from dcmtools.archive.duplicates import OnDuplicate
from dcmtools.archive.service import COUNTS, StorageService
from dcmtools.archive.storage import Storage
from dcmtools.encoding.uids import is_storage_class
from dcmtools.net.dimse import CommandField
from dcmtools.query.models import Level

if TYPE_CHECKING:
    from typing import Self

    from dcmtools.acceptor.admission import ServerOptions
    from dcmtools.acceptor.service import Answer
    from dcmtools.archive.receiving import Received
    from dcmtools.scu.selection import Retrieval


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiving:
    """Where instances go that are moved to ourselves: below ``folder``, over the server of ``options``.

    ``durable`` and ``on_duplicate`` are as ``Storage`` has them. After the final response of a C-MOVE
    instances may be on their way: they are waited for as long as one comes every ``patience`` seconds.
    """

    folder: str
    options: ServerOptions
    durable: bool = True
    on_duplicate: OnDuplicate = OnDuplicate.REJECT
    patience: float = 2.0

    def storage(self) -> Storage:
        """Take hold of the folder; raises UsageError where it cannot be used."""
        return Storage(self.folder, durable=self.durable, on_duplicate=self.on_duplicate)


class Receiver:
    """Receives while its ``with`` block lasts; the stop among the options is its own, and ends it."""

    def __init__(self, receiving: Receiving) -> None:
        """Take hold of the folder and listen; raises UsageError where that cannot be."""
        self._patience = receiving.patience
        self._stop = receiving.options.network.stop
        self._arrived: dict[tuple[Level, str], set[str]] = {}  # SOP Instance UIDs by what they belong to
        self._changed = Condition()
        with ExitStack() as held:
            self.storage = receiving.storage()
            held.callback(self.storage.close)
            answers: dict[int, Answer] = {
                CommandField.C_STORE_RQ: StorageService(self.storage, kept=self._add).answer_store
            }
            services = [Service(is_storage_class, answers, counts=COUNTS)]
            self._server = held.enter_context(Server(receiving.options, services))
            self._held = held.pop_all()
        host, port = self._server.address
        self.address = f"{host}:{port}"
        self._thread = Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Finish the instances in hand, and let go of the folder."""
        self._stop.request()
        self._thread.join()
        self._held.close()

    def _add(self, received: Received) -> None:
        """Note an instance that is kept, before it is answered."""
        names = received.names
        uid = names.sop_instance_uid
        with self._changed:
            for level, key in (
                (Level.PATIENT, names.patient_id),
                (Level.STUDY, names.study_uid),
                (Level.SERIES, names.series_uid),
                (Level.IMAGE, ""),
            ):
                self._arrived.setdefault((level, key), set()).add(uid)
            self._changed.notify_all()

    def arrived(self, retrieval: Retrieval, expected: int) -> int:
        """Return how many instances of ``retrieval`` have come; wait while that is less than ``expected``."""
        with self._changed:
            while (found := self._found(retrieval)) < expected:
                if not self._changed.wait(self._patience):
                    break
            return found

    def _found(self, retrieval: Retrieval) -> int:
        level = retrieval.level
        if level is Level.IMAGE:
            return len(self._arrived.get((level, ""), set()).intersection(retrieval.sop_instance_uids))
        return len(self._arrived.get((level, retrieval.keys[level]), ()))

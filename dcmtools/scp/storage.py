"""C-STORE as SCP: a data set goes to disk as it comes, then its answer (PS3.4 Annex B, PS3.7 9.1.1)."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, NamedTuple

from dcmtools.archive.duplicates import DuplicateError
from dcmtools.encoding.uids import is_storage_class, is_uid
from dcmtools.errors import OutputError
from dcmtools.files.meta import file_meta
from dcmtools.net import dimse, status
from dcmtools.scp.faults import Faults
from dcmtools.scp.received import Refusal, read_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.archive.duplicates import Kept
    from dcmtools.archive.storage import Storage
    from dcmtools.net.association import Message
    from dcmtools.net.stop import Stop
    from dcmtools.scp.received import Names
    from dcmtools.scp.session import Session

logger = logging.getLogger(__name__)


class Stored(NamedTuple):
    """An instance that is kept, and what the sender was told; ``size`` counts the bytes of its file."""

    names: Names
    transfer_syntax_uid: str
    size: int
    kept: Kept
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
            names, size, kept = self._receive(session, message)
            elapsed = time.monotonic() - started
            stored = Stored(names, message.context.transfer_syntax, size, kept, number, elapsed)
        except Refusal as refusal:
            number, comment = refusal.number, refusal.message
        for _ in session.association.data():  # of a data set that was refused before its end
            pass
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
            session.refused += 1
        else:
            session.stored += 1
            session.size += stored.size
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
            fields |= {
                "bytes": stored.size,
                "kept": stored.kept.how,
                "elapsed_ms": f"{1000 * stored.elapsed:.1f}",
            }
            if stored.names.fault:
                fields["fault"] = stored.names.fault
        logger.log(level, session.line("refused" if stored is None else "stored", **fields))

    def _receive(self, session: Session, message: Message) -> tuple[Names, int, Kept]:
        """Return what was received, its size and where it is; raise Refusal where it cannot be kept."""
        command, context, association = message.command, message.context, session.association
        sop_class = dimse.text(command, "AffectedSOPClassUID")
        sop_instance = dimse.text(command, "AffectedSOPInstanceUID")
        if not (is_uid(sop_class) and is_uid(sop_instance) and dimse.has_data_set(command)):
            raise Refusal(status.CANNOT_UNDERSTAND, "the request names no valid instance")
        if sop_class != context.abstract_syntax or not is_storage_class(sop_class):
            raise Refusal(status.SOP_CLASS_NOT_SUPPORTED, "the presentation context is for another SOP class")
        if self._faults.fails:
            raise Refusal(self._faults.status, "refused, as --status asks")
        try:
            meta = file_meta(sop_class, sop_instance, context.transfer_syntax, session.calling_aet)
            with self._storage.begin() as part:
                fragments = association.data()
                part.write(meta, next(fragments, b""))
                for fragment in fragments:
                    part.write(fragment)
                names = read_names(part, len(meta), context.transfer_syntax)
                _check(names, sop_class, sop_instance)
                kept = part.keep(names.patient_id, names.study_uid, names.series_uid, sop_instance)
                return names, part.size, kept
        except OutputError as error:
            raise Refusal(status.OUT_OF_RESOURCES, error.message) from error
        except DuplicateError as error:
            raise Refusal(status.DUPLICATE_SOP_INSTANCE, error.message) from error


def _check(names: Names, sop_class: str, sop_instance: str) -> None:
    """Raise Refusal where the data set is not of the instance that the request names."""
    found = (names.sop_class_uid, names.sop_instance_uid)
    if not all(found):
        raise Refusal(status.CANNOT_UNDERSTAND, "the data set does not say which instance it is")
    if found != (sop_class, sop_instance):
        raise Refusal(status.DOES_NOT_MATCH_SOP_CLASS, "data set and request name different instances")

"""C-STORE as SCP: a data set goes to disk as it comes, then its answer (PS3.4 Annex B, PS3.7 9.1.1)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from dcmtools.archive.storage import DuplicateError
from dcmtools.encoding.syntax import encoding_of, is_deflated
from dcmtools.encoding.tags import (
    PATIENT_ID,
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    STUDY_INSTANCE_UID,
)
from dcmtools.encoding.uids import is_uid
from dcmtools.encoding.walker import Walker
from dcmtools.errors import DcmtoolsError, InputError, OutputError
from dcmtools.files.deflate import inflate
from dcmtools.files.meta import file_meta
from dcmtools.files.part10 import Part10File
from dcmtools.files.source import FileSource, MemorySource
from dcmtools.net import dimse, status

if TYPE_CHECKING:
    from dcmtools.archive.storage import Incoming, Storage
    from dcmtools.net.association import Association, Message

logger = logging.getLogger(__name__)

_IDENTIFIERS: Final = (PATIENT_ID, STUDY_INSTANCE_UID, SERIES_INSTANCE_UID, SOP_CLASS_UID, SOP_INSTANCE_UID)
# How much of a value counts, and how much of a deflated data set is looked at: bounds for hostile ones.
_LONGEST: Final = 64 * 1024
_HEAD: Final = 16 * 1024 * 1024


class Refusal(DcmtoolsError):
    """An instance that is not kept; ``number`` is the status that tells the sender so."""

    def __init__(self, number: int, message: str) -> None:
        """Answer with status ``number``, and with ``message`` as Error Comment."""
        super().__init__(message)
        self.number = number


class StorageService:
    """Receives instances of any class in any transfer syntax into one storage."""

    def __init__(self, storage: Storage) -> None:
        """Keep what is received in ``storage``."""
        self._storage = storage

    def answer_store(self, association: Association, message: Message) -> None:
        """Receive the instance of a C-STORE-RQ and answer: success only once it is kept.

        Raises AssociationError when the association ends within the message.
        """
        command = message.command
        sop_instance = dimse.text(command, "AffectedSOPInstanceUID")
        number, comment = status.SUCCESS, ""
        try:
            kept = self._receive(association, message)
            logger.info("%s %s", "stored" if kept else "had already", sop_instance)
        except Refusal as refusal:
            number, comment = refusal.number, refusal.message
            logger.warning("refused %s: %s", sop_instance, comment)
        for _ in association.data():  # of a data set that was refused before its end
            pass
        response = dimse.response(command, number)
        if comment:
            response["ErrorComment"] = comment
        association.send(message.context, response)

    def _receive(self, association: Association, message: Message) -> bool:
        """Return whether the instance is new; raise Refusal where it cannot be kept."""
        command, context = message.command, message.context
        sop_class = dimse.text(command, "AffectedSOPClassUID")
        sop_instance = dimse.text(command, "AffectedSOPInstanceUID")
        if not (is_uid(sop_class) and is_uid(sop_instance) and dimse.has_data_set(command)):
            raise Refusal(status.CANNOT_UNDERSTAND, "the request names no valid instance")
        if sop_class != context.abstract_syntax:
            raise Refusal(status.SOP_CLASS_NOT_SUPPORTED, "the presentation context is for another SOP class")
        try:
            meta = file_meta(
                sop_class, sop_instance, context.transfer_syntax, association.request.calling_aet
            )
            with self._storage.begin() as part:
                part.write(meta)
                for fragment in association.data():
                    part.write(fragment)
                return _keep(part, sop_class, sop_instance)
        except OutputError as error:
            raise Refusal(status.OUT_OF_RESOURCES, error.message) from error
        except DuplicateError as error:
            raise Refusal(status.DUPLICATE_SOP_INSTANCE, error.message) from error


def _keep(part: Incoming, sop_class: str, sop_instance: str) -> bool:
    try:
        with FileSource.duplicate(part.fd) as source:
            patient, study, series, *uids = _identifiers(Part10File(source))
    except InputError as error:
        raise Refusal(status.CANNOT_UNDERSTAND, f"the data set is broken: {error.message}") from error
    except OSError as error:  # no descriptor left
        raise OutputError(error.strerror or str(error)) from error
    if not all(uids):
        raise Refusal(status.CANNOT_UNDERSTAND, "the data set does not say which instance it is")
    if uids != [sop_class, sop_instance]:
        raise Refusal(status.DOES_NOT_MATCH_SOP_CLASS, "data set and request name different instances")
    return part.keep(patient, study, series, sop_instance)


def _identifiers(file: Part10File) -> list[str]:
    """Return patient, study, series, SOP class and SOP instance of a data set that has arrived.

    Raises InputError where it is broken before the last of them, SeriesInstanceUID.
    """
    found = dict.fromkeys(_IDENTIFIERS, "")
    walker = _walk(file)
    while elements := walker.read():
        for tag, _, _, offset, length, depth in elements:
            if depth == 0 and tag in found:
                found[tag] = walker.value(offset, min(length, _LONGEST)).decode("latin-1").strip("\0 ")
    return list(found.values())


def _walk(file: Part10File) -> Walker:
    """Return a walker up to the last identifier; of a deflated data set only the head is inflated."""
    stop = max(_IDENTIFIERS) + 1
    if not is_deflated(file.transfer_syntax):
        return file.walk(stop=stop, shallow=True)
    head = MemorySource(inflate(file.source, file.data_set_offset, enough=_HEAD))
    return Walker(head, 0, head.size, encoding_of(file.transfer_syntax), stop=stop, shallow=True)

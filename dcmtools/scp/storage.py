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
from dcmtools.encoding.uids import is_storage_class, is_uid
from dcmtools.encoding.walker import Walker
from dcmtools.errors import DcmtoolsError, InputError, OutputError
from dcmtools.files.deflate import inflate
from dcmtools.files.meta import file_meta
from dcmtools.files.source import FileSource, MemorySource
from dcmtools.net import dimse, status

if TYPE_CHECKING:
    from dcmtools.archive.storage import Incoming, Storage
    from dcmtools.encoding.walker import Source
    from dcmtools.net.association import Association, Message

logger = logging.getLogger(__name__)

_FOLDERS: Final = (PATIENT_ID, STUDY_INSTANCE_UID, SERIES_INSTANCE_UID)
_NAMES: Final = (*_FOLDERS, SOP_CLASS_UID, SOP_INSTANCE_UID)
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
        if sop_class != context.abstract_syntax or not is_storage_class(sop_class):
            raise Refusal(status.SOP_CLASS_NOT_SUPPORTED, "the presentation context is for another SOP class")
        try:
            meta = file_meta(
                sop_class, sop_instance, context.transfer_syntax, association.request.calling_aet
            )
            with self._storage.begin() as part:
                part.write(meta)
                for fragment in association.data():
                    part.write(fragment)
                names = _names(part, len(meta), context.transfer_syntax)
                _check(names, sop_class, sop_instance)
                patient, study, series = [names[tag] for tag in _FOLDERS]
                return part.keep(patient, study, series, sop_instance)
        except OutputError as error:
            raise Refusal(status.OUT_OF_RESOURCES, error.message) from error
        except DuplicateError as error:
            raise Refusal(status.DUPLICATE_SOP_INSTANCE, error.message) from error


def _check(names: dict[int, str], sop_class: str, sop_instance: str) -> None:
    """Raise Refusal where the data set is not of the instance that the request names."""
    found = (names[SOP_CLASS_UID], names[SOP_INSTANCE_UID])
    if not all(found):
        raise Refusal(status.CANNOT_UNDERSTAND, "the data set does not say which instance it is")
    if found != (sop_class, sop_instance):
        raise Refusal(status.DOES_NOT_MATCH_SOP_CLASS, "data set and request name different instances")


def _names(part: Incoming, offset: int, transfer_syntax: str) -> dict[int, str]:
    """Return what names the instance whose data set has arrived, at ``offset`` of its file.

    Raises Refusal where it is broken before the last of them, the Series Instance UID.
    """
    names = dict.fromkeys(_NAMES, "")
    try:
        with FileSource.duplicate(part.fd) as source:
            walker = _walker(source, offset, transfer_syntax)
            while elements := walker.read():
                for tag, _, _, value, length, depth in elements:
                    if depth == 0 and tag in names:
                        raw = walker.value(value, min(length, _LONGEST))
                        names[tag] = raw.decode("latin-1").strip("\0 ")
    except InputError as error:
        raise Refusal(status.CANNOT_UNDERSTAND, f"the data set is broken: {error.message}") from error
    except OSError as error:  # no descriptor left
        raise OutputError(error.strerror or str(error)) from error
    return names


def _walker(source: Source, start: int, transfer_syntax: str) -> Walker:
    """Return a walker up to the last name; of a deflated data set only the head is inflated."""
    if is_deflated(transfer_syntax):
        source, start = MemorySource(inflate(source, start, enough=_HEAD)), 0
    return Walker(
        source, start, source.size, encoding_of(transfer_syntax), stop=max(_NAMES) + 1, shallow=True
    )

"""The instance of a C-STORE goes into a storage as it comes (PS3.4 Annex B, PS3.7 9.1.1).

For whoever is sent instances: the storage SCP, and a C-GET SCU among whose responses they come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dcmtools.archive.duplicates import DuplicateError
from dcmtools.archive.received import Refusal, read_names
from dcmtools.encoding.uids import is_storage_class, is_uid
from dcmtools.errors import OutputError
from dcmtools.files.meta import file_meta
from dcmtools.net import dimse, status

if TYPE_CHECKING:
    from dcmtools.archive.duplicates import Kept
    from dcmtools.archive.received import Names
    from dcmtools.archive.storage import Storage
    from dcmtools.net.association import Association
    from dcmtools.net.dimse import Command
    from dcmtools.net.incoming import Message


class Received(NamedTuple):
    """An instance that is kept; ``size`` counts the bytes of its file."""

    names: Names
    transfer_syntax_uid: str
    size: int
    kept: Kept


def receive(storage: Storage, association: Association, message: Message, source_aet: str) -> Received:
    """Keep the instance that comes with the C-STORE-RQ ``message``, which is then to be responded to.

    ``source_aet`` is the AE title of the sender, for (0002,0016) of the file (PS3.10 7.1): the requestor's
    or the acceptor's, whichever is the SCU. Raises Refusal, of which ``refused`` makes the response, where
    the instance is not kept, and AssociationError when the association ends within the message; with either
    nothing of it is left.
    """
    try:
        return _received(storage, association, message, source_aet)
    except Refusal:
        for _ in association.data():  # of a data set that was refused before its end
            pass
        raise


def refused(message: Message, refusal: Refusal) -> Command:
    """Return the response to a C-STORE-RQ whose instance is not kept: the status, and why in words."""
    return dimse.response(message.command, refusal.number) | {"ErrorComment": refusal.message}


def requested(message: Message) -> tuple[str, str]:
    """Return the SOP Class and SOP Instance UID of a C-STORE-RQ; raise Refusal where it cannot be done."""
    sop_class = dimse.text(message.command, "AffectedSOPClassUID")
    sop_instance = dimse.text(message.command, "AffectedSOPInstanceUID")
    if not (is_uid(sop_class) and is_uid(sop_instance) and dimse.has_data_set(message.command)):
        raise Refusal(status.CANNOT_UNDERSTAND, "the request names no valid instance")
    if sop_class != message.context.abstract_syntax or not is_storage_class(sop_class):
        raise Refusal(status.SOP_CLASS_NOT_SUPPORTED, "the presentation context is for another SOP class")
    return sop_class, sop_instance


def _received(storage: Storage, association: Association, message: Message, source_aet: str) -> Received:
    sop_class, sop_instance = requested(message)
    syntax = message.context.transfer_syntax
    meta = file_meta(sop_class, sop_instance, syntax, source_aet)
    try:
        with storage.begin() as part:
            fragments = association.data()
            part.write(meta, next(fragments, b""))
            for fragment in fragments:
                part.write(fragment)
            names = read_names(part, len(meta), syntax)
            _check(names, sop_class, sop_instance)
            kept = part.keep(names.patient_id, names.study_uid, names.series_uid, sop_instance)
            return Received(names, syntax, part.size, kept)
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

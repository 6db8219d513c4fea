"""The PDUs that make and end an association: types and bytes (PS3.8 section 9.3).

They are named tuples: a data class takes five times as long to define, at every start. P-DATA-TF stands
apart, in ``p_data``.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple, TypeAlias

from dcmtools.net import presentation
from dcmtools.net.items import PduError, item, items, uid_text
from dcmtools.net.peer import checked_aet
from dcmtools.net.user_information import UserInformation, decode_user_information, encode_user_information

ASSOCIATE_RQ: Final = 0x01
ASSOCIATE_AC: Final = 0x02
ASSOCIATE_RJ: Final = 0x03
RELEASE_RQ: Final = 0x05
RELEASE_RP: Final = 0x06
ABORT: Final = 0x07

DICOM_APPLICATION_CONTEXT: Final = "1.2.840.10008.3.1.1.1"

_APPLICATION_CONTEXT: Final = 0x10
_CONTEXT_RQ: Final = 0x20
_CONTEXT_AC: Final = 0x21
_USER_INFORMATION: Final = 0x50

_MOST_CONTEXTS: Final = 128
_HEADER: Final = Struct(">BxI")
_ASSOCIATE: Final = Struct(">Hxx16s16s32x")


class AssociateRQ(NamedTuple):
    """A-ASSOCIATE-RQ: ask for an association (PS3.8 9.3.2). AE titles carry no padding."""

    called_aet: str
    calling_aet: str
    contexts: tuple[presentation.PresentationContext, ...]
    user_information: UserInformation
    application_context: str = DICOM_APPLICATION_CONTEXT
    protocol_version: int = 1


class AssociateAC(NamedTuple):
    """A-ASSOCIATE-AC: accept an association (PS3.8 9.3.3). The AE titles repeat those of the request."""

    called_aet: str
    calling_aet: str
    contexts: tuple[presentation.ContextResult, ...]
    user_information: UserInformation
    application_context: str = DICOM_APPLICATION_CONTEXT
    protocol_version: int = 1


class AssociateRJ(NamedTuple):
    """A-ASSOCIATE-RJ: refuse an association (PS3.8 9.3.4); ``refusals.rejection_text`` has the words."""

    result: int
    source: int
    reason: int

    @property
    def transient(self) -> bool:
        """Whether the refusal is rejected-transient, so that a later attempt may succeed."""
        return self.result == 2


class _WithoutFields:
    """A PDU that is nothing but its type; empty tuples of two types would be equal, and false."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ReleaseRQ(_WithoutFields):
    """A-RELEASE-RQ: ask to end the association (PS3.8 9.3.6)."""

    __slots__ = ()


class ReleaseRP(_WithoutFields):
    """A-RELEASE-RP: agree to end the association (PS3.8 9.3.7)."""

    __slots__ = ()


class Abort(NamedTuple):
    """A-ABORT: end the association at once (PS3.8 9.3.8); ``refusals.abort_text`` has the words."""

    source: int
    reason: int


Pdu: TypeAlias = AssociateRQ | AssociateAC | AssociateRJ | ReleaseRQ | ReleaseRP | Abort


def encode(pdu: Pdu) -> bytes:
    """Return the whole PDU, its header of 6 bytes included.

    Raises ``ValueError`` for what PS3.8 does not allow or what does not fit its field.
    """
    if isinstance(pdu, AssociateRQ):
        _check_ids(pdu)
        contexts = [item(_CONTEXT_RQ, presentation.proposal_value(context)) for context in pdu.contexts]
        return _pdu(ASSOCIATE_RQ, _associate(pdu, contexts))
    if isinstance(pdu, AssociateAC):
        _check_ids(pdu)
        results = [item(_CONTEXT_AC, presentation.result_value(result)) for result in pdu.contexts]
        return _pdu(ASSOCIATE_AC, _associate(pdu, results))
    if isinstance(pdu, AssociateRJ):
        return _pdu(ASSOCIATE_RJ, bytes((0, pdu.result, pdu.source, pdu.reason)))
    if isinstance(pdu, ReleaseRQ):
        return _pdu(RELEASE_RQ, bytes(4))
    if isinstance(pdu, ReleaseRP):
        return _pdu(RELEASE_RP, bytes(4))
    return _pdu(ABORT, bytes((0, 0, pdu.source, pdu.reason)))


def decode(pdu_type: int, body: bytes | memoryview) -> Pdu:
    """Return the PDU of ``pdu_type`` whose bytes after the header are ``body``; not for P-DATA-TF.

    Items of unknown types are skipped (PS3.8 9.3.1). Raises ``PduError`` for every length that contradicts
    another or the body's, for context IDs that are even or stand twice, which leaves 128 of them, for an
    A-ASSOCIATE without User Information, and for any other ``pdu_type``.
    """
    data = bytes(body)
    if pdu_type in (ASSOCIATE_RQ, ASSOCIATE_AC):
        return _decode_associate(pdu_type, data)
    if pdu_type not in (ASSOCIATE_RJ, RELEASE_RQ, RELEASE_RP, ABORT):
        raise PduError(f"PDU type {pdu_type:02X}H is none of an association's making or end", 0)
    if len(data) != 4:
        raise PduError(f"a PDU of type {pdu_type:02X}H has 4 bytes after its header, not {len(data)}", 0)
    if pdu_type == ASSOCIATE_RJ:
        return AssociateRJ(data[1], data[2], data[3])
    if pdu_type == ABORT:
        return Abort(data[2], data[3])
    return ReleaseRQ() if pdu_type == RELEASE_RQ else ReleaseRP()


def _pdu(pdu_type: int, body: bytes) -> bytes:
    return _HEADER.pack(pdu_type, len(body)) + body


def _check_ids(pdu: AssociateRQ | AssociateAC) -> None:
    ids = {context.context_id for context in pdu.contexts}
    if len(pdu.contexts) > _MOST_CONTEXTS:
        raise ValueError(f"{len(pdu.contexts)} presentation contexts, at most {_MOST_CONTEXTS} fit")
    if len(ids) != len(pdu.contexts) or not all(0 < each < 256 and each & 1 for each in ids):
        raise ValueError("presentation context IDs are odd, 1 to 255, each for one context")


def _associate(pdu: AssociateRQ | AssociateAC, contexts: list[bytes]) -> bytes:
    """Return the body of an A-ASSOCIATE-RQ or -AC, which are laid out alike."""
    if not 0 <= pdu.protocol_version <= 0xFFFF:
        raise ValueError(f"protocol version {pdu.protocol_version} does not fit 2 bytes")
    titles = [checked_aet(title).ljust(16).encode("ascii") for title in (pdu.called_aet, pdu.calling_aet)]
    fixed = _ASSOCIATE.pack(pdu.protocol_version, *titles)
    application = item(_APPLICATION_CONTEXT, pdu.application_context.encode("latin-1"))
    user_information = item(_USER_INFORMATION, encode_user_information(pdu.user_information))
    return b"".join((fixed, application, *contexts, user_information))


def _decode_associate(pdu_type: int, data: bytes) -> AssociateRQ | AssociateAC:
    if len(data) < _ASSOCIATE.size:
        raise PduError(f"an A-ASSOCIATE has at least {_ASSOCIATE.size} bytes after its header", len(data))
    version, called, calling = _ASSOCIATE.unpack_from(data)
    called_aet, calling_aet = [title.decode("latin-1").strip("\0 ") for title in (called, calling)]
    context_type = _CONTEXT_RQ if pdu_type == ASSOCIATE_RQ else _CONTEXT_AC
    spans, application_context, information = _decode_items(data, context_type)
    if pdu_type == ASSOCIATE_RQ:
        proposals = tuple([presentation.proposal(data, *span) for span in spans])
        return AssociateRQ(called_aet, calling_aet, proposals, information, application_context, version)
    results = tuple([presentation.result(data, *span) for span in spans])
    return AssociateAC(called_aet, calling_aet, results, information, application_context, version)


def _decode_items(data: bytes, context_type: int) -> tuple[list[tuple[int, int]], str, UserInformation]:
    """Return where the presentation contexts stand, the application context and the user information."""
    contexts: dict[int, tuple[int, int]] = {}
    application_context = ""
    user_information = None
    for item_type, start, end in items(data, _ASSOCIATE.size, len(data)):
        if item_type == context_type:
            context_id = presentation.context_id(data, start, end)
            if context_id in contexts:
                raise PduError(f"presentation context {context_id}: its ID stands for one already", start)
            contexts[context_id] = (start, end)
        elif item_type == _APPLICATION_CONTEXT:
            application_context = uid_text(data[start:end])
        elif item_type == _USER_INFORMATION:
            user_information = decode_user_information(data, start, end)
    if user_information is None:
        raise PduError("an A-ASSOCIATE ends without its User Information Item", len(data))
    return list(contexts.values()), application_context, user_information

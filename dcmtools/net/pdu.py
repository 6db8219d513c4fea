"""The PDUs of the upper layer protocol as bytes (PS3.8 section 9.3 and Annex D).

``encode`` and ``decode`` serve the PDUs that make and end an association. P-DATA-TF, which carries every
byte of every message, stands apart: ``data_header`` and ``data_values`` never copy a fragment.

PDUs and their parts are named tuples: a data class takes five times as long to define, at every start.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple, TypeAlias

from dcmtools.net.peer import checked_aet
from dcmtools.net.user_information import (
    CommonExtendedNegotiation,
    ExtendedNegotiation,
    PduError,
    RoleSelection,
    UserIdentity,
    UserInformation,
    decode_user_information,
    encode_user_information,
    item,
    items,
    uid_text,
)

__all__ = [
    "Abort",
    "AssociateAC",
    "AssociateRJ",
    "AssociateRQ",
    "CommonExtendedNegotiation",
    "ContextResult",
    "ExtendedNegotiation",
    "Pdu",
    "PduError",
    "PresentationContext",
    "ReleaseRP",
    "ReleaseRQ",
    "RoleSelection",
    "UserIdentity",
    "UserInformation",
    "abort_text",
    "data_header",
    "data_values",
    "decode",
    "encode",
    "rejection_text",
]

ASSOCIATE_RQ: Final = 0x01
ASSOCIATE_AC: Final = 0x02
ASSOCIATE_RJ: Final = 0x03
P_DATA_TF: Final = 0x04
RELEASE_RQ: Final = 0x05
RELEASE_RP: Final = 0x06
ABORT: Final = 0x07

COMMAND: Final = 0x01
LAST: Final = 0x02

ACCEPTANCE: Final = 0
USER_REJECTION: Final = 1
NO_REASON: Final = 2
ABSTRACT_SYNTAX_NOT_SUPPORTED: Final = 3
TRANSFER_SYNTAXES_NOT_SUPPORTED: Final = 4

DICOM_APPLICATION_CONTEXT: Final = "1.2.840.10008.3.1.1.1"

_APPLICATION_CONTEXT: Final = 0x10
_CONTEXT_RQ: Final = 0x20
_CONTEXT_AC: Final = 0x21
_ABSTRACT_SYNTAX: Final = 0x30
_TRANSFER_SYNTAX: Final = 0x40
_USER_INFORMATION: Final = 0x50

_HEADER: Final = Struct(">BxI")
_ASSOCIATE: Final = Struct(">Hxx16s16s32x")
_DATA: Final = Struct(">BxIIBB")
_VALUE: Final = Struct(">IBB")

_REJECTIONS: Final = {
    (1, 1): "no reason given (service user)",
    (1, 2): "application context name not supported (service user)",
    (1, 3): "calling AE title not recognized (service user)",
    (1, 7): "called AE title not recognized (service user)",
    (2, 1): "no reason given (service provider, ACSE)",
    (2, 2): "protocol version not supported (service provider, ACSE)",
    (3, 1): "temporary congestion (service provider, presentation)",
    (3, 2): "local limit exceeded (service provider, presentation)",
}
_ABORTS: Final = {
    0: "reason not specified",
    1: "unrecognized PDU",
    2: "unexpected PDU",
    4: "unrecognized PDU parameter",
    5: "unexpected PDU parameter",
    6: "invalid PDU parameter value",
}


class PresentationContext(NamedTuple):
    """A presentation context as proposed (PS3.8 9.3.2.2); its ID is odd."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


class ContextResult(NamedTuple):
    """The answer to a presentation context (PS3.8 9.3.3.2).

    ``transfer_syntax`` means something where ``result`` is ``ACCEPTANCE`` only; it is whatever the peer
    sent, proposed or not, and empty where it sent none.
    """

    context_id: int
    result: int
    transfer_syntax: str


class AssociateRQ(NamedTuple):
    """A-ASSOCIATE-RQ: ask for an association (PS3.8 9.3.2). AE titles carry no padding."""

    called_aet: str
    calling_aet: str
    contexts: tuple[PresentationContext, ...]
    user_information: UserInformation
    application_context: str = DICOM_APPLICATION_CONTEXT
    protocol_version: int = 1


class AssociateAC(NamedTuple):
    """A-ASSOCIATE-AC: accept an association (PS3.8 9.3.3). The AE titles repeat those of the request."""

    called_aet: str
    calling_aet: str
    contexts: tuple[ContextResult, ...]
    user_information: UserInformation
    application_context: str = DICOM_APPLICATION_CONTEXT
    protocol_version: int = 1


class AssociateRJ(NamedTuple):
    """A-ASSOCIATE-RJ: refuse an association (PS3.8 9.3.4); ``rejection_text`` has the words."""

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
    """A-ABORT: end the association at once (PS3.8 9.3.8); ``abort_text`` has the words."""

    source: int
    reason: int


Pdu: TypeAlias = AssociateRQ | AssociateAC | AssociateRJ | ReleaseRQ | ReleaseRP | Abort


def encode(pdu: Pdu) -> bytes:
    """Return the whole PDU, its header of 6 bytes included.

    Raises ``ValueError`` for what PS3.8 does not allow or what does not fit its field.
    """
    if isinstance(pdu, AssociateRQ):
        contexts = [item(_CONTEXT_RQ, _proposal_value(context)) for context in pdu.contexts]
        return _pdu(ASSOCIATE_RQ, _associate(pdu, contexts))
    if isinstance(pdu, AssociateAC):
        results = [item(_CONTEXT_AC, _result_value(result)) for result in pdu.contexts]
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


def data_values(body: memoryview) -> list[tuple[int, int, memoryview]]:
    """Return context ID, message control header and fragment of each PDV of a P-DATA-TF (PS3.8 9.3.5).

    The fragments are views of ``body``. ``COMMAND`` and ``LAST`` are the bits of the control header
    (PS3.8 E.2). Raises ``PduError`` where a PDV does not fit in, and where there is none.
    """
    values = []
    start, end = 0, len(body)
    while end - start >= 6:
        length, context_id, control = _VALUE.unpack_from(body, start)
        stop = start + 4 + length
        if length < 2 or stop > end:
            raise PduError(f"a PDV of {length} bytes, {end - start - 4} are left", start)
        values.append((context_id, control, body[start + 6 : stop]))
        start = stop
    if start != end or not values:
        raise PduError(f"a PDV takes at least 6 bytes, {end - start} are left", start)
    return values


def data_header(context_id: int, control: int, length: int) -> bytes:
    """Return the 12 bytes that precede a fragment of ``length`` bytes: P-DATA-TF and PDV header."""
    return _DATA.pack(P_DATA_TF, length + 6, length + 2, context_id, control)


def rejection_text(source: int, reason: int) -> str:
    """Return in words why an association was refused, and by whom (PS3.8 Table 9-21)."""
    return _REJECTIONS.get((source, reason), f"reserved reason {reason} of source {source}")


def abort_text(source: int, reason: int) -> str:
    """Return in words why an association was aborted, and by whom (PS3.8 Table 9-26).

    The reason means nothing where the source is the service user.
    """
    if source == 0:
        return "reason not specified (service user)"
    if source != 2 or reason not in _ABORTS:
        return f"reserved reason {reason} of source {source}"
    return f"{_ABORTS[reason]} (service provider)"


def _pdu(pdu_type: int, body: bytes) -> bytes:
    return _HEADER.pack(pdu_type, len(body)) + body


def _associate(pdu: AssociateRQ | AssociateAC, contexts: list[bytes]) -> bytes:
    """Return the body of an A-ASSOCIATE-RQ or -AC, which are laid out alike."""
    if not 0 <= pdu.protocol_version <= 0xFFFF:
        raise ValueError(f"protocol version {pdu.protocol_version} does not fit 2 bytes")
    ids = {context.context_id for context in pdu.contexts}
    if len(ids) != len(pdu.contexts) or not all(0 < each < 256 and each & 1 for each in ids):
        raise ValueError("presentation context IDs are odd, 1 to 255, each for one context")
    titles = [checked_aet(title).ljust(16).encode("ascii") for title in (pdu.called_aet, pdu.calling_aet)]
    fixed = _ASSOCIATE.pack(pdu.protocol_version, *titles)
    application = item(_APPLICATION_CONTEXT, pdu.application_context.encode("latin-1"))
    user_information = item(_USER_INFORMATION, encode_user_information(pdu.user_information))
    return b"".join((fixed, application, *contexts, user_information))


def _proposal_value(context: PresentationContext) -> bytes:
    parts = [bytes((context.context_id, 0, 0, 0))]
    parts.append(item(_ABSTRACT_SYNTAX, context.abstract_syntax.encode("latin-1")))
    parts += [item(_TRANSFER_SYNTAX, uid.encode("latin-1")) for uid in context.transfer_syntaxes]
    return b"".join(parts)


def _result_value(context: ContextResult) -> bytes:
    transfer_syntax = item(_TRANSFER_SYNTAX, context.transfer_syntax.encode("latin-1"))
    return bytes((context.context_id, 0, context.result, 0)) + transfer_syntax


def _decode_associate(pdu_type: int, data: bytes) -> AssociateRQ | AssociateAC:
    if len(data) < _ASSOCIATE.size:
        raise PduError(f"an A-ASSOCIATE has at least {_ASSOCIATE.size} bytes after its header", len(data))
    version, called, calling = _ASSOCIATE.unpack_from(data)
    called_aet, calling_aet = [title.decode("latin-1").strip("\0 ") for title in (called, calling)]
    context_type = _CONTEXT_RQ if pdu_type == ASSOCIATE_RQ else _CONTEXT_AC
    spans, application_context, information = _decode_items(data, context_type)
    if pdu_type == ASSOCIATE_RQ:
        proposals = tuple([_proposal(data, *span) for span in spans])
        return AssociateRQ(called_aet, calling_aet, proposals, information, application_context, version)
    results = tuple([_result(data, *span) for span in spans])
    return AssociateAC(called_aet, calling_aet, results, information, application_context, version)


def _decode_items(data: bytes, context_type: int) -> tuple[list[tuple[int, int]], str, UserInformation]:
    """Return where the presentation contexts stand, the application context and the user information."""
    contexts: dict[int, tuple[int, int]] = {}
    application_context = ""
    user_information = None
    for item_type, start, end in items(data, _ASSOCIATE.size, len(data)):
        if item_type == context_type:
            context_id = _context_id(data, start, end)
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


def _context_id(data: bytes, start: int, end: int) -> int:
    if end - start < 4:
        raise PduError(f"a presentation context takes at least 4 bytes, not {end - start}", start)
    if not data[start] & 1:
        raise PduError(f"presentation context {data[start]}: its ID is not odd", start)
    return data[start]


def _proposal(data: bytes, start: int, end: int) -> PresentationContext:
    abstract_syntax = ""
    transfer_syntaxes = []
    for item_type, first, last in items(data, start + 4, end):
        if item_type == _ABSTRACT_SYNTAX:
            abstract_syntax = uid_text(data[first:last])
        elif item_type == _TRANSFER_SYNTAX:
            transfer_syntaxes.append(uid_text(data[first:last]))
    return PresentationContext(data[start], abstract_syntax, tuple(transfer_syntaxes))


def _result(data: bytes, start: int, end: int) -> ContextResult:
    transfer_syntax = ""
    for item_type, first, last in items(data, start + 4, end):
        if item_type == _TRANSFER_SYNTAX:
            transfer_syntax = uid_text(data[first:last])
    return ContextResult(data[start], data[start + 2], transfer_syntax)

"""What PS3.7 sections 9.3 and 10.3 say of each DIMSE message."""

from __future__ import annotations

from dcmtools.net.dimse import RESPONSE, CommandField

F = CommandField

# What each message may hold beside Command Field, Data Set Type and message ID,
# with "!" for what it must hold; and whether it has a data set (None: it may).
STATUS = "Status! ErrorComment"
COUNTS = (
    "NumberOfRemainingSuboperations NumberOfCompletedSuboperations"
    " NumberOfFailedSuboperations NumberOfWarningSuboperations"
)
REQUESTED = "RequestedSOPClassUID! RequestedSOPInstanceUID!"
AFFECTED = "AffectedSOPClassUID AffectedSOPInstanceUID"
MESSAGES: dict[int, tuple[str, bool | None]] = {
    F.C_STORE_RQ: (
        "AffectedSOPClassUID! AffectedSOPInstanceUID! Priority!"
        " MoveOriginatorApplicationEntityTitle MoveOriginatorMessageID",
        True,
    ),
    F.C_STORE_RQ | RESPONSE: (f"{STATUS} {AFFECTED} OffendingElement", False),
    F.C_FIND_RQ: ("AffectedSOPClassUID! Priority!", True),
    F.C_FIND_RQ | RESPONSE: (f"{STATUS} AffectedSOPClassUID OffendingElement", None),
    F.C_GET_RQ: ("AffectedSOPClassUID! Priority!", True),
    F.C_GET_RQ | RESPONSE: (f"{STATUS} AffectedSOPClassUID OffendingElement {COUNTS}", None),
    F.C_MOVE_RQ: ("AffectedSOPClassUID! Priority! MoveDestination!", True),
    F.C_MOVE_RQ | RESPONSE: (f"{STATUS} AffectedSOPClassUID OffendingElement {COUNTS}", None),
    F.C_ECHO_RQ: ("AffectedSOPClassUID!", False),
    F.C_ECHO_RQ | RESPONSE: (f"{STATUS} AffectedSOPClassUID", False),
    F.C_CANCEL_RQ: ("", False),
    F.N_EVENT_REPORT_RQ: ("AffectedSOPClassUID! AffectedSOPInstanceUID! EventTypeID!", None),
    F.N_EVENT_REPORT_RQ | RESPONSE: (f"{STATUS} {AFFECTED} ErrorID EventTypeID", None),
    F.N_GET_RQ: (f"{REQUESTED} AttributeIdentifierList", False),
    F.N_GET_RQ | RESPONSE: (f"{STATUS} {AFFECTED} ErrorID AttributeIdentifierList", None),
    F.N_SET_RQ: (REQUESTED, True),
    F.N_SET_RQ | RESPONSE: (f"{STATUS} {AFFECTED} ErrorID AttributeIdentifierList", None),
    F.N_ACTION_RQ: (f"{REQUESTED} ActionTypeID!", None),
    F.N_ACTION_RQ | RESPONSE: (f"{STATUS} {AFFECTED} ErrorID ActionTypeID", None),
    F.N_CREATE_RQ: ("AffectedSOPClassUID! AffectedSOPInstanceUID", None),
    F.N_CREATE_RQ | RESPONSE: (f"{STATUS} {AFFECTED} ErrorID", None),
    F.N_DELETE_RQ: (REQUESTED, False),
    F.N_DELETE_RQ | RESPONSE: (f"{STATUS} {AFFECTED} ErrorID", False),
}
REQUESTS = [field for field in CommandField if field is not F.C_CANCEL_RQ]


def fields_of(field: int, *, mandatory: bool) -> list[str]:
    """The fields that a message must have, or those that it may have."""
    named = MESSAGES[field][0].split()
    return [name.rstrip("!") for name in named if name.endswith("!") is mandatory]

"""DIMSE messages: which fields a request has, and what answers it (PS3.7 sections 9.3, 10.3 and Annex E).

A command set is a dict from the Standard's keywords to values: text for UI, AE and LO, a number for US, a
tuple of tags (0xGGGGEEEE) for AT. ``command_set`` has its bytes.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, TypeAlias

Value: TypeAlias = int | str | tuple[int, ...]
Command: TypeAlias = dict[str, Value]

NO_DATA_SET: Final = 0x0101
DATA_SET: Final = 0x0001

MEDIUM: Final = 0
HIGH: Final = 1
LOW: Final = 2


class CommandField(IntEnum):
    """The kind of a request, (0000,0100) of PS3.7 Table E.1-1; with ``RESPONSE`` that of its response."""

    C_STORE_RQ = 0x0001
    C_GET_RQ = 0x0010
    C_FIND_RQ = 0x0020
    C_MOVE_RQ = 0x0021
    C_ECHO_RQ = 0x0030
    N_EVENT_REPORT_RQ = 0x0100
    N_GET_RQ = 0x0110
    N_SET_RQ = 0x0120
    N_ACTION_RQ = 0x0130
    N_CREATE_RQ = 0x0140
    N_DELETE_RQ = 0x0150
    C_CANCEL_RQ = 0x0FFF


RESPONSE: Final = 0x8000

_WITH_PRIORITY: Final = frozenset({"AffectedSOPClassUID", "Priority"})
_REQUESTED: Final = frozenset({"RequestedSOPClassUID", "RequestedSOPInstanceUID"})
_MOVE_ORIGINATOR: Final = frozenset({"MoveOriginatorApplicationEntityTitle", "MoveOriginatorMessageID"})
_NONE: Final[frozenset[str]] = frozenset()

# Of each request: the fields it must have, those it may have, and whether it has a data set (None: may).
_REQUESTS: Final[dict[CommandField, tuple[frozenset[str], frozenset[str], bool | None]]] = {
    CommandField.C_STORE_RQ: (_WITH_PRIORITY | {"AffectedSOPInstanceUID"}, _MOVE_ORIGINATOR, True),
    CommandField.C_GET_RQ: (_WITH_PRIORITY, _NONE, True),
    CommandField.C_FIND_RQ: (_WITH_PRIORITY, _NONE, True),
    CommandField.C_MOVE_RQ: (_WITH_PRIORITY | {"MoveDestination"}, _NONE, True),
    CommandField.C_ECHO_RQ: (frozenset({"AffectedSOPClassUID"}), _NONE, False),
    CommandField.N_EVENT_REPORT_RQ: (
        frozenset({"AffectedSOPClassUID", "AffectedSOPInstanceUID", "EventTypeID"}),
        _NONE,
        None,
    ),
    CommandField.N_GET_RQ: (_REQUESTED, frozenset({"AttributeIdentifierList"}), False),
    CommandField.N_SET_RQ: (_REQUESTED, _NONE, True),
    CommandField.N_ACTION_RQ: (_REQUESTED | {"ActionTypeID"}, _NONE, None),
    CommandField.N_CREATE_RQ: (
        frozenset({"AffectedSOPClassUID"}),
        frozenset({"AffectedSOPInstanceUID"}),
        None,
    ),
    CommandField.N_DELETE_RQ: (_REQUESTED, _NONE, False),
}

# What a response repeats, and where the request has it; PS3.7 10.1 renames Requested to Affected.
_REPEATED: Final = (
    ("AffectedSOPClassUID", "RequestedSOPClassUID"),
    ("AffectedSOPClassUID", "AffectedSOPClassUID"),
    ("AffectedSOPInstanceUID", "RequestedSOPInstanceUID"),
    ("AffectedSOPInstanceUID", "AffectedSOPInstanceUID"),
    ("EventTypeID", "EventTypeID"),
    ("ActionTypeID", "ActionTypeID"),
)


def number(command: Command, keyword: str, absent: int = 0) -> int:
    """Return the value of the US element ``keyword``, or ``absent``."""
    value = command.get(keyword, absent)
    if not isinstance(value, int):
        raise TypeError(f"{keyword} is not a number")
    return value


def text(command: Command, keyword: str, absent: str = "") -> str:
    """Return the value of the UI, AE or LO element ``keyword``, or ``absent``."""
    value = command.get(keyword, absent)
    if not isinstance(value, str):
        raise TypeError(f"{keyword} is not text")
    return value


def has_data_set(command: Command) -> bool:
    """Return whether a data set follows: Command Data Set Type is anything but 0101H (PS3.7 E.1)."""
    return command.get("CommandDataSetType", NO_DATA_SET) != NO_DATA_SET


def request(field: CommandField, message_id: int, *, data_set: bool, **fields: Value) -> Command:
    """Return the command set of the request ``field`` (PS3.7 9.3 and 10.3); for C-CANCEL-RQ see ``cancel``.

    Raises ``ValueError`` where ``fields`` lack one that the request must have, or hold one it cannot have,
    and where ``data_set`` is not what the service wants.
    """
    if field not in _REQUESTS:
        raise ValueError(f"{field.name} is not made by request")
    mandatory, optional, has = _REQUESTS[field]
    if not mandatory <= fields.keys() <= mandatory | optional:
        raise ValueError(
            f"{field.name} takes {sorted(mandatory)}, maybe {sorted(optional)}: {sorted(fields)}"
        )
    if has is not None and has is not data_set:
        raise ValueError(f"{field.name} has {'a' if has else 'no'} data set")
    kind = DATA_SET if data_set else NO_DATA_SET
    return {"CommandField": int(field), "MessageID": message_id, "CommandDataSetType": kind, **fields}


def cancel(message_id: int) -> Command:
    """Return the C-CANCEL-RQ for the C-FIND, C-GET or C-MOVE ``message_id`` (PS3.7 9.3.2.3)."""
    return {
        "CommandField": int(CommandField.C_CANCEL_RQ),
        "MessageIDBeingRespondedTo": message_id,
        "CommandDataSetType": NO_DATA_SET,
    }


def response(request: Command, status: int, *, data_set: bool = False, **fields: Value) -> Command:
    """Return the response to ``request`` with ``status`` (PS3.7 9.3 and 10.3) and further ``fields``.

    The SOP Class and SOP Instance that the request names, affected or requested, are the affected ones of
    its response; Event Type ID and Action Type ID are repeated. Raises ``ValueError`` for what has no
    response: a C-CANCEL-RQ, and a response.
    """
    field = number(request, "CommandField")
    if field & RESPONSE or field == CommandField.C_CANCEL_RQ:
        raise ValueError(f"a message of Command Field {field:04X}H has no response")
    command: Command = {
        "CommandField": field | RESPONSE,
        "MessageIDBeingRespondedTo": number(request, "MessageID"),
        "CommandDataSetType": DATA_SET if data_set else NO_DATA_SET,
        "Status": status,
    }
    for keyword, source in _REPEATED:
        if source in request:
            command[keyword] = request[source]
    command.update(fields)
    return command

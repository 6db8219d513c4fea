"""Command sets of DIMSE messages as bytes (PS3.7 sections 6.3, 9.3, 10.3 and Annex E).

A command set is always Implicit VR Little Endian. Here it is a dict from the Standard's keywords to values:
text for UI, AE and LO, a number for US, a tuple of tags (0xGGGGEEEE) for AT. The Command Group Length is no
part of it: ``encode`` computes it, ``decode`` checks it.
"""

from __future__ import annotations

from enum import IntEnum, unique
from struct import Struct, error
from typing import Final, TypeAlias

from dcmtools.net.peer import checked_aet

Value: TypeAlias = int | str | tuple[int, ...]
Command: TypeAlias = dict[str, Value]

NO_DATA_SET: Final = 0x0101
DATA_SET: Final = 0x0001

MEDIUM: Final = 0
HIGH: Final = 1
LOW: Final = 2


@unique
class CommandField(IntEnum):
    """The kind of a message: (0000,0100) of PS3.7 Table E.1-1."""

    C_STORE_RQ = 0x0001
    C_STORE_RSP = 0x8001
    C_GET_RQ = 0x0010
    C_GET_RSP = 0x8010
    C_FIND_RQ = 0x0020
    C_FIND_RSP = 0x8020
    C_MOVE_RQ = 0x0021
    C_MOVE_RSP = 0x8021
    C_ECHO_RQ = 0x0030
    C_ECHO_RSP = 0x8030
    N_EVENT_REPORT_RQ = 0x0100
    N_EVENT_REPORT_RSP = 0x8100
    N_GET_RQ = 0x0110
    N_GET_RSP = 0x8110
    N_SET_RQ = 0x0120
    N_SET_RSP = 0x8120
    N_ACTION_RQ = 0x0130
    N_ACTION_RSP = 0x8130
    N_CREATE_RQ = 0x0140
    N_CREATE_RSP = 0x8140
    N_DELETE_RQ = 0x0150
    N_DELETE_RSP = 0x8150
    C_CANCEL_RQ = 0x0FFF


RESPONSE: Final = 0x8000

# PS3.7 Table E.1-1, without the group length; in order of the tags (0000,eeee).
_ELEMENTS: Final[dict[str, tuple[int, str]]] = {
    "AffectedSOPClassUID": (0x0002, "UI"),
    "RequestedSOPClassUID": (0x0003, "UI"),
    "CommandField": (0x0100, "US"),
    "MessageID": (0x0110, "US"),
    "MessageIDBeingRespondedTo": (0x0120, "US"),
    "MoveDestination": (0x0600, "AE"),
    "Priority": (0x0700, "US"),
    "CommandDataSetType": (0x0800, "US"),
    "Status": (0x0900, "US"),
    "OffendingElement": (0x0901, "AT"),
    "ErrorComment": (0x0902, "LO"),
    "ErrorID": (0x0903, "US"),
    "AffectedSOPInstanceUID": (0x1000, "UI"),
    "RequestedSOPInstanceUID": (0x1001, "UI"),
    "EventTypeID": (0x1002, "US"),
    "AttributeIdentifierList": (0x1005, "AT"),
    "ActionTypeID": (0x1008, "US"),
    "NumberOfRemainingSuboperations": (0x1020, "US"),
    "NumberOfCompletedSuboperations": (0x1021, "US"),
    "NumberOfFailedSuboperations": (0x1022, "US"),
    "NumberOfWarningSuboperations": (0x1023, "US"),
    "MoveOriginatorApplicationEntityTitle": (0x1030, "AE"),
    "MoveOriginatorMessageID": (0x1031, "US"),
}
_KEYWORDS: Final = {element: (keyword, vr) for keyword, (element, vr) in _ELEMENTS.items()}

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

_HEADER: Final = Struct("<HHI")
_NUMBER_ELEMENT: Final = Struct("<HHIH")
_GROUP_LENGTH: Final = Struct("<HHII")
_NUMBER: Final = Struct("<H")
_LONG: Final = Struct("<I")
_TAG: Final = Struct("<HH")

_LONGEST: Final = {"UI": 64, "AE": 16}


class DimseError(ValueError):
    """The bytes of a command set contradict PS3.7, at ``offset`` bytes into the set."""

    def __init__(self, message: str, offset: int) -> None:
        """Prefix ``message`` with the ``offset`` where the fault stands."""
        super().__init__(f"offset {offset}: {message}")
        self.offset = offset


def encode(command: Command) -> bytes:
    """Return the command set with its group length (0000,0000), in the order of the tags.

    UIDs are padded with NUL, the rest with a space (PS3.5 6.2). An Error Comment is words for a person: cut
    to 64 characters, and "?" for what LO does not allow in ASCII. Raises ``ValueError`` for a keyword
    that PS3.7 Table E.1-1 does not have and for a value that does not fit its VR.
    """
    try:
        elements = sorted([(*_ELEMENTS[keyword], command[keyword]) for keyword in command])
    except KeyError as unknown:
        raise ValueError(f"{unknown.args[0]} is no keyword of a command set") from None
    parts: list[bytes] = []
    for element, vr, value in elements:
        if vr == "US":
            try:
                parts.append(_NUMBER_ELEMENT.pack(0, element, 2, value))
            except error:
                raise ValueError(f"(0000,{element:04X}): {value!r} is not a number of 2 bytes") from None
        else:
            encoded = _value_bytes(element, vr, value)
            parts.append(_HEADER.pack(0, element, len(encoded)))
            parts.append(encoded)
    body = b"".join(parts)
    return _GROUP_LENGTH.pack(0, 0, 4, len(body)) + body


def decode(data: bytes) -> Command:
    """Return the command set in ``data``.

    Retired and unknown elements are skipped, and so is an element without a value. Text is Latin-1 without
    padding: what a peer sent, not to be trusted. An Error Comment may be longer than LO allows, since it
    says why something failed.

    What is returned has a Command Field, a Command Data Set Type and the Message ID or Message ID Being
    Responded To that its kind needs. Raises ``DimseError`` where it has not, for a length that is odd or
    contradicts another or the VR, for another group than 0000, and for an element that stands twice.
    """
    command: Command = {}
    start, end = 0, len(data)
    while start < end:
        if end - start < 8:
            raise DimseError(f"an element header takes 8 bytes, {end - start} are left", start)
        group, element, length = _HEADER.unpack_from(data, start)
        stop = start + 8 + length
        if group:
            raise DimseError(f"({group:04X},{element:04X}) is not of group 0000", start)
        if stop > end:
            raise DimseError(f"(0000,{element:04X}) of {length} bytes, {end - start - 8} are left", start)
        if length & 1:
            raise DimseError(f"(0000,{element:04X}) has an odd length, {length} bytes", start)
        if element in _KEYWORDS and length:
            keyword, vr = _KEYWORDS[element]
            if keyword in command:
                raise DimseError(f"{keyword} stands twice", start)
            command[keyword] = _value(vr, data[start + 8 : stop], start)
        elif not element:
            _check_group_length(data, start, length)
        start = stop
    _check_complete(command, end)
    return command


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
    its response; Event Type ID and Action Type ID are repeated.
    """
    command: Command = {
        "CommandField": number(request, "CommandField") | RESPONSE,
        "MessageIDBeingRespondedTo": number(request, "MessageID"),
        "CommandDataSetType": DATA_SET if data_set else NO_DATA_SET,
        "Status": status,
    }
    for keyword, source in _REPEATED:
        if source in request:
            command[keyword] = request[source]
    command.update(fields)
    return command


def _value_bytes(element: int, vr: str, value: Value) -> bytes:
    """Return the value of an element that is no number, padded to an even length."""
    if isinstance(value, tuple) and vr == "AT":
        if not all(0 <= tag <= 0xFFFFFFFF for tag in value):
            raise ValueError(f"(0000,{element:04X}): {value!r} are not tags")
        return b"".join([_TAG.pack(tag >> 16, tag & 0xFFFF) for tag in value])
    if not isinstance(value, str) or vr == "AT":
        raise ValueError(f"(0000,{element:04X}): {value!r} is no value of VR {vr}")
    if vr == "UI":
        if len(value) > 64:
            raise ValueError(
                f"(0000,{element:04X}): a UID of {len(value)} characters, at most 64 are allowed"
            )
        encoded = value.encode("latin-1")
        return encoded + b"\0" if len(encoded) & 1 else encoded
    encoded = (checked_aet(value) if vr == "AE" else _comment(value)).encode("ascii")
    return encoded + b" " if len(encoded) & 1 else encoded


def _comment(text: str) -> str:
    return "".join([char if " " <= char <= "~" and char != "\\" else "?" for char in text[:64]])


def _value(vr: str, value: bytes, offset: int) -> Value:
    """Return a value as its VR has it."""
    if vr == "US":
        if len(value) != 2:
            raise DimseError(f"a US of {len(value)} bytes, not 2", offset)
        return int(_NUMBER.unpack(value)[0])
    if vr == "AT":
        if len(value) & 3:
            raise DimseError(f"an AT of {len(value)} bytes, not a multiple of 4", offset)
        return tuple([group << 16 | element for group, element in _TAG.iter_unpack(value)])
    if vr in _LONGEST and len(value) > _LONGEST[vr]:
        raise DimseError(
            f"a value of VR {vr} of {len(value)} bytes, at most {_LONGEST[vr]} are allowed", offset
        )
    decoded = value.decode("latin-1")
    return decoded.rstrip("\0 ") if vr == "UI" else decoded.strip("\0 ")


def _check_group_length(data: bytes, start: int, length: int) -> None:
    if length != 4 or start:
        raise DimseError("the Command Group Length is 4 bytes at the start", start)
    told = _LONG.unpack_from(data, 8)[0]
    if told != len(data) - 12:
        raise DimseError(f"the Command Group Length tells {told} bytes, {len(data) - 12} follow", start)


def _check_complete(command: Command, end: int) -> None:
    """Raise ``DimseError`` unless ``command`` has what every message of its kind has."""
    field = number(command, "CommandField")
    is_request = not field & RESPONSE and field != CommandField.C_CANCEL_RQ
    message_id = "MessageID" if is_request else "MessageIDBeingRespondedTo"
    for keyword in ("CommandField", "CommandDataSetType", message_id):
        if keyword not in command:
            raise DimseError(f"the command set ends without {keyword}", end)

"""Command sets as bytes (PS3.7 sections 6.3.1 and Annex E).

A command set is always Implicit VR Little Endian. The Command Group Length is no part of what ``dimse`` calls
a command: ``encode`` computes it, ``decode`` checks it.
"""

from __future__ import annotations

from struct import Struct, error
from typing import TYPE_CHECKING, Final

from dcmtools.net.dimse import RESPONSE, CommandField, number
from dcmtools.net.peer import checked_aet

if TYPE_CHECKING:
    from dcmtools.net.dimse import Command, Value

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

"""The User Information Item of A-ASSOCIATE PDUs: types and bytes (PS3.7 Annex D.3.3, PS3.8 Annex D).

Its parts are named tuples: a data class takes five times as long to define, at every start.
"""

from __future__ import annotations

from collections import defaultdict
from struct import Struct
from typing import Final, NamedTuple

from dcmtools.net.items import PduError, expect_length, field, field_at, item, items, uid_text

MAXIMUM_LENGTH: Final = 0x51
IMPLEMENTATION_CLASS_UID: Final = 0x52
ASYNC_WINDOW: Final = 0x53
ROLE_SELECTION: Final = 0x54
IMPLEMENTATION_VERSION_NAME: Final = 0x55
EXTENDED_NEGOTIATION: Final = 0x56
COMMON_EXTENDED_NEGOTIATION: Final = 0x57
USER_IDENTITY_RQ: Final = 0x58
USER_IDENTITY_AC: Final = 0x59

IDENTITY_USERNAME: Final = 1
IDENTITY_USERNAME_PASSCODE: Final = 2
IDENTITY_KERBEROS: Final = 3
IDENTITY_SAML: Final = 4
IDENTITY_JWT: Final = 5

_LONGEST_IDENTITY: Final = 0xFFFF - 6
_MAXIMUM_LENGTH: Final = Struct(">I")
_ASYNC_WINDOW: Final = Struct(">HH")


class RoleSelection(NamedTuple):
    """SCP/SCU role selection for one SOP class (PS3.7 D.3.3.4): the roles of the association requestor."""

    sop_class_uid: str
    scu: bool
    scp: bool


class ExtendedNegotiation(NamedTuple):
    """SOP class extended negotiation (PS3.7 D.3.3.5); PS3.4 gives ``information`` its meaning."""

    sop_class_uid: str
    information: bytes


class CommonExtendedNegotiation(NamedTuple):
    """SOP class common extended negotiation (PS3.7 D.3.3.6)."""

    sop_class_uid: str
    service_class_uid: str
    related_general_sop_class_uids: tuple[str, ...] = ()


class UserIdentity(NamedTuple):
    """Who asks for the association (PS3.7 D.3.3.7); its ``repr`` keeps the credentials to itself.

    ``primary_field`` holds the user name in UTF-8, the Kerberos ticket, the SAML assertion or the JSON Web
    Token that ``identity_type`` tells; ``secondary_field`` the passcode, for type 2 alone.
    """

    identity_type: int
    primary_field: bytes
    secondary_field: bytes = b""
    positive_response_requested: bool = False

    def __repr__(self) -> str:
        """Show the type and what is requested."""
        requested = self.positive_response_requested
        return f"UserIdentity(identity_type={self.identity_type}, positive_response_requested={requested})"


class UserInformation(NamedTuple):
    """What both sides tell of themselves when they associate (PS3.7 D.3.3).

    ``max_length`` is the largest P-DATA-TF body in bytes that the sender wants to receive, 0 for no limit.
    ``async_window`` holds the numbers of operations invoked and performed, 0 for no limit.
    ``identity_response`` is the server's answer to a ``UserIdentity`` that asked for one. What is empty or
    ``None`` is not sent; the ``repr`` leaves the answer out, which may be a credential.
    """

    max_length: int = 0
    implementation_class_uid: str = ""
    implementation_version_name: str = ""
    async_window: tuple[int, int] | None = None
    roles: tuple[RoleSelection, ...] = ()
    extended: tuple[ExtendedNegotiation, ...] = ()
    common_extended: tuple[CommonExtendedNegotiation, ...] = ()
    identity: UserIdentity | None = None
    identity_response: bytes | None = None

    def __repr__(self) -> str:
        """Show every field but the last."""
        shown = zip(self._fields[:-1], self[:-1], strict=True)
        return f"UserInformation({', '.join([f'{name}={value!r}' for name, value in shown])})"


def encode_user_information(information: UserInformation) -> bytes:
    """Return the value of a User Information Item (50H); ``ValueError`` for what does not fit a field."""
    version = information.implementation_version_name
    if len(version) > 16 or not version.isascii():
        raise ValueError(f"Implementation Version Name {version!r}: at most 16 characters of ASCII")
    if not 0 <= information.max_length <= 0xFFFFFFFF:
        raise ValueError(f"Maximum Length {information.max_length} does not fit 4 bytes")
    parts = [item(MAXIMUM_LENGTH, _MAXIMUM_LENGTH.pack(information.max_length))]
    if information.implementation_class_uid:
        parts.append(item(IMPLEMENTATION_CLASS_UID, information.implementation_class_uid.encode("latin-1")))
    if information.async_window is not None:
        parts.append(item(ASYNC_WINDOW, _async_window_value(information.async_window)))
    parts += [item(ROLE_SELECTION, _role_value(role)) for role in information.roles]
    if version:
        parts.append(item(IMPLEMENTATION_VERSION_NAME, version.encode("ascii")))
    parts += [item(EXTENDED_NEGOTIATION, _extended_value(entry)) for entry in information.extended]
    parts += [
        item(COMMON_EXTENDED_NEGOTIATION, _common_value(entry)) for entry in information.common_extended
    ]
    if information.identity is not None:
        parts.append(item(USER_IDENTITY_RQ, _identity_value(information.identity)))
    if information.identity_response is not None:
        parts.append(item(USER_IDENTITY_AC, field(information.identity_response)))
    return b"".join(parts)


def decode_user_information(data: bytes, start: int, end: int) -> UserInformation:
    """Return what the User Information Item tells whose value stands between ``start`` and ``end``.

    Sub-items of unknown types are skipped (PS3.8 D.2); of those that may stand once, the first counts.
    Raises ``PduError`` for lengths that contradict each other.
    """
    spans: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for item_type, first, last in items(data, start, end):
        spans[item_type].append((first, last))
    lengths = [_max_length(data, *span) for span in spans[MAXIMUM_LENGTH]]
    classes = [uid_text(data[first:last]) for first, last in spans[IMPLEMENTATION_CLASS_UID]]
    versions = [data[first:last].decode("latin-1") for first, last in spans[IMPLEMENTATION_VERSION_NAME]]
    windows = [_async_window(data, *span) for span in spans[ASYNC_WINDOW]]
    identities = [_identity(data, *span) for span in spans[USER_IDENTITY_RQ]]
    responses = [_identity_response(data, *span) for span in spans[USER_IDENTITY_AC]]
    return UserInformation(
        max_length=lengths[0] if lengths else 0,
        implementation_class_uid=classes[0] if classes else "",
        implementation_version_name=versions[0].strip("\0 ") if versions else "",
        async_window=windows[0] if windows else None,
        roles=tuple([_role(data, *span) for span in spans[ROLE_SELECTION]]),
        extended=tuple([_extended(data, *span) for span in spans[EXTENDED_NEGOTIATION]]),
        common_extended=tuple([_common(data, *span) for span in spans[COMMON_EXTENDED_NEGOTIATION]]),
        identity=identities[0] if identities else None,
        identity_response=responses[0] if responses else None,
    )


def _max_length(data: bytes, start: int, end: int) -> int:
    expect_length("Maximum Length", 4, start, end)
    return int(_MAXIMUM_LENGTH.unpack_from(data, start)[0])


def _async_window_value(window: tuple[int, int]) -> bytes:
    if not 0 <= min(window) <= max(window) <= 0xFFFF:
        raise ValueError(f"asynchronous operations window {window}: each number fits 2 bytes")
    return _ASYNC_WINDOW.pack(*window)


def _async_window(data: bytes, start: int, end: int) -> tuple[int, int]:
    expect_length("asynchronous operations window", 4, start, end)
    invoked, performed = _ASYNC_WINDOW.unpack_from(data, start)
    return invoked, performed


def _role_value(role: RoleSelection) -> bytes:
    return field(role.sop_class_uid.encode("latin-1")) + bytes((role.scu, role.scp))


def _role(data: bytes, start: int, end: int) -> RoleSelection:
    uid, roles = field_at(data, start, end, "SOP Class UID of a role selection")
    expect_length("SCU and SCP role", 2, roles, end)
    return RoleSelection(uid_text(uid), bool(data[roles]), bool(data[roles + 1]))


def _extended_value(entry: ExtendedNegotiation) -> bytes:
    return field(entry.sop_class_uid.encode("latin-1")) + entry.information


def _extended(data: bytes, start: int, end: int) -> ExtendedNegotiation:
    uid, information = field_at(data, start, end, "SOP Class UID of an extended negotiation")
    return ExtendedNegotiation(uid_text(uid), data[information:end])


def _common_value(entry: CommonExtendedNegotiation) -> bytes:
    related = b"".join([field(uid.encode("latin-1")) for uid in entry.related_general_sop_class_uids])
    sop_class = field(entry.sop_class_uid.encode("latin-1"))
    return sop_class + field(entry.service_class_uid.encode("latin-1")) + field(related)


def _common(data: bytes, start: int, end: int) -> CommonExtendedNegotiation:
    """Decode one sub-item; later editions may add fields to its end (PS3.7 Table D.3-12)."""
    sop_class, start = field_at(data, start, end, "SOP Class UID of a common extended negotiation")
    service_class, start = field_at(data, start, end, "Service Class UID")
    related, stop = field_at(data, start, end, "Related General SOP Class identification")
    uids = []
    start = stop - len(related)
    while start < stop:
        uid, start = field_at(data, start, stop, "Related General SOP Class UID")
        uids.append(uid_text(uid))
    return CommonExtendedNegotiation(uid_text(sop_class), uid_text(service_class), tuple(uids))


def _identity_value(identity: UserIdentity) -> bytes:
    size = len(identity.primary_field) + len(identity.secondary_field)
    if size > _LONGEST_IDENTITY:
        raise ValueError(f"a user identity of {size} bytes, at most {_LONGEST_IDENTITY} fit")
    fields = field(identity.primary_field) + field(identity.secondary_field)
    return bytes((identity.identity_type, identity.positive_response_requested)) + fields


def _identity(data: bytes, start: int, end: int) -> UserIdentity:
    if end - start < 2:
        raise PduError(f"user identity: type and response take 2 bytes, {end - start} are left", start)
    primary, secondary_start = field_at(data, start + 2, end, "primary field of the user identity")
    secondary, stop = field_at(data, secondary_start, end, "secondary field of the user identity")
    expect_length("what follows the user identity", 0, stop, end)
    return UserIdentity(data[start], primary, secondary, bool(data[start + 1]))


def _identity_response(data: bytes, start: int, end: int) -> bytes:
    response, stop = field_at(data, start, end, "server response to the user identity")
    expect_length("what follows the server response", 0, stop, end)
    return response

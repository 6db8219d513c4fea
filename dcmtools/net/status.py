"""Status codes of DIMSE responses, and their words (PS3.7 Annex C)."""

from __future__ import annotations

from typing import Final

SUCCESS: Final = 0x0000
DUPLICATE_SOP_INSTANCE: Final = 0x0111
SOP_CLASS_NOT_SUPPORTED: Final = 0x0122
UNRECOGNIZED_OPERATION: Final = 0x0211
OUT_OF_RESOURCES: Final = 0xA700
DOES_NOT_MATCH_SOP_CLASS: Final = 0xA900
CANNOT_UNDERSTAND: Final = 0xC000

# PS3.7 C.3: what is a warning beside Bxxx.
_WARNINGS: Final = frozenset((0x0001, 0x0107, 0x0116))
# The usual cause behind a status, where there is one that a person can act on.
_CAUSES: Final = {
    0x0105: "the data set lacks an attribute that the peer insists on",
    0x0106: "the data set has a value that the peer does not accept",
    0x0110: "the peer failed for a reason of its own: its log may say which",
    0x0111: "the peer has another object with this SOP Instance UID",
    0x0117: "the peer does not accept this SOP Instance UID",
    0x0122: "the peer does not store this kind of object",
    0x0124: "the peer does not allow this AE title to store",
    0x0211: "the peer does not offer C-STORE on this presentation context",
}
_OUT_OF_RESOURCES: Final = "the peer's disk may be full; the same may go well later, as --retries has it"
_NO_MATCH: Final = "the data set is not what the peer expects of its SOP class"
_NOT_UNDERSTOOD: Final = "the peer could not read the data set: its log may say what it stumbled over"


def is_warning(status: int) -> bool:
    """Tell whether ``status`` says that the request was carried out, with a remark."""
    return status >> 12 == 0xB or status in _WARNINGS


def is_transient(status: int) -> bool:
    """Tell whether the same C-STORE may succeed later: the peer is out of resources (PS3.4 B.2.3)."""
    return status >> 8 == 0xA7


def cause_of(status: int) -> str:
    """Return the usual cause of a C-STORE failure, empty where there is none to name."""
    if is_transient(status):
        return _OUT_OF_RESOURCES
    if status >> 12 == 0xC:
        return _NOT_UNDERSTOOD
    return _NO_MATCH if status >> 8 == 0xA9 else _CAUSES.get(status, "")


def status_text(status: int) -> str:
    """Return ``status`` as four hexadecimal digits."""
    return f"{status:04X}"


def explain(status: int, comment: str = "") -> str:
    """Return the meaning of a C-STORE or general ``status`` in words, with the peer's ``comment``.

    The words are those of PS3.7 and PS3.4, read from pynetdicom's registry.
    """
    from pynetdicom.status import GENERAL_STATUS, STORAGE_SERVICE_CLASS_STATUS

    _, words = STORAGE_SERVICE_CLASS_STATUS.get(status) or GENERAL_STATUS.get(status) or ("", "")
    parts = [f"status {status_text(status)}", words or "not a status of this service"]
    if comment:
        parts.append(f"the peer says {comment!r}")
    return ", ".join(parts)

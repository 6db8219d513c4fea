"""What mostly lies behind the failure of a C-STORE (PS3.4 B.2.3, PS3.7 9.1.1.1)."""

from __future__ import annotations

from typing import Final

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


def is_transient(status: int) -> bool:
    """Tell whether the same C-STORE may succeed later: the peer is out of resources."""
    return status >> 8 == 0xA7


def cause_of(status: int) -> str:
    """Return the usual cause of a C-STORE failure, empty where there is none to name."""
    if is_transient(status):
        return _OUT_OF_RESOURCES
    if status >> 12 == 0xC:
        return _NOT_UNDERSTOOD
    return _NO_MATCH if status >> 8 == 0xA9 else _CAUSES.get(status, "")

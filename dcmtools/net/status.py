"""Status codes of DIMSE responses, and their words (PS3.7 Annex C)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

SUCCESS: Final = 0x0000
DUPLICATE_SOP_INSTANCE: Final = 0x0111
SOP_CLASS_NOT_SUPPORTED: Final = 0x0122
UNRECOGNIZED_OPERATION: Final = 0x0211
OUT_OF_RESOURCES: Final = 0xA700
MATCHES_IMPOSSIBLE: Final = 0xA701
SUBOPERATIONS_IMPOSSIBLE: Final = 0xA702
MOVE_DESTINATION_UNKNOWN: Final = 0xA801
DOES_NOT_MATCH_SOP_CLASS: Final = 0xA900
SUBOPERATIONS_FAILED: Final = 0xB000
CANNOT_UNDERSTAND: Final = 0xC000
CANCELED: Final = 0xFE00
PENDING: Final = 0xFF00
PENDING_WITH_WARNING: Final = 0xFF01

# PS3.7 C.3: what is a warning beside Bxxx.
_WARNINGS: Final = frozenset((0x0001, 0x0107, 0x0116))
# The tables of pynetdicom.status with the words of a service's own codes: by Command Field of the request...
_OF_FIELDS: Final = {
    0x0001: "STORAGE_SERVICE_CLASS_STATUS",
    0x0010: "QR_GET_SERVICE_CLASS_STATUS",
    0x0020: "QR_FIND_SERVICE_CLASS_STATUS",
    0x0021: "QR_MOVE_SERVICE_CLASS_STATUS",
}
# ... or by the beginning of the SOP Class UID, since every N-service has those of its SOP class.
_OF_CLASSES: Final = {
    "1.2.840.10008.3.1.2.3.": "PROCEDURE_STEP_STATUS",
    "1.2.840.10008.5.1.1.": "PRINT_JOB_MANAGEMENT_SERVICE_CLASS_STATUS",
}


def is_warning(status: int) -> bool:
    """Tell whether ``status`` says that the request was carried out, with a remark."""
    return status >> 12 == 0xB or status in _WARNINGS


def is_done(status: int) -> bool:
    """Tell whether ``status`` says that the request was carried out, with a remark or without."""
    return status == SUCCESS or is_warning(status)


def is_pending(status: int) -> bool:
    """Tell whether ``status`` is that of a response to a C-FIND, C-GET or C-MOVE which others follow."""
    return status in (PENDING, PENDING_WITH_WARNING)


def status_text(status: int) -> str:
    """Return ``status`` as four hexadecimal digits."""
    return f"{status:04X}"


def explain(status: int, comment: str = "", field: int = 0, sop_class_uid: str = "") -> str:
    """Return the meaning of ``status`` in words, with the peer's ``comment``.

    What a code of a service's own means depends on the Command Field of the request and on its SOP class.
    The words are those of PS3.7 and PS3.4, read from pynetdicom's registry.
    """
    from pynetdicom.status import GENERAL_STATUS

    kind, words = _own(field, sop_class_uid).get(status) or GENERAL_STATUS.get(status) or ("", "")
    parts = [f"status {status_text(status)}", words or kind or "not a status of this service"]
    if comment:
        parts.append(f"the peer says {comment!r}")
    return ", ".join(parts)


def _own(field: int, sop_class_uid: str) -> Mapping[int, tuple[str, str]]:
    """Return kind and words of the codes that the service has beside the general ones."""
    from pynetdicom import status

    of_class = (name for start, name in _OF_CLASSES.items() if sop_class_uid.startswith(start))
    table = _OF_FIELDS.get(field) or next(of_class, "GENERAL_STATUS")
    own: Mapping[int, tuple[str, str]] = getattr(status, table)
    return own

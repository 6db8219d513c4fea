"""UIDs as PS3.5 section 9 has them, and what PS3.6 knows of them."""

from __future__ import annotations

import re
from typing import Final

VERIFICATION: Final = "1.2.840.10008.1.1"
MEDIA_STORAGE_DIRECTORY: Final = "1.2.840.10008.1.3.10"
_UID: Final = re.compile(r"[0-9]+(\.[0-9]+)*")
_STANDARD: Final = "1.2.840.10008."
_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."


def is_uid(text: str) -> bool:
    """Tell whether ``text`` is digits and dots as a UID has them, 64 characters at most (PS3.5 9.1).

    Components with leading zeros pass: they are wrong, common and harmless.
    """
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def uid_name(uid: str) -> str:
    """Return the keyword that PS3.6 gives ``uid``, else ``uid`` itself."""
    from dcmtools.data.uids import UIDS

    return UIDS.get(uid, (uid, ""))[0]


def is_storage_class(uid: str) -> bool:
    """Tell whether ``uid`` is a Storage SOP Class (PS3.4 B.5): of the Standard, to come, or private."""
    from dcmtools.data.uids import UIDS

    if not is_uid(uid) or uid == MEDIA_STORAGE_DIRECTORY:
        return False
    name, kind = UIDS.get(uid, ("", ""))
    if name:
        return kind == "SOP Class" and "Storage" in name and "StorageCommitment" not in name
    return uid.startswith(_STORAGE) or not uid.startswith(_STANDARD)

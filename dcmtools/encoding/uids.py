"""UIDs as PS3.5 section 9 has them, and what PS3.6 knows of them."""

from __future__ import annotations

import re
from typing import Final

VERIFICATION: Final = "1.2.840.10008.1.1"
MEDIA_STORAGE_DIRECTORY: Final = "1.2.840.10008.1.3.10"
_UID: Final = re.compile(r"[0-9]+(\.[0-9]+)*")
_STANDARD: Final = "1.2.840.10008."
_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."

_SHORT_NAMES: Final = {
    "implicit": "ImplicitVRLittleEndian",
    "explicit": "ExplicitVRLittleEndian",
    "explicit-big-endian": "ExplicitVRBigEndian",
    "deflated": "DeflatedExplicitVRLittleEndian",
}


def is_uid(text: str) -> bool:
    """Tell whether ``text`` is digits and dots as a UID has them, 64 characters at most (PS3.5 9.1).

    Components with leading zeros pass: they are wrong, common and harmless.
    """
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def uid_name(uid: str) -> str:
    """Return the keyword that PS3.6 gives ``uid``, else ``uid`` itself."""
    from dcmtools.data.uids import UIDS

    return UIDS.get(uid, (uid, ""))[0]


def transfer_syntax_named(text: str) -> str:
    """Return the UID of the transfer syntax that ``text`` is, or is the keyword or a short name of.

    Raises ValueError where there is none.
    """
    from dcmtools.data.uids import UIDS

    if is_uid(text):
        return text
    wanted = _SHORT_NAMES.get(text.lower(), text).lower()
    for uid, (name, kind) in UIDS.items():
        if kind == "Transfer Syntax" and name.lower() == wanted:
            return uid
    message = (
        f"{text!r} is no transfer syntax: neither a UID, a keyword of PS3.6 nor {', '.join(_SHORT_NAMES)}"
    )
    raise ValueError(message)


def transfer_syntaxes_with(prefix: str) -> list[tuple[str, str]]:
    """Return the names of transfer syntaxes that begin with ``prefix``, letter case ignored; and the UIDs."""
    from dcmtools.data.uids import UIDS

    keywords = {name: uid for uid, (name, kind) in UIDS.items() if kind == "Transfer Syntax" and name}
    names = {short: keywords[name] for short, name in _SHORT_NAMES.items()} | keywords
    return [(name, uid) for name, uid in names.items() if name.lower().startswith(prefix.lower())]


def is_storage_class(uid: str) -> bool:
    """Tell whether ``uid`` is a Storage SOP Class (PS3.4 B.5): of the Standard, to come, or private."""
    from dcmtools.data.uids import UIDS

    if not is_uid(uid) or uid == MEDIA_STORAGE_DIRECTORY:
        return False
    name, kind = UIDS.get(uid, ("", ""))
    if name:
        return kind == "SOP Class" and "Storage" in name and "StorageCommitment" not in name
    return uid.startswith(_STORAGE) or not uid.startswith(_STANDARD)

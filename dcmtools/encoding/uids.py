"""UIDs as PS3.5 section 9 has them, and what PS3.6 knows of them."""

from __future__ import annotations

import re
from typing import Final

# Elements whose UIDs name classes, syntaxes, schemes and makers rather than instances.
CLASS_UIDS: Final = frozenset({
    0x00041510, 0x00041512, 0x0004151A,
    0x00080016, 0x0008001A, 0x0008001B, 0x00080062, 0x0008010C, 0x0008010D, 0x00080117, 0x00080118,
    0x0008040E, 0x00081150, 0x0008115A, 0x00083002, 0x00089123, 0x00340003, 0x04000010, 0x04000510,
    0x30100052, 0x30100053,
})  # fmt: skip
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


def is_standard(uid: str) -> bool:
    """Tell whether ``uid`` is one of those that the Standard has given: of nobody's patient.

    That is known of those in PS3.6 alone. Others below its root are somebody's invention, or are newer.
    """
    from dcmtools.data.uids import UIDS

    return uid in UIDS


def uid_name(uid: str) -> str:
    """Return the keyword that PS3.6 gives ``uid``, else ``uid`` itself."""
    from dcmtools.data.uids import UIDS

    return UIDS.get(uid, (uid, ""))[0]


def uid_named(text: str) -> str:
    """Return the UID of the PS3.6 keyword ``text``, letter case ignored; a short name will do, too.

    Raises ValueError where there is none.
    """
    from dcmtools.data.uids import UIDS

    names = {name.lower(): (uid, name) for uid, (name, _) in UIDS.items() if name}
    wanted = _SHORT_NAMES.get(text.lower(), text).lower()
    if wanted in names:
        return names[wanted][0]
    from difflib import get_close_matches

    near = get_close_matches(wanted[:100], names, 1)
    hint = f"; did you mean {names[near[0]][1]}?" if near else ""
    message = f"{text!r} is neither a UID nor the keyword of one{hint}"
    raise ValueError(message)


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


def is_transfer_syntax(uid: str) -> bool:
    """Tell whether ``uid`` is that of a transfer syntax of PS3.6."""
    from dcmtools.data.uids import UIDS

    return uid in UIDS and UIDS[uid][1] == "Transfer Syntax"


def transfer_syntaxes_with(prefix: str) -> list[tuple[str, str]]:
    """Return the names of transfer syntaxes that begin with ``prefix``, letter case ignored; and the UIDs."""
    from dcmtools.data.uids import UIDS

    keywords = {name: uid for uid, (name, kind) in UIDS.items() if kind == "Transfer Syntax" and name}
    names = {short: keywords[name] for short, name in _SHORT_NAMES.items()} | keywords
    return [(name, uid) for name, uid in names.items() if name.lower().startswith(prefix.lower())]


def storage_class_named(text: str) -> str:
    """Return the UID of the storage SOP class that ``text`` is, or is the keyword of.

    The keyword may do without the word Storage at its end. Raises ValueError where there is none.
    """
    if is_storage_class(text):
        return text
    classes = {name.lower(): (name, uid) for name, uid in storage_classes_with("")}
    wanted = text.lower()
    for name in (wanted, f"{wanted}storage"):
        if name in classes:
            return classes[name][1]
    from difflib import get_close_matches

    near = get_close_matches(wanted, classes, 1)
    hint = f"; did you mean {classes[near[0]][0]}?" if near else ""
    message = f"{text!r} is no storage SOP class, neither a UID nor a keyword of PS3.6{hint}"
    raise ValueError(message)


def storage_classes_with(prefix: str) -> list[tuple[str, str]]:
    """Return keywords and UIDs of storage SOP classes: which begin with ``prefix`` in any case."""
    from dcmtools.data.uids import UIDS

    found = [(name, uid) for uid, (name, _) in UIDS.items() if name.lower().startswith(prefix.lower())]
    return [(name, uid) for name, uid in found if name and is_storage_class(uid)]


def is_storage_class(uid: str) -> bool:
    """Tell whether ``uid`` is a Storage SOP Class (PS3.4 B.5): of the Standard, to come, or private."""
    from dcmtools.data.uids import UIDS

    if not is_uid(uid) or uid == MEDIA_STORAGE_DIRECTORY:
        return False
    name, kind = UIDS.get(uid, ("", ""))
    if name:
        return kind == "SOP Class" and "Storage" in name and "StorageCommitment" not in name
    return uid.startswith(_STORAGE) or not uid.startswith(_STANDARD)

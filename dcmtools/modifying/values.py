"""Values that are padded or spelt wrongly, and VRs that are not those of PS3.6: what is meant (PS3.5 6.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.charset import DEFAULT, spelt
from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.element import SHORT_VRS, UNDEFINED, VR_CODES
from dcmtools.encoding.forms import check
from dcmtools.encoding.tags import SPECIFIC_CHARACTER_SET, is_creator, is_private
from dcmtools.encoding.values import CHARSET_VRS, NUMBERS, TEXT_VRS, number_struct, texts
from dcmtools.encoding.writing import LONGEST_SHORT, padded

if TYPE_CHECKING:
    from dcmtools.encoding.element import Element
    from dcmtools.encoding.syntax import Encoding

LONGEST: Final = 64 * 1024
"""The longest value that is looked into, in bytes."""


def righted(tag: int, vr: str, raw: bytes) -> tuple[bytes | None, str]:
    """Return what the value ``raw`` should be, of an even number of bytes, and what is wrong with it.

    None where nothing is but the number of its bytes. What is private may be anything, whatever its VR says.
    """
    if is_private(tag) and not is_creator(tag):
        return None, ""
    if vr == "UI":
        new, why = raw.rstrip(b" \0"), "a UID padded with other bytes than one NUL"
    elif vr in TEXT_VRS:
        new, why = raw.rstrip(b"\0"), "text padded with NUL"
    else:
        return None, ""
    if tag == SPECIFIC_CHARACTER_SET and new.isascii():
        old = new.decode("ascii")
        terms = "\\".join([spelt(term.strip(" ")) for term in old.split("\\")])
        if terms != old.rstrip(" "):
            return padded(vr, terms.encode("ascii")), f"{old.rstrip(' ')!r} is no character set"
    return (None, "") if padded(vr, new) == padded(vr, raw) else (padded(vr, new), why)


def righted_vr(found: Element, raw: bytes | None, encoding: Encoding) -> str:
    """Return the VR that the element ``found`` should have: its own, or another under which it is legal.

    ``raw`` is its value, None for a long one.
    """
    tag, vr, _, _, length, _ = found
    if not encoding.explicit:
        return vr
    if length == UNDEFINED:
        return "OB" if vr == "OW" else vr  # PS3.5 A.4: encapsulated pixel data
    known = lookup(tag)[0]
    if vr.encode("latin-1") not in VR_CODES:  # one that is still to come, or none at all
        right = known if raw is not None and _is_legal(known, "UN", raw, encoding) else "UN"
    elif is_private(tag) and not is_creator(tag):
        right = "UN" if vr == "LO" and raw and _is_binary(raw) else vr
    elif raw is None or known == vr or not _is_legal(known, vr, raw, encoding):
        right = vr
    else:
        right = known
    return "UN" if right in SHORT_VRS and length > LONGEST_SHORT else right


def doubt(tag: int, vr: str, encoding: Encoding) -> str:
    """Return what is to be said of ``vr``, which stays; empty where that may be the VR of the element."""
    known = lookup(tag)[0]
    if not encoding.explicit or vr in ("UN", *known.split(" or ")) or known == "UN":
        return ""
    return f"VR {vr} stays, though PS3.6 has {known}: what its value means is not certain"


def _is_binary(raw: bytes) -> bool:
    """Tell bytes that no text has, a NUL or a delete: escape sequences are text's."""
    return any(byte in raw.rstrip(b"\0 ") for byte in (b"\0", b"\1", b"\2", b"\3", b"\x7f"))


def _is_legal(known: str, vr: str, raw: bytes, encoding: Encoding) -> bool:
    """Tell whether the bytes of a value of ``vr`` are a value of the VR ``known`` that means the same."""
    if known in TEXT_VRS and (vr in TEXT_VRS or vr == "UN"):
        if known in CHARSET_VRS and not raw.isascii():
            return vr in CHARSET_VRS
        if vr in CHARSET_VRS and not raw.isascii():
            return False
        try:
            for value in texts(known, raw, DEFAULT):
                check(known, value)
        except ValueError:
            return False
        return True
    if known in NUMBERS and vr == "UN" and known != "UN":
        size = number_struct(known, "<").size
        return not encoding.big and len(raw) % size == 0
    return False

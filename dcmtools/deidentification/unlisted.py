"""The safety net: what becomes of attributes that PS3.15 Table E.1-1 does not list, by their VR.

Text stays, and is searched for what was removed elsewhere. What nobody can look into goes, unless it is known
to be of samples, of lookup tables, of geometry.
"""

from __future__ import annotations

from typing import Final

from dcmtools.encoding.dictionary import UNKNOWN, lookup
from dcmtools.encoding.uids import CLASS_UIDS
from dcmtools.encoding.values import BULK_VRS, NUMBERS, TEXT_VRS

# Attributes that say what was changed, signed or encrypted: they hold the originals, or nothing that is true
# any more.
ALWAYS_REMOVED: Final = frozenset({
    0x00080001,  # Length to End
    0x04000500,  # Encrypted Attributes
    0x04000561,  # Original Attributes
    0x04000600,
    0x4FFE0001,  # MAC Parameters
    0xFFFAFFFA,  # Digital Signatures
    0xFFFCFFFC,  # Data Set Trailing Padding
})  # fmt: skip
# Of VR OB, or OB or OW, in PS3.6: samples, profiles, patterns and tables.
_KNOWN_BYTES: Final = frozenset({
    0x7FE00010, 0x54000110, 0x54000112, 0x5400100A, 0x54001010, 0x00282000, 0x00700256, 0x00701808,
    0x00142210, 0x00143050, 0x00143070, 0x00143080, 0x40101006,
})  # fmt: skip
# Hanging protocols compare values of other attributes with these, patients' too.
_SELECTORS: Final = 0x0072
_CODES: Final = 0x00080120  # URN Code Value
_EMPTIED: Final = frozenset(("PN", "DA", "DT", "TM"))


def is_harmless_bulk(tag: int) -> bool:
    """Tell whether bytes of ``tag`` that are no text are of a known kind that names nobody."""
    if tag >> 16 == _SELECTORS:
        return False
    kinds = lookup(tag)[0].split(" or ")
    if any(kind in ("OD", "OF", "OL", "OV", "OW") for kind in kinds) and "OB" not in kinds:
        return True
    return tag in _KNOWN_BYTES


def unlisted_code(tag: int, vr: str) -> str:
    """Return the action for ``tag`` as Table E.1-1 would have it: K, X, Z or U; D for dates and times.

    ``vr`` is the one by which the value is understood (``encoding.values.effective_vr``).
    """
    known = lookup(tag)
    if known == UNKNOWN or (vr in TEXT_VRS and not TEXT_VRS.intersection(known[0].split(" or "))):
        return "X"  # nobody knows what it is, or what it says where PS3.6 has numbers
    if vr == "SQ":
        return "K"
    if vr in _EMPTIED:
        return "Z"
    if vr == "UI":
        return "K" if tag in CLASS_UIDS else "U"
    if vr == "UR":
        return "K" if tag == _CODES else "X"
    if vr in BULK_VRS:
        return "K" if is_harmless_bulk(tag) else "X"
    return "K" if vr in TEXT_VRS or vr in NUMBERS else "X"

"""How a transfer syntax encodes data elements (PS3.5 section 7 and Annex A)."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dcmtools.encoding.headers import Header

IMPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1.99"
EXPLICIT_VR_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"

NATIVE: Final = frozenset({IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN})
# Beside the default: Papyrus 3 (retired) and GE's private syntax, which differs in its pixel data alone.
_IMPLICIT: Final = frozenset({IMPLICIT_VR_LITTLE_ENDIAN, "1.2.840.10008.1.20", "1.2.840.113619.5.2"})
_IMAGE_COMPRESSION: Final = "1.2.840.10008.1.2.4."
_DEFLATED: Final = frozenset(
    {DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, *(_IMAGE_COMPRESSION + n for n in ("95", "205"))}
)
# Lossy image compression (PS3.5 A.4), or pixel data elsewhere: such an instance has no lossless original
# here. Fragmentable video syntaxes have one more component.
_LOSSY: Final = frozenset((
    "50", "51", "52", "53", "54", "55", "56", "59", "60", "61", "62", "63", "64", "81", "91", "93", "94",
    "95", "100", "101", "102", "103", "104", "105", "106", "107", "108", "111", "112", "203", "204", "205",
    "100.1", "101.1", "102.1", "103.1", "104.1", "105.1", "106.1",
))  # fmt: skip


class Encoding:
    """One of the three ways to write an element header, with what has been learnt of headers so far.

    ``headers`` maps the first bytes of a header (tag and VR, or the tag alone where VRs are implicit) to
    what they mean; the walker fills it and bounds it.
    """

    __slots__ = ("_from_first", "big", "explicit", "headers", "item", "order", "u16", "u32", "width")

    def __init__(self, *, explicit: bool, big: bool = False) -> None:
        """Prepare the readers for a byte order and for explicit or implicit VRs."""
        self.order = ">" if big else "<"
        self.explicit = explicit
        self.big = big
        self.width = 6 if explicit else 4
        self.u16 = Struct(self.order + "H").unpack_from
        self.u32 = Struct(self.order + "L").unpack_from
        self.item = Struct(self.order + "HHL").unpack_from
        self.headers: dict[bytes, Header] = {}
        self._from_first: dict[int, dict[bytes, Header]] = {}

    def from_first(self, first: int) -> dict[bytes, Header]:
        """Return what has been learnt by walks that begin with the tag ``first``: nothing of tags below."""
        return self._from_first.setdefault(first, {})

    def forget(self) -> None:
        """Forget what has been learnt."""
        self.headers.clear()
        self._from_first.clear()


IMPLICIT: Final = Encoding(explicit=False)
EXPLICIT: Final = Encoding(explicit=True)
EXPLICIT_BIG: Final = Encoding(explicit=True, big=True)
IMPLICIT_BIG: Final = Encoding(explicit=False, big=True)  # of no transfer syntax, but of old files


def forget_headers() -> None:
    """Forget what has been learnt of headers, as another dictionary may say something else."""
    for encoding in (IMPLICIT, EXPLICIT, EXPLICIT_BIG, IMPLICIT_BIG):
        encoding.forget()


def encoding_of(transfer_syntax: str) -> Encoding:
    """Return the encoding of ``transfer_syntax``; every syntax not known otherwise is explicit little endian.

    PS3.5 A.4: all encapsulated syntaxes, those to come included, use explicit VR little endian.
    """
    if transfer_syntax in _IMPLICIT:
        return IMPLICIT
    return EXPLICIT_BIG if transfer_syntax == EXPLICIT_VR_BIG_ENDIAN else EXPLICIT


def is_deflated(transfer_syntax: str) -> bool:
    """Tell whether the whole data set is deflated (PS3.5 A.5)."""
    return transfer_syntax in _DEFLATED


def is_lossy(transfer_syntax: str) -> bool:
    """Tell whether pixel data in ``transfer_syntax`` has lost information (PS3.5 A.4)."""
    return (
        transfer_syntax.startswith(_IMAGE_COMPRESSION)
        and transfer_syntax[len(_IMAGE_COMPRESSION) :] in _LOSSY
    )

"""What a data element is made of: tag, VR, length, value (PS3.5 7.1), and what they are read from."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol, TypeAlias

UNDEFINED: Final = 0xFFFFFFFF
# Above every tag: the end of a walk that ends at no tag.
NO_STOP: Final = 0x1_0000_0000
LONG_VRS: Final = frozenset((
    "OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV",
))  # fmt: skip
SHORT_VRS: Final = frozenset((
    "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO",
    "LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US",
))  # fmt: skip
VR_CODES: Final = frozenset(vr.encode() for vr in LONG_VRS | SHORT_VRS)

Element: TypeAlias = tuple[int, str, int, int, int, int]
"""Tag, VR, offset of the header, offset of the value, length of the value, depth.

Offsets count bytes from the start of the source. The VR is the encoded or, where VRs are implicit, the
dictionary's; it is ``SQ`` for whatever was walked as a sequence and ``""`` for items and delimiters. The
length is ``UNDEFINED`` where the header says so. The depth counts the sequences and items around: even in
a data set, odd for items and fragments.
"""


class Span(NamedTuple):
    """``length`` bytes of a source from ``offset``."""

    offset: int
    length: int


class Source(Protocol):
    """Bytes that can be read anywhere; ``read`` returns all that was asked for or raises InputError."""

    @property
    def size(self) -> int:
        """The number of bytes."""

    def read(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset``."""

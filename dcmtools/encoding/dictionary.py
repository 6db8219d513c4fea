"""The data dictionary of PS3.6, and the private ones, as questions about a tag."""

from __future__ import annotations

from dcmtools.data.elements import ELEMENTS, REPEATING

UNKNOWN = ("UN", "1", "")


def lookup(tag: int) -> tuple[str, str, str]:
    """Return VR, VM and keyword of a standard ``tag``; ``("UN", "1", "")`` where PS3.6 has none.

    The VR may be an alternative such as ``"US or SS"``. Group lengths are UL and private creators LO
    (PS3.5 7.2 and 7.8.1); other private elements need ``private_lookup``.
    """
    entry = ELEMENTS.get(tag)
    if entry is not None:
        return entry
    if tag & 0xFFFF == 0:
        return ("UL", "1", "GroupLength")
    if tag & 0x10000:
        return ("LO", "1", "PrivateCreator") if 0x10 <= tag & 0xFFFF <= 0xFF else UNKNOWN
    for (value, mask), found in REPEATING.items():
        if tag & mask == value:
            return found
    return UNKNOWN


def private_lookup(creator: str, tag: int) -> tuple[str, str, str]:
    """Return VR, VM and name of private ``tag`` in a block of ``creator``; its block number is ignored."""
    from dcmtools.data.private_elements import PRIVATE_ELEMENTS

    return PRIVATE_ELEMENTS.get(creator, {}).get(tag & 0xFFFF00FF, UNKNOWN)


def tag_of(keyword: str) -> int:
    """Return the tag of a PS3.6 ``keyword``, letter case ignored; raise KeyError where there is none."""
    wanted = keyword.lower()
    for tag, (_, _, name) in ELEMENTS.items():
        if name.lower() == wanted:
            return tag
    raise KeyError(keyword)


class PrivateBlocks:
    """The private creators in force, by nesting level, as a walk meets them (PS3.5 7.8.1)."""

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        """Begin with no block reserved."""
        self._levels: dict[int, dict[int, str]] = {}

    def reserve(self, level: int, tag: int, creator: str) -> None:
        """Record that ``tag`` (gggg,0010-00FF) of the data set at ``level`` names ``creator``."""
        self._levels.setdefault(level, {})[tag & 0xFFFF0000 | (tag & 0xFF) << 8] = creator

    def creator(self, level: int, tag: int) -> str:
        """Return who reserved the block of private ``tag`` at ``level``; empty where nobody did."""
        blocks = self._levels.get(level)
        return blocks.get(tag & 0xFFFFFF00, "") if blocks else ""

    def enter(self, level: int) -> None:
        """Forget the blocks of the data set that stood at ``level`` before a new one begins there."""
        self._levels.pop(level, None)

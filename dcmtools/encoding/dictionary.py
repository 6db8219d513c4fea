"""The data dictionary of PS3.6, and the private ones, as questions about a tag."""

from __future__ import annotations

from functools import cache, lru_cache

from dcmtools.data.elements import GROUPS, REPEATING

UNKNOWN = ("UN", "1", "")


@lru_cache(maxsize=8192)  # bounded, as a hostile file can have any tag
def lookup(tag: int) -> tuple[str, str, str]:
    """Return VR, VM and keyword of a standard ``tag``; ``("UN", "1", "")`` where PS3.6 has none.

    The VR may be an alternative such as ``"US or SS"``. Group lengths are UL and private creators LO
    (PS3.5 7.2 and 7.8.1); other private elements need ``private_lookup``.
    """
    row = _rows(GROUPS.get(tag >> 16, "")).get(f"{tag & 0xFFFF:04X}")
    if row:
        return _fields(row)
    if tag & 0xFFFF == 0:
        return ("UL", "1", "GroupLength")
    if tag & 0x10000:
        return ("LO", "1", "PrivateCreator") if 0x10 <= tag & 0xFFFF <= 0xFF else UNKNOWN
    for (value, mask), found in REPEATING.items():
        if tag & mask == value:
            return found
    return UNKNOWN


def is_standard(tag: int) -> bool:
    """Tell whether PS3.6 lists ``tag`` itself, not only a range of tags that it falls into."""
    return f"{tag & 0xFFFF:04X}" in _rows(GROUPS.get(tag >> 16, ""))


@lru_cache(maxsize=8192)
def private_lookup(creator: str, tag: int) -> tuple[str, str, str]:
    """Return VR, VM and name of private ``tag`` in a block of ``creator``; its block number is ignored."""
    from dcmtools.data.private_elements import CREATORS

    row = _rows(CREATORS.get(creator, "")).get(f"{tag & 0xFFFF00FF:08X}")
    return _fields(row) if row else UNKNOWN


def tag_of(keyword: str) -> int:
    """Return the tag of a PS3.6 ``keyword``, letter case ignored; raise KeyError where there is none."""
    ending = f"|{keyword.lower()}\n"
    for group, text in GROUPS.items() if keyword.isalnum() else ():
        end = text.lower().find(ending)
        if end >= 0:
            start = text.rfind("\n", 0, end) + 1
            return group << 16 | int(text[start : start + 4], 16)
    raise KeyError(keyword)


def keywords() -> list[str]:
    """Return every keyword of PS3.6, in the order of the tags."""
    return [row[row.rindex("|") + 1 :] for text in GROUPS.values() for row in text.splitlines()]


def keywords_with(prefix: str) -> list[tuple[str, int]]:
    """Return the keywords that begin with ``prefix``, letter case ignored, and their tags."""
    found = []
    beginning = f"|{prefix.lower()}"
    for group, text in GROUPS.items():
        for row in text.splitlines() if group else ():  # group 0000 stands in no file
            at = row.rindex("|")
            if row[at:].lower().startswith(beginning) and row[at + 1 :]:  # some retired ones have no keyword
                found.append((row[at + 1 :], group << 16 | int(row[:4], 16)))
    return found


@cache  # of the tables' own texts, of which there are about 500
def _rows(text: str) -> dict[str, str]:
    """Return the rows of one text of the tables by the number that each begins with."""
    return {number: row for number, _, row in [line.partition("|") for line in text.splitlines()]}


def _fields(row: str) -> tuple[str, str, str]:
    vr, vm, name = row.split("|")
    return vr, vm, name


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

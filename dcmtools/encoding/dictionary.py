"""The data dictionary of PS3.6, and the private ones, as questions about a tag."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from dcmtools.data.elements import GROUPS, REPEATING
from dcmtools.encoding.tags import format_tag, is_creator, is_private

if TYPE_CHECKING:
    from collections.abc import Callable

Fields: TypeAlias = tuple[str, str, str]
"""VR, VM and keyword, or the name of a private element."""
UNKNOWN: Final[Fields] = ("UN", "1", "")


class Range(NamedTuple):
    """Tags that share an entry; private ones stand in a block of ``creator``, if one is given."""

    groups: range
    elements: range
    creator: str
    fields: Fields

    def has(self, creator: str, tag: int) -> bool:
        """Tell whether ``tag``, in a block of ``creator``, is one of these."""
        if tag >> 16 not in self.groups or self.creator not in ("", creator):
            return False
        element = tag & 0xFFFF
        return element in self.elements or bool(self.creator and element & 0xFF in self.elements)


class Entries:
    """What a user's own dictionaries have; they go before the built-in ones.

    ``tags`` has elements by tag, ``private`` those of a creator by creator and tag, in which block 00
    stands for any; ``named`` has the tags and creators that a name stands for, letter case ignored.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.tags: dict[int, Fields] = {}
        self.private: dict[tuple[str, int], Fields] = {}
        self.ranges: list[Range] = []
        self.named: dict[str, list[tuple[int, str]]] = {}

    def add(self, entry: Range) -> None:
        """Add an entry, which goes before those that were added for the same tags."""
        if len(entry.groups) > 1 or len(entry.elements) > 1:
            self.ranges.append(entry)
            return
        tag = entry.groups[0] << 16 | entry.elements[0]
        if entry.creator:
            self.private[entry.creator, tag] = entry.fields
            tag &= 0xFFFF00FF
        else:
            self.tags[tag] = entry.fields
        places = self.named.setdefault(entry.fields[2].lower(), [])
        if (tag, entry.creator) not in places:
            places.append((tag, entry.creator))

    def find(self, creator: str, tag: int) -> Fields | None:
        """Return what ``tag`` is, in a block of ``creator`` if it is private; None where it is unknown."""
        for key in ((creator, tag), (creator, tag & 0xFFFF00FF)) if creator else ():
            if found := self.private.get(key):
                return found
        if found := self.tags.get(tag):
            return found
        return next((entry.fields for entry in reversed(self.ranges) if entry.has(creator, tag)), None)


class _Dictionaries:
    """Which dictionaries are in use in this process."""

    def __init__(self) -> None:
        self.extra = Entries()
        self.private = True
        self.users: list[Callable[[], None]] = []


_in_use: Final = _Dictionaries()


def use(*, extra: Entries | None = None, private: bool | None = None) -> None:
    """Use ``extra`` before the built-in dictionaries, and the built-in private ones or not.

    None leaves it as it is. Whatever was learnt from other dictionaries is forgotten, so no walk may be
    under way.
    """
    from dcmtools.encoding.syntax import forget_headers  # which most uses of this module do not need

    _in_use.extra = _in_use.extra if extra is None else extra
    _in_use.private = _in_use.private if private is None else private
    lookup.cache_clear()
    private_lookup.cache_clear()
    forget_headers()
    for forget in _in_use.users:
        forget()


def reset() -> None:
    """Use the built-in dictionaries, and these alone."""
    use(extra=Entries(), private=True)


def on_change(forget: Callable[[], None]) -> None:
    """Have ``forget`` called whenever other dictionaries come into use."""
    _in_use.users.append(forget)


@lru_cache(maxsize=8192)  # bounded, as a hostile file can have any tag
def lookup(tag: int) -> Fields:
    """Return VR, VM and keyword of a standard ``tag``; ``("UN", "1", "")`` where there is none.

    The VR may be an alternative such as ``"US or SS"``. Group lengths are UL and private creators LO
    (PS3.5 7.2 and 7.8.1); other private elements need ``private_lookup``.
    """
    if extra := _in_use.extra.find("", tag):
        return extra
    row = _rows(GROUPS.get(tag >> 16, "")).get(f"{tag & 0xFFFF:04X}")
    if row:
        return _fields(row)
    if tag & 0xFFFF == 0:
        return ("UL", "1", "GroupLength")
    if is_private(tag):
        return ("LO", "1", "PrivateCreator") if is_creator(tag) else UNKNOWN
    for (value, mask), found in REPEATING.items():
        if tag & mask == value:
            return found
    return UNKNOWN


@lru_cache(maxsize=8192)
def private_lookup(creator: str, tag: int) -> Fields:
    """Return VR, VM and name of private ``tag`` in a block of ``creator``; its block number is ignored."""
    if extra := _in_use.extra.find(creator, tag):
        return extra
    if not _in_use.private:
        return UNKNOWN
    from dcmtools.data.private_elements import CREATORS

    row = _rows(CREATORS.get(creator, "")).get(f"{tag & 0xFFFF00FF:08X}")
    return _fields(row) if row else UNKNOWN


def element_of(keyword: str) -> tuple[int, str]:
    """Return the tag that ``keyword`` names, and the creator where it is a user's name of a private element.

    What is private comes last, as such names are often those of standard elements, too. Raises KeyError
    where there is none, ValueError where a user's dictionaries have several.
    """
    named = _in_use.extra.named.get(keyword.lower(), [])
    places = [place for place in named if not place[1]]
    try:
        places = places or [(tag_of(keyword), "")]
    except KeyError:
        places = named
        if not places:
            raise
    if len(places) > 1:
        message = f"{keyword!r} names {len(places)} elements of the dictionaries; give the tag"
        raise ValueError(message)
    return places[0]


def name_of(tag: int) -> str:
    """Return how to speak of an element: keyword and tag, the tag alone where it has no keyword."""
    keyword = lookup(tag)[2]
    return f"{keyword} {format_tag(tag)}" if keyword else format_tag(tag)


@lru_cache(maxsize=1024)
def tag_of(keyword: str) -> int:
    """Return the tag of a PS3.6 ``keyword``, letter case ignored; raise KeyError where there is none."""
    # As it is spelt first: it is found four times as fast.
    folds: tuple[Callable[[str], str], ...] = (str, str.lower)
    for fold in folds if keyword.isalnum() else ():
        ending = f"|{fold(keyword)}\n"
        for group, text in GROUPS.items():
            end = fold(text).find(ending)
            if end >= 0:
                start = text.rfind("\n", 0, end) + 1
                return group << 16 | int(text[start : start + 4], 16)
    raise KeyError(keyword)


def keywords() -> list[str]:
    """Return the names of the user's dictionaries, and every keyword of PS3.6 in the order of the tags."""
    extra = _in_use.extra
    own = [name for _, _, name in [*extra.tags.values(), *extra.private.values()]]
    return own + [row[row.rindex("|") + 1 :] for text in GROUPS.values() for row in text.splitlines()]


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


def _fields(row: str) -> Fields:
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

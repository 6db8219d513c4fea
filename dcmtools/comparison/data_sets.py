"""What is different between two data sets, element by element."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.codecs.frames import EXTENDED_OFFSET_TABLE, PIXEL_TAGS
from dcmtools.comparison.leaves import META, leaves_of
from dcmtools.comparison.meaning import common_vr, is_known_uid, is_same
from dcmtools.encoding.dictionary import lookup, private_lookup
from dcmtools.encoding.tags import ITEM, SPECIFIC_CHARACTER_SET, TRANSFER_SYNTAX_UID, is_private
from dcmtools.encoding.values import effective_vr
from dcmtools.errors import InputError
from dcmtools.inspection.showing import show_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dcmtools.comparison.leaves import Key, Leaf
    from dcmtools.comparison.rules import Ignored, Place, Tolerance
    from dcmtools.files.part10 import Part10File

_TABLES: Final = (EXTENDED_OFFSET_TABLE, EXTENDED_OFFSET_TABLE + 1)
_SHOWN: Final = 256  # bytes of a value
_NUMBERS: Final = 8
_MOST_APART: Final = 200_000  # elements of one data set that the other does not have there
_MOST_TOLD: Final = 10_000  # differences of a pair of files
# What another transfer syntax makes of a colour image (PS3.5 8.2).
_PHOTOMETRIC_INTERPRETATION: Final = 0x00280004
_PLANAR_CONFIGURATION: Final = 0x00280006


class Difference(NamedTuple):
    """One difference: where, of what ``kind``: changed, missing (of the second), added, or another vr.

    ``a`` and ``b`` are the values as text, None where there is no element.
    """

    path: str
    name: str
    kind: str
    vr: str
    a: str | None
    b: str | None
    order: tuple[int, ...] = ()


class Differences:
    """What is different: the first differences in the order of tags, and how many ``more`` there are."""

    def __init__(self) -> None:
        """Begin with none."""
        self._found: list[Difference] = []
        self.more = 0

    def add(self, differences: Iterable[Difference]) -> None:
        """Take some more."""
        for each in differences:
            self._found.append(each)
            if len(self._found) > 2 * _MOST_TOLD:
                self._cut()

    def _cut(self) -> None:
        self._found.sort(key=lambda each: each.order)
        self.more += len(self._found) - _MOST_TOLD
        del self._found[_MOST_TOLD:]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._found) + self.more

    def told(self) -> list[Difference]:
        """Return the first of them."""
        if len(self._found) > _MOST_TOLD:
            self._cut()
        return sorted(self._found, key=lambda each: each.order)


class Comparison:
    """Compares the data sets of two files."""

    def __init__(self, ignored: Ignored, tolerance: Tolerance) -> None:
        """Take what is to be ``ignored``, and how far numbers may be apart."""
        self._ignored = ignored
        self._tolerance = tolerance

    def differences(
        self, a: Part10File, b: Part10File, taken: tuple[int, int] | None = (-1, -1)
    ) -> Differences:
        """Return what is different; raises what walking does.

        Pixel data at the offsets ``taken``, of either file, has been compared; with None it does not count.
        """
        apart_a: dict[Key, Leaf] = {}
        apart_b: dict[Key, Leaf] = {}
        found = Differences()
        ours = self._wanted(leaves_of(a), taken and taken[0])
        theirs = self._wanted(leaves_of(b), taken and taken[1])
        one, other = next(ours, None), next(theirs, None)
        while one is not None or other is not None:
            if one is not None and other is not None and one.key == other.key:
                found.add(self._compared(one, other))
                one, other = next(ours, None), next(theirs, None)
            elif other is None or (one is not None and one.path <= other.path):
                assert one is not None  # noqa: S101  by the condition of the loop
                if (met := apart_b.pop(one.key, None)) is not None:
                    found.add(self._compared(one, met))
                else:
                    _put_apart(one, apart_a)
                one = next(ours, None)
            else:
                if (met := apart_a.pop(other.key, None)) is not None:
                    found.add(self._compared(met, other))
                else:
                    _put_apart(other, apart_b)
                other = next(theirs, None)
        found.add(self._only(apart_a, "missing"))
        found.add(self._only(apart_b, "added"))
        return found

    def _wanted(self, leaves: Iterable[Leaf], taken: int | None) -> Iterator[Leaf]:
        """Yield the leaves that count; what is below one that does not, does not either."""
        left: tuple[int, ...] | None = None
        for leaf in leaves:
            if left is not None and len(leaf.path) > len(left) and leaf.path[: len(left)] == left:
                continue
            left = None
            if len(leaf.path) == 1 and leaf.tag in (*PIXEL_TAGS, *_TABLES) and leaf.key[0] != META:
                is_left = taken is None or (leaf.offset == taken if leaf.tag in PIXEL_TAGS else taken >= 0)
            else:
                is_left = self._is_ignored(leaf, self._ignored)
            if is_left:
                left = leaf.path
                continue
            yield leaf

    def _is_ignored(self, leaf: Leaf, ignored: Ignored) -> bool:
        tag = leaf.tag
        if tag == ITEM:
            return False
        if leaf.key[0] == META:
            if tag == TRANSFER_SYNTAX_UID:
                return ignored.syntax or self._is_named(leaf)
            return ignored.meta or self._is_named(leaf)
        if ignored.private and is_private(tag):
            return True
        if ignored.charset and tag == SPECIFIC_CHARACTER_SET:
            return True
        if ignored.syntax and tag == _PLANAR_CONFIGURATION and len(leaf.path) == 1:
            return True
        return self._is_named(leaf)

    def _is_named(self, leaf: Leaf) -> bool:
        return any(_is_at(place, leaf) for place in self._ignored.paths)

    def _compared(self, a: Leaf, b: Leaf) -> Iterator[Difference]:
        if a.tag == ITEM:
            if (a.length or b.length) and not is_same(a, b, "OB", self._tolerance):
                yield from _difference(a, b, "changed")
            return
        if self._is_of_no_account(a, b):
            return
        vr = common_vr(a, b)
        if not vr:
            yield from _difference(a, b, "vr")
        elif vr != "SQ" and not is_same(a, b, vr, self._tolerance):
            yield from _difference(a, b, "changed")
        elif a.vr != b.vr and a.is_explicit and b.is_explicit and "UN" not in (a.vr, b.vr):
            yield from _difference(a, b, "vr")

    def _is_of_no_account(self, *leaves: Leaf) -> bool:
        """Tell whether what is ignored by its value is, in all who have it."""
        ignored = self._ignored
        tag = leaves[0].tag
        if ignored.uids and all(effective_vr(tag, leaf.vr) == "UI" for leaf in leaves):
            return not any(is_known_uid(leaf) for leaf in leaves)
        if ignored.syntax and tag == _PHOTOMETRIC_INTERPRETATION and len(leaves[0].path) == 1:
            return all(leaf.piece(0, min(leaf.length, 3)) in (b"RGB", b"YBR") for leaf in leaves)
        return False

    def _only(self, apart: dict[Key, Leaf], kind: str) -> Iterator[Difference]:
        """Yield what only one has; of a sequence or an item that, not what is in it."""
        above: tuple[int, ...] | None = None
        for leaf in sorted(apart.values(), key=lambda each: each.path):
            if above is not None and len(leaf.path) > len(above) and leaf.path[: len(above)] == above:
                continue
            above = leaf.path
            if leaf.tag != ITEM and self._is_of_no_account(leaf):
                continue
            yield from _difference(leaf, None, kind) if kind == "missing" else _difference(None, leaf, kind)


def _is_at(place: Place, leaf: Leaf) -> bool:
    """Tell whether a leaf is at ``place``."""
    steps = place.path.steps
    around = len(leaf.path) - (2 * len(steps) - 1)
    if around < 0 or (around and not place.anywhere):
        return False
    for number, step in enumerate(steps):
        tag = leaf.path[around + 2 * number]
        known = leaf.key[around + 2 * number] if leaf.key[0] != META else tag
        creator = known[1] if isinstance(known, tuple) and isinstance(known[1], str) else ""
        if not step.matches(tag, creator):
            return False
        if number < len(steps) - 1 and step.item not in (None, leaf.path[around + 2 * number + 1]):
            return False
    return True


def _put_apart(leaf: Leaf, own: dict[Key, Leaf]) -> None:
    """Keep a leaf until the other data set has it too, if it does."""
    key = leaf.key
    if len(own) >= _MOST_APART:
        if any(key[:at] in own or (*key[: at + 1], "item") in own for at in range(1, len(key), 2)):
            return  # what is in a sequence that only one has goes without saying
        raise InputError("they have too few elements in common to be compared")
    while key in own:  # an element that stands twice in its data set
        key = (*key, "again")
    own[key] = leaf


def _difference(a: Leaf | None, b: Leaf | None, kind: str) -> Iterator[Difference]:
    leaf = a or b
    if leaf:
        vr = "/".join(dict.fromkeys([each.vr for each in (a, b) if each and each.vr]))
        yield Difference(leaf.name, _name(leaf), kind, vr, _shown(a), _shown(b), leaf.path)


def _name(leaf: Leaf) -> str:
    if leaf.tag == ITEM:
        return "Item"
    if leaf.creator:
        return private_lookup(leaf.creator, leaf.tag)[2]
    return lookup(leaf.tag)[2]


def _shown(leaf: Leaf | None) -> str | None:
    if leaf is None:
        return None
    if leaf.vr == "SQ":
        return "(sequence)"
    if leaf.tag == ITEM and not leaf.length:
        return "(item)"
    raw = leaf.piece(0, min(leaf.length, _SHOWN))
    return show_value(
        leaf.tag, leaf.vr or "OB", raw, leaf.order, leaf.decode, length=leaf.length, most=_NUMBERS
    )

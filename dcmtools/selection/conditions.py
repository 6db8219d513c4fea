"""What an expression says: conditions that are true of a file or not, or of which that is not known yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from dcmtools.encoding.values import TEXT_VRS, effective_vr
from dcmtools.errors import InputError
from dcmtools.selection.comparing import LONGEST_SEARCHED, kind_of, values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.files.values import Value
    from dcmtools.selection.comparing import Test

    Found: TypeAlias = Mapping["Place", list["Hit"]]
    """What has been read so far: the elements at each place, none if it is known that there are none."""


class Place(NamedTuple):
    """Where a value stands: the element of a ``path``, or what is called ``file.`` something.

    ``number`` is that of one of its values, or items, from 0; None for any. ``vr`` is the dictionary's, empty
    where that has none.
    """

    path: TagPath | None
    name: str
    number: int | None
    vr: str


class Hit(NamedTuple):
    """An element that was found, and how many ``items`` it has; -1 if it is no sequence.

    A ``value`` without bytes though there are ``length`` of them was too long to be kept, or is of no use.
    """

    value: Value
    length: int
    items: int = -1


class Condition(Protocol):
    """What may be true of a file."""

    def told(self, found: Found) -> bool | None:
        """Tell whether it is true by what has been ``found``; None where that does not tell."""

    def places(self) -> Iterator[tuple[Place, bool]]:
        """Yield the places it is about, and whether their contents count, rather than that they are there."""


class All(NamedTuple):
    """True where all are."""

    conditions: Sequence[Condition]

    def told(self, found: Found) -> bool | None:
        """Tell it; of what comes after one that is false nothing needs to be known."""
        unknown = False
        for each in self.conditions:
            told = each.told(found)
            if told is False:
                return False
            unknown |= told is None
        return None if unknown else True

    def places(self) -> Iterator[tuple[Place, bool]]:
        """Yield those of all."""
        for each in self.conditions:
            yield from each.places()


class Either(NamedTuple):
    """True where one is."""

    conditions: Sequence[Condition]

    def told(self, found: Found) -> bool | None:
        """Tell it; of what comes after one that is true nothing needs to be known."""
        unknown = False
        for each in self.conditions:
            told = each.told(found)
            if told:
                return True
            unknown |= told is None
        return None if unknown else False

    def places(self) -> Iterator[tuple[Place, bool]]:
        """Yield those of all."""
        for each in self.conditions:
            yield from each.places()


class Not(NamedTuple):
    """True where the other is not."""

    condition: Condition

    def told(self, found: Found) -> bool | None:
        """Tell it."""
        told = self.condition.told(found)
        return None if told is None else not told

    def places(self) -> Iterator[tuple[Place, bool]]:
        """Yield those of the other."""
        return self.condition.places()


class Exists(NamedTuple):
    """True where there is such an element, value or item, be it empty."""

    place: Place

    def told(self, found: Found) -> bool | None:
        """Tell it."""
        hits = found.get(self.place)
        if hits is None:
            return None
        number = self.place.number
        if number is None:
            return bool(hits)
        if self.place.vr == "SQ":
            return any(hit.items > number for hit in hits)
        return any(hit.items > number or len(_values(self.place, hit)) > number for hit in hits)

    def places(self) -> Iterator[tuple[Place, bool]]:
        """Yield the one."""
        yield self.place, self.place.number is not None


class Empty(NamedTuple):
    """True where an element is there without a value, or a sequence without items."""

    place: Place

    def told(self, found: Found) -> bool | None:
        """Tell it."""
        hits = found.get(self.place)
        return None if hits is None else any(map(self._is_empty, hits))

    def _is_empty(self, hit: Hit) -> bool:
        number = self.place.number
        if number is not None:
            return _values(self.place, hit)[number : number + 1] == [""]
        if hit.items >= 0:
            return hit.items == 0
        if hit.value.raw and _vr(self.place, hit.value) in TEXT_VRS:  # which may be padding alone
            return not any(_values(self.place, hit))
        return hit.length == 0

    def places(self) -> Iterator[tuple[Place, bool]]:
        """Yield the one."""
        yield self.place, True


class Comparison(NamedTuple):
    """True where any value passes the test for its kind, of those that the dictionary leaves open.

    What is ``searching`` in it looks at text, whatever that means.
    """

    place: Place
    tests: Mapping[str, Test]
    searching: bool = False

    def told(self, found: Found) -> bool | None:
        """Tell it; raises InputError for a value that is too long to be looked at."""
        hits = found.get(self.place)
        return None if hits is None else any(map(self._passes, hits))

    def _passes(self, hit: Hit) -> bool:
        vr = _vr(self.place, hit.value)
        kind = kind_of(self.place.vr or vr)
        test = self.tests.get(kind)
        if test is None:
            return False
        compared = _values(self.place, hit, "text" if self.searching else kind)
        number = self.place.number
        if number is not None:
            compared = compared[number : number + 1]
        if self.searching and any(len(value) > LONGEST_SEARCHED for value in compared):
            raise _too_long(self.place, hit, "searched")
        return any(value is not None and value != "" and test(value) for value in compared)

    def places(self) -> Iterator[tuple[Place, bool]]:
        """Yield the one."""
        yield self.place, True


def _vr(place: Place, value: Value) -> str:
    """Return the VR of a value: where the file does not say, that of the dictionary."""
    if value.vr == "UN" and place.vr:
        return place.vr.partition(" ")[0]
    return effective_vr(value.tag, value.vr)


def _values(place: Place, hit: Hit, kind: str = "") -> list[Any]:
    """Return the values of a hit; raises InputError where they were too long to be kept."""
    vr = _vr(place, hit.value)
    kind = kind or ("text" if vr in TEXT_VRS else kind_of(vr))
    if hit.items >= 0 or not kind_of(vr):
        return []
    if hit.value.raw is None:
        raise _too_long(place, hit, "compared")
    return values(kind, vr, hit.value)


def _too_long(place: Place, hit: Hit, what: str) -> InputError:
    return InputError(f"{place.path}: a value of {hit.length} bytes is too long to be {what} by --where")

"""Elements that are not in the order of their tags, or stand twice, put in order (PS3.5 7.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.editing.nested import Container, Rewriting
from dcmtools.encoding.containers import MAX_DEPTH
from dcmtools.encoding.tagpath import PathTracker
from dcmtools.encoding.tags import ITEM, format_tag
from dcmtools.errors import InputError
from dcmtools.files.depths import track
from dcmtools.files.part10 import Part10File
from dcmtools.modifying.staged import Staged
from dcmtools.modifying.told import Alteration

if TYPE_CHECKING:
    from dcmtools.editing.pieces import Splice
    from dcmtools.encoding.walker import Walker
    from dcmtools.modifying.told import Told

_MOST: Final = 64 * 1024 * 1024
"""The most bytes that are moved, as they are kept in memory."""


def reordered(file: Part10File, told: Told) -> Splice | None:
    """Return the data set of ``file`` with its elements in order at every depth; None where they are.

    Of those that stand twice with the same bytes one stays. Raises InputError where they differ, where more
    than 64 MiB would have to be moved, and what the walk raises.
    """
    whole = None
    for _ in range(MAX_DEPTH):  # what is in a sequence that has been moved is looked at the next time
        if _is_ordered(file):
            return whole
        whole = _once(file, told)
        file = Staged(file, whole)
    raise InputError("cannot be repaired: elements are out of order at too many depths")


def _is_ordered(file: Part10File) -> bool:
    last = [0]
    for tag, vr, _, _, _, depth in Part10File.walk(file):
        level = depth >> 1
        if tag == ITEM and depth & 1:
            last[level + 1 :] = [0]
        elif vr:
            if tag <= last[level]:
                return False
            last[level] = tag
    return True


class _Plan:
    """What is to be done, by the offset of an element: taken out there, or put in before it."""

    def __init__(self, walker: Walker) -> None:
        self.removed: dict[int, bool] = {}  # and whether it stands elsewhere then
        self.inserted: dict[int, list[bytes]] = {}
        self._walker = walker
        self._moved = 0

    def add(self, elements: list[tuple[int, int]], end: int) -> None:
        """Plan for the ``elements`` of a data set or item, each a tag and an offset, that ends at ``end``."""
        places = [at for _, at in elements] + [end]
        kept: list[tuple[int, int, int]] = []
        late: list[tuple[int, int, int]] = []
        for (tag, at), after in zip(elements, places[1:], strict=True):
            (late if kept and tag <= kept[-1][0] else kept).append((tag, at, after))
        whole = {tag: (at, after) for tag, at, after in kept}
        for tag, at, after in sorted(late):
            raw = self._bytes(tag, at, after)
            self.removed[at] = tag not in whole
            if tag in whole:
                first, end_of_first = whole[tag]
                if end_of_first - first != after - at or self._walker.source.read(first, after - at) != raw:
                    message = f"{format_tag(tag)} stands twice, with different values"
                    raise InputError(f"cannot be repaired: offset {at}: {message}")
                continue
            whole[tag] = (at, after)
            place = next(where for other, where, _ in kept if other > tag)
            self.inserted.setdefault(place, []).append(raw)

    def _bytes(self, tag: int, at: int, after: int) -> bytes:
        self._moved += after - at
        if self._moved > _MOST:
            raise InputError(f"cannot be repaired: {format_tag(tag)} is too long to be put in order")
        return self._walker.source.read(at, after - at)


def _once(file: Part10File, told: Told) -> Splice:
    plan = _planned(file)
    rewriting, tracker = Rewriting(file), PathTracker()
    for found in rewriting:
        if isinstance(found, Container):
            continue
        track(tracker, found, rewriting.walker)
        tag, vr, at, _, _, depth = found
        if not vr:
            continue
        for new in plan.inserted.get(at, ()):
            rewriting.insert(new)
        if at in plan.removed:
            what = "out of order" if plan.removed[at] else "twice with one value"
            told.append(Alteration(tracker.path_of(tag, depth), "repair", what, "in order"))
            rewriting.remove()
    return rewriting.splice()


def _planned(file: Part10File) -> _Plan:
    rewriting = Rewriting(file)
    plan = _Plan(rewriting.walker)
    levels: list[list[tuple[int, int]]] = [[]]
    for found in rewriting:
        if isinstance(found, Container):
            if found.depth < 0 or found.depth & 1:
                plan.add(levels.pop(), found.end)
        elif found[1]:
            levels[-1].append((found[0], found[2]))
        elif len(rewriting.levels) == 2 * len(levels):  # an item, not a fragment
            levels.append([])
    return plan

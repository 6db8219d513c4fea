"""A part of a data set in the JSON model: the elements that paths name, where they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmtools.encoding.jsonmodel import JsonDataSet
    from dcmtools.encoding.tagpath import TagPath


class _Place(NamedTuple):
    """An element on the way down: its tag, its private creator, and the item that is looked into."""

    tag: int
    creator: str
    item: int


def select(data_set: JsonDataSet, paths: Sequence[TagPath]) -> tuple[JsonDataSet, set[TagPath]]:
    """Return ``data_set`` with nothing but what ``paths`` name, and which of them name something.

    A path of one step names an element at any depth. A sequence that leads to such an element keeps all its
    items, empty where they hold nothing of it, so that they keep their places.
    """
    found: set[TagPath] = set()
    return _select(data_set, paths, (), found), found


def _select(
    data_set: JsonDataSet, paths: Sequence[TagPath], outer: tuple[_Place, ...], found: set[TagPath]
) -> JsonDataSet:
    selected: JsonDataSet = {}
    for key, element in data_set.items():
        tag, creator = int(key, 16), _creator(data_set, key)
        hits = [path for path in paths if _names(path, (*outer, _Place(tag, creator, 0)))]
        found.update(hits)
        items = element.get("Value", []) if element["vr"] == "SQ" else []
        inner = [
            _select(item, paths, (*outer, _Place(tag, creator, number)), found)
            for number, item in enumerate(items)
        ]
        if hits:
            selected[key] = element
        elif any(inner):
            selected[key] = {"vr": "SQ", "Value": inner}
    return selected


def _names(path: TagPath, places: tuple[_Place, ...]) -> bool:
    if len(path.steps) == 1:
        return path.steps[0].matches(places[-1].tag, places[-1].creator)
    return len(path.steps) == len(places) and all(
        step.matches(place.tag, place.creator) and (place is places[-1] or step.item in (None, place.item))
        for step, place in zip(path.steps, places, strict=True)
    )


def _creator(data_set: JsonDataSet, key: str) -> str:
    """Return who reserved the block of a private element, out of the block's own element."""
    reserved = data_set.get(f"{key[:4]}00{key[4:6]}", {}) if int(key[3], 16) & 1 else {}
    return str(reserved.get("Value", [""])[0])

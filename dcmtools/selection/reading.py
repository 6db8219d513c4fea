"""What is read of a file to tell whether an expression is true of it: as little as tells."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.charset import DEFAULT
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.tags import ITEM, PIXEL_DATA
from dcmtools.errors import InputError
from dcmtools.files.depths import elements_at
from dcmtools.files.part10 import AFTER_META
from dcmtools.files.values import Value, glance
from dcmtools.selection.comparing import kind_of
from dcmtools.selection.conditions import Hit, Place

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from dcmtools.encoding.charset import Decoder
    from dcmtools.encoding.element import Element
    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.encoding.walker import Walker
    from dcmtools.files.inputs import Input
    from dcmtools.files.part10 import Part10File

LONGEST: Final = 1024 * 1024  # bytes of a value that is compared
_MOST: Final = 64 * 1024 * 1024  # bytes of all values of a file, each with what it takes beside
_BESIDE: Final = 256
_SIZE: Final = Struct("<Q")


def outside(file: Part10File, item: Input, places: Iterable[Place]) -> dict[Place, list[Hit]]:
    """Return what stands outside of the data set: in the file meta information, or about the file."""
    found: dict[Place, list[Hit]] = {}
    for place in places:
        if place.path is None:
            found[place] = [_about(file, item, place.name)]
        elif not is_of_data_set(place):
            tag = place.path.steps[0].tag
            meta = [Value(each[0], each[1], raw, "<", DEFAULT) for each, raw in file.meta if each[0] == tag]
            found[place] = [hit_of(value) for value in meta]
    return found


def is_of_data_set(place: Place) -> bool:
    """Tell whether a place is in the data set."""
    return place.path is not None and place.path.steps[0].tag >= AFTER_META


def is_plain(place: Place) -> bool:
    """Tell whether a glance at the head of a file may tell what is at the place."""
    if not is_of_data_set(place) or place.path is None or place.vr == "SQ":
        return False
    (step, *more) = place.path.steps
    return not more and not step.creator and step.tag < PIXEL_DATA


def glanced(
    file: Part10File, places: Collection[Place], known: Iterable[Value] | None, decode: Decoder
) -> dict[Place, list[Hit]]:
    """Return what stands at places that are plain, all of it or nothing, as the head of ``file`` tells.

    ``known`` are values that somebody has already, of all of these places.
    """
    tags = {place: place.path.steps[0].tag for place in places if place.path}
    picked = known if known is not None or not tags else glance(file, set(tags.values()), decode)
    if picked is None:
        return {}
    return {place: [hit_of(value) for value in picked if value.tag == tag] for place, tag in tags.items()}


def walked(file: Part10File, places: Mapping[Place, bool], decode: Decoder) -> dict[Place, list[Hit]]:
    """Return what stands at ``places`` of the data set, with its contents where these are wanted.

    Raises what the walk raises, and InputError where it went on behind faults, and where there is
    more of it than can be kept.
    """
    found: dict[Place, list[Hit]] = {place: [] for place in places}
    paths: dict[TagPath, list[Place]] = {}
    for place in places:
        if place.path:
            paths.setdefault(place.path, []).append(place)
    stop = max(path.last_top_tag for path in paths) + 1
    shallow = not any(
        len(place.path.steps) > 1 or (wanted and place.vr in ("", "SQ"))
        for place, wanted in places.items()
        if place.path
    )
    walker = file.walk(stop=stop, shallow=shallow)
    left = _MOST
    for path, element, decoder in elements_at(walker, list(paths), decode):
        for place in paths[path]:
            hits = found[place]
            if element[0] == ITEM:
                hits[-1] = hits[-1]._replace(items=hits[-1].items + 1)
                continue
            hits.append(_read(walker, element, place, decoder, wanted=places[place]))
            left -= len(hits[-1].value.raw or b"") + _BESIDE
        if left < 0:
            message = f"{path}: there are more values than can be compared by --where"
            raise InputError(message)
    if walker.serious:
        raise InputError("it is damaged, so that --where cannot tell")
    return found


def _about(file: Part10File, item: Input, name: str) -> Hit:
    if name == "file.size":
        return hit_of(Value(0, "UV", _SIZE.pack(file.source.size), "<", DEFAULT))
    return hit_of(Value(0, "UT", item.path.encode("utf-8", "surrogateescape"), "<", _path))


def _path(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def hit_of(value: Value) -> Hit:
    """Return the element that has this value at the top, without its bytes if they are too many."""
    raw = value.raw or b""
    if len(raw) > LONGEST:
        value = value._replace(raw=None)
    return Hit(value, len(raw))


def _read(walker: Walker, element: Element, place: Place, decode: Decoder, *, wanted: bool) -> Hit:
    tag, vr, _, offset, length, _ = element
    readable = wanted and length != UNDEFINED and kind_of(place.vr if vr == "UN" else vr)
    raw = walker.value(offset, length) if readable and length <= LONGEST else None
    return Hit(Value(tag, vr, raw, walker.order, decode), length, 0 if vr == "SQ" else -1)

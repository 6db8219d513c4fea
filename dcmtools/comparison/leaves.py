"""A data set as a stream of leaves: elements with a value, sequences and items, each by its path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from dcmtools.encoding.charset import DEFAULT, unpadded
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.memory import MemorySource
from dcmtools.encoding.syntax import IMPLICIT
from dcmtools.encoding.tags import ITEM, format_tag, is_creator, is_private
from dcmtools.encoding.walker import Walker
from dcmtools.errors import MalformedError
from dcmtools.files.depths import elements_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.encoding.charset import Decoder
    from dcmtools.encoding.element import Element
    from dcmtools.files.part10 import Part10File

Key: TypeAlias = tuple[object, ...]
META: Final = -1
_GROUP_LENGTH: Final = 0xFFFF
_LONGEST_CREATOR: Final = 64
_ITEM: Final = b"\xfe\xff\x00\xe0"
_LONGEST_UNKNOWN: Final = 16 * 1024 * 1024  # of values that are looked into
_DEEPEST_UNKNOWN: Final = 8
# The header of a sequence in implicit VR, to be completed by its length; which one it is does not matter.
_AS_SEQUENCE: Final = b"\x08\x00\x40\x11"


class Leaf(NamedTuple):
    """An element, or an item of a sequence, and what it takes to read its value.

    What stands under VR UN and is made of items is a sequence (PS3.5 6.2.2, note 2).
    ``key`` is the same for what stands at the same place of another data set: private elements go by who
    reserved their block, whichever that is. ``path`` are the tags, and the numbers of the items, that lead to
    it. ``order`` is the byte order of the value; ``raw`` is the value where it has been read already.
    """

    key: Key
    path: tuple[int, ...]
    tag: int
    vr: str
    offset: int
    length: int
    walker: Walker | None
    decode: Decoder
    order: str = "<"
    creator: str = ""
    raw: bytes | None = None

    @property
    def name(self) -> str:
        """The path in its one printed form, ``(gggg,eeee)[0].(gggg,eeee)``."""
        steps = [
            format_tag(step) if number % 2 == 0 else f"[{step}]." for number, step in enumerate(self.path)
        ]
        return "".join(steps).rstrip(".")

    @property
    def is_explicit(self) -> bool:
        """Whether the VR is written there, rather than that of a dictionary."""
        return self.walker is None or self.walker.encoding.explicit

    def value(self) -> bytes:
        """Return the whole value as it stands; raises what reading does."""
        return self.piece(0, self.length)

    def piece(self, at: int, size: int) -> bytes:
        """Return a part of the value as it stands."""
        if self.raw is not None:
            return self.raw[at : at + size]
        return self.walker.value(self.offset + at, size) if self.walker else b""


def leaves_of(file: Part10File) -> Iterator[Leaf]:
    """Yield the leaves of file meta information and data set, without group lengths and delimiters.

    Fragments of encapsulated values are leaves like items, with a value. Raises what the walk raises.
    """
    for (tag, vr, _, _, length, _), raw in file.meta:
        if tag & _GROUP_LENGTH:
            yield Leaf((META, tag), (tag,), tag, vr, 0, length, None, DEFAULT, raw=raw)
    yield from _walked(file.walk())


def _walked(walker: Walker, around_it: Decoder = DEFAULT, level: int = 0) -> Iterator[Leaf]:
    around: list[object] = []  # keys of the sequences that the walk is in, and numbers of their items
    path: list[int] = []
    fragments = META  # their depth
    for element, tracker, decode in elements_in(walker, around_it):
        tag, vr, _, offset, length, depth = element
        if depth & 1:
            if tag != ITEM:
                continue
            number = path[depth] + 1 if len(path) > depth else 0
            around[depth:], path[depth:] = [number], [number]
            held = length if depth == fragments else 0
            yield Leaf((*around, "item"), tuple(path), tag, "", offset, held, walker, decode)
            continue
        fragments = META
        if not vr or not (tag & _GROUP_LENGTH or vr == "SQ"):
            continue
        del around[depth:], path[depth:]
        creator = tracker.creator(tag, depth) if is_private(tag) else ""
        step = _step(tag, creator, walker, element)
        single = vr != "SQ" and length != UNDEFINED
        order = "<" if vr == "UN" else walker.order  # PS3.5 6.2.2
        held = length if single else 0
        leaf = Leaf((*around, step), (*path, tag), tag, vr, offset, held, walker, decode, order, creator)
        if vr == "UN" and single and (inner := _looked_into(leaf, level)):
            yield from inner
            continue
        yield leaf
        if not single:
            around.append(step)
            path.append(tag)
            fragments = META if vr == "SQ" else depth + 1


def _looked_into(leaf: Leaf, level: int) -> list[Leaf]:
    """Return a value of UN as the sequence that it is, and what is in it; nothing where it is none."""
    if not 8 <= leaf.length <= _LONGEST_UNKNOWN or level == _DEEPEST_UNKNOWN or leaf.piece(0, 4) != _ITEM:
        return []
    raw = leaf.value()
    source = MemorySource(_AS_SEQUENCE + len(raw).to_bytes(4, "little") + raw)
    try:
        inner = list(_walked(Walker(source, 0, source.size, IMPLICIT), leaf.decode, level + 1))
    except MalformedError:
        return []
    found = [
        each._replace(key=(*leaf.key, *each.key[1:]), path=(*leaf.path, *each.path[1:])) for each in inner
    ]
    return [leaf._replace(vr="SQ", length=0), *found[1:]]


def _step(tag: int, creator: str, walker: Walker, element: Element) -> object:
    """Return what stands for an element of its data set, whichever block a private one is in."""
    if is_creator(tag):
        return tag >> 16, unpadded(walker.value(element[3], min(element[4], _LONGEST_CREATOR)))
    return (tag & 0xFFFF00FF, creator) if creator else tag

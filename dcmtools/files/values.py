"""Values of chosen elements at the top of a data set and in the file meta information."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.charset import DEFAULT, decoder_of
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.tags import PIXEL_DATA, SPECIFIC_CHARACTER_SET
from dcmtools.encoding.values import BULK_VRS, TEXT_VRS, effective_vr, numbers, show_number, texts
from dcmtools.errors import InputError
from dcmtools.files.part10 import AFTER_META

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from dcmtools.encoding.charset import Decoder
    from dcmtools.encoding.element import Element
    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.encoding.walker import Walker
    from dcmtools.files.part10 import Part10File

LONGEST_CHARSET: Final = 1024
_LONGEST_BULK: Final = 1024 * 1024
_LONGEST: Final = 64 * 1024 * 1024


class Value(NamedTuple):
    """The value of an element: its bytes, in byte ``order`` (``<`` or ``>``), its text to be decoded.

    ``raw`` is None for what is not one value, or too long a one: a sequence, encapsulated pixel data.
    """

    tag: int
    vr: str
    raw: bytes | None
    order: str
    decode: Decoder

    def texts(self) -> list[str]:
        """Return each value as text, without padding (PS3.5 6.2); numbers as they are written."""
        if self.raw is None:
            return []
        vr = effective_vr(self.tag, self.vr)
        if vr in TEXT_VRS:
            return texts(vr, self.raw, self.decode)
        order = "<" if self.vr == "UN" else self.order
        return [show_number(vr, value) for value in numbers(vr, self.raw, order)]

    def text(self) -> str:
        """Return all values as one text, backslashes between them."""
        return "\\".join(self.texts())


def values_of(
    file: Part10File, tags: Collection[int], *, decode: Decoder = DEFAULT, most: int = 1024 * 1024
) -> dict[int, Value]:
    """Return the values of those of ``tags`` that ``file`` has, of at most ``most`` bytes each.

    It takes a glance at the head of the file or, where that does not tell, a walk to the highest of the tags;
    what stands behind that, out of order, is not found. Of an element that stands there twice the last
    counts. Text of a data set that names no character set is for ``decode``. Raises what the walk raises.
    """
    found = glance(file, tags, decode)
    if found is None:
        found = [*_of_meta(file, tags), *_walked(file, tags, decode, most)]
    return {value.tag: value for value in found}


def glance(file: Part10File, tags: Collection[int], decode: Decoder) -> list[Value] | None:
    """Return the values of ``tags`` out of the head of ``file`` in its order, None where it takes a walk."""
    stop = max(tags) + 1
    if stop > PIXEL_DATA:
        return None
    picked = file.pick({SPECIFIC_CHARACTER_SET, *tags}, stop) if stop > AFTER_META else []
    if picked is None:
        return None
    found = _of_meta(file, tags)
    for tag, vr, _, offset, length, _ in picked:
        raw = file.head[offset : offset + length]
        if tag == SPECIFIC_CHARACTER_SET and length <= LONGEST_CHARSET:
            decode = decoder_of(raw)
        if tag in tags:
            found.append(Value(tag, vr, raw, file.encoding.order, decode))
    return found


def _of_meta(file: Part10File, tags: Collection[int]) -> list[Value]:
    if min(tags) >= AFTER_META:
        return []
    return [Value(tag, vr, raw, "<", DEFAULT) for (tag, vr, *_), raw in file.meta if tag in tags]


def _walked(file: Part10File, tags: Collection[int], decode: Decoder, most: int) -> Iterator[Value]:
    walker = file.walk(stop=max(tags) + 1, shallow=True)
    for tag, vr, _, offset, length, depth in walker:
        if depth or not vr:
            continue
        if tag == SPECIFIC_CHARACTER_SET and length <= LONGEST_CHARSET:
            decode = decoder_of(walker.value(offset, length))
        if tag in tags:
            single = vr != "SQ" and length != UNDEFINED and length <= most
            yield Value(tag, vr, walker.value(offset, length) if single else None, walker.order, decode)


def text_at(element: Element, walker: Walker, decode: Decoder) -> str:
    """Return the values of ``element`` as one text, or in parentheses what it is instead.

    Raises InputError for a value that is too long for that.
    """
    tag, vr, _, offset, length, _ = element
    if vr == "SQ" or length == UNDEFINED:
        return no_value(vr)
    if length > (_LONGEST_BULK if effective_vr(tag, vr) in BULK_VRS else _LONGEST):
        raise InputError(f"offset {offset}: a value of {length} bytes is too long to be printed")
    return Value(tag, vr, walker.value(offset, length), walker.order, decode).text()


def no_value(vr: str) -> str:
    """Return what to say of an element of ``vr`` that has no value of its own."""
    return "(sequence)" if vr == "SQ" else "(encapsulated)"


def named_in_meta(tag: int, paths: Sequence[TagPath]) -> list[TagPath]:
    """Return those of ``paths`` that name a meta element."""
    return [path for path in paths if len(path.steps) == 1 and path.steps[0].matches(tag, "")]

"""Small data sets in memory: identifiers, attribute lists, items of a worklist.

``made(PatientName="A*", ScheduledProcedureStepSequence=[made(Modality="CT")])`` builds one; ``encode`` and
``decode`` take it to bytes and back. Elements that no dictionary has stay as they came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from dcmtools.encoding.charset import decoder_of
from dcmtools.encoding.dictionary import lookup, name_of, tag_of
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.encoder import encoded
from dcmtools.encoding.memory import MemorySource
from dcmtools.encoding.tags import (
    ITEM,
    PIXEL_REPRESENTATION,
    SPECIFIC_CHARACTER_SET,
    format_tag,
    is_private,
    is_retired_length,
)
from dcmtools.encoding.texts import raw_value, settled
from dcmtools.encoding.values import (
    BULK_VRS,
    CHARSET_VRS,
    NUMBERS,
    effective_vr,
    numbers,
    show_number,
    swapped,
    texts,
)
from dcmtools.encoding.walker import Walker
from dcmtools.encoding.writing import delimited, element, encapsulated, item
from dcmtools.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Sequence

    from dcmtools.encoding.charset import Decoder
    from dcmtools.encoding.element import Element
    from dcmtools.encoding.syntax import Encoding

_UTF_8: Final = b"ISO_IR 192"
_ESCAPE: Final = b"\x1b"  # of code extensions, all of whose bytes may be those of ASCII


class Fragments(bytes):
    """The value of encapsulated pixel data: its items, without the delimiter (PS3.5 A.4)."""

    __slots__ = ()


class DataSet(dict[int, "tuple[str, Value]"]):
    """VR and value of each element by its tag, in any order.

    A value is its bytes, in little endian, or the items of a sequence. ``charset`` is the Specific Character
    Set that text is in here, be it named here or by the data set around; what is encoded is put into the one
    that (0008,0005) names then.
    """

    __slots__ = ("charset",)

    def __init__(self, charset: bytes = _UTF_8) -> None:
        """Begin with no element."""
        super().__init__()
        self.charset = charset


Value: TypeAlias = "bytes | list[DataSet]"
Given: TypeAlias = "str | float | bytes | Sequence[str | float] | Sequence[DataSet] | None"
"""A value as a program has it: text, a number, several of these, raw bytes, items, or None for none."""


def made(**values: Given) -> DataSet:
    """Return the data set of ``values`` by keyword, in the VRs of the dictionary.

    Forms are not looked at, so matching keys (PS3.4 C.2.2.2) are right. Raises KeyError for what is no
    keyword, ValueError for what is no number where the VR is made of numbers.
    """
    data_set = DataSet()
    for keyword, given in values.items():
        tag = tag_of(keyword)
        try:
            data_set[tag] = _given(data_set, lookup(tag)[0], given)
        except ValueError as error:
            message = f"{name_of(tag)}: {error}"
            raise ValueError(message) from None
    return data_set


def _given(data_set: DataSet, vr: str, given: Given) -> tuple[str, Value]:
    """Return the VR and the value of an element of ``data_set`` that the dictionary has as ``vr``."""
    if vr == "SQ":
        return vr, _items(given)
    if isinstance(given, bytes):
        return settled(vr, "", signed=is_signed(data_set)), given
    text = given if isinstance(given, str) else "\\".join([str(each) for each in _several(given)])
    if " " in vr:
        vr = settled(vr, text, signed=is_signed(data_set))
    return vr, raw_value(vr, text, "<", data_set.charset)


def _items(given: Given) -> list[DataSet]:
    several = _several(given)
    items = [each for each in several if isinstance(each, DataSet)]
    if len(items) < len(several):
        message = "the items of a sequence are data sets"
        raise ValueError(message)
    return items


def _several(given: Given) -> Sequence[object]:
    if given is None or given == "":
        return ()
    return given if isinstance(given, (list, tuple)) else (given,)


def is_signed(data_set: DataSet) -> bool | None:
    """Tell whether Pixel Representation says that what may be US or SS is SS; None where there is none."""
    value = data_set.get(PIXEL_REPRESENTATION, ("", b""))[1]
    return any(value) if value else None


def encode(data_set: DataSet, encoding: Encoding, around: bytes = b"") -> bytes:
    """Return the bytes of ``data_set``: elements in the order of their tags, lengths defined.

    ``around`` is the Specific Character Set of what it is to be an item or a part of. Where VRs are implicit,
    private sequences and those that no dictionary has are without length, as that is what tells them from
    values.

    Raises ValueError for text that is not in the character set that (0008,0005) names, for what is no whole
    number where the byte order has to change, and what ``writing.element`` raises.
    """
    own = data_set.get(SPECIFIC_CHARACTER_SET, ("", around))[1]
    charset = own if isinstance(own, bytes) else b""
    written = None if charset == data_set.charset else decoder_of(data_set.charset)
    out = []
    for tag in sorted(data_set):
        vr, value = data_set[tag]
        try:
            if isinstance(value, list):
                out.append(_sequence(tag, value, encoding, charset))
                continue
            if isinstance(value, Fragments):
                out.append(encapsulated(tag, vr, value, encoding))
                continue
            if written and vr in CHARSET_VRS and (not value.isascii() or _ESCAPE in value):
                value = encoded(written(value).rstrip(" \0"), charset)
            out.append(element(tag, vr, swapped(vr, value) if encoding.big else value, encoding))
        except ValueError as error:
            message = f"{name_of(tag)}: {error}"
            raise ValueError(message) from None
    return b"".join(out)


def _sequence(tag: int, items: list[DataSet], encoding: Encoding, charset: bytes) -> bytes:
    body = b"".join([item(encode(each, encoding, charset), encoding) for each in items])
    if not encoding.explicit and (is_private(tag) or lookup(tag)[0] != "SQ"):
        return delimited(tag, body, encoding)
    return element(tag, "SQ", body, encoding)


def decode(data: bytes, encoding: Encoding, charset: bytes = b"") -> DataSet:
    """Return the data set that ``data`` are, which takes up to 45 times their length in memory.

    ``charset`` is that of its text where it names none.

    Raises MalformedError where they contradict PS3.5 section 7, and what ``read`` raises.
    """
    walker = Walker(MemorySource(data), 0, len(data), encoding)
    walker.begin_in(data)
    return read(walker, charset)


class Chosen:
    """Of the outermost elements of a walk those that are ``wanted``, with all that is in them."""

    def __init__(self, wanted: Container[int]) -> None:
        """Begin before the first."""
        self._wanted = wanted
        self._within = False

    def __call__(self, elements: Iterable[Element]) -> Iterator[Element]:
        """Yield those of the next ``elements``."""
        for each in elements:
            if not each[5]:
                self._within = each[0] in self._wanted
            if self._within:
                yield each


def read(
    walker: Walker,
    charset: bytes = b"",
    chosen: Callable[[Iterable[Element]], Iterable[Element]] = iter,
) -> DataSet:
    """Return the data set that ``walker`` walks, values and all: of files, up to those that are bulk.

    Group lengths and Length to End are left out, and what is not ``chosen``. Raises what the walk raises, and
    MalformedError for an element that stands twice, encapsulated pixel data, and numbers in big endian that
    are not whole.
    """
    root = DataSet(charset)
    levels = [root]
    sequences: list[list[DataSet]] = []
    while elements := walker.read():
        data, base, swaps = walker.data, walker.base, walker.order == ">"
        for each in chosen(elements):
            tag, vr, at, offset, length, depth = each
            level = depth >> 1
            if depth & 1:
                if tag == ITEM:
                    del levels[level + 1 :]
                    levels.append(DataSet(levels[level].charset))
                    sequences[level].append(levels[-1])
                continue
            data_set = levels[level]
            if tag in data_set:
                raise MalformedError("the element stands twice", offset=at, path=format_tag(tag))
            if vr == "SQ":
                del sequences[level:]
                sequences.append([])
                data_set[tag] = (vr, sequences[level])
            elif vr and (length == UNDEFINED or not is_retired_length(tag)):
                value = data[offset - base : offset - base + length]
                if swaps or len(value) != length:
                    value = _value(walker, each)
                data_set[tag] = (vr, value)
                if tag == SPECIFIC_CHARACTER_SET:
                    data_set.charset = value
    return root


def _value(walker: Walker, found: Element) -> bytes:
    """Return a value in little endian, from wherever it is."""
    tag, vr, at, offset, length, _ = found
    if length == UNDEFINED:
        message = "encapsulated pixel data has no place in a data set in memory"
        raise MalformedError(message, offset=at, path=format_tag(tag))
    value = walker.value(offset, length)
    try:
        return swapped(vr, value) if walker.order == ">" else value
    except ValueError as error:
        raise MalformedError(str(error), offset=at, path=format_tag(tag)) from None


def items(data_set: DataSet, key: int | str) -> list[DataSet]:
    """Return the items of the sequence with a tag or keyword; none where there is no such sequence."""
    value = data_set.get(_tag(key), ("", b""))[1]
    return value if isinstance(value, list) else []


def values(data_set: DataSet, key: int | str) -> list[str]:
    """Return the values of the element with a tag or keyword as text, without padding, numbers in decimal.

    There are none where it is absent or empty, nor of a sequence, nor of OB and the like.
    """
    tag = _tag(key)
    vr, value = data_set.get(tag, ("", b""))
    return [] if isinstance(value, list) else meaning(tag, vr, value, decoder_of(data_set.charset))


def meaning(tag: int, vr: str, value: bytes, decode: Decoder) -> list[str]:
    """Return the values in the bytes ``value``, in little endian, of an element as ``values`` does."""
    if not value:
        return []
    vr = effective_vr(tag, vr)
    if vr in BULK_VRS:
        return []
    if vr in NUMBERS:
        return [show_number(vr, number) for number in numbers(vr, value, "<")]
    return texts(vr, value, decode)


def text(data_set: DataSet, key: int | str) -> str:
    """Return the values of the element with a tag or keyword as text, a backslash between them."""
    return "\\".join(values(data_set, key))


def _tag(key: int | str) -> int:
    return tag_of(key) if isinstance(key, str) else key

"""Files like one that was walked before: all bytes that a walk goes by are the same, and in the same places.

Those of a series mostly are, up to the pixel data. A walk over another one would find the same elements. To
compare these bytes is one operation on the head of a file as a number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.syntax import is_deflated
from dcmtools.encoding.tags import PIXEL_REPRESENTATION, SPECIFIC_CHARACTER_SET, is_creator, is_private
from dcmtools.encoding.walker import Walker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dcmtools.encoding.element import Element
    from dcmtools.files.part10 import Part10File

_MOST: Final = 4  # walks with one key
_KEYS: Final = 16
_CREDIT: Final = 16
_MOST_CREDIT: Final = 64


class Sameness:
    """What is the same in files that are alike: their first bytes up to ``end``, where they are fixed."""

    __slots__ = ("_expected", "_mask", "end")

    def __init__(self, head: bytes, end: int, fixed: Iterable[tuple[int, int]]) -> None:
        """Take the ``fixed`` ranges of ``head`` for what is the same."""
        mask = bytearray(end)
        for begin, after in fixed:
            mask[begin:after] = b"\xff" * (min(after, end) - begin)
        self.end = end
        self._mask = int.from_bytes(mask, "little")
        self._expected = int.from_bytes(head[:end], "little") & self._mask

    def of(self, head: bytes) -> bool:
        """Tell whether a file that begins with ``head`` is alike."""
        end = self.end
        return len(head) >= end and int.from_bytes(head[:end], "little") & self._mask == self._expected


def fixed_bytes(element: Element, *, explicit: bool) -> Iterator[tuple[int, int]]:
    """Yield which bytes of an element a walk goes by: its header, and some of few values."""
    tag, vr, offset, value, length, depth = element
    yield offset, value
    if is_creator(tag) or tag in (SPECIFIC_CHARACTER_SET, PIXEL_REPRESENTATION):
        yield value, value + length
    elif length != UNDEFINED and (vr == "UN" or (is_private(tag) and (depth or not explicit))):
        yield value, value + min(length, 4)  # which may be those of an item


class _Found(Walker):
    """A walk whose elements are known beforehand."""

    def __init__(self, file: Part10File, elements: list[Element]) -> None:
        body = file.body()
        super().__init__(*body, file.encoding, shallow=True)
        self.begin_in(file.head)
        self._left = elements

    def read(self) -> list[Element]:
        """Return all elements, and nothing the second time."""
        found, self._left = self._left, []
        if not found:
            self.position = self._end
        return found


class Walks:
    """Shallow walks over whole data sets, remembered for those that are alike."""

    def __init__(self) -> None:
        """Remember none."""
        self._known: dict[tuple[int, int, str], list[tuple[Sameness, list[Element]]]] = {}
        self._credit = _CREDIT

    def again(self, file: Part10File) -> Walker | None:
        """Return the walk over the data set of ``file``, None where none like it was made before."""
        known = self._known.get(_key(file), [])
        for number, (sameness, elements) in enumerate(known):
            if sameness.of(file.head):
                known.insert(0, known.pop(number))
                self._credit = min(self._credit + 1, _MOST_CREDIT)
                return _Found(file, elements)
        return None

    def learn(self, file: Part10File) -> None:
        """Remember the walk over ``file``, which came to its end, unless hardly any file is like another."""
        self._credit -= 1
        if self._credit < 0 or is_deflated(file.transfer_syntax) or file.body().source is not file.source:
            return
        elements = list(file.walk(shallow=True))
        if not elements or elements[-1][3] > len(file.head):
            return
        explicit = file.encoding.explicit
        fixed = [each for element in elements for each in fixed_bytes(element, explicit=explicit)]
        if max(after for _, after in fixed) > len(file.head):
            return
        if len(self._known) >= _KEYS:
            self._known.clear()
        known = self._known.setdefault(_key(file), [])
        known.insert(0, (Sameness(file.head, elements[-1][3], fixed), elements))
        del known[_MOST:]


def _key(file: Part10File) -> tuple[int, int, str]:
    """Return what has to be the same beside the bytes: where the data set begins and ends, and its syntax."""
    return file.data_set_offset, file.data_set_end, file.transfer_syntax

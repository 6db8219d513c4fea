"""The elements of a file's data set, to be gone through more than once; and where they end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.codecs.frames import PIXEL_TAGS
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.syntax import IMPLICIT
from dcmtools.encoding.tags import format_tag
from dcmtools.encoding.walker import Walker
from dcmtools.errors import InputError, MalformedError
from dcmtools.files.instance import all_zero

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.encoding.element import Element, Source
    from dcmtools.encoding.syntax import Encoding
    from dcmtools.files.part10 import Part10File

_FIRST_GROUP: Final = 0x00010000
_MOST_HELD: Final = 100_000  # elements
_MOST_BYTES: Final = 32 * 1024 * 1024
_MOST_TAILS: Final = 3  # faults, each in front of the one before
_LONGEST: Final = 64 * 1024


class Batch(NamedTuple):
    """Elements of one window, the bytes from ``base`` that they were found in, and the offset behind them."""

    elements: list[Element]
    data: bytes
    base: int
    after: int


class Elements:
    """The elements of a data set up to its end, which is not always that of the file.

    ``top`` has those at the top by tag, the first where one stands twice. ``tail`` is the number of bytes
    behind the last that are no elements. Of those ``asked`` for somebody wanted to know the value.
    """

    def __init__(self, file: Part10File) -> None:
        """Walk the data set, and look where it ends.

        Bytes that are not elements may follow pixel data, and zeros anything. Raises MalformedError for any
        other fault, and what ``file.body`` does.
        """
        self.source: Source
        self.source, self.start, end = file.body()
        self._head = file.head if self.source is file.source else b""
        self.encoding: Encoding = file.encoding
        self.top: dict[int, Element] = {}
        self.asked: set[int] = set()
        self._ends: dict[int, int] = {}  # where those without length end
        self.end = end
        self._batches: list[Batch] = []
        self._complete = False
        for left in range(_MOST_TAILS, -1, -1):
            try:
                self._read()
                break
            except MalformedError as error:
                if not left or not self.start < error.offset < self.end:
                    raise
                fault = error
                self.end = error.offset
        if self.end < end and not self._is_tail(self.end):
            raise fault
        self.tail = end - self.end

    def _walker(self) -> Walker:
        walker = Walker(self.source, self.start, self.end, self.encoding)
        if self._head:
            walker.begin_in(self._head)
        return walker

    def _read(self) -> None:
        """Keep the elements, unless they are very many, and know those at the top."""
        self.top.clear()
        self._batches.clear()
        walker, top = self._walker(), self.top
        last = count = size = 0
        while elements := walker.read():
            count += len(elements)
            size += len(walker.data)
            self._complete = count <= _MOST_HELD and size <= _MOST_BYTES
            if self._complete:
                self._batches.append(Batch(elements, walker.data, walker.base, walker.position))
            else:
                self._batches.clear()
            for element in elements:
                if element[5]:
                    continue
                tag = element[0]
                if not element[1]:
                    self._ends[last] = element[2]
                elif tag > last:
                    top[tag] = element
                    last = tag
                else:
                    self._check_order(tag, element[2])
                    top.setdefault(tag, element)
        if top and min(top) < _FIRST_GROUP:
            first = top[min(top)]
            where = format_tag(first[0])
            raise InputError(f"offset {first[2]}, {where}: a data set has no elements of this group")

    def _check_order(self, tag: int, at: int) -> None:
        """Fail where an element that does not come behind those before it begins the tail."""
        if tag < _FIRST_GROUP or any(each in self.top for each in PIXEL_TAGS):
            raise MalformedError("it stands behind elements of higher tags", offset=at, path=format_tag(tag))

    def _is_tail(self, at: int) -> bool:
        """Tell whether what begins at ``at`` may be left out: behind pixel data, or beginning with zeros."""
        if any(tag in self.top for tag in PIXEL_TAGS):
            return True
        if not self.top:
            return False
        return all_zero(self.source, at) or self.source.read(at, min(8, self.source.size - at)) == bytes(8)

    def batches(self) -> Iterator[Batch]:
        """Yield the elements, window by window."""
        if self._complete:
            yield from self._batches
            return
        walker = self._walker()
        while elements := walker.read():
            yield Batch(elements, walker.data, walker.base, walker.position)

    def value(self, tag: int) -> bytes:
        """Return the value of an element at the top as it stands; empty for none, and for a long one."""
        self.asked.add(tag)
        element = self.top.get(tag)
        if element is None or element[4] == UNDEFINED or element[4] > _LONGEST:
            return b""
        return self.bytes(element[3], element[4])

    def items(self, tag: int) -> bytes:
        """Return the items of a sequence at the top; empty for none, and for more than 64 KiB of them."""
        self.asked.add(tag)
        element = self.top.get(tag)
        if element is None or element[4] != UNDEFINED:
            return self.value(tag)
        length = self._ends.get(tag, element[3]) - element[3]
        return self.bytes(element[3], length) if length <= _LONGEST else b""

    def encoding_in(self, sequence: Element, encoding: Encoding) -> Encoding:
        """Return the encoding of the items of ``sequence``, which another has under VR UN (PS3.5 6.2.2)."""
        is_unknown = encoding.explicit and self.bytes(sequence[2] + 4, 2) == b"UN"
        return IMPLICIT if is_unknown else encoding

    def bytes(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset``."""
        for batch in self._batches:
            begin = offset - batch.base
            if begin >= 0 and begin + length <= len(batch.data) and offset + length <= self.source.size:
                return batch.data[begin : begin + length]
        return self.source.read(offset, length)

    def text(self, tag: int) -> str:
        """Return an ASCII value at the top, without padding."""
        return self.value(tag).decode("latin-1").strip(" \0")

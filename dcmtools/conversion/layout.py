"""Where the elements at the top of a data set stand, and the functional groups of each frame.

A walk over the file tells; from then on the data set of each frame is put together of what is new in it and
the spans of the file that stay.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.editing.derivation import PER_FRAME
from dcmtools.editing.pieces import Pieces, Splice
from dcmtools.encoding.element import NO_STOP, UNDEFINED, Span
from dcmtools.encoding.tags import DIGITAL_SIGNATURES, ITEM, format_tag, is_creator, is_retired_length
from dcmtools.encoding.walker import Walker
from dcmtools.errors import InputError, MalformedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dcmtools.files.part10 import Part10File

SHARED: Final = 0x52009229
LONGEST_GROUPS: Final = 4 * 1024 * 1024  # of a frame: decoded they may take 45 times that in memory


class Cut(NamedTuple):
    """What is from ``begin`` to ``after`` in a source, of which ``keep`` to ``kept`` stays.

    ``before`` and ``behind`` are put around what stays.
    """

    begin: int
    keep: int
    kept: int
    after: int
    before: bytes
    behind: bytes


class _Extent(NamedTuple):
    at: int
    value: int
    end: int


class Layout:
    """The elements at the top of the data set of ``file``, and the functional groups of its frames."""

    def __init__(self, file: Part10File) -> None:
        """Walk the data set to its end.

        Raises what the walk does, and MalformedError where elements are not in the order of their tags.
        """
        self.source, self._start, _ = file.body()
        self._encoding = file.encoding
        self._tags: list[int] = []
        self._extents: dict[int, _Extent] = {}
        for tag, vr, at, value, length, depth in file.walk(shallow=True):
            if depth:
                continue
            if not vr:  # the delimiter of what was of undefined length
                last = self._tags[-1]
                self._extents[last] = self._extents[last]._replace(end=value)
                continue
            if self._tags and tag <= self._tags[-1]:
                before = format_tag(self._tags[-1])
                message = f"stands after {before}; only a data set in the order of its tags is split"
                raise MalformedError(message, offset=at, path=format_tag(tag))
            self._tags.append(tag)
            self._extents[tag] = _Extent(at, value, value + (length if length != UNDEFINED else 0))
        self._begins = array("Q")

    @property
    def stale(self) -> list[int]:
        """The tags of what is not true of any part: lengths of groups, digital signatures."""
        return [tag for tag in self._tags if is_retired_length(tag) or tag == DIGITAL_SIGNATURES]

    @property
    def creators(self) -> list[int]:
        """The tags that reserve blocks of private elements."""
        return [tag for tag in self._tags if is_creator(tag)]

    def __contains__(self, tag: int) -> bool:
        """Tell whether there is such an element at the top."""
        return tag in self._extents

    def value(self, tag: int) -> Span | None:
        """Return where the value of an element stands, None where there is no such element."""
        extent = self._extents.get(tag)
        return Span(extent.value, extent.end - extent.value) if extent else None

    def in_group(self, group: int) -> list[int]:
        """Return the tags of the elements in a group."""
        first, after = bisect_left(self._tags, group << 16), bisect_left(self._tags, (group + 1) << 16)
        return self._tags[first:after]

    def find_groups(self) -> int:
        """Find the functional groups, and return of how many frames they tell.

        Raises InputError where they stand under VR UN, and what walking them does.
        """
        if PER_FRAME not in self._extents:
            return 0
        at, _, end = self._extents[PER_FRAME]
        if self._encoding.explicit and self.source.read(at + 4, 2) != b"SQ":
            hint = "'dcmtools modify --repair' finds out what is under VR UN"
            raise InputError(f"{format_tag(PER_FRAME)} stands under VR UN, where it is not read", hint=hint)
        begins = array("Q")
        for tag, vr, begin, _, _, depth in Walker(self.source, at, end, self._encoding):
            if depth == 1 and tag == ITEM:
                begins.append(begin)
            elif not (vr or depth):
                end = begin
        begins.append(end)
        self._begins = begins
        return len(begins) - 1

    def groups_of(self, index: int) -> bytes:
        """Return the item of a frame as it stands; raise InputError for one that is too long."""
        begin, end = self._begins[index], self._begins[index + 1]
        if end - begin > LONGEST_GROUPS:
            raise InputError(f"the functional groups of frame {index + 1} have {end - begin} bytes, too many")
        return self.source.read(begin, end - begin)

    def splice(self, changes: Mapping[int, bytes], cut: Cut) -> Splice:
        """Return the data set with each element of ``changes`` in its place, none where it is empty.

        Of the pixel data there is what ``cut`` leaves. Tags behind those of pixel data cannot be changed but
        to nothing.
        """
        pieces = Pieces(self._start)
        done = False
        for tag in sorted(changes):
            extent = self._extents.get(tag)
            begin = extent.at if extent else self._place(tag)
            if begin > cut.begin and not done:
                _put(pieces, cut)
                done = True
            pieces.replace(begin, extent.end if extent else begin, changes[tag])
        if not done:
            _put(pieces, cut)
        pieces.replace(self._extents[self._tags[-1]].end, NO_STOP, b"")
        return Splice(self.source, pieces)

    def _place(self, tag: int) -> int:
        """Return where an element goes that is not there yet."""
        number = bisect_left(self._tags, tag)
        if number == len(self._tags):
            return self._extents[self._tags[-1]].end
        return self._extents[self._tags[number]].at


def _put(pieces: Pieces, cut: Cut) -> None:
    pieces.replace(cut.begin, cut.keep, cut.before)
    pieces.replace(cut.kept, cut.after, cut.behind)

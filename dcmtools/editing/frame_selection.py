"""Some of the frames of an image, and what a data set says of each (PS3.3 C.7.6.6, C.7.6.16)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.editing.derivation import PER_FRAME
from dcmtools.editing.overlays import OVERLAY_GROUPS
from dcmtools.editing.splice import Edit
from dcmtools.encoding.memory import MemorySource
from dcmtools.encoding.tags import ITEM, format_tag
from dcmtools.encoding.values import NUMBERS, TEXT_VRS, number_struct, numbers
from dcmtools.encoding.walker import Walker
from dcmtools.encoding.writing import element
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dcmtools.editing.derivation import Top

NUMBER_OF_FRAMES: Final = 0x00280008
FRAME_INCREMENT_POINTER: Final = 0x00280009
DIMENSION_ORGANIZATION: Final = 0x00209311
_PART: Final = r"(-?[0-9]{1,9})(?:-(-?[0-9]{1,9}))?"
_MOST_POINTERS: Final = 32
_OVERLAY_FRAMES: Final = 0x0015
# What tells of frames by numbers: Start and Stop Trim, Representative Frame, Frame Numbers of Interest.
NUMBERS_OF_FRAMES: Final = (0x00082142, 0x00082143, 0x00286010, 0x00286020, 0x00286022, 0x00286023)


class Selection(NamedTuple):
    """Ranges of frames, first and last, counted from 1, or from -1 at the end."""

    ranges: tuple[tuple[int, int], ...]

    def of(self, count: int) -> list[int]:
        """Return the indices, from 0 and in order, among ``count`` frames; raises InputError beyond them."""
        chosen: set[int] = set()
        for first, last in self.ranges:
            begin, end = (each - 1 if each > 0 else count + each for each in (first, last))
            if not 0 <= begin <= end < count:
                text = f"{first}" if first == last else f"{first}-{last}"
                raise InputError(f"there is no frame {text}: the image has {count}")
            chosen.update(range(begin, end + 1))
        return sorted(chosen)


def parse(text: str) -> Selection:
    """Return the selection that ``text`` is, such as ``1,5-9,-1``; raises ValueError where it is none."""
    ranges = []
    for part in text.split(","):
        match = re.fullmatch(_PART, part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not (first and last) or (first > last and (first > 0) == (last > 0)):
            message = f"{text!r} is no choice of frames"
            raise ValueError(message)
        ranges.append((first, last))
    return Selection(tuple(ranges))


def selecting_edits(top: Top, chosen: Sequence[int], count: int) -> Iterator[Edit]:
    """Yield what leaves in the data set of ``count`` frames only what is about those ``chosen``.

    Raises InputError where what is said of frames cannot be told apart.
    """
    require_apart(top)
    for group in OVERLAY_GROUPS:
        if top.text(group << 16 | _OVERLAY_FRAMES) not in ("", "1"):
            raise InputError(
                f"the overlay ({group:04x},0015) has frames of its own, which are not chosen here"
            )
    yield Edit(NUMBER_OF_FRAMES, "IS", str(len(chosen)).encode())
    yield from (Edit(tag, top.vr(tag), None) for tag in NUMBERS_OF_FRAMES if top.has(tag))
    if top.has(PER_FRAME):
        yield Edit(PER_FRAME, "SQ", _chosen_items(top, chosen, count))
    for tag, values in vectors(top, count).items():
        joint = b"\\" if top.vr(tag) in TEXT_VRS else b""
        yield Edit(tag, top.vr(tag), joint.join([values[index] for index in chosen]))


def require_apart(top: Top) -> None:
    """Raise InputError where frames mean nothing without the others."""
    if top.text(DIMENSION_ORGANIZATION) == "TILED_FULL":
        raise InputError(
            "the frames of a TILED_FULL image are where they are by their number: all are needed"
        )


def vectors(top: Top, count: int) -> dict[int, list[bytes]]:
    """Return the values of what Frame Increment Pointer names that has one for each of ``count`` frames."""
    pointers = numbers("AT", top.raw(FRAME_INCREMENT_POINTER), top.encoding.order)
    tags = list(dict.fromkeys(map(int, pointers)))[:_MOST_POINTERS]
    return {tag: values for tag in tags if len(values := _values(top, tag)) == count}


def _values(top: Top, tag: int) -> list[bytes]:
    """Return the values of a vector that has one for each frame."""
    vr = top.vr(tag)
    if vr in TEXT_VRS:
        return top.raw(tag, 1 << 24).rstrip(b" \0").split(b"\\")
    if vr not in NUMBERS:
        return []
    size, raw = number_struct(vr, "<").size, top.raw(tag, 1 << 24)
    return [raw[at : at + size] for at in range(0, len(raw), size)]


def _chosen_items(top: Top, chosen: Sequence[int], count: int) -> bytes:
    """Return the functional groups of the frames that are chosen."""
    raw = top.items(PER_FRAME)
    whole = element(PER_FRAME, "SQ", raw, top.encoding)
    begins, end = [], len(whole)
    for tag, _, at, _, _, depth in Walker(MemorySource(whole), 0, end, top.encoding):
        if depth == 1 and tag == ITEM:
            begins.append(at)
    if len(begins) != count:
        raise InputError(f"{format_tag(PER_FRAME)} tells of {len(begins)} frames, and there are {count}")
    begins.append(end)
    return b"".join([whole[begins[index] : begins[index + 1]] for index in chosen])

"""What a data set says of several frames, when one leaves them (PS3.3 C.7.6.5, C.7.6.6, C.7.6.16)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.conversion.classes import CAPTURES, NM, RT_DOSE, Way
from dcmtools.conversion.classic import normal_of
from dcmtools.conversion.described import decimal
from dcmtools.conversion.nuclear import tell_alone
from dcmtools.editing.derivation import EXTREMES, PER_FRAME
from dcmtools.editing.frame_selection import (
    DIMENSION_ORGANIZATION,
    FRAME_INCREMENT_POINTER,
    NUMBER_OF_FRAMES,
    NUMBERS_OF_FRAMES,
    vectors,
)
from dcmtools.editing.icons import ICON_IMAGE_SEQUENCE
from dcmtools.editing.splice import Edit
from dcmtools.encoding.dictionary import tag_of
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.conversion.classes import Becoming
    from dcmtools.conversion.described import Described
    from dcmtools.editing.derivation import Top

CONCATENATION: Final = (0x00200242, 0x00209161, 0x00209162, 0x00209163, 0x00209228)
FRAME_OFFSET: Final = 0x00209228
# How frames follow one another, and which are masks of others: C.7.6.5, C.7.6.6, C.7.6.10.
_CINE: Final = (
    *(0x00082144, 0x00180040, 0x00180072, 0x00181063, 0x00181065, 0x00181066, 0x00181067, 0x00181244),
    *(FRAME_INCREMENT_POINTER, 0x00281090, 0x00286100, 0x003A0300),
)
_OF_DIMENSIONS: Final = (0x00209221, 0x00209222, DIMENSION_ORGANIZATION, 0x52009229, PER_FRAME)
_FRAME_TIME_VECTOR: Final = 0x00181065
_GRID: Final = "GridFrameOffsetVector"
# Angles that a frame has changed by, and of what.
_INCREMENTS: Final = (
    ("PositionerPrimaryAngleIncrement", "PositionerPrimaryAngle"),
    ("PositionerSecondaryAngleIncrement", "PositionerSecondaryAngle"),
)


class MultiFrame:
    """What is said of all frames of an image at the top, to be said of one."""

    def __init__(self, top: Top, whole: Described, count: int, becoming: Becoming) -> None:
        """Read what there is for each of the ``count`` frames of the ``whole`` image."""
        self._top = top
        self._count = count
        self._way = becoming.way
        self._vectors = {} if self._way is Way.RESOLVED else vectors(top, count)
        self._class = becoming.sop_class_uid
        self._angles: list[tuple[str, str, list[float]]] = []
        self._offsets: list[float] = []
        if self._way is not Way.RESOLVED:
            found = [(steps, what, whole.numbers(steps)) for steps, what in _INCREMENTS]
            self._angles = [each for each in found if len(each[2]) == count]
            if self._class == RT_DOSE and len(offsets := whole.numbers(_GRID)) == count:
                self._offsets = offsets

    def tell(self, frame: Described, index: int) -> None:
        """Have ``frame`` say what is true of that one; raises InputError where that cannot be told."""
        self._remove(frame, *NUMBERS_OF_FRAMES, *CONCATENATION)
        if self._count > 1:
            self._remove(frame, *EXTREMES, ICON_IMAGE_SEQUENCE)
        self._pick(frame, index)
        if self._offsets:
            self._move_dose(frame, index)
        for steps, what, by in self._angles:
            if (angle := frame.number(what)) is not None:
                frame.put(what, decimal(angle + by[index]))
                frame.put("PositionerMotion", "STATIC")
                frame.remove(tag_of(steps))
        if self._way is Way.KEPT:
            self._keep(frame)
            return
        self._remove(frame, NUMBER_OF_FRAMES, *_CINE)
        if self._way is Way.RESOLVED:
            self._remove(frame, *_OF_DIMENSIONS)

    def _keep(self, frame: Described) -> None:
        """Have a multi-frame image of one frame."""
        frame.put("NumberOfFrames", 1)
        if self._class == NM:
            tell_alone(frame)
        elif self._class in CAPTURES:
            self._remove(frame, *_CINE)

    def _remove(self, frame: Described, *tags: int) -> None:
        frame.remove(*(tag for tag in tags if self._top.has(tag)))

    def _pick(self, frame: Described, index: int) -> None:
        """Have of each vector the value of the frame; a cine of one begins with no time."""
        for tag, values in self._vectors.items():
            value = b"0" if tag == _FRAME_TIME_VECTOR else values[index]
            frame.edit(Edit(tag, self._top.vr(tag), value))

    def _move_dose(self, frame: Described, index: int) -> None:
        """Put the plane where Grid Frame Offset Vector has it (C.8.8.3.2).

        That counts from the first plane along the normal or, beginning with its place, on the z axis.
        """
        place, normal = frame.numbers("ImagePositionPatient"), normal_of(frame)
        first, offset = self._offsets[0], self._offsets[index]
        if len(place) != 3 or not normal:
            raise InputError("a dose grid is nowhere: Image Position and Orientation (Patient) are missing")
        if first and first != place[2]:
            raise InputError("Grid Frame Offset Vector begins neither with 0 nor with the place of the grid")
        moved = (
            [*place[:2], offset] if first else [a + offset * b for a, b in zip(place, normal, strict=True)]
        )
        frame.put("ImagePositionPatient", [decimal(each) for each in moved])
        if self._way is Way.KEPT:
            frame.put(_GRID, moved[2] if first else 0)
        else:
            frame.remove(tag_of(_GRID))

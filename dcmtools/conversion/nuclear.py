"""One frame of a nuclear medicine image (PS3.3 C.8.4.8): which window, detector, rotation and slice it is of.

Its vectors count from 1 (C.8.4.8.1.1), so those of one frame say 1, and what they pointed to is all there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.conversion.classic import normal
from dcmtools.conversion.described import decimal
from dcmtools.encoding.dataset import made, text, values

if TYPE_CHECKING:
    from dcmtools.conversion.described import Described
    from dcmtools.encoding.dataset import DataSet

# By vector what says how many there are, and the sequence that has an item for each.
_VECTORS: Final = {
    "EnergyWindowVector": ("NumberOfEnergyWindows", "EnergyWindowInformationSequence"),
    "DetectorVector": ("NumberOfDetectors", "DetectorInformationSequence"),
    "PhaseVector": ("NumberOfPhases", "PhaseInformationSequence"),
    "RotationVector": ("NumberOfRotations", "RotationInformationSequence"),
    "RRIntervalVector": ("NumberOfRRIntervals", ""),
    "TimeSlotVector": ("NumberOfTimeSlots", ""),
    "SliceVector": ("NumberOfSlices", ""),
    "AngularViewVector": ("", ""),
    "TimeSliceVector": ("", ""),
}


def tell_alone(frame: Described) -> None:
    """Have ``frame``, whose vectors have its values, speak of itself alone."""
    numbers = {vector: round(frame.number(vector) or 0) for vector in _VECTORS}
    for vector, (count, sequence) in _VECTORS.items():
        number = numbers[vector]
        if not number:
            continue
        frame.put(vector, 1)
        if count and frame.has(count):
            frame.put(count, 1)
        if sequence and len(items := frame.items(sequence)) >= number:
            frame.put(sequence, [items[number - 1]])
    if numbers["SliceVector"] > 1:
        _move(frame, numbers["SliceVector"] - 1)
    if numbers["AngularViewVector"]:
        _turn(frame, numbers["AngularViewVector"] - 1)
    for phase in frame.items("PhaseInformationSequence")[:1] if numbers["PhaseVector"] else ():
        _change(frame, "PhaseInformationSequence", phase, made(NumberOfFramesInPhase=1))


def _move(frame: Described, steps: int) -> None:
    """Put the slice where it is, so many slices from the first."""
    for detector in frame.items("DetectorInformationSequence")[:1]:
        place, axes = _floats(detector, "ImagePositionPatient"), _floats(detector, "ImageOrientationPatient")
        spacing = frame.number("SpacingBetweenSlices")
        if len(place) == 3 and spacing is not None and (along := normal(axes)):
            moved = [a + steps * spacing * b for a, b in zip(place, along, strict=True)]
            place_text = [decimal(each) for each in moved]
            _change(frame, "DetectorInformationSequence", detector, made(ImagePositionPatient=place_text))


def _turn(frame: Described, steps: int) -> None:
    """Have the rotation begin, and end, with the view that the frame is."""
    for rotation in frame.items("RotationInformationSequence")[:1]:
        start, step = _floats(rotation, "StartAngle"), _floats(rotation, "AngularStep")
        new = made(NumberOfFramesInRotation=1)
        if len(start) == len(step) == 1:
            way = -1 if text(rotation, "RotationDirection") == "CW" else 1
            new.update(made(StartAngle=decimal((start[0] + way * steps * step[0]) % 360)))
        _change(frame, "RotationInformationSequence", rotation, new)


def _change(frame: Described, sequence: str, item: DataSet, new: DataSet) -> None:
    item.update(new)
    frame.put(sequence, [item])


def _floats(item: DataSet, keyword: str) -> list[float]:
    try:
        return [float(each) for each in values(item, keyword)]
    except ValueError:
        return []

"""What a frame becomes that leaves its image: which SOP class is the classic or single-frame one of which."""

from __future__ import annotations

from enum import Enum, unique
from typing import Final, NamedTuple

_IMAGE: Final = "1.2.840.10008.5.1.4.1.1."


@unique
class Way(Enum):
    """What becomes of the data set around a frame."""

    RESOLVED = "resolved"
    """What functional groups say goes to the top, as in the classic class."""
    SINGLE = "single"
    """What is about several frames goes."""
    KEPT = "kept"
    """It stays a multi-frame image, of one frame."""


class Becoming(NamedTuple):
    """The SOP class of a frame's own instance, and the ``way`` there."""

    sop_class_uid: str
    way: Way


CT: Final = f"{_IMAGE}2"
MR: Final = f"{_IMAGE}4"
PET: Final = f"{_IMAGE}128"
XA: Final = f"{_IMAGE}12.1"
# Whose frames follow one another only where there are several (PS3.3 C.8.6.3).
CAPTURES: Final = frozenset(f"{_IMAGE}7.{each}" for each in (1, 2, 3, 4))
NM: Final = f"{_IMAGE}20"
RT_DOSE: Final = f"{_IMAGE}481.2"
# What an enhanced image is in the classic family (PS3.3 A.36, A.38, A.47, A.48, A.56, A.70 to A.72).
_CLASSIC: Final = {
    f"{_IMAGE}2.1": CT,
    f"{_IMAGE}2.2": CT,
    f"{_IMAGE}4.1": MR,
    f"{_IMAGE}4.4": MR,
    f"{_IMAGE}130": PET,
    f"{_IMAGE}128.1": PET,
    f"{_IMAGE}12.1.1": XA,
    f"{_IMAGE}12.2.1": f"{_IMAGE}12.2",
}
# Those that have a class for one frame: ultrasound, secondary capture, video of visible light.
_APART: Final = {
    f"{_IMAGE}3.1": f"{_IMAGE}6.1",
    f"{_IMAGE}7.1": f"{_IMAGE}7",
    f"{_IMAGE}7.2": f"{_IMAGE}7",
    f"{_IMAGE}7.3": f"{_IMAGE}7",
    f"{_IMAGE}7.4": f"{_IMAGE}7",
    f"{_IMAGE}77.1.1.1": f"{_IMAGE}77.1.1",
    f"{_IMAGE}77.1.2.1": f"{_IMAGE}77.1.2",
    f"{_IMAGE}77.1.4.1": f"{_IMAGE}77.1.4",
}
# Of one frame by their definition, which some files of them do not know.
_OF_ONE: Final = frozenset(
    _IMAGE + each
    for each in (
        *("1", "1.1", "1.1.1", "1.2", "1.2.1", "1.3", "1.3.1", "2", "4", "128", "6.1", "7"),
        *("77.1.1", "77.1.2", "77.1.3", "77.1.4"),
    )
)
_OF_ANY_NUMBER: Final = frozenset((XA, f"{_IMAGE}12.2", f"{_IMAGE}481.1", RT_DOSE))


def becoming(sop_class_uid: str, *, groups: bool, keep_class: bool = False) -> Becoming:
    """Return what a frame of an image of a SOP class becomes.

    That is an image of the same class, of one frame, where there is no other for it, where the class is to be
    kept and, of those to be resolved, where there are no functional ``groups`` to be resolved.
    """
    if keep_class:
        return Becoming(sop_class_uid, Way.KEPT)
    if sop_class_uid in _CLASSIC and groups:
        return Becoming(_CLASSIC[sop_class_uid], Way.RESOLVED)
    if sop_class_uid in _APART:
        return Becoming(_APART[sop_class_uid], Way.SINGLE)
    way = Way.SINGLE if sop_class_uid in _OF_ONE | _OF_ANY_NUMBER and not groups else Way.KEPT
    return Becoming(sop_class_uid, way)


def has_classic(sop_class_uid: str) -> bool:
    """Tell whether there is a classic class for one."""
    return sop_class_uid in _CLASSIC


def has_frames(sop_class_uid: str) -> bool:
    """Tell whether images of a class may have several frames, so that others refer to one of these."""
    return sop_class_uid not in _OF_ONE

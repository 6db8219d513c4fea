"""The Query/Retrieve information models: their SOP classes, levels and unique keys (PS3.4 C.3 and C.6)."""

from __future__ import annotations

from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

QUERY_RETRIEVE_LEVEL: Final = 0x00080052


@unique
class Level(StrEnum):
    """A query/retrieve level, as (0008,0052) names it; the order is from the top down."""

    PATIENT = "PATIENT"
    STUDY = "STUDY"
    SERIES = "SERIES"
    IMAGE = "IMAGE"


LEVELS: Final = tuple(Level)
# The one attribute of each level that tells its entities apart.
UNIQUE_KEYS: Final[Mapping[Level, int]] = {
    Level.PATIENT: 0x00100020,
    Level.STUDY: 0x0020000D,
    Level.SERIES: 0x0020000E,
    Level.IMAGE: 0x00080018,
}


class Model(NamedTuple):
    """An information model: the SOP classes of its three services, and its levels from the top down."""

    name: str
    find: str
    move: str
    get: str
    levels: tuple[Level, ...]


def _model(name: str, number: int, levels: tuple[Level, ...]) -> Model:
    root = f"1.2.840.10008.5.1.4.1.2.{number}"
    return Model(name, f"{root}.1", f"{root}.2", f"{root}.3", levels)


PATIENT_ROOT: Final = _model("patient", 1, LEVELS)
STUDY_ROOT: Final = _model("study", 2, LEVELS[1:])
PATIENT_STUDY_ONLY: Final = _model("patient-study", 3, LEVELS[:2])  # retired, and met all the same
MODELS: Final = (PATIENT_ROOT, STUDY_ROOT, PATIENT_STUDY_ONLY)

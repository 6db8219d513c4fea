"""What a search can ask for and return: what an index holds, counts or gathers (PS3.4 C.3.4 and C.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.archive.attributes import ATTRIBUTES
from dcmtools.archive.schema import TABLES, folded
from dcmtools.encoding.dictionary import lookup, tag_of
from dcmtools.query.models import Level

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Column(NamedTuple):
    """An attribute of the entities of ``level``: ``sql`` is its value, ``folded`` a name's without case.

    Of an attribute that may have ``several`` values a part of the value may be what is asked for.
    """

    tag: int
    vr: str
    level: Level
    sql: str
    several: bool
    folded: str = ""


_STUDIES: Final = "studies AS st"
_SERIES: Final = "series AS se"
_INSTANCES: Final = "instances AS i"
_ITS_SERIES: Final = f"{_SERIES} ON se.study = st.id"
_ITS_INSTANCES: Final = f"{_INSTANCES} ON i.series = se.id"
_OF_PATIENT: Final = "st.patient = patients.id"
_OF_STUDY: Final = "se.study = studies.id"
_OF_SERIES: Final = "i.series = series.id"
# Where what is below a patient, a study and a series is found.
_COUNTED: Final = {
    Level.PATIENT: (
        ("NumberOfPatientRelatedStudies", f"{_STUDIES} WHERE {_OF_PATIENT}"),
        ("NumberOfPatientRelatedSeries", f"{_STUDIES} JOIN {_ITS_SERIES} WHERE {_OF_PATIENT}"),
        (
            "NumberOfPatientRelatedInstances",
            f"{_STUDIES} JOIN {_ITS_SERIES} JOIN {_ITS_INSTANCES} WHERE {_OF_PATIENT}",
        ),
    ),
    Level.STUDY: (
        ("NumberOfStudyRelatedSeries", f"{_SERIES} WHERE {_OF_STUDY}"),
        ("NumberOfStudyRelatedInstances", f"{_SERIES} JOIN {_ITS_INSTANCES} WHERE {_OF_STUDY}"),
    ),
    Level.SERIES: (("NumberOfSeriesRelatedInstances", f"{_INSTANCES} WHERE {_OF_SERIES}"),),
}
_GATHERED: Final = (
    ("ModalitiesInStudy", "se.Modality", f"{_SERIES} WHERE {_OF_STUDY}"),
    ("SOPClassesInStudy", "i.SOPClassUID", f"{_SERIES} JOIN {_ITS_INSTANCES} WHERE {_OF_STUDY}"),
)


def _all() -> Iterator[Column]:
    for level, attributes in ATTRIBUTES.items():
        for keyword, tag, vr, _ in attributes:
            table = TABLES[level]
            name = f"{table}.{folded(keyword)}" if vr == "PN" else ""
            yield Column(tag, vr, level, f"{table}.{keyword}", _has_several(tag), name)
    for level, counts in _COUNTED.items():
        for keyword, rows in counts:
            # As text, which all other values are.
            yield _computed(keyword, level, f"(SELECT CAST(count(*) AS TEXT) FROM {rows})")
    for keyword, value, rows in _GATHERED:
        distinct = f"SELECT DISTINCT {value} AS v FROM {rows} AND {value} <> '' ORDER BY v"
        yield _computed(keyword, Level.STUDY, f"(SELECT group_concat(v, '\\') FROM ({distinct}))")


def _computed(keyword: str, level: Level, sql: str) -> Column:
    tag = tag_of(keyword)
    return Column(tag, lookup(tag)[0], level, sql, _has_several(tag))


def _has_several(tag: int) -> bool:
    return lookup(tag)[1] != "1"


COLUMNS: Final[Mapping[int, Column]] = {column.tag: column for column in _all()}
# Which time a date goes with, in combined date-time matching.
TIMES: Final[Mapping[int, int]] = {
    tag_of(f"{name}Date"): tag_of(f"{name}Time")
    for name in (
        "PatientBirth",
        "Study",
        "Series",
        "PerformedProcedureStepStart",
        "Content",
        "Acquisition",
        "InstanceCreation",
    )
}

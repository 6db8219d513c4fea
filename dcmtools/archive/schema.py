"""The tables of an archive's index: one for each query/retrieve level, a row for each entity.

Columns are named by the keywords of what they hold: the values as Unicode text, without padding and with a
backslash between several, NULL for none (but in what makes a row unique); of a sequence the items, in
Explicit VR Little Endian and UTF-8. What names a person stands there once more, ``folded``, for matching
without regard to letter case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.archive.attributes import ATTRIBUTES
from dcmtools.query.models import LEVELS, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.archive.attributes import Attribute

# What an index must have been written as: one of another version is made anew.
VERSION: Final = 1
FILE: Final = ".index.sqlite"
TABLES: Final = {
    Level.PATIENT: "patients",
    Level.STUDY: "studies",
    Level.SERIES: "series",
    Level.IMAGE: "instances",
}
# The column of each table that says which entity of the level above the row belongs to.
PARENTS: Final = {Level.STUDY: "patient", Level.SERIES: "study", Level.IMAGE: "series"}
# What the archive itself knows of an instance; ``path`` is relative to its folder.
OWN_COLUMNS: Final = ("path", "transfer_syntax_uid", "size", "mtime_ns")
_SOUGHT: Final = {
    Level.PATIENT: ("PatientNameFolded",),
    Level.STUDY: ("StudyInstanceUID", "StudyDate", "AccessionNumber"),
    Level.SERIES: ("SeriesInstanceUID",),
    Level.IMAGE: ("SOPInstanceUID",),
}
_UNIQUE: Final = {
    Level.PATIENT: "PatientID",
    Level.STUDY: "patient, StudyInstanceUID",
    Level.SERIES: "study, SeriesInstanceUID",
    Level.IMAGE: "path",
}


def folded(keyword: str) -> str:
    """Return the name of the column that holds a person's name casefolded."""
    return f"{keyword}Folded"


def columns(level: Level) -> tuple[str, ...]:
    """Return the columns of the table for ``level`` that are written with a row, the parent first."""
    parent = (PARENTS[level],) if level in PARENTS else ()
    own = OWN_COLUMNS if level is Level.IMAGE else ()
    return (*parent, *[name for each in ATTRIBUTES[level] for name in _columns_of(each)], *own)


def _columns_of(attribute: Attribute) -> tuple[str, ...]:
    if attribute.vr == "PN":
        return attribute.keyword, folded(attribute.keyword)
    return (attribute.keyword,)


def statements() -> Iterator[str]:
    """Yield the statements that make the tables and their indexes in an empty database."""
    for level in LEVELS:
        table = TABLES[level]
        described = ["id INTEGER PRIMARY KEY", *columns(level), f"UNIQUE ({_UNIQUE[level]})"]
        yield f"CREATE TABLE {table} ({', '.join(described)})"
        for column in (*_SOUGHT[level], *([PARENTS[level]] if level is Level.IMAGE else [])):
            yield f"CREATE INDEX {table}_{column} ON {table} ({column})"
    yield "CREATE TABLE folders (path PRIMARY KEY, mtime_ns) WITHOUT ROWID"
    yield f"PRAGMA user_version = {VERSION}"

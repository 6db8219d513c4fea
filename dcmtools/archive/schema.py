"""The tables of an archive's index: one for each query/retrieve level, a row for each entity.

Columns are named by the keywords of what they hold: the values as Unicode text, without padding and with a
backslash between several, NULL for none (but in what makes a row unique); of a sequence a data set that holds
it alone, in Explicit VR Little Endian and UTF-8. What names a person stands there once more, ``folded``, for
matching without regard to letter case.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from dcmtools.archive.attributes import ATTRIBUTES
from dcmtools.query.models import LEVELS, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.archive.attributes import Attribute

# What an index must have been written as: one of another version is made anew.
VERSION: Final = 1
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
    """Return the name of the column that holds ``matching.folded_name`` of a person's name."""
    return f"{keyword}Folded"


def in_scripts(column: str) -> str:
    """Return the condition that a folded name has more than one component group (PS3.5 6.2.1)."""
    return f"instr({column}, '=') > 0"


def columns(level: Level) -> tuple[str, ...]:
    """Return the columns of the table for ``level`` that are written with a row, the parent first."""
    parent = (PARENTS[level],) if level in PARENTS else ()
    own = OWN_COLUMNS if level is Level.IMAGE else ()
    return (*parent, *[name for each in ATTRIBUTES[level] for name in _columns_of(each)], *own)


def _columns_of(attribute: Attribute) -> tuple[str, ...]:
    if attribute.vr == "PN":
        return attribute.keyword, folded(attribute.keyword)
    return (attribute.keyword,)


def stamp(mtime_ns: int) -> int:
    """Return a modification time as the index holds it: in 64 bits, of which some file systems have more."""
    return (mtime_ns + 2**63) % 2**64 - 2**63


def joined(level: Level) -> str:
    """Return the table for ``level`` joined with those of all levels above it, for a FROM."""
    depth = LEVELS.index(level)
    below = [
        f" JOIN {TABLES[above]} ON {TABLES[above]}.id = {TABLES[lower]}.{PARENTS[lower]}"
        for above, lower in pairwise(LEVELS[: depth + 1])
    ]
    return TABLES[level] + "".join(reversed(below))


def statements() -> Iterator[str]:
    """Yield the statements that make the tables and their indexes in an empty database."""
    for level in LEVELS:
        table = TABLES[level]
        # Without a type a parent's number would not compare with an id by way of an index.
        typed = [f"{name} INTEGER" if name in PARENTS.values() else name for name in columns(level)]
        described = ["id INTEGER PRIMARY KEY", *typed, f"UNIQUE ({_UNIQUE[level]})"]
        yield f"CREATE TABLE {table} ({', '.join(described)})"
        for column in (*_SOUGHT[level], *([PARENTS[level]] if level is Level.IMAGE else [])):
            yield f"CREATE INDEX {table}_{column} ON {table} ({column})"
    # Of a name in several scripts each may be asked for: a range of the first does not find the others.
    name = folded("PatientName")
    yield f"CREATE INDEX patients_scripts ON patients ({name}) WHERE {in_scripts(name)}"
    yield "CREATE TABLE folders (path PRIMARY KEY, mtime_ns) WITHOUT ROWID"
    yield f"PRAGMA user_version = {VERSION}"

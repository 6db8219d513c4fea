"""Identifiers (PS3.4 C.2.2) from what a user says: matching keys, return keys, a level, a query file.

``key_of`` reads ``KEY[=VALUE]``, ``query_of`` checks what has been given and makes a ``Query`` of it, whose
``identifier`` is what a C-FIND takes. Keys are UTF-8 in here; the identifier names the character set that
they are to be written in, where one has to be named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.dataset import DataSet, encode
from dcmtools.encoding.dictionary import lookup, name_of, tag_of
from dcmtools.encoding.putting import put
from dcmtools.encoding.syntax import EXPLICIT
from dcmtools.encoding.tagpath import Step, TagPath, parse
from dcmtools.encoding.tags import SPECIFIC_CHARACTER_SET, format_tag, is_creator
from dcmtools.encoding.values import CHARSET_VRS
from dcmtools.errors import UsageError
from dcmtools.query.dates import DATE_VRS, WAYS, check_days, with_dates
from dcmtools.query.models import QUERY_RETRIEVE_LEVEL, UNIQUE_KEYS, Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dcmtools.query.models import Model

TIMEZONE_OFFSET_FROM_UTC: Final = 0x00080201
_UTF_8: Final = b"ISO_IR 192"
# What a person mostly wants to see of each level, beside its unique key.
_DEFAULTS: Final = {
    Level.PATIENT: "PatientName PatientBirthDate PatientSex",
    Level.STUDY: "PatientID PatientName StudyDate StudyTime AccessionNumber ModalitiesInStudy"
    " StudyDescription NumberOfStudyRelatedInstances",
    Level.SERIES: "Modality SeriesNumber SeriesDescription NumberOfSeriesRelatedInstances",
    Level.IMAGE: "InstanceNumber SOPClassUID",
}
# The same of models without levels (PS3.4 K, U, X), by their find SOP class; of others SOPInstanceUID alone.
_OTHER_DEFAULTS: Final = {
    "1.2.840.10008.5.1.4.31": "PatientID PatientName AccessionNumber RequestedProcedureDescription"
    " ScheduledProcedureStepSequence",
    "1.2.840.10008.5.1.4.38.2": "SOPInstanceUID SOPClassUID HangingProtocolName HangingProtocolDescription",
    "1.2.840.10008.5.1.4.39.2": "SOPInstanceUID SOPClassUID ContentLabel ContentDescription",
}
# Elements of an identifier that are about the query and no column of its answers.
_ABOUT: Final = frozenset((QUERY_RETRIEVE_LEVEL, SPECIFIC_CHARACTER_SET, TIMEZONE_OFFSET_FROM_UTC))


class Key(NamedTuple):
    """A key: where it stands in the identifier and, for matching, its value; None only asks for a return."""

    path: TagPath
    value: str | None = None


class Column(NamedTuple):
    """A key as a column of the answers: its ``name`` and the tags that lead to it."""

    name: str
    tags: tuple[int, ...]


LEVEL_COLUMN: Final = Column("QueryRetrieveLevel", (QUERY_RETRIEVE_LEVEL,))
"""That of rows of more than one level."""


class Query(NamedTuple):
    """What a user asks: ``keys`` as they were given, at the ``level`` of a ``model`` if it has levels.

    ``sop_class_uid`` is that of the C-FIND. With ``defaults`` the identifier asks for what a person mostly
    wants to see as well. ``charset`` is the Specific Character Set to write it in, empty for what it takes.
    """

    sop_class_uid: str
    model: Model | None = None
    level: Level | None = None
    keys: DataSet = DataSet()  # nobody writes to it
    defaults: bool = True
    charset: bytes = b""

    def identifier(self) -> DataSet:
        """Return the identifier: the level's unique key first, then keys as given, then those to return.

        The unique keys of the levels above are asked for last, where they are not given. Raises ValueError
        for text that cannot be written in the character set.
        """
        asked = DataSet()
        if self.level:
            asked[QUERY_RETRIEVE_LEVEL] = ("CS", self.level.encode())
            unique = UNIQUE_KEYS[self.level]
            asked[unique] = self.keys.get(unique, (lookup(unique)[0], b""))
        asked.update(self.keys)
        for tag in (*self._default_tags(), *self._tags_above()):
            vr = lookup(tag)[0]
            asked.setdefault(tag, (vr, [] if vr == "SQ" else b""))
        charset = self.charset or (b"" if is_ascii(asked) else _UTF_8)
        if charset:
            asked[SPECIFIC_CHARACTER_SET] = ("CS", charset)
        else:
            asked.pop(SPECIFIC_CHARACTER_SET, None)
        encode(asked, EXPLICIT)  # so that what cannot be written is known before anybody is asked
        return asked

    def _default_tags(self) -> Iterator[int]:
        if not self.defaults:
            return
        if not self.level:
            yield from map(tag_of, _OTHER_DEFAULTS.get(self.sop_class_uid, "SOPInstanceUID").split())
            return
        of_patients = self.model and Level.PATIENT in self.model.levels and self.level is not Level.PATIENT
        for keyword in _DEFAULTS[self.level].split():
            if not (of_patients and keyword.startswith("Patient")):
                yield tag_of(keyword)

    def _tags_above(self) -> Iterator[int]:
        levels = self.model.levels if self.model else ()
        for level in levels:
            if level is self.level:
                break
            yield UNIQUE_KEYS[level]


def key_of(text: str) -> Key:
    """Return the key that ``KEY[=VALUE]`` names; raise ValueError, saying what is wrong, where it is none."""
    name, equals, value = text.partition("=")
    if not name.strip():
        message = f"there is no key in {text[:100]!r}"
        raise ValueError(message)
    path = parse(name.strip())
    return Key(path, _dated(path.steps[-1], value) if equals else None)


def _dated(step: Step, value: str) -> str:
    vr = "" if step.creator else lookup(step.tag)[0]
    if vr not in DATE_VRS:
        return value
    dated = with_dates(value)
    if vr == "DA":
        check_days(dated)
    return dated


def query_of(
    keys: Iterable[Key],
    *,
    sop_class_uid: str = "",
    model: Model | None = None,
    level: Level | None = None,
    file: DataSet | None = None,
    charset: str = "",
) -> Query:
    """Return the query for ``keys``, which go before those of a query ``file`` in UTF-8.

    Of a ``model`` the level may stand among the keys, and is the highest where nobody names one; without a
    model ``sop_class_uid`` is that of the C-FIND. Defaults are asked for unless there is a file, or a key
    that is to be returned. Raises UsageError for a key that leads nowhere, stands twice or has a value that
    is no key for its VR, for a level that the model does not have, and for text that cannot be written in
    ``charset``.
    """
    given = DataSet()
    given.update(file or {})
    named, met = charset.encode(), set()
    keys = list(keys)
    for key in keys:
        if key.path in met:
            raise UsageError(f"{key.path} is given twice; several values are separated by backslashes")
        met.add(key.path)
        _put(given, key)
    written = given.pop(SPECIFIC_CHARACTER_SET, ("", b""))[1]
    if isinstance(written, bytes):
        named = named or written
    query = Query(
        model.find if model else sop_class_uid,
        model,
        _level(model, level, given) if model else None,
        given,
        defaults=not file and all(key.value is not None for key in keys),
        charset=named,
    )
    try:
        query.identifier()
    except ValueError as error:
        hint = "--charset 'ISO_IR 192' can write everything" if named else ""
        raise UsageError(str(error), hint=hint) from None
    return query


def _put(given: DataSet, key: Key) -> None:
    """Add ``key``; one that is only to be returned leaves a value alone that is there."""
    if any(step.item for step in key.path.steps):
        raise UsageError(f"{key.path}: a sequence has one item in a query, [0] (PS3.4 C.2.2.2.6)")
    try:
        if key.value is None and len(key.path.steps) == 1 and key.path.steps[0].tag in given:
            return
        put(given, key.path, key.value or "", matching=True)
    except ValueError as error:
        hint = WAYS if lookup(key.path.steps[-1].tag)[0] == "DA" else ""
        raise UsageError(str(error), hint=hint) from None


def _level(model: Model, level: Level | None, given: DataSet) -> Level:
    """Return the level asked for, taking it out of the keys."""
    value = given.pop(QUERY_RETRIEVE_LEVEL, ("", b""))[1]
    text = value.decode("latin-1").strip(" \0") if isinstance(value, bytes) else ""
    if text and text not in Level.__members__:
        raise UsageError(f"QueryRetrieveLevel {text!r} is none of {', '.join(Level)}")
    named = Level(text) if text else None
    if level and named and level is not named:
        raise UsageError(f"--level is {level}, and QueryRetrieveLevel {named}")
    wanted = level or named or model.levels[0]
    if wanted not in model.levels:
        have = ", ".join(model.levels)
        hint = "the patient root model (-P) has all four"
        raise UsageError(f"the {model.name} model has no level {wanted}, but {have}", hint=hint)
    return wanted


def is_ascii(data_set: DataSet) -> bool:
    """Tell whether all text in ``data_set`` is ASCII, and so the same in every character set."""
    return all(
        all(map(is_ascii, value)) if isinstance(value, list) else vr not in CHARSET_VRS or value.isascii()
        for vr, value in data_set.values()
    )


def columns_of(identifier: DataSet) -> tuple[Column, ...]:
    """Return the columns that the answers to ``identifier`` have, one for each key at the end of a path."""
    return tuple(_columns(identifier, (), ""))


def _columns(data_set: DataSet, above: tuple[int, ...], names: str) -> Iterator[Column]:
    for tag, (_, value) in data_set.items():
        if tag in _ABOUT or is_creator(tag):
            continue
        name = names + (lookup(tag)[2] or format_tag(tag))
        if isinstance(value, list) and any(value):
            yield from _columns(value[0], (*above, tag), f"{name}.")
        else:
            yield Column(name, (*above, tag))


def missing_above(query: Query, identifier: DataSet) -> list[str]:
    """Return the names of the unique keys above the level that have no single value (PS3.4 C.4.1.2.1)."""
    missing = []
    for level in query.model.levels if query.model else ():
        if level is query.level:
            break
        value = identifier[UNIQUE_KEYS[level]][1]
        if not value or not isinstance(value, bytes) or any(mark in value for mark in b"*?\\"):
            missing.append(name_of(UNIQUE_KEYS[level]).partition(" ")[0])
    return missing

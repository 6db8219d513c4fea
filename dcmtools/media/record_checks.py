"""Whether the keys of a directory record are there, and values of theirs (PS3.3 F.5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.charset import decoder_named, unpadded
from dcmtools.encoding.checking import check_element
from dcmtools.encoding.dataset import items, text
from dcmtools.encoding.dictionary import name_of
from dcmtools.encoding.tags import (
    PATIENT_ID,
    SERIES_INSTANCE_UID,
    SPECIFIC_CHARACTER_SET,
    STUDY_INSTANCE_UID,
)
from dcmtools.encoding.values import BULK_VRS, CHARSET_VRS, NUMBERS
from dcmtools.errors import InputError
from dcmtools.files.directory_tree import PRIVATE
from dcmtools.media.findings import WARNING, of_record
from dcmtools.media.keys import ICON, KEYS
from dcmtools.media.record_keys import ISSUER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dcmtools.encoding.dataset import DataSet
    from dcmtools.files.directory import Directory
    from dcmtools.files.directory_records import Record
    from dcmtools.media.findings import Finding
    from dcmtools.media.profiles import Profile

_FIRST_KEY: Final = 0x00080000
_PRIVATE_RECORD_UID: Final = 0x00041432
_NAMED_BY: Final = {"PATIENT": PATIENT_ID, "STUDY": STUDY_INSTANCE_UID, "SERIES": SERIES_INSTANCE_UID}
_SHOWN: Final = 80
_UNDECODABLE: Final = re.compile("[\ud800-\udfff\ufffd]")
# Types of which little is said here: private ones, and those that are retired.
_OTHERS: Final = frozenset(
    (
        *(PRIVATE, "TOPIC", "PRINT QUEUE", "FILM SESSION", "FILM BOX", "IMAGE BOX", "VISIT", "RESULTS"),
        *("INTERPRETATION", "STUDY COMPONENT", "MRDR", "HL7 STRUC DOC"),
        *("OVERLAY", "MODALITY LUT", "VOI LUT", "CURVE", "STORED PRINT"),
    )
)


def is_keyed(record_type: str) -> bool:
    """Tell whether PS3.3 F.5 has records of this type, with keys of theirs, and a place in F.4."""
    return record_type in KEYS and record_type not in _OTHERS


def check_record(directory: Directory, record: Record, profile: Profile | None) -> Iterator[Finding]:
    """Yield what is wrong with the elements of a record beside those that say where it belongs.

    A ``profile`` (PS3.11) may want more of its keys, and an icon.
    """
    try:
        values = directory.values(record)
    except InputError as error:
        yield of_record(record, "encoding", error.message)
        return
    if record.type not in KEYS and record.type not in _OTHERS:
        yield of_record(record, "type", f"there is no record type {record.type[:40]!r}")
    if record.type == PRIVATE and _PRIVATE_RECORD_UID not in values:
        yield of_record(record, "element", "a private record has to have a Private Record UID (0004,1432)")
    yield from _check_keys(record, values, profile)
    yield from _check_values(record, values)


def _check_keys(record: Record, values: DataSet, profile: Profile | None) -> Iterator[Finding]:
    """Yield which keys are not there that have to be; conditions are those that can be told here."""
    if profile and profile.icon and record.type == "IMAGE" and _size_of_icon(values) != profile.icon:
        message = f"{profile.name} wants an icon of {profile.icon} by {profile.icon} pixels"
        yield of_record(record, "icon", message)
    for tag, required in _keys_of(record.type, profile):
        condition = required.endswith("C")
        if condition and not (tag == STUDY_INSTANCE_UID and not record.file_id):
            continue
        vr, value = values.get(tag, ("", None))
        if value is None and required[0] in "12":
            yield of_record(record, "key", f"the key {name_of(tag)} is not there, of type {required}")
        elif required[0] == "1" and not _has_value(vr, value):
            yield of_record(record, "key", f"the key {name_of(tag)} is empty, of type {required}")


class Entities:
    """Takes note of patients, studies and series, of which there is one record each, with others below it."""

    def __init__(self) -> None:
        """Begin with none."""
        self._met: dict[tuple[str, str, str], int] = {}

    def check(self, directory: Directory, record: Record) -> Iterator[Finding]:
        """Yield whether a record is one too many, or of what has nothing on the medium."""
        tag = _NAMED_BY.get(record.type)
        if tag is None:
            return
        if not directory.tree.has_children(record.number):
            yield of_record(record, "empty", "nothing is below it", severity=WARNING)
        try:
            texts = directory.texts(record, (tag, ISSUER))
        except InputError:
            return
        name = texts.get(tag, "").strip(" ")
        issuer = texts.get(ISSUER, "").strip(" ") if record.type == "PATIENT" else ""
        other = self._met.setdefault((record.type, name, issuer), record.number)
        if name and other != record.number:
            message = f"record {other} is of {name_of(tag)} {name[:_SHOWN]!r}, too"
            yield of_record(record, "twin", message, severity=WARNING)


def _keys_of(record_type: str, profile: Profile | None) -> Iterable[tuple[int, str]]:
    if profile is None:
        return KEYS.get(record_type, ())
    from dcmtools.media.conforming import keys_of  # with the tables of all profiles

    return keys_of(profile, record_type)


def _size_of_icon(values: DataSet) -> int:
    """Return how many rows and columns the icon of a record has, 0 if it has none, or is no square."""
    for icon in items(values, ICON):
        rows, columns = (text(icon, keyword) for keyword in ("Rows", "Columns"))
        return int(rows) if rows == columns and rows.isdecimal() else 0
    return 0


def _has_value(vr: str, value: object) -> bool:
    if isinstance(value, bytes) and vr not in NUMBERS and vr not in BULK_VRS:
        return bool(value.strip(b" \0"))
    return bool(value)


def _check_values(record: Record, values: DataSet) -> Iterator[Finding]:
    """Yield what no value of an element can be (PS3.5 6.2), or not in its character set."""
    _, term = values.get(SPECIFIC_CHARACTER_SET, ("", b""))
    terms = unpadded(term) if isinstance(term, bytes) else ""
    try:
        decode = decoder_named(terms)
    except ValueError as error:
        yield of_record(record, "charset", str(error))
        return
    for tag, (vr, value) in values.items():
        if tag < _FIRST_KEY:
            continue
        if vr in CHARSET_VRS and isinstance(value, bytes) and _UNDECODABLE.search(decode(value)):
            named = repr(terms) if terms else "the default one, as it names none"
            yield of_record(record, "charset", f"{name_of(tag)} is not in its character set: {named}")
            continue
        try:
            check_element(values, tag, counted=False)
        except ValueError as error:
            yield of_record(record, "value", str(error), severity=WARNING)

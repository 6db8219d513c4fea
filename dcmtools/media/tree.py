"""The tree of a File-set, grown file by file (PS3.3 F.4)."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.charset import decoder_of
from dcmtools.encoding.dataset import DataSet, decode, encode, meaning, text
from dcmtools.encoding.syntax import EXPLICIT
from dcmtools.encoding.tags import (
    PATIENT_ID,
    SERIES_INSTANCE_UID,
    SPECIFIC_CHARACTER_SET,
    STUDY_INSTANCE_UID,
)
from dcmtools.errors import InputError
from dcmtools.media.entries import Entry, Reference
from dcmtools.media.looking import LEVELS, Level, person
from dcmtools.media.record_keys import (
    INSTANCE_NUMBER,
    ISSUER,
    PATIENT_NAME,
    SERIES_NUMBER,
    Keys,
    encoded_keys,
)
from dcmtools.media.record_types import PRIVATE, PRIVATE_RECORD_UID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmtools.files.file_ids import FileID
    from dcmtools.media.entries import FileSet
    from dcmtools.media.looking import Facts

_NAMED_BY: Final = (PATIENT_ID, STUDY_INSTANCE_UID, SERIES_INSTANCE_UID)
_UTF_8: Final = b"ISO_IR 192"
_MOST_VARIANTS: Final = 256


class Node:
    """A record of a patient, study or series, and what has been said of it so far."""

    __slots__ = ("above", "entry", "invented", "issuer", "level", "name", "persons", "variants")

    def __init__(self, entry: Entry, above: Node | None, level: int, name: str) -> None:
        """Take the record for what ``name`` tells from others, at a level from 0, the patient's."""
        self.entry = entry
        self.above = above
        self.level = level
        self.name = name
        self.issuer = ""
        self.invented: set[int] = set()
        self.persons: set[str] = set()
        self.variants = {entry.keys}


class Added(NamedTuple):
    """A new record, what is worth a warning, and which values had to be made up for it and those above it."""

    entry: Entry
    note: str
    invented: tuple[int, ...]


class Tree:
    """A File-set to which files are added, or from which they are taken.

    ``differing`` is how often a file has another value for its patient, study or series than their record,
    each once.
    """

    def __init__(self, file_set: FileSet, charset: bytes = b"") -> None:
        """Begin with what ``file_set`` has, which is changed; its text gets into ``charset``, if given."""
        self.file_set = file_set
        self._charset = charset
        self._nodes: tuple[dict[str, Node], ...] = ({}, {})  # studies, series
        self._patients: defaultdict[str, list[Node]] = defaultdict(list)
        self._instances: dict[str, Entry] = {}
        self._above: dict[int, Node | None] = {}
        self._told: set[tuple[str, int]] = set()
        self._new: list[Node] = []
        self._siblings: dict[int, list[Entry]] = {}
        for entry in file_set.roots:
            self._learn(entry, file_set.roots, None, 0)

    @property
    def differing(self) -> int:
        """How many values of files are others than those of the records above them."""
        return len(self._told)

    def get(self, sop_instance: str) -> Entry | None:
        """Return the record for an instance, if there is one."""
        return self._instances.get(sop_instance)

    def above(self, entry: Entry) -> list[Node]:
        """Return the records above that for an instance, the patient's first."""
        found: list[Node] = []
        node = self._above.get(id(entry))
        while node:
            found.append(node)
            node = node.above
        return found[::-1]

    def _learn(self, entry: Entry, siblings: list[Entry], above: Node | None, depth: int) -> None:
        """Take note of a record that is there, among its ``siblings``, and of those below it.

        There may be records of other types between those of patient, study, series and instance.
        """
        if depth < len(LEVELS) and entry.type == LEVELS[depth]:
            keys = decode(entry.keys, EXPLICIT)
            node = Node(entry, above, depth, text(keys, _NAMED_BY[depth]))
            if depth == 0:
                node.issuer = text(keys, ISSUER)
                node.persons.add(person(text(keys, PATIENT_NAME)))
            self._index(node)
            for child in entry.children:
                self._learn(child, entry.children, node, depth + 1)
            return
        if entry.reference:
            self._instances.setdefault(entry.reference.sop_instance, entry)
            self._above[id(entry)] = above
            self._siblings[id(entry)] = siblings
        for child in entry.children:
            self._learn(child, entry.children, above, depth + 1)

    def _index(self, node: Node) -> None:
        if node.level:
            self._nodes[node.level - 1].setdefault(node.name, node)
        else:
            self._patients[node.name].append(node)

    # ------------------------------------------------------------ files in

    def add(self, facts: Facts) -> Added:
        """Return the new record for a file, in its place, without a File ID yet.

        Raises InputError where its study or series is that of another patient or study already.
        """
        self._new = []
        series, note = self._series_of(facts.levels) if facts.levels else (None, "")
        siblings = series.entry.children if series else self.file_set.roots
        keys = facts.keys.encoded
        if INSTANCE_NUMBER in facts.keys.invented:
            keys = _with(keys, INSTANCE_NUMBER, "IS", str(len(siblings) + 1))
        reference = Reference((), facts.sop_class, facts.sop_instance, facts.transfer_syntax, facts.related)
        entry = Entry(facts.type, keys, reference)
        if facts.type == PRIVATE:
            entry.private_uid = PRIVATE_RECORD_UID
        siblings.append(entry)
        self._instances[facts.sop_instance] = entry
        self._above[id(entry)] = series
        self._siblings[id(entry)] = siblings
        made_up = [tag for node in self._new for tag in sorted(node.invented)]
        return Added(entry, note, (*made_up, *facts.keys.invented))

    def _series_of(self, levels: Sequence[Level]) -> tuple[Node, str]:
        patient, study, series = levels
        studies, all_series = self._nodes
        known_study, known_series = studies.get(study.name), all_series.get(series.name)
        if known_series and (not known_series.above or known_series.above.name != study.name):
            other = known_series.above.name if known_series.above else ""
            message = f"its series is in the File-set already, as one of another study, {other}"
            raise InputError(message, hint=_AGREE)
        owner = self._owner(patient, known_study)
        note = self._note(patient, owner)
        owner = self._merged(owner, patient, None, 0)
        known_study = self._merged(known_study, study, owner, 1)
        return self._merged(known_series, series, known_study, 2), note

    def _owner(self, patient: Level, study: Node | None) -> Node | None:
        """Return the patient that a file belongs to, if there is a record for it."""
        if study:
            owner = study.above
            made_up = PATIENT_ID in patient.keys.invented or (owner and PATIENT_ID in owner.invented)
            if owner is None or (owner.name != patient.name and not made_up):
                has = f"Patient ID {owner.name!r}" if owner else "no patient"
                message = f"its study is in the File-set already, with {has}, and it has {patient.name!r}"
                raise InputError(message, hint=_AGREE)
            return owner
        alike = self._patients.get(patient.name, [])
        exactly = [node for node in alike if node.issuer == patient.issuer]
        nearly = [node for node in alike if not node.issuer or not patient.issuer]
        named = [node for node in nearly if patient.person in node.persons]
        if exactly or named:
            return (exactly or named)[0]
        return nearly[0] if len(nearly) == 1 else None  # of several nobody could tell which

    @staticmethod
    def _note(patient: Level, owner: Node | None) -> str:
        """Return what is to be said of a patient who had another name before, once for each name."""
        if owner is None or not patient.person or patient.person in owner.persons:
            return ""
        others = [name for name in owner.persons if name]
        owner.persons.add(patient.person)
        return f"Patient ID {patient.name!r} had another name before" if others else ""

    def _merged(self, node: Node | None, level: Level, above: Node | None, depth: int) -> Node:
        """Return the record for ``level``, made or filled up with what it has not had so far."""
        if node is None:
            return self._begun(level, above, depth)
        keys = level.keys.encoded
        if keys in node.variants or len(node.variants) >= _MOST_VARIANTS:
            return node
        node.variants.add(keys)
        own, other = decode(node.entry.keys, EXPLICIT), decode(keys, EXPLICIT)
        if own.charset != other.charset and SPECIFIC_CHARACTER_SET in {*own, *other}:
            own, other = _in_utf_8(own), _in_utf_8(other)
        changed = False
        for tag, (vr, value) in other.items():
            if not value or tag in level.keys.invented or tag == SPECIFIC_CHARACTER_SET:
                continue
            if tag in node.invented or not own.get(tag, ("", b""))[1]:
                own[tag] = (vr, value)
                node.invented.discard(tag)
                changed = True
            elif _meaning(tag, own) != _meaning(tag, other):
                self._told.add((node.name, tag))
        if changed:
            node.entry.keys = encoded_keys(own, self._charset)
            self._rename(node, text(own, _NAMED_BY[depth]), level)
        return node

    def _rename(self, node: Node, name: str, level: Level) -> None:
        """Take note of a Patient ID that has been made up so far, and of who gave it."""
        node.issuer = node.issuer or level.issuer
        if node.level == 0 and name != node.name:
            self._patients[node.name].remove(node)
            node.name = name
            self._index(node)

    def _begun(self, level: Level, above: Node | None, depth: int) -> Node:
        siblings = above.entry.children if above else self.file_set.roots
        keys = level.keys.encoded
        if SERIES_NUMBER in level.keys.invented:
            keys = _with(keys, SERIES_NUMBER, "IS", str(len(siblings) + 1))
        entry = Entry(LEVELS[depth], keys)
        siblings.append(entry)
        node = Node(entry, above, depth, level.name)
        node.variants.add(level.keys.encoded)
        node.invented.update(level.keys.invented)
        node.issuer = level.issuer
        node.persons.add(level.person)
        self._index(node)
        self._new.append(node)
        return node

    @staticmethod
    def settle(entry: Entry, file_id: FileID, facts: Facts | None) -> None:
        """Have a new record name its file, and say what ``facts`` do where these are others than before."""
        if facts is None:
            if entry.reference:
                entry.reference = entry.reference._replace(file_id=file_id)
            return
        entry.reference = Reference(
            file_id, facts.sop_class, facts.sop_instance, facts.transfer_syntax, facts.related
        )
        keys = facts.keys.encoded
        if INSTANCE_NUMBER in facts.keys.invented:
            keys = _with(keys, INSTANCE_NUMBER, "IS", text(decode(entry.keys, EXPLICIT), INSTANCE_NUMBER))
        entry.keys = keys

    def keep(self, entry: Entry, nodes: Sequence[Node]) -> None:
        """Have the record of another tree, as it is, below records like ``nodes``, those above it there.

        Raises InputError as ``add`` does.
        """
        levels = [
            Level(node.name, Keys(node.entry.keys), node.issuer, next(iter(node.persons), ""))
            for node in nodes
        ]
        series = self._series_of(levels)[0] if levels else None
        siblings = series.entry.children if series else self.file_set.roots
        siblings.append(entry)
        if entry.reference:
            self._instances.setdefault(entry.reference.sop_instance, entry)
        self._above[id(entry)] = series
        self._siblings[id(entry)] = siblings

    # ------------------------------------------------------------ files out

    def remove(self, entry: Entry) -> None:
        """Take out the record for an instance, and those above it that have no other below them."""
        node = self._above.pop(id(entry), None)
        if entry.reference and self._instances.get(entry.reference.sop_instance) is entry:
            del self._instances[entry.reference.sop_instance]
        self._siblings.pop(id(entry)).remove(entry)
        while node and not node.entry.children:
            (node.above.entry.children if node.above else self.file_set.roots).remove(node.entry)
            if node.level:
                self._nodes[node.level - 1].pop(node.name, None)
            else:
                self._patients[node.name].remove(node)
            node = node.above


_AGREE: Final = "dcmtools modify has them agree; else they belong on two media"


def _with(keys: bytes, tag: int, vr: str, value: str) -> bytes:
    """Return ``keys`` with one more."""
    data_set = decode(keys, EXPLICIT)
    data_set[tag] = (vr, value.encode())
    return encoded_keys(data_set)


def _meaning(tag: int, data_set: DataSet) -> object:
    vr, value = data_set[tag]
    if isinstance(value, list):
        return [encode(item, EXPLICIT, item.charset) for item in value]
    return meaning(tag, vr, value, decoder_of(data_set.charset)) or value


def _in_utf_8(data_set: DataSet) -> DataSet:
    """Return ``data_set`` with its text in UTF-8; raises InputError where it is none."""
    data_set[SPECIFIC_CHARACTER_SET] = ("CS", _UTF_8)
    try:
        return decode(encode(data_set, EXPLICIT), EXPLICIT)
    except ValueError as error:
        raise InputError(str(error)) from None

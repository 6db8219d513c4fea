"""What is to be retrieved with C-MOVE or C-GET, as the identifiers to ask for (PS3.4 C.4.2 and C.4.3).

A ``Selection`` is what a person names: unique keys, other keys, accession numbers, a list of UIDs.
``selected`` makes it ``Retrieval``s, each of which is the identifier of one request, and has a C-FIND asked
first where that takes one. What cannot be retrieved comes as a failed Result in between::

    for each in selected(selection, peer, network):
        if isinstance(each, Result):
            yield each
        else:
            invoke(association, context, field, each.identifier(), ...)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.dataset import DataSet, made, values
from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.tags import SPECIFIC_CHARACTER_SET
from dcmtools.encoding.uids import is_uid
from dcmtools.errors import InputError, UsageError
from dcmtools.query.keys import is_ascii
from dcmtools.query.models import LEVELS, QUERY_RETRIEVE_LEVEL, STUDY_ROOT, UNIQUE_KEYS, Level
from dcmtools.results import Result

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Iterable, Iterator

    from dcmtools.net.peer import NetworkOptions, Peer
    from dcmtools.query.models import Model

AT_ONCE: Final = 100
_WILD: Final = frozenset("*?\\")
_BESIDE: Final = frozenset((SPECIFIC_CHARACTER_SET, QUERY_RETRIEVE_LEVEL))
NAMES: Final = {
    Level.PATIENT: "Patient ID",
    Level.STUDY: "Study Instance UID",
    Level.SERIES: "Series Instance UID",
    Level.IMAGE: "SOP Instance UID",
}
"""The unique key of each level, in words."""


class Retrieval(NamedTuple):
    """One identifier: all of a patient, a study or a series, or these instances of a series.

    Unique keys that are not known are empty; of the ``level`` itself and, without relational retrieval, of
    those above in the model there has to be one.
    """

    level: Level
    patient_id: str = ""
    study_uid: str = ""
    series_uid: str = ""
    sop_instance_uids: tuple[str, ...] = ()

    @classmethod
    def of(cls, level: Level, keys: dict[Level, str]) -> Retrieval:
        """Return that of ``level`` with the unique ``keys`` of it and of those above."""
        patient, study, series, instance = (
            keys.get(each, "") if LEVELS.index(each) <= LEVELS.index(level) else "" for each in LEVELS
        )
        return cls(level, patient, study, series, (instance,) if instance else ())

    @property
    def keys(self) -> dict[Level, str]:
        """The unique keys that are known, several UIDs with backslashes between them."""
        values = (self.patient_id, self.study_uid, self.series_uid, "\\".join(self.sop_instance_uids))
        return {level: value for level, value in zip(LEVELS, values, strict=True) if value}

    def identifier(self) -> DataSet:
        """Return the identifier of the request (PS3.4 C.4.2.1.4.1)."""
        given = {lookup(UNIQUE_KEYS[level])[2]: value for level, value in self.keys.items()}
        identifier = made(QueryRetrieveLevel=self.level.value, **given)
        if not is_ascii(identifier):
            identifier.update(made(SpecificCharacterSet="ISO_IR 192"))
        return identifier

    @property
    def item(self) -> str:
        """What is to be retrieved, for messages: ``study 1.2.3``."""
        uids = self.sop_instance_uids
        if len(uids) > 1:
            return f"{len(uids)} instances of series {self.series_uid}"
        kind = "instance" if self.level is Level.IMAGE else self.level.lower()
        return f"{kind} {self.keys.get(self.level, '')}"

    def record(self) -> dict[str, object]:
        """Return the JSON fields that say what is retrieved, None where a key is not part of the request."""
        return {
            "level": self.level.value,
            "patient_id": self.patient_id or None,
            "study_instance_uid": self.study_uid or None,
            "series_instance_uid": self.series_uid or None,
            "sop_instance_uids": list(self.sop_instance_uids) or None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a person wants retrieved, by ``model``; whatever ``keys`` and the others name has to hold at once.

    ``level`` None is that of the lowest unique key, STUDY where there is none. ``keys`` are matching keys as
    ``query.keys`` has them, to be written in ``charset``; those without a value do not count. ``listed`` is a
    file of UIDs or records, ``-`` standard input; unique keys beside it say where what it lists belongs. An
    identifier names ``at_once`` instances at most. With ``relational`` unique keys of higher levels may be
    missing (PS3.4 C.4.2.2.2). What is named by itself has to be there; that nothing matches ``keys`` fails
    with ``require_match`` only.
    """

    model: Model = STUDY_ROOT
    level: Level | None = None
    relational: bool = False
    patients: tuple[str, ...] = ()
    studies: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    accessions: tuple[str, ...] = ()
    keys: DataSet = field(default_factory=DataSet)
    charset: bytes = b""
    listed: str | None = None
    at_once: int = AT_ONCE
    require_match: bool = False

    def named(self) -> dict[Level, tuple[str, ...]]:
        """Return the values of unique keys that are named by themselves."""
        return dict(zip(LEVELS, (self.patients, self.studies, self.series, self.instances), strict=True))

    def unique(self) -> dict[Level, tuple[str, ...]]:
        """Return the values of the unique keys that are named, be it by themselves or among ``keys``."""
        unique = {}
        for level, given in self.named().items():
            both = (*given, *filter(None, values(self.keys, UNIQUE_KEYS[level])))
            if both:
                unique[level] = tuple(dict.fromkeys(both))
        return unique

    def others(self) -> DataSet:
        """Return the ``keys`` with a value that are not unique keys."""
        unique = set(UNIQUE_KEYS.values()) | _BESIDE
        kept = DataSet(self.keys.charset)
        kept.update({tag: each for tag, each in self.keys.items() if each[1] and tag not in unique})
        return kept

    def wanted_level(self) -> Level:
        """Return the level to retrieve at."""
        if self.level:
            return self.level
        unique = self.unique()
        if Level.PATIENT in self.model.levels and list(unique) == [Level.PATIENT] and not self.asks():
            return Level.PATIENT
        return max([Level.STUDY, *unique], key=LEVELS.index)

    def asks(self) -> bool:
        """Tell whether anything is named that is no unique key, so that the peer has to be asked."""
        return bool(self.accessions or self.others())

    def check(self) -> None:
        """Raise UsageError for what names nothing, too much, or what the model does not have."""
        level, unique = self.wanted_level(), self.unique()
        if level not in self.model.levels:
            raise UsageError(
                f"the {self.model.name} root model has no level {level}",
                hint="-P, the patient root model, has all four",
            )
        for name, given in (("--patient", self.patients), ("--accession", self.accessions)):
            if any(not value.strip() or _WILD & set(value) for value in given):
                raise UsageError(f"{name} takes one value without *, ? and \\", hint="-k takes patterns")
            if odd := [value for value in given if not value.isprintable()]:
                raise UsageError(f"{name}: {odd[0]!r} has characters that no value can have")
        for each in (value for named in (self.studies, self.series, self.instances) for value in named):
            if not is_uid(each):
                raise UsageError(f"{each!r} is no UID: digits and dots, at most 64 characters")
        if any(LEVELS.index(key) > LEVELS.index(level) for key in unique):
            raise UsageError(f"a {NAMES[max(unique, key=LEVELS.index)]} names something below level {level}")
        if self.listed is None and not self.accessions and not _narrows(unique, self.others()):
            raise UsageError(
                "nothing says what to retrieve",
                hint="name it with --study, --accession, -k or -, which reads what find prints",
            )


def _narrows(unique: dict[Level, tuple[str, ...]], others: DataSet) -> bool:
    """Tell whether any key has more in it than wildcards: without one all that a peer has would come."""
    texts = [value.encode() for several in unique.values() for value in several]
    given = [*texts, *(value for _, value in others.values())]
    return any(isinstance(value, list) or value.strip(b"* \0") for value in given)


def selected(selection: Selection, peer: Peer, network: NetworkOptions) -> Iterator[Retrieval | Result]:
    """Yield what to retrieve, each thing once, and a failed result for what cannot be.

    Where keys are not unique, ``peer`` is asked over an association of its own, which has ended before the
    first match is yielded; that nothing matches keys is a warning. Raises UsageError as ``Selection.check``
    does, and what a failed association or C-FIND raises.
    """
    selection.check()
    if selection.listed is not None:
        from dcmtools.scu.listed import listed

        return _grouped(listed(selection, selection.listed, network.stop), selection.at_once)
    direct = _direct(selection)
    if direct is None:
        from dcmtools.scu.lookup import found

        return _grouped(found(selection, peer, network), selection.at_once)
    return _grouped(direct, selection.at_once) if len(direct) > 1 else iter(direct)


def sorted_out(chosen: Iterable[Retrieval | Result], work: deque[Retrieval]) -> Iterator[Result]:
    """Put what is to be retrieved into ``work``, and yield the others."""
    for each in chosen:
        if isinstance(each, Result):
            yield each
        else:
            work.append(each)


def rehearsed(
    chosen: Iterable[Retrieval | Result], result_of: Callable[[Retrieval], Result]
) -> Iterator[Result]:
    """Yield a result for everything, as it comes, and retrieve nothing."""
    for each in chosen:
        yield each if isinstance(each, Result) else result_of(each)


def _direct(selection: Selection) -> list[Retrieval] | None:
    """Return what unique keys alone name; None where the peer has to be asked first."""
    level, unique = selection.wanted_level(), selection.unique()
    levels = selection.model.levels
    wild = any(_WILD & set(value) for each in unique.values() for value in each)
    if wild or selection.asks() or level not in unique or not set(unique) <= set(levels):
        return None
    above = {key: _one(key, values) for key, values in unique.items() if key is not level}
    retrievals = [Retrieval.of(level, {**above, level: value}) for value in unique[level]]
    if lacks := missing(retrievals[0], selection):
        raise UsageError(lacks[0], hint=lacks[1])
    return retrievals


def _one(level: Level, values: tuple[str, ...]) -> str:
    if len(values) > 1:
        raise UsageError(f"{len(values)} values for {NAMES[level]}: what is below is retrieved of one only")
    return values[0]


def missing(retrieval: Retrieval, selection: Selection) -> tuple[str, str] | None:
    """Return in words which unique key above is missing, and a hint; None where all are there."""
    levels = selection.model.levels
    if selection.relational:
        return None
    for level in levels[: levels.index(retrieval.level)]:
        if level not in retrieval.keys:
            what = "an instance" if retrieval.level is Level.IMAGE else f"a {retrieval.level.lower()}"
            hint = f"--{level.lower()} names it; --relational asks the peer to do without"
            return f"to retrieve {what} takes its {NAMES[level]}, too", hint
    return None


def checked(level: Level, keys: dict[Level, str], selection: Selection) -> Retrieval:
    """Return the retrieval at ``level`` that ``keys``, of a list or a match, name; raises InputError.

    Of keys that the model does not have nothing is taken.
    """
    wanted = selection.model.levels
    kept = {each: value for each, value in keys.items() if each in wanted and value}
    if not kept.get(level):
        raise InputError(f"it has no {NAMES[level]}")
    for each, value in kept.items():
        if not (_is_patient_id(value) if each is Level.PATIENT else is_uid(value)):
            raise InputError(f"{value[:64]!r} is not a {'Patient ID' if each is Level.PATIENT else 'UID'}")
    retrieval = Retrieval.of(level, kept)
    if lacks := missing(retrieval, selection):
        raise InputError(lacks[0], hint=lacks[1])
    return retrieval


def _is_patient_id(value: str) -> bool:
    return not _WILD & set(value) and not any("\ud800" <= character <= "\udfff" for character in value)


def _grouped(each: Iterable[Retrieval | Result], at_once: int) -> Iterator[Retrieval | Result]:
    """Yield everything once, instances of a series that follow each other together.

    What is part of something that has been met is left out, so that of the rows of a tree its top is taken.
    Of what has been met digests are kept, which take a third of the memory.
    """
    seen: set[bytes] = set()
    group: list[Retrieval] = []
    for one in each:
        if not isinstance(one, Retrieval):
            yield one
            continue
        marks = _marks(one)
        if not seen.isdisjoint(marks):
            continue
        seen.add(marks[-1])
        if group and (one[:4] != group[0][:4] or len(group) >= at_once):
            yield _joined(group)
            group = []
        if one.level is Level.IMAGE:
            group.append(one)
        else:
            yield one
    if group:
        yield _joined(group)


def _marks(one: Retrieval) -> list[bytes]:
    """Return a digest for each entity that ``one`` is a part of, the last of them for itself."""
    from hashlib import blake2b  # 6 ms, which whoever names one thing need not wait for

    names = (one.patient_id, one.study_uid, one.series_uid, *one.sop_instance_uids)
    last = LEVELS.index(one.level) + 1
    ends = [*range(1, last), max(last, len(names) if one.sop_instance_uids else 0)]
    texts = ["\0".join(names[:end]).encode("utf-8", "surrogatepass") for end in ends]
    return [blake2b(text, digest_size=16).digest() for text in texts]


def _joined(group: list[Retrieval]) -> Retrieval:
    uids = tuple([uid for each in group for uid in each.sop_instance_uids])
    return group[0]._replace(sop_instance_uids=uids)

"""What a peer says it has of a patient, study or series: SOP classes, instances (PS3.4 C.4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.dataset import made, text, values
from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.uids import is_storage_class, is_uid
from dcmtools.errors import InputError, PeerFailure
from dcmtools.query.keys import Query
from dcmtools.query.models import LEVELS, UNIQUE_KEYS, Level
from dcmtools.scu.finding import matches
from dcmtools.scu.selection import NAMES, Retrieval

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dcmtools.encoding.dataset import DataSet
    from dcmtools.net.association import Association
    from dcmtools.net.peer import NetworkOptions
    from dcmtools.query.models import Model

_IN_STUDY: Final = "SOPClassesInStudy"
_OF_INSTANCE: Final = "SOPClassUID"


class Holding(NamedTuple):
    """An instance that a peer says it has; Patient ID and SOP class are empty where it does not say."""

    patient_id: str
    study_uid: str
    series_uid: str
    sop_instance_uid: str
    sop_class_uid: str

    def record(self) -> dict[str, object]:
        """Return the JSON fields that say which instance it is."""
        return {
            "sop_class_uid": self.sop_class_uid,
            "sop_instance_uid": self.sop_instance_uid,
            "study_instance_uid": self.study_uid,
            "series_instance_uid": self.series_uid,
        }


class Contents:
    """Asks a peer what it has, level by level, on an association that has a context for C-FIND.

    Its methods raise PeerFailure where the peer refuses, fails or answers what makes no sense, Incomplete
    where it does not tell all, and what ``finding.matches`` raises.
    """

    def __init__(self, association: Association, model: Model, network: NetworkOptions) -> None:
        """Ask by ``model``."""
        self._association = association
        self._model = model
        self._network = network

    def sop_classes(self, wanted: Retrieval) -> set[str]:
        """Return the storage SOP classes of what is ``wanted``, maybe of more; empty where nobody can tell.

        SOP Classes in Study and SOP Class UID are optional keys (PS3.4 C.6.2.1 and C.6.1.1.5): where the
        former does not come, all instances are listed.
        """
        return set(filter(is_storage_class, self._in_studies(wanted) or self._of_instances(wanted)))

    def _in_studies(self, wanted: Retrieval) -> set[str]:
        """Return the SOP Classes in Study of all studies, none where one of them does not say."""
        keys = {level: key for level, key in wanted.keys.items() if level in LEVELS[:2]}
        if not keys:
            return set()
        matches = self._find(Level.STUDY, keys, _IN_STUDY)
        found = [set(values(match, _IN_STUDY)) for match in matches]
        return set().union(*found) if all(found) else set()

    def _of_instances(self, wanted: Retrieval) -> set[str]:
        """Return the SOP Class UIDs of all instances, none where one of them does not say."""
        found: set[str] = set()
        for series in self._series(wanted):
            found.update(text(match, _OF_INSTANCE) for match in self._images(series))
            if "" in found:
                return set()
        return found

    def instances(self, wanted: Retrieval) -> Iterator[Holding]:
        """Yield what there is of ``wanted``, series by series."""
        for series in self._series(wanted):
            for match in self._images(series):
                patient, study, uid = [self._above(match, each, wanted) for each in LEVELS[:-1]]
                yield Holding(patient, study, uid, self._uid(match, Level.IMAGE), text(match, _OF_INSTANCE))

    def _series(self, wanted: Retrieval) -> list[Retrieval]:
        """Return the series that are ``wanted``; what is one, or in one, is returned itself."""
        if wanted.level in LEVELS[2:]:
            return [wanted]
        level = LEVELS[LEVELS.index(wanted.level) + 1]
        below = [
            Retrieval.of(level, {**wanted.keys, level: self._uid(match, level)})
            for match in self._find(level, wanted.keys)
        ]
        return [series for each in below for series in self._series(each)]

    def _images(self, series: Retrieval) -> Iterator[DataSet]:
        return self._find(Level.IMAGE, series.keys, _OF_INSTANCE)

    def _above(self, match: DataSet, level: Level, wanted: Retrieval) -> str:
        """Return a unique key of a level above, which is none where the model has no such level."""
        if level not in self._model.levels:
            return ""
        return text(match, UNIQUE_KEYS[level]) or wanted.keys.get(level, "")

    def _uid(self, match: DataSet, level: Level) -> str:
        uid = text(match, UNIQUE_KEYS[level])
        if not is_uid(uid):
            raise PeerFailure(f"the peer has found something whose {NAMES[level]} is none: {uid[:64]!r}")
        return uid

    def _find(self, level: Level, keys: Mapping[Level, str], *returned: str) -> Iterator[DataSet]:
        """Yield the matches at ``level``, asked for unique keys down to there, and ``returned``."""
        unique = {lookup(UNIQUE_KEYS[each])[2]: key for each, key in keys.items()}
        given = made(**unique, **dict.fromkeys(returned, ""))
        query = Query(self._model.find, self._model, level, given, defaults=False)
        for match in matches(self._association, self._model.find, query.identifier(), self._network):
            try:
                yield match.data_set()
            except InputError as error:
                message = f"the peer has answered a C-FIND with what makes no sense ({error.message})"
                raise PeerFailure(message) from error

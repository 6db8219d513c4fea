"""What stands for people and things, derived from the key of a project: the same in each of its runs."""

from __future__ import annotations

from base64 import b32encode
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

from dcmtools.encoding import keyed
from dcmtools.encoding.uids import is_standard

if TYPE_CHECKING:
    from dcmtools.deidentification.keys import ProjectKey

Patient: TypeAlias = tuple[str, str]
"""Patient ID and its issuer."""
_LONGEST_SHIFT: Final = 3652  # days: ten years
_TEXT: Final = 12  # characters of 5 bits each
_MOST: Final = 8192


class Given(Protocol):
    """What a user wants a patient to be called: an id, and a name or an empty one."""

    @property
    def id(self) -> str:
        """The new Patient ID."""

    @property
    def name(self) -> str:
        """The new Patient's Name."""


class GivenPatients(Protocol):
    """Patients whose new ids are given."""

    def find(self, patient_id: str, issuer: str) -> Given | None:
        """Return what was given for a patient, None where it is to be derived; may raise for the lack."""


class NewPatient(NamedTuple):
    """Who a patient has become: Patient ID, Patient's Name, and the days that dates move, always back.

    The former are ``given``, or derived from the key.
    """

    id: str
    name: str
    days: int
    given: bool = False


class Pseudonyms:
    """New identifiers for old ones, memorized as far as memory stays small."""

    def __init__(self, key: ProjectKey, given: GivenPatients | None = None) -> None:
        """Derive them from ``key``, but for the patients ``given``."""
        self._secret = key.secret
        self._given = given
        self._uids: dict[str, str] = {}
        self._patients: dict[Patient, NewPatient] = {}

    def uid(self, old: str) -> str:
        """Return the UID for ``old``, which may be none; those of the Standard stay (PS3.6 Annex A)."""
        new = self._uids.get(old)
        if new is None:
            new = old if is_standard(old) else keyed.uid(self._secret, old)
            if len(self._uids) >= _MOST:
                self._uids.clear()
            self._uids[old] = new
        return new

    def patient(self, patient_id: str, issuer: str) -> NewPatient:
        """Return who a patient becomes, whose Patient ID is not empty; raises what the map given does."""
        old = patient_id, issuer
        new = self._patients.get(old)
        if new is None:
            name = f"P{self.text('patient', keyed.joined(*old), _TEXT - 1)}"
            days = self.days("days", *old)
            found = self._given.find(*old) if self._given else None
            new = (
                NewPatient(found.id, found.name or found.id, days, given=True)
                if found
                else NewPatient(name, name, days)
            )
            if len(self._patients) >= _MOST:
                self._patients.clear()
            self._patients[old] = new
        return new

    def days(self, domain: str, *values: str) -> int:
        """Return by how many days the dates of somebody move: back, up to ten years."""
        return -1 - keyed.number(self._secret, domain, *values) % _LONGEST_SHIFT

    def text(self, domain: str, value: str, length: int = _TEXT) -> str:
        """Return ``length`` capital letters and digits that stand for ``value``, another identifier."""
        number = keyed.number(self._secret, domain, value)
        return b32encode(number.to_bytes(32, "big"))[:length].decode("ascii")

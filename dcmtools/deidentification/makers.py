"""What makes a new value out of an old one, where that depends on whose data set it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from dcmtools.deidentification.values import capped, shifted
from dcmtools.encoding.tags import PATIENT_ID
from dcmtools.encoding.uids import is_uid

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.deidentification.pseudonyms import NewPatient, Pseudonyms
    from dcmtools.deidentification.rules import Rule

_PATIENT_NAME: Final = 0x00100010
OF_PATIENTS: Final = frozenset({PATIENT_ID, _PATIENT_NAME})
# Identifiers that tell studies apart: another one each, rather than none.
_TEXTS: Final = {0x00080050: "accession number", 0x00200010: "study id", 0x00120040: "subject id"}


class Standing(Protocol):
    """What a new value depends on: whose data set it is."""

    pseudonyms: Pseudonyms

    @property
    def patient_id(self) -> str:
        """The Patient ID at the top."""

    @property
    def patient(self) -> NewPatient | None:
        """Who the patient becomes."""

    @property
    def days(self) -> int:
        """By how many days dates move."""

    @property
    def nested(self) -> bool:
        """Whether the element is in a sequence."""

    def text(self, raw: bytes) -> str:
        """Return what ``raw`` says, without padding."""

    def raw(self, vr: str, text: str) -> bytes:
        """Return ``text`` as a value of the data set in hand."""

    def uid(self, old: str) -> str:
        """Return the UID for ``old``."""


Make: TypeAlias = "Callable[[Standing, int, bytes], bytes]"


def set_value(rule: Rule, standing: Standing, _: int, __: bytes) -> bytes:
    """Return the value that a rule sets."""
    return standing.raw(rule.vr, rule.text)


def mapped_uids(standing: Standing, _: int, raw: bytes) -> bytes:
    """Return the UIDs that stand for those there."""
    olds = raw.decode("latin-1").rstrip(" \0").split("\\")
    return "\\".join([each and standing.uid(each.strip(" \0")) for each in olds]).encode("ascii")


def class_uids(standing: Standing, tag: int, raw: bytes) -> bytes:
    """Return UIDs of classes as they are; others where one is no UID, and so may be anything."""
    olds = raw.decode("latin-1").rstrip(" \0").split("\\")
    known = all("." in uid and is_uid(uid.strip(" \0")) for uid in olds)
    return raw if known else mapped_uids(standing, tag, raw)


def shifted_dates(standing: Standing, _: int, raw: bytes) -> bytes:
    """Return dates as they have moved; what is none is empty."""
    return shifted(raw, standing.days)


def capped_age(_: Standing, __: int, raw: bytes) -> bytes:
    """Return ages, of 90 years where they are more."""
    return capped(raw)


def unchanged(_: Standing, __: int, raw: bytes) -> bytes:
    """Return what is there: so it is noted that it stands there rightly."""
    return raw


def zeros(_: Standing, __: int, raw: bytes) -> bytes:
    """Return numbers that are all zero."""
    return bytes(len(raw))


def _patient_id(standing: Standing, _: int, raw: bytes) -> bytes:
    old = standing.text(raw)
    if standing.patient and old == standing.patient_id:
        return standing.patient.id.encode("ascii")
    return standing.pseudonyms.text("patient", old).encode("ascii") if old else b""


def _patient_name(standing: Standing, _: int, __: bytes) -> bytes:
    return standing.patient.name.encode("ascii") if standing.patient and not standing.nested else b""


def _text(standing: Standing, tag: int, raw: bytes) -> bytes:
    old = standing.text(raw)
    return standing.pseudonyms.text(_TEXTS[tag], old).encode("ascii") if old else b""


PSEUDONYMS: Final[dict[int, Make]] = {
    PATIENT_ID: _patient_id,
    _PATIENT_NAME: _patient_name,
    **dict.fromkeys(_TEXTS, _text),
}

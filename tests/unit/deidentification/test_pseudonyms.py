"""Pseudonyms: the same for one key, others for another, legal for their VR, and of nobody's making."""

from __future__ import annotations

import pytest

from dcmtools.deidentification.keys import ProjectKey
from dcmtools.deidentification.mapping import Given, MissingPatient, PatientMap
from dcmtools.deidentification.pseudonyms import NewPatient, Pseudonyms
from dcmtools.encoding.uids import is_uid

ONE, OTHER = ProjectKey(b"k" * 32, kept=True), ProjectKey(b"l" * 32, kept=True)
UID = "1.2.826.0.1.3680043.8.498.1"


def test_uids_are_legal_and_the_same_for_one_key() -> None:
    new = Pseudonyms(ONE).uid(UID)
    assert is_uid(new)
    assert new.startswith("2.25.")
    assert int(new[5:]) < 2**128
    assert new == Pseudonyms(ONE).uid(UID) != Pseudonyms(OTHER).uid(UID)
    assert new != Pseudonyms(ONE).uid(UID + ".1")


@pytest.mark.parametrize("uid", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.4.1.1"])
def test_uids_of_the_standard_stay(uid: str) -> None:
    assert Pseudonyms(ONE).uid(uid) == uid


@pytest.mark.parametrize("text", ["DOE^JOHN", "1.2.840.10008.DOE", "1.2.840.100080.1"])
def test_what_only_looks_like_one_of_the_standard_does_not(text: str) -> None:
    assert Pseudonyms(ONE).uid(text).startswith("2.25.")


def test_patients() -> None:
    pseudonyms = Pseudonyms(ONE)
    new = pseudonyms.patient("12345", "")
    assert new == Pseudonyms(ONE).patient("12345", "")
    assert new != Pseudonyms(OTHER).patient("12345", "")
    assert len({new.id, pseudonyms.patient("12345", "HOSPITAL").id, pseudonyms.patient("12346", "").id}) == 3
    assert "12345" not in new.id
    assert new.id.isalnum()
    assert new.id.isupper()
    assert -3652 <= new.days <= -1


def test_id_and_issuer_do_not_run_into_each_other() -> None:
    pseudonyms = Pseudonyms(ONE)
    assert pseudonyms.patient("1", "23").id != pseudonyms.patient("12", "3").id


def test_given_patients_keep_the_days_of_the_key() -> None:
    given = PatientMap({("12345", ""): Given("TRIAL-7")}, complete=False)
    days = Pseudonyms(ONE).patient("12345", "").days
    assert Pseudonyms(ONE, given).patient("12345", "") == NewPatient("TRIAL-7", "TRIAL-7", days, given=True)
    assert Pseudonyms(ONE, given).patient("6", "") == Pseudonyms(ONE).patient("6", "")


def test_a_patient_who_had_to_be_given() -> None:
    given = PatientMap({("12345", ""): Given("TRIAL-7")}, complete=True)
    with pytest.raises(MissingPatient):
        Pseudonyms(ONE, given).patient("6", "")


def test_texts_differ_by_what_they_are_about() -> None:
    pseudonyms = Pseudonyms(ONE)
    assert pseudonyms.text("study id", "7") != pseudonyms.text("accession number", "7")
    assert len(pseudonyms.text("study id", "7", 8)) == 8


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dcmtools.deidentification.pseudonyms._MOST", 4)
    pseudonyms = Pseudonyms(ONE)
    new = [pseudonyms.uid(f"1.2.{number}") for number in range(20)]
    assert new == [Pseudonyms(ONE).uid(f"1.2.{number}") for number in range(20)]
    assert len(pseudonyms._uids) <= 4

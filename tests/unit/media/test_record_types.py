"""Types of records, compared with what pydicom takes for an instance's."""

from __future__ import annotations

import pytest
from pydicom import fileset
from pydicom._uid_dict import UID_dictionary

from dcmtools.media.keys import KEYS
from dcmtools.media.record_types import PRIVATE, RECORD_TYPES, ROOT_TYPES, is_at_root, record_type

KNOWN = {
    str(uid): kind
    for uid, kind in {**fileset._FOUR_LEVEL_SOP_CLASSES, **fileset._SINGLE_LEVEL_SOP_CLASSES}.items()
}


@pytest.mark.parametrize("sop_class", sorted(KNOWN))
def test_it_is_what_pydicom_says(sop_class: str) -> None:
    assert record_type(sop_class) == KNOWN[sop_class]


def test_all_classes_listed_are_of_the_standard() -> None:
    assert {each for each in RECORD_TYPES if each not in UID_dictionary} == set()


@pytest.mark.parametrize(
    ("sop_class", "kind"),
    [
        ("1.2.840.10008.5.1.4.1.1.2", "IMAGE"),
        ("1.2.840.10008.5.1.4.1.1.66.4", "IMAGE"),
        ("1.2.840.10008.5.1.4.1.1.30", "IMAGE"),
        ("1.2.840.10008.5.1.4.1.1.481.1", "IMAGE"),
        ("1.2.840.10008.5.1.4.1.1.481.5", "RT PLAN"),
        ("1.2.840.10008.5.1.4.1.1.481.10", "RADIOTHERAPY"),
        ("1.2.840.10008.5.1.4.1.1.481.23", "IMAGE"),
        ("1.2.840.10008.5.1.4.34.7", "PLAN"),
        ("1.2.840.10008.5.1.4.1.1.104.3", "ENCAP DOC"),
        ("1.2.840.10008.5.1.4.1.1.91.1", "ANNOTATION"),
        ("1.2.840.10008.5.1.4.1.1.201.1", "INVENTORY"),
        ("1.2.840.10008.5.1.4.1.1.200.2", PRIVATE),
        ("1.3.46.670589.11.0.0.12.1", PRIVATE),
        ("1.2.840.10008.5.1.4.1.1.9999", "IMAGE"),
    ],
)
def test_kinds(sop_class: str, kind: str) -> None:
    assert record_type(sop_class) == kind


def test_what_is_of_no_patient_is_at_the_root() -> None:
    assert is_at_root("1.2.840.10008.5.1.4.38.1")
    assert is_at_root("1.2.840.10008.5.1.4.1.1.200.1")
    assert not is_at_root("1.2.840.10008.5.1.4.1.1.200.2")
    assert not is_at_root("1.2.840.10008.5.1.4.1.1.2")


def test_every_type_has_its_keys() -> None:
    assert set(RECORD_TYPES.values()) | ROOT_TYPES | {"STUDY", "SERIES", "IMAGE"} <= {*KEYS, PRIVATE}

from __future__ import annotations

import pytest

from dcmtools.query.classes import find_class_named, find_class_names
from dcmtools.query.models import PATIENT_ROOT, STUDY_ROOT

HANGING_PROTOCOL = "1.2.840.10008.5.1.4.38.2"


@pytest.mark.parametrize(
    ("text", "uid"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("HangingProtocolInformationModelFind", HANGING_PROTOCOL),
        ("hangingprotocol", HANGING_PROTOCOL),
        ("hanging-protocol", HANGING_PROTOCOL),
        ("ColorPalette", "1.2.840.10008.5.1.4.39.2"),
        ("worklist", "1.2.840.10008.5.1.4.31"),
        ("study", STUDY_ROOT.find),
        ("patient", PATIENT_ROOT.find),
    ],
)
def test_names(text: str, uid: str) -> None:
    assert find_class_named(text) == uid


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("implant", "may be each of 2 models"),
        ("HangingProtocl", "did you mean HangingProtocolInformationModelFind"),
        ("xyz", "neither a name of PS3.6 nor a UID"),
        ("", "is no model"),
    ],
)
def test_what_is_none(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find_class_named(text)


def test_no_move_and_no_get_is_among_them() -> None:
    names = find_class_names().values()
    assert "StudyRootQueryRetrieveInformationModelFind" in names
    assert not [name for name in names if name.endswith(("Move", "Get"))]

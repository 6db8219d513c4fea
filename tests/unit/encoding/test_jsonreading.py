from __future__ import annotations

from typing import Any

import pytest

from dcmtools.encoding.dataset import made, text
from dcmtools.encoding.jsonmodel import model_of
from dcmtools.encoding.jsonreading import data_set_of

ALL = made(
    SpecificCharacterSet="ISO_IR 192",
    StudyDate="20240101-20240131",
    ModalitiesInStudy="CT\\MR",
    PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう",
    PatientComments="a\\b",
    SeriesNumber="7",
    PatientWeight="70.5",
    Rows=512,
    RecommendedDisplayFrameRateInFloat=0.5,
    FrameIncrementPointer="(0018,1063)",
    RequestAttributesSequence=[made(RequestedProcedureID="R1"), made()],
    PixelData=b"\1\2",
)


def test_the_model_of_a_data_set_is_that_data_set() -> None:
    assert data_set_of(model_of(ALL)) == {
        tag: (vr, value + b" " * (len(value) % 2) if isinstance(value, bytes) else value)
        for tag, (vr, value) in ALL.items()
    }


def test_groups_of_a_name_keep_their_places() -> None:
    model = {"00100010": {"vr": "PN", "Value": [{"Phonetic": "c"}, None]}}
    assert text(data_set_of(model), "PatientName") == "==c\\"


def element(**model: Any) -> dict[str, Any]:  # noqa: ANN401  whatever JSON has
    return {"00100010": model}


def nested(depth: int) -> dict[str, Any]:
    model: dict[str, Any] = {}
    for _ in range(depth):
        model = {"00400275": {"vr": "SQ", "Value": [model]}}
    return model


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (3, "a data set is an object"),
        ({"PatientName": {"vr": "PN"}}, "'PatientName' is not a tag"),
        (element(), r"\(0010,0010\): the vr is missing"),
        (element(vr="XX"), "the vr is missing, or none of PS3.5"),
        (element(vr=["PN"]), "the vr is missing"),
        ({"00100010": []}, "the vr is missing"),
        (element(vr="PN", Value="x"), "the Value is an array"),
        (element(vr="PN", Value=[{"Alphabetic": 1}]), "is no value of VR PN"),
        (element(vr="LO", Value=[True]), "'True' is no value of VR LO"),
        (element(vr="LO", Value=[{}]), "is no value of VR LO"),
        (element(vr="US", Value=["x"]), "'x' is not a number"),
        (element(vr="US", Value=[70000]), "is not a number that VR US can hold"),
        (element(vr="SQ", Value=[1]), r"\(0010,0010\): a data set is an object"),
        (element(vr="OB", BulkDataURI="file:x"), "at its BulkDataURI"),
        (element(vr="OB", InlineBinary="?"), "Only base64|Non-base64|non-alphabet|Incorrect|Invalid"),
        (element(vr="OB", InlineBinary=3), "text in Base64"),
        (nested(200), "nested deeper"),
    ],
)
def test_what_is_no_model(model: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        data_set_of(model)

from __future__ import annotations

from typing import Any

import pytest

from dcmtools.encoding.dataset import Fragments, made, text
from dcmtools.encoding.jsonmodel import model_of
from dcmtools.encoding.jsonreading import ModelError, all_parsed, data_set_of

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
        (element(vr="SQ", Value=[1]), r"\(0010,0010\): item 0: a data set is an object"),
        (element(vr="OB", BulkDataURI="file:x"), "at its BulkDataURI"),
        (element(vr="OB", InlineBinary="?"), "Only base64|Non-base64|non-alphabet|Incorrect|Invalid"),
        (element(vr="OB", InlineBinary=3), "text in Base64"),
        (nested(200), "nested deeper"),
    ],
)
def test_what_is_no_model(model: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        data_set_of(model)


@pytest.mark.parametrize(
    ("text", "values"),
    [("", []), (" \n", []), ("1", [1]), ("{}\n{}\n", [{}, {}]), ('[1]"a"\tnull ', [[1], "a", None])],
)
def test_values_of_json_one_after_the_other(text: str, values: list[object]) -> None:
    assert list(all_parsed(text)) == values


def test_many_whole_numbers_are_what_each_of_them_is() -> None:
    numbers = [0, 1, 65535]
    whole = data_set_of({"00280010": {"vr": "US", "Value": numbers}})
    mixed = data_set_of({"00280010": {"vr": "US", "Value": [0, 1.0, "65535"]}})
    assert whole[0x00280010] == mixed[0x00280010] == ("US", b"\0\0\1\0\xff\xff")


def test_fragments_one_by_one() -> None:
    fragments = [None, {"InlineBinary": "YWJj"}]
    vr, value = data_set_of({"7FE00010": {"vr": "OB", "DataFragment": fragments}})[0x7FE00010]
    assert (vr, value) == ("OB", b"\xfe\xff\0\xe0\0\0\0\0\xfe\xff\0\xe0\4\0\0\0abc\0")
    assert isinstance(value, Fragments)


@pytest.mark.parametrize("fragments", [3, [3], [{"InlineBinary": 3}], ["YWJj"]])
def test_fragments_that_are_none(fragments: object) -> None:
    with pytest.raises(ModelError, match=r"\(7fe0,0010\)"):
        data_set_of({"7FE00010": {"vr": "OB", "DataFragment": fragments}})

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dcmtools.encoding.dataset import DataSet, encode, items, made, text
from dcmtools.encoding.syntax import EXPLICIT, IMPLICIT
from dcmtools.errors import InputError
from dcmtools.files.meta import file_meta
from dcmtools.query.files import read_keys
from tests.support.served import EXPLICIT as EXPLICIT_UID

if TYPE_CHECKING:
    from pathlib import Path

KEYS = made(
    PatientName="Dö*",
    StudyDate="20240101-",
    SpecificCharacterSet="ISO_IR 100",
    RequestAttributesSequence=[made(RequestedProcedureDescription="ü")],
)
MODEL = {
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Dö*"}]},
    "00080020": {"vr": "DA", "Value": ["20240101-"]},
    "00400275": {"vr": "SQ", "Value": [{"00321060": {"vr": "LO", "Value": ["ü"]}}]},
}


def written(folder: Path, data: bytes | object) -> str:
    path = folder / "query"
    path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
    return str(path)


def check(keys: DataSet) -> None:
    assert text(keys, "PatientName") == "Dö*"
    assert text(keys, "StudyDate") == "20240101-"
    (item,) = items(keys, "RequestAttributesSequence")
    assert text(item, "RequestedProcedureDescription") == "ü"
    assert keys.charset == item.charset == b"ISO_IR 192"


@pytest.mark.parametrize("encoding", [EXPLICIT, IMPLICIT])
def test_a_bare_data_set(encoding: object, tmp_path: Path) -> None:
    assert encoding in (EXPLICIT, IMPLICIT)
    check(read_keys(written(tmp_path, encode(KEYS, EXPLICIT if encoding is EXPLICIT else IMPLICIT))))


def test_a_dicom_file(tmp_path: Path) -> None:
    data = file_meta("1.2", "1.2.3", EXPLICIT_UID) + encode(KEYS, EXPLICIT)
    check(read_keys(written(tmp_path, data)))


@pytest.mark.parametrize("model", [MODEL, [MODEL]])
def test_the_json_model(model: object, tmp_path: Path) -> None:
    check(read_keys(written(tmp_path, model)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"garbage of some length that is no data set", ""),
        (b"{", "Expecting"),
        (b"[" * 100_000, "nested too deep"),
        ([MODEL, MODEL], "a data set is an object"),
        ({}, "there is no key in it"),
        ({"00080020": {"vr": "DA", "Value": ["2024*"]}}, r"StudyDate .* is not of VR DA"),
        ({"00400275": {"vr": "SQ", "Value": [{"00400009": {"vr": "SH", "Value": ["x" * 17]}}]}}, "VR SH"),
        (b"\x08\0\x20\0DA\xff\0" + b"2024", ""),
    ],
)
def test_what_is_no_query(data: bytes | object, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, data)
    with pytest.raises(InputError, match=f"^{path}: .*{message}"):
        read_keys(path)


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "query"
    with path.open("wb") as file:
        file.truncate(5 * 1024 * 1024)
    with pytest.raises(InputError, match="too many for a query"):
        read_keys(str(path))

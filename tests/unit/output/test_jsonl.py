from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmtools.errors import AssociationError, InputError
from dcmtools.escaping import escape
from dcmtools.output.jsonl import DataSets, json_line
from dcmtools.results import Outcome, Result


def test_the_record_comes_first_then_outcome_error_and_note() -> None:
    line = json_line(Result("x", {"z": 1, "a": [2, None]}, Outcome.WARNING, note="odd"))
    assert line == '{"z": 1, "a": [2, null], "outcome": "warning", "note": "odd"}\n'


def test_an_error() -> None:
    error = InputError("gone", hint="look again")
    assert list(json.loads(json_line(Result.failed("x", error, {"file": "x"}))).items()) == [
        ("file", "x"),
        ("outcome", "failed"),
        ("error", {"code": "input", "message": "gone", "hint": "look again"}),
    ]


def test_an_association_error_says_whether_to_try_again() -> None:
    line = json_line(Result.failed("x", AssociationError("busy", step="associate", transient=True)))
    assert json.loads(line) == {
        "item": "x",
        "outcome": "failed",
        "error": {"code": "association", "message": "associate: busy", "transient": True},
    }


def test_ordinary_letters_stay_and_harmful_ones_are_escaped() -> None:
    line = json_line(Result("x", {"v": "山田\u3000é \x1b\x9b\u202e\U000e0041\n\\"}))
    assert line == ('{"v": "山田\u3000é \\u001b\\u009b\\u202e\\udb40\\udc41\\n\\\\", "outcome": "done"}\n')
    assert json.loads(line)["v"] == "山田\u3000é \x1b\x9b\u202e\U000e0041\n\\"


def test_a_file_name_that_is_no_text() -> None:
    name = b"caf\xe9.dcm".decode("utf-8", "surrogateescape")
    assert json.loads(json_line(Result("x", {"file": name, "odd": "\ud800"}))) == {
        "file": r"caf\xe9.dcm",
        "odd": r"\ud800",
        "outcome": "done",
    }


@pytest.mark.parametrize("count", [0, 1, 3])
def test_an_array_of_data_sets(count: int) -> None:
    failed = Result.failed("x", InputError("gone"), {"file": "x"})
    found = [Result("x", {"file": "x", "dataset": {"number": number}}) for number in range(count)]
    array = DataSets()
    text = "".join(map(array.add, [failed, *found, failed])) + array.end()
    assert json.loads(text) == [result.record["dataset"] for result in found]
    assert text.endswith("]\n")


def test_in_an_array_harmful_letters_are_escaped() -> None:
    array = DataSets()
    text = array.add(Result("x", {"dataset": {"v": "\x9b\u202e\ud800"}})) + array.end()
    assert json.loads(text) == [{"v": "\x9b\u202e\\ud800"}]
    assert escape(text.replace("\n", "")) == text.replace("\n", "")


@given(st.dictionaries(st.text(), st.text(st.characters()), min_size=1))
def test_every_line_is_one_line_of_harmless_utf8(record: dict[str, str]) -> None:
    line = json_line(Result("x", record))
    line.encode("utf-8")
    assert escape(line[:-1]) == line[:-1]
    assert json.loads(line)


@pytest.mark.parametrize("value", [b"bytes", math.nan, object()])
def test_what_json_cannot_say_is_a_bug(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        json_line(Result("x", {"v": value}))

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import AssociationError, InputError
from dcmtools.output.rows import CsvRows
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterable

FIELDS = ("file", "size")


def text_of(results: Iterable[Result], fields: tuple[str, ...] = FIELDS) -> str:
    rows = CsvRows(fields)
    return "".join(map(rows.add, results)) + rows.end()


def row_of(result: Result) -> dict[str, str]:
    [row] = csv.DictReader(io.StringIO(text_of([result]), newline=""), strict=True)
    return row


def cell_of(value: object) -> str:
    return row_of(Result("x", {"file": value}))["file"]


def test_a_header_and_a_row_for_every_result() -> None:
    results = [
        Result("a", {"size": 1, "file": "a", "more": 1}),
        Result("b", {"file": "b"}, Outcome.WARNING, note="odd, but so"),
        Result.skipped("c", "not DICOM", {"file": "c"}),
        Result.failed("d", InputError('gone "away"', hint="look"), {"file": "d"}),
        Result("e", {"file": "e"}, Outcome.UNKNOWN, error=AssociationError("lost", step="receive")),
    ]
    assert text_of(results).split("\n") == [
        "file,size,outcome,error_code,error_message,note",
        "a,1,done,,,",
        'b,,warning,,,"odd, but so"',
        "c,,skipped,,,not DICOM",
        'd,,failed,input,"gone ""away""",',
        "e,,unknown,association,receive: lost,",
        "",
    ]


def test_nothing_but_the_header() -> None:
    assert text_of([]) == "file,size,outcome,error_code,error_message,note\n"


def test_an_item_without_a_record_stands_in_the_first_column() -> None:
    assert row_of(Result.failed("x", InputError("gone")))["file"] == "x"


def test_a_command_that_has_no_fields() -> None:
    assert text_of([Result("x")], ()) == "outcome,error_code,error_message,note\ndone,,,\n"


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        ("", ""),
        (-5, "-5"),
        (1.5, "1.5"),
        (True, "true"),
        (["a", None, 2], '["a", null, 2]'),
        ({"vr": "CS", "Value": ["x\n"]}, r'{"vr": "CS", "Value": ["x\n"]}'),
        ('a "b", c', 'a "b", c'),
        ("山田 é", "山田 é"),
        ("a\nb\r\tc", r"a\x0ab\x0d\x09c"),
        ("\x1b[2J\u202e", r"\x1b[2J\u202e"),
        (b"caf\xe9".decode("utf-8", "surrogateescape"), r"caf\xe9"),
        ("\ufeffx", r"\ufeffx"),
    ],
)
def test_what_values_look_like(value: object, cell: str) -> None:
    assert cell_of(value) == cell


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1-1", "-1\\=2", "-", "+A1", "@SUM(A1)", "'x"])
def test_no_text_is_a_formula(text: str) -> None:
    result = Result("x", {"file": text}, Outcome.FAILED, note=text, error=InputError(text))
    row = row_of(result)
    assert (row["file"], row["error_message"], row["note"]) == (f"'{text}",) * 3


@pytest.mark.parametrize("text", ["-1", "+1.5", "-.5e-3", "-250\\-250.5\\+1E3"])
def test_numbers_are_none_whatever_their_sign(text: str) -> None:
    assert cell_of(text) == text


@pytest.mark.parametrize("text", ["\t=1+1", "\r=1+1", "\n=1+1"])
def test_nor_behind_blanks(text: str) -> None:
    assert cell_of(text).startswith("\\x0")


def test_a_row_is_a_line() -> None:
    text = text_of([Result("x", {"file": chr(code)}) for code in (*range(0x300), *range(0x2000, 0x2070))])
    assert len(text.splitlines()) == 1 + 0x300 + 0x70

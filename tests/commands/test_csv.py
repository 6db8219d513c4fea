"""``--format csv`` of the commands that show a table."""

from __future__ import annotations

import csv
import io
import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click
import pytest

from dcmtools.cli.fields import FIELDS
from dcmtools.output.rows import ENDING
from tests.interface.commands import LEAVES, TABLE, Place, click_command, made_place
from tests.support.run import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def formats(name: str) -> list[str]:
    params = {param.name: param for param in click_command(LEAVES[name]).params}
    kind = params["output_format"].type
    assert isinstance(kind, click.Choice)
    return list(kind.choices)


WITH_ROWS = [name for name in LEAVES if "csv" in formats(name)]
KEYED = ["find", "scan"]  # whose columns are those of the keys
LEVELLED = ["archive list", "dicomdir list"]  # whose columns are those of the level
TOLD = ["dicomdir verify"]  # as sentences, where it is not asked for rows


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with made_place(tmp_path / "place") as made:
        monkeypatch.setenv("DCMTOOLS_CONFIG", str(made.config))
        yield made


def parsed(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text), strict=True))


def shown(value: Any) -> str:  # noqa: ANN401  whatever JSON has
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def test_commands_with_a_table_have_rows() -> None:
    with_columns = [name for name in LEAVES if getattr(import_module(LEAVES[name].module), "COLUMNS", ())]
    assert with_columns == [name for name in WITH_ROWS if name not in KEYED + LEVELLED + TOLD]


@pytest.mark.parametrize("name", [name for name in WITH_ROWS if name not in KEYED])
def test_the_header_names_the_fields_of_the_manual(name: str, place: Place) -> None:
    result = run(*name.split(), *TABLE[name].args(place), "--format", "csv")
    assert result.status == 0
    assert result.stdout.splitlines()[0].split(",") == [*FIELDS[name].split(), *ENDING]
    assert {row["outcome"] for row in parsed(result.stdout)} == {"done"}


@pytest.mark.parametrize("name", ["peers list", "store"])
def test_the_rows_are_the_records(name: str, place: Place) -> None:
    args = TABLE[name].args(place)
    records = run(*name.split(), *args, "--format", "json").records
    rows = parsed(run(*name.split(), *args, "--format", "csv").stdout)
    assert rows
    for row, record in zip(rows, records, strict=True):
        assert {key: value for key, value in row.items() if value} == {
            key: shown(value) for key, value in record.items() if value is not None
        }


def test_both_kinds_of_an_echo(place: Place) -> None:
    result = run("echo", place.peer, "--count", 2, "--interval", 0.01, "--format", "csv")
    first, second, all_of_them = parsed(result.stdout)
    assert (first["status"], second["status"], all_of_them["answered"]) == ("0000", "0000", "2")
    assert json.loads(first["steps_ms"])["connect"] >= 0


def test_a_failure_is_a_row() -> None:
    result = run("echo", "127.0.0.1:1", "--format", "csv")
    [row] = parsed(result.stdout)
    assert result.status == 4
    assert (row["outcome"], row["error_code"], row["step"]) == ("failed", "association", "connect")


def test_no_results_are_a_header(place: Place) -> None:
    place.config.write_text("")
    result = run("peers", "list", "--format", "csv")
    assert result.stdout.splitlines() == [",".join([*FIELDS["peers list"].split(), *ENDING])]


@pytest.mark.usefixtures("place")
def test_on_a_terminal_it_is_the_same() -> None:
    args = ("peers", "list", "--format", "csv")
    assert run(*args, terminal=True).stdout == run(*args).stdout
    assert run(*args, "--color", "always").stdout == run(*args).stdout


@pytest.mark.parametrize("name", [name for name in LEAVES if name not in WITH_ROWS])
def test_where_rows_make_no_sense(name: str, place: Place) -> None:
    result = run(*name.split(), *TABLE[name].args(place), "--format", "csv")
    assert (result.status, result.stdout) == (2, "")
    assert "'csv' is not one of 'text', 'json'" in result.stderr

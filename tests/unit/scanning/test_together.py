"""Many inputs done as one piece of work, each with a result of its own all the same."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import InputError
from dcmtools.files import work
from dcmtools.files.work import for_each
from dcmtools.results import Outcome, Result
from tests.support.samples import make_small

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.files.inputs import Input

PIECE = 8
FILES = 6 * PIECE
PARENT = os.getpid()


def number(path: str) -> int:
    return int(path[-10:-4])


def row(item: Input) -> Result:
    return Result(item.path, rows=((number(item.path),),))


def failing(item: Input) -> Result:
    if number(item.path) == 3:
        raise InputError("bad")
    return row(item)


def killing(item: Input) -> Result:
    if number(item.path) == 30 and os.getpid() != PARENT:
        os.kill(os.getpid(), signal.SIGKILL)
    return row(item)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(work, "_PATIENCE", 0.0)
    make_small(tmp_path, FILES)
    return tmp_path


def test_rows_come_together_in_their_order(folder: Path) -> None:
    for jobs in (1, 2):
        results = list(for_each([str(folder)], row, jobs, together=PIECE))
        assert len(results) == FILES // PIECE
        assert [number for result in results for (number,) in result.rows] == list(range(1, FILES + 1))


def test_what_fails_stands_between(folder: Path) -> None:
    first, failed, rest, *_ = for_each([str(folder)], failing, together=PIECE)
    assert (first.rows, number(failed.item), failed.outcome) == ([(1,), (2,)], 3, Outcome.FAILED)
    assert rest.rows == [(4,), (5,), (6,), (7,), (8,)]


def test_a_worker_that_dies_costs_its_item(folder: Path) -> None:
    results = list(for_each([str(folder)], killing, 2, together=PIECE))
    (failed,) = [result for result in results if result.outcome is Outcome.FAILED]
    assert number(failed.item) == 30
    assert failed.error
    assert "died" in failed.error.message
    left = [number for number in range(1, FILES + 1) if number != 30]
    assert [number for result in results for (number,) in result.rows] == left

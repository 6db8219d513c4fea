"""Progress: a line of numbers, drawn beside what is written, gone at the end."""

from __future__ import annotations

import io
import os
import re
from typing import TYPE_CHECKING, NamedTuple

import pytest

from dcmtools.errors import InputError
from dcmtools.output import progress
from dcmtools.output.console import Console
from dcmtools.output.progress import Progress
from dcmtools.output.reporter import OutputOptions, Reporter
from dcmtools.results import Extent, Outcome, Result
from tests.support.run import stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dcmtools.errors import ExitStatus

ERASE = "\r\x1b[K"


class Screen(io.TextIOWrapper):
    """A terminal that keeps what is written piece by piece."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)
        self.pieces: list[str] = []

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.pieces.append(text)
        return len(text)


class Numbers(NamedTuple):
    """What a bar shows, and the time that it sees."""

    extent: Extent
    counts: dict[Outcome, int]
    now: list[float]


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Numbers:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    now = [1000.0]
    monkeypatch.setattr("rich.console.monotonic", lambda: now[0])
    return Numbers(Extent(), dict.fromkeys(Outcome, 0), now)


def plain(line: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", line)


def test_numbers_rates_and_the_time_that_remains(numbers: Numbers) -> None:
    extent, counts, now = numbers
    shown = progress._Bar(extent, color=True)
    assert plain(shown.line(counts)).split() == ["━" * 40, "0"]
    extent.total = 1000
    shown.line(counts)
    for _ in range(2):
        now[0] += 1
        counts[Outcome.DONE] += 90
        counts[Outcome.FAILED] += 10
        extent.moved += 2_500_000
        line = shown.line(counts)
    bar_of_200, *words = plain(line).split()
    assert len(bar_of_200) == 40
    assert words == ["200/1000", "100/s", "2.5", "MB/s", "20", "failed", "00:08", "left"]
    assert "\x1b[31m20 failed\x1b[0m" in line


def test_unknown_outcomes_are_told_beside_failures(numbers: Numbers) -> None:
    extent, counts, _ = numbers
    shown = progress._Bar(extent, color=True)
    counts[Outcome.UNKNOWN] = 2
    assert plain(shown.line(counts)).split()[1:] == ["2", "2", "unknown"]
    counts[Outcome.FAILED] = 1
    assert "\x1b[31m1 failed 2 unknown\x1b[0m" in shown.line(counts)


def test_a_slow_rate_has_a_decimal(numbers: Numbers) -> None:
    extent, counts, now = numbers
    shown = progress._Bar(extent, color=True)
    for _ in range(2):
        now[0] += 4
        counts[Outcome.DONE] += 10
        line = shown.line(counts)
    assert plain(line).split()[1:] == ["20", "2.5/s"]


def test_without_colour(numbers: Numbers) -> None:
    extent, counts, _ = numbers
    extent.total, counts[Outcome.FAILED] = 4, 1
    line = progress._Bar(extent, color=False).line(counts)
    assert "1/4" in line
    assert "\x1b" not in line


@pytest.mark.parametrize("columns", [1, 10, 40, 80, 200])
def test_the_line_fits(columns: int, numbers: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    extent, counts, _ = numbers
    extent.total, counts[Outcome.FAILED] = 1_000_000, 999_999
    line = plain(progress._Bar(extent, color=True).line(counts))
    assert "\n" not in line
    assert len(line) <= columns


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """A terminal on which runs are long from the start, and time for the next line is always."""
    monkeypatch.setattr(progress, "_AFTER", -1)
    monkeypatch.setattr(progress, "_INTERVAL", -1)
    return Screen()


def report(screen: Screen, results: Iterable[Result], extent: Extent | None = None) -> ExitStatus:
    console = Console(stream(), screen)
    shown = Progress(console, extent, color=False)
    reporter = Reporter(console, "x", summary="stored", progress=shown)
    return reporter.run(results, (), OutputOptions(), color=False)


def test_the_line_is_drawn_below_messages_and_gone_at_the_end(screen: Screen) -> None:
    results = [Result("a"), Result.failed("[red]b", InputError("gone")), Result("c")]
    report(screen, results, Extent(3))
    first, _, message, second, third, *rest = screen.pieces
    assert (message, rest) == ("x: [red]b: gone\n", [ERASE, "2 stored, 1 failed\n"])
    for number, line in enumerate([first, second, third], 1):
        assert line.startswith(ERASE)
        assert f" {number}/3 " in line
        assert ("1 failed" in line) == (number > 1)


def test_an_operation_can_tell_more_while_an_item_takes_its_time(screen: Screen) -> None:
    extent = Extent()

    def results() -> Iterator[Result]:
        extent.tick()
        assert " 0 " in screen.pieces[-1]
        extent.total = 7
        extent.tick()
        assert " 0/7 " in screen.pieces[-1]
        yield Result("a")

    report(screen, results(), extent)
    extent.tick()
    assert screen.pieces[-1] == "1 stored\n"


def test_a_bug_takes_the_line_away(screen: Screen) -> None:
    def results() -> Iterator[Result]:
        yield Result("a")
        raise KeyError

    with pytest.raises(KeyError):
        report(screen, results())
    assert screen.pieces[-1] == ERASE


def test_results_on_the_same_terminal_erase_it(screen: Screen) -> None:
    console = Console(stream(terminal=True), screen)
    console.show_progress("half")
    console.write("row\n")
    console.write("row\n")
    assert screen.pieces == [f"{ERASE}half", ERASE]


def test_a_short_run_shows_nothing(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_AFTER", 1000)
    monkeypatch.setattr(progress, "_Bar", None)
    report(screen, [Result("a")])
    assert screen.pieces == ["1 stored\n"]


def test_many_results_draw_few_lines(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_INTERVAL", 1000)
    report(screen, [Result("a")] * 1000)
    assert len(screen.pieces) == 3


def test_nothing_is_drawn_from_the_background(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "fileno", lambda: 2)
    monkeypatch.setattr(os, "tcgetpgrp", lambda _: os.getpgrp() + 1)
    report(screen, [Result("a")])
    assert screen.pieces == ["1 stored\n"]
    monkeypatch.setattr(os, "tcgetpgrp", lambda _: os.getpgrp())
    report(screen, [Result("a")])
    assert len(screen.pieces) == 4

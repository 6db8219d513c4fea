"""The console that shows text through a pager."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import ExitStatus, InputError
from dcmtools.output.pager import PagedConsole
from dcmtools.output.reporter import OutputOptions, Reporter
from dcmtools.results import Result
from tests.support.run import stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

MANY = 100_000
TO_FILE = ["sh", "-c", 'cat > "$0"']
LOST = Result.failed("lost", InputError("gone"))


class Screen:
    """A file in place of the terminal that a pager writes to, and messages beside it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "screen"
        self.path.touch()
        self.stderr = stream(terminal=True)
        self.logged: list[str] = []
        self.ended = 0

    @property
    def text(self) -> str:
        return self.path.read_text()

    def report(
        self, results: Iterable[Result], pager: Sequence[object], environment: dict[str, str] | None = None
    ) -> ExitStatus:
        words = [str(word) for word in pager]
        with (
            self.path.open("a", encoding="utf-8") as stdout,
            PagedConsole(stdout, self.stderr, self.logged.append, words, environment or {}) as console,
        ):
            status = Reporter(console, "x").run(results, (), OutputOptions(), color=False)
        self.ended = console.status
        return status


@pytest.fixture
def screen(tmp_path: Path) -> Screen:
    return Screen(tmp_path)


def test_all_text_goes_through_the_pager_and_it_is_waited_for(screen: Screen) -> None:
    pager = ["sh", "-c", 'echo "$LESS $0"; cat; echo end', "word"]
    results = [Result("a", text="müde\n"), Result("b", text=""), Result("c", text="two\n")]
    assert screen.report(results, pager, {"LESS": "FRX"}) == 0
    assert screen.text == "FRX word\nmüde\ntwo\nend\n"


def test_messages_wait_until_the_pager_has_ended_but_for_the_log(screen: Screen, tmp_path: Path) -> None:
    seen: list[str] = []

    def results() -> Iterator[Result]:
        yield LOST
        seen.append(screen.stderr.text)
        yield Result("a", text="one\n")
        yield LOST._replace(item="again")
        seen.append(screen.stderr.text)
        assert screen.logged[-1] == "x: again: gone"

    assert screen.report(results(), [*TO_FILE, tmp_path / "paged"]) == ExitStatus.PARTIAL
    assert seen == ["x: lost: gone\n"] * 2
    assert screen.stderr.text == "x: lost: gone\nx: again: gone\n1 done, 2 failed\n"


def test_messages_for_a_file_do_not_wait(screen: Screen, tmp_path: Path) -> None:
    screen.stderr.terminal = False

    def results() -> Iterator[Result]:
        yield Result("a", text="one\n")
        yield LOST
        assert screen.stderr.text == "x: lost: gone\n"

    screen.report(results(), [*TO_FILE, tmp_path / "paged"])


def test_without_text_there_is_no_pager(screen: Screen, tmp_path: Path) -> None:
    results = [LOST, Result("a", text=""), Result("b", raw=b"\xff\n")]
    assert screen.report(results, [*TO_FILE, tmp_path / "paged"]) == ExitStatus.PARTIAL
    assert not (tmp_path / "paged").exists()
    assert screen.path.read_bytes() == b"\xff\n"


@pytest.mark.parametrize("pager", [[], ["/nonexistent/pager"], ["/dev/null"]])
def test_without_a_pager_the_text_comes_as_it_is(pager: list[str], screen: Screen) -> None:
    assert screen.report([Result("a", text="one\n"), Result("b", text="two\n")], pager) == 0
    assert screen.text == "one\ntwo\n"


@pytest.mark.parametrize("failed", [False, True])
@pytest.mark.parametrize("text", ["line\n", None], ids=["written", "silent"])
def test_quitting_ends_the_run_with_the_status_of_what_was_shown(
    text: str | None, failed: bool, screen: Screen
) -> None:
    taken = 0

    def results() -> Iterator[Result]:
        nonlocal taken
        if failed:
            yield LOST
        yield Result("a", text="line\n")
        for taken in range(MANY):  # noqa: B007  how far it came
            yield Result("a", text=text)

    status = screen.report(results(), ["sh", "-c", "read line"])
    assert status == (ExitStatus.PARTIAL if failed else ExitStatus.DONE)
    assert screen.ended == 0
    assert taken < MANY - 1


@pytest.mark.parametrize("lines", [1, MANY])
@pytest.mark.parametrize(
    ("pager", "ended"), [(["false"], 1), (["sh", "-c", "exit 5"], 5), (["sh", "-c", "kill -9 $$"], -9)]
)
def test_how_a_pager_that_fails_has_ended(pager: list[str], ended: int, lines: int, screen: Screen) -> None:
    screen.report([Result("a", text="line\n" * lines)] * 2, pager)
    assert screen.ended == ended


def test_ctrl_c_while_the_pager_is_open_waits_for_it(
    screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = tmp_path / "end"
    os.mkfifo(end)
    handler = signal.getsignal(signal.SIGINT)
    wait = subprocess.Popen.wait

    def interrupted(process: subprocess.Popen[str], timeout: float | None = None) -> int:
        signal.raise_signal(signal.SIGINT)
        end.write_text("go\n")
        return wait(process, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
    assert screen.report([Result("a", text="one\n")], ["sh", "-c", 'cat; cat "$0"', end]) == 0
    assert screen.text == "one\ngo\n"
    assert signal.getsignal(signal.SIGINT) is handler


def test_ctrl_c_before_all_is_read_still_shows_what_there_is(screen: Screen) -> None:
    def results() -> Iterator[Result]:
        yield Result("a", text="one\n")
        raise KeyboardInterrupt

    assert screen.report(results(), ["sh", "-c", "cat; echo end"]) == ExitStatus.INTERRUPTED
    assert screen.text == "one\nend\n"

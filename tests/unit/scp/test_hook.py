"""Commands for received instances: arguments that stay what they are, and failures that are counted."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import UsageError
from dcmtools.net.stop import Stop
from dcmtools.scp import hook as module
from dcmtools.scp.hook import PLACEHOLDERS, Hook, filled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

VALUES = {name: f"<{name}>" for name in PLACEHOLDERS}


# ---------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        (("a", "{file}", "b"), ["a", "<file>", "b"]),
        (("a", "--in={file}", "{peer}:{calling_aet}"), ["a", "--in=<file>", "<peer>:<calling_aet>"]),
        (("a", "{}", "{FILE}", "$file", "{print $1}"), ["a", "{}", "{FILE}", "$file", "{print $1}"]),
    ],
)
def test_values_take_the_place_of_placeholders(words: tuple[str, ...], arguments: list[str]) -> None:
    assert filled(words, VALUES) == arguments


@pytest.mark.parametrize(
    "value", ["", "a b", "$(touch x)", "`x`", "; rm -rf /", "'", '"', "*", "a|b", "{file}", "\\", "Ünï", "@x"]
)
def test_whatever_a_value_is_it_is_one_argument_as_it_is(value: str) -> None:
    words = ("a", "{study_uid}", "x{study_uid}y")
    assert filled(words, {**VALUES, "study_uid": value}) == ["a", value, f"x{value}y"]


@pytest.mark.parametrize("value", ["-rf", "--output=/etc/passwd", "-"])
def test_a_value_does_not_become_an_option(value: str) -> None:
    values = {**VALUES, "calling_aet": value}
    with pytest.raises(ValueError, match="begins with a dash"):
        filled(("a", "{calling_aet}"), values)
    assert filled(("a", "--from={calling_aet}"), values) == ["a", f"--from={value}"]


@pytest.mark.parametrize("value", ["a\0b", "a\nb", "\x1b[31m", "\u202ex"])
def test_a_value_with_a_control_character_is_not_passed_on(value: str) -> None:
    with pytest.raises(ValueError, match="control character"):
        filled(("a", "x{study_uid}"), {**VALUES, "study_uid": value})


# ---------------------------------------------------------------- what is no command


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "there is no command"),
        (("no-such-program-anywhere",), "no program 'no-such-program-anywhere'"),
        (("/",), "no program '/'"),
        (("{file}",), "no program '{file}'"),
        (("true", "{path}"), r"\{path\} stands for nothing"),
    ],
)
def test_what_is_refused_before_anything_runs(words: tuple[str, ...], message: str) -> None:
    stop = Stop()
    with pytest.raises(UsageError, match=message):
        Hook(words, 10, stop)
    stop.close()


# ---------------------------------------------------------------- running


@contextmanager
def running(words: Sequence[str], timeout: float = 20) -> Iterator[tuple[Hook, Stop]]:
    before, stop = threading.active_count(), Stop()
    made = Hook(words, timeout, stop)
    made.start()
    try:
        yield made, stop
    finally:
        if made._thread.is_alive():
            made.finish()
        stop.close()
    assert threading.active_count() == before


def python(code: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code, *arguments)


def test_commands_run_one_after_the_other_and_are_waited_for(tmp_path: Path) -> None:
    code = "import sys, time; time.sleep(0.02); open(sys.argv[1], 'a').write(sys.argv[2] + '\\n')"
    log = tmp_path / "log"
    with running(python(code, str(log), "{sop_instance_uid}")) as (hook, _):
        for number in range(5):
            hook.submit({**VALUES, "sop_instance_uid": f"1.2.{number}"})
        hook.finish()
        assert log.read_text().split() == [f"1.2.{number}" for number in range(5)]
        assert (hook.count, hook.failed) == (5, 0)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise SystemExit(3)", "exit status 3"),
        ("import os; os.kill(os.getpid(), 9)", "killed by signal 9"),
        ("pass", ""),
    ],
)
def test_how_commands_end(caplog: pytest.LogCaptureFixture, code: str, reason: str) -> None:
    with running(python(code)) as (hook, _):
        hook.submit(VALUES)
        hook.submit(VALUES)
        hook.finish()
        assert (hook.count, hook.failed) == (2, 2 if reason else 0)
    line = f'exec-failed sop_instance_uid="<sop_instance_uid>" reason="{reason}"'
    assert caplog.messages == ([line] * 2 if reason else [])


def test_a_command_that_cannot_be_run_costs_that_run_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = tmp_path / "program"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    with running((str(program), "{calling_aet}")) as (hook, _):
        hook.submit(VALUES)
        hook.submit({**VALUES, "calling_aet": "-x"})
        program.write_text("#!/bin/sh\n")
        hook.finish()
        assert hook.count == 2
        assert 1 <= hook.failed <= 2  # the first may have been run when it could be
    assert 'reason="not run: the value for {calling_aet} begins with a dash, as options do"' in caplog.text


def test_a_command_that_takes_too_long_is_killed_with_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    line = f"sleep 100 & echo $! > {pid}; wait"
    with running(("sh", "-c", line), timeout=0.5) as (hook, _):
        started = time.monotonic()
        hook.submit(VALUES)
        hook.finish()
        assert time.monotonic() - started < 5
        assert hook.failed == 1
    wait_for_the_end_of(int(pid.read_text()))


def test_what_a_command_leaves_running_is_killed_when_it_ends(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    with running(("sh", "-c", f"sleep 100 & echo $! > {pid}")) as (hook, _):
        hook.submit(VALUES)
        hook.finish()
        assert (hook.count, hook.failed) == (1, 0)
    wait_for_the_end_of(int(pid.read_text()))


def test_closed_before_its_end_it_kills_the_command_and_runs_no_more(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    with running(("sh", "-c", f"sleep 100 & echo $! > {pid}; wait")) as (hook, _):
        hook.submit(VALUES)
        hook.submit(VALUES)
        while not (pid.exists() and pid.read_text()):
            time.sleep(0.01)
        started = time.monotonic()
        hook.close()
        assert time.monotonic() - started < 5
        assert (hook.count, hook.failed) == (2, 2)
    wait_for_the_end_of(int(pid.read_text()))


def test_one_that_never_began_can_be_closed() -> None:
    stop = Stop()
    Hook(("true",), 10, stop).close()
    stop.close()


def wait_for_the_end_of(pid: int) -> None:
    end = time.monotonic() + 5
    while is_running(pid):
        assert time.monotonic() < end
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_second_request_to_stop_kills_the_command_and_runs_no_more(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    with running(("sh", "-c", f"touch {begun}; sleep 100")) as (hook, stop):
        for _ in range(3):
            hook.submit(VALUES)
        while not begun.exists():
            time.sleep(0.01)
        stop.request()
        stop.request()
        started = time.monotonic()
        hook.finish()
        assert time.monotonic() - started < 5
        assert (hook.count, hook.failed) == (3, 3)


def test_when_too_many_wait_the_next_one_does_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "_MOST_WAITING", 2)
    go = tmp_path / "go"
    with running(("sh", "-c", f"until test -e {go}; do sleep 0.01; done")) as (hook, _):
        submitted = threading.Semaphore(0)

        def submit() -> None:
            for _ in range(5):
                hook.submit(VALUES)
                submitted.release()

        thread = threading.Thread(target=submit)
        thread.start()
        for _ in range(3):  # one runs, two wait
            assert submitted.acquire(timeout=5)
        assert not submitted.acquire(timeout=0.2)
        go.touch()
        thread.join(5)
        hook.finish()
        assert (hook.count, hook.failed) == (5, 0)


def test_its_input_is_empty_and_it_has_a_session_of_its_own(tmp_path: Path) -> None:
    told = tmp_path / "told"
    code = (
        "import os, sys; open(sys.argv[1], 'w').write(f'{sys.stdin.read()!r} {os.getsid(0) == os.getpid()}')"
    )
    with running(python(code, str(told))) as (hook, _):
        hook.submit(VALUES)
        hook.finish()
    assert told.read_text() == "'' True"


def test_without_stderr_it_gets_none_of_our_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "__stderr__", None)
    told = tmp_path / "told"
    code = "import os, sys; open(sys.argv[1], 'w').write(' '.join(map(os.readlink, sys.argv[2:])))"
    with running(python(code, str(told), "/proc/self/fd/1", "/proc/self/fd/2")) as (hook, _):
        hook.submit(VALUES)
        hook.finish()
    assert told.read_text() == "/dev/null /dev/null"

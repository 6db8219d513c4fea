"""Every status that the shell can see, and that click lets none of them get lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from dcmtools.errors import (
    AssociationError,
    CheckFailed,
    DcmtoolsError,
    ExitStatus,
    InputError,
    Interrupted,
    OutputError,
    PeerFailure,
    UsageError,
)
from dcmtools.results import Outcome, Result
from tests.support.run import run
from tests.support.stubs import group_of, reporting

if TYPE_CHECKING:
    from collections.abc import Iterator

DCMTOOLS = Path(sys.executable).with_name("dcmtools")
ENVIRONMENT = {"PATH": os.defpath, "XDG_CONFIG_HOME": "/nonexistent"}

DONE = Result("a")
WARNED = Result("b", outcome=Outcome.WARNING, note="odd")
SKIPPED = Result.skipped("c", "not DICOM")
BAD_INPUT = Result.failed("d", InputError("not there"))
REFUSED = Result.failed("e", PeerFailure("0xA700"))


def script(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([DCMTOOLS, *args], env=ENVIRONMENT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ([], ExitStatus.DONE),
        ([DONE, WARNED, SKIPPED], ExitStatus.DONE),
        ([SKIPPED], ExitStatus.DONE),
        ([DONE, BAD_INPUT], ExitStatus.PARTIAL),
        ([WARNED, BAD_INPUT], ExitStatus.PARTIAL),
        ([BAD_INPUT, REFUSED], ExitStatus.PARTIAL),
        ([BAD_INPUT, BAD_INPUT], ExitStatus.INPUT),
        ([BAD_INPUT, SKIPPED], ExitStatus.INPUT),
        ([Result.failed("x", CheckFailed("no"))], ExitStatus.PARTIAL),
        ([Result.failed("x", OutputError("disk full"))], ExitStatus.PARTIAL),
        ([Result.failed("x", UsageError("what?"))], ExitStatus.USAGE),
        ([Result.failed("x", AssociationError("no", step="connect"))], ExitStatus.NO_ASSOCIATION),
        ([REFUSED], ExitStatus.PEER_FAILURE),
        ([DONE, Result.failed("x", Interrupted("stopped"))], ExitStatus.INTERRUPTED),
    ],
)
def test_results_add_up(results: list[Result], status: ExitStatus, monkeypatch: pytest.MonkeyPatch) -> None:
    group = group_of(monkeypatch, stub=reporting(lambda: results))
    assert run("stub", group=group).status == status


@pytest.mark.parametrize("error", [InputError, PeerFailure, Interrupted, UsageError, OutputError])
def test_an_error_that_ends_the_run(error: type[DcmtoolsError], monkeypatch: pytest.MonkeyPatch) -> None:
    def results() -> Iterator[Result]:
        raise error("over", hint="start again")
        yield DONE

    result = run("stub", group=group_of(monkeypatch, stub=reporting(results)))
    assert result.status == error.status
    assert result.stderr == "dcmtools stub: over\nhint: start again\n"


def test_an_error_after_a_success_is_a_partial_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def results() -> Iterator[Result]:
        yield DONE
        raise InputError("over")

    assert run("stub", group=group_of(monkeypatch, stub=reporting(results))).status == ExitStatus.PARTIAL


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputError("no"), ExitStatus.INPUT),
        (click.UsageError("no"), ExitStatus.USAGE),
        (KeyboardInterrupt(), ExitStatus.INTERRUPTED),
        (click.Abort(), ExitStatus.INTERRUPTED),
        (BrokenPipeError(), ExitStatus.STDOUT_CLOSED),
        (OSError(28, "No space left on device"), ExitStatus.PARTIAL),
        (EOFError(), ExitStatus.BUG),
        (ConnectionResetError(), ExitStatus.BUG),
    ],
)
def test_what_a_command_raises(
    error: BaseException, status: ExitStatus, monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command()
    def command() -> None:
        """Raise."""
        raise error

    assert run("stub", group=group_of(monkeypatch, stub=command)).status == status


def test_a_bug_asks_for_a_report_and_shows_its_traceback_only_when_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @click.command()
    def command() -> None:
        """Fail."""
        raise KeyError("\x1b[2J")

    group = group_of(monkeypatch, stub=command)
    plain, debug = run("stub", group=group), run("stub", "--debug", group=group)
    assert plain.status == debug.status == ExitStatus.BUG
    assert plain.stderr.startswith("dcmtools stub: internal error: KeyError: ")
    assert "please report" in plain.stderr
    assert "Traceback" not in plain.stderr
    assert "Traceback" in debug.stderr
    assert "\x1b" not in plain.stderr + debug.stderr


def test_the_script_returns_0() -> None:
    done = script("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("dcmtools ")


@pytest.mark.parametrize(
    "args", [[], ["ecko"], ["echo"], ["echo", "--count", "0", "h"], ["echo", "a:b"], ["-x"]]
)
def test_the_script_returns_2_for_usage(args: list[str]) -> None:
    done = script(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr


def test_the_script_returns_2_for_the_configuration(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[peers.pacs]\nhost = 1\n")
    environment = ENVIRONMENT | {"DCMTOOLS_CONFIG": str(config)}
    done = subprocess.run(
        [DCMTOOLS, "echo", "pacs"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"{config}: line 2: peers.pacs.host: must be text" in done.stderr


def test_the_script_returns_3_for_missing_input() -> None:
    assert script("dump", "/nonexistent").returncode == 3


def test_the_script_returns_4_where_nobody_listens() -> None:
    done = script("echo", "127.0.0.1:1")
    assert done.returncode == 4
    assert "Traceback" not in done.stderr


LOADING = """
import sys

class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == "click":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
from dcmtools.__main__ import run
run()
"""


def test_ctrl_c_while_the_program_loads() -> None:
    done = subprocess.run([sys.executable, "-c", LOADING], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")

"""A result that cannot be written is a failure that the exit status tells."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.interface.test_broken_pipe import SCRIPT
from tests.support import samples
from tests.support.run import run

FULL = Path("/dev/full")
pytestmark = pytest.mark.skipif(not FULL.exists(), reason="/dev/full is Linux's")


def into_full(*command: str | Path) -> tuple[int, str]:
    with FULL.open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stderr


def test_results() -> None:
    status, stderr = into_full(sys.executable, "-c", SCRIPT)
    assert status == 1
    assert stderr.splitlines() == ["dcmtools: stdout: No space left on device", "closed after 0"]


def test_help() -> None:
    status, stderr = into_full(Path(sys.executable).with_name("dcmtools"), "--help")
    assert (status, stderr) == (1, "dcmtools: No space left on device\n")


def test_a_log_that_is_lost_ends_no_work_and_is_told_of() -> None:
    files = [samples.ct(), samples.mr()]
    result = run("store", "--dry-run", "--log-file", FULL, "h", *files)
    assert (result.status, len(result.stdout.splitlines())) == (1, 2)
    assert result.stderr.splitlines() == [
        "2 would be sent",
        f"dcmtools store: log file {FULL} is not complete: No space left on device",
    ]


def test_a_log_that_is_lost_hides_no_worse_status() -> None:
    absent = Path("/nonexistent")
    result = run("dump", "--log-file", FULL, absent, absent)
    assert result.status == 3
    assert result.stderr.count("is not complete") == 1


def test_a_stdout_that_was_never_open() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" -c "$1" >&-', sys.executable, SCRIPT],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("dcmtools: stdout is closed\n")

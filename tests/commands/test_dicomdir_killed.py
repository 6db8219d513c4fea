"""Media and SIGKILL: the DICOMDIR is the old or the new one, and the same command goes on.

A run is killed before and after each call by which something on the medium changes.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import file_sets
from tests.support.file_set_calls import dicomdir, faults, files, instance, listed, made

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 60
SCRIPT = """
import os, sys
left = int(sys.argv[1])
def watched(function):
    def call(*args, **kwargs):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)
        result = function(*args, **kwargs)
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)
        return result
    return call
for name in ("fsync", "rename", "replace", "link", "unlink", "rmdir", "mkdir", "fchmod"):
    setattr(os, name, watched(getattr(os, name)))
from dcmtools.cli.main import main
sys.exit(main(sys.argv[2:]))
"""


def killed(step: int, *args: object) -> bool:
    """Call a command, which is killed at a step; tell whether it was, rather than come to its end."""
    words = [sys.executable, "-c", SCRIPT, str(step), "dicomdir", *map(str, args)]
    done = subprocess.run(words, capture_output=True, timeout=LIMIT, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


def other(folder: Path) -> Path:
    return instance(folder / "more" / "1", 1, ImageComments="other")


@pytest.mark.parametrize(
    ("command", "options", "left"),
    [
        ("append", ["more", "--jobs", "1"], {"1", "2", "3", "4"}),
        ("update", ["more", "--jobs", "1"], {"1", "2", "3", "4"}),
        ("remove", ["--patient", "P2", "--yes"], {"1", "2"}),
        ("rebuild", ["--jobs", "1"], {"1", "2", "3"}),
    ],
)
def test_a_kill_leaves_a_medium_in_order(
    tmp_path: Path, command: str, options: list[str], left: set[str]
) -> None:
    original = made(tmp_path)
    instance(tmp_path / "more" / "4", 4)
    if command == "update":
        other(tmp_path)
    options = [str(tmp_path / "more") if each == "more" else each for each in options]
    before = (original / "DICOMDIR").read_bytes()
    medium = tmp_path / "copy"
    seen = set()
    step = 0
    while True:
        step += 1
        shutil.rmtree(medium, ignore_errors=True)
        shutil.copytree(original, medium)
        went_on = not killed(step, command, medium, *options)
        seen.add((medium / "DICOMDIR").read_bytes() == before)
        assert faults(medium, warnings=False) == []
        if not went_on:
            again = dicomdir(command, medium, *options)
            assert again.status == 0 or "nothing of what is to be removed" in again.stderr
        assert not [path for path in medium.rglob("*") if path.name.startswith(".")]
        assert set(listed(medium)) == left
        assert set(listed(medium).values()) <= files(medium)
        assert faults(medium, warnings=False) == []
        if went_on:
            break
    assert step > 4
    assert seen == {True, False} or command == "rebuild"


def test_compact_is_done_or_not(tmp_path: Path) -> None:
    def inactive(draft: file_sets.Draft) -> None:
        draft.of("PATIENT", 1).values.RecordInUseFlag = 0

    medium = file_sets.medium(tmp_path / "medium", inactive)
    before = (medium / "DICOMDIR").read_bytes()
    sizes: list[int] = []
    while killed(len(sizes) + 1, "compact", medium):
        assert faults(medium, warnings=False) == []
        sizes.append((medium / "DICOMDIR").stat().st_size)
        (medium / "DICOMDIR").write_bytes(before)
    assert len(set(sizes)) == 2


@pytest.mark.parametrize("command", ["append", "update"])
def test_ctrl_c_leaves_a_medium_in_order(tmp_path: Path, command: str) -> None:
    """Just before and after each call: what the DICOMDIR names is there, and the closing word is true."""
    original = made(tmp_path)
    instance(tmp_path / "more" / "4", 4)
    other(tmp_path)
    before = (original / "DICOMDIR").read_bytes()
    medium = tmp_path / "copy"
    script = SCRIPT.replace("9)", "2)")
    stopped = 0
    for step in range(1, 20):
        shutil.rmtree(medium, ignore_errors=True)
        shutil.copytree(original, medium)
        words = [sys.executable, "-c", script, str(step), "dicomdir", command, str(medium)]
        done = subprocess.run(
            [*words, str(tmp_path / "more"), "--jobs", "1"],
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        written = (medium / "DICOMDIR").read_bytes() != before
        assert faults(medium, warnings=False) == []
        assert set(listed(medium).values()) <= files(medium)
        if done.returncode == 130:
            stopped += 1
            assert ("nothing of this run is left" not in done.stderr) is written
            assert written or len(files(medium)) == 3
    assert stopped > 4

"""``sort``, killed at random, and the same command again: nothing is lost, nothing is there twice.

``DCMTOOLS_TEST_KILLS`` is the number of kills in each way of sorting.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from tests.support.killing import LIMIT, settle
from tests.support.samples import make_ct
from tests.support.served import DCMTOOLS

KILLS: Final = int(os.environ.get("DCMTOOLS_TEST_KILLS", "9"))
FILES: Final = 60
ELSEWHERE: Final = "/dev/shm"
MODES: Final = {
    "copy": [],
    "copy alone": ["-j", "1"],
    "move": ["--move"],
    "move elsewhere": ["--move"],
    "hard": ["--link", "hard"],
    "symbolic": ["--link", "symbolic"],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of which many ask for one name, and some are there twice."""
    folder = tmp_path_factory.mktemp("made") / "in"
    make_ct(folder, FILES, 100_000)
    for number in range(1, FILES, 10):
        shutil.copy(folder / f"ct{number:06d}.dcm", folder / f"again{number}.dcm")
    return folder


@pytest.mark.parametrize("mode", MODES)
def test_nothing_lost_nothing_twice(mode: str, made: Path, tmp_path: Path) -> None:
    elsewhere = ELSEWHERE if mode == "move elsewhere" and os.path.isdir(ELSEWHERE) else tmp_path
    with tempfile.TemporaryDirectory(dir=elsewhere) as name:
        out = Path(name) / "out"
        known = set(contents(made))
        rng = random.Random(mode)
        whole = took(copied(made, tmp_path), out, mode)
        stages = set()
        for _ in range(KILLS):
            shutil.rmtree(out)
            source = copied(made, tmp_path)
            kill(source, out, mode, rng.uniform(0.3, 1) * whole)
            placed = contents(out)
            stages.add(placed.total())
            assert set(placed) <= known  # each is whole
            assert set(placed) | set(contents(source)) == known
            assert not list(out.rglob(".*"))
            took(source, out, mode)
            assert contents(out) == Counter(known)
            assert not list(out.rglob(".*"))
            left = contents(source)
            assert left == (Counter() if "--move" in MODES[mode] else contents(made))
        assert KILLS < 50 or len(stages) > 1  # links are made within milliseconds


def copied(made: Path, folder: Path) -> Path:
    """Make what is to be sorted."""
    source = folder / "in"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(made, source)
    return source


def contents(folder: Path) -> Counter[bytes]:
    return Counter([path.read_bytes() for path in folder.rglob("*") if path.is_file()])


def words(source: Path, out: Path, mode: str) -> list[str]:
    template = "{PatientID}/{InstanceNumber:.3}.dcm"  # so that ten have a name in common
    return [DCMTOOLS, "sort", str(source), "-o", str(out), "-q", "-t", template, *MODES[mode]]


def took(source: Path, out: Path, mode: str) -> float:
    """Sort to the end; return how long it took."""
    had = any(source.iterdir())
    begun = time.monotonic()
    done = subprocess.run(words(source, out, mode), stdout=subprocess.DEVNULL, timeout=LIMIT, check=False)
    assert done.returncode == (0 if had else 3)
    return time.monotonic() - begun


def kill(source: Path, out: Path, mode: str, after: float) -> None:
    process = subprocess.Popen(words(source, out, mode), stdout=subprocess.DEVNULL)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.kill()
    assert process.wait(LIMIT) in (-9, 0)
    settle("sort", source)

"""``modify --in-place``, killed at random: each file is the old one or the new one, and nothing else is left.

``DCMTOOLS_TEST_KILLS`` raises the number of kills.
"""

from __future__ import annotations

import os
import random
import subprocess
import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.killing import LIMIT, settle
from tests.support.run import run
from tests.support.samples import make_ct
from tests.support.served import DCMTOOLS

if TYPE_CHECKING:
    from pathlib import Path

KILLS: Final = int(os.environ.get("DCMTOOLS_TEST_KILLS", "6"))
FILES: Final = 150


@pytest.mark.parametrize("backup", [[], ["--backup", ".bak"]])
def test_old_or_new(backup: list[str], tmp_path: Path) -> None:
    files = make_ct(tmp_path / "files", FILES, 64 * 1024)
    rng = random.Random(len(backup))
    known = {path: {path.read_bytes()} for path in files}
    pixels = files[0].read_bytes()[-60_000:]
    whole = took(tmp_path / "files")
    for path in files:
        known[path].add(path.read_bytes())
    seen: set[int] = set()
    words = [DCMTOOLS, "modify", str(tmp_path / "files"), "--in-place", "-q", "--set"]
    for number in range(KILLS):
        name = f"A^{number}"
        process = subprocess.Popen(
            [*words, f"PatientName={name}", *backup],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(rng.uniform(0.1, 0.1 + whole))
        except subprocess.TimeoutExpired:
            process.kill()
        assert process.wait(LIMIT) in (-9, 0, 1)
        settle("modify", tmp_path / "files")
        # A new one, whole, whose name was the next step.
        for stray in (tmp_path / "files").glob(".dcmtools-*"):
            assert name.encode() in stray.read_bytes()
            assert stray.read_bytes().endswith(pixels)
            stray.unlink()
        done = 0
        for path in files:
            data = path.read_bytes()
            if data not in known[path]:
                assert data.endswith(pixels)
                assert b"PN" + (len(name) + len(name) % 2).to_bytes(2, "little") + name.encode() in data
                done += 1
                known[path].add(data)
            if (kept := path.with_name(path.name + ".bak")).exists():
                assert kept.read_bytes() in known[path]
                kept.unlink()
        seen.add(done)
    assert len(seen) > 1
    assert {path.name for path in (tmp_path / "files").iterdir()} == {path.name for path in files}
    assert run("dump", *files[:20], "-q").status == 0


def took(folder: Path) -> float:
    begun = time.monotonic()
    args = [DCMTOOLS, "modify", str(folder), "--in-place", "--set", "PatientName=FIRST", "-q"]
    subprocess.run(args, check=True, stdout=subprocess.DEVNULL, timeout=LIMIT)
    return time.monotonic() - begun

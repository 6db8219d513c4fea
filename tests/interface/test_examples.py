"""What lies in examples/ runs as it stands there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_demo_shows_each_command_and_proves_that_no_byte_changed(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [EXAMPLES / "demo.sh"],
        env={"PATH": path, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    for command in ("serve", "echo", "store", "dump"):
        assert f"\n$ dcmtools {command} " in done.stdout
    assert "12 of 12 data sets stand in the archive byte for byte" in done.stdout
    assert "the server has stopped with status 0" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", ["cut", "absent"])
def test_the_proof_fails_where_a_data_set_is_not_the_same(tmp_path: Path, change: str) -> None:
    head = b"\0" * 128 + b"DICM\x02\0\0\0UL\x04\0\x04\0\0\0" + b"meta"
    for folder in ("sent", "stored"):
        (tmp_path / folder).mkdir()
    (tmp_path / "sent" / "a.dcm").write_bytes(head + b"data set")
    if change == "cut":
        (tmp_path / "stored" / "a.dcm").write_bytes(head + b"data se")

    proof: list[str | Path] = [
        sys.executable,
        EXAMPLES / "same_data_sets.py",
        tmp_path / "sent",
        tmp_path / "stored",
    ]
    done = subprocess.run(proof, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 1
    assert "a.dcm" in done.stderr

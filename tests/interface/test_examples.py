"""What lies in examples/ runs as it stands there."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.samples import real_files
from tests.support.served import serving

EXAMPLES = Path(__file__).parents[2] / "examples"
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def test_the_demo_shows_each_command_and_proves_that_no_byte_changed(tmp_path: Path) -> None:
    done = subprocess.run(
        [EXAMPLES / "demo.sh"],
        env={"PATH": PATH, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    for command in ("serve", "echo", "store", "dump", "find"):
        assert f"\n$ dcmtools {command} " in done.stdout
    assert done.stdout.count("12 of 12 data sets stand in the archive byte for byte") == 2
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


@pytest.fixture
def night(tmp_path: Path) -> Path:
    folder = tmp_path / "night"
    folder.mkdir()
    for path in real_files():
        if path.name in ("CT_small.dcm", "MR_small.dcm"):
            shutil.copy(path, folder)
    return folder


def nightly(peer: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [EXAMPLES / "nightly.sh", peer, folder, folder.with_name("state")],
        env={"PATH": PATH, "HOME": str(folder.parent), "DCMTOOLS_STORE_RETRY_DELAY": "0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def outcomes(folder: Path) -> list[str]:
    (report,) = folder.with_name("state").glob("*.csv")
    with report.open(newline="") as lines:
        return [row["outcome"] for row in csv.DictReader(lines)]


def test_each_file_is_sent_once_whatever_night_the_peer_was_down(tmp_path: Path, night: Path) -> None:
    with serving(tmp_path / "archive") as server:
        first = nightly(server.address, night)
        assert (first.returncode, first.stdout, first.stderr) == (0, "", "")
        assert outcomes(night) == ["done", "done"]
    shutil.copy(night / "CT_small.dcm", night / "new.dcm")

    down = nightly(server.address, night)
    assert (down.returncode, down.stdout) == (4, "")
    assert f"no association with {server.address}; the next run sends what is missing" in down.stderr
    assert sorted(outcomes(night)) == ["failed", "skipped", "skipped"]

    with serving(tmp_path / "archive", port=server.port):
        again = nightly(server.address, night)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert sorted(outcomes(night)) == ["done", "skipped", "skipped"]


def test_a_night_with_a_bad_file_says_so_and_sends_the_others(tmp_path: Path, night: Path) -> None:
    (night / "broken.dcm").write_bytes(b"broken")
    with serving(tmp_path / "archive") as server:
        done = nightly(server.address, night)

    assert (done.returncode, done.stdout) == (1, "")
    assert "broken.dcm: not a DICOM file" in done.stderr
    assert "nightly: status 1; " in done.stderr
    assert sorted(outcomes(night)) == ["done", "done", "failed"]


def test_a_night_without_files_is_no_fault_but_one_without_its_folder_is(tmp_path: Path) -> None:
    (tmp_path / "night").mkdir()
    nothing = nightly("127.0.0.1:1", tmp_path / "night")
    assert (nothing.returncode, nothing.stdout, nothing.stderr) == (0, "", "")

    missing = nightly("127.0.0.1:1", tmp_path / "absent")
    assert missing.returncode == 3
    assert "absent: No such file or directory" in missing.stderr

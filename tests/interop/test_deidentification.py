"""De-identification proven with other tools' eyes: planted identifiers, and a validator of data sets."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from dcmtools.errors import DcmtoolsError
from tests.support.deidentified import Options, file_of
from tests.support.samples import named_files, pydicom_data_files

PLANTER = Path(__file__).parents[3] / "shared" / "phi" / "phi_plant.py"
# Their meta names an instance that the data set does not, or they are read no further than to a first fault.
_BEYOND_IT = frozenset({"empty_charset_LEI", "nested_priv_SQ"})


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, PLANTER, *map(str, words)], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("kind", [(), ("--light",)])
def test_nothing_required_is_left_of_what_was_planted(tmp_path: Path, kind: tuple[str, ...]) -> None:
    if not PLANTER.exists():
        pytest.skip(f"there is no {PLANTER}")
    planted, cleaned = tmp_path / "planted", tmp_path / "cleaned"
    assert run("plant", "-o", planted, *kind).returncode == 0
    cleaned.mkdir()
    for path in planted.glob("*.dcm"):
        (cleaned / path.name).write_bytes(file_of(path))
    checked = run("check", planted / "manifest.json", cleaned)
    assert checked.returncode == 0, checked.stdout
    assert "files out 27/27" in checked.stdout
    assert " 0 leaked   ALL" in checked.stdout


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(retain=("dates-shifted",), clean=("descriptors", "structured", "graphics")),
        Options(retain=("dates", "patient", "device", "institution", "safe-private")),
    ],
    ids=["basic", "cleaned", "retained"],
)
def test_no_new_errors(tmp_path: Path, options: Options) -> None:
    if not shutil.which("dciodvfy"):
        pytest.skip("not installed: dciodvfy")
    written = tmp_path / "out.dcm"
    for path in [path for _, path in named_files()] + pydicom_data_files():
        if path.stem in _BEYOND_IT:
            continue
        try:
            written.write_bytes(file_of(path, options))
        except DcmtoolsError:
            continue
        new = errors_of(written) - errors_of(path)
        assert not new, f"{path.name}: {new}"


def errors_of(path: Path) -> Counter[str]:
    """The errors that a validator finds, whatever UIDs they are about."""
    done = subprocess.run(["dciodvfy", path], capture_output=True, check=False)
    lines = done.stderr.decode("latin-1").splitlines()
    return Counter(re.sub(r"\b[0-9][0-9.]*", "UID", line) for line in lines if line.startswith("Error"))

"""``dcmtools dump`` on files cut anywhere, and on the corpus of malformed and hostile files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dcmtools.files.part10 import Part10File
from tests.support.harmless import unharmed
from tests.support.samples import real_file

GENERATOR = Path(__file__).parents[2].parent / "shared" / "hostile" / "gen_corpus.py"
CANARY = f"/dev/shm/dump{os.getpid()}"  # where paths inside the files point to


def top_boundaries(path: Path) -> set[int]:
    """Where a cut leaves a whole data set: between elements at the top."""
    with Part10File.open(str(path)) as file:
        walker = file.walk()
        starts = {
            offset for tag, vr, offset, _, _, depth in walker if depth == 0 and (vr or tag >> 16 != 0xFFFE)
        }
        return starts | {file.data_set_offset, file.source.size}


@pytest.mark.parametrize("name", ["rtplan.dcm", "ExplVR_BigEnd.dcm", "test-SR.dcm", "MR_small_RLE.dcm"])
def test_a_file_cut_anywhere_is_refused_unless_between_elements(name: str, tmp_path: Path) -> None:
    """Never status 0 for less than the whole."""
    original = real_file(name)
    data, path = original.read_bytes(), tmp_path / "cut.dcm"
    boundaries = top_boundaries(original)
    for size in [*range(min(len(data), 3500)), *range(3500, len(data) + 1, 41), *boundaries]:
        path.write_bytes(data[:size])
        done = unharmed("dump", path)
        assert done.status == (0 if size in boundaries else 3), size
        assert (done.stdout == "") == (done.status == 3)


def test_a_deflated_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    """PS3.5 A.5. Behind the stream stand 8 bytes of trailer."""
    data, path = real_file("image_dfl.dcm").read_bytes(), tmp_path / "cut.dcm"
    for size in range(len(data) - 9, 300, -37):
        path.write_bytes(data[:size])
        assert unharmed("dump", path).status == 3


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    if not GENERATOR.is_file():
        pytest.skip("not here: the generator of the hostile corpus")
    folder = tmp_path_factory.mktemp("corpus")
    command = [sys.executable, str(GENERATOR), str(folder), "--canary", CANARY]
    subprocess.run(command, check=True, capture_output=True)
    return sorted((folder / "files").iterdir())


@pytest.mark.parametrize("form", [["--format", "json"], ["+P", "PatientID"]], ids=["json", "search"])
def test_the_hostile_corpus(corpus: list[Path], form: list[str]) -> None:
    statuses = [unharmed("dump", *form, path).status for path in corpus]
    assert len(statuses) > 400
    assert 100 < statuses.count(3) < 300


def test_the_expectations_of_the_corpus(corpus: list[Path]) -> None:
    """What a careful reader can show is shown; what is not usable is refused."""
    manifest = json.loads((corpus[0].parents[1] / "manifest.json").read_text())
    expected = {entry["name"]: entry["expect"] for entry in manifest}
    statuses = {path.name: unharmed("dump", path).status for path in corpus}
    assert {name for name, status in statuses.items() if status and expected[name] == "read"} == set()
    assert {name for name, status in statuses.items() if not status and expected[name] == "reject"} == set()
    assert len(statuses) > 400


def test_nothing_is_done_that_a_name_in_a_file_asks_for(corpus: list[Path]) -> None:
    assert corpus
    assert not Path(CANARY).exists()

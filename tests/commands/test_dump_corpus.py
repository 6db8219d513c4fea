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
FIRST_META_ELEMENT = 144  # what is cut before its end shows nothing at all
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
def test_a_file_cut_anywhere_fails_unless_between_elements(name: str, tmp_path: Path) -> None:
    """Never status 0 for less than the whole; strictly, nothing is shown of it."""
    original = real_file(name)
    data, path = original.read_bytes(), tmp_path / "cut.dcm"
    boundaries = top_boundaries(original)
    for size in [*range(min(len(data), 1800)), *range(1800, len(data) + 1, 61), *boundaries]:
        path.write_bytes(data[:size])
        strict = unharmed("dump", "--strict", path)
        assert strict.status == (0 if size in boundaries else 3), size
        assert (strict.stdout == "") == (strict.status == 3)
        lenient = unharmed("dump", path)
        assert lenient.status == (0 if size in boundaries else 1 if lenient.stdout else 3), size
        assert lenient.stdout or size < FIRST_META_ELEMENT


@pytest.mark.parametrize("name", ["rtplan.dcm", "ExplVR_BigEnd.dcm", "MR_small_RLE.dcm"])
def test_of_a_file_cut_anywhere_the_beginning_is_shown(name: str, tmp_path: Path) -> None:
    """All lines but those of what is cut through and of what is around it."""
    original = real_file(name)
    data, path = original.read_bytes(), tmp_path / "cut.dcm"
    whole = unharmed("dump", original).stdout.splitlines()
    data_set = next(number for number, line in enumerate(whole) if line.startswith("# Data set")) + 1
    with Part10File.open(str(original)) as file:
        start = file.data_set_offset
        ends = [value + length for _, _, _, value, length, _ in file.walk()]  # undefined ones lie far off
    for size in range(start, len(data), max(1, (len(data) - start) // 300)):
        path.write_bytes(data[:size])
        lines = unharmed("dump", path).stdout.splitlines()
        assert lines[:data_set] == whole[:data_set]
        shown = iter(lines)
        assert all(line in shown for line, end in zip(whole[data_set:], ends, strict=True) if end <= size), (
            size
        )


def test_a_deflated_file_cut_anywhere_fails(tmp_path: Path) -> None:
    """PS3.5 A.5. Behind the stream stand 8 bytes of trailer."""
    data, path = real_file("image_dfl.dcm").read_bytes(), tmp_path / "cut.dcm"
    for size in range(len(data) - 9, 300, -37):
        path.write_bytes(data[:size])
        assert unharmed("dump", "--strict", path).status == 3
        assert unharmed("dump", path).status == 1


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    if not GENERATOR.is_file():
        pytest.skip("not here: the generator of the hostile corpus")
    folder = tmp_path_factory.mktemp("corpus")
    command = [sys.executable, str(GENERATOR), str(folder), "--canary", CANARY]
    subprocess.run(command, check=True, capture_output=True)
    return sorted((folder / "files").iterdir())


INLINE = ["--format", "dicom-json", "--bulk", "inline"]


@pytest.mark.parametrize(
    "form",
    [["--format", "json"], INLINE, ["+P", "PatientID"], ["-v"]],
    ids=["json", "inline", "search", "notices"],
)
def test_the_hostile_corpus(corpus: list[Path], form: list[str]) -> None:
    statuses = [unharmed("dump", *form, path).status for path in corpus]
    assert len(statuses) > 400
    assert 20 < statuses.count(3) < 50


@pytest.mark.parametrize("form", [[], ["--strict"]], ids=["lenient", "strict"])
def test_the_expectations_of_the_corpus(corpus: list[Path], form: list[str]) -> None:
    """What a careful reader can show is shown; what is not usable is refused."""
    manifest = json.loads((corpus[0].parents[1] / "manifest.json").read_text())
    expected = {entry["name"]: entry["expect"] for entry in manifest}
    statuses = {path.name: unharmed("dump", *form, path).status for path in corpus}
    assert {name for name, status in statuses.items() if status and expected[name] == "read"} == set()
    assert {name for name, status in statuses.items() if not status and expected[name] == "reject"} == set()
    assert len(statuses) > 400


def test_the_array_is_valid_json_whatever_is_in_it(corpus: list[Path], tmp_path: Path) -> None:
    small = [path for path in corpus if path.stat().st_size < 100_000]
    into_files = ["--format", "dicom-json", "--bulk", "file", "--bulk-dir", tmp_path / "bulk"]
    for form in (INLINE, into_files):
        data_sets = json.loads(unharmed("dump", *form, *small).stdout)
        assert 350 < len(data_sets) < len(small)
    assert {path.suffix for path in (tmp_path / "bulk").iterdir()} == {".bin"}
    assert [path.name for path in tmp_path.iterdir()] == ["bulk"]


def test_what_is_refused_strictly_is_never_passed_over_in_silence(corpus: list[Path]) -> None:
    for path in corpus:
        if unharmed("dump", "--strict", path).status:
            done = unharmed("dump", "-v", path)
            assert done.status or path.name in done.stderr, path


@pytest.mark.parametrize("form", [[], ["--strict"]], ids=["lenient", "strict"])
def test_no_file_of_the_corpus_takes_long_or_much(corpus: list[Path], form: list[str]) -> None:
    """All in one process: it has 512 MiB, and each file 10 seconds."""
    script = f"""
import signal, sys
from dcmtools.cli.main import main
for path in sys.argv[1:]:
    signal.alarm(10)
    assert main(["dump", *{form!r}, path]) in (0, 1, 3)
"""
    command = ["prlimit", f"--as={512 << 20}", sys.executable, "-c", script, *map(str, corpus)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_nothing_is_done_that_a_name_in_a_file_asks_for(corpus: list[Path]) -> None:
    assert corpus
    assert not Path(CANARY).exists()

"""``dcmtools dump`` on real files harmed at random, many in one run: each is shown or refused by itself."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.encoded import EVL, part10
from tests.support.harmless import unharmed
from tests.support.mutating import MUTATIONS, little_memory, mutants
from tests.support.run import run
from tests.support.samples import real_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AT_ONCE = 400  # files in one run
FORMS: list[list[str]] = [
    ["--hash", "--offsets"],
    ["--strict"],
    ["-v", "+P", "PatientName", "+P", "ReferencedImageSequence[*].0008,1155"],
    ["--value", "PatientID", "--value", "0028,0106"],
    ["--depth", "1", "--no-private", "--until", "0020,000D", "--max-length", "8"],
]


@pytest.fixture(autouse=True)
def _little_memory() -> Iterator[None]:
    with little_memory():
        yield


@pytest.fixture(scope="module", params=range(0, MUTATIONS // 5, AT_ONCE))
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("mutants")
    for each in mutants(AT_ONCE, first=request.param):
        (folder / f"{each.seed:06d}.dcm").write_bytes(each.data)
    return sorted(folder.iterdir())


def shown(files: list[Path], *form: str) -> dict[str, str]:
    """What a run over all of them has on stdout for each."""
    done = unharmed("dump", *form, "--jobs", "1", *files)
    _, *parts = f"\n{done.stdout}".split(f"\n# {files[0].parent}/")
    return {name: rest.rstrip("\n") for name, rest in (part.split("\n", 1) for part in parts)}


def records(files: list[Path], *form: str) -> dict[str, Any]:
    done = unharmed("dump", "--format", "json", *form, "--jobs", "1", *files)
    return {record["file"]: record for record in done.records}


def test_every_file_is_shown_or_refused_the_same_whatever_was_before_it(files: list[Path]) -> None:
    text = shown(files)
    assert len(text) > 0.9 * len(files)
    assert shown(random.Random(1).sample(files, len(files))) == text


def test_every_file_has_its_record_the_same_whatever_was_before_it(files: list[Path]) -> None:
    found = records(files, "-v")
    assert [*found] == [str(path) for path in files]
    outcomes = Counter(record["outcome"] for record in found.values())
    assert outcomes["done"] > 0.1 * len(files)
    assert outcomes["failed"] > 0.5 * len(files)
    assert records(random.Random(2).sample(files, len(files)), "-v") == found


def test_a_record_is_that_of_the_file_alone(files: list[Path]) -> None:
    found = records(files)
    for path in random.Random(3).sample(files, AT_ONCE // 8):
        assert records([path]) == {str(path): found[str(path)]}


def test_the_array_is_valid_json(files: list[Path]) -> None:
    form = ["--format", "dicom-json", "--bulk", "inline"]
    data_sets = json.loads(unharmed("dump", *form, *files[::2]).stdout)
    assert 0.9 * len(files) < 2 * len(data_sets) <= len(files) + 1


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form[0])
def test_in_every_form(files: list[Path], form: list[str]) -> None:
    assert unharmed("dump", *form, *files[::2]).status == 1


# ---------------------------------------------------------------- what mutants have brought to light


def test_text_that_cannot_be_decoded_is_not_told_by_somebody_else(tmp_path: Path) -> None:
    """A library's warnings name neither file nor element, and there may be any number of them."""
    path = tmp_path / "a.dcm"
    japanese = EVL.element(0x00080005, "CS", b"ISO 2022 IR 13\\ISO 2022 IR 87 ")
    path.write_bytes(part10(japanese + EVL.element(0x00100010, "PN", b"\x1b$Bzz\xff\xff\x1b$\xff")))
    for form in ([], ["--format", "json"]):
        done = run("dump", *form, path)
        assert (done.status, done.stderr) == (0, "")
        assert "\ufffd" in done.stdout


def test_fragments_under_a_group_length_are_no_items(tmp_path: Path) -> None:
    """Of nothing, or of the sequence before them."""
    fragments = EVL.sequence(0x7FE00000, EVL.item(), EVL.item(b"abcd"), undefined=True, vr="OB")
    path, other = tmp_path / "a.dcm", tmp_path / "b.dcm"
    path.write_bytes(part10(fragments))
    other.write_bytes(part10(EVL.sequence(0x00081140, EVL.item()) + fragments))
    one, two = run("dump", "--format", "json", path, other).records
    assert [*one["dataset"]] == ["7FE00000"]
    assert two["dataset"]["00081140"]["Value"] == [{}]
    assert one["dataset"]["7FE00000"]["BulkDataURI"].endswith("&length=20")


@pytest.mark.parametrize("form", [["--format", "json"], ["--format", "dicom-json", "--bulk", "inline"]])
def test_an_encapsulated_value_ends_before_its_delimiter_at_the_deepest_level_shown(form: list[str]) -> None:
    path = real_file("JPEG2000.dcm")
    whole, top = (json.loads(run("dump", *form, *depth, path).stdout) for depth in ([], ["--depth", "0"]))
    if "dataset" in whole:
        whole, top = [whole["dataset"]], [top["dataset"]]
    assert top[0]["7FE00010"] == whole[0]["7FE00010"]

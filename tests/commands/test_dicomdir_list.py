"""``dcmtools dicomdir list``: what is on a medium, as its DICOMDIR says."""

from __future__ import annotations

import shutil
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.support import samples
from tests.support.file_sets import NAMES, Draft, Record, medium
from tests.support.run import run

if TYPE_CHECKING:
    from pathlib import Path

TREE = """\
TEST  2 patients, 2 studies, 3 series, 4 instances
  Doe^P1  P1  (1 study, 2 series, 3 instances)
    20240102  Head  (2 series, 3 instances)
      CT  1  (2 instances)
        IMAGE     1  DICOM\\P1\\ST1\\SE1\\IM1  CTImageStorage
        IMAGE     2  DICOM\\P1\\ST1\\SE1\\IM2  CTImageStorage
      CT  2  (1 instance)
        IMAGE     1  DICOM\\P1\\ST1\\SE2\\IM1  CTImageStorage
  Doe^P2  P2  (1 study, 1 series, 1 instance)
    20240102  Head  (1 series, 1 instance)
      CT  3  (1 instance)
        IMAGE     1  DICOM\\P2\\ST1\\SE1\\IM1  CTImageStorage
"""


def test_a_tree_on_a_terminal(tmp_path: Path) -> None:
    ended = run("dicomdir", "list", medium(tmp_path), terminal=True)
    assert (ended.status, ended.stdout, ended.stderr) == (0, TREE, "")


def test_instances_in_a_pipe(tmp_path: Path) -> None:
    ended = run("dicomdir", "list", medium(tmp_path) / "DICOMDIR")
    assert ended.status == 0
    assert [line.split("\t")[-1] for line in ended.stdout.splitlines()] == [
        name.replace("/", "\\") for name in NAMES
    ]


@pytest.mark.parametrize(("level", "count"), [("patient", 2), ("study", 2), ("series", 3), ("instance", 4)])
def test_a_level(tmp_path: Path, level: str, count: int) -> None:
    ended = run("dicomdir", "list", medium(tmp_path), "--level", level, "--format", "json")
    assert ended.status == 0
    assert len(ended.records) == count
    first = ended.records[0]
    assert (first["level"], first["patient_id"]) == (level, "P1")
    assert {
        "patient": ("studies", 1),
        "study": ("series", 2),
        "series": ("instances", 2),
        "instance": ("number", "1"),
    }[level] in first.items()


def test_on_a_terminal_a_level_has_a_header(tmp_path: Path) -> None:
    ended = run("dicomdir", "list", medium(tmp_path), "-L", "patient", terminal=True)
    assert ended.stdout.startswith("\x1b[1mPATIENT ID")


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        (["PatientName=doe*"], 4),
        (["PatientID=P2"], 1),
        (["PatientID=P2", "Modality=MR"], 0),
        (["InstanceNumber=2"], 1),
        (["StudyDate=20240101-"], 4),
        (["StudyDate=-20231231"], 0),
        (["SeriesDescription=Head"], 0),
        (["PatientBirthDate="], 4),
    ],
)
def test_keys(tmp_path: Path, keys: list[str], found: int) -> None:
    options = [word for key in keys for word in ("-k", key)]
    ended = run("dicomdir", "list", medium(tmp_path), *options)
    assert (ended.status, len(ended.stdout.splitlines())) == (0, found)


def test_keys_further_down_choose_what_is_above(tmp_path: Path) -> None:
    folder = medium(tmp_path)
    ended = run("dicomdir", "list", folder, "-L", "patient", "-k", "SeriesNumber=2", "--format", "json")
    assert [(row["patient_id"], row["series"], row["instances"]) for row in ended.records] == [("P1", 1, 1)]
    tree = run("dicomdir", "list", folder, "-k", "SeriesNumber=2", terminal=True)
    assert len(tree.stdout.splitlines()) == 5


@pytest.mark.parametrize("key", ["StudyDate=yesterdayish", "PatientID", "NoSuchThing=1"])
def test_a_key_that_makes_no_sense(tmp_path: Path, key: str) -> None:
    assert run("dicomdir", "list", medium(tmp_path), "-k", key).status == 2


def test_records_beside_patients(tmp_path: Path) -> None:
    def change(draft: Draft) -> None:
        draft.roots.append(
            Record(
                "HANGING PROTOCOL",
                ReferencedFileID=["HP1"],
                ReferencedSOPClassUIDInFile="1.2.840.10008.5.1.4.38.1",
                ReferencedSOPInstanceUIDInFile="1.2.3",
            )
        )

    ended = run("dicomdir", "list", medium(tmp_path, change), "--format", "json")
    assert ended.status == 0
    assert (ended.records[-1]["type"], ended.records[-1]["patient_id"]) == ("HANGING PROTOCOL", None)
    tree = run("dicomdir", "list", tmp_path, terminal=True)
    assert tree.stdout.splitlines()[-1] == "  HANGING PROTOCOL        HP1  HangingProtocolStorage"


def test_records_below_one_that_names_a_file(tmp_path: Path) -> None:
    def change(draft: Draft) -> None:
        draft.roots[1] = Record("PRIVATE", [draft.roots[1]], ReferencedFileID=["PRIVATE"])

    folder = medium(tmp_path, change)
    ended = run("dicomdir", "list", folder, "-L", "study", "--format", "json")
    assert [record["patient_id"] for record in ended.records] == ["P1", "P2"]


def test_a_damaged_one_is_listed_and_the_status_says_so(tmp_path: Path) -> None:
    def spoil(draft: Draft) -> None:
        draft.of("SERIES").values.OffsetOfReferencedLowerLevelDirectoryEntity = 7
        draft.of("PATIENT").values.OffsetOfTheNextDirectoryRecord = 7

    folder = medium(tmp_path, spoil=spoil)
    ended = run("dicomdir", "list", folder, terminal=True)
    assert (ended.status, ended.stdout) == (1, TREE)
    assert "leads to offset 7, where no record begins" in ended.stderr
    assert "and 1 more" in ended.stderr
    assert "dcmtools dicomdir verify" in ended.stderr
    records = run("dicomdir", "list", folder, "--format", "json").records
    assert [record["outcome"] for record in records] == ["done"] * 4 + ["failed"]


def test_records_not_in_use_are_left_out(tmp_path: Path) -> None:
    def change(draft: Draft) -> None:
        draft.of("PATIENT").values.RecordInUseFlag = 0

    ended = run("-v", "dicomdir", "list", medium(tmp_path, change))
    assert (ended.status, len(ended.stdout.splitlines())) == (0, 1)
    assert "7 records not in use" in ended.stderr


def test_text_is_made_harmless(tmp_path: Path) -> None:
    def change(draft: Draft) -> None:
        draft.of("PATIENT").values.PatientName = "Doe\x1b[31m"
        draft.of("IMAGE").values.ReferencedFileID = ["A\x1b]0;x\x07"]

    folder = medium(tmp_path, change)
    for terminal in (True, False):
        stdout = run("dicomdir", "list", folder, terminal=terminal).stdout
        assert "\x1b]" not in stdout
        assert "\x07" not in stdout
    assert "Doe\\x1b[31m" in run("dicomdir", "list", folder, terminal=True).stdout


def test_in_a_zip(tmp_path: Path) -> None:
    folder = medium(tmp_path / "cd")
    with zipfile.ZipFile(tmp_path / "cd.zip", "w") as archive:
        archive.write(folder / "DICOMDIR", "cd/DICOMDIR")
    assert len(run("dicomdir", "list", tmp_path / "cd.zip", "--format", "json").records) == 4


def test_an_empty_one(tmp_path: Path) -> None:
    shutil.copy(samples.dicomdir().with_name("DICOMDIR-empty.dcm"), tmp_path / "DICOMDIR")
    ended = run("dicomdir", "list", tmp_path)
    assert (ended.status, ended.stdout, ended.stderr) == (0, "", "")
    assert run("dicomdir", "list", tmp_path, terminal=True).stdout == "PYDICOM_TEST  nothing\n"


def test_no_medium(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing", samples.ct()):
        ended = run("dicomdir", "list", path)
        assert ended.status == 3
        assert str(path) in ended.stderr


@pytest.mark.parametrize("name", ["DICOMDIR", "DICOMDIR-implicit", "DICOMDIR-bigEnd", "DICOMDIR-reordered"])
def test_samples(name: str) -> None:
    ended = run("dicomdir", "list", samples.dicomdir().with_name(name), "-L", "study", "--format", "json")
    assert ended.status == 0
    assert sum(record["instances"] for record in ended.records) == 31

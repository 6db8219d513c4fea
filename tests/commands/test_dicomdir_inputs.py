"""A DICOMDIR as an input of the commands that work on files."""

from __future__ import annotations

import os
import shutil
import zipfile
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from tests.support import samples
from tests.support.file_sets import NAMES, Draft, medium
from tests.support.instances import write_instance
from tests.support.run import run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

# By name: the arguments for what is given and the folder for what is made, and whether a file comes of each.
COMMANDS: dict[str, tuple[Callable[[Path, Path], Sequence[object]], bool]] = {
    "scan": (lambda given, _: [given], False),
    "sort": (lambda given, out: [given, "-o", out], True),
    "modify": (lambda given, out: [given, "--set", "PatientID=X", "-o", out], True),
    "anonymize": (lambda given, out: [given, "-o", out], True),
    "compress": (lambda given, out: [given, "--to", "deflated", "-o", out], True),
    "decompress": (lambda given, out: [given, "-o", out], True),
    "split": (lambda given, out: [given, "-o", out], True),
    "store": (lambda given, _: ["127.0.0.1:1", given, "--dry-run"], False),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_each_file_on_the_medium_is_worked_on(tmp_path: Path, name: str) -> None:
    folder = medium(tmp_path / "cd")
    arguments, writes = COMMANDS[name]
    ended = run(name, *arguments(folder / "DICOMDIR", tmp_path / "out"), "--format", "json")
    assert (ended.status, ended.stderr.count("failed")) == (0, 0)
    done = [record["file"] for record in ended.records if record["outcome"] in ("done", "warning")]
    assert done == [str(folder / each) for each in NAMES]
    made = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(made) == (4 if writes else 0)


@pytest.mark.parametrize("name", ["modify", "compress", "split"])
def test_what_is_made_is_called_as_on_the_medium(tmp_path: Path, name: str) -> None:
    folder = medium(tmp_path / "cd")
    arguments, _ = COMMANDS[name]
    assert run(name, *arguments(folder / "DICOMDIR", tmp_path / "out")).status == 0
    assert all((tmp_path / "out" / each).is_file() for each in NAMES)


def test_two_media_at_once_get_a_folder_each(tmp_path: Path) -> None:
    one, two = medium(tmp_path / "one"), medium(tmp_path / "two")
    out = tmp_path / "out"
    ended = run("modify", one / "DICOMDIR", two / "DICOMDIR", "--set", "PatientID=X", "-o", out)
    assert ended.status == 0, ended.stderr
    assert all((out / each / name).is_file() for each in ("one", "two") for name in NAMES)


def test_one_alone_is_several_files(tmp_path: Path) -> None:
    folder = medium(tmp_path / "cd")
    ended = run("modify", folder / "DICOMDIR", "--set", "PatientID=X", "-o", tmp_path / "one.dcm")
    assert ended.status == 2
    assert "there may be several files" in ended.stderr


def test_in_the_folder_in_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    medium(tmp_path / "cd")
    monkeypatch.chdir(tmp_path / "cd")
    assert [record["file"] for record in run("scan", "DICOMDIR", "--format", "json").records] == list(NAMES)
    assert run("modify", "DICOMDIR", "--set", "PatientID=X", "-o", tmp_path / "out").status == 0
    assert (tmp_path / "out" / NAMES[0]).is_file()


def test_in_an_archive(tmp_path: Path) -> None:
    folder = medium(tmp_path / "cd")
    path = tmp_path / "cd.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*"):
            archive.write(file, str(file.relative_to(tmp_path)))
    ended = run("scan", f"{path}/cd/DICOMDIR", "--format", "json")
    assert [record["file"] for record in ended.records] == [f"{path}/cd/{name}" for name in NAMES]


def test_in_a_list(tmp_path: Path) -> None:
    folder = medium(tmp_path / "cd")
    ended = run("scan", "--files-from", "-", "--format", "json", stdin=f"{folder}/DICOMDIR\n".encode())
    assert len(ended.records) == 4


@pytest.mark.parametrize("name", ["dicomdir", "DICOMDIR.DIR", "Dicomdir;1"])
def test_other_names_that_it_goes_by(tmp_path: Path, name: str) -> None:
    folder = medium(tmp_path / "cd")
    (folder / "DICOMDIR").rename(folder / name)
    assert len(run("scan", folder / name, "--format", "json").records) == 4


def test_an_instance_called_dicomdir_is_itself(tmp_path: Path) -> None:
    path = write_instance(tmp_path / "dicomdir")
    assert [record["file"] for record in run("scan", path, "--format", "json").records] == [str(path)]


@pytest.mark.parametrize(
    "arguments",
    [
        ["store", "127.0.0.1:1", "--dry-run"],
        ["sort", "-o", "out"],
        ["modify", "--set", "PatientID=X", "-o", "out"],
        ["compress", "--to", "rle", "-o", "out"],
        ["split", "-o", "out"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_under_another_name_it_fails_and_that_is_said(
    tmp_path: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(samples.dicomdir(), tmp_path / "OTHER")
    ended = run(*arguments, tmp_path / "OTHER")
    assert ended.status == 3
    assert "a DICOMDIR" in ended.stderr
    assert "under the name DICOMDIR it would stand for the files that it names" in ended.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_in_a_folder_it_fails_nobody(tmp_path: Path, name: str) -> None:
    folder = medium(tmp_path / "cd")
    arguments, writes = COMMANDS[name]
    ended = run(name, *arguments(folder, tmp_path / "out"))
    assert ended.status == 0, ended.stderr
    made = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(made) == (4 if writes else 0)


@pytest.mark.parametrize("command", [["dump", "--value", "FileSetID"], ["dump", "--raw", "FileSetID"]])
def test_dump_shows_the_dicomdir_itself(tmp_path: Path, command: list[str]) -> None:
    ended = run(*command, medium(tmp_path) / "DICOMDIR")
    assert (ended.status, ended.stdout.strip()) == (0, "TEST")


def test_convert_and_diff_take_the_dicomdir_itself(tmp_path: Path) -> None:
    folder = medium(tmp_path)
    ended = run("convert", folder / "DICOMDIR", "--to", "json", "-o", "-")
    assert ended.status == 0
    assert '"00041130"' in ended.stdout
    assert run("convert", folder / "DICOMDIR", "-o", tmp_path / "one.json").status == 0
    shutil.copy(folder / "DICOMDIR", folder / "COPY")
    assert run("diff", folder / "DICOMDIR", folder / "COPY").status == 0


def test_what_is_missing_unsafe_or_no_dicom_fails_and_hides_nothing(tmp_path: Path) -> None:
    def change(draft: Draft) -> None:
        draft.of("IMAGE", 1).values.ReferencedFileID = ["..", "secret"]

    folder = medium(tmp_path / "cd", change)
    write_instance(tmp_path / "secret")
    (folder / NAMES[2]).unlink()
    (folder / NAMES[3]).write_bytes(b"hello" * 100)
    ended = run("scan", folder / "DICOMDIR", "--format", "json")
    assert ended.status == 1
    outcomes = {record["file"]: record["outcome"] for record in ended.records}
    assert outcomes == {
        str(folder / NAMES[0]): "done",
        f"{folder}/..\\secret": "failed",
        f"{folder}/" + NAMES[2].replace("/", "\\"): "failed",
        str(folder / NAMES[3]): "failed",
    }
    assert "could lead out of the medium" in ended.stderr
    assert "no such file" in ended.stderr
    assert "not a DICOM file" in ended.stderr


def test_wrong_offsets_do_not_matter_and_are_told_of(tmp_path: Path) -> None:
    def spoil(draft: Draft) -> None:
        draft.of("PATIENT").values.OffsetOfTheNextDirectoryRecord = 7

    folder = medium(tmp_path / "cd", spoil=spoil)
    ended = run("-v", "scan", folder / "DICOMDIR", "--format", "json")
    assert ended.status == 0
    assert [record["outcome"] for record in ended.records] == ["done"] * 4 + ["skipped"]
    assert "2 faults passed over" in ended.stderr


def test_records_that_may_be_lost_are_a_failure(tmp_path: Path) -> None:
    folder = medium(tmp_path / "cd")
    data = (folder / "DICOMDIR").read_bytes()
    (folder / "DICOMDIR").write_bytes(data[:-300])
    ended = run("scan", folder / "DICOMDIR", "--format", "json")
    assert ended.status == 1
    assert [record["outcome"] for record in ended.records] == ["done"] * 3 + ["failed"]
    assert "records may be lost" in ended.stderr


def test_files_named_twice_come_once(tmp_path: Path) -> None:
    def change(draft: Draft) -> None:
        draft.of("IMAGE", 1).values.ReferencedFileID = NAMES[0].split("/")

    folder = medium(tmp_path / "cd", change)
    assert len(run("scan", folder / "DICOMDIR", "--format", "json").records) == 3


def test_an_empty_medium_fails(tmp_path: Path) -> None:
    shutil.copy(samples.dicomdir().with_name("DICOMDIR-empty.dcm"), tmp_path / "DICOMDIR")
    ended = run("scan", tmp_path / "DICOMDIR")
    assert ended.status == 3
    assert "no DICOM file in this medium" in ended.stderr


@pytest.mark.parametrize("name", ["DICOMDIR", "DICOMDIR-implicit", "DICOMDIR-bigEnd", "DICOMDIR-nopatient"])
def test_samples(name: str) -> None:
    ended = run("scan", samples.dicomdir().with_name(name), "--format", "json")
    assert ended.status == 0
    assert sum(record["outcome"] == "done" for record in ended.records) == 31


def test_a_pipe_called_dicomdir_is_read_once(tmp_path: Path) -> None:
    instance = write_instance(tmp_path / "one.dcm").read_bytes()
    os.mkfifo(tmp_path / "DICOMDIR")
    writer = Thread(target=(tmp_path / "DICOMDIR").write_bytes, args=(instance,))
    writer.start()
    ended = run("scan", tmp_path / "DICOMDIR", "--format", "json")
    writer.join()
    assert [record["outcome"] for record in ended.records] == ["done"]


@pytest.mark.parametrize("file_id", [None, "", ["A"] * 600])
def test_a_record_that_names_no_file_is_not_passed_over(tmp_path: Path, file_id: object) -> None:
    def nameless(draft: Draft) -> None:
        values = draft.of("IMAGE", 0).values
        if file_id is None:
            del values.ReferencedFileID
        else:
            values.ReferencedFileID = file_id

    made = medium(tmp_path / "medium", nameless)
    for words in (
        ["scan", made / "DICOMDIR"],
        ["dicomdir", "extract", made],
        ["dicomdir", "extract", made, "--patient", "P1"],
        ["dicomdir", "list", made],
    ):
        done = run(*words)
        assert done.status == 1, words
        assert "name" in done.stderr
    assert run("dicomdir", "extract", made, "--patient", "P2").status == 0

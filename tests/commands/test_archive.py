"""``dcmtools archive``: list, index, verify, remove."""

from __future__ import annotations

import json
import os
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from dcmtools.archive import holding
from dcmtools.archive.database import open_database
from dcmtools.archive.index import Index
from dcmtools.archive.storage import Storage
from dcmtools.files.meta import file_meta
from dcmtools.files.names import INDEX
from tests.support.indexed import age, counts, files, put, put_many, repair, rows
from tests.support.run import run
from tests.support.served import CT, EXPLICIT, data_set

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.run import Run


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two patients with two studies of two series of two instances each."""
    folder = tmp_path / "archive"
    put_many(folder, 2, 2, 2, 2)
    repair(folder)
    return folder


@contextmanager
def held(folder: Path) -> Iterator[Storage]:
    """Hold the archive as a server does."""
    storage = Storage(str(folder), durable=False)
    try:
        yield storage
    finally:
        storage.close()


def failures(result: Run) -> dict[str, str]:
    """What was wrong, by file."""
    return {
        os.path.basename(record["file"]): record["error"]["message"]
        for record in result.records
        if record["outcome"] == "failed"
    }


# ---------------------------------------------------------------- list


def test_studies_are_listed(archive: Path) -> None:
    put(archive, "9", patient="P\x1b", study="9", series="9", name="Näme^Nöä")
    result = run("archive", "list", archive, "--format", "csv")
    assert (result.status, result.stderr) == (0, "")
    lines = run("archive", "list", archive).stdout.splitlines()
    assert len(lines) == 5
    assert lines[0] == "P0\tDoe^Jane\t\t\t\t\t2\t4\t1.0.0"
    assert "\x1b" not in lines[4]


def test_patients_series_and_instances_are_listed(archive: Path) -> None:
    records = run("archive", "list", archive, "-L", "patient", "--format", "json").records
    assert [(record["patient_id"], record["studies"], record["instances"]) for record in records] == [
        ("P0", 2, 8),
        ("P1", 2, 8),
    ]
    records = run("archive", "list", archive, "--level", "SERIES", "--format", "json").records
    assert [record["series_instance_uid"] for record in records][:3] == ["1.0.0.0", "1.0.0.1", "1.0.1.0"]
    records = run("archive", "list", archive, "-L", "image", "--format", "json").records
    assert sorted(record["file"] for record in records) == [str(archive / path) for path in files(archive)]
    assert records[0] | {"file": ""} == {
        "level": "IMAGE",
        "patient_id": "P0",
        "study_instance_uid": "1.0.0",
        "series_instance_uid": "1.0.0.0",
        "number": None,
        "sop_class_uid": CT,
        "sop_instance_uid": "1.0.0.0.0",
        "transfer_syntax_uid": EXPLICIT,
        "bytes": (archive / files(archive)[0]).stat().st_size,
        "file": "",
        "outcome": "done",
    }


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        (["PatientID=P1"], 2),
        (["PatientName=doe^*", "StudyInstanceUID=1.0.0\\1.1.1"], 2),
        (["PatientName=x*"], 0),
        (["StudyDate=today"], 0),
        (["StudyDate="], 4),
        (["0010,0020=P?"], 4),
    ],
)
def test_keys_choose(archive: Path, keys: list[str], found: int) -> None:
    result = run("archive", "list", archive, *[word for key in keys for word in ("-k", key)])
    assert result.status == 0
    assert len(result.stdout.splitlines()) == found


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("PatientNam=x", "did you mean PatientName?"),
        ("PatientName", "(0010,0010) has no value: give KEY=VALUE"),
        ("StudyDate=2024", "'2024' is not of VR DA"),
        ("SOPInstanceUID=1.2", "SOPInstanceUID (0008,0018): the index does not hold it at STUDY level"),
        ("BitsStored=1", "BitsStored (0028,0101): the index does not hold it at STUDY level"),
    ],
)
def test_keys_that_cannot_be(archive: Path, key: str, reason: str) -> None:
    result = run("archive", "list", archive, "-k", key)
    assert (result.status, result.stdout) == (2, "")
    assert reason in result.stderr


def test_the_index_is_repaired_first(archive: Path) -> None:
    put(archive, "9", patient="P9")
    assert len(run("archive", "list", archive, "--level", "patient").stdout.splitlines()) == 3
    bad = archive / "P9/1.2.3/1.2.3.1/bad.dcm"
    bad.write_bytes(b"bad")
    result = run("archive", "list", archive, "--level", "patient")
    assert result.status == 1
    assert len(result.stdout.splitlines()) == 3
    assert str(bad) in result.stderr


def test_what_a_server_holds_is_read_as_it_keeps_it(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with held(archive):
        with Index(str(archive)) as index:
            index.catch_up()
            assert len(run("archive", "list", archive).stdout.splitlines()) == 4
        with closing(open_database(str(archive))) as connection:  # as when a repair has just begun
            connection.execute("UPDATE folders SET mtime_ns = 0 WHERE path = ''")
        monkeypatch.setattr(holding, "_PATIENCE", 0.0)
        result = run("archive", "list", archive)
        assert (result.status, result.stdout) == (1, "")
        assert "the index is being built" in result.stderr

        monkeypatch.setattr(holding, "_PATIENCE", 30.0)
        repairing = threading.Timer(0.2, repair, (archive,))
        repairing.start()
        assert len(run("archive", "list", archive).stdout.splitlines()) == 4
        repairing.join()


@pytest.mark.parametrize("command", ["list", "verify", "remove"])
def test_what_is_no_archive(tmp_path: Path, command: str) -> None:
    options = ["--study", "1.2"] if command == "remove" else []
    for folder, reason in ((tmp_path, "no archive"), (tmp_path / "none", "no such folder")):
        result = run("archive", command, folder, *options)
        assert (result.status, result.stdout) == (3, "")
        assert reason in result.stderr
    assert os.listdir(tmp_path) == []


# ---------------------------------------------------------------- index


def test_an_index_is_built_repaired_and_made_anew(tmp_path: Path) -> None:
    put_many(tmp_path, 2, 1, 2, 3)
    (record,) = run("archive", "index", tmp_path, "--format", "json").records
    assert record == {
        "path": str(tmp_path),
        "patients": 2,
        "studies": 2,
        "series": 4,
        "instances": 12,
        "added": 12,
        "updated": 0,
        "removed": 0,
        "outcome": "done",
    }
    (tmp_path / files(tmp_path)[0]).unlink()
    result = run("archive", "index", tmp_path)
    assert result.stdout == (
        f"{tmp_path}: 2 patients, 2 studies, 4 series, 11 instances (0 added, 0 updated, 1 removed)\n"
    )
    assert "(11 added, 0 updated, 0 removed)" in run("archive", "index", tmp_path, "--anew").stdout


def test_files_that_cannot_be_indexed_are_named(archive: Path) -> None:
    bad = archive / "P0/1.0.0/1.0.0.0/bad.dcm"
    bad.write_bytes(b"bad")
    result = run("archive", "index", archive)
    assert result.status == 1
    assert f"dcmtools archive index: {bad}: " in result.stderr
    assert "16 instances" in result.stdout


def test_a_damaged_index_is_told_and_made_anew(archive: Path) -> None:
    age(archive)
    data = bytearray((archive / INDEX).read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    (archive / INDEX).write_bytes(data)
    result = run("archive", "list", archive)
    assert result.status == 1
    assert f"hint: dcmtools archive index {archive} makes it anew" in result.stderr
    assert "(16 added, 0 updated, 0 removed)" in run("archive", "index", archive).stdout
    assert run("archive", "list", archive).status == 0


def test_what_a_server_holds_is_not_touched(archive: Path) -> None:
    before = files(archive)
    with held(archive):
        for command in (["index"], ["remove", "--patient", "P0", "--yes"]):
            result = run("archive", command[0], archive, *command[1:])
            assert (result.status, result.stdout) == (2, "")
            assert "another process holds this folder" in result.stderr
    assert files(archive) == before


def test_an_index_without_a_folder(tmp_path: Path) -> None:
    result = run("archive", "index", tmp_path / "none")
    assert result.status == 3
    assert not (tmp_path / "none").exists()


# ---------------------------------------------------------------- verify


def test_an_archive_that_is_as_it_should_be(archive: Path) -> None:
    before = sorted(archive.rglob("*"))
    result = run("archive", "verify", archive, "--format", "json")
    assert result.status == 0
    assert [record["file"] for record in result.records] == [str(archive / path) for path in files(archive)]
    assert {record["outcome"] for record in result.records} == {"done"}
    assert "16 verified" in result.stderr
    assert sorted(archive.rglob("*")) == before


def test_everything_wrong_is_told(archive: Path) -> None:
    paths = [archive / path for path in files(archive)]
    whole = paths[0].read_bytes()
    paths[0].write_bytes(whole[:-20])  # cut
    paths[1].write_bytes(b"x" * 200)  # no DICOM
    paths[2].unlink()
    paths[3].rename(paths[3].with_name("7.7.dcm"))
    paths[4].rename(paths[2])  # into another series
    other = data_set("1.0.1.0.1", patient="P0", study="1.0.1", series="1.0.1.0")
    paths[5].write_bytes(file_meta(CT, "1.2.9", EXPLICIT, "T") + other)
    put(archive, "1.1.0.0.0", patient="P1", study="1.1.0", series="1.1.0.1")  # a twin
    result = run("archive", "verify", archive, "--format", "json")
    assert result.status == 1
    found = failures(result)
    assert "cut short" in found.pop("1.0.0.0.0.dcm")
    assert found.pop("1.0.0.0.1.dcm").startswith("not a DICOM file")
    assert found.pop("1.0.0.1.0.dcm") == (
        "it belongs into P0/1.0.1/1.0.1.0; it has changed since it was indexed;"
        " its SOP Instance UID is that of P0/1.0.1/1.0.1.0/1.0.1.0.0.dcm too"
    )
    assert found.pop("1.0.0.1.1.dcm") == "it is in the index, and there is no such file"
    assert found.pop("7.7.dcm") == (
        "its name should be 1.0.0.1.1.dcm; the index does not hold it;"
        " its SOP Instance UID is that of P0/1.0.0/1.0.0.1/1.0.0.1.1.dcm too"
    )
    assert found.pop("1.0.1.0.0.dcm") == "it is in the index, and there is no such file"
    assert found.pop("1.0.1.0.1.dcm").startswith("file meta information and data set name different")
    assert "that of P1/1.1.0/1.1.0.0/1.1.0.0.0.dcm too" in found.pop("1.1.0.0.0.dcm")
    assert found == {}


def test_whole_folders_that_are_gone_or_cannot_be_read(archive: Path) -> None:
    (archive / "P0").rename(archive.parent / "P0")
    result = run("archive", "verify", archive, "--format", "json")
    assert (result.status, len(failures(result))) == (1, 8)
    assert len(result.records) == 16


def test_what_is_wrong_behind_the_names_is_a_warning(archive: Path) -> None:
    path = archive / files(archive)[0]
    path.write_bytes(path.read_bytes() + b"\x00\x00\x00\x00\x00\x00")
    repair(archive, thorough=True)
    result = run("archive", "verify", archive)
    assert result.status == 0
    assert f"{path}: warning: offset" in result.stderr


def test_without_an_index_the_files_are_looked_at_all_the_same(archive: Path) -> None:
    put(archive, "9", patient="P9", data=b"rubbish.")
    Storage(str(archive)).close()
    for name in archive.glob(f"{INDEX}*"):
        name.unlink()
    result = run("archive", "verify", archive, "--format", "json")
    assert result.status == 1
    assert len(result.records) == 18
    assert "dcmtools archive index" in result.stderr or result.records[0]["error"]["hint"]
    assert not (archive / INDEX).exists()


def test_what_a_server_has_just_received_is_no_fault(archive: Path) -> None:
    with held(archive):
        path = archive / put(archive, "9", patient="P9")
        assert run("archive", "verify", archive).status == 0
        for when in (1e9, 4e9):  # or from the future, as of a clock that was set back
            os.utime(path, (when, when))
            assert run("archive", "verify", archive).status == 1


# ---------------------------------------------------------------- remove


def test_a_study_is_removed_with_what_is_then_empty(archive: Path) -> None:
    result = run("archive", "remove", archive, "--study", "1.0.0", "--yes", "--format", "json")
    assert result.status == 0
    assert [record["sop_instance_uid"] for record in result.records] == [
        "1.0.0.0.0",
        "1.0.0.0.1",
        "1.0.0.1.0",
        "1.0.0.1.1",
    ]
    assert result.records[0]["file"] == str(archive / "P0/1.0.0/1.0.0.0/1.0.0.0.0.dcm")
    assert "4 removed" in result.stderr
    assert not (archive / "P0/1.0.0").exists()
    assert counts(archive) == {"patients": 2, "studies": 3, "series": 6, "instances": 12}
    assert [row[0] for row in rows(archive)] == files(archive)
    assert run("archive", "verify", archive).status == 0


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (["--patient", "P0"], 8),
        (["--series", "1.0.0.0", "--series", "1.1.1.1"], 12),
        (["--instance", "1.0.0.0.0"], 15),
        (["--patient", "P0", "--study", "1.0.0", "--instance", "1.1.0.0.0"], 7),
    ],
)
def test_patients_series_and_instances_are_removed(archive: Path, options: list[str], left: int) -> None:
    assert run("archive", "remove", archive, *options, "--yes").status == 0
    assert len(files(archive)) == left
    assert [row[0] for row in rows(archive)] == files(archive)


def test_a_dry_run_removes_nothing(archive: Path) -> None:
    result = run("archive", "remove", archive, "--patient", "P0", "--dry-run")
    assert result.status == 0
    assert len(result.stdout.splitlines()) == 8
    assert "removed" not in result.stderr.replace("not removed", "")
    assert len(files(archive)) == 16


@pytest.mark.parametrize("option", ["--patient", "--study", "--series", "--instance"])
def test_an_empty_uid_is_none(archive: Path, option: str) -> None:
    """As of a variable that is not set: not the instances that have none."""
    put(archive, "9.9", patient="", study="", series="")
    before = files(archive)
    result = run("archive", "remove", archive, option, "", "--yes")
    assert result.status == 2
    assert f"{option}: it is empty" in result.stderr.replace("'", "")
    assert files(archive) == before


def test_what_is_not_there_is_told_and_the_rest_removed(archive: Path) -> None:
    result = run("archive", "remove", archive, "--study", "7.7", "--study", "1.0.0", "--yes")
    assert result.status == 1
    assert "7.7: the archive has no study of this UID" in result.stderr
    assert len(files(archive)) == 12
    assert run("archive", "remove", archive, "--patient", "nobody", "--yes").status == 1
    assert len(files(archive)) == 12


def test_nobody_to_ask_and_nothing_said(archive: Path) -> None:
    result = run("archive", "remove", archive, "--patient", "P0")
    assert (result.status, result.stdout) == (2, "")
    assert f"Remove 8 instances of 2 studies from {archive} for good?" in result.stderr
    assert "hint: --yes" in result.stderr
    result = run("archive", "remove", archive)
    assert result.status == 2
    assert "Say what to remove" in result.stderr
    assert len(files(archive)) == 16


@pytest.mark.parametrize(("answer", "status", "left"), [("y", 0, 8), ("n", 130, 16), ("", 130, 16)])
def test_a_person_is_asked(
    archive: Path, monkeypatch: pytest.MonkeyPatch, answer: str, status: int, left: int
) -> None:
    from tests.support.run import stream

    monkeypatch.setattr("tests.support.run.stream", lambda data=b"", **_: stream(data, terminal=True))
    result = run("archive", "remove", archive, "--patient", "P0", stdin=f"{answer}\n".encode())
    assert result.status == status
    assert len(files(archive)) == left


def test_a_file_that_cannot_be_removed_hides_no_other(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.unlink

    def unlink(path: str, *, dir_fd: int | None = None) -> None:
        if str(path) == "1.0.0.0.0.dcm":
            raise PermissionError(13, "Permission denied")
        real(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", unlink)
    result = run("archive", "remove", archive, "--study", "1.0.0", "--yes", "--format", "json")
    assert result.status == 1
    assert failures(result) == {"1.0.0.0.0.dcm": "Permission denied"}
    assert len(files(archive)) == 13
    assert [row[0] for row in rows(archive)] == files(archive)


def test_a_link_in_the_way_leads_to_nothing(archive: Path) -> None:
    """What the index holds is only ever removed from below the folder."""
    outside = archive.parent / "outside"
    (archive / "P0").rename(outside)
    (archive / "P0").symlink_to(outside)
    result = run("archive", "remove", archive, "--patient", "P0", "--yes")
    assert result.status == 1
    assert "the archive has no patient of this UID" in result.stderr
    assert len(list(outside.rglob("*.dcm"))) == 8


def test_help_of_the_family_names_its_commands() -> None:
    result = run("archive", "--help")
    assert result.status == 0
    for name in ("list", "index", "verify", "remove"):
        assert f"\n  {name} " in result.stdout


def test_records_are_those_of_the_table(archive: Path) -> None:
    from dcmtools.cli.fields import FIELDS

    for command in (["list"], ["list", "-L", "patient"], ["list", "-L", "series"], ["verify"]):
        output = run("archive", command[0], archive, *command[1:], "--format", "json").stdout
        for line in output.splitlines():
            known = {*FIELDS[f"archive {command[0]}"].split(), "outcome", "error", "note"}
            assert set(json.loads(line)) <= known

"""Whatever takes PATHS takes lists and archives too: ``dump`` stands for them all."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.archived import KINDS, archived, tarred, zipped
from tests.support.encoded import EVL, part10
from tests.support.run import Run, run
from tests.support.samples import ct, make_small, mr
from tests.support.served import DCMTOOLS

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"DICOM/IM1": ct().read_bytes(), "DICOM/IM2": mr().read_bytes(), "LIES.MICH": b"nothing\n" * 50}


def value(*args: object, stdin: bytes = b"") -> Run:
    return run("dump", "--value", "PatientID", *args, stdin=stdin)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "study.zip"
    path.write_bytes(zipped(FILES))
    return path


# ---------------------------------------------------------------- lists


@pytest.mark.parametrize("separator", ["\n", "\0"])
def test_files_from_a_list(tmp_path: Path, separator: str) -> None:
    listed = tmp_path / "list"
    listed.write_text(separator.join([str(ct()), "", str(mr()), ""]))
    assert value("--files-from", listed) == Run(0, "1CT1\n4MR1\n", "")
    assert value(mr(), "--files-from", listed).stdout == "4MR1\n1CT1\n4MR1\n"
    assert value("--files-from", "-", stdin=listed.read_bytes()).stdout == "1CT1\n4MR1\n"


def test_a_list_is_titled_as_several_files_are() -> None:
    done = run("dump", "+P", "PatientID", "--files-from", "-", stdin=os.fsencode(mr()))
    assert done.stdout.startswith(f"# {mr()}\n")


def test_a_name_in_a_list_is_treated_as_a_path(tmp_path: Path) -> None:
    """A folder is searched, what is not DICOM fails, and so does what is missing."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(ct().read_bytes())
    (tmp_path / "text").write_text("text")
    names = f"{tmp_path}/in\n{tmp_path}/text\n{tmp_path}/missing\n{mr()}\n"
    done = value("--files-from", "-", "--format", "json", stdin=names.encode())
    assert done.status == 1
    assert {record["file"]: record["outcome"] for record in done.records} == {
        f"{tmp_path}/in/a": "done",
        f"{tmp_path}/text": "failed",
        f"{tmp_path}/missing": "failed",
        str(mr()): "done",
    }


def test_names_that_are_not_text(tmp_path: Path) -> None:
    name = os.path.join(os.fsencode(tmp_path), b"\xff\n\x1b[2J")
    with open(name, "wb") as file:
        file.write(ct().read_bytes())
    done = run("dump", "+P", "PatientID", "--files-from", "-", stdin=name + b"\0")
    assert done.status == 0
    assert done.stdout.startswith(rf"# {tmp_path}/\xff\x0a\x1b[2J")


def test_a_dash_in_a_list_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-").write_bytes(ct().read_bytes())
    assert value("--files-from", "-", stdin=b"-\n").stdout == "1CT1\n"


@pytest.mark.parametrize("data", [b"", b"\n\n"])
def test_a_list_of_nothing_is_status_3(data: bytes) -> None:
    done = value("--files-from", "-", stdin=data)
    assert (done.status, done.stdout) == (3, "")
    assert done.stderr == "dcmtools dump: -: no file is named in this list\n"
    assert value(ct(), "--files-from", "-", stdin=data).status == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "Missing argument 'PATHS...'"),
        (["--files-from", "missing"], "File 'missing' does not exist."),
        (["--files-from", "/"], "File '/' is a directory."),
        (["-", "--files-from", "-"], "Standard input cannot be both a file and the list of --files-from."),
        (["--raw", "PatientID", "--files-from", "-"], "--raw takes one file"),
    ],
)
def test_what_is_status_2(args: list[str], message: str) -> None:
    done = run("dump", *args)
    assert (done.status, done.stdout) == (2, "")
    assert message in done.stderr


def test_the_list_of_find() -> None:
    """As people use it: bytes through a pipe, and results before the list has ended."""
    command = f'find "{ct().parent}" -name "[CM][TR]_small.dcm" -print0 | "{DCMTOOLS}" dump --value Modality'
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{command} --files-from -"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(done.stdout.split()) == ["CT", "MR"]


def test_a_default_of_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then PATHS are not needed either."""
    (tmp_path / "list").write_text(f"{ct()}\n")
    config = tmp_path / "config.toml"
    config.write_text(f'[defaults.dump]\nfiles_from = "{tmp_path}/list"\n')
    monkeypatch.setenv("DCMTOOLS_CONFIG", str(config))
    assert value().stdout == "1CT1\n"


# ---------------------------------------------------------------- archives


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_is_shown_like_a_folder(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "study"
    path.write_bytes(archived(FILES, kind))
    done = run("dump", "-v", path)
    assert done.status == 0
    titles = [line for line in done.stdout.splitlines() if line.startswith(f"# {tmp_path}")]
    assert titles == [f"# {path}/DICOM/IM1", f"# {path}/DICOM/IM2"]
    assert f"{path}/LIES.MICH: skipped: not a DICOM file" in done.stderr
    for name, original in (("IM1", ct()), ("IM2", mr())):
        assert run("dump", f"{path}/DICOM/{name}") == run("dump", original)


def test_what_one_command_prints_the_next_can_use(study: Path) -> None:
    records = run("dump", "--format", "json", study).records
    names = "\n".join(record["file"] for record in records if record["outcome"] == "done")
    assert value("--files-from", "-", stdin=names.encode()).stdout == "1CT1\n4MR1\n"
    assert value(f"{study}/DICOM").stdout == "1CT1\n4MR1\n"


def test_an_archive_on_standard_input(study: Path) -> None:
    assert value("-", stdin=study.read_bytes()).stdout == "1CT1\n4MR1\n"


def test_raw_takes_one_file_of_an_archive(study: Path) -> None:
    assert run("dump", "--raw", "PatientID", f"{study}/DICOM/IM1").stdout == "1CT1"
    done = run("dump", "--raw", "PatientID", study)
    assert (done.status, done.stdout) == (2, "")
    assert "--raw takes one file" in done.stderr


def test_one_bad_file_in_an_archive_is_status_1(tmp_path: Path) -> None:
    path = tmp_path / "study.tar"
    path.write_bytes(tarred({"cut": ct().read_bytes()[:300], "IM2": mr().read_bytes()}))
    done = value("--strict", path)
    assert (done.status, done.stdout) == (1, "4MR1\n")
    path.write_bytes(tarred({"IM1": ct().read_bytes(), "IM2": mr().read_bytes()})[:45_000])
    done = value(path)
    assert (done.status, done.stdout) == (1, "1CT1\n")
    assert f"{path}: offset 45000: the archive is cut short" in done.stderr


@pytest.mark.parametrize("name", ["../../x\n\x1b[2J", "/etc/passwd", "a\u202eb"])
def test_names_in_an_archive_are_names_only(tmp_path: Path, name: str) -> None:
    for data in (zipped({name: ct().read_bytes()}), tarred({name: ct().read_bytes()}, "w:gz")):
        path = tmp_path / "study"
        path.write_bytes(data)
        before = sorted(os.listdir(tmp_path))
        done = run("dump", path)
        assert done.status == 0
        assert "\x1b" not in done.stdout
        assert "\u202e" not in done.stdout
        assert run("dump", "--value", "PatientID", f"{path}/{name}").stdout == "1CT1\n"
        assert sorted(os.listdir(tmp_path)) == before


def test_bulk_in_an_archive_has_no_uri_of_a_file(study: Path) -> None:
    [record, _] = [record for record in run("dump", "--format", "json", study).records if "dataset" in record]
    assert record["dataset"]["7FE00010"]["BulkDataURI"] == "?offset=6300&length=32768"
    assert '"BulkDataURI": "file:' not in run("dump", "--format", "dicom-json", study).stdout


def test_a_tar_is_not_guessed_to_be_dicom(tmp_path: Path) -> None:
    """Though its first name is that of an element, and a length."""
    path = tmp_path / "study"
    path.write_bytes(tarred({"\x10": EVL.element(0x00100020, "LO", b"ID"), "IM1": part10(b"")}))
    done = run("dump", path)
    assert f"# {path}/IM1" in done.stdout
    assert "study: " not in done.stderr


@pytest.mark.parametrize("kind", ["tar", "deflate", "gzip"])
def test_an_archive_through_a_pipe_after_many_files(tmp_path: Path, kind: str) -> None:
    """Its bytes are in the process that has read them, and in no other that was started before."""
    make_small(tmp_path / "in", 400)
    done = subprocess.run(
        [DCMTOOLS, "dump", "--jobs", "2", "--value", "Modality", "--hash", tmp_path / "in", "-"],
        input=archived(dict.fromkeys(map(str, range(70)), mr().read_bytes()), kind),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.split() == [b"CT"] * 400 + [b"MR"] * 70

"""``dcmtools sort``: files into folders by what is in them, and nothing lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dcmtools.sorting import deciding
from tests.support.archived import zipped
from tests.support.instances import write_instance
from tests.support.run import Run, run
from tests.support.samples import dicomdir, make_ct
from tests.support.served import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.sorting.deciding import Decision
    from dcmtools.sorting.looking import Facts

FLAT = "{PatientID}/{InstanceNumber:03}.dcm"
OTHER = "/dev/shm"  # another file system than that of tests, on most systems


def sort(folder: Path, *args: object, template: str = FLAT, source: object = None) -> Run:
    """Sort ``folder/in`` into ``folder/out``."""
    return run("sort", source or folder / "in", "-o", folder / "out", "-t", template, *args)


def inbox(folder: Path, *patients: str, **values: object) -> list[Path]:
    """Make a file for each of the patients, numbered from 1."""
    made = enumerate(patients, 1)
    return [
        write_instance(folder / "in" / f"{number}.dcm", PatientID=patient, InstanceNumber=number, **values)
        for number, patient in made
    ]


def tree(folder: Path) -> dict[str, bytes]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def names(folder: Path) -> list[str]:
    return list(tree(folder))


# ---------------------------------------------------------------- the main path


def test_versions_of_one_instance_are_not_all_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        write_instance(tmp_path / "in" / f"{number}.dcm", SOPInstanceUID="1.2", InstanceNumber=number)
    compared = []

    def differ(*items: object) -> bool:
        compared.append(items)
        return False

    monkeypatch.setattr(deciding, "same_content", differ)
    done = sort(tmp_path)
    assert (done.status, len(names(tmp_path / "out"))) == (0, 40)
    assert len(compared) < 80


def test_people_with_like_names_have_folders_of_their_own(tmp_path: Path) -> None:
    people = ("Doe^John", "Doe John", "Doe_John", "Doe^^John")
    inbox_of = [write_instance(tmp_path / "in" / f"{each}.dcm", PatientName=each) for each in people]
    assert sort(tmp_path, template="{PatientName}/{InstanceNumber}.dcm").status == 0
    folders = {name.split("/")[0] for name in names(tmp_path / "out")}
    assert len(folders) == len(inbox_of)
    assert "Doe_John" in folders


def test_what_is_skipped_claims_no_name(tmp_path: Path) -> None:
    one = write_instance(tmp_path / "in" / "1.dcm", PatientID="A", InstanceNumber=1)
    two = write_instance(tmp_path / "in" / "2.dcm", PatientID="A", InstanceNumber=2)
    target = tmp_path / "out" / "A" / "x.dcm"
    target.parent.mkdir(parents=True)
    shutil.copy(two, target)
    done = sort(tmp_path, "--on-conflict", "skip", template="{PatientID}/x.dcm")
    assert "1 there already" in done.stderr
    assert one.exists()


def test_copy(tmp_path: Path) -> None:
    one, two = inbox(tmp_path, "A", "B")
    done = sort(tmp_path)
    assert (done.status, done.stderr) == (0, "2 copied\n")
    assert tree(tmp_path / "out") == {"A/001.dcm": one.read_bytes(), "B/002.dcm": two.read_bytes()}


def test_default_template(tmp_path: Path) -> None:
    write_instance(tmp_path / "in" / "x", SeriesDescription="Head post", StudyDescription="Brain")
    write_instance(tmp_path / "in" / "y", SOPInstanceUID="1.2.3.4", InstanceNumber=None)
    assert run("sort", tmp_path / "in", "-o", tmp_path / "out").status == 0
    assert names(tmp_path / "out") == [
        "P1/20240102_Brain/0003_Head_post/00007.dcm",
        "P1/20240102_CT/0003_CT/1.2.3.4.dcm",
    ]


@pytest.mark.parametrize("options", [[], ["--move"], ["--link", "hard"], ["--link", "symbolic"]])
@pytest.mark.parametrize("jobs", [1, 2])
def test_again_changes_nothing(options: list[str], jobs: int, tmp_path: Path) -> None:
    """Names that collide and files that are there twice included."""
    inbox(tmp_path, "A", "A", "B")
    for number in range(4):
        write_instance(tmp_path / "in" / f"c{number}", PatientID="C", InstanceNumber=1)
    shutil.copy(tmp_path / "in" / "c2", tmp_path / "in" / "d")
    before = tree(tmp_path / "in")
    assert sort(tmp_path, "-j", jobs, *options).status == 0
    made = tree(tmp_path / "out")
    assert sorted(made.values()) == sorted(set(before.values()))
    assert list(made)[3:] == ["C/001.dcm", "C/001_2.dcm", "C/001_3.dcm", "C/001_4.dcm"]
    assert sort(tmp_path, "-j", jobs, *options).status == (3 if "--move" in options else 0)
    assert tree(tmp_path / "out") == made
    assert tree(tmp_path / "in") == ({} if "--move" in options else before)


def test_records(tmp_path: Path) -> None:
    (path,) = inbox(tmp_path, "A", SOPInstanceUID="1.2.3", SeriesNumber=None)
    template = "{PatientID}/{SeriesNumber}.dcm"
    assert sort(tmp_path, "--format", "json", template=template).records == [
        {
            "outcome": "done",
            "file": str(path),
            "target": str(tmp_path / "out" / "A" / "no-SeriesNumber.dcm"),
            "action": "copy",
            "state": "copied",
            "sop_instance_uid": "1.2.3",
            "missing": ["SeriesNumber"],
            "note": "it has no SeriesNumber",
        }
    ]


def test_links(tmp_path: Path) -> None:
    (path,) = inbox(tmp_path, "A")
    assert sort(tmp_path, "--link", "hard").status == 0
    assert (tmp_path / "out" / "A" / "001.dcm").samefile(path)
    shutil.rmtree(tmp_path / "out")
    assert sort(tmp_path, "--link", "symbolic").status == 0
    assert os.readlink(tmp_path / "out" / "A" / "001.dcm") == str(path)


def test_copies_have_time_and_mode(tmp_path: Path) -> None:
    (path,) = inbox(tmp_path, "A")
    os.utime(path, (1_000, 1_000))
    path.chmod(0o600)
    assert sort(tmp_path).status == 0
    found = (tmp_path / "out" / "A" / "001.dcm").stat()
    assert (found.st_mtime, found.st_mode & 0o777) == (1_000, 0o600)


def test_what_is_no_dicom_stays(tmp_path: Path) -> None:
    inbox(tmp_path, "A")
    (tmp_path / "in" / "notes.txt").write_text("of somebody")
    shutil.copy(dicomdir(), tmp_path / "in" / "DICOMDIR")
    done = sort(tmp_path, "--move")
    assert (done.status, done.stderr) == (0, "1 moved, 2 skipped\n")
    assert names(tmp_path / "in") == ["DICOMDIR", "notes.txt"]


def test_archives_are_copied_from(tmp_path: Path) -> None:
    (path,) = inbox(tmp_path, "A")
    archive = tmp_path / "study.zip"
    archive.write_bytes(zipped({"deep/IM1": path.read_bytes()}))
    assert sort(tmp_path, source=archive).status == 0
    assert tree(tmp_path / "out") == {"A/001.dcm": path.read_bytes()}
    for options in (["--move"], ["--link", "hard"], ["--link", "symbolic"]):
        done = run("sort", archive, "-o", tmp_path / "other", *options)
        assert done.status == 3
        assert "a file in an archive has no" in done.stderr
        assert names(tmp_path / "other") == []


def test_stdin(tmp_path: Path) -> None:
    (path,) = inbox(tmp_path, "A")
    done = run("sort", "-", "-o", tmp_path / "out", "-t", FLAT, stdin=path.read_bytes())
    assert done.status == 0
    assert tree(tmp_path / "out") == {"A/001.dcm": path.read_bytes()}
    assert run("sort", "-", "-o", tmp_path / "o", "--move", stdin=path.read_bytes()).status == 3


def test_where(tmp_path: Path) -> None:
    inbox(tmp_path, "A", "B", "C")
    assert sort(tmp_path, "--where", "PatientID != B", "--move").status == 0
    assert (names(tmp_path / "out"), names(tmp_path / "in")) == (["A/001.dcm", "C/003.dcm"], ["2.dcm"])


def test_ascii(tmp_path: Path) -> None:
    write_instance(tmp_path / "in" / "x", PatientName="Müller^Jörg", SpecificCharacterSet="ISO_IR 192")
    assert sort(tmp_path, template="{PatientName}").status == 0
    assert names(tmp_path / "out") == ["Müller_Jörg"]
    assert run("sort", tmp_path / "in", "-o", tmp_path / "a", "-t", "{PatientName}", "--ascii").status == 0
    (name,) = names(tmp_path / "a")
    assert name.startswith("Muller_Jorg-")


def test_report(tmp_path: Path) -> None:
    inbox(tmp_path, "A")
    report = tmp_path / "report.json"
    assert sort(tmp_path, "--report", report).status == 0
    assert "A/001.dcm" in report.read_text()


# ---------------------------------------------------------------- files that meet


def colliding(folder: Path) -> tuple[bytes, bytes]:
    one, two = (write_instance(folder / "in" / name) for name in ("1", "2"))
    return one.read_bytes(), two.read_bytes()


def test_rename(tmp_path: Path) -> None:
    one, two = colliding(tmp_path)
    done = sort(tmp_path, "-v")
    assert done.status == 0
    assert tree(tmp_path / "out") == {"P1/007.dcm": one, "P1/007_2.dcm": two}
    assert "P1/007.dcm is the name of another file" in done.stderr
    assert "(1 with a number, as others have the name)" in done.stderr


def test_skip(tmp_path: Path) -> None:
    one, two = colliding(tmp_path)
    done = sort(tmp_path, "--on-conflict", "skip", "--move")
    assert (done.status, done.stderr) == (0, "1 moved, 1 skipped\n")
    assert (tree(tmp_path / "out"), tree(tmp_path / "in")) == ({"P1/007.dcm": one}, {"2": two})


def test_fail(tmp_path: Path) -> None:
    one, two = colliding(tmp_path)
    done = sort(tmp_path, "--on-conflict", "fail", "--move")
    assert done.status == 1
    assert "a file of this run has the name P1/007.dcm" in done.stderr
    assert (tree(tmp_path / "out"), tree(tmp_path / "in")) == ({"P1/007.dcm": one}, {"2": two})


@pytest.mark.parametrize("options", [[], ["--move"]])
def test_overwrite(options: list[str], tmp_path: Path) -> None:
    """Only what was there before the run: of two of its own files none is lost."""
    one, two = colliding(tmp_path)
    write_instance(tmp_path / "out" / "P1" / "007.dcm")
    done = sort(tmp_path, "--on-conflict", "overwrite", *options)
    assert done.status == 1
    assert tree(tmp_path / "out") == {"P1/007.dcm": one}
    assert tree(tmp_path / "in")["2"] == two


@pytest.mark.parametrize("kind", ["hard", "symbolic"])
def test_links_overwrite_nothing(kind: str, tmp_path: Path) -> None:
    write_instance(tmp_path / "in" / "1")
    there = write_instance(tmp_path / "out" / "P1" / "007.dcm").read_bytes()
    assert sort(tmp_path, "--on-conflict", "overwrite", "--link", kind).status == 1
    assert tree(tmp_path / "out") == {"P1/007.dcm": there}


def test_letter_case(tmp_path: Path) -> None:
    """Names that are one on some systems are no two."""
    write_instance(tmp_path / "in" / "1", StudyID="Head")
    write_instance(tmp_path / "in" / "2", StudyID="head")
    assert sort(tmp_path, template="{StudyID}.dcm").status == 0
    assert names(tmp_path / "out") == ["Head.dcm", "head_2.dcm"]
    write_instance(tmp_path / "more" / "3", StudyID="HEAD")
    assert sort(tmp_path, template="{StudyID}.dcm", source=tmp_path / "more").status == 0
    folded = [name.lower() for name in names(tmp_path / "out")]
    assert sorted(set(folded)) == sorted(folded)
    done = sort(tmp_path, "--on-conflict", "fail", template="{StudyID}.dcm", source=tmp_path / "more")
    assert "but for the case of letters" in done.stderr


@pytest.mark.parametrize("options", [[], ["--move"], ["--link", "hard"]])
def test_same_bytes_are_placed_once(options: list[str], tmp_path: Path) -> None:
    (path,) = inbox(tmp_path, "A")
    shutil.copy(path, tmp_path / "in" / "copy")
    content = path.read_bytes()
    done = sort(tmp_path, *options, template="{file.name}")
    assert done.status == 0
    assert "1 the same as others" in done.stderr
    assert tree(tmp_path / "out") == {"1.dcm": content}
    assert names(tmp_path / "in") == ([] if "--move" in options else ["1.dcm", "copy"])


def test_same_bytes_are_kept(tmp_path: Path) -> None:
    (path,) = inbox(tmp_path, "A")
    shutil.copy(path, tmp_path / "in" / "copy")
    assert sort(tmp_path, "--identical", "keep", template="{file.name}").status == 0
    assert names(tmp_path / "out") == ["1.dcm", "copy"]


def versions(folder: Path) -> None:
    """An instance, another version of it, and that again."""
    for name, study in (("1", "one"), ("2", "two"), ("3", "two")):
        write_instance(folder / "in" / name, StudyID=study, SOPInstanceUID="1.2.3")


@pytest.mark.parametrize("options", [[], ["--move"]])
def test_versions_are_told_and_kept(options: list[str], tmp_path: Path) -> None:
    versions(tmp_path)
    done = sort(tmp_path, *options)
    assert done.status == 0
    assert "warning: other content than P1/007.dcm, with the same SOP Instance UID" in done.stderr
    assert names(tmp_path / "out") == ["P1/007.dcm", "P1/007_2.dcm"]


def test_versions_are_skipped(tmp_path: Path) -> None:
    versions(tmp_path)
    done = sort(tmp_path, "--duplicates", "skip", "--move", "-v")
    assert done.status == 0
    assert "2: skipped: other content than P1/007.dcm, with the same SOP Instance UID" in done.stderr
    assert (names(tmp_path / "out"), names(tmp_path / "in")) == (["P1/007.dcm"], ["2", "3"])


def test_versions_fail(tmp_path: Path) -> None:
    versions(tmp_path)
    done = sort(tmp_path, "--duplicates", "fail", "--move")
    assert done.status == 1
    assert (names(tmp_path / "out"), names(tmp_path / "in")) == (["P1/007.dcm"], ["2", "3"])


# ---------------------------------------------------------------- moves


def test_move_to_another_file_system(tmp_path: Path) -> None:
    if not os.path.isdir(OTHER) or os.stat(OTHER).st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("there is no other file system")
    (path,) = inbox(tmp_path, "A")
    os.utime(path, (1_000, 1_000))
    content = path.read_bytes()
    out = os.path.join(OTHER, f"dcmtools-{os.getpid()}")
    try:
        assert run("sort", tmp_path / "in", "-o", out, "-t", FLAT, "--link", "hard").status == 1
        assert run("sort", tmp_path / "in", "-o", out, "-t", FLAT, "--move").status == 0
        made = os.path.join(out, "A", "001.dcm")
        with open(made, "rb") as file:
            assert file.read() == content
        assert os.stat(made).st_mtime == 1_000
        assert not path.exists()
    finally:
        shutil.rmtree(out, ignore_errors=True)


def test_move_within_itself(tmp_path: Path) -> None:
    inbox(tmp_path, "A", "B")
    (tmp_path / "in" / "notes.txt").write_text("of somebody")
    contents = sorted(tree(tmp_path / "in").values())
    words = ["sort", tmp_path / "in", "-o", tmp_path / "in", "-t", FLAT, "--move"]
    for _ in range(2):
        assert run(*words).status == 0
        assert names(tmp_path / "in") == ["A/001.dcm", "B/002.dcm", "notes.txt"]
    assert sorted(tree(tmp_path / "in").values()) == contents


@pytest.mark.parametrize("identical", ["once", "keep"])
def test_what_was_moved_is_not_met_again(identical: str, tmp_path: Path) -> None:
    inbox(tmp_path, *["z"] * 80)
    there = write_instance(tmp_path / "in" / "z" / "099.dcm", PatientID="z", InstanceNumber=99)
    source = tmp_path / "in"
    done = run("sort", source, "-o", source, "-t", FLAT, "--move", "--identical", identical)
    assert (done.status, done.stderr) == (0, "80 moved (1 there already)\n")
    assert names(source) == [f"z/{number:03}.dcm" for number in (*range(1, 81), 99)]
    assert there.is_file()


def test_move_within_itself_where_names_change_places(tmp_path: Path) -> None:
    out = tmp_path / "out"
    one = write_instance(out / "P1" / "002.dcm", InstanceNumber=1).read_bytes()
    two = write_instance(out / "P1" / "001.dcm", InstanceNumber=2).read_bytes()
    for _ in range(3):
        assert sort(tmp_path, "--move", source=out).status == 0
        assert sorted(tree(out).values()) == sorted([one, two])
    assert tree(out) == {"P1/001.dcm": one, "P1/002.dcm": two}


@pytest.mark.parametrize("inner", [True, False])
def test_copies_within_each_other_are_refused(inner: bool, tmp_path: Path) -> None:
    inbox(tmp_path, "A")
    source, out = (tmp_path, tmp_path / "out") if inner else (tmp_path / "in", tmp_path)
    for options in ([], ["--link", "hard"], ["--move", "--on-conflict", "overwrite"]):
        done = run("sort", source, "-o", out, *options)
        assert done.status == 2
        assert "are in each other" in done.stderr
    assert not (tmp_path / "out").exists()


def test_file_that_is_in_its_place_stays(tmp_path: Path) -> None:
    path = write_instance(tmp_path / "out" / "P1" / "007.dcm")
    (tmp_path / "link").symlink_to(tmp_path / "out")
    for out in ("out", "link"):
        assert run("sort", path, "-o", tmp_path / out, "-t", FLAT, "--move").status == 0
        assert path.is_file()


def test_hard_link_of_the_target_goes(tmp_path: Path) -> None:
    """As a run leaves it that was killed between link and removal."""
    (path,) = inbox(tmp_path, "A")
    (tmp_path / "out" / "A").mkdir(parents=True)
    os.link(path, tmp_path / "out" / "A" / "001.dcm")
    assert sort(tmp_path, "--move").status == 0
    assert (names(tmp_path / "out"), names(tmp_path / "in")) == (["A/001.dcm"], [])


def test_symbolic_link_at_the_target_is_no_copy(tmp_path: Path) -> None:
    (path,) = inbox(tmp_path, "A")
    assert sort(tmp_path, "--link", "symbolic").status == 0
    done = sort(tmp_path, "--move")
    assert done.status == 3
    assert "only leads to it" in done.stderr
    assert path.is_file()


def test_links_are_not_moved(tmp_path: Path) -> None:
    path = write_instance(tmp_path / "real.dcm")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(path)
    done = sort(tmp_path, "--move")
    assert done.status == 3
    assert "it is a link" in done.stderr
    assert (tmp_path / "in" / "link").is_symlink()
    assert sort(tmp_path).status == 0
    assert not (tmp_path / "out" / "P1" / "007.dcm").is_symlink()


def test_source_that_cannot_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (path,) = inbox(tmp_path, "A")

    def refused(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "unlink", refused)
    done = sort(tmp_path, "--move")
    monkeypatch.undo()
    assert done.status == 1
    assert "but stays here, too" in done.stderr
    assert path.read_bytes() == (tmp_path / "out" / "A" / "001.dcm").read_bytes()
    assert sort(tmp_path, "--move").status == 0
    assert not path.exists()


def test_disk_that_does_not_take_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing goes before the disk has it."""
    inbox(tmp_path, "A", "B")

    def refused(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", refused)
    done = sort(tmp_path, "--move")
    assert done.status == 1
    assert "the sources are all there yet" in done.stderr
    assert names(tmp_path / "in") == ["1.dcm", "2.dcm"]


# ---------------------------------------------------------------- failures


def test_missing_values_fail(tmp_path: Path) -> None:
    inbox(tmp_path, "A")
    write_instance(tmp_path / "in" / "x", PatientID=None, PatientName=None)
    done = sort(tmp_path, "--missing", "fail")
    assert done.status == 1
    assert "it has no PatientID, which its name needs" in done.stderr
    assert names(tmp_path / "out") == ["A/001.dcm"]
    again = sort(tmp_path)
    assert "1 named without attributes that they lack" in again.stderr
    assert names(tmp_path / "out") == ["A/001.dcm", "no-PatientID/007.dcm"]


def test_hostile_values_stay_in_the_folder(tmp_path: Path) -> None:
    for number, value in enumerate(("../../x", "/etc", "..", "a\x1b[31m", "CON", "x" * 64)):
        write_instance(tmp_path / "in" / f"{number}", PatientID=value)
    assert sort(tmp_path).status == 0
    assert {path.name for path in tmp_path.iterdir()} == {"in", "out"}
    assert len(names(tmp_path / "out")) == 6


def test_links_in_out_lead_nowhere_else(tmp_path: Path) -> None:
    inbox(tmp_path, "A")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "A").symlink_to(tmp_path / "elsewhere")
    done = sort(tmp_path)
    assert done.status == 1
    assert "a link leads from" in done.stderr
    assert names(tmp_path / "elsewhere") == []


def test_file_where_a_folder_is_wanted(tmp_path: Path) -> None:
    inbox(tmp_path, "A", "B")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "A").write_text("in the way")
    done = sort(tmp_path)
    assert done.status == 1
    assert "A is no folder" in done.stderr
    assert names(tmp_path / "out") == ["A", "B/002.dcm"]


def test_damaged_file(tmp_path: Path) -> None:
    inbox(tmp_path, "A")
    path = write_instance(tmp_path / "in" / "cut.dcm")
    path.write_bytes(path.read_bytes()[:150])
    done = sort(tmp_path, "--move")
    assert done.status == 1
    assert path.is_file()
    assert names(tmp_path / "out") == ["A/001.dcm"]


@pytest.mark.parametrize("action", [[], ["--move"], ["--link", "hard"], ["--link", "symbolic"]])
def test_changed_since_it_was_looked_at(
    action: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dcmtools.sorting.acting import Actor

    (path,) = inbox(tmp_path, "A")
    before = Actor.prepare

    def prepare(actor: Actor, facts: Facts, decision: Decision) -> None:
        before(actor, facts, decision)
        with path.open("ab") as file:
            file.write(b"more")

    monkeypatch.setattr(Actor, "prepare", prepare)
    done = sort(tmp_path, *action)
    assert done.status == 3
    assert "the file has changed" in done.stderr
    assert (names(tmp_path / "out"), names(tmp_path / "in")) == ([], ["1.dcm"])


def test_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox(tmp_path, "A", "B", "C")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dcmtools.sorting.acting.copy", full)
    done = sort(tmp_path)
    assert done.status == 1
    assert "No space left on device" in done.stderr
    assert "not done, as there is no room" in done.stderr
    assert names(tmp_path / "out") == []


def test_nothing_found(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    assert sort(tmp_path).status == 3
    assert sort(tmp_path, source=tmp_path / "absent").status == 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-o", "out"], "PATHS"),
        (["in"], "--output"),
        (["in", "-o", "-"], "no folder"),
        (["in", "-o", "in/1.dcm"], "no folder"),
        (["in", "-o", ""], "no name"),
        (["in", "-o", "out", "--move", "--link", "hard"], "exclude each other"),
        (["in", "-o", "out", "--copy", "--move"], "exclude each other"),
        (["in", "-o", "out", "-t", "{PatientNam}"], "did you mean PatientName?"),
        (["in", "-o", "out", "-t", "../x"], "no name"),
        (["in", "-o", "out", "--overwrite"], "--overwrite is of --plan"),
        (["in", "-o", "out", "--plan", "-"], "A plan is a file"),
        (["-o", "out", "--apply", "-"], "A plan is a file"),
        (["in", "-o", "out", "--apply", "plan"], "not from PATHS"),
        (["-o", "out", "--apply", "plan", "--move"], "is for making one"),
        (["-o", "out", "--apply", "plan", "-t", "{PatientID}"], "is for making one"),
        (["-o", "out", "--apply", "absent"], "No such file"),
    ],
)
def test_usage(words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox(tmp_path, "A")
    monkeypatch.chdir(tmp_path)
    done = run("sort", *words)
    assert done.status == 2
    assert told in done.stderr
    assert not (tmp_path / "out").exists()


def test_fault_of_a_template_is_shown(tmp_path: Path) -> None:
    inbox(tmp_path, "A")
    done = sort(tmp_path, template="{PatientID}/{Modalitty}.dcm")
    assert done.status == 2
    assert "column 14" in done.stderr
    lines = done.stderr.splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.strip() == "^"]
    assert lines[at - 1][lines[at].index("^") :].startswith("Modalitty")


# ---------------------------------------------------------------- plans


def plan(folder: Path, *options: object, template: str = FLAT) -> Path:
    path = folder / "plan.jsonl"
    done = sort(folder, "--plan", path, *options, template=template)
    assert done.status == 0
    return path


def apply(folder: Path, *options: object) -> Run:
    return run("sort", "--apply", folder / "plan.jsonl", "-o", folder / "out", *options)


def test_a_move_of_a_plan_is_done_only_where_that_instance_is(tmp_path: Path) -> None:
    (one,) = inbox(tmp_path, "A")
    plan(tmp_path, "--move")
    other = write_instance(
        tmp_path / "other.dcm", PatientID="A", InstanceNumber=1, SOPInstanceUID="9" * len("1.2.3.1")
    )
    target = tmp_path / "out" / "A" / "001.dcm"
    target.parent.mkdir(parents=True)
    shutil.copy(other, target)
    one.rename(tmp_path / "elsewhere.dcm")
    done = apply(tmp_path)
    assert done.status == 3, done.stderr
    target.unlink()
    shutil.copy2(tmp_path / "elsewhere.dcm", target)
    assert apply(tmp_path).status == 0


@pytest.mark.parametrize("options", [[], ["--move"], ["--link", "hard"], ["--link", "symbolic"]])
@pytest.mark.parametrize("identical", ["once", "keep"])
def test_plan_and_apply(options: list[str], identical: str, tmp_path: Path) -> None:
    """A plan does what the command would have done without."""
    inbox(tmp_path, "A", "A")
    colliding(tmp_path)
    shutil.copy(tmp_path / "in" / "1.dcm", tmp_path / "in" / "9.dcm")
    before = tree(tmp_path / "in")
    words = [*options, "--identical", identical]
    template = "{PatientID}/{file.name}" if identical == "keep" else FLAT
    shutil.copytree(tmp_path / "in", tmp_path / "twin" / "in")
    assert sort(tmp_path / "twin", *words, template=template).status == 0
    written = plan(tmp_path, *words, template=template)
    assert (tree(tmp_path / "in"), (tmp_path / "out").exists()) == (before, False)
    assert written.stat().st_mode & 0o777 == 0o600
    assert apply(tmp_path).status == 0
    made = tree(tmp_path / "out")
    assert made == tree(tmp_path / "twin" / "out")
    assert names(tmp_path / "in") == names(tmp_path / "twin" / "in")
    again = apply(tmp_path)
    assert again.status == 0
    assert "there already" in again.stderr
    assert tree(tmp_path / "out") == made


def test_dry_run(tmp_path: Path) -> None:
    inbox(tmp_path, "A")
    done = sort(tmp_path, "-n", "--move", "--format", "json")
    assert [each["state"] for each in done.records] == ["planned"]
    assert names(tmp_path / "in") == ["1.dcm"]
    assert not (tmp_path / "out").exists()


def test_plan_that_overwrites(tmp_path: Path) -> None:
    one, _ = colliding(tmp_path)
    (tmp_path / "in" / "2").unlink()
    write_instance(tmp_path / "out" / "P1" / "007.dcm")
    plan(tmp_path, "--on-conflict", "overwrite")
    assert apply(tmp_path).status == 0
    assert tree(tmp_path / "out") == {"P1/007.dcm": one}


def test_plan_leaves_what_was_skipped(tmp_path: Path) -> None:
    colliding(tmp_path)
    plan(tmp_path, "--on-conflict", "skip", "--move")
    done = apply(tmp_path)
    assert (done.status, names(tmp_path / "in")) == (0, ["2"])


def test_plan_that_is_there(tmp_path: Path) -> None:
    inbox(tmp_path, "A")
    written = plan(tmp_path)
    before = written.read_bytes()
    assert sort(tmp_path, "--plan", written).status == 2
    assert written.read_bytes() == before
    assert sort(tmp_path, "--plan", written, "--overwrite", "--move").status == 0
    assert written.read_bytes() != before
    for path in (tmp_path / "notes", tmp_path / "empty"):
        path.write_text("of somebody" if path.name == "notes" else "")
    assert sort(tmp_path, "--plan", tmp_path / "notes", "--overwrite").status == 2
    assert (tmp_path / "notes").read_text() == "of somebody"
    assert sort(tmp_path, "--plan", tmp_path / "empty", "--overwrite").status == 0


def test_plan_speaks_of_no_archive(tmp_path: Path) -> None:
    (path,) = inbox(tmp_path, "A")
    archive = tmp_path / "study.zip"
    archive.write_bytes(zipped({"IM1": path.read_bytes()}))
    done = sort(tmp_path, "--plan", tmp_path / "plan", source=archive)
    assert done.status == 3
    assert "a plan speaks of files" in done.stderr


def test_plan_of_what_has_changed(tmp_path: Path) -> None:
    one, two = inbox(tmp_path, "A", "B")
    plan(tmp_path, "--move")
    one.write_bytes(one.read_bytes() + b"more")
    two.unlink()
    done = apply(tmp_path)
    assert done.status == 3
    assert "has changed since it was looked at" in done.stderr
    assert (names(tmp_path / "in"), names(tmp_path / "out")) == (["1.dcm"], [])


def test_plan_where_the_name_is_taken_now(tmp_path: Path) -> None:
    inbox(tmp_path, "A")
    plan(tmp_path, "--move")
    there = write_instance(tmp_path / "out" / "A" / "001.dcm").read_bytes()
    assert apply(tmp_path).status == 1
    assert (names(tmp_path / "in"), tree(tmp_path / "out")) == (["1.dcm"], {"A/001.dcm": there})


def hostile(folder: Path, **changed: object) -> Run:
    """Apply a plan that somebody has changed."""
    write_instance(folder / "in" / "1.dcm", PatientID="A", InstanceNumber=1)
    written = plan(folder, "--move")
    record = json.loads(written.read_text()) | changed
    written.write_text(json.dumps({key: value for key, value in record.items() if value is not ...}) + "\n")
    return apply(folder)


@pytest.mark.parametrize(
    "changed",
    [
        {"target": "../x.dcm"},
        {"target": "/tmp/x.dcm"},
        {"target": "a/../../x"},
        {"target": "a//b"},
        {"target": "./a"},
        {"target": ""},
        {"target": "a\0b"},
        {"target": "a\x1b"},
        {"target": "a\ud800"},
        {"target": 7},
        {"target": ...},
        {"file": "in/1.dcm"},
        {"file": "-"},
        {"file": "/x\0y"},
        {"file": "/x\ud800"},
        {"file": None},
        {"size": "1"},
        {"size": True},
        {"mtime_ns": 1.5},
        {"mtime_ns": ...},
        {"action": "remove"},
        {"action": ["move"]},
        {"action": ...},
        {"overwrite": 1},
    ],
)
def test_hostile_plan(changed: dict[str, object], tmp_path: Path) -> None:
    done = hostile(tmp_path, **changed)
    assert done.status == 2
    assert "line 1" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"in", "plan.jsonl"}
    assert names(tmp_path / "in") == ["1.dcm"]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n\n",
        b"[]\n",
        b"{\n",
        b"null\n",
        b"\xff\xfe\n",
        b"[" * 60_000 + b"\n",
        b'{"file": ' + b"1" * 20_000 + b"}\n",
        b"x" * 70_000,
    ],
)
def test_plan_that_is_none(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "plan.jsonl").write_bytes(text)
    done = apply(tmp_path)
    assert done.status == 2
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_plan_with_a_fault_at_its_end_does_nothing(tmp_path: Path) -> None:
    inbox(tmp_path, "A")
    with plan(tmp_path, "--move").open("a") as file:
        file.write("{}\n")
    assert apply(tmp_path).status == 2
    assert names(tmp_path / "in") == ["1.dcm"]


def test_plan_about_what_is_no_dicom(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of nobody's patients, but long enough to be one" * 10)
    status = secret.stat()
    done = hostile(tmp_path, file=str(secret), size=status.st_size, mtime_ns=status.st_mtime_ns)
    assert done.status == 3
    assert secret.is_file()
    assert not (tmp_path / "out" / "A" / "001.dcm").exists()


def test_plan_about_a_pipe(tmp_path: Path) -> None:
    """Nobody waits for a writer."""
    os.mkfifo(tmp_path / "pipe")
    assert hostile(tmp_path, file=str(tmp_path / "pipe")).status == 3
    (tmp_path / "plan.jsonl").unlink()
    os.mkfifo(tmp_path / "plan.jsonl")
    assert apply(tmp_path).status == 2


def test_plan_that_goes_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "link").symlink_to(tmp_path / "elsewhere")
    assert hostile(tmp_path, target="link/x.dcm").status == 1
    assert names(tmp_path / "elsewhere") == []


# ---------------------------------------------------------------- stopped

SLOW = """
import os, sys, time
from dcmtools.sorting import acting, sort
from dcmtools.cli.main import main

at_once = acting.copied

def copied(facts, path, over):
    if "000004" in path:
        open(os.environ["BEGUN"], "w").close()
        time.sleep(60)
    at_once(facts, path, over)

acting.copied = sort.copied = copied
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_stopped(stop: signal.Signals, tmp_path: Path) -> None:
    """What is done is told, and the same command goes on."""
    make_ct(tmp_path / "in", 6, 20_000)
    begun = tmp_path / "begun"
    words = ["sort", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "-t", "{InstanceNumber:06}.dcm"]
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, *words, "--format", "json", "-j", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "BEGUN": str(begun)},
        start_new_session=True,
    )
    wait_until(begun.exists)
    process.send_signal(stop)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "the same command goes on" in err
    assert [json.loads(line).get("state") for line in out.splitlines()][:3] == ["copied"] * 3
    assert names(tmp_path / "out") == ["000001.dcm", "000002.dcm", "000003.dcm"]
    assert run(*words).status == 0
    assert len(names(tmp_path / "out")) == 6

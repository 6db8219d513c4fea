"""``modify``: what is written, what is told, and each way to fail."""

from __future__ import annotations

import json
import os
import shutil
import stat
import zipfile
from typing import TYPE_CHECKING

import pydicom
import pytest

from dcmtools.errors import InputError
from dcmtools.files.part10 import Part10File
from tests.support.encoded import EVL, part10
from tests.support.run import Run, run
from tests.support.samples import ct, dicomdir, make_small, mr, real_file, renamed_dicomdir

if TYPE_CHECKING:
    from pathlib import Path

NAME = ("--set", "PatientName=A^B")


def modify(*args: object, stdin: bytes = b"") -> Run:
    return run("modify", *args, stdin=stdin)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "mr.dcm"
    path.parent.mkdir()
    path.write_bytes(bytes(128) + mr().read_bytes()[128:])  # its preamble is one of TIFF
    return path


def name_in(path: Path) -> str:
    return str(pydicom.dcmread(path, stop_before_pixels=True).PatientName)


# ---------------------------------------------------------------- where it goes


def test_one_file(file: Path, tmp_path: Path) -> None:
    before, out = file.read_bytes(), tmp_path / "out.dcm"
    done = modify(file, "-o", out, *NAME)
    assert (done.status, done.stderr) == (0, "1 modified\n")
    assert done.stdout.startswith(f"{file}\t{out}\t1\t")
    assert name_in(out) == "A^B"
    assert file.read_bytes() == before


def test_a_folder_is_mirrored(tmp_path: Path) -> None:
    make_small(tmp_path / "in" / "deep", 3)
    (tmp_path / "in" / "notes.txt").write_text("none of ours")
    done = modify(tmp_path / "in", "-o", tmp_path / "out", *NAME, "--jobs", 2)
    assert done.status == 0
    assert done.stderr == "3 modified, 1 skipped\n"
    assert [name_in(path) for path in sorted((tmp_path / "out").rglob("*.dcm"))] == ["A^B"] * 3


def test_an_archive(file: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.write(file, "a/mr.dcm")
    assert modify(tmp_path / "in.zip", "-o", tmp_path / "out", *NAME).status == 0
    assert name_in(tmp_path / "out" / "a" / "mr.dcm") == "A^B"
    done = modify(tmp_path / "in.zip", "--in-place", *NAME)
    assert done.status == 3
    assert "cannot be changed in its place" in done.stderr


def test_through_standard_input_and_output(file: Path, tmp_path: Path) -> None:
    done = modify("-", "-o", tmp_path / "out.dcm", *NAME, stdin=file.read_bytes())
    assert done.status == 0
    assert name_in(tmp_path / "out.dcm") == "A^B"


def test_in_place(file: Path) -> None:
    file.chmod(0o640)
    done = modify(file.parent, "--in-place", *NAME)
    assert done.status == 0
    assert name_in(file) == "A^B"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert os.listdir(file.parent) == ["mr.dcm"]


def test_in_place_with_a_backup(file: Path) -> None:
    before = file.read_bytes()
    assert modify(file.parent, "--in-place", "--backup", ".bak", *NAME).status == 0
    backup = file.with_name("mr.dcm.bak")
    assert backup.read_bytes() == before
    assert name_in(file) == "A^B"
    done = modify(file.parent, "--in-place", "--backup", ".bak", "--set", "PatientName=C")
    assert done.status == 1
    assert f"there is a file {backup} already" in done.stderr
    assert name_in(file) == "A^B"
    assert backup.read_bytes() == before
    assert modify(file, "--in-place", "--backup", ".2", "--set", "PatientName=C").status == 0
    assert name_in(file) == "C"
    assert modify(file, "--in-place", "-nb", *NAME).status == 0
    assert sorted(os.listdir(file.parent)) == ["mr.dcm", "mr.dcm.2", "mr.dcm.bak"]


def test_no_backup_stays_of_what_was_not_replaced(file: Path) -> None:
    bad = file.with_name("bad.dcm")
    bad.write_bytes(file.read_bytes()[:-100])
    done = modify(file.parent, "--in-place", "--backup", ".bak", *NAME)
    assert done.status == 1
    assert sorted(os.listdir(file.parent)) == ["bad.dcm", "mr.dcm", "mr.dcm.bak"]


def test_a_backup_where_there_are_no_links(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = os.link

    def refuse(source: str, to: str, **how: object) -> None:
        if str(to).endswith(".bak") and not how:
            raise PermissionError(1, "Operation not permitted")
        link(source, to, **how)  # type: ignore[arg-type]  # as they came

    before = file.read_bytes()
    monkeypatch.setattr(os, "link", refuse)
    assert modify(file, "--in-place", "--backup", ".bak", *NAME).status == 0
    assert file.with_name("mr.dcm.bak").read_bytes() == before


def test_nothing_to_change(file: Path, tmp_path: Path) -> None:
    before, out = file.read_bytes(), tmp_path / "out"
    done = modify(file.parent, "-o", out, "--erase", "PatientComments", "--format", "json")
    assert done.status == 0
    assert (out / "mr.dcm").read_bytes() == before
    assert done.records[0]["copied"] is True
    assert "0 modified, 1 with nothing to change" in done.stderr
    at = file.stat().st_mtime_ns
    done = modify(file.parent, "--in-place", "--erase", "PatientComments", "-v")
    assert (done.status, file.stat().st_mtime_ns) == (0, at)
    assert "skipped: nothing to change" in done.stderr


def test_existing_targets(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mr.dcm").write_text("precious")
    done = modify(file.parent, "-o", out, *NAME)
    assert done.status == 1
    assert "there is a file of its name" in done.stderr
    assert (out / "mr.dcm").read_text() == "precious"
    assert modify(file.parent, "-o", out, *NAME, "--skip-existing").status == 0
    assert (out / "mr.dcm").read_text() == "precious"
    assert modify(file.parent, "-o", out, *NAME, "--overwrite").status == 0
    assert name_in(out / "mr.dcm") == "A^B"


def test_a_folder_that_cannot_be_written_to(file: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file")
    done = modify(file, "-o", blocked / "out.dcm", *NAME)
    assert done.status == 1
    assert str(blocked) in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder(file: Path) -> None:
    before = file.read_bytes()
    file.parent.chmod(0o500)
    try:
        done = modify(file, "--in-place", *NAME)
    finally:
        file.parent.chmod(0o700)
    assert done.status == 1
    assert "Permission denied" in done.stderr
    assert file.read_bytes() == before


def test_a_folder_read_only_for_whoever_it_is(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = file.read_bytes()

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("dcmtools.replacing._nameless", refuse)
    done = modify(file, "--in-place", "--backup", ".bak", *NAME, "--jobs", 1)
    assert done.status == 1
    assert "Permission denied" in done.stderr
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == ["mr.dcm"]


def test_a_backup_is_never_changed(file: Path) -> None:
    """Whatever suffix it got, and whether this run makes any."""
    assert modify(file.parent, "--in-place", "--backup", ".bak", *NAME).status == 0
    before = file.with_name("mr.dcm.bak").read_bytes()
    numbered = file.with_name("mr.dcm.1")
    numbered.write_bytes(before)
    done = modify(file.parent, "--in-place", "--backup", ".bak2", "--set", "PatientName=C", "-v")
    assert (done.status, name_in(file)) == (0, "C")
    assert done.stderr.endswith("1 modified, 2 skipped\n")
    assert "mr.dcm.bak: skipped: by its name it is a backup" in done.stderr
    assert modify(file.parent, "--in-place", "--set", "PatientName=D").status == 0
    assert (file.with_name("mr.dcm.bak").read_bytes(), numbered.read_bytes()) == (before, before)
    assert not file.with_name("mr.dcm.bak.bak2").exists()
    assert modify(numbered, "--in-place", *NAME).status == 0  # who names it means it
    assert name_in(numbered) == "A^B"


@pytest.mark.parametrize("names", [("1.2.3", "1.2.3.4"), ("CT", "CT.dcm"), ("a.b.dcm", "a.bc.dcm")])
def test_files_that_are_no_backups(file: Path, names: tuple[str, str]) -> None:
    for name in names:
        shutil.copyfile(file, file.with_name(name))
    done = modify(file.parent, "--in-place", *NAME)
    assert (done.status, done.stderr) == (0, "3 modified\n")


def test_one_file_given_twice(file: Path, tmp_path: Path) -> None:
    done = modify(file, file, "--in-place", *NAME, "-v")
    assert done.status == 0
    assert "skipped: it is given twice" in done.stderr
    assert "1 modified, 1 skipped" in done.stderr
    done = modify(file.parent, file, "--in-place", "--set", "PatientName=C", "-v")
    assert "skipped: it is in a folder that is given, too" in done.stderr
    done = modify(file, os.path.relpath(file), "--dry-run", *NAME)
    assert "1 would be modified, 1 skipped" in done.stderr
    assert modify(file, file, "-o", tmp_path / "out", *NAME).stderr == "1 modified, 1 skipped\n"


def test_it_is_told_why_all_were_skipped(file: Path) -> None:
    done = modify(file.parent, "--in-place", "--erase", "PatientComments")
    assert done.stderr == "0 modified (nothing to change: 1), 1 skipped\n"


# ---------------------------------------------------------------- what is told


def test_a_dry_run_knows_of_backups(file: Path) -> None:
    backup = file.with_name("mr.dcm.bak")
    backup.write_text("precious")
    in_place = (file, "--in-place", "--backup", ".bak", *NAME)
    told = [modify(*in_place, *dry) for dry in ([], ["--dry-run"])]
    assert [each.status for each in told] == [1, 1]
    assert all(f"there is a file {backup} already" in each.stderr for each in told)
    nothing = modify(file, "--in-place", "--backup", ".bak", "--erase", "PatientComments", "--dry-run")
    assert nothing.status == 0


@pytest.mark.parametrize("nested", [False, True])
def test_group_lengths_that_go_are_told(tmp_path: Path, *, nested: bool) -> None:
    patient = EVL.element(0x00100000, "UL", bytes(4)) + EVL.element(0x00100010, "PN", b"Doe^")
    data = EVL.sequence(0x00081140, EVL.item(), EVL.item(patient)) if nested else patient
    (tmp_path / "in.dcm").write_bytes(part10(data))
    done = modify(tmp_path / "in.dcm", "--dry-run", "-ma", "PatientName=A^B")
    above = "(0008,1140)[1]." if nested else ""
    assert f"{above}(0010,0000) GroupLength: erase [a group length, which is retired]" in done.stdout
    assert len(done.stdout.splitlines()) == 2


def test_dry_run(file: Path) -> None:
    before = file.read_bytes()
    args = ("--set", "PatientName=A^B", "--set", "PatientComments=x\ty", "--erase", "PatientID")
    done = modify(file.parent, "--dry-run", *args)
    assert done.status == 0
    assert done.stderr == "1 would be modified\n"
    assert done.stdout.splitlines() == [
        f"# {file}",
        "(0010,0010) PatientName: set [CompressedSamples^MR1] to [A^B]",
        "(0010,0020) PatientID: erase [4MR1]",
        "(0010,4000) PatientComments: insert to [x\\x09y]",
    ]
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == ["mr.dcm"]


def test_a_dry_run_looks_at_the_target_too(file: Path, tmp_path: Path) -> None:
    (tmp_path / "out.dcm").write_text("precious")
    done = modify(file, "--dry-run", "-o", tmp_path / "out.dcm", *NAME)
    assert done.status == 1
    assert "already" in done.stderr


def test_a_dry_run_with_nothing_to_change(file: Path) -> None:
    done = modify(file, "--dry-run", "--erase", "PatientComments")
    assert (done.status, done.stdout) == (0, "nothing to change\n")
    assert done.stderr == "0 would be modified, 1 with nothing to change\n"


def test_records(file: Path, tmp_path: Path) -> None:
    done = modify(file, "-o", tmp_path / "out.dcm", *NAME, "--format", "json")
    (record,) = done.records
    assert record["changes"] == [
        {"path": "(0010,0010)", "what": "set", "old": "CompressedSamples^MR1", "new": "A^B"}
    ]
    assert (record["altered"], record["copied"]) == (1, False)


def test_values_are_harmless_on_a_terminal(file: Path) -> None:
    data = part10(EVL.element(0x00100010, "PN", b"\x1b[31mred "))
    file.write_bytes(data)
    done = modify(file, "--dry-run", *NAME)
    assert "\x1b" not in done.stdout
    assert "\\x1b[31mred" in done.stdout


# ---------------------------------------------------------------- options


def test_every_way_to_say_it(file: Path, tmp_path: Path) -> None:
    (tmp_path / "comments.txt").write_text("from a file\n")
    (tmp_path / "patch.toml").write_text('erase = ["PatientSex"]\n[set]\nStudyID = "7"\n')
    (tmp_path / "patch.json").write_text('{"00081030": {"vr": "LO", "Value": ["Chest"]}}')
    out = tmp_path / "out.dcm"
    done = modify(
        *(file, "-o", out, "-i", "PatientName=A^B", "-m", "PatientID=X", "-e", "PatientWeight"),
        *("-i", "ReferencedStudySequence[0].ReferencedSOPInstanceUID=1.2"),
        *("-i", "ReferencedSeriesSequence.SeriesInstanceUID=1.3", "-ma", "SeriesInstanceUID=1.4"),
        *("-ea", "PatientBirthDate", "-ep", "-if", f"PatientComments={tmp_path / 'comments.txt'}"),
        *("--patch", tmp_path / "patch.toml", "--patch", tmp_path / "patch.json"),
    )
    assert done.status == 0, done.stderr
    read = pydicom.dcmread(out)
    assert (read.PatientName, read.PatientID, read.StudyID, read.PatientComments) == (
        *("A^B", "X", "7", "from a file"),
    )
    assert read.StudyDescription == "Chest"
    assert read.ReferencedStudySequence[0].ReferencedSOPInstanceUID == "1.2"
    assert (read.SeriesInstanceUID, read.ReferencedSeriesSequence[0].SeriesInstanceUID) == ("1.4", "1.3")
    for gone in ("PatientWeight", "PatientBirthDate", "PatientSex"):
        assert gone not in read
    assert not [element for element in read if element.tag.is_private]


def test_what_is_missing(file: Path, tmp_path: Path) -> None:
    before = file.read_bytes()
    done = modify(file, "--in-place", "--replace", "PatientComments=x", *NAME)
    assert done.status == 3
    assert "PatientComments is not there to be replaced" in done.stderr
    assert "--missing skip" in done.stderr
    assert file.read_bytes() == before
    for option in (["--missing", "skip"], ["-imt"]):
        done = modify(
            file, "-o", tmp_path / "out.dcm", "--overwrite", "-m", "PatientComments=x", *NAME, *option
        )
        assert done.status == 0
        assert name_in(tmp_path / "out.dcm") == "A^B"


def test_pixel_data_out_of_a_file(file: Path, tmp_path: Path) -> None:
    (tmp_path / "pixels").write_bytes(bytes(64 * 64 * 2))
    out = tmp_path / "out.dcm"
    assert modify(file, "-o", out, "--set-file", f"PixelData={tmp_path / 'pixels'}").status == 0
    assert not any(pydicom.dcmread(out).PixelData)


def test_native_pixel_data_has_no_place_in_a_compressed_file(tmp_path: Path) -> None:
    (tmp_path / "pixels").write_bytes(bytes(64))
    source = real_file("JPEG2000.dcm")
    done = modify(source, "-o", tmp_path / "out.dcm", "--set-file", f"PixelData={tmp_path / 'pixels'}")
    assert done.status == 3
    assert "encapsulated" in done.stderr
    assert not (tmp_path / "out.dcm").exists()


def test_where(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copyfile(ct(), folder / "ct.dcm")
    shutil.copyfile(mr(), folder / "mr.dcm")
    done = modify(folder, "--in-place", *NAME, "--where", "Modality == MR")
    assert done.status == 0
    assert (name_in(folder / "mr.dcm"), name_in(folder / "ct.dcm")) == ("A^B", "CompressedSamples^CT1")
    assert "1 not selected" in done.stderr
    assert modify(folder, "--in-place", *NAME, "--where", "Modality == US").status == 3


def test_the_file_meta_information_follows(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.dcm"
    done = modify(file, "-o", out, "--set", "SOPInstanceUID=1.2.3", "--format", "json")
    assert [change["path"] for change in done.records[0]["changes"]] == ["(0008,0018)", "(0002,0003)"]
    read, before = pydicom.dcmread(out), pydicom.dcmread(file)
    assert read.file_meta.MediaStorageSOPInstanceUID == "1.2.3"
    before.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.UID("1.2.3")
    before.SOPInstanceUID = "1.2.3"
    del before.file_meta.FileMetaInformationGroupLength, read.file_meta.FileMetaInformationGroupLength
    assert read.file_meta == before.file_meta
    assert read == before


def test_a_preamble_that_tells_where_things_are(tmp_path: Path) -> None:
    assert ct().read_bytes().startswith(b"II*\0")
    done = modify(ct(), "-o", tmp_path / "out.dcm", *NAME, "--format", "json")
    assert (tmp_path / "out.dcm").read_bytes().startswith(bytes(128) + b"DICM")
    assert done.records[0]["changes"][-1] == {
        "path": "preamble",
        "what": "meta",
        "old": "TIFF",
        "new": "zeros",
    }


@pytest.mark.parametrize("count", [2, 4, 1000])
def test_zeros_behind_the_last_element_stay(file: Path, count: int) -> None:
    file.write_bytes(file.read_bytes() + bytes(count))
    size = file.stat().st_size
    assert modify(file, "--in-place", "--set", "PatientName=CompressedSamples^MR2").status == 0
    assert file.stat().st_size == size
    assert name_in(file) == "CompressedSamples^MR2"


# ---------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "Nothing is to be changed"),
        (
            ["--set", "PatientNam=X"],
            "'--set': 'PatientNam' is not a keyword of PS3.6; did you mean PatientName?",
        ),
        (["--set", "Modality=ct"], "is not of VR CS"),
        (["--replace", "Rows=x"], "'--replace'"),
        (["-ma", "Rows=x"], "'--replace-all'"),
        (["--erase", "SOPInstanceUID"], "cannot be erased"),
        (["-ea", "Nope"], "'--erase-all'"),
        (["--set-file", "PixelData"], "is not PATH=FILE"),
        (["--set-file", "PixelData=/missing"], "/missing: No such file"),
        (["--patch", "/missing.json"], "/missing.json: No such file"),
        (["--set", "PatientID=1", "--erase", "PatientID"], "PatientID is given twice"),
        (["--set", "TransferSyntaxUID=1.2"], "'dcmtools compress'"),
        (["--set", "SpecificCharacterSet=ISO_IR 192"], "--charset changes both"),
        ([*NAME, "--skip-existing", "--overwrite"], "exclude each other"),
        ([*NAME, "--backup", ".bak"], "--backup is for --in-place"),
        ([*NAME, "--new-uids", "patient"], "none of study, series, instance"),
        ([*NAME, "--uid-map-out", "x.csv"], "--uid-map-out wants"),
        ([*NAME, "--charset-from", "latin-1"], "--charset-from wants --charset"),
        (["--charset", "klingon"], "'--charset'"),
        (["-i", "StudyDate=2024-12-31"], "it is written 20241231"),
        (["-i", "StudyTime=12:30"], "it is written 1230"),
        (["-i", "SOPClassUID=MRImageStorag"], "did you mean MRImageStorage?"),
    ],
)
def test_usage(args: list[str], message: str, file: Path, tmp_path: Path) -> None:
    done = modify(file, "-o", tmp_path / "out.dcm", *args)
    assert done.status == 2
    assert message in " ".join(done.stderr.split())
    assert not (tmp_path / "out.dcm").exists()


@pytest.mark.parametrize("suffix", ["", "/x", "a/b"])
def test_no_suffix(suffix: str, file: Path) -> None:
    done = modify(file, "--in-place", "--backup", suffix, *NAME)
    assert done.status == 2
    assert "'--backup'" in done.stderr


def test_a_place_is_needed(file: Path) -> None:
    assert modify(file, *NAME).status == 2
    assert modify(file, "-o", "x", "--in-place", *NAME).status == 2


def test_files_that_cannot_be_walked_stay_and_are_named(file: Path) -> None:
    good = file.read_bytes()
    bad = {
        "cut.dcm": good[:-100],
        "wrong.dcm": part10(EVL.element(0x00100010, "PN", b"A") + b"\xff" * 20),
        "empty.dcm": b"",
        "no.dcm": b"none of ours" * 20,
        "charset.dcm": part10(EVL.element(0x00080005, "CS", b"ISO_IR 100")),
    }
    for name, data in bad.items():
        file.with_name(name).write_bytes(data)
    done = modify(file.parent, "--in-place", "--set", "PatientName=Σ", "--set", "PatientID=1")
    assert done.status == 3
    assert "--charset" in done.stderr
    done = modify(file.parent, "--in-place", *NAME, "--format", "json")
    assert done.status == 1
    failed = {os.path.basename(each["file"]) for each in done.records if each["outcome"] == "failed"}
    assert failed == {"cut.dcm", "wrong.dcm", "empty.dcm", "no.dcm"}
    for name in failed:
        assert file.with_name(name).read_bytes() == bad[name]
        assert name in done.stderr
    assert name_in(file) == "A^B"


def test_a_dicomdir_is_left_alone(tmp_path: Path) -> None:
    shutil.copyfile(dicomdir(), tmp_path / "DICOMDIR")
    before = (tmp_path / "DICOMDIR").read_bytes()
    named = renamed_dicomdir(tmp_path)
    done = modify(named, "--in-place", "--erase-private")
    assert done.status == 3
    assert "a DICOMDIR says where in it its records are" in done.stderr
    assert named.read_bytes() == before
    named.unlink()
    shutil.copyfile(mr(), tmp_path / "mr.dcm")
    done = modify(tmp_path, "--in-place", *NAME)
    assert (done.status, done.stderr) == (0, "1 modified, 1 skipped\n")
    assert (tmp_path / "DICOMDIR").read_bytes() == before


def test_a_file_that_changes_meanwhile(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dcmtools.files.source import FileSource

    before = file.read_bytes()
    monkeypatch.setattr(FileSource, "unchanged", lambda _: False)
    done = modify(file, "--in-place", *NAME)
    assert done.status == InputError.status
    assert "has changed while it was read" in done.stderr
    assert file.read_bytes() == before


def test_two_names_of_one_file(file: Path) -> None:
    file.with_name("link.dcm").symlink_to(file)
    done = modify(file.parent, "--in-place", *NAME, "-v")
    assert done.status == 0
    assert "another name of a file that is done" in done.stderr
    assert file.with_name("link.dcm").is_symlink()


def test_a_full_disk(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dcmtools.files import copying

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = file.read_bytes()
    monkeypatch.setattr(copying, "_copied", full)
    monkeypatch.setattr("dcmtools.editing.pieces.write", full)
    done = modify(file, "-o", tmp_path / "out.dcm", *NAME)
    assert done.status == 1
    assert "No space left" in done.stderr
    assert not (tmp_path / "out.dcm").exists()
    done = modify(file, "--in-place", *NAME)
    assert done.status == 1
    assert file.read_bytes() == before


def test_the_report(file: Path, tmp_path: Path) -> None:
    done = modify(file, "--in-place", *NAME, "--report", tmp_path / "report.json")
    assert done.status == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert "altered" in json.dumps(report)


# ---------------------------------------------------------------- what is told


def test_a_file_with_nothing_to_change_is_not_called_modified(file: Path, tmp_path: Path) -> None:
    done = modify(file, "-o", tmp_path / "out.dcm", "--erase", "PatientComments")
    assert (done.status, done.stderr) == (0, "0 modified, 1 with nothing to change\n")
    assert (tmp_path / "out.dcm").read_bytes() == file.read_bytes()


@pytest.mark.parametrize("edit", [NAME, ("--erase-private",), ("-gin",), ("--charset", "utf-8")])
def test_signatures_of_what_has_changed(tmp_path: Path, edit: tuple[str, ...]) -> None:
    path = tmp_path / "signed.dcm"
    uid = EVL.element(0x00080018, "UI", b"1.2.3.4\0")
    others = EVL.element(0x00100010, "PN", b"Doe^") + EVL.element(0x00290010, "LO", b"ACME")
    path.write_bytes(part10(uid + others + EVL.sequence(0xFFFAFFFA, EVL.item())))
    done = modify(path, "-o", tmp_path / "out.dcm", *edit)
    assert done.status == 0
    assert "warning: it has digital signatures, which may not be valid any more" in done.stderr
    erased = modify(path, "-o", tmp_path / "other.dcm", *NAME, "--erase", "DigitalSignaturesSequence")
    assert erased.stderr == "1 modified\n"


# ---------------------------------------------------------------- which instance it is


@pytest.mark.parametrize("option", ["--set", "--replace", "--replace-all"])
def test_files_do_not_become_one_instance(tmp_path: Path, option: str) -> None:
    make_small(tmp_path / "in", 2)
    before = {path: path.read_bytes() for path in (tmp_path / "in").iterdir()}
    done = modify(tmp_path / "in", "--in-place", option, "SOPInstanceUID=1.2.3")
    assert done.status == 2
    assert "SOPInstanceUID would be the same in each file" in done.stderr
    assert {path: path.read_bytes() for path in before} == before
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for path in before:
            archive.write(path, path.name)
    assert modify(tmp_path / "in.zip", "-o", tmp_path / "out", option, "SOPInstanceUID=1.2.3").status == 2


def test_classes_by_their_names(file: Path) -> None:
    assert modify(file, "--in-place", "--insert", "SOPClassUID=CTImageStorage").status == 0
    read = pydicom.dcmread(file)
    assert read.SOPClassUID == read.file_meta.MediaStorageSOPClassUID == "1.2.840.10008.5.1.4.1.1.2"


def test_the_file_meta_information_follows_what_is_out_of_order(tmp_path: Path) -> None:
    """As such a data set is changed by what changes each element where it meets it."""
    path = tmp_path / "in.dcm"
    name, uid = EVL.element(0x00100010, "PN", b"Doe^"), EVL.element(0x00080018, "UI", b"1.2.3.4\0")
    path.write_bytes(part10(name + uid))
    assert modify(path, "--in-place", "--replace", "SOPInstanceUID=1.2.3.5").status == 0
    with Part10File.open(str(path)) as file:
        assert file.meta_text(0x00020003) == "1.2.3.5"


def test_an_item_before_which_others_are_missing(file: Path) -> None:
    done = modify(file, "--in-place", "--set", "AcquisitionContextSequence[2].CodeValue=1")
    assert done.status == 3
    assert done.stderr.count("(0040,0555)") == 1
    assert "from [0] on" in done.stderr


def test_items_are_made_in_their_order(file: Path) -> None:
    wanted = [f"AcquisitionContextSequence[{number}].CodeValue={number}" for number in (1, 0)]
    assert modify(file, "--in-place", "--set", wanted[0], "--set", wanted[1]).status == 0
    assert [each.CodeValue for each in pydicom.dcmread(file).AcquisitionContextSequence] == ["0", "1"]

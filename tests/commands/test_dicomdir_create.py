"""``dcmtools dicomdir create``: a medium made of files from anywhere, and nothing said that is not there."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import dcmread
from pydicom.uid import UID, ImplicitVRLittleEndian

from dcmtools.files.directory import Directory
from dcmtools.sorting.acting import copied
from tests.support.archived import zipped
from tests.support.instances import write_instance
from tests.support.profiled import drawn, saved
from tests.support.profiled import instance as profiled
from tests.support.run import Run, run
from tests.support.samples import dicomdir, make_small

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

WHOLE = {
    "PatientName": "Doe^Jane",
    "StudyInstanceUID": "1.2.3",
    "SeriesInstanceUID": "1.2.3.4",
    "StudyID": "1",
    "StudyTime": "101112",
}


def instance(path: Path, **values: object) -> Path:
    return write_instance(path, **WHOLE | values)


def inbox(folder: Path, count: int = 3, **values: object) -> Path:
    for number in range(1, count + 1):
        instance(folder / "in" / f"{number}.dcm", InstanceNumber=number, **values)
    return folder / "in"


def create(folder: Path, *args: object, source: object = None) -> Run:
    """Make a medium at ``folder/out`` of ``folder/in``."""
    return run("dicomdir", "create", source or folder / "in", "-o", folder / "out", *args)


def records(medium: Path) -> list[Dataset]:
    return list(dcmread(medium / "DICOMDIR").DirectoryRecordSequence)


def kinds(medium: Path) -> list[str]:
    return [record.DirectoryRecordType for record in records(medium)]


def file_ids(medium: Path) -> list[str]:
    found = [record.get("ReferencedFileID", []) for record in records(medium)]
    return ["/".join([each] if isinstance(each, str) else each) for each in found if each]


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def assert_right(medium: Path) -> None:
    checked = run("dicomdir", "verify", medium)
    assert checked.status == 0, checked


# ---------------------------------------------------------------- the main path


def test_files_are_copied_and_listed(tmp_path: Path) -> None:
    inbox(tmp_path)
    done = create(tmp_path, "--file-set-id", "TEST 1")
    assert done.status == 0
    assert done.stderr.splitlines()[-1] == "3 copied"
    medium = tmp_path / "out"
    assert kinds(medium) == ["PATIENT", "STUDY", "SERIES", "IMAGE", "IMAGE", "IMAGE"]
    assert sorted(file_ids(medium)) == [name for name in tree(medium) if name != "DICOMDIR"]
    assert file_ids(medium)[0] == "DICOM/PA000001/ST000001/SE000001/IM000001"
    for number, name in enumerate(file_ids(medium), 1):
        assert (medium / name).read_bytes() == (tmp_path / "in" / f"{number}.dcm").read_bytes()
    assert dcmread(medium / "DICOMDIR").FileSetID == "TEST 1"
    assert_right(medium)


def test_instances_stand_by_their_numbers(tmp_path: Path) -> None:
    for name, number in (("a", 3), ("b", 1), ("c", 2)):
        instance(tmp_path / "in" / name, InstanceNumber=number)
    create(tmp_path)
    assert [each.InstanceNumber for each in records(tmp_path / "out")[3:]] == [1, 2, 3]


def test_each_result_tells_what_came_of_a_file(tmp_path: Path) -> None:
    source = inbox(tmp_path, 1)
    first, last = create(tmp_path, "--format", "json").records
    assert first["file"] == str(source / "1.dcm")
    assert first["file_id"] == "DICOM\\PA000001\\ST000001\\SE000001\\IM000001"
    assert (first["state"], first["type"], first["invented"]) == ("copied", "IMAGE", [])
    assert (last["state"], last["patients"], last["studies"], last["series"], last["instances"]) == (
        *("written", 1, 1, 1, 1),
    )


def test_patients_studies_and_series_get_folders_of_their_own(tmp_path: Path) -> None:
    instance(tmp_path / "in/1")
    instance(tmp_path / "in/2", SeriesInstanceUID="1.2.3.5", Modality="SR")
    instance(tmp_path / "in/3", StudyInstanceUID="1.2.4", SeriesInstanceUID="1.2.4.5")
    instance(tmp_path / "in/4", PatientID="P2", StudyInstanceUID="1.2.5", SeriesInstanceUID="1.2.5.6")
    create(tmp_path)
    assert [name[6:-9] for name in file_ids(tmp_path / "out")] == [
        "PA000001/ST000001/SE000001",
        "PA000001/ST000001/SE000002",
        "PA000001/ST000002/SE000001",
        "PA000002/ST000001/SE000001",
    ]
    assert_right(tmp_path / "out")


def test_many_go_through_other_processes(tmp_path: Path) -> None:
    make_small(tmp_path / "in", 300)
    done = create(tmp_path, "--jobs", 2)
    assert done.status == 0
    assert len(file_ids(tmp_path / "out")) == 300
    assert_right(tmp_path / "out")


def test_one_job_makes_the_same(tmp_path: Path) -> None:
    make_small(tmp_path / "in", 80)
    create(tmp_path, "--jobs", 1)
    (tmp_path / "out").rename(tmp_path / "one")
    create(tmp_path, "--jobs", 2)
    assert tree(tmp_path / "one") == tree(tmp_path / "out")
    assert [str(each[0x00041430:]) for each in records(tmp_path / "one")] == [
        str(each[0x00041430:]) for each in records(tmp_path / "out")
    ]


def test_an_archive_is_a_source(tmp_path: Path) -> None:
    inbox(tmp_path)
    archive = tmp_path / "in.zip"
    archive.write_bytes(zipped({path.name: path.read_bytes() for path in (tmp_path / "in").iterdir()}))
    assert create(tmp_path, source=archive).status == 0
    assert len(file_ids(tmp_path / "out")) == 3


def test_another_medium_is_a_source(tmp_path: Path) -> None:
    assert create(tmp_path, source=dicomdir()).status == 0
    assert len(file_ids(tmp_path / "out")) == 31
    assert_right(tmp_path / "out")


def test_standard_input_is_a_source(tmp_path: Path) -> None:
    data = instance(tmp_path / "one").read_bytes()
    done = run("dicomdir", "create", "-", "-o", tmp_path / "out", stdin=data)
    assert done.status == 0
    (name,) = file_ids(tmp_path / "out")
    assert (tmp_path / "out" / name).read_bytes() == data


def test_only_those_that_are_meant(tmp_path: Path) -> None:
    inbox(tmp_path)
    done = create(tmp_path, "--where", "InstanceNumber == 2")
    assert done.status == 0
    assert [each.InstanceNumber for each in records(tmp_path / "out")[3:]] == [2]


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    inbox(tmp_path)
    done = create(tmp_path, "--dry-run", "--format", "json")
    assert done.status == 0
    assert {each["state"] for each in done.records} == {"planned"}
    assert not (tmp_path / "out").exists()


# ---------------------------------------------------------------- links, index, zip


def test_links_are_made_in_place_of_copies(tmp_path: Path) -> None:
    inbox(tmp_path, 1)
    done = create(tmp_path, "--link", "hard")
    assert done.status == 0
    (name,) = file_ids(tmp_path / "out")
    assert (tmp_path / "out" / name).samefile(tmp_path / "in/1.dcm")
    assert done.stderr.endswith("1 linked\n")


def test_a_file_in_an_archive_cannot_be_linked(tmp_path: Path) -> None:
    data = instance(tmp_path / "one").read_bytes()
    archive = tmp_path / "in.zip"
    archive.write_bytes(zipped({"one": data}))
    done = create(tmp_path, "--link", "hard", source=archive)
    assert done.status != 0
    assert "a file in an archive has no hard link" in done.stderr
    assert not (tmp_path / "out").exists()


def test_what_is_on_the_medium_is_indexed(tmp_path: Path) -> None:
    medium = tmp_path / "out"
    instance(medium / "A" / "I1")
    instance(medium / "A" / "I2")
    done = create(tmp_path, "--index-only", source=medium)
    assert done.status == 0
    assert file_ids(medium) == ["A/I1", "A/I2"]
    assert tree(medium) == ["A/I1", "A/I2", "DICOMDIR"]
    assert_right(medium)


@pytest.mark.parametrize("name", ["image.dcm", "TOOLONGNAME", "lower", "A/B/C/D/E/F/G/H/I"])
def test_names_that_media_do_not_know_are_not_indexed(tmp_path: Path, name: str) -> None:
    instance(tmp_path / "out" / name)
    instance(tmp_path / "out" / "GOOD")
    done = create(tmp_path, "--index-only", source=tmp_path / "out")
    assert done.status == 1
    assert "its name is no File ID" in done.stderr
    assert file_ids(tmp_path / "out") == ["GOOD"]


def test_what_is_elsewhere_is_not_indexed(tmp_path: Path) -> None:
    instance(tmp_path / "IN")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "LINK").symlink_to(tmp_path / "IN")
    for source in (tmp_path / "IN", tmp_path / "out"):
        done = create(tmp_path, "--index-only", source=source)
        assert done.status == 3
        assert "on the medium" in done.stderr
        assert not (tmp_path / "out/DICOMDIR").exists()


def test_a_zip_file_holds_a_medium(tmp_path: Path) -> None:
    inbox(tmp_path)
    (tmp_path / "README.txt").write_text("about", encoding="ascii")
    done = run(
        *("dicomdir", "create", tmp_path / "in", "-o", tmp_path / "m.zip", "--zip"),
        *("--readme", tmp_path / "README.txt"),
    )
    assert done.status == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.txt", "in", "m.zip"]
    with zipfile.ZipFile(tmp_path / "m.zip") as archive:
        archive.extractall(tmp_path / "out")
    assert tree(tmp_path / "out")[-1] == "README"
    assert len(file_ids(tmp_path / "out")) == 3
    assert_right(tmp_path / "out")
    assert_right(tmp_path / "m.zip")


def test_a_zip_file_that_is_there_stays(tmp_path: Path) -> None:
    inbox(tmp_path)
    (tmp_path / "m.zip").write_bytes(b"old")
    done = run("dicomdir", "create", tmp_path / "in", "-o", tmp_path / "m.zip", "--zip")
    assert done.status == 2
    assert (tmp_path / "m.zip").read_bytes() == b"old"


def test_no_zip_file_comes_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    done = run("dicomdir", "create", tmp_path / "in", "-o", tmp_path / "m.zip", "--zip")
    assert done.status == 3
    assert os.listdir(tmp_path) == ["in"]


# ---------------------------------------------------------------- the file-set


@pytest.mark.parametrize(
    ("text", "given", "charset"),
    [
        (b"plain", "", None),
        ("größer".encode(), "", "ISO_IR 192"),
        (b"gr\xf6\xdfer", "ISO_IR 100", "ISO_IR 100"),
    ],
)
def test_a_readme_is_on_the_medium(tmp_path: Path, text: bytes, given: str, charset: str | None) -> None:
    inbox(tmp_path)
    (tmp_path / "about.txt").write_bytes(text)
    more = ["--readme-charset", given] if given else []
    assert create(tmp_path, "--readme", tmp_path / "about.txt", *more).status == 0
    found = dcmread(tmp_path / "out/DICOMDIR")
    assert found.FileSetDescriptorFileID == "README"
    assert found.get("SpecificCharacterSetOfFileSetDescriptorFile") == charset
    assert (tmp_path / "out/README").read_bytes() == text
    assert_right(tmp_path / "out")


@pytest.mark.parametrize(
    "wrong",
    [
        ["--readme", "TMP/bad.txt"],
        ["--readme", "TMP/none.txt"],
        ["--readme", "TMP/plain.txt", "--readme-charset", "KLINGON"],
        ["--readme-charset", "ISO_IR 100"],
        ["--file-set-id", "lower"],
        ["--file-set-id", "A" * 17],
        ["--charset", "KLINGON"],
        ["--link", "hard", "--zip"],
        ["--index-only", "--zip"],
        ["--profile", "STD-NONE"],
        ["--transcode"],
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, wrong: list[str]) -> None:
    inbox(tmp_path)
    (tmp_path / "bad.txt").write_bytes(b"gr\xf6\xdfer")
    (tmp_path / "plain.txt").write_bytes(b"plain")
    done = create(tmp_path, *[word.replace("TMP", str(tmp_path)) for word in wrong])
    assert done.status == 2, done
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["DICOMDIR", "dicomdir", "DICOM/X", "ReadMe"])
def test_a_place_that_is_taken_is_refused(tmp_path: Path, name: str) -> None:
    inbox(tmp_path)
    taken = tmp_path / "out" / name
    taken.parent.mkdir(parents=True)
    taken.write_bytes(b"old")
    (tmp_path / "about").write_text("about")
    done = create(tmp_path, "--readme", tmp_path / "about")
    assert done.status == 2
    assert "is there already" in done.stderr
    assert ("dicomdir rebuild" if name == "DICOM/X" else "dicomdir append") in done.stderr
    assert tree(tmp_path / "out") == [name]


def test_other_things_on_a_stick_stay(tmp_path: Path) -> None:
    inbox(tmp_path)
    (tmp_path / "out").mkdir()
    for name in ("VIEWER.EXE", "README"):
        (tmp_path / "out" / name).write_bytes(b"MZ")
    assert create(tmp_path).status == 0
    assert tree(tmp_path / "out")[-2:] == ["README", "VIEWER.EXE"]


def test_a_file_is_no_place(tmp_path: Path) -> None:
    inbox(tmp_path)
    (tmp_path / "out").write_bytes(b"old")
    assert create(tmp_path).status == 2


def test_two_runs_at_once_are_one_too_many(tmp_path: Path) -> None:
    inbox(tmp_path)
    (tmp_path / "out").mkdir()
    held = os.open(tmp_path / "out", os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        done = create(tmp_path)
    finally:
        os.close(held)
    assert done.status == 1
    assert "another run is changing this medium" in done.stderr
    assert tree(tmp_path / "out") == []


# ---------------------------------------------------------------- files that are not as they should be


@pytest.mark.parametrize(
    ("keyword", "told"),
    [
        ("StudyInstanceUID", "its Study Instance UID is missing"),
        ("SeriesInstanceUID", "its Series Instance UID is missing"),
    ],
)
def test_one_bad_file_stops_no_other(tmp_path: Path, keyword: str, told: str) -> None:
    inbox(tmp_path)
    values: dict[str, Any] = {keyword: None}
    instance(tmp_path / "in" / "0.dcm", **values)
    (tmp_path / "in" / "cut.dcm").write_bytes((tmp_path / "in/1.dcm").read_bytes()[:300])
    (tmp_path / "in" / "notes.txt").write_text("none")
    done = create(tmp_path)
    assert done.status == 1
    assert told in done.stderr
    assert len(file_ids(tmp_path / "out")) == 3
    assert_right(tmp_path / "out")


def test_a_file_that_is_cut_short_is_not_on_the_medium(tmp_path: Path) -> None:
    pixels = {"Rows": 8, "Columns": 8, "BitsAllocated": 8, "PixelData": bytes(64)}
    inbox(tmp_path, 3, **pixels)
    cut = tmp_path / "in/2.dcm"
    cut.write_bytes(cut.read_bytes()[:-10])
    done = create(tmp_path, "--jobs", 1)
    assert done.status == 1
    assert "2.dcm" in done.stderr
    assert len(file_ids(tmp_path / "out")) == 2
    there = tmp_path / "out" / file_ids(tmp_path / "out")[0]
    there.write_bytes(there.read_bytes()[:-10])
    found = run("dicomdir", "verify", tmp_path / "out", "--format", "json")
    assert [each["kind"] for each in found.records if "kind" in each] == ["unreadable"]


@pytest.mark.parametrize("uid", ["1.2.840.10008.1.1", "1.2.840.10008.3.1.2.3.3", "1.2.840.10008.1.3.10"])
def test_what_is_of_no_storage_class_has_no_place(tmp_path: Path, uid: str) -> None:
    inbox(tmp_path)
    instance(tmp_path / "in/odd.dcm", SOPClassUID=uid)
    assert create(tmp_path).status in (0, 1)
    assert len(file_ids(tmp_path / "out")) == 3


def test_strangers_are_not_one_patient(tmp_path: Path) -> None:
    for number in (1, 2):
        shared = {"PatientID": "", "PatientName": "", "PatientBirthDate": "19700101"}
        instance(
            tmp_path / "in" / str(number),
            **shared,
            StudyInstanceUID=f"1.2.{number}",
            SeriesInstanceUID=f"1.2.{number}.1",
            SOPInstanceUID=f"1.2.{number}.1.1",
        )
    assert create(tmp_path).status == 0
    assert kinds(tmp_path / "out").count("PATIENT") == 2


def test_nothing_is_left_where_no_file_can_be_used(tmp_path: Path) -> None:
    inbox(tmp_path, StudyInstanceUID=None)
    done = create(tmp_path)
    assert done.status == 3
    assert not (tmp_path / "out").exists()


def test_what_is_missing_is_made_up_and_told(tmp_path: Path) -> None:
    missing: dict[str, Any] = dict.fromkeys(
        ("StudyID", "PatientID", "StudyTime", "SeriesNumber", "InstanceNumber")
    )
    first = instance(tmp_path / "in/1", **missing)
    second = instance(tmp_path / "in/2", **missing)
    done = create(tmp_path, "--format", "json")
    assert done.status == 0
    assert "6 values made up" in done.stderr
    made_up = [each.get("invented") for each in done.records]
    assert [len(each or ()) for each in made_up] == [5, 1, 0]
    patient, study, series, *images = records(tmp_path / "out")
    assert patient.PatientID.startswith("ID")
    assert (study.StudyTime, series.SeriesNumber) == ("000000", 1)
    assert [image.InstanceNumber for image in images] == [1, 2]
    names = file_ids(tmp_path / "out")
    assert [(tmp_path / "out" / name).read_bytes() for name in names] == [
        first.read_bytes(),
        second.read_bytes(),
    ]
    assert run("dicomdir", "verify", tmp_path / "out", "--quick").status == 0


def test_nothing_is_made_up_if_that_is_refused(tmp_path: Path) -> None:
    inbox(tmp_path, 1)
    instance(tmp_path / "in/2", StudyID=None, InstanceNumber=None)
    done = create(tmp_path, "--missing", "refuse")
    assert done.status == 1
    assert "it has no StudyID (0020,0010)" in done.stderr
    assert len(file_ids(tmp_path / "out")) == 1


def test_a_value_that_a_later_file_has_is_taken(tmp_path: Path) -> None:
    instance(tmp_path / "in/1", StudyID=None, AccessionNumber=None)
    instance(tmp_path / "in/2", StudyID="S7", AccessionNumber="A8")
    create(tmp_path)
    study = records(tmp_path / "out")[1]
    assert (study.StudyID, study.AccessionNumber) == ("S7", "A8")


def test_values_that_differ_are_counted(tmp_path: Path) -> None:
    instance(tmp_path / "in/1", StudyDescription="one")
    instance(tmp_path / "in/2", StudyDescription="two")
    instance(tmp_path / "in/3", SeriesNumber=4)
    done = create(tmp_path)
    assert "2 values differ from their records'" in done.stderr
    assert records(tmp_path / "out")[1].StudyDescription == "one"


def test_one_patient_id_with_two_names_is_told_once(tmp_path: Path) -> None:
    instance(tmp_path / "in/1", PatientName="Doe^Jane")
    instance(tmp_path / "in/2", PatientName="DOE^JANE ")
    instance(tmp_path / "in/3", PatientName="Roe^Joan")
    instance(tmp_path / "in/4", PatientName="Roe^Joan")
    done = create(tmp_path)
    assert done.status == 0
    assert done.stderr.count("had another name before") == 1
    assert kinds(tmp_path / "out").count("PATIENT") == 1


def test_issuers_tell_patients_with_one_id_apart(tmp_path: Path) -> None:
    instance(tmp_path / "in/1", IssuerOfPatientID="A")
    instance(tmp_path / "in/2", IssuerOfPatientID="B", StudyInstanceUID="1.2.4", SeriesInstanceUID="1.2.4.5")
    create(tmp_path)
    assert kinds(tmp_path / "out").count("PATIENT") == 2


def test_a_study_is_of_one_patient(tmp_path: Path) -> None:
    instance(tmp_path / "in/1")
    instance(tmp_path / "in/2", PatientID="P2")
    instance(tmp_path / "in/3", StudyInstanceUID="1.2.4")
    done = create(tmp_path)
    assert done.status == 1
    assert "its study is in the File-set already, with Patient ID 'P1', and it has 'P2'" in done.stderr
    assert "one of another study, 1.2.3" in done.stderr
    assert len(file_ids(tmp_path / "out")) == 1


def test_the_same_file_is_taken_once(tmp_path: Path) -> None:
    inbox(tmp_path, 1)
    shutil.copy(tmp_path / "in/1.dcm", tmp_path / "in/2.dcm")
    done = create(tmp_path)
    assert done.status == 0
    assert "1 copied (1 the same as others), 1 skipped" in done.stderr
    assert len(file_ids(tmp_path / "out")) == 1


@pytest.mark.parametrize(
    ("policy", "status", "kept"), [("fail", 1, "1"), ("first", 0, "1"), ("last", 0, "2")]
)
def test_one_uid_with_two_contents(tmp_path: Path, policy: str, status: int, kept: str) -> None:
    for name in ("1", "2"):
        instance(tmp_path / "in" / name, SOPInstanceUID="1.2.9", ImageComments=name)
    done = create(tmp_path, "--duplicates", policy)
    assert done.status == status
    (name,) = file_ids(tmp_path / "out")
    assert dcmread(tmp_path / "out" / name).ImageComments == kept


def test_a_file_without_meta_gets_one(tmp_path: Path) -> None:
    path = instance(tmp_path / "whole")
    bare = dcmread(path)
    (tmp_path / "in").mkdir()
    del bare.file_meta
    bare.save_as(tmp_path / "in/bare", implicit_vr=True, little_endian=True, enforce_file_format=False)
    done = create(tmp_path)
    assert done.status == 0
    assert "written with new file meta information" in done.stderr
    (name,) = file_ids(tmp_path / "out")
    made = dcmread(tmp_path / "out" / name)
    assert made.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert made.PatientName == "Doe^Jane"
    assert_right(tmp_path / "out")


def test_a_meta_of_another_instance_is_put_right(tmp_path: Path) -> None:
    path = instance(tmp_path / "in/1")
    wrong = dcmread(path)
    wrong.file_meta.MediaStorageSOPInstanceUID = UID("1.2.99")
    wrong.save_as(path)
    assert create(tmp_path).status == 0
    (name,) = file_ids(tmp_path / "out")
    made = dcmread(tmp_path / "out" / name)
    assert made.file_meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID
    shutil.rmtree(tmp_path / "out")
    done = create(tmp_path, "--link", "hard")
    assert done.status == 3
    assert "file meta information is not as" in done.stderr


def test_text_gets_into_one_character_set(tmp_path: Path) -> None:
    instance(tmp_path / "in/1", SpecificCharacterSet="ISO_IR 100", PatientName="Größe")
    instance(
        tmp_path / "in/2",
        SpecificCharacterSet="ISO_IR 144",
        PatientName="Дмитpий",
        PatientID="P2",
        StudyInstanceUID="1.2.4",
        SeriesInstanceUID="1.2.4.5",
    )
    create(tmp_path)
    patients = [each for each in records(tmp_path / "out") if each.DirectoryRecordType == "PATIENT"]
    assert [each.SpecificCharacterSet for each in patients] == ["ISO_IR 100", "ISO_IR 144"]
    assert [str(each.PatientName) for each in patients] == ["Größe", "Дмитpий"]
    shutil.rmtree(tmp_path / "out")
    create(tmp_path, "--charset", "ISO_IR 192")
    patients = [each for each in records(tmp_path / "out") if each.DirectoryRecordType == "PATIENT"]
    assert {each.SpecificCharacterSet for each in patients} == {"ISO_IR 192"}
    assert [str(each.PatientName) for each in patients] == ["Größe", "Дмитpий"]
    shutil.rmtree(tmp_path / "out")
    done = create(tmp_path, "--charset", "ISO_IR 100")
    assert done.status == 1
    assert "PatientName" in done.stderr


def test_what_is_of_no_patient_is_at_the_root(tmp_path: Path) -> None:
    nobody: dict[str, Any] = dict.fromkeys(
        ("StudyInstanceUID", "SeriesInstanceUID", "PatientID", "PatientName")
    )
    palette = "1.2.840.10008.5.1.4.39.1"
    instance(tmp_path / "in/1", SOPClassUID=palette, ContentLabel="HOT", **nobody)
    inbox(tmp_path, 1)
    assert create(tmp_path).status == 0
    assert sorted(kinds(tmp_path / "out")) == ["IMAGE", "PALETTE", "PATIENT", "SERIES", "STUDY"]
    assert "DICOM/IM000001" in file_ids(tmp_path / "out")
    assert_right(tmp_path / "out")


def test_what_the_standard_does_not_know_is_private(tmp_path: Path) -> None:
    instance(tmp_path / "in/1", SOPClassUID="1.3.46.670589.11.0.0.12.1")
    assert create(tmp_path).status == 0
    record = records(tmp_path / "out")[-1]
    assert record.DirectoryRecordType == "PRIVATE"
    assert record.PrivateRecordUID.startswith("2.25.")


# ---------------------------------------------------------------- what happens meanwhile


def test_a_file_that_changes_meanwhile_is_not_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox(tmp_path)

    def late(facts: Any, path: str, over: bool) -> None:  # noqa: ANN401
        if facts.item.path.endswith("2.dcm"):
            with open(facts.item.path, "ab") as file:
                file.write(b"\0\0")
        copied(facts, path, over)

    monkeypatch.setattr("dcmtools.media.places.copied", late)
    done = create(tmp_path, "--jobs", 1)
    assert done.status == 1
    assert "has changed since it was looked at" in done.stderr
    assert len(file_ids(tmp_path / "out")) == 2
    assert_right(tmp_path / "out")


@pytest.mark.parametrize("number", [28, 122])
def test_nothing_is_left_where_there_is_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    inbox(tmp_path)

    def full(facts: Any, path: str, over: bool) -> None:  # noqa: ANN401
        if facts.item.path.endswith("2.dcm"):
            raise OSError(number, os.strerror(number))
        copied(facts, path, over)

    monkeypatch.setattr("dcmtools.media.places.copied", full)
    done = create(tmp_path, "--jobs", 1)
    assert done.status == 1
    assert "nothing of this run is left on the medium" in done.stderr
    assert not (tmp_path / "out").exists()


def test_nothing_is_left_where_the_dicomdir_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/VIEWER.EXE").write_bytes(b"MZ")

    def full(_folder: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dcmtools.media.places._force_all", full)
    done = create(tmp_path)
    assert done.status == 1
    assert tree(tmp_path / "out") == ["VIEWER.EXE"]
    assert os.listdir(tmp_path / "out") == ["VIEWER.EXE"]


def test_nothing_is_left_after_ctrl_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox(tmp_path)

    def stopped(facts: Any, path: str, over: bool) -> None:  # noqa: ANN401
        if facts.item.path.endswith("2.dcm"):
            raise KeyboardInterrupt
        copied(facts, path, over)

    monkeypatch.setattr("dcmtools.media.places.copied", stopped)
    done = create(tmp_path, "--jobs", 1)
    assert done.status == 130
    assert not (tmp_path / "out").exists()


def test_a_run_that_was_killed_says_what_to_do(tmp_path: Path) -> None:
    make_small(tmp_path / "in", 400)
    script = (
        "import os, sys; from dcmtools.media import adding, places;"
        "places.FolderPlace.finish = lambda *_: os.kill(os.getpid(), 9);"
        "from dcmtools.cli.main import main; main(sys.argv[1:])"
    )
    words = ["dicomdir", "create", str(tmp_path / "in"), "-o", str(tmp_path / "out")]
    killed = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "out/DICOMDIR").exists()
    again = create(tmp_path)
    assert again.status == 2
    assert "dicomdir rebuild" in again.stderr


def test_the_dicomdir_tells_of_what_is_there_only(tmp_path: Path) -> None:
    make_small(tmp_path / "in", 50)
    create(tmp_path)
    with Directory.open(str(tmp_path / "out/DICOMDIR")) as directory:
        assert directory.problems == []
        for record in directory.instances():
            made = dcmread(tmp_path.joinpath("out", *record.file_id), stop_before_pixels=True)
            assert made.SOPInstanceUID == record.sop_instance
            assert made.SOPClassUID == record.sop_class
            assert made.file_meta.TransferSyntaxUID == record.transfer_syntax


# ---------------------------------------------------------------- profiles and icons


def test_icons_are_in_the_records_of_images(tmp_path: Path) -> None:
    saved(profiled("CT", drawn(32, 32, 16)), tmp_path / "in/1")
    done = create(tmp_path, "--icons", "--icon-size", "32")
    assert done.status == 0
    (icon,) = records(tmp_path / "out")[-1].IconImageSequence
    assert (icon.Rows, icon.Columns) == (32, 32)
    assert_right(tmp_path / "out")


def test_icons_go_with_an_index(tmp_path: Path) -> None:
    saved(profiled("CT", drawn(32, 32, 16)), tmp_path / "out" / "IMAGE1")
    done = create(tmp_path, "--icons", "--index-only", source=tmp_path / "out")
    assert done.status == 0
    assert len(records(tmp_path / "out")[-1].IconImageSequence) == 1


def test_a_picture_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    inbox(tmp_path, 1)  # without pixels
    done = create(tmp_path, "--icons")
    assert done.status == 0
    assert "warning: no icon: " in done.stderr
    assert "IconImageSequence" not in records(tmp_path / "out")[-1]


def test_what_is_not_fit_for_a_profile_fails(tmp_path: Path) -> None:
    saved(profiled("CT", drawn(32, 32, 16)), tmp_path / "in/1")
    packed = tmp_path / "in/2"
    saved(profiled("CT", drawn(32, 32, 16)), tmp_path / "plain")
    run("compress", tmp_path / "plain", "-o", packed, "--to", "jpeg-ls")
    done = create(tmp_path, "--profile", "STD-GEN-CD")
    assert done.status == 1
    assert "its transfer syntax is" in done.stderr
    assert len(file_ids(tmp_path / "out")) == 1
    shutil.rmtree(tmp_path / "out")
    done = create(tmp_path, "--profile", "STD-GEN-CD", "--transcode", "--format", "json")
    assert done.status == 0
    assert "1 transcoded" in done.stderr
    assert len(file_ids(tmp_path / "out")) == 2
    syntaxes = {each["transfer_syntax_uid"] for each in done.records if "transfer_syntax_uid" in each}
    assert syntaxes == {"1.2.840.10008.1.2.1"}
    assert_right(tmp_path / "out")


def test_what_has_to_be_transcoded_cannot_be_linked(tmp_path: Path) -> None:
    saved(profiled("CT", drawn(32, 32, 16)), tmp_path / "plain")
    (tmp_path / "in").mkdir()
    run("compress", tmp_path / "plain", "-o", tmp_path / "in/1", "--to", "jpeg-ls")
    done = create(tmp_path, "--profile", "STD-GEN-CD", "--transcode", "--link", "hard")
    assert done.status == 3
    assert "it has to be transcoded" in done.stderr

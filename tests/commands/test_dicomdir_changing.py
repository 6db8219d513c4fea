"""``dcmtools dicomdir append``, ``update``, ``remove``, ``compact`` and ``rebuild``: media that change."""

from __future__ import annotations

import fcntl
import os
import shutil
import zipfile
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from pydicom import dcmread

from tests.support import file_sets
from tests.support.file_set_calls import (
    another_patient,
    dicomdir,
    faults,
    files,
    instance,
    listed,
    made,
    values,
)
from tests.support.run import run
from tests.support.samples import dicomdir as real_dicomdir

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHANGES = ("append", "update", "remove", "compact", "rebuild")


def words(command: str, medium: Path, folder: Path) -> list[object]:
    """Return arguments of which something would come."""
    if command in ("append", "update"):
        return [medium, instance(folder / "more.dcm", 7)]
    return [medium, "--patient", "P2", "--yes"] if command == "remove" else [medium]


def _unreadable(scandir: Callable[..., Any], name: str) -> Callable[..., Any]:
    def failing(path: Any) -> Any:  # noqa: ANN401  as os has it
        if name in str(path):
            raise OSError(5, "Input/output error")
        return scandir(path)

    return failing


# ---------------------------------------------------------------- append


def test_what_is_appended_is_beside_the_rest(tmp_path: Path) -> None:
    medium = made(tmp_path)
    before = listed(medium)
    instance(tmp_path / "more/4.dcm", 4)
    another_patient(tmp_path / "more/5.dcm", 5)
    done = dicomdir("append", medium, tmp_path / "more", "--format", "json")
    assert done.status == 0
    assert [each["state"] for each in done.records] == ["copied", "copied", "written"]
    after = listed(medium)
    assert before.items() <= after.items()
    assert after["4"].rpartition("/")[0] == before["1"].rpartition("/")[0]
    assert after["5"].rpartition("/")[0] == before["3"].rpartition("/")[0]
    assert files(medium) == set(after.values())
    assert faults(medium) == []
    assert values(medium, "PatientID") == ["P1", "P2"]


def test_what_is_there_already_is_passed_over(tmp_path: Path) -> None:
    medium = made(tmp_path)
    before = (medium / "DICOMDIR").read_bytes()
    done = dicomdir("append", medium, tmp_path / "in", "--format", "json")
    assert done.status == 0
    assert {each["state"] for each in done.records} == {"there"}
    assert (medium / "DICOMDIR").read_bytes() == before


def test_a_file_that_gets_another_meta_is_there_already_too(tmp_path: Path) -> None:
    medium = made(tmp_path)
    path = tmp_path / "bare.dcm"
    data = instance(tmp_path / "whole.dcm", 8).read_bytes()
    length = int.from_bytes(data[140:144], "little")
    path.write_bytes(data[144 + length :])
    first = dicomdir("append", medium, path, "--format", "json")
    assert "file meta information" in first.records[0]["note"]
    second = dicomdir("append", medium, path, "--format", "json")
    assert (second.status, second.records[0]["state"]) == (0, "there")


def test_other_content_of_an_instance_is_not_appended(tmp_path: Path) -> None:
    medium = made(tmp_path)
    other = instance(tmp_path / "other.dcm", 1, ImageComments="other")
    new = instance(tmp_path / "new.dcm", 9)
    done = dicomdir("append", medium, other, new)
    assert done.status == 1
    assert "other content" not in done.stdout
    assert "another content under the SOP Instance UID that is on the medium" in done.stderr
    assert "dicomdir update" in done.stderr
    assert set(listed(medium)) == {"1", "2", "3", "9"}
    assert faults(medium) == []


def test_a_file_that_the_medium_has_lost_comes_back(tmp_path: Path) -> None:
    medium = made(tmp_path)
    os.unlink(medium / listed(medium)["1"])
    assert dicomdir("append", medium, tmp_path / "in/1.dcm").status == 0
    assert set(listed(medium)) == {"1", "2", "3"}
    assert faults(medium) == []


def test_names_that_are_taken_on_the_medium_are_not_used(tmp_path: Path) -> None:
    medium = made(tmp_path)
    taken = (medium / listed(medium)["2"]).with_name("IM000003")
    taken.write_bytes(b"of a run that was killed")
    instance(tmp_path / "more.dcm", 4)
    assert dicomdir("append", medium, tmp_path / "more.dcm").status == 0
    assert taken.read_bytes() == b"of a run that was killed"
    assert listed(medium)["4"].endswith("IM000004")


def test_what_lies_on_the_medium_is_indexed(tmp_path: Path) -> None:
    medium = made(tmp_path)
    instance(medium / "NEW/IM1", 4)
    assert faults(medium) == ["unreferenced"]
    assert dicomdir("append", medium, medium / "NEW", "--index-only").status == 0
    assert listed(medium)["4"] == "NEW/IM1"
    assert faults(medium) == []


def test_records_of_others_stay_as_they_are(tmp_path: Path) -> None:
    medium = file_sets.medium(
        tmp_path / "medium", lambda draft: draft.of("STUDY").values.add_new(0x00104000, "LT", "private")
    )
    assert dicomdir("append", medium, instance(tmp_path / "more.dcm", 4)).status == 0
    assert values(medium, "PatientComments") == ["private"]
    assert faults(medium) == []


def test_real_media_get_more(tmp_path: Path) -> None:
    medium = tmp_path / "medium"
    shutil.copytree(real_dicomdir().parent, medium)
    before = listed(medium)
    assert dicomdir("append", medium, instance(tmp_path / "more.dcm", 4)).status == 0
    assert before.items() < listed(medium).items()
    assert not faults(medium, warnings=False)


def test_no_folder_of_anothers_file_id_leads_out(tmp_path: Path) -> None:
    """Such a one is as long as ours are deep, so that its folder could be taken for that of a series."""
    up = ["DICOM", "a/../../../../outside", "ST1", "SE1", "IM1"]

    def lead_out(draft: file_sets.Draft) -> None:
        for number in range(4):
            draft.of("IMAGE", number).values.ReferencedFileID = up

    medium = file_sets.medium(tmp_path / "medium", lead_out)
    values = {"PatientID": "P1", "StudyInstanceUID": f"{file_sets.ROOT}.2.1"}
    more = instance(tmp_path / "more.dcm", 9, **values, SeriesInstanceUID=f"{file_sets.ROOT}.3.1")
    dicomdir("append", medium, more)
    assert not (tmp_path / "outside").exists()
    assert not (tmp_path.parent / "outside").exists()
    assert sum(path.read_bytes() == more.read_bytes() for path in medium.rglob("IM*") if path.is_file()) <= 1


def test_a_record_without_a_uid_deletes_nothing(tmp_path: Path) -> None:
    def nameless(draft: file_sets.Draft) -> None:
        values = draft.of("IMAGE", 0).values
        values.ReferencedFileID, values.ReferencedSOPInstanceUIDInFile = "DICOMDIR", ""

    medium = file_sets.medium(tmp_path / "medium", nameless)
    dicomdir("remove", medium, "--patient", "P1", "--yes")
    assert (medium / "DICOMDIR").is_file()


# ---------------------------------------------------------------- update


def test_a_file_takes_the_place_of_another(tmp_path: Path) -> None:
    medium = made(tmp_path)
    before = listed(medium)
    other = instance(tmp_path / "other.dcm", 1, ImageComments="other")
    assert dicomdir("update", medium, other).status == 0
    after = listed(medium)
    assert set(after) == set(before)
    assert after["1"] not in before.values()
    assert (medium / after["1"]).read_bytes() == other.read_bytes()
    assert files(medium) == set(after.values())
    assert faults(medium) == []


def test_the_patient_is_called_what_the_new_files_say(tmp_path: Path) -> None:
    medium = made(tmp_path)
    for number in (1, 2):
        instance(tmp_path / "other" / f"{number}", number, PatientName="Doe^Joan")
    assert dicomdir("update", medium, tmp_path / "other").status == 0
    assert sorted(map(str, values(medium, "PatientName"))) == ["Doe^Joan", "Roe^Jim"]
    assert faults(medium) == []


def test_a_file_of_another_patient_goes_there(tmp_path: Path) -> None:
    medium = made(tmp_path)
    moved = instance(
        tmp_path / "moved", 2, PatientID="P3", StudyInstanceUID="1.2.8", SeriesInstanceUID="1.2.8.1"
    )
    assert dicomdir("update", medium, moved).status == 0
    assert sorted(map(str, values(medium, "PatientID"))) == ["P1", "P2", "P3"]
    assert len(files(medium)) == 3
    assert faults(medium) == []


def test_a_file_that_cannot_replace_leaves_what_is_there(tmp_path: Path) -> None:
    medium = made(tmp_path)
    before = listed(medium)
    contradicting = instance(
        tmp_path / "c.dcm", 1, PatientID="P9"
    )  # the study stays P1's, for its other image
    done = dicomdir("update", medium, contradicting, instance(tmp_path / "new.dcm", 5))
    assert done.status == 1
    assert "its study is in the File-set already" in done.stderr
    after = listed(medium)
    assert after["1"] == before["1"]
    assert set(after) == {"1", "2", "3", "5"}
    assert faults(medium) == []


def test_records_are_renewed(tmp_path: Path) -> None:
    medium = made(tmp_path)
    assert run("modify", medium / "DICOMDIR", "--in-place", "--set", "AccessionNumber=A77", "-q").status == 0
    assert faults(medium, warnings=False) == []
    done = dicomdir("update", medium, "--format", "json")
    assert done.status == 0
    assert {each["state"] for each in done.records} == {"renewed", "written"}
    assert set(values(medium, "AccessionNumber")) == {"A77"}
    done = dicomdir("update", medium, "--format", "json")
    assert {each["state"] for each in done.records} == {"unchanged", "written"}
    assert run("modify", medium / "DICOMDIR", "--in-place", "--set", "InstanceNumber=7", "-q").status == 0
    done = dicomdir("update", medium, "--format", "json")
    assert {each["state"] for each in done.records} == {"renewed", "written"}
    assert set(map(str, values(medium, "InstanceNumber"))) == {"7"}
    assert faults(medium) == []


def test_records_of_missing_files_stay_unless_they_are_dropped(tmp_path: Path) -> None:
    medium = made(tmp_path)
    os.unlink(medium / listed(medium)["3"])
    done = dicomdir("update", medium)
    assert done.status == 1
    assert "the medium has no such file" in done.stderr
    assert set(listed(medium)) == {"1", "2", "3"}
    assert values(medium, "PatientID") == ["P1", "P2"]
    assert dicomdir("update", medium, "--drop-missing", "-n").status == 0
    assert set(listed(medium)) == {"1", "2", "3"}
    assert dicomdir("update", medium, "--drop-missing").status == 0
    assert set(listed(medium)) == {"1", "2"}
    assert faults(medium) == []


def test_what_stays_and_contradicts_the_rest_stops_it(tmp_path: Path) -> None:
    medium = made(tmp_path)
    before = (medium / "DICOMDIR").read_bytes()
    os.unlink(medium / listed(medium)["2"])
    only = medium / listed(medium)["1"]
    assert run("modify", only, "--in-place", "--set", "PatientID=P9", "-q").status == 0
    done = dicomdir("update", medium)
    assert done.status == 1
    assert "contradicts others" in done.stderr
    assert (medium / "DICOMDIR").read_bytes() == before


@pytest.mark.parametrize(
    "option", ["--index-only", "--link=hard", "--where=exists Rows", "--profile=STD-GEN-CD"]
)
def test_options_about_paths_need_paths(tmp_path: Path, option: str) -> None:
    done = dicomdir("update", made(tmp_path), option)
    assert done.status == 2
    assert "means nothing without PATHS" in done.stderr


def test_missing_records_are_dropped_without_paths_only(tmp_path: Path) -> None:
    assert dicomdir("update", made(tmp_path), tmp_path / "in", "--drop-missing").status == 2


def test_what_cannot_be_read_is_not_missing(tmp_path: Path) -> None:
    medium = made(tmp_path)
    with patch("os.scandir", side_effect=_unreadable(os.scandir, "PA000002")):
        done = dicomdir("update", medium, "--drop-missing")
    assert done.status == 1
    assert "Input/output error" in done.stderr
    assert len(listed(medium)) == 3


def test_records_stay_where_all_files_are_gone(tmp_path: Path) -> None:
    medium = made(tmp_path)
    shutil.rmtree(medium / "DICOM")
    assert dicomdir("update", medium, "--drop-missing").status == 3
    assert len(listed(medium)) == 3


# ---------------------------------------------------------------- remove


@pytest.mark.parametrize(
    ("option", "value", "left"),
    [
        ("--patient", "P2", {"1", "2"}),
        ("--study", "1.2.3", {"3"}),
        ("--series", "1.2.9.4", {"1", "2"}),
        ("--instance", "1.2.3.4.2", {"1", "3"}),
        ("--where", "InstanceNumber >= 2", {"1"}),
    ],
)
def test_records_go_and_files_and_folders(tmp_path: Path, option: str, value: str, left: set[str]) -> None:
    medium = made(tmp_path)
    before = listed(medium)
    planned = dicomdir("remove", medium, option, value, "--dry-run", "--format", "json")
    assert planned.status == 0
    assert {each["state"] for each in planned.records} == {"planned"}
    assert listed(medium) == before
    done = dicomdir("remove", medium, option, value, "--yes", "--format", "json")
    assert done.status == 0
    assert len(done.records) == len(planned.records) == 3 - len(left)
    after = listed(medium)
    assert after == {number: before[number] for number in left}
    assert files(medium) == set(after.values())
    assert all(any(folder.iterdir()) for folder in medium.rglob("*") if folder.is_dir())
    assert faults(medium) == []


def test_nobody_is_asked_where_there_is_no_terminal(tmp_path: Path) -> None:
    medium = made(tmp_path)
    done = dicomdir("remove", medium, "--patient", "P2")
    assert done.status == 2
    assert "--yes" in done.stderr
    assert set(listed(medium)) == {"1", "2", "3"}


def test_files_stay_where_they_are_to_be_kept(tmp_path: Path) -> None:
    medium = made(tmp_path)
    before = files(medium)
    assert dicomdir("remove", medium, "--patient", "P2", "--keep-files", "--yes").status == 0
    assert set(listed(medium)) == {"1", "2"}
    assert files(medium) == before


def test_what_a_killed_run_left_goes_too(tmp_path: Path) -> None:
    medium = made(tmp_path)
    dicomdir("remove", medium, "--patient", "P2", "--keep-files", "--yes")
    done = dicomdir("remove", medium, "--patient", "P2", "--yes")
    assert (done.status, len(files(medium))) == (0, 2)
    assert "no record named it" in done.stderr


def test_what_is_asked_for_in_vain_is_told(tmp_path: Path) -> None:
    medium = made(tmp_path)
    done = dicomdir("remove", medium, "--patient", "P2", "--patient", "P7", "--yes")
    assert done.status == 1
    assert "P7" in done.stderr
    assert set(listed(medium)) == {"1", "2"}
    nothing = dicomdir("remove", medium, "--study", "1.9", "--yes")
    assert nothing.status in (1, 3)
    assert "nothing of what is to be removed" in nothing.stderr


def test_a_file_that_two_records_name_stays(tmp_path: Path) -> None:
    def same_file(draft: file_sets.Draft) -> None:
        draft.of("IMAGE", 1).values.ReferencedFileID = draft.of("IMAGE", 0).values.ReferencedFileID

    medium = file_sets.medium(tmp_path / "medium", same_file)
    uid = f"{file_sets.ROOT}.4.1.2"
    done = dicomdir("remove", medium, "--instance", uid, "--yes")
    assert done.status == 0
    assert "another record names" in done.stderr
    assert (medium / file_sets.NAMES[0]).exists()


@pytest.mark.parametrize("file_id", [["..", "OUT"], ["OUT"], ["LINK", "OUT"]])
def test_nothing_outside_is_touched(tmp_path: Path, file_id: list[str]) -> None:
    outside = tmp_path / "outside"
    instance(outside / "OUT", 1)
    before = (outside / "OUT").read_bytes()

    def out(draft: file_sets.Draft) -> None:
        draft.of("IMAGE", 0).values.ReferencedFileID = file_id

    medium = file_sets.medium(tmp_path / "medium", out)
    (medium / "LINK").symlink_to(outside)
    (medium / "OUT").symlink_to(outside / "OUT")
    (tmp_path / "OUT").write_bytes(before)
    uid = f"{file_sets.ROOT}.4.1.1"
    dicomdir("update", medium, "--drop-missing")
    dicomdir("update", medium, instance(tmp_path / "new.dcm", 1, SOPInstanceUID=uid))
    dicomdir("remove", medium, "--patient", "P1", "--yes")
    dicomdir("rebuild", medium)
    assert (outside / "OUT").read_bytes() == before
    assert (tmp_path / "OUT").read_bytes() == before
    assert os.listdir(outside) == ["OUT"]


def test_what_is_wanted_has_to_be_said(tmp_path: Path) -> None:
    done = dicomdir("remove", made(tmp_path), "--yes")
    assert done.status == 2
    assert "--where" in done.stderr


def test_what_is_elsewhere_on_the_medium_stays(tmp_path: Path) -> None:
    medium = made(tmp_path)
    originals = medium / "ORIGINAL"
    shutil.copytree(tmp_path / "in", originals)
    assert dicomdir("remove", medium, "--patient", "P1", "--patient", "P2", "--yes").status == 0
    assert sorted(os.listdir(originals)) == ["1.dcm", "2.dcm", "3.dcm"]
    assert files(medium) == {f"ORIGINAL/{number}.dcm" for number in (1, 2, 3)}


def test_a_file_that_is_named_by_another_way_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    medium = made(tmp_path)
    monkeypatch.chdir(medium)
    assert dicomdir("remove", ".", "--instance", "1.2.3.4.1", "--yes").status == 0
    assert set(listed(medium).values()) == files(medium)
    assert len(files(medium)) == 2


def test_what_a_killed_update_left_goes_with_the_next(tmp_path: Path) -> None:
    medium = made(tmp_path)
    old = medium / listed(medium)["1"]
    shutil.copy(old, old.with_name("IM000009"))
    other = instance(tmp_path / "other.dcm", 1, ImageComments="other")
    told = dicomdir("append", medium, instance(tmp_path / "new.dcm", 4), "-v")
    assert "1 file below DICOM that no record names" in told.stderr
    assert old.with_name("IM000009").exists()
    assert dicomdir("update", medium, other).status == 0
    assert files(medium) == set(listed(medium).values())


@pytest.mark.parametrize("name", ["DICOMDIR", "README", "OTHER"])
def test_what_is_not_the_instance_of_its_record_stays(tmp_path: Path, name: str) -> None:
    def lead_there(draft: file_sets.Draft) -> None:
        draft.of("IMAGE", 0).values.ReferencedFileID = name

    medium = file_sets.medium(tmp_path / "medium", lead_there)
    (medium / "README").write_text("about")
    instance(medium / "OTHER", 77)
    uid = f"{file_sets.ROOT}.4.1.1"
    done = dicomdir("remove", medium, "--instance", uid, "--yes")
    assert done.status in (1, 3)
    assert (medium / name).exists()
    assert len(values(medium, "ReferencedFileID")) == 3
    file_sets.medium(medium, lead_there)
    new = instance(tmp_path / "new.dcm", 1, SOPInstanceUID=uid)
    dicomdir("update", medium, new)
    assert (medium / name).exists()
    assert (medium / "DICOMDIR").exists()


def test_a_file_that_another_record_names_by_a_link_stays(tmp_path: Path) -> None:
    medium = made(tmp_path)
    before = listed(medium)
    (medium / "LN").symlink_to("DICOM")
    data = (medium / "DICOMDIR").read_bytes()
    old, new = (rb"DICOM\PA000001\ST000001\SE000001\IM000001", rb"LN\PA000001\ST000001\SE000001\IM000002   ")
    assert data.count(old) == 1
    (medium / "DICOMDIR").write_bytes(data.replace(old, new))
    assert dicomdir("remove", medium, "--instance", "1.2.3.4.1", "--yes").status in (0, 1)
    assert (medium / before["2"]).exists()
    assert listed(medium)["2"] == before["2"]


def test_two_records_never_become_those_of_one_instance(tmp_path: Path) -> None:
    medium = made(tmp_path)
    before = listed(medium)
    shutil.copy(medium / before["1"], medium / before["2"])
    done = dicomdir("update", medium)
    assert done.status == 1
    assert "another record is of the instance that the file is" in done.stderr
    assert listed(medium) == before


@pytest.mark.parametrize("name", ["DICOMDIR-bigEnd", "DICOMDIR-implicit", "DICOMDIR-reordered"])
def test_odd_media_lose_what_they_should(tmp_path: Path, name: str) -> None:
    medium = tmp_path / "medium"
    shutil.copytree(real_dicomdir().parent, medium)
    os.replace(medium / name, medium / "DICOMDIR")
    before = len(values(medium, "ReferencedFileID"))
    some = dcmread(medium / next(iter(listed(medium).values()))).SOPInstanceUID
    done = dicomdir("remove", medium, "--instance", some, "--yes")
    assert done.status == 0, done.stderr
    assert len(values(medium, "ReferencedFileID")) == before - 1
    assert dicomdir("append", medium, instance(tmp_path / "more.dcm", 4)).status == 0
    assert len(values(medium, "ReferencedFileID")) == before


def test_a_record_in_an_odd_place_goes_too(tmp_path: Path) -> None:
    def odd(draft: file_sets.Draft) -> None:
        draft.of("SERIES", 0).values.DirectoryRecordType = "VISIT"

    medium = file_sets.medium(tmp_path / "medium", odd)
    uid = f"{file_sets.ROOT}.4.1.1"
    again = dicomdir("append", medium, medium / file_sets.NAMES[0], "--format", "json")
    assert again.records[0]["state"] == "there"
    assert dicomdir("remove", medium, "--instance", uid, "--yes").status == 0
    assert len(values(medium, "ReferencedFileID")) == 3
    assert not (medium / file_sets.NAMES[0]).exists()


# ---------------------------------------------------------------- compact


def test_what_is_not_in_use_goes(tmp_path: Path) -> None:
    def inactive(draft: file_sets.Draft) -> None:
        draft.of("PATIENT", 1).values.RecordInUseFlag = 0

    medium = file_sets.medium(tmp_path / "medium", inactive)
    size = (medium / "DICOMDIR").stat().st_size
    planned = dicomdir("compact", medium, "-n", "--format", "json").records[0]
    assert (medium / "DICOMDIR").stat().st_size == size
    (record,) = dicomdir("compact", medium, "--format", "json").records
    assert (record["records_before"], record["records"]) == (11, 7)
    assert record["size_before"] == size
    assert record["size"] == (medium / "DICOMDIR").stat().st_size == planned["size"] < size
    assert values(medium, "PatientID") == ["P1"]
    assert set(faults(medium)) == {"unreferenced"}
    (again,) = dicomdir("compact", medium, "--format", "json").records
    assert again["state"] == "unchanged"


# ---------------------------------------------------------------- rebuild


def test_a_new_dicomdir_is_made_of_the_files(tmp_path: Path) -> None:
    medium = made(tmp_path)
    before = listed(medium)
    (medium / "DICOMDIR").write_bytes(b"damaged")
    (medium / "README").write_text("about")
    done = dicomdir("rebuild", medium, "--backup", tmp_path / "old")
    assert done.status == 0
    assert (tmp_path / "old").read_bytes() == b"damaged"
    assert listed(medium) == before
    assert faults(medium) == []
    os.unlink(medium / "DICOMDIR")
    assert dicomdir("rebuild", medium).status == 0
    assert listed(medium) == before


def test_what_the_old_one_says_of_the_medium_stays(tmp_path: Path) -> None:
    medium = made(tmp_path)
    instance(tmp_path / "in/1.dcm", 1)
    shutil.rmtree(medium)
    dicomdir("create", tmp_path / "in", "-o", medium, "--file-set-id", "HOSPITAL", "-q")
    uid = dcmread(medium / "DICOMDIR").file_meta.MediaStorageSOPInstanceUID
    assert dicomdir("rebuild", medium / "DICOMDIR").status == 0
    again = dcmread(medium / "DICOMDIR")
    assert (again.FileSetID, again.file_meta.MediaStorageSOPInstanceUID) == ("HOSPITAL", uid)


def test_names_that_media_do_not_know_fail(tmp_path: Path) -> None:
    medium = made(tmp_path)
    instance(medium / "more.dcm", 4)
    done = dicomdir("rebuild", medium)
    assert done.status == 1
    assert "more.dcm" in done.stderr
    assert set(listed(medium)) == {"1", "2", "3"}


def test_a_backup_takes_no_place(tmp_path: Path) -> None:
    medium = made(tmp_path)
    (tmp_path / "old").write_text("mine")
    before = (medium / "DICOMDIR").read_bytes()
    assert dicomdir("rebuild", medium, "--backup", tmp_path / "old").status == 2
    assert (tmp_path / "old").read_text() == "mine"
    assert (medium / "DICOMDIR").read_bytes() == before


def test_a_folder_without_files_gets_none(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert dicomdir("rebuild", tmp_path / "empty").status == 3
    assert os.listdir(tmp_path / "empty") == []


# ---------------------------------------------------------------- all of them


@pytest.mark.parametrize("command", CHANGES)
def test_two_at_once_are_one_too_many(tmp_path: Path, command: str) -> None:
    medium = made(tmp_path)
    before = (medium / "DICOMDIR").read_bytes()
    held = os.open(medium, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        done = dicomdir(command, *words(command, medium, tmp_path))
    finally:
        os.close(held)
    assert done.status == 1
    assert "another run is changing this medium" in done.stderr
    assert (medium / "DICOMDIR").read_bytes() == before


@pytest.mark.parametrize("command", [each for each in CHANGES if each != "rebuild"])
def test_a_damaged_dicomdir_is_left_alone(tmp_path: Path, command: str) -> None:
    def lead_nowhere(draft: file_sets.Draft) -> None:
        draft.of("STUDY").values.OffsetOfReferencedLowerLevelDirectoryEntity = 77

    medium = file_sets.medium(tmp_path / "medium", spoil=lead_nowhere)
    before = (medium / "DICOMDIR").read_bytes()
    done = dicomdir(command, *words(command, medium, tmp_path))
    assert done.status == 3
    assert "dicomdir rebuild" in done.stderr
    assert (medium / "DICOMDIR").read_bytes() == before


@pytest.mark.parametrize("command", CHANGES)
def test_a_link_is_not_written_through(tmp_path: Path, command: str) -> None:
    medium = made(tmp_path)
    (medium / "DICOMDIR").rename(tmp_path / "elsewhere")
    (medium / "DICOMDIR").symlink_to(tmp_path / "elsewhere")
    before = (tmp_path / "elsewhere").read_bytes()
    assert dicomdir(command, *words(command, medium, tmp_path)).status == 2
    assert (tmp_path / "elsewhere").read_bytes() == before


@pytest.mark.parametrize("command", [each for each in CHANGES if each != "rebuild"])
def test_a_medium_in_an_archive_is_not_changed(tmp_path: Path, command: str) -> None:
    medium = made(tmp_path)
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        for path in medium.rglob("*"):
            archive.write(path, path.relative_to(medium))
    done = dicomdir(command, *words(command, tmp_path / "m.zip", tmp_path))
    assert done.status == 2
    assert "in an archive" in done.stderr


@pytest.mark.parametrize("command", [each for each in CHANGES if each != "rebuild"])
def test_a_folder_that_is_none_is_refused(tmp_path: Path, command: str) -> None:
    (tmp_path / "none").mkdir()
    done = dicomdir(command, *words(command, tmp_path / "none", tmp_path))
    assert done.status == 3
    assert "DICOMDIR" in done.stderr


@pytest.mark.parametrize("command", CHANGES)
def test_a_disk_without_room_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    medium = made(tmp_path)
    (medium / "DICOMDIR").write_bytes((medium / "DICOMDIR").read_bytes())
    before, there = (medium / "DICOMDIR").read_bytes(), files(medium)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dcmtools.media.writing._write", full)
    if command == "compact":
        monkeypatch.setattr("dcmtools.media.rebuilding.blocks", lambda _: [b"other"])
    done = dicomdir(command, *words(command, medium, tmp_path))
    assert done.status == 1
    assert "No space left" in done.stderr
    assert (medium / "DICOMDIR").read_bytes() == before
    assert files(medium) == there

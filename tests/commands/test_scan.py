"""``dcmtools scan``: rows about many files, and searches."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from dcmtools.files import work
from tests.support.encoded import EVL, part10
from tests.support.run import Run, run
from tests.support.samples import ct, make_small, mr, real_file, sop_instance_uid

UID, STUDY, SERIES, NAME, ID = 0x00080018, 0x0020000D, 0x0020000E, 0x00100010, 0x00100020
NUMBER, MODALITY, REFERENCES = 0x00200013, 0x00080060, 0x00081140
ALL_PIECES = 64


def instance(folder: Path, name: str, *elements: tuple[int, str, bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    data = [EVL.element(tag, vr, value + b" " * (len(value) % 2)) for tag, vr, value in sorted(elements)]
    path.write_bytes(part10(b"".join(data)))
    return path


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Three files of two series of a patient, and one of somebody else."""
    folder = tmp_path / "study"
    for name, patient, series, number, modality in (
        ("a", b"P1", b"1.1", b"10", b"CT"),
        ("b", b"P1", b"1.1", b"9", b"CT"),
        ("c", b"P1", b"1.2", b"-1", b"PT"),
        ("d", b"P2", b"2.1", b"", b"CT"),
    ):
        instance(
            folder,
            name,
            (UID, "UI", b"9." + str(ord(name)).encode()),
            (ID, "LO", patient),
            (STUDY, "UI", series[:1]),
            (SERIES, "UI", series),
            (NUMBER, "IS", number),
            (MODALITY, "CS", modality),
        )
    return folder


def keys(*names: str) -> list[str]:
    return [word for name in names for word in ("-k", name)]


def rows(*args: object, status: int = 0) -> list[dict[str, str]]:
    done = run("scan", "--format", "csv", *args)
    assert done.status == status, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout), strict=True))


def lines(*args: object) -> list[str]:
    done = run("scan", *args)
    assert (done.status, done.stderr) == (0, "")
    return done.stdout.splitlines()


# ---------------------------------------------------------------- a row for each file


def test_a_row_for_each_file(study: Path) -> None:
    assert lines(*keys("patientid", "InstanceNumber"), study) == [
        f"{study}/a\tP1\t10",
        f"{study}/b\tP1\t9",
        f"{study}/c\tP1\t-1",
        f"{study}/d\tP2\t",
    ]


def test_the_columns_are_named_by_keywords(study: Path) -> None:
    header = run("scan", *keys("0010,0020", "bytes()", "instancenumber"), study, "--format", "csv").stdout
    names = ["file", "PatientID", "bytes()", "InstanceNumber"]
    assert header.splitlines()[0].split(",")[:4] == names
    size = os.path.getsize(study / "a")
    assert header.splitlines()[1] == f"{study}/a,P1,{size},10,done,,,"
    shown = run("scan", *keys("0010,0020"), study, "--color", "never", terminal=True).stdout
    assert shown.splitlines()[0].split() == ["FILE", "PatientID"]


def test_a_key_given_twice_is_one_column(study: Path) -> None:
    assert lines(*keys("PatientID", "0010,0020"), study / "a") == [f"{study / 'a'}\tP1"]


def test_without_keys_there_are_columns_all_the_same() -> None:
    (row,) = rows(ct())
    assert (row["PatientID"], row["Modality"], row["SeriesNumber"]) == ("1CT1", "CT", "1")


def test_what_is_empty_and_what_is_not_there(study: Path) -> None:
    (record,) = run("scan", "--format", "json", *keys("InstanceNumber", "PatientName"), study / "d").records
    assert record == {
        "file": str(study / "d"),
        "values": {"InstanceNumber": "", "PatientName": None},
        "outcome": "done",
    }


def test_any_item_and_one_item(tmp_path: Path) -> None:
    items = [EVL.item(EVL.element(0x00081155, "UI", uid)) for uid in (b"1.2\0", b"3.4\0")]
    path = tmp_path / "a.dcm"
    path.write_bytes(part10(EVL.sequence(REFERENCES, *items)))
    name = "ReferencedImageSequence{}.ReferencedSOPInstanceUID"
    asked = keys(name.format(""), name.format("[1]"), name.format("[2]"), "ReferencedImageSequence")
    assert lines(*asked, path) == [f"{path}\t1.2\\3.4\t3.4\t\t(sequence)"]


def test_of_an_element_that_stands_twice_the_last_counts(tmp_path: Path) -> None:
    path = instance(tmp_path / "a", "a", (ID, "LO", b"1"), (ID, "LO", b"2"))
    for asked in ([], ["-k", "ReferencedImageSequence.PatientID"]):  # at a glance, and by a walk
        assert lines("-k", "PatientID", *asked, path)[0].split("\t")[1] == "2"
        assert lines("-k", "PatientID", *asked, path.parent)[0].split("\t")[1] == "2"


def test_one_of_several_values(study: Path) -> None:
    instance(
        study,
        "v",
        (0x00080008, "CS", b"ORIGINAL\\PRIMARY\\AXIAL"),
        (SERIES, "UI", b"7"),
        (MODALITY, "CS", b"X\\Y"),
    )
    asked = keys("ImageType[2]", "Modality[0]", "Modality[1]")
    assert lines(*asked, study / "v", study / "a") == [f"{study}/v\tAXIAL\tX\tY", f"{study}/a\t\tCT\t"]
    assert lines("-L", "series", *keys("ImageType[2]", "max(Modality[1])"), study / "v") == ["7\tAXIAL\tY"]
    assert lines("--unique", *keys("Modality[0]"), study) == ["CT\t3", "PT\t1", "X\t1"]


def test_the_size_of_a_file(study: Path) -> None:
    assert lines("-k", "file.size", study / "a") == [f"{study}/a\t{os.path.getsize(study / 'a')}"]


def test_a_negative_number_is_no_formula(study: Path) -> None:
    assert rows(*keys("InstanceNumber"), study / "c")[0]["InstanceNumber"] == "-1"


def test_what_is_not_dicom_is_passed_over(study: Path) -> None:
    (study / "readme.txt").write_text("hello")
    assert len(rows(study)) == 5
    assert [row["outcome"] for row in rows(study)].count("skipped") == 1
    assert run("scan", study).stderr == "4 done, 1 skipped\n"


def test_one_bad_file_among_many(tmp_path: Path) -> None:
    """It has its own row, with what can be read; the others have theirs, in the order of the names."""
    make_small(tmp_path, 2 * ALL_PIECES + 2)
    bad = tmp_path / "ct000070.dcm"
    bad.write_bytes(bad.read_bytes()[:-5])
    (tmp_path / "ct000071.dcm").write_bytes(real_file("CT_small.dcm").read_bytes()[:700])
    (tmp_path / "ct000072.dcm").write_bytes(b"nothing")
    found = rows(*keys("InstanceNumber", "PixelData"), tmp_path, status=1)
    assert [row["file"] for row in found] == [
        str(tmp_path / f"ct{number:06d}.dcm") for number in range(1, 2 * ALL_PIECES + 3)
    ]
    failed = {row["file"][-10:-4]: row for row in found if row["outcome"] == "failed"}
    assert sorted(failed) == ["000070", "000071", "000072"]
    assert failed["000070"]["InstanceNumber"] == "000070"
    assert "length" in failed["000070"]["error_message"]
    done = [row["InstanceNumber"] for row in found if row["outcome"] == "done"]
    assert done == [f"{number:06d}" for number in range(1, 2 * ALL_PIECES + 3) if number not in (70, 71, 72)]


def test_a_value_that_is_too_long_fails_its_file(study: Path) -> None:
    long = instance(study, "b", (0x00420011, "OB", bytes(1024 * 1024 + 2)))
    found = rows(*keys("EncapsulatedDocument"), study, status=1)
    assert [row["outcome"] for row in found] == ["done", "failed", "done", "done"]
    assert found[1]["file"] == str(long)
    assert "too long to be printed" in found[1]["error_message"]


def test_several_processes_show_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "_PATIENCE", 0.0)
    make_small(tmp_path, 5 * ALL_PIECES)
    asked = [*keys("SOPInstanceUID"), tmp_path]
    assert rows("--jobs", 3, *asked) == rows("--jobs", 1, *asked)
    assert [row["SOPInstanceUID"] for row in rows("--jobs", 3, *asked)] == [
        sop_instance_uid(number) for number in range(1, 5 * ALL_PIECES + 1)
    ]


def test_files_of_archives_pipes_and_lists(study: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", study)
    assert [row["PatientID"] for row in rows(archive)] == ["P1", "P1", "P1", "P2"]
    piped = run("scan", *keys("PatientID"), "-", stdin=(study / "d").read_bytes())
    assert piped.stdout == "-\tP2\n"
    (tmp_path / "list").write_text(f"{study}/c\n{study}/a\n")
    assert [row["InstanceNumber"] for row in rows("--files-from", tmp_path / "list")] == ["-1", "10"]


def test_a_pipe_that_takes_the_place_of_a_file_keeps_nobody_waiting(study: Path) -> None:
    (study / "a").unlink()
    os.mkfifo(study / "a")
    assert [row["outcome"] for row in rows(study)] == ["skipped", "done", "done", "done"]


def test_where(study: Path) -> None:
    assert [row["file"][-1] for row in rows("--where", "Modality == CT", study)] == ["a", "b", "d"]
    assert [row["PatientID"] for row in rows("--where", "InstanceNumber < 10", "-L", "patient", study)] == [
        "P1"
    ]
    assert run("scan", "--where", "Modality == US", study).status == 3


# ---------------------------------------------------------------- groups


def test_a_row_for_each_series(study: Path) -> None:
    found = rows("-L", "series", *keys("min(InstanceNumber)", "max(InstanceNumber)", "count()"), study)
    assert [list(row.values())[:4] for row in found] == [
        ["1.1", "9", "10", "2"],
        ["1.2", "-1", "-1", "1"],
        ["2.1", "", "", "1"],
    ]
    assert list(found[0])[:2] == ["SeriesInstanceUID", "min(InstanceNumber)"]


@pytest.mark.parametrize(("level", "ids"), [("study", ["1", "2"]), ("patient", ["P1", "P2"])])
def test_the_values_of_a_group_are_all_shown(study: Path, level: str, ids: list[str]) -> None:
    shown = [line.split("\t") for line in lines("-L", level, *keys("Modality", "files()"), study)]
    assert shown == [[ids[0], "CT|PT", "3"], [ids[1], "CT", "1"]]


def test_the_columns_of_each_level(study: Path) -> None:
    assert lines("-L", "patient", study)[0].split("\t")[:7] == ["P1", "", "", "", "1", "2", "3"]
    assert lines("-L", "study", study)[0].split("\t")[:2] == ["1", "P1"]
    (record, _) = run("scan", "-L", "study", *keys("bytes()"), study, "--format", "json").records
    size = sum(os.path.getsize(study / name) for name in "abc")
    assert record == {
        "level": "study",
        "values": {"StudyInstanceUID": "1", "bytes()": size},
        "outcome": "done",
    }


def test_files_are_counted_whatever_the_rows_are_about(study: Path) -> None:
    (study / "b.dcm").write_bytes(b"x")
    for asked in (["-L", "series"], ["--summary"], ["--text", "T"], ["-l", "--text", "T"], ["-l"]):
        for form in ("text", "csv"):
            if form == "text" or "-l" not in asked:
                done = run("scan", *asked, study, "--format", form)
                assert done.stderr.splitlines()[-1] == "4 done, 1 failed", (asked, form)


def test_a_damaged_file_is_told_once_behind_its_hits(study: Path) -> None:
    whole = (study / "a").read_bytes()
    (study / "a").write_bytes(whole[:-1])
    done = run("scan", "--regex", "^(1[.]1|P1)$", study / "a", study / "b", "--format", "csv")
    found = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["file"][-1], row["outcome"]) for row in found] == [
        *[("a", "done")] * 2,
        ("a", "failed"),
        *[("b", "done")] * 2,
    ]
    assert done.status == 1
    assert [line[-8:] for line in done.stderr.splitlines()[1:]] == ["1 failed"]


def test_columns_that_sqlite_takes_for_one(study: Path, tmp_path: Path) -> None:
    names = ["0029,10,ACME", "0029,10,acme", "0029,10,Acme"]
    assert run("scan", study, *keys(*names), "--to", tmp_path / "rows.sqlite").status == 0
    with closing(sqlite3.connect(tmp_path / "rows.sqlite")) as database:
        made = [name for _, name, *_ in database.execute("PRAGMA table_info(instance)")]
    assert made == ["file", "(0029,10,ACME)", "(0029,10,acme)_", "(0029,10,Acme)__"]


def test_what_fails_is_told_beside_the_groups(study: Path) -> None:
    (study / "b.dcm").write_bytes(b"x")
    found = rows("-L", "series", study, status=1)
    assert sorted(row["outcome"] for row in found) == ["done", "done", "done", "failed"]
    (failed,) = [row for row in found if row["outcome"] == "failed"]
    assert failed["SeriesInstanceUID"] == ""  # which no path is
    assert failed["error_message"].startswith(f"{study}/b.dcm: ")


@pytest.mark.parametrize("asked", [["-L", "series"], ["--unique", "-k", "Modality"], ["--summary"]])
def test_a_file_is_no_group(study: Path, asked: list[str]) -> None:
    (study / "b.dcm").write_bytes(b"x")
    (study / "read.me").write_bytes(b"hello")
    for name, row in zip(("b.dcm", "read.me"), rows(*asked, study, status=1), strict=False):
        *_, outcome, _, message, note = row.values()
        assert set(row.values()) == {"", *list(row.values())[-4:]}
        assert outcome in ("failed", "skipped")
        assert (message or note).startswith(f"{study}/{name}: ")
    for name, record in zip(
        ("b.dcm", "read.me"), run("scan", *asked, study, "--format", "json").records, strict=False
    ):
        assert record["file"] == f"{study}/{name}"
        assert not set(record) - {"file", "outcome", "error", "note"}


def test_groups_are_aligned_as_a_whole(study: Path) -> None:
    header, first, *others = run(
        "scan", "--summary", "--color", "never", study, terminal=True
    ).stdout.splitlines()
    at = header.index("FILES")
    assert [line[at : at + 2] for line in (first, *others)] == ["4 ", "4 ", "4 ", "3 ", "1 "]


def test_different_combinations(study: Path) -> None:
    assert lines("--unique", *keys("PatientID", "Modality"), study) == ["P1\tCT\t2", "P1\tPT\t1", "P2\tCT\t1"]
    (first, *_) = run("scan", "--unique", *keys("PatientID"), study, "--format", "json").records
    assert first == {"values": {"PatientID": "P1", "files()": 3}, "outcome": "done"}


def test_a_summary(study: Path) -> None:
    total = sum(os.path.getsize(path) for path in study.iterdir())
    found = [list(row.values())[:5] for row in rows("--summary", study)]
    assert found[0] == ["all", "", "", "4", str(total)]
    assert found[1][:4] == ["SOPClassUID", "", "", "4"]
    assert found[2][:4] == ["TransferSyntaxUID", "1.2.840.10008.1.2.1", "ExplicitVRLittleEndian", "4"]
    assert [row[:4] for row in found[3:]] == [["Modality", "CT", "", "3"], ["Modality", "PT", "", "1"]]


# ---------------------------------------------------------------- searches


def test_text_in_any_value(tmp_path: Path) -> None:
    inner = EVL.item(EVL.element(NAME, "PN", b"Doe^Jane"))
    path = tmp_path / "a.dcm"
    path.write_bytes(part10(EVL.sequence(REFERENCES, EVL.item(), inner) + EVL.element(ID, "LO", b"doe 1 ")))
    found = rows("--text", "Doe", path)
    assert [list(row.values())[:4] for row in found] == [
        [str(path), "(0008,1140)[1].(0010,0010)", "PatientName", "Doe^Jane"]
    ]
    assert [row["keyword"] for row in rows("--text", "DOE", "-i", path)] == ["PatientName", "PatientID"]
    assert [row["value"] for row in rows("--regex", "^doe [0-9]$", path)] == ["doe 1"]
    assert [row["value"] for row in rows("--regex", "^DOE", "-i", path)] == ["Doe^Jane", "doe 1"]


def test_numbers_and_the_meta_are_searched() -> None:
    assert "Rows" in [row["keyword"] for row in rows("--regex", "^128$", ct())]
    assert "TransferSyntaxUID" in [row["keyword"] for row in rows("--text", "1.2.840.10008.1.2.1", ct())]


def test_a_search_reads_text_in_its_character_set() -> None:
    assert [row["keyword"] for row in rows("--text", "山田", real_file("../charset_files/chrH31.dcm"))] == [
        "PatientName"
    ]


def test_text_that_cannot_be_decoded_is_told(study: Path) -> None:
    """No character set is named, so that nobody knows which letter it is."""
    path = instance(study, "u", (NAME, "PN", b"M\xfcller"))
    for asked in (["--text", "m\u00fcller", "-i"], ["--regex", "^M\u00fc", "-l"], ["--regex", "^M\u00fc"]):
        done = run("scan", *asked, path, study / "a")
        assert "warning: text in 1 element could not be decoded, such as (0010,0010)" in done.stderr, asked
        assert (done.status, done.stdout) == (1, "")
    assert lines("--text", "M\\xfcller", path) == [f"{path}\t(0010,0010)\tPatientName\tM\\xfcller"]
    assert "decoded" not in run("scan", "--text", "DOE", path).stderr  # it would have been found


def test_nothing_found_is_status_1(study: Path) -> None:
    done = run("scan", "--text", "Nobody", study)
    assert (done.status, done.stdout) == (1, "")
    assert "no value" in done.stderr
    assert run("scan", "--text", "Nobody", study / "absent").status == 3


def test_long_values_are_cut_for_people_alone(tmp_path: Path) -> None:
    path = instance(tmp_path / "a", "a", (0x00104000, "LT", b"x" * 200))
    assert lines("--text", "x", path)[0].endswith("x" * 200)
    assert run("scan", "--text", "x", path, terminal=True).stdout.rstrip().endswith(f"{'x' * 80}...")


def test_an_expression_that_would_take_for_ever(tmp_path: Path) -> None:
    path = instance(tmp_path / "a", "a", (0x00104000, "LT", b"a" * 5000 + b"!"))
    assert run("scan", "--regex", "(a+)+$", path).status == 1


# ---------------------------------------------------------------- paths


def test_bare_paths(study: Path) -> None:
    odd = study / os.fsdecode(b"\xff\n")
    shutil.copy(study / "c", odd)
    done = subprocess.run(
        [Path(sys.executable).with_name("dcmtools"), "scan", "-0", "--where", "Modality == PT", study],
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"\0".join([os.fsencode(study / "c"), os.fsencode(odd), b""])
    odd.unlink()
    assert lines("-l", "--text", "PT", study) == [f"{study}/c"]
    assert len(lines("-l", study)) == 4
    assert run("scan", "-l", study, "--format", "json").records[0] == {
        "file": f"{study}/a",
        "outcome": "done",
    }


def test_paths_are_escaped_for_a_terminal(study: Path) -> None:
    (study / "a").rename(study / "\x1b[31m")
    assert "\x1b" not in run("scan", "-l", study, terminal=True).stdout


def test_keys_that_are_configured_are_those_of_tables(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[defaults.scan]\nkey = ["Modality"]\n')
    monkeypatch.setenv("DCMTOOLS_CONFIG", str(config))
    assert lines(study / "c") == [f"{study}/c\tPT"]
    assert lines("-l", study / "c") == [f"{study}/c"]
    assert lines("--text", "PT", study / "c") == [f"{study}/c\t(0008,0060)\tModality\tPT"]
    assert run("scan", "--summary", study).status == 0


def test_a_list_that_was_written_on_windows(study: Path, tmp_path: Path) -> None:
    listed = tmp_path / "list"
    listed.write_bytes(f"{study}/a\r\n{study}/b\r\n".encode())
    (study / "b").rename(study / "b\r")
    records = run("scan", "-l", "--files-from", listed, "--format", "json").records
    assert [record["file"] for record in records] == [f"{study}/a", f"{study}/b\r"]


# ---------------------------------------------------------------- a database


def query(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(statement).fetchall()


def test_a_database(study: Path, tmp_path: Path) -> None:
    target = tmp_path / "rows.sqlite"
    (study / "b.dcm").write_bytes(b"x")
    done = run("scan", *keys("InstanceNumber", "PatientID"), study, "--to", target)
    assert (done.status, done.stdout) == (1, f"4 rows in {target}\n")
    found = query(target, 'SELECT "InstanceNumber", "PatientID" FROM instance WHERE "InstanceNumber" > 9')
    assert found[0] == (10, "P1")
    assert query(target, "SELECT file, error_code FROM failures") == [(f"{study}/b.dcm", "not-dicom")]
    assert target.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("options", "table", "count"),
    [
        (["-L", "series", "-k", "count()"], "series", 3),
        (["--unique", "-k", "Modality"], "rows", 2),
        (["--summary"], "summary", 5),
        (["--text", "CT"], "hits", 3),
        (["-l"], "files", 4),
    ],
)
def test_every_kind_of_row_has_its_table(
    study: Path, tmp_path: Path, options: list[str], table: str, count: int
) -> None:
    target = tmp_path / "rows.sqlite"
    record = {"output": str(target), "rows": count, "outcome": "done"}
    assert run("scan", *options, study, "--to", target, "--format", "json").records == [record]
    assert query(target, f"SELECT count(*) FROM {table}") == [(count,)]  # noqa: S608  of this test


def test_a_name_is_no_statement(study: Path, tmp_path: Path) -> None:
    target = tmp_path / "rows.sqlite"
    key = '0029,10,"); DROP TABLE failures; --'
    assert run("scan", "-k", key, study, "--to", target).status == 0
    assert query(target, "SELECT count(*) FROM failures") == [(0,)]


def test_a_database_that_is_there_stays(study: Path, tmp_path: Path) -> None:
    target = tmp_path / "rows.sqlite"
    target.write_text("mine")
    done = run("scan", study, "--to", target)
    assert (done.status, target.read_text()) == (2, "mine")
    assert "--overwrite replaces it" in done.stderr
    done = run("scan", study, "--to", target, "--overwrite")
    assert (done.status, target.read_text()) == (2, "mine")  # lest anybody's images become a table
    target.unlink()
    for _ in range(2):
        assert run("scan", study, "--to", target, "--overwrite").status == 0
    assert query(target, "SELECT count(*) FROM instance") == [(4,)]


def test_nothing_but_a_database_made_here_is_written_over(study: Path, tmp_path: Path) -> None:
    other, link, ours = tmp_path / "other.sqlite", tmp_path / "link.sqlite", tmp_path / "ours.sqlite"
    with closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE mine (a)")
    link.symlink_to(study / "a")
    for target in (other, link):
        before = target.read_bytes()
        done = run("scan", study, "--to", target, "--overwrite")
        assert (done.status, target.read_bytes()) == (2, before)
        assert "no database of dcmtools scan" in done.stderr
    assert run("scan", study, "--to", ours).status == 0
    done = run("scan", study, f"{tmp_path}/./ours.sqlite", "--to", ours, "--overwrite")
    assert (done.status, query(ours, "SELECT count(*) FROM instance")) == (2, [(4,)])
    assert "is an input" in done.stderr


def test_columns_alike_but_for_their_letters_have_names_of_their_own(study: Path, tmp_path: Path) -> None:
    target = tmp_path / "rows.sqlite"
    done = run("scan", *keys('0019,01,AC"ME', '0019,01,ac"me', "Modality"), study, "--to", target)
    assert (done.status, query(target, "SELECT Modality FROM instance")[0]) == (0, ("CT",))


def test_a_place_where_no_database_can_be(study: Path, tmp_path: Path) -> None:
    done = run("scan", study, "--to", tmp_path / "absent" / "rows.sqlite")
    assert done.status == 2
    assert run("scan", study, "--to", tmp_path).status == 2


# ---------------------------------------------------------------- what makes no sense


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["-k", "Rowz"], "did you mean Rows?"),
        (["-k", "mean(Rows)"], "'mean' is not a function"),
        (["-k", "count()"], "count() is about several files: say --level."),
        (["--unique", "-k", "min(Rows)"], "--unique takes elements alone"),
        (["--unique", "-L", "series"], "--unique and --level do not go together."),
        (["--summary", "-k", "Rows"], "--summary and -k do not go together."),
        (["--text", "a", "--regex", "b"], "--text and --regex do not go together."),
        (["--text", "a", "-k", "Rows"], "--text and -k do not go together."),
        (["--text", ""], "there is no text to search for."),
        (["--regex", "("], "not a regular expression"),
        (["-i"], "--ignore-case is of --text and --regex."),
        (["--overwrite"], "--overwrite is of --to."),
        (["-l", "-k", "Rows"], "-l and -k do not go together."),
        (["-0", "--format", "json"], "-0 writes paths as they are"),
        (["-0", "--to", "x"], "-0 and --to do not go together."),
        (["--to", "x", "--format", "csv"], "--to writes a database"),
        (["--to", "x.csv"], "not what files with this ending are"),
        (["-k", "ReferencedImageSequence[0]"], "is an item; a column is for an element"),
        (["-k", "ReferencedImageSequence.ImageType[0]"], "is that of one item"),
        (["-k", "PatientComments[0]"], "VR LT has one value"),
        (["--where", "Modality = = CT"], "--where"),
    ],
)
def test_what_makes_no_sense(options: list[str], why: str, study: Path) -> None:
    done = run("scan", *options, study)
    assert (done.status, done.stdout) == (2, "")
    assert why in done.stderr


def test_an_option_without_its_value_names_the_command() -> None:
    done = run("scan", "--text")
    assert (done.status, done.stderr.splitlines()[-1]) == (2, "Try 'dcmtools scan --help'.")
    assert done.stderr.startswith("dcmtools scan: ")


def test_an_input_that_is_not_there(tmp_path: Path) -> None:
    done: Run = run("scan", tmp_path / "absent")
    assert done.status == 3
    assert run("scan", "-L", "series", tmp_path / "absent").status == 3
    assert run("scan", tmp_path).status == 3


def test_records_are_json_whatever_the_values_are(tmp_path: Path) -> None:
    path = instance(tmp_path / "a", "a", (ID, "LO", b"\xff\x1b[31m"))
    done = run("scan", *keys("PatientID"), path, "--format", "json")
    assert done.stdout.isascii()
    assert json.loads(done.stdout)["values"]["PatientID"] == "\\xff\x1b[31m"


def test_two_classes_of_files() -> None:
    assert [row["Modality"] for row in rows(ct(), mr())] == ["CT", "MR"]

"""``anonymize``: outputs, keys and maps, quarantine, each way to fail; not what is removed."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from dcmtools.deidentification import releasing
from dcmtools.deidentification.verification import Leak
from dcmtools.errors import OutputError
from dcmtools.files.part10 import Part10File
from dcmtools.files.values import values_of
from tests.support.run import Run, run
from tests.support.samples import ct, dicomdir, make_small, mr, real_file, renamed_dicomdir
from tests.support.sealed import pair
from tests.support.served import DCMTOOLS

SECRET = "0123456789abcdef0123456789abcdef"  # noqa: S105  of nobody
CT_ID, CT_NAME = "1CT1", "CompressedSamples^CT1"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "trial.key"
    path.write_text(SECRET)
    path.chmod(0o600)
    return path


def anonymize(*args: object, key: Path | None = None, terminal: bool = False) -> Run:
    return run("anonymize", *args, *(["--key-file", key] if key else []), terminal=terminal)


def records(*args: object, key: Path | None = None) -> list[dict[str, Any]]:
    return anonymize("--format", "json", *args, key=key).records


def contents(folder: Path) -> dict[str, bytes]:
    if not folder.exists():
        return {}
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def value(path: Path | str, tag: int) -> list[str]:
    with Part10File.open(str(path)) as file:
        found = values_of(file, {tag})
        return found[tag].texts() if tag in found else []


def folder_of(tmp_path: Path, *paths: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    for path in paths:
        shutil.copy(path, folder)
    return folder


def changed(path: Path, old: bytes, new: bytes) -> Path:
    data = path.read_bytes()
    assert old in data
    assert len(old) == len(new)
    path.write_bytes(data.replace(old, new))
    return path


# ---------------------------------------------------------------- what is written


def test_one_file(tmp_path: Path, key: Path) -> None:
    result = anonymize(ct(), "-o", tmp_path / "out", key=key)
    assert result.status == 0, result.stderr
    assert result.stderr == "1 de-identified\n"
    name, output, *_ = result.stdout.rstrip("\n").split("\t")
    assert name == str(ct())
    ((path, data),) = contents(tmp_path / "out").items()
    assert output == str(tmp_path / "out" / path)
    for secret in (CT_ID, "CompressedSamples"):
        assert secret.encode() not in data
    assert value(output, 0x00120062) == ["YES"]


def test_files_are_called_by_what_is_new(tmp_path: Path, key: Path) -> None:
    folder = folder_of(tmp_path, ct(), mr())
    assert anonymize(folder, "-o", tmp_path / "out", key=key).status == 0
    found = sorted(contents(tmp_path / "out"))
    assert len(found) == 2
    for name in found:
        path = tmp_path / "out" / name
        tags = (0x00100020, 0x0020000D, 0x0020000E, 0x00080018)
        (patient, study, series, instance) = (value(path, tag)[0] for tag in tags)
        assert name == f"{patient}/{study}/{series}/{instance}.dcm"
        assert instance.startswith("2.25.")
        assert value(path, 0x00020003) == [instance]


def test_the_record(tmp_path: Path, key: Path) -> None:
    (record,) = records(ct(), "-o", tmp_path / "out", key=key)
    output = record["output"]
    assert record["file"] == str(ct())
    assert record["outcome"] == "done"
    assert record["quarantine"] is None
    assert record["verified"] is True
    assert record["key"]
    assert record["key"] not in SECRET
    assert record["elapsed_ms"] > 0
    assert "113100" in record["methods"]
    assert value(output, 0x00080018) == [record["sop_instance_uid"]]
    assert value(output, 0x0020000D) == [record["study_instance_uid"]]
    assert value(output, 0x0020000E) == [record["series_instance_uid"]]
    assert value(output, 0x00100020) == [record["patient_id"]]
    assert record["removed"] > 0
    assert record["uids"] > 2
    assert not {CT_ID, CT_NAME} & {str(each) for each in record.values()}


@pytest.mark.parametrize("jobs", [2, 3])
def test_the_same_key_makes_the_same_bytes_whoever_does_it(jobs: int, tmp_path: Path, key: Path) -> None:
    folder = tmp_path / "in"
    make_small(folder, 150)
    assert anonymize(folder, "-o", tmp_path / "one", "--jobs", 1, key=key).status == 0
    assert anonymize(folder, "-o", tmp_path / "other", "--jobs", jobs, key=key).status == 0
    one = contents(tmp_path / "one")
    assert len(one) == 150
    assert one == contents(tmp_path / "other")


def test_other_keys_make_other_pseudonyms(tmp_path: Path, key: Path) -> None:
    new = tmp_path / "new.key"
    assert anonymize(ct(), "-o", tmp_path / "one", key=key).status == 0
    assert anonymize(ct(), "-o", tmp_path / "other", "--new-key", new).status == 0
    assert new.stat().st_mode & 0o777 == 0o600
    one, other = contents(tmp_path / "one"), contents(tmp_path / "other")
    assert not set(one) & set(other)
    assert anonymize(ct(), "-o", tmp_path / "again", key=new).status == 0
    assert contents(tmp_path / "again") == other


def test_without_a_key_nobody_can_do_it_again_and_that_is_said(tmp_path: Path) -> None:
    first = anonymize(ct(), "-o", tmp_path / "one")
    assert first.status == 0
    assert "warning: no --key-file: the key is random and forgotten" in first.stderr
    (record,) = records(ct(), "-o", tmp_path / "other")
    assert record["key"] is None
    assert not set(contents(tmp_path / "one")) & set(contents(tmp_path / "other"))
    assert "forgotten" not in anonymize("-q", ct(), "-o", tmp_path / "quiet").stderr


def test_again_changes_nothing(tmp_path: Path, key: Path) -> None:
    anonymize(ct(), "-o", tmp_path / "out", key=key)
    before = contents(tmp_path / "out")
    result = anonymize(ct(), "-o", tmp_path / "out", "-v", key=key)
    assert result.status == 0
    assert "the same was there already" in result.stderr
    assert contents(tmp_path / "out") == before


def test_what_another_run_made_stays_unless_told_otherwise(tmp_path: Path, key: Path) -> None:
    out = tmp_path / "out"
    anonymize(ct(), "-o", out, key=key)
    before = contents(out)
    more = ("--set", "PatientComments=other")
    refused = anonymize(ct(), "-o", out, *more, key=key)
    assert refused.status == 1
    assert "another instance is there under this name" in refused.stderr
    assert "--overwrite" in refused.stderr
    assert contents(out) == before
    assert anonymize(ct(), "-o", out, *more, "--overwrite", key=key).status == 0
    assert list(contents(out)) == list(before)
    assert contents(out) != before


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("overwrite", [(), ("--overwrite",)])
def test_two_with_one_uid(overwrite: tuple[str, ...], jobs: int, tmp_path: Path, key: Path) -> None:
    """The first in the order of the inputs has the name, however many work on it."""
    folder = tmp_path / "in"
    paths = make_small(folder, 100)
    shutil.copy(paths[3], folder / "x-the-same.dcm")
    changed(Path(shutil.copy(paths[3], folder / "y-another.dcm")), b"AXIAL", b"OTHER")
    found = records(folder, "-o", tmp_path / "out", "--jobs", jobs, *overwrite, key=key)
    outcomes = {Path(record["file"]).name: record for record in found}
    assert outcomes["ct000004.dcm"]["outcome"] == "done"
    assert outcomes["x-the-same.dcm"]["note"] == "the same was there already"
    another = outcomes["y-another.dcm"]
    assert (another["outcome"], another["error"]["code"]) == ("failed", "duplicate")
    assert another["output"] is None
    assert outcomes["ct000004.dcm"]["output"] in another["error"]["message"]
    kept = Path(outcomes["ct000004.dcm"]["output"]).read_bytes()
    assert b"AXIAL" in kept
    assert len(contents(tmp_path / "out")) == 100


def test_original_names(tmp_path: Path, key: Path) -> None:
    folder = folder_of(tmp_path, ct(), mr())
    assert anonymize(folder, "-o", tmp_path / "out", "--names", "original", key=key).status == 0
    assert sorted(contents(tmp_path / "out")) == ["CT_small.dcm", "MR_small.dcm"]
    one = tmp_path / "one.dcm"
    assert anonymize(ct(), "-o", one, "--names", "original", key=key).status == 0
    assert one.read_bytes() == contents(tmp_path / "out")["CT_small.dcm"]
    assert anonymize(ct(), "-o", one, "--names", "original", key=key).status == 1
    assert anonymize(ct(), "-o", one, "--names", "original", "--overwrite", key=key).status == 0


def test_in_place(tmp_path: Path, key: Path) -> None:
    path = tmp_path / "a.dcm"
    shutil.copy(ct(), path)
    path.chmod(0o640)
    assert anonymize(path, "--in-place", key=key).status == 0
    assert path.stat().st_mode & 0o777 == 0o640
    done = path.read_bytes()
    assert CT_ID.encode() not in done
    again = anonymize(path, "--in-place", key=key)
    assert again.status == 3
    assert "it is marked as de-identified already" in again.stderr
    assert path.read_bytes() == done
    assert sorted(os.listdir(tmp_path)) == ["a.dcm", "trial.key"]


def test_standard_input_and_output(tmp_path: Path, key: Path) -> None:
    words: list[str | Path] = [DCMTOOLS, "anonymize", "-", "-o", "-", "--key-file", key]
    done = subprocess.run(words, input=ct().read_bytes(), capture_output=True, check=True)
    assert done.stderr == b"1 de-identified\n"
    assert anonymize(ct(), "-o", tmp_path / "out", key=key).status == 0
    assert list(contents(tmp_path / "out").values()) == [done.stdout]
    for options in (["--format", "json"], ["--format", "csv"]):
        assert anonymize(ct(), "-o", "-", *options, key=key).status == 2
    assert anonymize(ct(), "-o", "-", key=key, terminal=True).status == 2
    into = subprocess.run([*words[:-3], tmp_path / "piped", *words[-2:]], input=ct().read_bytes(), check=True)
    assert into.returncode == 0
    assert contents(tmp_path / "piped") == contents(tmp_path / "out")


def test_an_archive_gives_the_same(tmp_path: Path, key: Path) -> None:
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        archive.write(ct(), "../../MILLER^ANN/1.dcm")
        archive.write(mr(), "b/2.dcm")
        archive.writestr("notes.txt", "no image")
    assert anonymize(tmp_path / "study.zip", "-o", tmp_path / "out", key=key).status == 0
    assert anonymize(ct(), mr(), "-o", tmp_path / "plain", key=key).status == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "plain")


def test_a_dicomdir_is_left_out_and_that_is_said(tmp_path: Path, key: Path) -> None:
    folder = folder_of(tmp_path, ct(), dicomdir())
    (folder / "notes.txt").write_text("no image")
    result = anonymize(folder, "-o", tmp_path / "out", "-v", key=key)
    assert result.status == 0
    assert "1 de-identified, 1 DICOMDIR left out, 1 skipped" in result.stderr
    assert "it names patients and files" in result.stderr
    assert len(contents(tmp_path / "out")) == 1
    named = anonymize(renamed_dicomdir(tmp_path), "-o", tmp_path / "other", key=key)
    assert named.status == 3
    assert "a DICOMDIR is left out" in named.stderr
    assert "hint: give the folder that it is in" in named.stderr
    in_place = anonymize(folder, "--in-place", key=key)
    assert in_place.status == 1
    assert "a DICOMDIR stays as it is in its place: it names patients" in in_place.stderr
    assert "1 de-identified, 1 failed, 1 skipped" in in_place.stderr


def test_a_dry_run_writes_nothing(tmp_path: Path, key: Path) -> None:
    before = sorted(os.listdir(tmp_path))
    result = anonymize(ct(), "-o", tmp_path / "out", "--dry-run", key=key)
    assert result.status == 0
    assert result.stderr == "1 would be de-identified\n"
    assert str(tmp_path / "out") in result.stdout
    assert sorted(os.listdir(tmp_path)) == before


def test_a_dry_run_in_place(tmp_path: Path, key: Path) -> None:
    path = tmp_path / "a.dcm"
    shutil.copy(ct(), path)
    assert anonymize(path, "--in-place", "--dry-run", key=key).status == 0
    assert path.read_bytes() == ct().read_bytes()


def test_explain(key: Path) -> None:
    result = anonymize(ct(), "--explain", key=key)
    assert result.status == 0
    assert result.stderr == "1 explained\n"
    rows = {row.split("\t")[1]: row.split("\t") for row in result.stdout.splitlines()}
    assert rows["PatientName"][0] == "(0010,0010)"
    assert rows["PatientName"][2] == "PN"
    assert all(rows["PatientName"])
    for secret in (CT_ID, "CompressedSamples", "JFK IMAGING"):
        assert secret not in result.stdout


def test_explain_of_several_files(key: Path) -> None:
    lines = anonymize(ct(), mr(), "--explain", key=key).stdout.splitlines()
    headings = [number for number, line in enumerate(lines) if line.startswith("# ")]
    assert [lines[number] for number in headings] == [f"# {ct()}", f"# {mr()}"]
    assert headings[0] == 0
    assert lines[1].startswith("(00")
    header, *rows = anonymize(ct(), mr(), "--explain", "--format", "csv", key=key).stdout.splitlines()
    assert header.startswith("file,path,keyword,vr,action,rule,outcome")
    assert str(mr()) in rows[-1]


def test_explain_needs_no_key() -> None:
    assert anonymize(ct(), "--explain").stderr == "1 explained\n"


def test_the_profile_and_its_options(tmp_path: Path, key: Path) -> None:
    rules = ["--keep", "StudyDescription", "--remove", "KVP", "--empty", "BodyPartExamined"]
    args = [*rules, "--set", "PatientComments=by us", "--retain", "dates,device", "--retain", "patient"]
    (record,) = records(ct(), "-o", tmp_path / "out", *args, key=key)
    output = record["output"]
    assert value(output, 0x00081030) == ["e+1"]
    assert value(output, 0x00180060) == []
    assert value(output, 0x00104000) == ["by us"]
    assert value(output, 0x00080020) == ["20040119"]
    assert value(output, 0x00100040) == ["O"]
    assert {"113106", "113108", "113109"} <= set(record["methods"])


def test_rules_against_the_profile_are_told(tmp_path: Path, key: Path) -> None:
    result = anonymize(ct(), "-o", tmp_path / "out", "--keep", "PatientID", key=key)
    assert "what the Basic Profile protects is kept: PatientID" in result.stderr
    assert "113100" not in records(ct(), "-o", tmp_path / "2", "--keep", "PatientID", key=key)[0]["methods"]
    assert "warning" not in anonymize(ct(), "-o", tmp_path / "3", "--keep", "KVP", key=key).stderr


@pytest.mark.parametrize(
    ("kept", "removed"),
    [
        ("PatientName", "NO"),
        ("PatientBirthDate", "NO"),
        ("OperatorsName", "NO"),
        ("RequestAttributesSequence.AccessionNumber", "NO"),
        ("InstitutionName", "YES"),
        ("KVP", "YES"),
    ],
)
def test_who_keeps_an_identity_does_not_say_that_it_is_removed(
    tmp_path: Path, key: Path, kept: str, removed: str
) -> None:
    found = anonymize("--format", "json", mr(), "-o", tmp_path / "out", "--keep", kept, key=key)
    (record,) = found.records
    assert record["outcome"] == "done"
    assert value(record["output"], 0x00120062) == [removed]
    method, *departures = value(record["output"], 0x00120063)
    assert ("basic" in method) is (kept == "KVP")
    kept_there = [] if kept == "KVP" else [kept.rpartition(".")[2]]
    assert [each.partition(" ")[0] for each in departures] == kept_there
    warned = f"the patient's identity is not removed, for {kept.rpartition('.')[2]}" in found.stderr
    assert warned is (removed == "NO")


@pytest.mark.parametrize(
    ("name", "note"),
    [
        (f"{CT_ID}/scan.dcm", "its name holds what was removed: identifier, name"),
        ("compressedsamples_ct1.dcm", "its name holds what was removed: name"),
        ("scan.dcm", ""),
    ],
)
def test_names_that_tell_who_it_is_are_told_of(tmp_path: Path, key: Path, name: str, note: str) -> None:
    folder = tmp_path / "in"
    (folder / name).parent.mkdir(parents=True)
    shutil.copy(ct(), folder / name)
    (record,) = records(folder, "-o", tmp_path / "out", "--names", "original", key=key)
    assert record["output"].endswith(name)
    assert record.get("note", "") == note
    told = anonymize(folder, "-o", tmp_path / "told", "--names", "original", key=key).stderr
    assert ("warning: its name holds what was removed" in told) is bool(note)
    assert "its name" not in (records(folder, "-o", tmp_path / "uids", key=key)[0].get("note", ""))


def test_free_text_that_stays_is_told_of(tmp_path: Path, key: Path) -> None:
    (record,) = records(ct(), "-o", tmp_path / "out", key=key)
    assert "(0008,1090)" in record["kept_text"]
    assert "(0008,103e)" not in record["kept_text"]
    (cleaned,) = records(ct(), "-o", tmp_path / "clean", "--clean", "descriptors", key=key)
    assert "(0008,1030)" in cleaned["kept_text"]


def test_patients_whom_a_map_leaves_their_identifier(tmp_path: Path, key: Path) -> None:
    given = tmp_path / "ids.csv"
    given.write_text(f"id_old,id_new\n{CT_ID},{CT_ID}\n")
    result = anonymize(ct(), "-o", tmp_path / "out", "--map", given, key=key)
    assert result.status == 2
    assert "line 2: id_new is an id_old, its own" in result.stderr


@pytest.mark.parametrize("verify", ["--verify", "--no-verify"])
@pytest.mark.parametrize(
    ("new", "column"), [("T-1,CompressedSamples^One", "name_new"), ("CompressedSamples-1,Trial^1", "id_new")]
)
def test_a_name_of_the_file_that_a_map_gives_back(
    tmp_path: Path, key: Path, new: str, column: str, verify: str
) -> None:
    given = tmp_path / "ids.csv"
    given.write_text(f"id_old,id_new,name_new\n{CT_ID},{new}\n")
    (record,) = records(ct(), "-o", tmp_path / "out", "--map", given, verify, key=key)
    assert (record["outcome"], record["error"]["code"]) == ("failed", "leak")
    assert f"{column} of the map has a name in it" in record["error"]["message"]
    assert Path(record["quarantine"]).exists()


@pytest.mark.parametrize(
    ("new", "outcome", "told"),
    [
        ("19470303", "failed", "id_new of the map has a date in it that was removed"),
        ("T-1947-03-03", "failed", "id_new of the map has a date in it that was removed"),
        ("ORDER-5521", "done", "id_new of the map is an identifier that was removed"),
        ("T-5521", "done", ""),
    ],
)
def test_a_date_or_an_identifier_of_the_file_that_a_map_gives_back(
    tmp_path: Path, key: Path, new: str, outcome: str, told: str
) -> None:
    path = tmp_path / "in.dcm"
    anonymize(
        ct(), "-o", path, "--names", "original", "--set", "PatientBirthDate=19470303",
        "--set", "AccessionNumber=ORDER-5521", "--keep", "PatientID", key=key,
    )  # fmt: skip
    given = tmp_path / "ids.csv"
    given.write_text(f"id_old,id_new\n{CT_ID},{new}\n")
    (record,) = records(path, "-o", tmp_path / "out", "--map", given, key=key)
    assert record["outcome"] == outcome
    assert told in json.dumps(record)
    assert bool(told) == ("of the map" in json.dumps(record))


# ---------------------------------------------------------------- maps


def test_a_map_of_patients(tmp_path: Path, key: Path) -> None:
    given = tmp_path / "ids.csv"
    given.write_text(f"id_old,id_new,name_new\n{CT_ID},T-1,Trial^One\n")
    (record,) = records(ct(), "-o", tmp_path / "out", "--map", given, key=key)
    assert record["patient_id"] == "T-1"
    assert value(record["output"], 0x00100010) == ["Trial^One"]
    missing = anonymize(mr(), "-o", tmp_path / "out", "--map", given, key=key)
    assert missing.status == 2
    assert "the patient is not in the map" in missing.stderr
    assert "4MR1" not in missing.stderr
    assert anonymize(ct(), mr(), "-o", tmp_path / "two", "--map", given, key=key).status == 1
    nobody = changed(Path(shutil.copy(ct(), tmp_path)), b"LO\x04\x001CT1", b"LO\x04\x00    ")
    without = anonymize(nobody, "-o", tmp_path / "out", "--map", given, key=key)
    assert without.status == 2
    assert "it has no Patient ID" in without.stderr
    hashed = anonymize(mr(), "-o", tmp_path / "out", "--map", given, "--map-missing", "hash", key=key)
    assert hashed.status == 0


def test_a_bad_map_is_named_by_its_line(tmp_path: Path, key: Path) -> None:
    given = tmp_path / "ids.csv"
    given.write_text("id_old,id_new\n1,T-1\n1,T-2\n")
    result = anonymize(ct(), "-o", tmp_path / "out", "--map", given, key=key)
    assert result.status == 2
    assert f"{given}: line 3: line 2 has another id_new for this patient" in result.stderr
    given.write_text(f"id_old,id_new\n{CT_ID},T-1\n2,T-1\n")
    assert anonymize(ct(), "-o", tmp_path / "out", "--map", given, key=key).status == 2
    joined = anonymize(ct(), "-o", tmp_path / "out", "--map", given, "--map-merge", key=key)
    assert joined.status == 0
    assert "they become one" in joined.stderr


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_became_of_identifiers(jobs: int, tmp_path: Path, key: Path) -> None:
    folder = tmp_path / "in"
    make_small(folder, 60)
    pairs = tmp_path / "pairs.csv"
    found = records(folder, "-o", tmp_path / "out", "--map-out", pairs, "--jobs", jobs, key=key)
    assert pairs.stat().st_mode & 0o777 == 0o600
    with pairs.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert list(rows[0]) == ["id_old", "id_new"]
    became = {row["id_old"]: row["id_new"] for row in rows}
    assert len(became) == len(rows)
    for record in found:
        assert became[value(record["file"], 0x00080018)[0]] == record["sop_instance_uid"]
        assert became[value(record["file"], 0x0020000D)[0]] == record["study_instance_uid"]
        assert became[value(record["file"], 0x00100020)[0]] == record["patient_id"]
    before = pairs.read_text()
    again = anonymize(folder, ct(), "-o", tmp_path / "out", "--map-out", pairs, key=key)
    assert again.status == 0, again.stderr
    assert pairs.read_text().startswith(before)
    assert 0 < pairs.read_text().count("\n") - before.count("\n") < 20


def test_a_run_that_made_nothing_does_not_keep_others_from_its_map(tmp_path: Path, key: Path) -> None:
    pairs, bad = tmp_path / "pairs.csv", tmp_path / "bad.dcm"
    bad.write_bytes(ct().read_bytes()[:500])
    assert anonymize(bad, "-o", tmp_path / "out", "--map-out", pairs, key=key).status == 3
    assert anonymize(ct(), "-o", tmp_path / "out", "--map-out", pairs, key=key).status == 0
    assert CT_ID in pairs.read_text()


def test_the_map_that_is_read_is_not_written(tmp_path: Path, key: Path) -> None:
    given = tmp_path / "ids.csv"
    given.write_text(f"id_old,id_new\n{CT_ID},T-1\n")
    given.chmod(0o600)
    before = given.read_text()
    result = anonymize(ct(), "-o", tmp_path / "out", "--map", given, "--map-out", given, key=key)
    assert result.status == 2
    assert "--map and --map-out are one file" in result.stderr
    assert given.read_text() == before


def test_pairs_are_there_before_names_are(tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs, seen = tmp_path / "pairs.csv", []

    def name(_: object, __: str, path: str) -> bool:
        seen.append(Path(path).stem in pairs.read_text())
        return True

    monkeypatch.setattr("dcmtools.deidentification.placing.Waiting.name", name)
    assert anonymize(ct(), mr(), "-o", tmp_path / "out", "--map-out", pairs, key=key).status == 0
    assert seen == [True, True]


def test_a_map_that_cannot_go_on_ends_the_run(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dcmtools.deidentification.mapping import MapFile

    def full(*_: object) -> None:
        raise OutputError("No space left on device")

    init = MapFile.__init__

    def begun(self: MapFile, path: str) -> None:
        init(self, path)
        monkeypatch.setattr(MapFile, "add", full)

    monkeypatch.setattr(MapFile, "__init__", begun)
    result = anonymize(ct(), mr(), "-o", tmp_path / "out", "--map-out", tmp_path / "pairs.csv", key=key)
    assert result.status == 1
    assert "No space left" in result.stderr
    assert contents(tmp_path / "out") == {}


@pytest.mark.parametrize("option", ["--map-out", "--report", "--new-key", "--log-file"])
def test_what_tells_of_patients_has_no_place_in_the_output(option: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    path = out / "tells.csv"
    result = anonymize(ct(), "-o", out, option, path)
    assert result.status == 2
    assert "what tells of patients has no place in" in result.stderr
    assert not os.listdir(out)
    assert anonymize(ct(), "-o", out, option, path, "--force").status == 0
    assert path.exists()


def test_a_log_that_was_there_stays(tmp_path: Path) -> None:
    log = tmp_path / "out" / "log"
    log.parent.mkdir()
    log.write_text("of another run\n")
    assert anonymize(ct(), "-o", log.parent, "--log-file", log).status == 2
    assert log.read_text() == "of another run\n"
    elsewhere = tmp_path / "log"
    result = anonymize(ct(), "-o", log.parent, "--log-file", elsewhere, "--report", log.parent / "r.csv")
    assert result.status == 2
    assert "has no place in" in elsewhere.read_text()


def test_nor_among_files_that_are_changed_in_place(tmp_path: Path, key: Path) -> None:
    folder = folder_of(tmp_path, ct())
    result = anonymize(folder, "--in-place", "--map-out", folder / "pairs.csv", key=key)
    assert result.status == 2
    assert "tells of patients" in result.stderr
    assert (folder / ct().name).read_bytes() == ct().read_bytes()


# ---------------------------------------------------------------- quarantine


def leaking(monkeypatch: pytest.MonkeyPatch, *found: Leak) -> None:
    monkeypatch.setattr(releasing, "leaks", lambda *_, **__: list(found))


def test_a_leak_is_put_aside(tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leaking(monkeypatch, Leak("(0018,1030)", "a name", True))
    result = anonymize("--format", "json", ct(), "-o", tmp_path / "out", key=key)
    assert result.status == 1
    (record,) = result.records
    assert record["error"]["code"] == "leak"
    assert "does not pass: (0018,1030) (a name)" in record["error"]["message"]
    assert record["output"] is None
    aside = Path(record["quarantine"])
    assert aside.parent == tmp_path / "out.quarantine"
    assert aside.parent.stat().st_mode & 0o777 == 0o700
    assert aside.stat().st_mode & 0o777 == 0o600
    assert value(aside, 0x00080018) == [record["sop_instance_uid"]]
    assert contents(tmp_path / "out") == {}
    assert "0 de-identified, 1 failed, 1 of them in quarantine" in result.stderr


def test_pixels_that_may_show_text_are_put_aside_unless_told_otherwise(tmp_path: Path, key: Path) -> None:
    capture = real_file("SC_rgb_small_odd.dcm")
    (record,) = records(capture, ct(), "-o", tmp_path / "out", key=key)[:1]
    assert record["error"]["code"] == "suspect-pixels"
    assert Path(record["quarantine"]).is_file()
    assert len(contents(tmp_path / "out")) == 1
    for policy in ("keep", "blank"):
        (record,) = records(capture, "-o", tmp_path / policy, "--pixels", policy, key=key)
        assert record["outcome"] in ("done", "warning")
        assert ("113101" in record["methods"]) == (policy == "blank")
        assert len(contents(tmp_path / policy)) == 1
    profile = tmp_path / "ours.toml"
    profile.write_text('[pixels]\npolicy = "keep"\n')
    assert anonymize(capture, "-o", tmp_path / "ours", "--profile", profile, key=key).status == 0
    asked = ("--profile", profile, "--pixels", "check")
    assert anonymize(capture, "-o", tmp_path / "asked", *asked, key=key).status == 1


def test_a_profile_is_found_by_its_name(tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCMTOOLS_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "config.toml").write_text("")
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "ours.toml").write_text('[rules]\nStudyDescription = "keep"\n')
    (record,) = records(ct(), "-o", tmp_path / "out", "--profile", "ours", key=key)
    assert value(record["output"], 0x00081030) == ["e+1"]
    missing = anonymize(ct(), "-o", tmp_path / "out", "--profile", "theirs", key=key)
    assert missing.status == 2
    assert "theirs" in missing.stderr


def test_what_is_no_certain_leak_is_remarked_on(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaking(monkeypatch, Leak("(0008,0060)", "a name", False))
    result = anonymize(ct(), "-o", tmp_path / "out", "-v", key=key)
    assert result.status == 0
    assert "(0008,0060): a name" in result.stderr
    assert "1 de-identified, 1 with remarks" in result.stderr
    assert len(contents(tmp_path / "out")) == 1


def test_another_quarantine(tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leaking(monkeypatch, Leak("(0018,1030)", "a name", True))
    args = ("-o", tmp_path / "out", "--quarantine")
    inside = anonymize(ct(), *args, tmp_path / "out" / "aside", key=key)
    assert inside.status == 2
    assert "it is inside" in inside.stderr
    assert anonymize(ct(), *args, tmp_path / "aside", key=key).status == 1
    assert len(contents(tmp_path / "aside")) == 1
    folder = folder_of(tmp_path, ct())
    among = anonymize(folder, *args, folder / "aside", key=key)
    assert among.status == 2
    assert "is inside of it" in among.stderr


def test_a_quarantine_that_cannot_be(tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leaking(monkeypatch, Leak("(0018,1030)", "a name", True))
    (tmp_path / "file").write_bytes(b"")
    found = anonymize(ct(), "-o", tmp_path / "out", "--quarantine", tmp_path / "file" / "x", key=key)
    assert found.status == 1
    assert "does not pass: (0018,1030) (a name); it could not be put aside: " in found.stderr
    assert contents(tmp_path / "out") == {}


@pytest.mark.parametrize("where", ["in-place", "one", "stdout", "dry"])
def test_without_a_folder_there_is_no_quarantine(
    where: str, tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaking(monkeypatch, Leak("(0018,1030)", "a name", True))
    path = tmp_path / "a.dcm"
    shutil.copy(ct(), path)
    before = sorted(os.listdir(tmp_path))
    places: dict[str, list[object]] = {
        "in-place": ["--in-place"],
        "one": ["-o", tmp_path / "out.dcm", "--names", "original"],
        "stdout": ["-o", "-"],
        "dry": ["-o", tmp_path / "out", "--dry-run"],
    }
    result = anonymize(path, *places[where], key=key)
    assert result.status == 1
    assert result.stdout == "" or where != "stdout"
    assert sorted(os.listdir(tmp_path)) == before
    assert path.read_bytes() == ct().read_bytes()


def test_what_is_not_verified_is_not_searched(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaking(monkeypatch, Leak("(0018,1030)", "a name", True))
    (record,) = records(ct(), "-o", tmp_path / "out", "--no-verify", key=key)
    assert (record["outcome"], record["verified"]) == ("done", False)


# ---------------------------------------------------------------- what fails


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "give either -o OUT or --in-place"),
        (["-o", "x", "--in-place"], "give either -o OUT or --in-place"),
        (["-o", "x", "--key-file", "k", "--new-key", "k2"], "exclude each other"),
        (["-o", "x", "--map-missing", "hash"], "--map-missing wants --map"),
        (["-o", "x", "--explain"], "goes without -o"),
        (["--explain", "--dry-run"], "exclude each other"),
        (["-o", "x", "--dry-run", "--map-out", "m"], "--map-out writes a file, which --dry-run does not"),
        (["--explain", "--new-key", "m"], "--new-key writes a file, which --explain does not"),
        (["-o", "x", "--retain", "everything"], "everything"),
        (["-o", "x", "--retain", "dates,dates-shifted"], "exclude each other"),
        (["-o", "x", "--clean", "all"], "all"),
        (["-o", "x", "--keep", "PatientNme"], "did you mean PatientName"),
        (["-o", "x", "--set", "PatientName"], "PatientName"),
        (["-o", "x", "--profile", "absent.toml"], "absent.toml"),
        (["-o", "x", "--key-file", "absent"], "key absent: No such file"),
        (["-o", "x", "--key-file", "absent"], "the key of a project's first batch is that of all: find it"),
        (["-o", "x", "--map-merge"], "--map-merge wants --map FILE"),
        (["-o", "x", "--map", "absent"], "absent: No such file"),
        (["-o", "x", "--pixels", "guess"], "guess"),
    ],
)
def test_usage(args: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = anonymize(ct(), *args)
    assert (result.status, result.stdout) == (2, "")
    assert message in result.stderr
    assert os.listdir(tmp_path) == []


def test_a_wrong_option_makes_no_key(tmp_path: Path) -> None:
    result = anonymize(ct(), "-o", tmp_path / "out", "--new-key", tmp_path / "k", "--retain", "nothing")
    assert result.status == 2
    assert os.listdir(tmp_path) == []


def test_a_key_that_others_may_read_is_refused(tmp_path: Path, key: Path) -> None:
    key.chmod(0o644)
    result = anonymize(ct(), "-o", tmp_path / "out", key=key)
    assert result.status == 2
    assert "others than its owner may read it" in result.stderr
    assert f"hint: chmod 600 {key}" in result.stderr


def test_originals_and_outputs_are_kept_apart(tmp_path: Path, key: Path) -> None:
    folder = folder_of(tmp_path, ct())
    assert anonymize(folder, "-o", folder / "out", key=key).status == 2
    assert anonymize(folder, "-o", tmp_path, key=key).status == 2
    assert anonymize(folder / ct().name, "-o", folder, key=key).status == 2
    assert os.listdir(folder) == [ct().name]


def test_a_bad_file_fails_alone(tmp_path: Path, key: Path) -> None:
    folder = folder_of(tmp_path, ct(), mr())
    (folder / "cut.dcm").write_bytes(ct().read_bytes()[:-1000])
    result = anonymize(folder, "-o", tmp_path / "out", key=key)
    assert result.status == 1
    assert "cut.dcm: " in result.stderr
    assert len(contents(tmp_path / "out")) == 2


def test_a_file_without_preamble_has_a_hint(tmp_path: Path) -> None:
    with Part10File.open(str(ct())) as file:
        bare = file.source.read(file.data_set_offset, file.source.size - file.data_set_offset)
    path = tmp_path / "bare.dcm"
    path.write_bytes(bare)
    for words in (["anonymize"], ["compress", "--to", "rle"], ["reidentify", "--key", pair(tmp_path)[0]]):
        result = run(*words, path, "-o", tmp_path / "out" / "x")
        assert result.status == 3
        assert "'dcmtools dump' reads it all the same" in result.stderr


def test_a_report_has_each_file(tmp_path: Path, key: Path) -> None:
    report = tmp_path / "report.json"
    folder = folder_of(tmp_path, ct(), mr())
    assert anonymize(folder, "-o", tmp_path / "out", "--report", report, key=key).status == 0
    results = json.loads(report.read_text())["results"]
    assert [Path(result["file"]).name for result in results] == ["CT_small.dcm", "MR_small.dcm"]
    text = report.read_text()
    for secret in (CT_ID, "CompressedSamples", SECRET):
        assert secret not in text
    assert report.stat().st_mode & 0o777 == 0o600


def test_a_file_that_changes_meanwhile_is_not_let_out(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dcmtools.files.source.FileSource.unchanged", lambda _: False)
    result = anonymize(ct(), "-o", tmp_path / "out", key=key)
    assert result.status == 3
    assert "has changed while it was read" in result.stderr
    assert contents(tmp_path / "out") == {}


FULL = """
import resource, signal, sys
from dcmtools.cli.main import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
sys.exit(main(sys.argv[1:]))
"""


def test_a_full_disk(tmp_path: Path, key: Path) -> None:
    words = ["anonymize", str(ct()), "-o", str(tmp_path / "out"), "--key-file", str(key)]
    done = subprocess.run([sys.executable, "-c", FULL, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert contents(tmp_path / "out") == {}


@pytest.mark.parametrize("jobs", [1, 2])
def test_no_room_ends_the_run_for_one_cause(
    jobs: int, tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dcmtools.deidentification.deidentified import Deidentified

    folder, out = tmp_path / "in", tmp_path / "out"
    make_small(folder, 300)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Deidentified, "write", full)
    result = anonymize(folder, "-o", out, "--jobs", jobs, key=key)
    assert result.status == 1
    lines = result.stderr.splitlines()
    assert lines[0].endswith(f": {out}: No space left on device")
    assert [line for line in lines if line.endswith(f" more: not done, as there is no room in {out}")]
    assert lines[-1] == "0 de-identified, 300 failed"
    assert len(lines) <= 10
    assert "hint" not in result.stderr
    assert not out.exists()


@pytest.mark.parametrize("name", ["single.dcm", "study.zip"])
def test_a_folder_is_not_called_like_a_file(name: str, tmp_path: Path, key: Path) -> None:
    result = anonymize(ct(), "-o", tmp_path / name, key=key)
    assert result.status == 2
    assert "would be" in result.stderr
    assert not (tmp_path / name).exists()
    assert anonymize(ct(), "-o", f"{tmp_path / name}/", key=key).status == 0


KILLED = """
import os, signal, sys
from dcmtools.deidentification import releasing
from dcmtools.cli.main import main

verified, count = releasing.verified, 0

def counting(*args):
    global count
    count += 1
    if count == {number}:
        os.kill(os.getpid(), signal.SIGKILL)
    return verified(*args)

releasing.verified = counting
sys.exit(main(sys.argv[1:]))
"""


def test_what_a_kill_leaves_is_whole_and_goes_with_the_next_run(tmp_path: Path, key: Path) -> None:
    folder = tmp_path / "in"
    make_small(folder, 10)
    words = ["anonymize", str(folder), "-o", str(tmp_path / "out"), "--jobs", "1", "--key-file", str(key)]
    words += ["--map-out", str(tmp_path / "pairs.csv")]
    script = KILLED.format(number=6)
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    left = contents(tmp_path / "out")
    assert len([name for name in left if not name.startswith(".dcmtools-")]) == 5
    for name in left:
        assert b"SYN0001" not in left[name]
    pairs = (tmp_path / "pairs.csv").read_text()
    for name in left:
        assert name.startswith(".dcmtools-waiting-") or Path(name).stem in pairs
    (tmp_path / "pairs.csv").unlink()
    assert run(*words).status == 0
    found = contents(tmp_path / "out")
    assert len(found) == 10
    assert not [name for name in found if name.startswith(".")]


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_whoever_ends_it_leaves_what_was_told_and_nothing_else(
    ending: signal.Signals, jobs: str, tmp_path: Path, key: Path
) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    make_small(folder, 2000)
    words: list[str | Path] = [DCMTOOLS, "anonymize", folder, "-o", out, "--jobs", jobs]
    words += ["--key-file", key, "--format", "json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = [process.stdout.readline()]
        process.send_signal(ending)
        lines += process.stdout.readlines()
        assert process.wait(60) == 130
    told = {record["output"] for record in map(json.loads, lines) if record["outcome"] == "done"}
    found = {str(out / name) for name in contents(out)}
    assert 1 <= len(found) < 2000
    assert told <= found  # the last one may have had no time to be told of
    assert len(found - told) <= 1
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


def test_a_worker_that_dies_costs_one_file_and_leaves_nothing(tmp_path: Path, key: Path) -> None:
    folder = tmp_path / "in"
    paths = make_small(folder, 200)
    changed(paths[150], b"AXIAL", b"CRASH")
    script = """
import os, signal, sys
from dcmtools.deidentification import releasing
from dcmtools.cli.main import main

write = releasing.Releaser._write

def dying(self, file, *args):
    if b"CRASH" in file.source.read(0, 2000):
        os.kill(os.getpid(), signal.SIGKILL)
    return write(self, file, *args)

releasing.Releaser._write = dying
sys.exit(main(sys.argv[1:]))
"""
    words = ["anonymize", str(folder), "-o", str(tmp_path / "out"), "--jobs", "2", "--key-file", str(key)]
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "the process that worked on it died" in done.stderr
    found = contents(tmp_path / "out")
    assert len(found) == 199
    assert not [name for name in found if name.startswith(".")]


GROWING = """
import sys
from dcmtools.cli.main import main
from dcmtools.deidentification import releasing

settle, peaks = releasing.Releaser.settle, []

def noting(self, *args):
    with open("/proc/self/status") as status:
        peaks.append(next(int(line.split()[1]) for line in status if line.startswith("VmHWM")))
    return settle(self, *args)

releasing.Releaser.settle = noting
assert main(sys.argv[1:]) == 0
assert len(peaks) == 500
print(peaks[-1] - peaks[200])
"""


def test_memory_does_not_grow_with_the_number_of_files(tmp_path: Path, key: Path) -> None:
    make_small(tmp_path / "in", 500)
    words: list[str | Path] = [
        "anonymize",
        tmp_path / "in",
        "-o",
        tmp_path / "out",
        "--map-out",
        tmp_path / "pairs.csv",
    ]
    words += ["--jobs", "1", "--key-file", key]
    done = subprocess.run([sys.executable, "-c", GROWING, *words], check=True, capture_output=True, text=True)
    assert (
        int(done.stdout.split()[-1]) < 1500
    )  # KB for 300 files; memos, which end to grow some day, take a third of it


# ---------------------------------------------------------------- what is told of a run


def test_what_has_a_warning_is_de_identified_all_the_same(tmp_path: Path, key: Path) -> None:
    folder = folder_of(tmp_path, ct())
    (folder / "tail.dcm").write_bytes(mr().read_bytes() + bytes(6))
    shutil.copy(dicomdir(), folder)
    result = anonymize(folder, "-o", tmp_path / "out", key=key)
    assert result.status == 0
    assert result.stderr.endswith("\n2 de-identified, 1 of them with warnings, 1 DICOMDIR left out\n")


def test_names_that_stay_are_warned_of_once_for_all(tmp_path: Path, key: Path) -> None:
    folder = tmp_path / "compressedsamples ct1"
    make_small(folder, 3)
    for path in folder.iterdir():
        shutil.copy(ct(), path)
    result = anonymize(folder, "--in-place", key=key)
    assert result.status == 0
    assert result.stderr.count("warning") == 1
    assert "warning: the names of 3 files, this one's first, hold what was removed: name" in result.stderr


def test_another_key_for_a_map_is_warned_of(tmp_path: Path, key: Path) -> None:
    given = tmp_path / "pairs.csv"
    assert "warning" not in anonymize(ct(), "-o", tmp_path / "out", "--map-out", given, key=key).stderr
    assert "warning" not in anonymize(mr(), "-o", tmp_path / "out", "--map-out", given, key=key).stderr
    other = ("--new-key", tmp_path / "other.key")
    result = anonymize(ct(), mr(), "-o", tmp_path / "out", "--map-out", given, *other)
    assert result.status == 0
    assert result.stderr.count("there the same has another id_new: this run has another key") == 1


def test_one_cause_is_one_line(tmp_path: Path, key: Path) -> None:
    given = tmp_path / "ids.csv"
    given.write_text("id_old,id_new\nnobody,T-1\n")
    given.chmod(0o600)
    folder = tmp_path / "in"
    make_small(folder, 9)
    result = anonymize(folder, "-o", tmp_path / "out", "--map", given, "--jobs", 2, key=key)
    assert result.stderr.count("the patient is not in the map") == 4
    assert "and 6 more: the patient is not in the map" in result.stderr


def test_what_was_there_already_is_no_remark(tmp_path: Path, key: Path) -> None:
    assert anonymize(ct(), "-o", tmp_path / "out", key=key).status == 0
    again = anonymize(ct(), "-o", tmp_path / "out", key=key)
    assert again.stderr == "1 de-identified, 1 as they were there already\n"


def test_dates_without_the_century_are_found(tmp_path: Path, key: Path) -> None:
    assert value(ct(), 0x00080020) == ["20040119"]
    written: list[dict[str, Any]] = []
    for said in ("a 19.01.04 b", "a 19.1.04 b", "a 1/19/04 b", "a 04-01-19 b", "a 19.1.40 b", "a 1.19.1.04"):
        rule = ("--set", f"SeriesDescription={said}")
        path = tmp_path / f"{len(written)}.dcm"
        path.write_bytes(ct().read_bytes())
        written += records(path, "-o", tmp_path / "out", *rule, "--overwrite", key=key)
    assert [record["outcome"] for record in written] == ["failed"] * 4 + ["done"] * 2


def test_a_document_that_is_emptied_is_told_of(tmp_path: Path, key: Path) -> None:
    path = tmp_path / "document.dcm"
    class_uid = b"1.2.840.10008.5.1.4.1.1.104.1\0"
    data = ct().read_bytes()
    old = b"1.2.840.10008.5.1.4.1.1.2\0"
    data = data.replace(b"UI" + len(old).to_bytes(2, "little") + old, b"UI\x1e\0" + class_uid)
    document = b"\x42\0\x11\0OB\0\0\x04\0\0\0%PDF"
    path.write_bytes(data[: data.index(b"\xe0\x7f\x10\0")] + document)
    result = anonymize(path, "-o", tmp_path / "out", "-v", "--pixels", "keep", key=key)
    assert "the document in it gives way to an empty one" in result.stderr


def test_each_of_what_is_kept_is_a_value_of_the_method(tmp_path: Path, key: Path) -> None:
    """VR LO has 64 characters: none of them is lost, and what was done again is not said twice."""
    kept = ("InstitutionName", "PatientAge", "StationName", "StudyDescription")
    rules = [word for each in kept for word in ("--keep", each)]
    (record,) = records(ct(), "-o", tmp_path / "out", *rules, key=key)
    method = value(record["output"], 0x00120063)
    assert sorted(each.partition(" ")[0] for each in method[1:]) == sorted(kept)
    assert max(map(len, method)) <= 64
    (again,) = records(record["output"], "-o", tmp_path / "again", *rules, key=key)
    assert value(again["output"], 0x00120063) == method


def test_a_profile_that_is_unknown_has_a_hint_to_examples(tmp_path: Path) -> None:
    result = anonymize(ct(), "-o", tmp_path / "out", "--profile", "research")
    assert result.status == 2
    assert f"examples are in {sys.prefix}" in result.stderr


def test_what_another_run_made_has_a_hint_that_says_why(tmp_path: Path, key: Path) -> None:
    _, certificate = pair(tmp_path)
    args = (ct(), "-o", tmp_path / "out", "--encrypt-for", certificate)
    assert anonymize(*args, key=key).status == 0
    again = anonymize(*args, key=key)
    assert again.status == 1
    assert "another instance is there under this name" in again.stderr
    assert "--encrypt-for, and other options, make other bytes" in again.stderr

"""``dcmtools find`` as a user sees it, against an archive in this process that answers as it ought to."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from dcmtools.encoding.dataset import DataSet, made, read, text
from dcmtools.files.part10 import Part10File
from dcmtools.net.status import PENDING, PENDING_WITH_WARNING
from tests.support.hostile_qr import INSTANCES, PATIENT, SERIES, STUDY, hostile, match
from tests.support.run import Run, run
from tests.support.served import CT
from tests.support.terminal import terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.hostile_qr import Asked

TABLE = ("StudyInstanceUID", "PatientName")


@pytest.fixture
def archive() -> Iterator[str]:
    with hostile() as port:
        yield f"ARCHIVE@127.0.0.1:{port}"


def found(answer: Callable[[Asked], None], *args: object, **more: Any) -> Run:  # noqa: ANN401  as run has them
    with hostile(find=answer) as port:
        return run("find", f"127.0.0.1:{port}", *args, **more)


def answering(*matches: DataSet) -> Callable[[Asked], None]:
    def answer(asked: Asked) -> None:
        for each in matches:
            asked.respond(PENDING, each)
        asked.respond()

    return answer


def asked_for(*args: object, status: int = 0, **more: Any) -> DataSet:  # noqa: ANN401  as run has them
    """The identifier that comes of a command line."""
    seen: list[DataSet] = []

    def answer(asked: Asked) -> None:
        seen.append(asked.keys)
        asked.respond()

    result = found(answer, *args, **more)
    assert (result.status, result.stdout) == (status, "")
    return seen[0]


# ---------------------------------------------------------------- what is shown


def test_a_pipe_gets_rows_with_the_unique_key_first(archive: str) -> None:
    result = run("find", archive, "-r", "PatientName", "-r", "StudyID")
    assert result == (0, f"{STUDY}\tDoe^Jane\t\n", "")


def test_a_terminal_gets_a_table_with_keywords_for_heads(archive: str) -> None:
    result = run("find", archive, "-k", "PatientName", "--color", "never", terminal=True)
    assert result.stdout.splitlines() == ["StudyInstanceUID  PatientName", f"{STUDY.ljust(16)}  Doe^Jane"]


@pytest.mark.parametrize(("form", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_rows_with_a_header(form: str, delimiter: str, archive: str) -> None:
    result = run("find", archive, "-k", "PatientName=Doe*", "--format", form)
    (row,) = csv.DictReader(io.StringIO(result.stdout), delimiter=delimiter)
    assert list(row)[:3] == ["StudyInstanceUID", "PatientName", "PatientID"]
    assert (row["StudyInstanceUID"], row["NumberOfStudyRelatedInstances"], row["outcome"]) == (
        STUDY,
        "2",
        "done",
    )


def test_json_lines_have_the_unique_keys_and_the_data_set(archive: str) -> None:
    records = run(
        "find", archive, "-L", "image", "-k", f"StudyInstanceUID={STUDY}", "--format", "json"
    ).records
    assert [record["sop_instance_uid"] for record in records] == list(INSTANCES)
    first = records[0]
    assert list(first) == [
        *("peer", "level", "patient_id", "study_instance_uid", "series_instance_uid"),
        *("sop_instance_uid", "status", "dataset", "outcome"),
    ]
    assert (first["level"], first["patient_id"], first["status"]) == ("IMAGE", PATIENT, "FF00")
    assert first["dataset"]["00080016"] == {"vr": "UI", "Value": [CT]}


def test_unique_keys_that_answers_lack_are_those_asked_for() -> None:
    answer = answering(made(SeriesInstanceUID="1.5"))
    result = found(answer, "-L", "series", "-k", f"StudyInstanceUID={STUDY}", "--format", "json")
    assert result.records[0]["study_instance_uid"] == STUDY
    listed = found(answer, "-L", "series", "-k", "StudyInstanceUID=1.2\\1.3", "--format", "json")
    assert listed.records[0]["study_instance_uid"] is None


def test_dicom_json_is_one_array(archive: str) -> None:
    result = run("find", archive, "-L", "image", "--format", "dicom-json")
    assert [each["00080018"]["Value"] for each in json.loads(result.stdout)] == [[uid] for uid in INSTANCES]


@pytest.mark.parametrize(
    ("form", "nothing"),
    [("text", ""), ("json", ""), ("dicom-json", "[]\n"), ("tsv", None), ("csv", None)],
)
def test_no_match_is_no_failure_and_no_output(form: str, nothing: str | None) -> None:
    result = found(answering(), "--format", form)
    assert (result.status, result.stderr) == (0, "")
    assert result.stdout == nothing if nothing is not None else len(result.stdout.splitlines()) == 1


def test_a_match_can_be_required(archive: str) -> None:
    none = found(answering(), "--require-match", "--format", "json")
    assert none.status == 1
    assert none.stderr.endswith(": no match\n")
    assert none.records[0]["error"]["code"] == "no"
    assert run("find", archive, "--require-match").status == 0


def test_keys_of_all_kinds_have_columns() -> None:
    item = made(ScheduledProcedureStepID="S1\\S2", RequestedProcedureID="R")
    row = made(
        StudyInstanceUID=STUDY, ModalitiesInStudy="CT\\MR", RequestAttributesSequence=[item, item], Rows=7
    )
    row[0x00290010], row[0x00291010] = ("LO", b"ACME"), ("LO", b"own")
    keys = [
        *("ModalitiesInStudy", "Rows", "0029,10,ACME", "ProcedureCodeSequence"),
        *("RequestAttributesSequence.RequestedProcedureID", "ReferencedStudySequence"),
    ]
    row.update(made(ReferencedStudySequence=[made(ReferencedSOPClassUID="1.2")]))
    args = [word for key in keys for word in ("-r", key)]
    assert found(answering(row), *args).stdout == f"{STUDY}\tCT\\MR\t7\town\t\tR\\R\t(1 item)\n"


def test_what_steers_a_terminal_is_escaped() -> None:
    row = made(StudyInstanceUID=STUDY, StudyDescription="a\x1b[31m\tb")
    assert found(answering(row), "-r", "StudyDescription").stdout == f"{STUDY}\ta\\x1b[31m\\x09b\n"


# ---------------------------------------------------------------- what is asked


def test_the_identifier() -> None:
    keys = asked_for(
        *("-k", "PatientName=Dö*", "-k", "StudyDate=20240101-", "-k", "ModalitiesInStudy=CT\\MR"),
        *("-k", "RequestAttributesSequence.RequestedProcedureID=R1"),
    )
    assert text(keys, "QueryRetrieveLevel") == "STUDY"
    assert text(keys, "SpecificCharacterSet") == "ISO_IR 192"
    assert text(keys, "PatientName") == "Dö*"
    assert text(keys, "ModalitiesInStudy") == "CT\\MR"
    assert 0x0020000D in keys


def test_a_query_file(tmp_path: Path) -> None:
    query = {"00080052": {"vr": "CS", "Value": ["SERIES"]}, "00080060": {"vr": "CS", "Value": ["CT"]}}
    path = tmp_path / "query.json"
    path.write_text(json.dumps(query))
    for args, stdin in (((path,), b""), (("-",), path.read_bytes())):
        keys = asked_for("-f", *args, "-k", "StudyInstanceUID=1.2", stdin=stdin)
        assert (text(keys, "Modality"), text(keys, "QueryRetrieveLevel")) == ("CT", "SERIES")
        assert 0x0008103E not in keys


def test_another_model() -> None:
    keys = asked_for("--model", "HangingProtocol", "-k", "Modality=CT")
    assert sorted(keys) == [0x00080016, 0x00080018, 0x00080060, 0x00720002, 0x00720004]


def test_our_timezone_is_named_where_it_is_negotiated() -> None:
    keys: dict[int, Any] = {}

    def answer(asked: Asked) -> None:
        keys.update(asked.keys)
        asked.respond()

    result = found(answer, "--timezone")
    assert result.stderr == "dcmtools find: warning: the peer does not agree to queries in our timezone\n"
    assert len(keys[0x00080201][1].strip()) == 5


# ---------------------------------------------------------------- character sets


def test_answers_are_in_the_character_set_they_name() -> None:
    def answer(asked: Asked) -> None:
        row = made(StudyInstanceUID=STUDY, PatientName="Юлия", SpecificCharacterSet="ISO_IR 144")
        asked.respond(PENDING, row)
        asked.respond()

    assert found(answer, "-r", "PatientName").stdout == f"{STUDY}\tЮлия\n"
    assert found(answer, "-r", "PatientName", "--charset", "ISO_IR 100").stdout == f"{STUDY}\tЮлия\n"


@pytest.mark.parametrize(
    "args", [["-r", "PatientName"], ["-r", "PatientName", "-r", "ProcedureCodeSequence.CodeValue"]]
)
def test_answers_that_name_none_are_read_as_told(args: list[str]) -> None:
    row = DataSet(b"")
    row[0x00100010] = ("PN", b"D\xf6e ")
    row[0x0020000D] = ("UI", STUDY.encode() + b"\0")
    assert "D\\xf6e" in found(answering(row), *args).stdout
    assert "Döe" in found(answering(row), *args, "--charset", "ISO_IR 100").stdout
    shown = found(answering(row), *args, "--charset", "ISO_IR 100", "--format", "json").records[0]
    assert shown["dataset"]["00100010"]["Value"] == [{"Alphabetic": "Döe"}]


def test_no_match_is_told_on_a_terminal() -> None:
    with hostile(find=lambda asked: asked.respond()) as port:
        command = [sys.executable, "-m", "dcmtools", "find", f"127.0.0.1:{port}"]
        with terminal(command, os.environ) as screen:
            screen.read_until("no match")


# ---------------------------------------------------------------- the levels


def test_a_walk_shows_each_entity_with_what_is_below_it(archive: str) -> None:
    result = run("find", archive, "--all", "-k", "PatientID=P1", "-k", "Modality=CT", "-r", "Rows")
    rows = [line.split("\t")[:5] for line in result.stdout.splitlines()]
    assert rows == [
        ["STUDY", PATIENT, STUDY, "", ""],
        ["SERIES", PATIENT, STUDY, SERIES, ""],
        *(["IMAGE", PATIENT, STUDY, SERIES, uid] for uid in INSTANCES),
    ]
    assert result.status == 0


def test_each_level_of_a_walk_is_asked_its_own_keys() -> None:
    asked: list[DataSet] = []

    def answer(each: Asked) -> None:
        asked.append(each.keys)
        told = {"StudyDate": "20240202", "SOPClassUID": "1.2"}
        each.respond(PENDING, match(text(each.keys, "QueryRetrieveLevel"), **told))
        each.respond()

    keys = ("PatientID=P1", "Modality=CT", "SOPClassUID=1.2", "StudyDate=20240101-")
    args = [word for key in keys for word in ("-k", key)]
    assert found(answer, "--all", "-L", "series", *args).status == 0
    study, series = asked
    assert (text(study, "PatientID"), text(study, "StudyDate")) == ("P1", "20240101-")
    assert not {0x00080060, 0x00080016} & study.keys()
    assert (text(series, "StudyInstanceUID"), text(series, "Modality")) == (STUDY, "CT")
    assert text(series, "SOPClassUID") == "1.2"  # there is no lower level in this walk
    assert not {0x00100020, 0x00080020} & series.keys()


def test_a_walk_from_the_patient(archive: str) -> None:
    records = run("find", archive, "-P", "--all", "--format", "json").records
    assert [record["level"] for record in records] == ["PATIENT", "STUDY", "SERIES", "IMAGE", "IMAGE"]


def test_a_walk_counts_all_levels_for_its_limit(archive: str) -> None:
    records = run("find", archive, "--all", "--limit", 3, "--format", "json").records
    assert [record["level"] for record in records] == ["STUDY", "SERIES", "IMAGE"]


def tree(asked: Asked) -> None:
    """Two studies, with a CT and an MR series; one that has none; and one that cannot be understood."""
    level = text(asked.keys, "QueryRetrieveLevel")
    if level == "STUDY":
        for study in ("1.1", "1.2", "1.3"):
            asked.respond(PENDING, match(level, StudyInstanceUID=study))
        asked.respond(PENDING, b"\xff" * 20)
    series = {"1.1": {"1.1.1": "CT", "1.1.2": "MR"}, "1.2": {"1.2.1": "CT"}}
    study = text(asked.keys, "StudyInstanceUID")
    wanted = text(asked.keys, "Modality")
    if level == "SERIES":
        for uid, modality in series.get(study, {}).items():
            if wanted in ("", modality):
                found = match(level, StudyInstanceUID=study, SeriesInstanceUID=uid, Modality=modality)
                asked.respond(PENDING, found)
    if level == "IMAGE":
        above = {"StudyInstanceUID": study, "SeriesInstanceUID": text(asked.keys, "SeriesInstanceUID")}
        asked.respond(PENDING, match(level, **above))
    asked.respond()


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (
            ("-L", "series", "-k", "Modality="),
            ["STUDY 1.1", "SERIES 1.1.1", "SERIES 1.1.2", "STUDY 1.2", "SERIES 1.2.1", "STUDY 1.3"],
        ),
        (("-L", "series", "-k", "Modality=MR"), ["STUDY 1.1", "SERIES 1.1.2"]),
        (("-L", "series", "-k", "Modality=XA"), []),
        (("-k", "Modality=MR"), ["STUDY 1.1", "SERIES 1.1.2", f"IMAGE {INSTANCES[0]}"]),
        (
            ("-k", "Modality=CT", "--limit", "4"),
            ["STUDY 1.1", "SERIES 1.1.1", f"IMAGE {INSTANCES[0]}", "STUDY 1.2"],
        ),
    ],
)
def test_a_walk_shows_only_what_leads_to_a_match_of_lower_keys(
    args: tuple[str, ...], expected: list[str]
) -> None:
    with hostile(find=tree) as port:
        result = run("find", f"127.0.0.1:{port}", "--all", *args, "--format", "json")
    fields = {"STUDY": "study_instance_uid", "SERIES": "series_instance_uid", "IMAGE": "sop_instance_uid"}
    shown = [each for each in result.records if each["outcome"] == "done"]
    assert [f"{each['level']} {each[fields[each['level']]]}" for each in shown] == expected
    if "--limit" not in args:
        assert (result.status, "is broken" in result.stderr) == (1, True)


def test_an_entity_without_unique_key_has_nothing_below_it() -> None:
    result = found(answering(made(PatientID="1"), match("STUDY")), "--all", "-L", "series")
    assert result.status == 1
    assert "a match without StudyInstanceUID: what is below it is not known" in result.stderr
    assert f"SERIES\t{PATIENT}\t{STUDY}\t\t" in result.stdout


# ---------------------------------------------------------------- files


def test_each_answer_becomes_a_file(archive: str, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "answers"
    result = run("find", archive, "-L", "image", "--extract", folder, "--format", "json")
    names = [f"{number:06d}-{uid}.dcm" for number, uid in enumerate(INSTANCES, 1)]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert [record["file"] for record in result.records] == [str(folder / name) for name in names]
    with Part10File.open(str(folder / names[0])) as file:
        assert file.meta_text(0x00020002) == "1.2.840.10008.5.1.4.1.2.2.1"
        assert text(read(file.walk()), "SOPInstanceUID") == INSTANCES[0]


def test_names_of_files_are_harmless(tmp_path: Path) -> None:
    row = made(PatientID="../../etc/passwd")
    result = found(answering(row, made(PatientID="")), "-P", "--extract", tmp_path / "x")
    assert result.status == 0
    first, second = sorted((tmp_path / "x").iterdir())
    assert first.name.startswith("000001-etc_passwd-")
    assert second.name == "000002.dcm"


def test_a_folder_that_cannot_be_made(archive: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    result = run("find", archive, "--extract", tmp_path / "file" / "x")
    assert result.status == 1
    assert "Not a directory" in result.stderr


def test_a_file_that_cannot_be_written(archive: str, tmp_path: Path) -> None:
    (tmp_path / f"000001-{STUDY}.dcm").mkdir()
    result = run("find", archive, "--extract", tmp_path)
    assert result.status == 1
    assert "match 1" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == [f"000001-{STUDY}.dcm"]


# ---------------------------------------------------------------- what is remarked on


@pytest.mark.parametrize("verbose", [False, True])
def test_keys_that_the_peer_does_not_support_are_remarked_on_once(verbose: bool) -> None:
    def answer(asked: Asked) -> None:
        for _ in range(3):
            asked.respond(PENDING_WITH_WARNING, made(StudyInstanceUID=STUDY, PatientID="1"))
        asked.respond()

    with hostile(find=answer) as port:
        flags = ["-v"] if verbose else []
        args = (f"127.0.0.1:{port}", "-r", "PatientID", "-r", "StudyID", "-r", "PatientWeight")
        result = run(*flags, "find", *args)
    assert result.status == 0
    assert len(result.stdout.splitlines()) == 3
    assert result.stderr.count("does not support all keys of the query (status FF01)") == 1
    assert ("StudyID, PatientWeight" in result.stderr) == verbose


# ---------------------------------------------------------------- what is refused before anybody is asked


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["-k", "PatientNam=x"], "'PatientNam' is not a keyword of PS3.6; did you mean PatientName?"),
        (["-k", "=x"], "there is no key in '=x'"),
        (["-r", "Patient Name"], "did you mean PatientName?"),
        (["-k", "StudyDate=2024*"], "is not of VR DA: a date as YYYYMMDD"),
        (["-k", "StudyDate=2024"], "a date is YYYYMMDD, today, yesterday or -7d"),
        (["-k", "StudyDate=20260230"], "20260230: there is no such day"),
        (["-k", "StudyDate=20260101-20260230"], "20260230: there is no such day"),
        (["-k", "StudyDate=today-yesterday"], "ends before it begins"),
        (["-k", "StudyTime=25"], "is not of VR TM"),
        (["-k", "Modality=ct", "-L", "series"], "is not of VR CS"),
        (["-L", "frame"], "'frame' is not one of 'patient', 'study', 'series', 'image'"),
        (["-L", "patient"], "the patient root model (-P) has all four"),
        (["-O", "-L", "series"], "has no level SERIES"),
        (["-P", "-S"], "-P, -S and -O do not go together"),
        (["-O", "-P"], "-P, -S and -O do not go together"),
        (["-P", "--model", "worklist"], "--model and -P, -S or -O do not go together"),
        (["--model", "worklist", "-L", "study"], "this one has no levels"),
        (["--model", "worklist", "--all"], "this one has no levels"),
        (["--model", "HangingProtocl"], "did you mean HangingProtocolInformationModelFind?"),
        (["--charset", "latin1"], "'latin1' is not a character set of PS3.3"),
        (["--charset", "ISO_IR 100", "-k", "PatientName=Ж"], "--charset 'ISO_IR 192' can write everything"),
        (["--limit", "0"], "0 is not in the range"),
        (["-f", "none.json"], "does not exist"),
    ],
)
def test_what_is_no_query(args: list[str], message: str) -> None:
    result = run("find", "127.0.0.1:1", *args)
    assert (result.status, result.stdout) == (2, "")
    assert message in result.stderr


def test_the_model_of_the_command_line_goes_before_the_configured_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[defaults.find]\npatient_root = true\n")
    monkeypatch.setenv("DCMTOOLS_CONFIG", str(config))
    assert text(asked_for(), "QueryRetrieveLevel") == "PATIENT"
    assert text(asked_for("-S"), "QueryRetrieveLevel") == "STUDY"


def test_a_query_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "query"
    path.write_text("nothing of the kind")
    result = run("find", "127.0.0.1:1", "-f", path)
    assert (result.status, result.stdout) == (3, "")
    assert str(path) in result.stderr


def test_a_query_file_that_is_no_file() -> None:
    result = run("find", "127.0.0.1:1", "-f", "/dev/null")
    assert result.status == 3
    assert "/dev/null: " in result.stderr


def test_a_key_of_any_length_is_told_shortly() -> None:
    assert len(run("find", "127.0.0.1:1", "-k", "A" * 10_000).stderr) < 400


def test_nobody_there() -> None:
    result = run("find", "127.0.0.1:1", "--format", "json")
    assert result.status == 4
    assert result.records[0]["error"]["code"] == "association"


def test_model_names_can_be_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_DCMTOOLS_COMPLETE", "bash_complete")
    for line, proposed in (
        ("dcmtools find x --model Hang", "HangingProtocolInformationModelFind"),
        ("dcmtools find x -k PatientNam", "PatientName"),
    ):
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split()) - 1))
        assert proposed in run().stdout

"""``dcmtools store --report``: what the file says, however the run ends."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from dcmtools.cli.fields import FIELDS
from dcmtools.output.rows import ENDING
from dcmtools.scu import sender
from tests.support import samples
from tests.support.run import Run, run
from tests.support.served import DCMTOOLS
from tests.support.unruly import Association, Fault, Request, Unruly, answer_to, serves

if TYPE_CHECKING:
    from tests.support.unruly import Script

LIMIT = 20
SHORT = ("-ta", "5", "-td", "5", "-to", "2")
TYPES = ["csv", "json", "xml"]
OUTCOMES = {
    "one.dcm": "done",
    "two.dcm": "warning",
    "three.dcm": "failed",
    "four.dcm": "unknown",
    "notes.txt": "skipped",
}

each = pytest.mark.parametrize("ending", TYPES)


def mixed(association: Association, request: Request) -> None:
    """The second file gets a warning, the third a refusal, and the fourth no answer at all."""
    if request.number == 4:
        association.reset()
    else:
        association.send(answer_to(request, {2: 0xB000, 3: 0xA700}.get(request.number, 0)))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Four files to send, and one that is not DICOM, in the order in which they are met."""
    folder = tmp_path / "files"
    made = samples.make_small(folder, 4)
    names = [f"{number}-{name}" for number, name in enumerate(OUTCOMES)]
    paths = [path.rename(folder / name) for path, name in zip(made, names, strict=False)]
    (folder / names[-1]).write_text("not DICOM, and long enough to tell\n" * 10)
    return paths


def store(script: Script, *args: object) -> Run:
    with Unruly(script) as server:
        return run("store", f"PEER@127.0.0.1:{server.port}", *SHORT, *args)


def outcomes(report: Path) -> dict[str, str]:
    """The outcome of every item by the end of its name, as any of the forms tells it."""
    if report.suffix == ".json":
        found = [(record.get("file", ""), record["outcome"]) for record in parsed(report)["results"]]
    elif report.suffix == ".csv":
        found = [(row["file"], row["outcome"]) for row in rows(report)]
    else:
        kinds = {"failure": "failed", "error": "unknown", "skipped": "skipped", "system-out": "warning"}
        found = [
            (str(case.get("name")), next((kinds[child.tag] for child in case), "done"))
            for case in suites(report).iter("testcase")
        ]
    return {os.path.basename(name).rpartition("-")[2]: outcome for name, outcome in found}


def parsed(report: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(report.read_bytes())
    return data


def rows(report: Path) -> list[dict[str, str]]:
    with report.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def suites(report: Path) -> ElementTree.Element:
    return ElementTree.parse(report).getroot()  # noqa: S314  ours


def status_in(report: Path) -> int:
    if report.suffix == ".json":
        return int(parsed(report)["status"])
    found = suites(report).find("testsuite/properties/property[@name='exit_status']")
    assert found is not None
    return int(found.get("value", ""))


# ---------------------------------------------------------------- what it says


@each
def test_every_outcome(tmp_path: Path, files: list[Path], ending: str) -> None:
    report = tmp_path / f"report.{ending}"
    result = store(serves(Fault(mixed), at=None), files[0].parent, "--report", report)
    assert result.status == 1
    assert outcomes(report) == OUTCOMES
    if ending != "csv":
        assert status_in(report) == 1


def test_the_object_has_the_records_of_stdout(tmp_path: Path, files: list[Path]) -> None:
    report = tmp_path / "report.json"
    result = store(serves(Fault(mixed), at=None), files[0].parent, "--report", report, "--format", "json")
    found = parsed(report)
    assert found["results"] == result.records
    assert found["counts"] == dict.fromkeys(["done", "warning", "skipped", "failed", "unknown"], 1)
    assert found["command"] == "store"


def test_the_rows_are_those_of_stdout(tmp_path: Path, files: list[Path]) -> None:
    report = tmp_path / "report.csv"
    result = store(serves(Fault(mixed), at=None), files[0].parent, "--report", report, "--format", "csv")
    assert report.read_text() == result.stdout
    assert result.stdout.splitlines()[0].split(",") == [*FIELDS["store"].split(), *ENDING]
    row = next(row for row in rows(report) if row["outcome"] == "failed")
    assert (row["status"], row["error_code"], row["attempts"]) == ("A700", "peer-failure", "1")
    assert row["error_message"].startswith("status A700")


def test_the_suite_counts_its_cases(tmp_path: Path, files: list[Path]) -> None:
    report = tmp_path / "report.xml"
    store(serves(Fault(mixed), at=None), files[0].parent, "--report", report)
    for suite in (suites(report), suites(report)[0]):
        counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
        assert counts == {"tests": "5", "failures": "1", "errors": "1", "skipped": "1"}
        assert 0 < float(suite.get("time", "")) < LIMIT


@each
def test_all_is_well(tmp_path: Path, files: list[Path], ending: str) -> None:
    report = tmp_path / f"report.{ending}"
    result = store(serves(), *files, "--report", report)
    assert (result.status, result.stderr) == (0, "4 stored\n")
    assert set(outcomes(report).values()) == {"done"}


@each
def test_a_dry_run(tmp_path: Path, files: list[Path], ending: str) -> None:
    report = tmp_path / f"report.{ending}"
    assert run("store", "127.0.0.1:1", *files, "--dry-run", "--report", report).status == 0
    assert len(outcomes(report)) == 4
    if ending == "csv":
        assert json.loads(rows(report)[0]["proposed"])[0] == "CTImageStorage in ExplicitVRLittleEndian"


@each
def test_names_that_are_no_text(tmp_path: Path, ending: str) -> None:
    folder = Path(os.fsdecode(bytes(tmp_path) + b'/=a\xff\n"<,>'))
    [path] = samples.make_small(folder, 1)
    report = tmp_path / f"report.{ending}"
    assert store(serves(), path, "--report", report).status == 0
    [name] = outcomes(report)
    assert name in str(path)
    text = report.read_text(encoding="utf-8")
    assert r"\xff" in text
    assert "\n" not in text.partition("=a")[2].partition("ct0")[0]


@each
@pytest.mark.parametrize("strict", [[], ["--strict"]])
def test_a_report_in_the_folder_that_is_sent(files: list[Path], ending: str, strict: list[str]) -> None:
    """It is no input of its own run."""
    files[0].with_name("4-notes.txt").unlink()
    report = files[0].with_name(f"report.{ending}")
    assert store(serves(), report.parent, *strict, "--report", report).status == 0
    assert set(outcomes(report)) == set(OUTCOMES) - {"notes.txt"}


# ---------------------------------------------------------------- how the run ends


@each
def test_no_association(tmp_path: Path, files: list[Path], ending: str) -> None:
    report = tmp_path / f"report.{ending}"
    assert run("store", "127.0.0.1:1", *files, "--report", report).status == 4
    assert set(outcomes(report).values()) == {"failed"}
    assert ending == "csv" or status_in(report) == 4


@each
def test_nothing_to_send(tmp_path: Path, ending: str) -> None:
    report = tmp_path / f"report.{ending}"
    assert run("store", "127.0.0.1:1", tmp_path / "absent", "--report", report).status == 3
    assert outcomes(report) == {"absent": "failed"}
    assert ending == "csv" or status_in(report) == 3


def started(server: Unruly, *args: object, **options: Any) -> subprocess.Popen[str]:  # noqa: ANN401  Popen's own
    command = [DCMTOOLS, "store", f"PEER@127.0.0.1:{server.port}", *map(str, args)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **options)


@each
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(tmp_path: Path, files: list[Path], ending: str, number: signal.Signals) -> None:
    report = tmp_path / f"report.{ending}"

    def strike(association: Association, request: Request) -> None:
        process.send_signal(number)
        association.server.stopping.wait(0.3)  # so that the signal is there before the answer
        association.send(answer_to(request))

    with Unruly(serves(Fault(strike), at=2)) as server:
        process = started(server, *files, "--report", report, stdout=subprocess.DEVNULL)
        process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert list(outcomes(report).values()) == ["done", "done", "failed", "failed"]
    assert ending == "csv" or status_in(report) == 130


def test_killed(tmp_path: Path, files: list[Path]) -> None:
    """There is no report then, whole or in part, and nothing else is left."""
    folder = tmp_path / "reports"
    folder.mkdir()

    def strike(association: Association, _request: Request) -> None:
        process.kill()
        association.drain()

    with Unruly(serves(Fault(strike), at=2)) as server:
        process = started(server, *files, "--report", folder / "r.csv", stdout=subprocess.DEVNULL)
        process.communicate(timeout=LIMIT)
    assert process.returncode == -signal.SIGKILL
    assert list(folder.iterdir()) == []


@each
def test_stdout_closed(tmp_path: Path, files: list[Path], ending: str) -> None:
    report = tmp_path / f"report.{ending}"
    read_end, write_end = os.pipe()
    os.close(read_end)
    with Unruly(serves()) as server:
        process = started(server, *files, "--report", report, stdout=write_end)
        os.close(write_end)
        process.communicate(timeout=LIMIT)
    assert process.returncode == 141
    assert list(outcomes(report).values()) == ["done"] * 4
    assert ending == "csv" or status_in(report) == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_stdout_full(tmp_path: Path, files: list[Path]) -> None:
    report = tmp_path / "report.json"
    with Unruly(serves()) as server, open("/dev/full", "w") as full:
        process = started(server, *files, "--report", report, stdout=full)
        process.communicate(timeout=LIMIT)
    assert process.returncode == 1
    assert list(outcomes(report).values()) == ["done"] * 4
    assert status_in(report) == 1


@each
def test_a_bug(tmp_path: Path, files: list[Path], ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> str:
        raise ZeroDivisionError("Doe^Jane")

    monkeypatch.setattr(sender, "status_text", broken)
    report = tmp_path / f"report.{ending}"
    assert store(serves(), *files, "--report", report).status == 70
    text = report.read_text()
    assert "internal error: ZeroDivisionError" in text
    assert "Doe^Jane" not in text
    assert list(outcomes(report).values()) == ["failed"]
    assert ending == "csv" or status_in(report) == 70


SCRIPT = """
import sys, time
from dcmtools.cli.app import App
from dcmtools.output.report import ReportOptions
from dcmtools.output.reporter import OutputOptions
from dcmtools.results import Result

def results():
    yield Result("a", {"file": "a"})
    print("waiting", flush=True)
    time.sleep(60)

options = OutputOptions(report=ReportOptions(sys.argv[1], "json"), fields=["file"])
sys.exit(App().report(results(), (), options))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_a_command_without_a_network(tmp_path: Path, number: signal.Signals) -> None:
    report = tmp_path / "report.json"
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, report], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(number)
    process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert parsed(report)["status"] == 130
    assert [record["outcome"] for record in parsed(report)["results"]] == ["done", "failed"]


# ---------------------------------------------------------------- FILE


def refused(tmp_path: Path, *args: object) -> str:
    """What is said to a report that cannot be; nobody is connected to, and nothing is written."""
    before = sorted(tmp_path.rglob("*"))
    with Unruly(serves()) as server:
        result = run("store", f"PEER@127.0.0.1:{server.port}", *args)
    assert (result.status, result.stdout, server.proposals) == (2, "", [])
    assert sorted(tmp_path.rglob("*")) == before
    return result.stderr


@pytest.mark.parametrize("name", ["report.txt", "report", "report.csv.gz"])
def test_an_ending_that_says_nothing(tmp_path: Path, files: list[Path], name: str) -> None:
    said = refused(tmp_path, *files, "--report", tmp_path / name)
    assert "ends with none of .csv, .json, .xml; --report-format says what it is to be." in said
    assert store(serves(), *files, "--report", tmp_path / name, "--report-format", "csv").status == 0
    assert len(rows(tmp_path / name)) == 4


def test_the_format_goes_before_the_ending(tmp_path: Path, files: list[Path]) -> None:
    report = tmp_path / "report.csv"
    assert store(serves(), *files, "--report", report, "--report-format", "json").status == 0
    assert len(parsed(report)["results"]) == 4


def test_a_format_for_no_report(tmp_path: Path, files: list[Path]) -> None:
    assert "--report-format wants --report FILE." in refused(tmp_path, *files, "--report-format", "csv")


def test_the_environment_and_the_configuration(
    tmp_path: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, report = tmp_path / "config.toml", tmp_path / "report"
    config.write_text(f'[defaults.store]\nreport = "{report}"\nreport_format = "json"\n')
    monkeypatch.setenv("DCMTOOLS_CONFIG", str(config))
    assert store(serves(), *files).status == 0
    assert parsed(report)["status"] == 0
    monkeypatch.setenv("DCMTOOLS_STORE_REPORT_FORMAT", "csv")
    assert store(serves(), *files).status == 0
    assert len(rows(report)) == 4


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("files", "is a directory"),
        ("to-files", "is a directory"),
        ("absent/r.csv", "r.csv: No such file or directory"),
        ("list.txt/r.csv", "r.csv: Not a directory"),
        ("-", "it is a file; --format writes to standard output."),
        ("list.txt", "is that of '--files-from', too"),
        ("to-list", "is that of '--files-from', too"),
        ("journal", "is that of '--journal', too"),
        ("files/0-one.dcm", "is that of 'PATHS...', too"),
        ("files/1-two.dcm", "the file that is there is no report; it is not replaced"),
    ],
)
def test_a_file_that_it_cannot_be(
    tmp_path: Path, files: list[Path], name: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("list.txt").write_text("files\n")
    Path("to-list").symlink_to("list.txt")
    Path("to-files").symlink_to("files")
    before = [path.read_bytes() for path in files]
    named = [files[0], "--files-from", "list.txt", "--journal", tmp_path / "journal"]
    assert message in refused(tmp_path, *named, "--report", name, "--report-format", "csv")
    assert [path.read_bytes() for path in files] == before


def test_the_log_file(tmp_path: Path, files: list[Path]) -> None:
    log = tmp_path / "log.json"
    log.touch()
    assert "is the log file, too." in refused(tmp_path, *files, "--log-file", log, "--report", log)


def test_a_link(tmp_path: Path, files: list[Path]) -> None:
    link = tmp_path / "report.csv"
    link.symlink_to("elsewhere.csv")
    for _ in range(2):
        assert store(serves(), *files, "--report", link).status == 0
        assert link.is_symlink()
        assert len(rows(tmp_path / "elsewhere.csv")) == 4


def test_a_disk_that_gets_full(tmp_path: Path, files: list[Path]) -> None:
    """A limit on the size of files stands for it: the write fails in the same place."""
    report = tmp_path / "report.csv"
    report.write_text("before")
    with Unruly(serves()) as server:
        args = [f"PEER@127.0.0.1:{server.port}", *map(str, files), "--report", str(report)]
        done = subprocess.run(
            ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", DCMTOOLS, "store", *args],
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
    assert len(server.stores) == 4
    assert done.returncode == 1
    assert f"dcmtools store: report {report} is not written: File too large" in done.stderr
    assert done.stderr.splitlines()[-1] == "4 stored"
    assert report.read_text() == "before"
    assert sorted(os.listdir(tmp_path)) == ["files", "report.csv"]

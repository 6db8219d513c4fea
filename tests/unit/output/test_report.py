from __future__ import annotations

import csv
import errno
import io
import json
import os
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from dcmtools import __version__, replacing
from dcmtools.cli.app import App
from dcmtools.errors import ExitStatus, InputError, OutputError, UsageError
from dcmtools.output import report as module
from dcmtools.output.report import Form, Report, ReportOptions
from dcmtools.output.reporter import OutputOptions
from dcmtools.results import Outcome, Result
from tests.support.run import stream
from tests.support.syscalls import WatchedOs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

FIELDS = ("file", "size")
RESULTS = [
    Result("a", {"file": "a", "size": 1}),
    Result("b", {"file": "b"}, Outcome.WARNING, note="odd"),
    Result.skipped("c", "not DICOM", {"file": "c"}),
    Result.failed("d", InputError("gone"), {"file": "d"}),
    Result("e", {"file": "e"}, Outcome.UNKNOWN, error=InputError("silence")),
]


def begun(path: Path, form: Form = "csv") -> Report:
    return Report(ReportOptions(str(path), form), "store", FIELDS)


def written(path: Path, results: Iterable[Result] = (), form: Form = "csv") -> None:
    report = begun(path, form)
    for result in results:
        report.add(result)
    report.finish(ExitStatus.PARTIAL)


def test_one_object(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    written(path, RESULTS, "json")
    report = json.loads(path.read_bytes())
    assert list(report) == ["command", "version", "started", "ended", "status", "counts", "results"]
    assert (report["command"], report["version"], report["status"]) == ("store", __version__, 1)
    assert report["started"] <= report["ended"]
    assert report["counts"] == dict.fromkeys(Outcome, 1)
    assert [record["file"] for record in report["results"]] == list("abcde")
    assert report["results"][3] == {
        "file": "d",
        "outcome": "failed",
        "error": {"code": "input", "message": "gone"},
    }


def test_one_object_without_results(tmp_path: Path) -> None:
    written(tmp_path / "r.json", (), "json")
    assert json.loads((tmp_path / "r.json").read_bytes())["results"] == []


def test_nothing_has_a_name_until_the_end(tmp_path: Path) -> None:
    """A folder that is searched for inputs shows nothing of it."""
    report = begun(tmp_path / "r.csv")
    report.add(RESULTS[0])
    assert os.listdir(tmp_path) == []
    report.finish(ExitStatus.DONE)
    assert os.listdir(tmp_path) == ["r.csv"]
    assert (tmp_path / "r.csv").stat().st_mode & 0o777 == 0o600


def test_the_file_that_was_there_gives_place_and_mode(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("before")
    path.chmod(0o640)
    report = begun(path)
    assert path.read_text() == "before"
    report.finish(ExitStatus.DONE)
    assert path.read_text().startswith("file,size,")
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_goes_on_being_one(tmp_path: Path, exists: bool) -> None:
    target, link = tmp_path / "target.csv", tmp_path / "r.csv"
    link.symlink_to("target.csv")
    if exists:
        target.touch()
    written(link)
    assert link.is_symlink()
    assert target.read_text().startswith("file,size,")


def test_a_name_of_the_greatest_length(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 125 + ".csv")
    written(path)
    assert path.exists()


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_dicom(path: Path) -> None:
    path.write_bytes(bytes(128) + b"DICM")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (make_fifo, "there is something else than a file"),
        (make_dicom, "the file that is there is no report; it is not replaced"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
    ],
)
def test_what_is_never_replaced(tmp_path: Path, make: Callable[[Path], None], message: str) -> None:
    path = tmp_path / "r.csv"
    make(path)
    with pytest.raises(UsageError) as caught:
        begun(path)
    assert caught.value.message == f"report {path}: {message}"
    assert os.listdir(tmp_path) == ["r.csv"]


def skip_if_allowed_all(path: Path) -> None:
    if os.access(path, os.W_OK):
        pytest.skip("root may write everywhere")


def test_a_file_that_is_protected(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.touch(0o400)
    skip_if_allowed_all(path)
    with pytest.raises(UsageError, match="Permission denied"):
        begun(path)


def test_a_folder_that_is_protected(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    skip_if_allowed_all(tmp_path)
    try:
        with pytest.raises(UsageError, match="Permission denied"):
            begun(tmp_path / "r.csv")
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_that_takes_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(module, "TemporaryFile", refused)
    with pytest.raises(UsageError) as caught:
        begun(tmp_path / "r.csv")
    assert caught.value.message == f"report {tmp_path / 'r.csv'}: Read-only file system"


@pytest.mark.parametrize("where", ["absent/r.csv", "file/r.csv"])
def test_a_folder_that_is_none(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"No such file or directory|Not a directory"):
        begun(tmp_path / where)


@pytest.mark.parametrize("call", ["fsync", "fchmod", "replace"])
def test_a_disk_that_fails_at_the_end_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "r.csv"
    path.write_text("before")
    report = begun(path)
    report.add(RESULTS[0])

    def fails(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    watched: Any = WatchedOs()
    setattr(watched, call, fails)
    monkeypatch.setattr(replacing, "os", watched)
    with pytest.raises(OutputError) as caught:
        report.finish(ExitStatus.DONE)
    assert caught.value.message == f"report {path} is not written: No space left on device"
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["r.csv"]


class FullSpool(io.BytesIO):
    """A disk that is full after ``room`` bytes."""

    room = 200

    def write(self, data: Any) -> int:  # noqa: ANN401  as BytesIO
        if self.tell() + len(data) > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


def reported(path: Path, results: Iterable[Result], **options: bool) -> ExitStatus:
    output = OutputOptions("text", "auto", ReportOptions(str(path), "csv"), FIELDS)
    return App().report(results, FIELDS, output, **options)  # type: ignore[arg-type]  # drain alone


def test_a_disk_that_gets_full_ends_the_report_and_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "TemporaryFile", lambda **_: FullSpool())
    path = tmp_path / "r.csv"
    assert reported(path, RESULTS[:1] * 20) == ExitStatus.PARTIAL
    stdout, stderr = capsys.readouterr()
    assert stdout == "a\t1\n" * 20
    assert stderr == f"dcmtools: report {path} is not written: No space left on device\n"
    assert os.listdir(tmp_path) == []


def test_a_lost_report_hides_no_other_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TemporaryFile", lambda **_: FullSpool())
    assert reported(tmp_path / "r.csv", RESULTS[3:4] * 20) == ExitStatus.INPUT


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text())))


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ValueError("Doe^Jane"), "internal", "internal error: ValueError"),
        (KeyboardInterrupt(), "interrupted", "stopped by the user"),
        (BrokenPipeError(), "stdout-closed", "stdout was closed, which ended the run"),
        (OSError(errno.ENOSPC, "No space left on device"), "output", "No space left on device"),
        (InputError("gone"), "input", "gone"),
    ],
)
def test_whatever_ends_the_run_is_its_last_row(
    tmp_path: Path, error: BaseException, code: str, message: str
) -> None:
    def results() -> Iterator[Result]:
        yield RESULTS[0]
        raise error

    path = tmp_path / "r.csv"
    told = {InputError: ExitStatus.PARTIAL, KeyboardInterrupt: ExitStatus.INTERRUPTED}
    if type(error) in told:
        assert reported(path, results()) == told[type(error)]
    else:
        with pytest.raises(type(error)):
            reported(path, results())
    first, last = rows(path)
    assert (first["file"], first["outcome"]) == ("a", "done")
    assert (last["file"], last["outcome"]) == ("", "failed")
    assert (last["error_code"], last["error_message"]) == (code, message)


@pytest.mark.parametrize("drain", [False, True])
def test_a_closed_stdout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drain: bool) -> None:
    """A run that goes on without it is reported whole, one that does not says so."""

    class Closed(io.BytesIO):
        def write(self, _data: object) -> int:
            raise BrokenPipeError

    stdout = stream()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(Closed(), write_through=True))
    path = tmp_path / "r.csv"
    assert reported(path, RESULTS, drain=drain) == ExitStatus.STDOUT_CLOSED
    monkeypatch.setattr("sys.stdout", stdout)
    assert [row["file"] for row in rows(path)] == (list("abcde") if drain else ["a", ""])
    assert drain or rows(path)[-1]["error_code"] == "stdout-closed"


def test_many_results_need_no_memory(tmp_path: Path) -> None:
    for form in ("csv", "json", "junit"):
        written(tmp_path / f"warm.{form}", RESULTS, form)
    tracemalloc.start()
    try:
        written(tmp_path / "r.xml", RESULTS * 4_000, "junit")
        assert tracemalloc.get_traced_memory()[1] < 800_000
    finally:
        tracemalloc.stop()
    assert (tmp_path / "r.xml").stat().st_size > 1_500_000

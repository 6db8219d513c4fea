"""Runs of ``compress`` over many files: stopped, without room, gone on with, and over what a server keeps."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dcmtools.files.names import INCOMING, INDEX
from tests.support.archived import zipped
from tests.support.run import Run, run
from tests.support.samples import ct, real_file
from tests.support.served import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

SLOW = """
import os, sys, time
from dcmtools.editing import compressing
from dcmtools.cli.main import main

at_once = compressing._compressed

def compressed(options, maker, item, file):
    if "slow" in item.path:
        open(os.environ["BEGUN"], "w").close()
        time.sleep(60)
    return at_once(options, maker, item, file)

compressing._compressed = compressed
sys.exit(main(sys.argv[1:]))
"""


def compress(*args: object) -> Run:
    return run("compress", "--to", "rle", *args)


def study(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ct(), path)
    return folder


# ---------------------------------------------------------------- stopped


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there are no workers, nor /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_that_is_stopped_tells_what_was_in_hand(jobs: int, number: int, tmp_path: Path) -> None:
    reported = jobs == 2
    count = 3 * jobs
    folder = study(tmp_path / "in", "0", *(f"slow{each:02}" for each in range(20)))
    words: list[object] = ["compress", "--to", "rle", folder, "-o", tmp_path / "out", "--jobs", jobs]
    words += ["--report", tmp_path / "r.json"] if reported else []
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, *map(str, words)],
        env={**os.environ, "BEGUN": str(tmp_path / "begun")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_until((tmp_path / "begun").exists)
        assert process.stdout
        first = process.stdout.readline()
        wait_until(lambda: _sleeps(process.pid))  # for a result, rather than being at writing the last one
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (130, "")
    assert first.startswith(f"{folder}/0\t")
    *named, stopped, total = stderr.splitlines()
    in_hand = [f"{folder}/slow{each:02}" for each in range(count)]
    expected = [f"dcmtools compress: {path}: outcome unknown: stopped by the user" for path in in_hand[:3]]
    more = ["dcmtools compress: and 3 more: stopped by the user"] if jobs == 2 else []
    assert named == expected + more
    assert stopped == "dcmtools compress: stopped by the user; what may be left was not looked at"
    assert total.startswith("1 compressed (")
    assert total.endswith(f", {count} unknown")
    assert os.listdir(tmp_path / "out") == ["0"]
    if not reported:
        return
    report = json.loads((tmp_path / "r.json").read_text())
    told = [(each.get("file", ""), each["outcome"]) for each in report["results"]]
    assert told == [
        (f"{folder}/0", "done"),
        *((path, "unknown") for path in in_hand),
        ("", "failed"),
    ]


def _sleeps(pid: int) -> bool:
    """Whether it sleeps for longer than it takes to hand a file to a worker."""
    states = set()
    for _ in range(10):
        states.add(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0])
        time.sleep(0.02)
    return states == {"S"}


def test_what_was_done_when_a_run_is_stopped_is_told(tmp_path: Path) -> None:
    """The program waits for a pipe that nobody writes to, and has the result of the file already."""
    folder, pipe = study(tmp_path / "in", "0"), tmp_path / "pipe"
    os.mkfifo(pipe)
    words: list[object] = ["compress", "--to", "rle", folder, pipe, "-o", tmp_path / "out"]
    with subprocess.Popen(
        [sys.executable, "-m", "dcmtools", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_until((tmp_path / "out" / "in" / "0").exists)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert len(stdout.splitlines()) + stderr.count("outcome unknown") == 1
    assert "stopped by the user" in stderr


def test_a_reader_that_goes_away_stops_no_work(tmp_path: Path) -> None:
    folder = study(tmp_path / "in", *(f"{each:02}" for each in range(9)))
    read_end, write_end = os.pipe()
    os.close(read_end)
    words: list[object] = ["compress", "--to", "rle", folder, "-o", tmp_path / "out", "--jobs", 1]
    done = subprocess.run(
        [sys.executable, "-m", "dcmtools", *map(str, words)],
        stdout=write_end,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write_end)
    assert done.returncode == 141
    assert done.stderr.startswith("9 compressed (")
    assert len(os.listdir(tmp_path / "out")) == 9


# ---------------------------------------------------------------- without room


@pytest.fixture
def no_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A disk on which three files in ``out`` are all there is room for."""
    from dcmtools.replacing import making

    @contextmanager
    def full(path: str, **options: Any) -> Iterator[Any]:  # noqa: ANN401  as it stands for another
        if len(os.listdir(tmp_path / "out")) >= 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with making(path, **options) as file:
            yield file

    monkeypatch.setattr("dcmtools.files.outputs.making", full)


@pytest.mark.usefixtures("no_room")
def test_a_full_disk_ends_the_run_for_one_cause(tmp_path: Path) -> None:
    folder = study(tmp_path / "in", *(f"{each:02}" for each in range(40)))
    result = compress(folder, "-o", tmp_path / "out", "--jobs", 1)
    assert result.status == 1
    full = f"{tmp_path}/out: No space left on device"
    left = f"not done, as there is no room in {tmp_path}/out"
    lines = result.stderr.splitlines()
    assert lines[:2] == [
        f"dcmtools compress: {folder}/03: {full}",
        "hint: once there is room, --skip-existing goes on from here",
    ]
    assert len(lines) <= 10
    assert result.stderr.count("hint") == 1
    assert [line for line in lines if line.endswith(f" more: {left}")]
    assert lines[-1].startswith("3 compressed (")
    assert lines[-1].endswith(", 37 failed")
    assert sorted(os.listdir(tmp_path / "out")) == ["00", "01", "02"]
    reported = compress(folder, "-o", tmp_path / "out", "--skip-existing", "--format", "json").records
    assert [each["outcome"] for each in reported] == ["skipped"] * 3 + ["failed"] * 37


def test_going_on_with_what_is_not_there_yet(tmp_path: Path) -> None:
    folder = study(tmp_path / "in", "a/1", "a/2", "3")
    assert compress(folder / "a", "-o", tmp_path / "out" / "a").status == 0
    before = (tmp_path / "out" / "a" / "1").stat()
    result = compress(folder, "-o", tmp_path / "out", "--skip-existing")
    assert result.status == 0
    assert result.stderr.startswith("1 compressed (")
    assert result.stderr.endswith(", 2 skipped\n")
    after = (tmp_path / "out" / "a" / "1").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    once_more = compress(folder, "-o", tmp_path / "out", "--skip-existing")
    assert (once_more.status, once_more.stderr) == (0, "0 compressed, 3 skipped\n")
    one = run("decompress", folder / "3", "-o", tmp_path / "out" / "3", "--skip-existing")
    assert (one.status, one.stderr) == (0, "0 decompressed, 1 skipped\n")


@pytest.mark.parametrize("other", [["-o", "x", "--overwrite"], ["--in-place"]])
def test_options_that_exclude_going_on(other: list[str]) -> None:
    result = compress(ct(), "--skip-existing", *other)
    assert result.status == 2
    assert "exclude each other" in result.stderr


def test_many_files_that_are_there_already_are_one_cause(tmp_path: Path) -> None:
    folder = study(tmp_path / "in", *(f"{each:02}" for each in range(9)))
    assert compress(folder, "-o", tmp_path / "out").status == 0
    result = compress(folder, "-o", tmp_path / "out")
    assert result.status == 1
    taken = f"there is a file of its name in {tmp_path}/out already"
    assert result.stderr.splitlines() == [
        f"dcmtools compress: {folder}/00: {taken}",
        "hint: --overwrite replaces what is there, --skip-existing keeps it",
        *(f"dcmtools compress: {folder}/0{each}: {taken}" for each in (1, 2)),
        f"dcmtools compress: and 6 more: {taken}",
        "0 compressed, 9 failed",
    ]
    assert not result.stdout


# ---------------------------------------------------------------- what it is given


def test_a_second_night(tmp_path: Path) -> None:
    folder = study(tmp_path / "in", "1.dcm", "2.dcm")
    assert compress(folder, "--in-place").status == 0
    again = compress(folder, "--in-place")
    assert (again.status, again.stdout, again.stderr) == (0, "", "0 compressed, 2 skipped\n")


def test_a_folder_of_plans(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    shutil.copy(real_file("rtplan.dcm"), tmp_path / "in" / "plan.dcm")
    result = compress(tmp_path / "in", "--in-place")
    assert (result.status, result.stderr) == (0, "0 compressed, 1 skipped\n")


def test_an_archive_in_place(tmp_path: Path) -> None:
    path = tmp_path / "study.zip"
    path.write_bytes(zipped({str(each): ct().read_bytes() for each in range(5)}))
    result = compress(path, "--in-place")
    assert result.status == 3
    assert result.stderr.splitlines() == [
        f"dcmtools compress: {path}: what is in an archive cannot be changed in its place",
        "hint: -o FOLDER takes what is made of it",
        "0 compressed, 1 failed",
    ]


@pytest.mark.parametrize("words", [["dump"], ["compress", "--to", "rle", "--in-place"]])
def test_the_folder_of_a_server(words: list[str], tmp_path: Path) -> None:
    folder = study(tmp_path / "kept", "P/1/1.1/1.1.1.dcm")
    (folder / INCOMING).mkdir()
    for name in (f"{INCOMING}/lock", f"{INCOMING}/7-1.part", INDEX, f"{INDEX}-wal"):
        (folder / name).touch()
    result = run(*words, folder)
    assert result.status == 0
    assert not [line for line in result.stderr.splitlines() if INCOMING in line or "skipped" in line]


def test_options_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCMTOOLS_COMPRESS_TO", "rle")
    monkeypatch.setenv("DCMTOOLS_COMPRESS_OUTPUT", str(tmp_path / "out.dcm"))
    assert run("compress", ct()).status == 0
    assert (tmp_path / "out.dcm").exists()


@pytest.mark.parametrize(("words", "message"), [([], "Missing option"), (["--to", "jepg"], "known here")])
def test_where_the_names_are_listed_is_told(words: list[str], message: str) -> None:
    result = run("compress", ct(), "-o", "x", *words)
    assert result.status == 2
    assert message in result.stderr
    assert "Give a name that 'dcmtools codecs' lists" in result.stderr


def test_the_list_on_a_terminal_is_straight() -> None:
    header, *rows = run("codecs", "--color", "never", terminal=True).stdout.splitlines()
    for title, values in (("READ", ("yes", "no")), ("LOSSLESS", ("yes", "no"))):
        at = header.index(title)
        assert {row[at:].partition(" ")[0] for row in rows} == set(values)
        assert {row[at - 2 : at] for row in rows} == {"  "}

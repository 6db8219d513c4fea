"""Files transcoded in processes of their own: what a codec does there costs one file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from io import BytesIO
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

from dcmtools.codecs.registry import codec_named
from dcmtools.editing import apart
from dcmtools.editing.apart import Processes
from dcmtools.editing.transcoding import Asked, transcoded
from dcmtools.errors import InputError, InternalError, Interrupted, OutputError
from dcmtools.files.part10 import Part10File
from dcmtools.files.source import FileSource
from dcmtools.files.work import for_each
from dcmtools.net.stop import Stop
from dcmtools.results import Result
from tests.support import samples
from tests.support.served import wait_until
from tests.support.wayward import CRASHES, SLEEPS, Wayward, is_running, wayward

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dcmtools.files.inputs import Input

__all__ = ["wayward"]  # a fixture

EXPLICIT, JPEG_LS, LOSSY = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.91"
J2K = "MR_small_jp2klossless.dcm"


@pytest.fixture
def stop() -> Iterator[Stop]:
    made = Stop()
    yield made
    made.close()


@pytest.fixture
def processes(stop: Stop) -> Iterator[Processes]:
    made = Processes(2, stop)
    yield made
    made.close()


def ask(processes: Processes, name: str = J2K, syntax: str = EXPLICIT) -> bytes:
    with FileSource.open(str(samples.real_file(name))) as source:
        made = processes.transcoded(source, source.size, syntax)
        with made.source as written:
            return written.read(0, written.size)


def expected(name: str = J2K, syntax: str = EXPLICIT) -> bytes:
    out = BytesIO()
    with (
        Part10File.open(str(samples.real_file(name))) as file,
        transcoded(file, Asked(codec_named(syntax))) as done,
    ):
        out.write(done.meta)
        out.writelines(done.blocks())
    return out.getvalue()


@pytest.mark.parametrize("name", [J2K, "MR_small_RLE.dcm", "CT_small.dcm", "test-SR.dcm"])
def test_it_is_what_is_made_here(processes: Processes, name: str) -> None:
    assert ask(processes, name) == expected(name)


def test_it_says_what_was_changed(processes: Processes) -> None:
    with FileSource.open(str(samples.real_file("examples_jpeg2k.dcm"))) as source:
        made = processes.transcoded(source, source.size, EXPLICIT)
    made.source.close()
    assert made.changes == ["Photometric Interpretation YBR_RCT to RGB"]
    assert made.warnings == []


def test_what_it_writes_has_no_name_and_is_for_nobody_else(processes: Processes) -> None:
    with FileSource.open(str(samples.real_file(J2K))) as source:
        made = processes.transcoded(source, source.size, EXPLICIT)
    stat = os.fstat(made.source.fd)
    made.source.close()
    assert (stat.st_nlink, stat.st_mode & 0o077) == (0, 0)


def test_the_data_set_ends_where_it_is_said_to(processes: Processes, tmp_path: Path) -> None:
    path = tmp_path / "longer.dcm"
    path.write_bytes(samples.real_file(J2K).read_bytes() + bytes(100))
    with FileSource.open(str(path)) as source:
        made = processes.transcoded(source, source.size - 100, EXPLICIT)
        assert (made.source.size, made.warnings) == (len(expected()), [])
        made.source.close()


def test_a_file_within_an_archive(processes: Processes, tmp_path: Path) -> None:
    with ZipFile(tmp_path / "study.zip", "w") as archive:
        archive.write(samples.real_file("CT_small.dcm"), "a.dcm")
        archive.write(samples.real_file(J2K), "b.dcm")
    found = []

    def look(item: Input) -> Result:
        with item.open() as source:
            found.append(processes.transcoded(source, source.size, JPEG_LS).source)
        return Result(item.path)

    assert [result.error for result in for_each([str(tmp_path / "study.zip")], look)] == [None, None]
    for source, name in zip(found, ("CT_small.dcm", J2K), strict=True):
        assert source.read(0, source.size) == expected(name, JPEG_LS)
        source.close()


def test_what_cannot_be_decoded_says_why(processes: Processes) -> None:
    with pytest.raises(InputError, match="there is no pixel data"):
        ask(processes, "test-SR.dcm", JPEG_LS)
    assert ask(processes) == expected()


def test_no_process_before_there_is_something_for_it(stop: Stop, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []

    class Counted(apart._Process):
        def __init__(self) -> None:
            started.append(self)
            super().__init__()

    monkeypatch.setattr(apart, "_Process", Counted)
    processes = Processes(2, stop)
    assert started == []
    ask(processes)
    ask(processes)
    assert len(started) == 1
    processes.close()


# ---------------------------------------------------------------- codecs that misbehave


def test_a_crash_costs_one_file(processes: Processes, wayward: Wayward) -> None:
    wayward.does(CRASHES)
    with pytest.raises(InputError, match=r"the codec crashed, or its process was killed \(SIGSEGV\)"):
        ask(processes)
    wayward.reforms()
    assert ask(processes) == expected()


def test_what_kills_a_process_that_has_worked_is_tried_in_a_new_one(
    processes: Processes, wayward: Wayward
) -> None:
    wayward.does(CRASHES)
    assert ask(processes, "MR_small_RLE.dcm") == expected("MR_small_RLE.dcm")
    wayward.reforms()
    assert ask(processes) == expected()
    assert wayward.pid, "the first one crashed"


def test_one_that_never_ends_is_killed(
    processes: Processes, wayward: Wayward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "PATIENCE", 1.5)
    wayward.does(SLEEPS)
    with pytest.raises(InputError, match="the codec did not come to an end"):
        ask(processes)
    assert not is_running(wayward.pid)
    wayward.reforms()
    assert ask(processes) == expected()


def test_one_that_takes_too_much_memory(processes: Processes, wayward: Wayward) -> None:
    wayward.does("bytearray(5 << 30)")
    with pytest.raises(InputError, match="not enough memory"):
        ask(processes)


@pytest.mark.parametrize("error", ["KeyError", "BaseException"])
def test_a_bug_is_told_as_one_and_not_whole(processes: Processes, wayward: Wayward, error: str) -> None:
    wayward.does(f"raise {error}('Doe^Jane')")
    with pytest.raises(InternalError) as raised:
        ask(processes)
    assert raised.value.message == f"internal error: {error}"


def test_a_disk_that_is_full(processes: Processes, wayward: Wayward) -> None:
    wayward.does("import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))")
    with pytest.raises(OutputError, match="no room for what is transcoded: File too large"):
        ask(processes)


def test_no_folder_for_temporary_files(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    with pytest.raises(OutputError, match="no temporary file for what is transcoded: No such file"):
        ask(processes)


# ---------------------------------------------------------------- ends


def test_the_wish_to_stop_ends_a_wait(processes: Processes, stop: Stop, wayward: Wayward) -> None:
    wayward.does(SLEEPS)

    def ask_for_it() -> None:
        wait_until(lambda: wayward.pid != 0)
        stop.request()

    threading.Thread(target=ask_for_it).start()
    with pytest.raises(Interrupted):
        ask(processes)
    assert not is_running(wayward.pid)


def test_the_wish_to_stop_ends_the_wait_for_a_free_process(stop: Stop, wayward: Wayward) -> None:
    wayward.does(SLEEPS)
    processes = Processes(1, stop)
    ends: list[BaseException] = []

    def work() -> None:
        try:
            ask(processes)
        except Interrupted as error:
            ends.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: wayward.pid != 0)
    stop.request()
    for thread in threads:
        thread.join(10)
    processes.close()
    assert len(ends) == 3


def test_closing_ends_all(stop: Stop, wayward: Wayward) -> None:
    wayward.does("pass")
    processes = Processes(1, stop)
    ask(processes)
    pid = wayward.pid
    assert is_running(pid)
    processes.close()
    assert not is_running(pid)


def test_an_idle_one_that_has_ended_is_replaced(processes: Processes, wayward: Wayward) -> None:
    wayward.does("pass")
    ask(processes)
    os.kill(wayward.pid, signal.SIGKILL)
    assert ask(processes) == expected()


def test_one_ends_with_us_whatever_it_is_at(wayward: Wayward) -> None:
    wayward.does(SLEEPS)
    script = (
        "import sys; from dcmtools.editing.apart import Processes; from dcmtools.net.stop import Stop;"
        "from dcmtools.files.source import FileSource; source = FileSource.open(sys.argv[1]);"
        "Processes(1, Stop()).transcoded(source, source.size, '1.2.840.10008.1.2.1')"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(wayward.folder), *sys.path])}
    command = [sys.executable, "-c", script, str(samples.real_file(J2K))]
    with subprocess.Popen(command, env=env) as ours:
        wait_until(lambda: wayward.pid != 0)
        time.sleep(0.05)
        assert is_running(wayward.pid)
        ours.kill()
    wait_until(lambda: not is_running(wayward.pid))

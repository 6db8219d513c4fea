"""``dcmtools store`` as a process: signals, streams, names of files, memory."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pynetdicom.pdu import A_RELEASE_RP

from dcmtools.net import command_set, dimse
from dcmtools.scu.sender import MAY_BE_STORED
from tests.support import samples
from tests.support.served import wait_until
from tests.support.tcp import data_pdu
from tests.support.unruly import (
    P_DATA,
    Association,
    Fault,
    Moment,
    Request,
    Unruly,
    aborts_request,
    answer_to,
    never_answers,
    serves,
)

DCMTOOLS = str(Path(sys.executable).with_name("dcmtools"))
LIMIT = 20
COMMAND, LAST = 1, 2


def start(server: Unruly, *args: object, **options: Any) -> subprocess.Popen[str]:  # noqa: ANN401  Popen's own
    command = [DCMTOOLS, "store", f"PEER@127.0.0.1:{server.port}", "--format", "json", *map(str, args)]
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.Popen(command, encoding="utf-8", **streams)


def records(stdout: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stdout.splitlines()]


def outcomes(stdout: str) -> list[str]:
    return [record["outcome"] for record in records(stdout)]


# ---------------------------------------------------------------- signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_ends_after_the_file_in_hand(tmp_path: Path, number: signal.Signals) -> None:
    """That file gets its answer, the next is not begun, the rest is named, the association released."""
    paths = samples.make_small(tmp_path, 6)

    def strike(association: Association, request: Request) -> None:
        process.send_signal(number)
        association.server.stopping.wait(0.3)  # so that the signal is there before the answer
        association.send(answer_to(request))

    with Unruly(serves(Fault(strike), at=2)) as server:
        process = start(server, *paths)
        stdout, stderr = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert [record["file"] for record in records(stdout)] == list(map(str, paths))
    assert outcomes(stdout) == ["done", "done", "failed", "failed", "failed", "failed"]
    assert {record["error"]["code"] for record in records(stdout)[2:]} == {"interrupted"}
    named = [f"dcmtools store: {path}: stopped by the user" for path in paths[2:5]]
    assert stderr.splitlines()[-5:] == [
        *named,
        "dcmtools store: and 1 more: stopped by the user",
        "2 stored, 4 failed",
    ]
    assert server.uids == [samples.sop_instance_uid(1), samples.sop_instance_uid(2)]
    assert server.pdu_types[-1] == 5
    assert not server.aborted


def test_the_log_and_the_report_name_every_file_that_was_left(tmp_path: Path) -> None:
    paths = samples.make_small(tmp_path / "files", 8)
    report, log = tmp_path / "report.csv", tmp_path / "log"

    def strike(association: Association, request: Request) -> None:
        process.send_signal(signal.SIGTERM)
        association.server.stopping.wait(0.3)  # so that the signal is there before the answer
        association.send(answer_to(request))

    with Unruly(serves(Fault(strike), at=2)) as server:
        process = start(server, "--report", report, "--log-file", log, *paths)
        _, stderr = process.communicate(timeout=LIMIT)
    assert "and 3 more: stopped by the user" in stderr
    assert "more" not in log.read_text()
    for path in paths[2:]:
        assert f"dcmtools store: {path}: stopped by the user\n" in log.read_text()
        assert f"{path}," in report.read_text()


def test_the_first_signal_within_a_large_file(tmp_path: Path) -> None:
    """It is sent to its end."""
    paths = samples.make_ct(tmp_path, 2, 8_000_000)
    signalled: list[Request] = []

    def script(association: Association) -> None:
        association.accept()
        for moment, request in association.requests():
            if moment is Moment.WITHIN and not signalled:
                signalled.append(request)
                process.send_signal(signal.SIGINT)
            elif moment is Moment.AFTER:
                association.send(answer_to(request))

    with Unruly(script) as server:
        process = start(server, *paths)
        stdout, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert outcomes(stdout) == ["done", "failed"]
    assert server.stores[0].data == samples.dataset_bytes(paths[0])


def test_the_second_signal_ends_at_once(tmp_path: Path) -> None:
    paths = samples.make_small(tmp_path, 4)

    def strike(association: Association, _request: Request) -> None:
        process.send_signal(signal.SIGINT)
        association.server.stopping.wait(0.1)
        process.send_signal(signal.SIGTERM)
        association.drain()

    with Unruly(serves(Fault(strike), at=2)) as server:
        process = start(server, *paths)
        stdout, stderr = process.communicate(timeout=5)
    assert process.returncode == 130
    assert outcomes(stdout) == ["done", "unknown", "failed", "failed"]
    assert stderr.count(f"hint: {MAY_BE_STORED}") == 1
    assert server.aborted


def test_a_signal_before_the_association_stands(tmp_path: Path) -> None:
    paths = samples.make_small(tmp_path, 2)

    def script(association: Association) -> None:
        association.propose()
        process.send_signal(signal.SIGINT)
        association.drain()

    with Unruly(script) as server:
        process = start(server, *paths)
        stdout, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert outcomes(stdout) == ["failed", "failed"]
    assert server.aborted


@pytest.mark.parametrize("name", ["HUP", "INT", "TERM"])
def test_a_signal_that_was_to_be_ignored_is(tmp_path: Path, name: str) -> None:
    """As nohup has it, and a shell in front of what it starts in the background."""
    paths = samples.make_small(tmp_path, 3)

    def strike(association: Association, request: Request) -> None:
        process.send_signal(signal.Signals[f"SIG{name}"])
        association.server.stopping.wait(0.1)
        association.send(answer_to(request))

    with Unruly(serves(Fault(strike), at=None)) as server:
        command = f'trap "" {name}; exec "$@"'
        words = [DCMTOOLS, "store", f"127.0.0.1:{server.port}", *map(str, paths)]
        process = subprocess.Popen(["/bin/sh", "-c", command, "sh", *words], stdout=subprocess.DEVNULL)
        assert process.wait(LIMIT) == 0
    assert len(server.stores) == 3


def test_a_signal_while_a_file_waits_to_be_sent_again(tmp_path: Path) -> None:
    """Nobody waits for the end of that; the file is in doubt, and the run says so."""
    paths = samples.make_small(tmp_path, 2)
    with Unruly(serves(aborts_request(), at=1)) as server:
        options = ("--retries", 3, "--retry-delay", 1000)
        process = start(server, *options, *paths)
        assert process.stdout
        assert outcomes(process.stdout.readline()) == ["done"], "all that is not to be waited for is done"
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert outcomes(stdout) == ["unknown"]
    assert f"{paths[0]}: outcome unknown: stopped by the user" in stderr
    assert server.uids == [samples.sop_instance_uid(1), samples.sop_instance_uid(2)]


def test_a_signal_while_files_are_looked_at(tmp_path: Path) -> None:
    """Nobody waits for the rest of a large archive to be looked at."""
    [path] = samples.make_small(tmp_path, 1)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with Unruly(serves()) as server:
        process = start(server, path, pipe, path)
        # It opens once it is looked at, and may be closed by the time that something is written.
        with suppress(BrokenPipeError), pipe.open("wb") as file:
            process.send_signal(signal.SIGINT)
            file.write(samples.mr().read_bytes())
        stdout, stderr = process.communicate(timeout=LIMIT)
        assert server.proposals == []
    assert process.returncode == 130
    assert set(outcomes(stdout)) == {"failed"}
    assert "stopped by the user before all files were looked at" in stderr


# ---------------------------------------------------------------- streams


def test_all_is_sent_though_nobody_reads_the_results(tmp_path: Path) -> None:
    """stdout closed early: 141, but every file has gone out."""
    paths = samples.make_small(tmp_path, 20)
    read_end, write_end = os.pipe()
    with Unruly(serves()) as server:
        process = start(server, *paths, stdout=write_end)
        os.close(write_end)
        os.close(read_end)
        _, stderr = process.communicate(timeout=LIMIT)
    assert process.returncode == 141
    assert len(server.stores) == 20
    assert stderr == "20 stored\n"


def test_stdout_and_stderr_closed(tmp_path: Path) -> None:
    paths = samples.make_small(tmp_path, 3)
    with Unruly(serves()) as server:
        command = 'exec "$@" >&- 2>&-'
        done = subprocess.run(
            ["/bin/sh", "-c", command, "sh", DCMTOOLS, "store", f"127.0.0.1:{server.port}", *paths],
            check=False,
            timeout=LIMIT,
        )
    assert done.returncode == 1, "the results were lost"
    assert len(server.stores) == 3


def test_a_full_disk_under_the_results(tmp_path: Path) -> None:
    paths = samples.make_small(tmp_path, 3)
    with Unruly(serves()) as server, Path("/dev/full").open("wb") as full:
        process = start(server, *paths, stdout=full)
        _, stderr = process.communicate(timeout=LIMIT)
    assert process.returncode == 1
    assert len(server.stores) == 3
    assert "No space left on device" in stderr


# ---------------------------------------------------------------- names


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_names_of_any_bytes(tmp_path: Path, locale: str) -> None:
    """A line for each file, whatever its name: escaped, never raw, and valid UTF-8."""
    names = [b"new\nline.dcm", b"\xff\xfe.dcm", b"\x1b[2J.dcm", "\u00e9\u202e.dcm".encode(), b"-x.dcm"]
    folder = os.fsencode(tmp_path / "files")
    for path, name in zip(samples.make_small(tmp_path / "files", len(names)), names, strict=True):
        os.rename(path, os.path.join(folder, name))
    environment = os.environ | {"LC_ALL": locale}
    with Unruly(serves()) as server:
        command = [os.fsencode(DCMTOOLS), b"store", f"127.0.0.1:{server.port}".encode(), folder]
        plain = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=LIMIT)
        structured = subprocess.run(
            [*command, b"--format", b"json"], env=environment, capture_output=True, check=False, timeout=LIMIT
        )
    assert (plain.returncode, structured.returncode) == (0, 0)
    assert len(server.stores) == 2 * len(names)
    assert plain.stdout.count(b"\n") == len(names)
    assert b"\x1b" not in plain.stdout + plain.stderr + structured.stdout
    assert rb"new\x0aline.dcm" in plain.stdout
    files = {record["file"].rpartition("/")[2] for record in records(structured.stdout.decode())}
    assert "new\nline.dcm" in files
    assert r"\xff\xfe.dcm" in files


# ---------------------------------------------------------------- memory


PEAK = """
import resource, sys
from dcmtools.cli.main import main
status = main(sys.argv[1:])
with open("/proc/self/status") as file:
    [peak] = [line for line in file if line.startswith("VmHWM")]
print(peak.split()[1], file=sys.stderr)
sys.exit(status)
"""


def peak(server: Unruly, path: Path) -> tuple[int, int]:
    """Exit status, and the most memory that was ever resident, in MB."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK, "store", f"127.0.0.1:{server.port}", path],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )
    return done.returncode, int(done.stderr.splitlines()[-1]) // 1024


def keeps_nothing(association: Association) -> None:
    """Answer every C-STORE with success, without a look at its data set."""
    association.accept()
    while (read := association.read())[0] == P_DATA:
        context_id, control, fragment = read[1][10], read[1][11], read[1][12:]
        if control & COMMAND:
            request = command_set.decode(fragment)
        elif control & LAST:
            response = command_set.encode(dimse.response(request, 0))
            association.send(data_pdu((context_id, COMMAND | LAST, response)))
    association.send(A_RELEASE_RP().encode())


@pytest.mark.parametrize("max_pdu", [16384, 128])
def test_memory_is_bounded_whatever_the_file(tmp_path: Path, max_pdu: int) -> None:
    """200 MB go out in at most 60 MB, the interpreter included."""
    small, large = samples.make_ct(tmp_path, 2, 4096)
    content = small.read_bytes()
    size = 200_000_000 if max_pdu > 1000 else 20_000_000
    at = content.rindex(b"\xe0\x7f\x10\x00OW\0\0") + 8
    with large.open("wb") as file:
        file.write(content[:at] + size.to_bytes(4, "little") + content[at + 4 :])
        file.truncate(at + 4 + size)
    with Unruly(keeps_nothing, max_pdu=max_pdu) as server:
        status, megabytes = peak(server, large)
    assert status == 0
    assert megabytes <= 60, f"{megabytes} MB"


def test_a_hanging_peer_in_a_pipe_of_commands(tmp_path: Path) -> None:
    """The deadlines end it, with the status that scripts look at."""
    [path] = samples.make_small(tmp_path, 1)
    with Unruly(serves(never_answers())) as server:
        process = start(server, "-td", "0.3", path)
        stdout, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 4
    assert outcomes(stdout) == ["unknown"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_nothing_comes_through_the_pipe(number: signal.Signals) -> None:
    with subprocess.Popen(
        [DCMTOOLS, "store", "127.0.0.1:1", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        process.stdin.write("x" * 100)
        process.stdin.flush()
        wait_until(lambda: _has_read_all(process.stdin))
        process.send_signal(number)
        assert process.wait(20) == 130
        assert process.stderr
        told, counts = process.stderr.read().splitlines()
        assert told == "dcmtools store: stopped by the user before all files were looked at"
        assert counts == "0 stored"


def _has_read_all(pipe: Any) -> bool:  # noqa: ANN401  a pipe's end, or None
    waiting = bytearray(4)
    fcntl.ioctl(pipe, termios.FIONREAD, waiting)
    return int.from_bytes(waiting, sys.byteorder) == 0

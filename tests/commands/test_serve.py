"""``dcmtools serve`` as its user sees it: what it prints, what it refuses, how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support.run import run
from tests.support.served import (
    DCMTOOLS,
    HOST,
    Served,
    associated,
    data_set,
    echo,
    served,
    serving,
    store,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# ---------------------------------------------------------------- what it says


def test_the_port_is_printed_and_written_for_whoever_waits(tmp_path: Path) -> None:
    with served(tmp_path / "archive") as server:
        ready = tmp_path / "archive.port"
        assert ready.read_text() == f"{server.port}\n"
        assert ready.stat().st_mode & 0o777 == 0o644
        assert echo(server.port) == 0
        wait_until(lambda: server.output.read_text().endswith("\n"))
        assert server.output.read_text() == (
            f"listening on 127.0.0.1:{server.port} as any AE title, receiving into {server.folder}\n"
        )
        assert server.stop() == 0
        assert server.log() == ""
    assert sorted(os.listdir(tmp_path)) == ["archive", "archive.err", "archive.out", "archive.port"]


def test_the_record_of_a_server_that_listens(tmp_path: Path) -> None:
    with served(tmp_path / "archive", "--format", "json", "--aet", "ARCHIVE") as server:
        wait_until(lambda: server.output.read_text().endswith("\n"))
        assert json.loads(server.output.read_text()) == {
            "host": "127.0.0.1",
            "port": server.port,
            "aet": "ARCHIVE",
            "folder": str(server.folder),
            "outcome": "done",
        }


def test_a_name_with_control_characters_is_escaped(tmp_path: Path) -> None:
    with served(tmp_path / "a\x1b[31m") as server:
        wait_until(lambda: server.output.read_text().endswith("\n"))
        assert "\x1b" not in server.output.read_text()


def test_an_ipv6_address_stands_in_brackets(tmp_path: Path) -> None:
    with served(tmp_path / "archive", "--bind", "::1") as server:
        wait_until(lambda: server.output.read_text().endswith("\n"))
        assert f"listening on [::1]:{server.port} " in server.output.read_text()


def test_the_ready_file_replaces_what_has_its_name_and_follows_no_link(tmp_path: Path) -> None:
    ready, target = tmp_path / "ready", tmp_path / "target"
    target.write_text("kept\n")
    ready.symlink_to(target)
    with serving(tmp_path / "archive") as other:
        status, _ = refused(tmp_path / "archive", "--ready-file", ready)
        assert (status, ready.read_text()) == (2, "kept\n")  # not before it is ready
        assert echo(other.port) == 0
    with in_the_background("serve", tmp_path / "archive", "--port", "0", "--ready-file", ready):
        wait_until(lambda: not ready.is_symlink())
        assert echo(int(ready.read_text())) == 0
    assert target.read_text() == "kept\n"


# ---------------------------------------------------------------- what it refuses


def refused(*arguments: object) -> tuple[int, str]:
    result = run("serve", "--port", "0", *arguments)
    assert result.stdout == ""
    return result.status, result.stderr


@pytest.mark.parametrize("bind", ["0.0.0.0", "::"])  # noqa: S104  that it is refused is what is tested
def test_beyond_loopback_it_wants_to_know_from_whom(tmp_path: Path, bind: str) -> None:
    status, stderr = refused(tmp_path / "archive", "--bind", bind)
    assert status == 2
    assert stderr == (
        f"dcmtools serve: bound to {bind}, the server would take data from anyone\n"
        "hint: add --allow-aet or --allow-ip to say from whom, or --open\n"
    )
    assert not (tmp_path / "archive").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("a", "b"),
        ("a", "--port", "65536"),
        ("a", "--port", "-1"),
        ("a", "--allow-ip", "not-an-address"),
        ("a", "--aet", "LONGER THAN SIXTEEN"),
        ("a", "--fsync", "maybe"),
        ("a", "--max-pdu", "100"),
        ("a", "--format", "csv"),
    ],
)
def test_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("serve", *arguments)
    assert (result.status, result.stdout) == (2, "")
    assert result.stderr.startswith("dcmtools serve: ")
    assert os.listdir(tmp_path) == []


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    status, stderr = refused(tmp_path / "file")
    assert status == 2
    assert "is a file" in stderr


def test_a_folder_that_cannot_be_made() -> None:
    status, stderr = refused("/proc/none/archive")
    assert (status, stderr) == (2, "dcmtools serve: /proc/none/archive: No such file or directory\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_is_not_ours_to_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    status, stderr = refused(tmp_path)
    assert (status, stderr) == (2, f"dcmtools serve: {tmp_path}/.incoming: Permission denied\n")


def test_a_folder_that_another_server_has(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        status, stderr = refused(tmp_path)
        assert status == 2
        assert stderr == f"dcmtools serve: {tmp_path}: another process holds this folder: serve or archive\n"
        assert echo(server.port) == 0


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with serving(tmp_path / "one") as server:
        status, stderr = refused(tmp_path / "two", "--port", server.port)
        assert status == 2
        assert stderr == f"dcmtools serve: cannot listen on 127.0.0.1:{server.port}: Address already in use\n"


def test_an_address_that_is_not_ours(tmp_path: Path) -> None:
    status, stderr = refused(tmp_path, "--bind", "192.0.2.1", "--open")
    assert status == 2
    assert stderr == "dcmtools serve: cannot listen on 192.0.2.1:0: Cannot assign requested address\n"


@pytest.mark.filterwarnings("error::ResourceWarning")
def test_a_ready_file_that_cannot_be_written(tmp_path: Path) -> None:
    ready = tmp_path / "none" / "ready"
    status, stderr = refused(tmp_path / "archive", "--ready-file", ready)
    assert (status, stderr) == (2, f"dcmtools serve: {ready}: No such file or directory\n")
    assert not ready.exists()
    with serving(tmp_path / "archive") as server:  # the folder was let go of
        assert echo(server.port) == 0


# ---------------------------------------------------------------- how it ends


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_status_0_idle_associations_at_once(
    tmp_path: Path, number: signal.Signals
) -> None:
    with served(tmp_path / "archive") as server, socket.create_connection((HOST, server.port)) as silent:
        with associated(server.port) as association:
            assert store(association, "1.2.3.4", data_set()) == 0
            server.process.send_signal(number)
            assert server.process.wait(2) == 0
        assert silent.recv(16)[:1] in (b"", b"\x07")
        assert server.unfinished() == []
        assert server.log() == ""


def test_nothing_is_left_open_for_the_next_server(tmp_path: Path) -> None:
    with served(tmp_path / "archive") as server:
        assert server.stop() == 0
        with served(tmp_path / "archive", "--port", server.port) as next_server:
            assert echo(next_server.port) == 0


# ---------------------------------------------------------------- streams that end before it does


def stored(server: Served, number: int) -> int:
    with associated(server.port) as association:
        return store(association, f"1.2.3.{number}", data_set(f"1.2.3.{number}"))


def shell(folder: Path, line: str) -> tuple[str, ...]:
    """A shell that runs the server as ``"$@"`` in ``line``."""
    return ("sh", "-c", line, str(folder))


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ('exec "$@" >&-', 1),
        ('exec "$@" 2>&-', 0),
        ('exec "$@" >/dev/full', 1),
        ('exec "$@" -v 2>/dev/full', 0),
        ('exec "$@" -v </dev/null >/dev/null 2>&1', 0),
    ],
)
def test_a_stream_that_takes_nothing_does_not_end_it(tmp_path: Path, line: str, status: int) -> None:
    with served(tmp_path / "archive", prefix=shell(tmp_path, line)) as server:
        assert stored(server, 1) == 0
        assert stored(server, 2) == 0
        assert server.stop() == status
        assert len(server.kept()) == 2


@pytest.mark.parametrize(("streams", "status"), [("stdout", 141), ("stderr", 0)])
def test_a_reader_that_goes_away_does_not_end_it(tmp_path: Path, streams: str, status: int) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    ready = tmp_path / "port"
    arguments = ("serve", tmp_path / "archive", "--port", "0", "--ready-file", ready, "-v")
    with in_the_background(*arguments, **{streams: write_end}) as process:
        os.close(write_end)
        wait_until(ready.exists)
        server = Served(int(ready.read_text()), tmp_path / "archive")
        assert [stored(server, number) for number in range(1, 30)] == [0] * 29
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == status


@contextmanager
def in_the_background(
    *arguments: object, stdout: int = subprocess.DEVNULL, stderr: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    command = [DCMTOOLS, *map(str, arguments)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)
    try:
        yield process
    finally:
        process.kill()
        process.wait()

"""Many peers, slow peers and peers that never end: a good one is served meanwhile, and nothing piles up."""

from __future__ import annotations

import os
import re
import struct
import time
import zlib
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from dcmtools.acceptor import server as server_module
from dcmtools.errors import AssociationError
from dcmtools.net import command_set
from tests.support.served import (
    DEFLATED,
    HOST,
    ServedProcess,
    all_from,
    associated,
    can_associate,
    connected,
    data_set,
    echo,
    element,
    fragment,
    pdu,
    served,
    serving,
    store,
    store_request,
    wait_until,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

SUCCESS, CANNOT_UNDERSTAND = 0, 0xC000
P_DATA, ABORT = 4, 7
GIBIBYTE, MEBIBYTE = 1 << 30, 1 << 20
UID = "1.2.3.4"
QUIET = 3  # threads of a server that nobody talks to: one accepts, one reports, one writes the index


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServedProcess]:
    with served(tmp_path / "archive", "--fsync", "off") as running:
        assert echo(running.port) == SUCCESS  # all of it is loaded now
        yield running
        wait_until(lambda: threads(running) == QUIET)
        assert echo(running.port) == SUCCESS
        assert "Traceback" not in running.log()
        assert "internal error" not in running.log()


def status(server: ServedProcess, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+)", Path(f"/proc/{server.process.pid}/status").read_text(), re.M)
    assert found
    return int(found[1])


def memory(server: ServedProcess) -> int:
    """The most memory it ever had, in bytes."""
    return 1024 * status(server, "VmHWM")


def threads(server: ServedProcess) -> int:
    return status(server, "Threads")


def descriptors(server: ServedProcess) -> int:
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


@contextmanager
def crowd(server: ServedProcess, count: int, say: bytes = b"") -> Iterator[list[socket.socket]]:
    """Connections that say no more than ``say``."""
    with ExitStack() as held:
        peers = [held.enter_context(connected(server.port)) for _ in range(count)]
        for peer in peers:
            peer.sendall(say)
        yield peers


def timed_echo(server: ServedProcess) -> float:
    started = time.monotonic()
    assert echo(server.port) == SUCCESS
    return time.monotonic() - started


# ---------------------------------------------------------------- crowds


def test_a_good_peer_is_served_among_silent_and_dripping_ones(server: ServedProcess) -> None:
    header = struct.pack(">BxL", 1, 200)
    with crowd(server, 100), crowd(server, 50, header) as dripping:
        for byte in bytes(10):
            for peer in dripping:
                peer.sendall(bytes([byte]))
            assert timed_echo(server) < 2
        with associated(server.port) as association:
            assert store(association, UID, data_set()) == SUCCESS


def test_a_drip_is_cut_when_the_whole_request_is_due(tmp_path: Path) -> None:
    with served(tmp_path / "archive", "--acse-timeout", "1") as server, connected(server.port) as peer:
        peer.sendall(struct.pack(">BxL", 1, 1000))
        started = time.monotonic()
        while still_takes(peer):
            time.sleep(0.05)
        assert 0.8 < time.monotonic() - started < 3


def still_takes(peer: socket.socket) -> bool:
    try:
        peer.sendall(b"x")
    except OSError:
        return False
    return True


def test_256_associations_and_no_more_and_all_places_come_back(server: ServedProcess) -> None:
    with ExitStack() as held:
        for _ in range(255):
            held.enter_context(associated(server.port))
        assert timed_echo(server) < 2
        wait_until(lambda: threads(server) == QUIET + 255)
        held.enter_context(associated(server.port))
        with pytest.raises(AssociationError, match=r"rejected \(transient\): local limit exceeded"):
            echo(server.port)
        last = held.pop_all()
    last.close()
    wait_until(lambda: threads(server) == QUIET)
    with ExitStack() as held:
        for _ in range(256):
            held.enter_context(associated(server.port))


def test_silent_peers_take_no_place_from_associations(server: ServedProcess) -> None:
    with associated(server.port) as held, crowd(server, 300):
        wait_until(lambda: threads(server) == QUIET + 1 + 256)
        assert timed_echo(server) < 2
        assert store(held, UID, data_set()) == SUCCESS


def test_beyond_all_measure_the_oldest_silent_ones_go_and_it_is_said(tmp_path: Path) -> None:
    with served(tmp_path / "archive") as server, crowd(server, 50, b"\1") as old, crowd(server, 256) as new:
        assert {peer.recv(1) for peer in old} == {b""}
        assert timed_echo(server) < 2
        new[-1].setblocking(False)
        with pytest.raises(BlockingIOError):
            new[-1].recv(1)
        assert threads(server) <= QUIET + 256
        assert server.stop() == 0
    lines = server.log().splitlines()
    assert len(lines) == 11
    reason = 'reason="to make room: 256 connections have no association"'
    for number, line in enumerate(lines[:10], 1):
        assert line == f"dcmtools serve: warning: dropped association={number} peer={HOST} {reason}"
    assert lines[10] == f"dcmtools serve: warning: suppressed peer={HOST} lines=41"


def test_a_thread_too_many_is_not_begun_and_it_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server_module, "_MORE_THREADS", 0)
    with serving(tmp_path, max_associations=1) as server:
        with associated(server.port):
            for _ in range(3):
                with connected(server.port) as peer:
                    assert all_from(peer) == b""
        wait_until(lambda: can_associate(server.port))
    assert caplog.messages == ["cannot take more connections: there are 1 already"]


def test_strangers_leave_half_of_the_descriptors_to_the_others(tmp_path: Path) -> None:
    few = ("sh", "-c", 'ulimit -n 64; exec "$@"', "sh")
    with served(tmp_path / "archive", prefix=few) as server, crowd(server, 100):
        assert timed_echo(server) < 2
        with associated(server.port) as association:
            assert store(association, UID, data_set()) == SUCCESS
        assert "cannot take more connections" not in server.log()


def test_without_descriptors_it_waits_for_some_and_says_so_once(tmp_path: Path) -> None:
    few = ("sh", "-c", 'ulimit -n 24; exec "$@"', "sh")
    with served(tmp_path / "archive", prefix=few) as server:
        with ExitStack() as held:
            for _ in range(4):
                held.enter_context(connected(server.port, established=True))
            with crowd(server, 40):
                wait_until(lambda: "cannot take more connections" in server.log())
        wait_until(lambda: can_associate(server.port), 2)
        assert timed_echo(server) < 2
        with associated(server.port) as association:
            assert store(association, UID, data_set()) == SUCCESS
        assert server.log().count("cannot take more connections: Too many open files") == 1
        assert server.stop() == 0


def test_thousands_of_peers_that_come_and_go_leave_nothing(server: ServedProcess) -> None:
    def come_and_go(count: int) -> None:
        for _ in range(count):
            with connected(server.port):
                pass
        assert echo(server.port) == SUCCESS

    come_and_go(200)
    wait_until(lambda: threads(server) == QUIET)
    before, files = 1024 * status(server, "VmRSS"), descriptors(server)
    come_and_go(2000)
    wait_until(lambda: threads(server) == QUIET)
    assert descriptors(server) == files
    assert 1024 * status(server, "VmRSS") - before < 5 * MEBIBYTE


def test_hundreds_of_associations_leave_nothing(server: ServedProcess) -> None:
    def associate(first: int, count: int) -> None:
        for number in range(first, first + count):
            uid = f"1.2.{number}"
            with associated(server.port) as association:
                assert store(association, uid, data_set(uid)) == SUCCESS
                assert store(association, uid, b"broken") == CANNOT_UNDERSTAND

    associate(0, 50)
    wait_until(lambda: threads(server) == QUIET)
    before, files = 1024 * status(server, "VmRSS"), descriptors(server)
    associate(50, 300)
    wait_until(lambda: threads(server) == QUIET)
    assert descriptors(server) == files
    assert 1024 * status(server, "VmRSS") - before < 5 * MEBIBYTE


def test_a_thread_that_cannot_be_had_costs_its_connection_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class NoThread(Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    with serving(tmp_path) as server:
        with monkeypatch.context() as faulty:
            faulty.setattr(server_module, "Thread", NoThread)
            for _ in range(3):
                with connected(server.port) as peer:
                    assert all_from(peer) == b""
        assert echo(server.port) == SUCCESS
    assert caplog.messages == ["cannot take more connections: can't start new thread"]


# ---------------------------------------------------------------- peers that stop halfway


def test_an_idle_association_is_ended(tmp_path: Path) -> None:
    with serving(tmp_path, idle_timeout=0.2) as server, connected(server.port, established=True) as peer:
        assert all_from(peer)[:1] == bytes([ABORT])


@pytest.mark.parametrize("goes", [True, False])
def test_an_instance_whose_sender_stops_leaves_nothing(tmp_path: Path, *, goes: bool) -> None:
    request = command_set.encode(store_request(UID) | {"MessageID": 1})
    half = pdu(P_DATA, fragment(3, request)) + pdu(P_DATA, fragment(0, data_set()))
    with serving(tmp_path, dimse_timeout=30 if goes else 0.3) as server:
        with connected(server.port, established=True) as peer:
            peer.sendall(half)
            wait_until(lambda: server.unfinished() != [])
            if not goes:
                assert all_from(peer)[:1] == bytes([ABORT])
        wait_until(server.is_empty, 2)
        assert echo(server.port) == SUCCESS


# ---------------------------------------------------------------- sizes


def pushed(peer: socket.socket, header: bytes) -> int:
    """How many bytes the server let through after ``header``, 64 MiB at most."""
    sent = 0
    try:
        peer.sendall(header)
        while sent < 64 * MEBIBYTE:
            peer.sendall(bytes(65536))
            sent += 65536
    except OSError:
        return sent
    return sent


@pytest.mark.parametrize("kind", [1, 4, 5, 7])
def test_a_gibibyte_in_place_of_a_request_is_cut_at_once(server: ServedProcess, kind: int) -> None:
    before = memory(server)
    started = time.monotonic()
    with connected(server.port) as peer:
        assert pushed(peer, struct.pack(">BxL", kind, GIBIBYTE)) < 16 * MEBIBYTE
    assert time.monotonic() - started < 2
    assert memory(server) - before < 2 * MEBIBYTE


@pytest.mark.parametrize("kind", [1, 4, 5, 7])
def test_a_gibibyte_within_an_association_is_cut_at_once(server: ServedProcess, kind: int) -> None:
    with connected(server.port, established=True) as peer:
        before = memory(server)
        assert pushed(peer, struct.pack(">BxL", kind, GIBIBYTE)) < 16 * MEBIBYTE
        assert memory(server) - before < 2 * MEBIBYTE


@pytest.mark.parametrize(("length", "taken"), [(4096, True), (4098, False)])
def test_data_over_the_length_that_was_advertised_is_aborted(
    tmp_path: Path, length: int, *, taken: bool
) -> None:
    request = command_set.encode(store_request(UID) | {"MessageID": 1})
    data = data_set(pixels=b"")
    data = data_set(pixels=bytes(length - 6 - len(data)))
    with serving(tmp_path, max_pdu=4096) as server, connected(server.port, established=True) as peer:
        peer.sendall(pdu(P_DATA, fragment(3, request)) + pdu(P_DATA, fragment(2, data)))
        if taken:
            assert peer.recv(65536)[:1] == bytes([P_DATA])
            assert len(server.kept()) == 1
        else:
            assert all_from(peer)[:1] in (bytes([ABORT]), b"")
            wait_until(lambda: server.unfinished() == [])
            assert server.kept() == []


def test_a_command_set_without_end_is_aborted(server: ServedProcess) -> None:
    with connected(server.port, established=True) as peer:
        assert pushed(peer, pdu(P_DATA, fragment(1, bytes(1000))) * 100) < 16 * MEBIBYTE


def test_a_pdu_of_nothing_but_tiny_fragments_costs_little_time(server: ServedProcess) -> None:
    request = command_set.encode(store_request(UID) | {"MessageID": 1})
    with connected(server.port, established=True) as peer:
        started = time.monotonic()
        peer.sendall(pdu(P_DATA, fragment(3, request)) + pdu(P_DATA, fragment(0, b"") * 43_000))
        peer.sendall(pdu(P_DATA, fragment(2, b"")))
        assert CANNOT_UNDERSTAND.to_bytes(2, "little") in peer.recv(65536)
        assert time.monotonic() - started < 1


def bomb(head: bytes, size: int) -> bytes:
    """A deflated data set that goes on for ``size`` zeros after ``head``."""
    stream = zlib.compressobj(9, wbits=-15)
    packed = stream.compress(head)
    for _ in range(size // MEBIBYTE):
        packed += stream.compress(bytes(MEBIBYTE))
    packed += stream.flush()
    return packed + bytes(len(packed) % 2)


def test_a_deflate_bomb_behind_the_head_is_just_bytes(server: ServedProcess) -> None:
    head = data_set()[:-100] + struct.pack("<HH2sHL", 0x7FE1, 0x1010, b"OB", 0, GIBIBYTE)
    before = memory(server)
    with associated(server.port, syntaxes=[DEFLATED]) as association:
        assert store(association, UID, bomb(head, GIBIBYTE)) in (SUCCESS, CANNOT_UNDERSTAND)
    assert memory(server) - before < 80 * MEBIBYTE


def test_a_deflate_bomb_before_the_names_is_refused(server: ServedProcess) -> None:
    head = element(0x00080016, b"1.2") + struct.pack("<HH2sHL", 0x0009, 0x1010, b"OB", 0, GIBIBYTE)
    before = memory(server)
    with associated(server.port, syntaxes=[DEFLATED]) as association:
        assert store(association, UID, bomb(head, GIBIBYTE)) == CANNOT_UNDERSTAND
    assert memory(server) - before < 80 * MEBIBYTE
    assert server.kept() == []

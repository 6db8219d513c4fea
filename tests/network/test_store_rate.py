"""``dcmtools store --rate``: so many bytes a second, by a sender that is awake while it waits."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.support import samples
from tests.support.run import Run, run
from tests.support.served import DCMTOOLS
from tests.support.unruly import (
    Association,
    Fault,
    Moment,
    Request,
    Unruly,
    aborts_request,
    answer_to,
    resets_request,
    serves,
)

if TYPE_CHECKING:
    from pathlib import Path

SHORT = ("-ta", "5", "-td", "5", "-to", "2", "--format", "json")
COUNT = 9


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return samples.make_small(tmp_path / "files", COUNT)


def store(server: Unruly, files: list[Path], *options: object) -> Run:
    return run("store", f"PEER@127.0.0.1:{server.port}", *SHORT, *options, *files)


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_rate_holds_for_all_associations_together(files: list[Path], jobs: int) -> None:
    with Unruly(serves()) as server:
        begun = time.monotonic()
        result = store(server, files, "--rate", "200K", "--jobs", jobs)
        took = time.monotonic() - begun
    total = sum(len(stored.data) for stored in server.stores)
    assert result.status == 0
    assert {stored.data for stored in server.stores} == set(map(samples.dataset_bytes, files))
    assert took >= (total - 50_000) / 200_000


SLOW = ("--rate", "700", "-td", "10")  # 10 KB in 15 seconds


def ends(association: Association, _request: Request) -> None:
    association.socket.shutdown(socket.SHUT_RDWR)


def releases(association: Association, _request: Request) -> None:
    association.send(bytes((5, 0, 0, 0, 0, 4, 0, 0, 0, 0)))
    association.drain()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(ends, Moment.BEFORE), "send: the peer closed the connection"),
        (resets_request(Moment.BEFORE), "send: the connection broke"),
        (aborts_request(Moment.BEFORE), "send: the peer aborted the association"),
        (Fault(releases, Moment.BEFORE), "send: the peer released the association"),
    ],
    ids=["end", "reset", "abort", "release"],
)
def test_a_slow_sender_notices_that_the_peer_has_gone(files: list[Path], fault: Fault, words: str) -> None:
    """Between what it sends; it is not stored then, and tried again if asked so."""
    with Unruly(serves(fault)) as server:
        begun = time.monotonic()
        result = store(server, files[:1], *SLOW)
        assert time.monotonic() - begun < 5
    assert result.status == 4
    [record] = result.records
    assert record["outcome"] == "failed"
    assert words in record["error"]["message"]
    assert record["error"]["transient"]


def test_a_slow_sender_hears_an_early_answer_in_the_end(files: list[Path]) -> None:
    """And none that comes after that."""

    def early(association: Association) -> None:
        association.accept()
        for number, (_, request) in enumerate(association.requests()):
            if number in early_answers:
                association.send(answer_to(request, early_answers[number]))

    early_answers = {0: 0xA900, 3: 0x0000}
    with Unruly(early) as server:
        result = store(server, files[:1], "--rate", "8K")
    assert result.status == 5
    assert [record["status"] for record in result.records] == ["A900"]
    assert len(server.stores) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_slow_sender_can_be_stopped(files: list[Path], number: signal.Signals) -> None:
    """What is in hand ends well, as quickly as it can."""
    command = [DCMTOOLS, "store", "--rate", "8", "-td", "10", "--format", "json"]

    def strike(_association: Association, _request: Request) -> None:
        processes[0].send_signal(number)

    processes: list[subprocess.Popen[bytes]] = []
    with Unruly(serves(Fault(strike, Moment.BEFORE))) as server:
        address = f"PEER@127.0.0.1:{server.port}"
        processes.append(subprocess.Popen([*command, address, *files[:2]], stdout=subprocess.PIPE))
        output, _ = processes[0].communicate(timeout=20)
    assert processes[0].returncode == 130
    assert [json.loads(line)["outcome"] for line in output.splitlines()] == ["done", "failed"]
    assert server.uids == [samples.sop_instance_uid(1)]

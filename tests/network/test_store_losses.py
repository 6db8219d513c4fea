"""``dcmtools store`` when the association is lost: no file is forgotten, none called stored that is not.

After each fault the report is compared with what the peer holds; they may differ in the file alone whose
answer was lost.
"""

from __future__ import annotations

import gc
import os
import select
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Self

import pytest

from dcmtools.scu.sender import MAY_BE_STORED
from tests.support import samples
from tests.support.run import Run, run
from tests.support.unruly import (
    P_DATA,
    Association,
    Fault,
    Moment,
    Request,
    Unruly,
    aborts_request,
    declares_a_gibibyte,
    never_answers,
    rejects,
    resets_request,
    serves,
    stops_reading,
)

if TYPE_CHECKING:
    from pathlib import Path

SHORT = ("-ta", "0.5", "-td", "0.5", "-to", "2")
COUNT = 5
LARGE = 8_000_000  # more than the sockets of both sides hold


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return samples.make_ct(tmp_path / "files", COUNT, 100_000)


def store(server: Unruly, *args: object) -> Run:
    return run("store", f"PEER@127.0.0.1:{server.port}", *SHORT, "--format", "json", *args)


def uids_of(records: list[dict[str, Any]], *outcomes: str) -> list[str]:
    return [record["sop_instance_uid"] for record in records if record["outcome"] in outcomes]


def uid(number: int) -> str:
    return samples.sop_instance_uid(number)


class Relay:
    """A port in front of a server; once it is closed nobody listens there, as when a process was killed."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()

    def close(self) -> None:
        self._listener.close()

    def _run(self) -> None:
        near, _ = self._listener.accept()
        with near, socket.create_connection(("127.0.0.1", self._target)) as far:
            both = {near: far, far: near}
            while True:
                for one in select.select(list(both), [], [])[0]:
                    try:
                        data = one.recv(65536)
                    except ConnectionResetError:
                        return
                    if not data:
                        return
                    both[one].sendall(data)


# A peer that aborts takes what is still coming: all goes out before the abort is read. One that resets while
# more is coming than the sockets hold leaves no doubt.
FAULTS = [
    pytest.param(aborts_request(Moment.BEFORE), "unknown", 100_000, id="abort-before"),
    pytest.param(aborts_request(Moment.WITHIN), "unknown", 100_000, id="abort-within"),
    pytest.param(aborts_request(Moment.AFTER), "unknown", 100_000, id="abort-after"),
    pytest.param(resets_request(Moment.BEFORE), "failed", LARGE, id="reset-before"),
    pytest.param(resets_request(Moment.WITHIN), "failed", LARGE, id="reset-within"),
    pytest.param(resets_request(Moment.AFTER), "unknown", 100_000, id="reset-after"),
]


@pytest.mark.parametrize("at", [1, 3, COUNT])
@pytest.mark.parametrize(("fault", "outcome", "size"), FAULTS)
def test_one_loss(files: list[Path], fault: Fault, outcome: str, size: int, at: int) -> None:
    samples.make_ct(files[0].parent, 1, size, first=at)
    with Unruly(serves(fault, at=at)) as server:
        result = store(server, *files)
    assert result.status == 1
    assert [record["file"] for record in result.records] == list(map(str, files))
    assert uids_of(result.records, outcome) == [uid(at)]
    others = [uid(number) for number in range(1, COUNT + 1) if number != at]
    assert uids_of(result.records, "done") == others
    # What the peer holds: all that is said to be stored; of the file in doubt, all or nothing.
    assert sorted(server.uids) == sorted(others + [uid(at)] * (fault.moment is Moment.AFTER))
    assert len(server.proposals) == (1 if at == COUNT else 2)
    error = result.records[at - 1]["error"]
    assert error["transient"]
    step = "receive" if outcome == "unknown" else "send"
    where = f"PEER@127.0.0.1:{server.port}: {step}: "
    assert error["message"].startswith(where)
    before = "outcome unknown: " if outcome == "unknown" else ""
    assert f"dcmtools store: {files[at - 1]}: {before}{where}" in result.stderr
    assert result.stderr.splitlines()[-1] == f"{COUNT - 1} stored, 1 {outcome}"
    assert error.get("hint") == (MAY_BE_STORED if outcome == "unknown" else None)


def test_a_peer_that_breaks_off_at_each_file(files: list[Path]) -> None:
    """Every file is tried: what ends one association may be in one file alone."""
    with Unruly(serves(aborts_request(), at=None)) as server:
        result = store(server, *files)
    assert result.status == 4
    assert uids_of(result.records, "unknown") == [uid(number) for number in range(1, COUNT + 1)]
    assert len(server.proposals) == COUNT


def test_the_reason_of_an_abort_within_a_large_file(tmp_path: Path) -> None:
    """PS3.8 9.3.8: while we are still sending; the connection breaks, its reason is what is told."""
    [path] = samples.make_ct(tmp_path, 1, 8_000_000)

    def strike(association: Association, _request: Request) -> None:
        association.send(bytes((7, 0, 0, 0, 0, 4, 0, 0, 2, 6)))
        association.reset()

    with Unruly(serves(Fault(strike, Moment.BEFORE))) as server:
        result = store(server, path)
    assert result.status == 4
    assert "the peer aborted the association: invalid PDU parameter value" in result.stderr


def test_an_abort_as_soon_as_the_association_stands(files: list[Path]) -> None:
    """Nothing is sent into it, so that nothing is in doubt."""

    def script(association: Association) -> None:
        association.accept(also=bytes((7, 0, 0, 0, 0, 4, 0, 0, 0, 0)))
        association.drain()

    with Unruly(script) as server:
        result = store(server, *files)
    assert result.status == 4
    assert [record["outcome"] for record in result.records] == ["failed"] * COUNT
    assert server.uids == []
    assert P_DATA not in server.pdu_types


@pytest.mark.parametrize("at", [1, 3])
def test_one_file_without_an_answer(files: list[Path], at: int) -> None:
    with Unruly(serves(never_answers(), at=at)) as server:
        begun = time.monotonic()
        result = store(server, *files)
        assert time.monotonic() - begun < 2
    assert result.status == 1
    assert uids_of(result.records, "unknown") == [uid(at)]
    assert "receive: no answer from the peer in time" in result.stderr
    assert f"hint: {MAY_BE_STORED}" in result.stderr
    assert server.aborted


def test_a_peer_that_never_answers_is_given_up(tmp_path: Path) -> None:
    """Three deadlines, not one for each of the files."""
    paths = samples.make_small(tmp_path, 40)
    with Unruly(serves(never_answers(), at=None)) as server:
        begun = time.monotonic()
        result = store(server, *paths)
        assert time.monotonic() - begun < 3
    assert result.status == 4
    assert [record["file"] for record in result.records] == list(map(str, paths))
    assert uids_of(result.records, "done", "warning", "skipped") == []
    assert len(server.proposals) == 3
    assert uids_of(result.records, "failed") == [uid(number) for number in range(4, 41)]
    assert "and 34 more: send: " in result.stderr
    assert result.stderr.count("3 associations were lost without any answer") == 4


@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.WITHIN])
def test_a_peer_that_stops_reading(tmp_path: Path, moment: Moment) -> None:
    """The deadline holds for writes."""
    paths = samples.make_ct(tmp_path, 2, 12_000_000)
    with Unruly(serves(stops_reading(moment), at=1)) as server:
        begun = time.monotonic()
        result = store(server, *paths)
        assert time.monotonic() - begun < 4
        assert server.uids == [uid(2)]
    assert result.status == 1
    assert [record["outcome"] for record in result.records] == ["failed", "done"]
    assert "send: no reading from the peer in time" in result.stderr
    assert "hint" not in result.records[0]["error"], "it cannot have been stored"


def test_garbage_in_place_of_an_answer(files: list[Path]) -> None:
    def strike(association: Association, _request: Request) -> None:
        association.send(b"\xff" * 100)
        association.drain()

    with Unruly(serves(Fault(strike), at=2)) as server:
        result = store(server, *files)
    assert result.status == 1
    assert uids_of(result.records, "unknown") == [uid(2)]
    assert "receive: the peer sent a PDU of type FFH, which there is not" in result.stderr


def test_a_gibibyte_in_place_of_an_answer(files: list[Path]) -> None:
    with Unruly(serves(declares_a_gibibyte(), at=2)) as server:
        result = store(server, *files)
    assert uids_of(result.records, "unknown") == [uid(2)]
    assert "a PDU of 1073741824 bytes where at most 262144 are allowed" in result.stderr


def test_a_release_in_place_of_an_answer(files: list[Path]) -> None:
    """PS3.8 7.2 lets either side release; what was not answered was not stored."""

    def strike(association: Association, _request: Request) -> None:
        association.send(bytes((5, 0, 0, 0, 0, 4, 0, 0, 0, 0)))
        association.drain()

    with Unruly(serves(Fault(strike), at=2)) as server:
        result = store(server, *files)
    assert result.status == 1
    assert uids_of(result.records, "unknown") == [uid(2)]
    assert "receive: the peer released the association instead of answering" in result.stderr
    assert 6 in server.pdu_types, "the release is answered"


def test_a_peer_that_closes_without_a_word(files: list[Path]) -> None:
    def strike(association: Association, _request: Request) -> None:
        association.socket.shutdown(socket.SHUT_RDWR)

    with Unruly(serves(Fault(strike), at=4)) as server:
        result = store(server, *files)
    assert result.status == 1
    assert uids_of(result.records, "unknown") == [uid(4)]


def test_a_peer_that_is_gone_for_good(files: list[Path]) -> None:
    """Killed at the third file: the rest fails at once, each file by name."""

    def strike(association: Association, _request: Request) -> None:
        closing.close()
        association.reset()

    with Unruly(serves(Fault(strike), at=3)) as server, Relay(server.port) as closing:
        begun = time.monotonic()
        result = run("store", f"PEER@127.0.0.1:{closing.port}", *SHORT, "--format", "json", *files)
        assert time.monotonic() - begun < 2
    assert result.status == 1
    assert [record["file"] for record in result.records] == list(map(str, files))
    assert [record["outcome"] for record in result.records] == ["done", "done", "unknown", "failed", "failed"]
    assert server.uids == [uid(1), uid(2), uid(3)]
    assert result.stderr.count("connect: Connection refused") == 2
    assert result.stderr.splitlines()[-1] == "2 stored, 2 failed, 1 unknown"


def test_a_peer_that_rejects_after_the_first_loss(files: list[Path]) -> None:
    """Such as one at its limit of associations: PS3.8 9.3.4, rejected-transient."""

    def script(association: Association) -> None:
        if association.server.proposals:
            rejects(2, 3, 2)(association)
        else:
            serves(aborts_request(), at=2)(association)

    with Unruly(script) as server:
        result = store(server, *files)
    assert result.status == 1
    assert [record["outcome"] for record in result.records] == [
        "done",
        "unknown",
        "failed",
        "failed",
        "failed",
    ]
    assert result.stderr.count("rejected (transient): local limit exceeded") == 3
    assert len(server.proposals) == 2


def test_nothing_is_left_open_after_losses(files: list[Path]) -> None:
    """A file that cannot be sent any more right after a loss once closed the file before it twice."""

    def strike(association: Association, _request: Request) -> None:
        for path in files[2:]:
            path.write_bytes(b"another file")
        association.abort()

    before = sorted(os.listdir("/proc/self/fd"))
    with Unruly(serves(Fault(strike), at=2)) as server:
        result = store(server, *files)
    gc.collect()
    assert sorted(os.listdir("/proc/self/fd")) == before
    assert result.status == 1
    outcomes = [record["outcome"] for record in result.records]
    assert outcomes == ["done", "unknown", "failed", "failed", "failed"]
    assert result.stderr.count("the file has changed since it was inspected") == 3

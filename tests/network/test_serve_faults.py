"""A disk that fails, a server that is killed: never a success with data missing, never a part of a file."""

from __future__ import annotations

import errno
import random
import signal
from concurrent.futures import ThreadPoolExecutor
from threading import Timer
from typing import TYPE_CHECKING

import pytest

from dcmtools.archive import storage as archive
from dcmtools.errors import DcmtoolsError
from tests.support.served import Served, associated, data_set, echo, element, served, serving, store
from tests.support.syscalls import WatchedOs

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SUCCESS, OUT_OF_RESOURCES = 0, 0xA700
MOST_CALLS = 60
ROUNDS, INSTANCES, SENDERS = 10, 300, 3


def contents(number: int) -> bytes:
    return data_set(f"1.2.{number}", patient=f"P{number}", pixels=number.to_bytes(2, "little") * 10_000)


def send(association_port: int, numbers: Iterable[int]) -> list[int]:
    """Store the numbered instances on one association; those that were answered with success."""
    answered = []
    try:
        with associated(association_port) as association:
            for number in numbers:
                if store(association, f"1.2.{number}", contents(number)) == SUCCESS:
                    answered.append(number)
    except DcmtoolsError:
        return answered
    return answered


def is_whole(path: Path) -> bool:
    return path.read_bytes().endswith(contents(int(path.stem.removeprefix("1.2."))))


# ---------------------------------------------------------------- one call of the system fails


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EMFILE], ids=errno.errorcode.get)
@pytest.mark.parametrize("durable", [True, False])
def test_whichever_call_fails_no_data_is_missing_and_the_server_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, *, durable: bool
) -> None:
    refused = set()
    with serving(tmp_path / "archive", durable=durable) as server, associated(server.port) as association:
        for attempt in range(1, MOST_CALLS):
            uid = f"1.2.{attempt}"
            watched = WatchedOs(attempt, number)
            with monkeypatch.context() as faulty:
                faulty.setattr(archive, "os", watched)
                status = store(association, uid, contents(attempt))
            assert status in (SUCCESS, OUT_OF_RESOURCES)
            kept = [path for path in server.kept() if path.stem == uid]
            assert all(map(is_whole, kept))
            assert kept or status != SUCCESS
            if not watched.failed:
                break
            if status != SUCCESS:
                refused.add(watched.calls[attempt - 1].split()[0])
            assert store(association, uid, contents(attempt)) == SUCCESS
            assert [is_whole(path) for path in server.kept() if path.stem == uid] == [True]
        assert not watched.failed, "more calls than were tried"
    expected = {"open", "mkdir", "writev", "link", "close"} | ({"fdatasync", "fsync"} if durable else set())
    assert refused == expected


def test_a_temporary_file_that_cannot_be_removed_goes_with_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class NothingRemoved(WatchedOs):
        def unlink(self, *_: object, **__: object) -> None:
            raise OSError(errno.EIO, "Input/output error")

    with serving(tmp_path / "archive") as server, associated(server.port) as association:
        with monkeypatch.context() as faulty:
            faulty.setattr(archive, "os", NothingRemoved())
            assert store(association, "1.2.1", contents(1)) == SUCCESS
        [left] = server.unfinished()
    assert f"{left} cannot be removed: Input/output error" in caplog.messages
    with serving(tmp_path / "archive") as server:
        assert server.unfinished() == []
        assert [is_whole(path) for path in server.kept()] == [True]


@pytest.mark.parametrize("answer", [b"", None])
def test_a_disk_that_does_not_give_back_what_came_is_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes | None
) -> None:
    class Forgetful(WatchedOs):
        def pread(self, *_: int) -> bytes:
            if answer is None:
                raise OSError(errno.EIO, "Input/output error")
            return answer

    long = element(0x00091001, bytes(60_000), b"OB")
    data = contents(1).replace(element(0x00100010, b"Doe^Jane", b"PN"), long)
    with serving(tmp_path / "archive") as server, associated(server.port) as association:
        with monkeypatch.context() as faulty:
            faulty.setattr(archive, "os", Forgetful())
            assert store(association, "1.2.1", data) == OUT_OF_RESOURCES
        assert server.is_empty()
        assert store(association, "1.2.1", data) == SUCCESS


def test_a_full_disk_is_a_refusal_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every write fails, also those of the rest of a data set that is read to its end all the same."""

    class Full(WatchedOs):
        def writev(self, _fd: int, _data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    big = data_set("1.2.1", pixels=bytes(2_000_000))
    with serving(tmp_path / "archive") as server, associated(server.port) as association:
        with monkeypatch.context() as faulty:
            faulty.setattr(archive, "os", Full())
            assert [store(association, "1.2.1", big) for _ in range(3)] == [OUT_OF_RESOURCES] * 3
        assert server.kept() == []
        assert server.unfinished() == []
        assert store(association, "1.2.1", big) == SUCCESS


# ---------------------------------------------------------------- the server is killed


def test_what_was_answered_with_success_survives_a_kill(tmp_path: Path) -> None:
    """Three senders, a SIGKILL at a random moment, ten times over on one archive."""
    moments = random.Random(1)
    answered: set[int] = set()
    for turn in range(ROUNDS):
        first = turn * INSTANCES
        with served(tmp_path / "archive") as server, ThreadPoolExecutor(SENDERS) as pool:
            assert server.unfinished() == []
            timer = Timer(moments.uniform(0, 0.8), server.process.send_signal, [signal.SIGKILL])
            timer.start()
            runs = [range(first + n, first + INSTANCES, SENDERS) for n in range(SENDERS)]
            for done in pool.map(lambda numbers: send(server.port, numbers), runs):
                answered.update(done)
            timer.join()
            assert server.process.wait(10) == -signal.SIGKILL
            check(server, answered)
    assert 0 < len(answered) < ROUNDS * INSTANCES
    with served(tmp_path / "archive") as server:
        assert server.unfinished() == []
        assert echo(server.port) == 0
        check(server, answered)


def check(server: Served, answered: set[int]) -> None:
    """Whatever has a final name is whole, and all that was answered with success has one."""
    kept = server.kept()
    assert all(map(is_whole, kept))
    assert answered <= {int(path.stem.removeprefix("1.2.")) for path in kept}

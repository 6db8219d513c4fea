"""When the server answers, when it stops, and what it tells on stderr meanwhile."""

from __future__ import annotations

import logging
import re
import signal
import time
from typing import TYPE_CHECKING

import pytest

from dcmtools.archive import storage as archive
from dcmtools.errors import AssociationError, DcmtoolsError
from dcmtools.net.association import Association
from tests.support.served import (
    CT,
    HOST,
    ServedProcess,
    ask,
    associated,
    connected,
    data_set,
    echo,
    served,
    serving,
    store,
    store_request,
    wait_until,
)
from tests.support.syscalls import WatchedOs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from dcmtools.net import dimse

PIXELS = bytes(range(256)) * 1000
UID = "1.2.3.4"
FINAL = "P1/1.2.3/1.2.3.1/1.2.3.4.dcm"
SUCCESS, DUPLICATE, OUT_OF_RESOURCES, MISMATCH, CANNOT_UNDERSTAND = 0, 0x0111, 0xA700, 0xA900, 0xC000


# ---------------------------------------------------------------- durability


@pytest.mark.parametrize("durable", [True, False])
def test_the_answer_comes_after_the_instance_is_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, durable: bool
) -> None:
    watched = WatchedOs()
    send = Association.send

    def recorded(self: Association, context: object, command: dimse.Command, *data: object) -> None:
        if "Status" in command:
            watched.calls.append("answer")
        send(self, context, command, *data)  # type: ignore[arg-type]  # as it came

    with serving(tmp_path / "archive", durable=durable) as server, associated(server.port) as association:
        monkeypatch.setattr(archive, "os", watched)
        monkeypatch.setattr(Association, "send", recorded)
        assert store(association, UID, data_set()) == SUCCESS
    calls = [call.split()[0] for call in watched.calls if call.split()[0] not in ("open", "close", "writev")]
    if durable:
        before = ["fdatasync", "mkdir", "fsync", "mkdir", "fsync", "mkdir", "fsync", "link", "fsync"]
    else:
        before = ["mkdir", "mkdir", "mkdir", "link"]
    assert calls == [*before, "unlink", "answer"]


# ---------------------------------------------------------------- stopping within a message


def first_a_signal(server: ServedProcess, *numbers: signal.Signals) -> Iterable[bytes]:
    """The blocks of an instance whose sender sees the server signalled when most of it has gone."""
    data = data_set(pixels=PIXELS)
    yield data[:1000]
    yield data[1000:2000]
    yield data[2000:3000]
    wait_until(lambda: server.unfinished() != [])
    for number in numbers:
        server.process.send_signal(number)
        time.sleep(0.2)
    if len(numbers) > 1:
        server.process.wait(5)
    yield data[3000:]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_instance_in_hand_is_finished_before_the_server_stops(
    tmp_path: Path, number: signal.Signals
) -> None:
    with served(tmp_path / "archive") as server:
        with associated(server.port) as association:
            answer = ask(association, store_request(UID), first_a_signal(server, number))
            assert answer["Status"] == SUCCESS
            with pytest.raises(AssociationError, match="aborted"):
                association.receive(5)
        assert server.process.wait(5) == 0
        assert (server.folder / FINAL).read_bytes().endswith(data_set(pixels=PIXELS))
        assert server.unfinished() == []


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with served(tmp_path / "archive") as server:
        started = time.monotonic()
        with pytest.raises(DcmtoolsError), associated(server.port) as association:
            ask(association, store_request(UID), first_a_signal(server, signal.SIGTERM, signal.SIGTERM))
        assert server.process.returncode == 0
        assert time.monotonic() - started < 3
        assert server.is_empty()
        assert server.log() == ""


def test_while_an_instance_is_finished_nobody_else_is_taken(tmp_path: Path) -> None:
    with served(tmp_path / "archive") as server:

        def blocks() -> Iterator[bytes]:
            yield from first_a_signal(server, signal.SIGTERM)
            with pytest.raises(ConnectionRefusedError), connected(server.port):
                pass

        with associated(server.port) as association:
            assert ask(association, store_request(UID), blocks())["Status"] == SUCCESS
            association.abort()
        assert server.process.wait(5) == 0


# ---------------------------------------------------------------- what the log tells, and to whom


def test_no_patient_data_in_the_log(tmp_path: Path) -> None:
    with served(tmp_path / "archive", "-v") as server:
        with associated(server.port) as association:
            data = data_set(patient="SECRETID", name="Secret^Name")
            other = data_set(patient="SECRETID", name="Secret^Name", pixels=b"other!")
            assert store(association, UID, data) == SUCCESS
            assert store(association, UID, data) == SUCCESS
            assert store(association, UID, other) == DUPLICATE
            (server.folder / "SECRETX").symlink_to(tmp_path)
            assert store(association, "1.9", data_set("1.9", patient="SECRETX")) == OUT_OF_RESOURCES
            broken = data_set("1.8", patient="SECRETY").replace(b"\x20\x00\x0e\x00UI", b"\x20\x00\x0e\x00??")
            assert store(association, "1.8", broken) == CANNOT_UNDERSTAND
        assert server.stop() == 0
        log = server.log()
    lines = log.splitlines()
    whose = f"association=1 peer={HOST} calling=TESTER called=ANY-SCP"
    assert lines[0] == f"dcmtools serve: info: accepted {whose} contexts=1"
    instance = f"{whose} sop_class_uid={CT} sop_instance_uid=1.2.3.4"
    size = (server.folder / "SECRETID/1.2.3/1.2.3.1/1.2.3.4.dcm").stat().st_size
    pattern = f"dcmtools serve: info: stored {instance} status=0000 bytes={size} kept=%s elapsed_ms=[0-9.]+"
    assert re.fullmatch(pattern % "new", lines[1])
    assert re.fullmatch(pattern % "same", lines[2])
    refusals = [re.search("refused .* sop_instance_uid=(.*) status=(....) reason=", line) for line in lines]
    assert [match.groups() for match in refusals if match] == [
        ("1.2.3.4", "0111"),
        ("1.9", "A700"),
        ("1.8", "C000"),
    ]
    end = rf"dcmtools serve: info: released {whose} stored=2 refused=3 bytes={2 * size} seconds=[0-9.]+"
    assert re.fullmatch(end, lines[-1])
    assert "ecret" not in log.lower()


def test_without_verbosity_only_trouble_is_told(tmp_path: Path) -> None:
    with served(tmp_path / "archive") as server:
        assert echo(server.port) == 0
        with associated(server.port) as association:
            assert store(association, UID, data_set()) == SUCCESS
            assert store(association, UID, data_set("1.2")) == MISMATCH
        assert server.stop() == 0
        assert server.log() == (
            f"dcmtools serve: warning: refused association=2 peer={HOST} calling=TESTER called=ANY-SCP"
            f" sop_class_uid={CT} sop_instance_uid=1.2.3.4 status=A900"
            ' reason="data set and request name different instances"\n'
        )


def test_a_bug_in_one_association_ends_that_one_and_says_no_more_than_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> bool:
        raise KeyError("Secret^Name")

    caplog.set_level(logging.INFO)
    monkeypatch.setattr("dcmtools.archive.receiving.read_names", fails)
    with serving(tmp_path / "archive") as server:
        with associated(server.port) as association, pytest.raises(AssociationError):
            store(association, UID, data_set())
        line = f"failed association=1 peer={HOST} internal_error=KeyError"
        wait_until(lambda: line in caplog.messages)
        assert "Secret" not in caplog.text
        assert echo(server.port) == 0
        assert server.is_empty()

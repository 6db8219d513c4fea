"""A server for scripts: it ends when enough has come, or when nothing comes any more, and says which."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from dcmtools.acceptor.admission import ServerOptions
from dcmtools.errors import AssociationError
from dcmtools.net import outbox
from dcmtools.net.peer import NetworkOptions
from dcmtools.net.stop import Stop
from dcmtools.scp.serve import Receiving, serve
from tests.support.run import run
from tests.support.served import (
    DUPLICATE,
    SUCCESS,
    Served,
    ServedProcess,
    associated,
    can_associate,
    connected,
    data_set,
    echo,
    served,
    store,
    wait_until,
)

if TYPE_CHECKING:
    from pathlib import Path

WITHIN = 10.0


def send(server: Served, *numbers: int) -> list[int]:
    with associated(server.port) as association:
        return [store(association, f"1.2.{number}", data_set(f"1.2.{number}")) for number in numbers]


def ended(server: ServedProcess) -> int:
    return server.process.wait(WITHIN)


# ---------------------------------------------------------------- so many instances


def test_it_ends_once_the_count_is_reached_and_the_sender_can_release(tmp_path: Path) -> None:
    with served(tmp_path / "archive", "--count", 3) as server:
        assert send(server, 1, 2, 3) == [SUCCESS] * 3
        assert ended(server) == 0
        assert len(server.kept()) == 3
        assert server.log() == ""


def test_a_sender_of_more_is_not_cut_off(tmp_path: Path) -> None:
    with served(tmp_path / "archive", "--count", 2) as server:
        with associated(server.port) as association:
            for number in range(10):
                assert store(association, f"1.2.{number}", data_set(f"1.2.{number}")) == SUCCESS
            wait_until(lambda: not can_associate(server.port))
        assert ended(server) == 0
        assert len(server.kept()) == 10


def test_a_sender_with_nothing_more_to_say_does_not_keep_it(tmp_path: Path) -> None:
    with served(tmp_path / "archive", "--count", 1) as server, associated(server.port) as association:
        assert store(association, "1.2.1", data_set("1.2.1")) == SUCCESS
        with pytest.raises(AssociationError, match="aborted"):
            association.receive(WITHIN)
        assert ended(server) == 0


def test_what_was_there_and_what_was_refused_does_not_count(tmp_path: Path) -> None:
    with served(tmp_path / "archive", "--count", 2) as server:
        assert send(server, 1, 1) == [SUCCESS] * 2
        with associated(server.port) as association:
            assert store(association, "1.2.1", data_set("1.2.1", pixels=b"other!")) == DUPLICATE
        assert echo(server.port) == SUCCESS
        assert send(server, 2) == [SUCCESS]
        assert ended(server) == 0


def test_eight_senders_at_once_reach_it_together(tmp_path: Path) -> None:
    with served(tmp_path / "archive", "--count", 40, "--fsync", "off") as server:
        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(lambda n: send(server, *range(5 * n, 5 * n + 5)), range(8)))
        assert statuses == [[SUCCESS] * 5] * 8
        assert ended(server) == 0
        assert len(server.kept()) == 40


def test_told_to_end_before_it_is_status_1(tmp_path: Path) -> None:
    with served(tmp_path / "archive", "--count", 3) as server:
        assert send(server, 1) == [SUCCESS]
        assert server.stop() == 1
        assert server.log().startswith("dcmtools serve: --count: 1 of 3 instances were kept\n")


# ---------------------------------------------------------------- nothing any more


def test_it_ends_when_nobody_comes(tmp_path: Path) -> None:
    started = time.monotonic()
    result = run("serve", tmp_path / "archive", "--port", 0, "--idle-exit", 0.3)
    assert result.status == 0
    assert 0.3 <= time.monotonic() - started < WITHIN


def test_an_open_association_keeps_it_and_a_bare_connection_does_not(tmp_path: Path) -> None:
    with served(tmp_path / "archive", "--idle-exit", 0.5) as server, connected(server.port):
        with associated(server.port) as association:
            time.sleep(1)
            assert can_associate(server.port)
            assert store(association, "1.2.1", data_set("1.2.1")) == SUCCESS
        started = time.monotonic()
        assert ended(server) == 0
        assert time.monotonic() - started >= 0.4


def test_idle_before_the_count_is_status_1(tmp_path: Path) -> None:
    result = run("serve", tmp_path / "archive", "--port", 0, "--idle-exit", 0.1, "--count", 2)
    assert result.status == 1
    assert result.stderr == "dcmtools serve: --count: 0 of 2 instances were kept\n"


# ---------------------------------------------------------------- the records


def test_a_record_for_each_instance_as_it_comes(tmp_path: Path) -> None:
    with served(tmp_path / "archive", "--format", "json", "--count", 3, "--on-duplicate", "keep") as server:

        def records() -> list[dict[str, object]]:
            return [json.loads(line) for line in server.output.read_text().splitlines()]

        with associated(server.port, calling="CT1", called="ARCHIVE") as association:
            assert store(association, "1.2.1", data_set("1.2.1")) == SUCCESS
            wait_until(lambda: len(records()) == 2)
            assert store(association, "1.2.1", data_set("1.2.1")) == SUCCESS
            assert store(association, "1.2.1", data_set("1.2.1", pixels=b"other!")) == SUCCESS
            assert store(association, "1.2.9", data_set("1.2.1")) == 0xA900
            assert store(association, "1.2.2", data_set("1.2.2")) == SUCCESS
        assert ended(server) == 0
        first, *stored = records()
        assert first["port"] == server.port
        folder = f"{server.folder}/P1/1.2.3/1.2.3.1"
        assert [(record["file"], record["kept"]) for record in stored] == [
            (f"{folder}/1.2.1.dcm", "new"),
            (f"{folder}/1.2.1.dcm", "same"),
            (f"{folder}/1.2.1-2.dcm", "beside"),
            (f"{folder}/1.2.2.dcm", "new"),
        ]
        elapsed = stored[0].pop("elapsed_ms")
        assert isinstance(elapsed, float)
        assert stored[0] == {
            "file": f"{folder}/1.2.1.dcm",
            "sop_class_uid": "1.2.840.10008.5.1.4.1.1.2",
            "sop_instance_uid": "1.2.1",
            "study_instance_uid": "1.2.3",
            "series_instance_uid": "1.2.3.1",
            "transfer_syntax_uid": "1.2.840.10008.1.2.1",
            "bytes": (server.folder / "P1/1.2.3/1.2.3.1/1.2.1.dcm").stat().st_size,
            "kept": "new",
            "status": "0000",
            "association": 1,
            "peer": "127.0.0.1",
            "calling_aet": "CT1",
            "called_aet": "ARCHIVE",
            "outcome": "done",
        }


def test_who_reads_the_records_slowly_keeps_nobody_from_an_association(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_MOST", 3)
    go_on = Event()
    stop = Stop()
    options = ServerOptions(port=0, network=NetworkOptions(stop=stop))
    results = serve(str(tmp_path / "archive"), options, Receiving(durable=False, count=20), records=True)
    port = next(results).record["port"]
    assert isinstance(port, int)
    records = []

    def read() -> None:
        for result in results:
            go_on.wait(WITHIN)
            records.append(result.record["sop_instance_uid"])

    reader = Thread(target=read)
    reader.start()
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(send, Served(port, tmp_path / "archive"), *range(20))
        wait_until(lambda: len(Served(port, tmp_path / "archive").kept()) >= 4)
        assert echo(port) == SUCCESS
        assert not sent.done()
        go_on.set()
        assert sent.result(WITHIN) == [SUCCESS] * 20
    reader.join(WITHIN)
    stop.close()
    assert records == [f"1.2.{number}" for number in range(20)]


def test_who_wants_no_more_results_ends_it(tmp_path: Path) -> None:
    stop = Stop()
    options = ServerOptions(port=0, network=NetworkOptions(stop=stop))
    before = threading.active_count()
    results = serve(str(tmp_path / "archive"), options, Receiving(durable=False), records=True)
    port = next(results).record["port"]
    assert isinstance(port, int)
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(send, Served(port, tmp_path / "archive"), 1)
        assert next(results).record["sop_instance_uid"] == "1.2.1"
        assert sent.result(WITHIN) == [SUCCESS]
    results.close()  # type: ignore[attr-defined]  # it is a generator
    assert threading.active_count() == before
    assert stop.count
    stop.close()

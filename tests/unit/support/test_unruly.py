"""The misbehaving server, as DCMTK's storescu sees it: an independent judge of what goes over the wire."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tests.support import samples, unruly
from tests.support.peers import HOST, dcmtk, requires_dcmtk
from tests.support.unruly import Moment, Script, Unruly, answers, serves

if TYPE_CHECKING:
    from pathlib import Path

FILES = 3
DONE, FAILED, OUT_OF_RESOURCES = {0}, {1}, {167}
LOST = set(range(256))  # storescu 3.6.7 then exits with whatever was in its memory: its words must do

VERDICTS: list[tuple[str, Script, set[int], int, str]] = [
    # what it does, the script, storescu's exit status, complete requests received, words of storescu
    ("obedient", serves(), DONE, 3, "(Success)"),
    ("A700 at 2", serves(answers(0xA700), 2), OUT_OF_RESOURCES, 2, "OutOfResources"),
    ("B000 at all", serves(answers(0xB000), None), DONE, 3, "CoercionOfDataElements"),
    ("resets", unruly.resets, LOST, 0, "Failed"),
    ("garbage", unruly.garbage(), FAILED, 0, "Unrecognized PDU type: ff"),
    ("rejects", unruly.rejects(), FAILED, 0, "Called AE Title Not Recognized"),
    ("rejects for now", unruly.rejects(2, 3, 2), FAILED, 0, "Local Limit Exceeded"),
    ("aborts", unruly.aborts(), LOST, 0, "Store Failed"),
    ("aborts at once", unruly.aborts(accept=False), FAILED, 0, "Peer aborted Association"),
    ("accepts nothing", unruly.accepts_nothing, FAILED, 0, "No Acceptable Presentation Contexts"),
    ("accepts at length", unruly.accepts_at_length, FAILED, 0, "PDU too large"),
    ("abort before", serves(unruly.aborts_request(Moment.BEFORE), 2), LOST, 1, "Store Failed"),
    ("abort within", serves(unruly.aborts_request(Moment.WITHIN), 2), LOST, 1, "Store Failed"),
    ("abort after", serves(unruly.aborts_request(), 2), LOST, 2, "Store Failed"),
    ("reset before", serves(unruly.resets_request(Moment.BEFORE), 2), LOST, 1, "Store Failed"),
    ("reset within", serves(unruly.resets_request(Moment.WITHIN), 2), LOST, 1, "Store Failed"),
    ("reset after", serves(unruly.resets_request(), 2), LOST, 2, "Store Failed"),
    ("declares 1 GiB", serves(unruly.declares_a_gibibyte(), 2), FAILED, 2, "Illegal PDU Length 1073741824"),
    ("drips", serves(unruly.drips(), None), DONE, 3, ""),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return samples.make_ct(tmp_path_factory.mktemp("ct"), FILES, 100 * 1024)


@requires_dcmtk
@pytest.mark.parametrize(
    ("script", "statuses", "complete", "words"), [v[1:] for v in VERDICTS], ids=[v[0] for v in VERDICTS]
)
def test_storescu_sees_what_was_meant(
    files: list[Path], script: Script, statuses: set[int], complete: int, words: str
) -> None:
    with Unruly(script) as server:
        result = dcmtk("storescu", "-v", HOST, server.port, *files)
    assert result.returncode in statuses
    assert server.uids == [samples.sop_instance_uid(n + 1) for n in range(complete)]
    assert words in result.stdout + result.stderr


@requires_dcmtk
@pytest.mark.parametrize(
    "script", [unruly.silent, serves(unruly.never_answers())], ids=["silent", "never answers"]
)
def test_storescu_gives_up_waiting(files: list[Path], script: Script) -> None:
    with Unruly(script) as server:
        result = dcmtk("storescu", "-ta", 1, "-td", 1, HOST, server.port, files[0])
    assert result.returncode in FAILED
    assert "timeout" in result.stderr


@requires_dcmtk
def test_what_arrived_is_kept(files: list[Path]) -> None:
    with Unruly(serves()) as server:
        dcmtk("storescu", "-aet", "SENDER", HOST, server.port, files[0])
    [stored], [proposal] = server.stores, server.proposals
    assert stored.data == samples.dataset_bytes(files[0])
    assert proposal.calling_ae_title == "SENDER"
    assert not server.aborted


@requires_dcmtk
def test_faults_are_counted_over_all_associations(files: list[Path]) -> None:
    with Unruly(serves(answers(0xA700), at=2)) as server:
        results = [dcmtk("storescu", HOST, server.port, path).returncode for path in files]
    assert results == [0, *OUT_OF_RESOURCES, 0]


@requires_dcmtk
def test_an_echo_is_answered_too() -> None:
    with Unruly(serves()) as server:
        assert dcmtk("echoscu", HOST, server.port).returncode == 0


def test_a_server_that_stops_reading_fills_the_senders_socket() -> None:
    with (
        Unruly(lambda association: association.hold()) as server,
        socket.create_connection((HOST, server.port)) as client,
    ):
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.sendall(bytes(64 << 20))


def test_leaving_ends_every_thread_whatever_it_waits_for() -> None:
    before = threading.active_count()
    with Unruly(unruly.silent) as reading, Unruly(lambda association: association.hold()) as holding:
        clients = [socket.create_connection((HOST, server.port)) for server in (reading, holding)]
    assert threading.active_count() == before
    for client in clients:
        client.close()


def test_nothing_listens_on_a_closed_port() -> None:
    with unruly.closed_port() as port, socket.socket() as client, pytest.raises(ConnectionRefusedError):
        client.connect((HOST, port))

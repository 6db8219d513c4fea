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
NOT_CONNECTED, FAILED, OUT_OF_RESOURCES, ABORTED = 1, 1, 167, 10

VERDICTS: list[tuple[str, Script, int, int, str]] = [
    # what it does, the script, storescu's exit status, complete requests received, words of storescu
    ("obedient", serves(), 0, 3, ""),
    ("A700 at 2", serves(answers(0xA700), 2), OUT_OF_RESOURCES, 2, "0xa700"),
    ("B000 at all", serves(answers(0xB000), None), 0, 3, ""),
    ("resets", unruly.resets, NOT_CONNECTED, 0, "Peer aborted Association (or never connected)"),
    ("garbage", unruly.garbage(), NOT_CONNECTED, 0, "Unrecognized PDU type: ff"),
    ("rejects", unruly.rejects(), NOT_CONNECTED, 0, "Called AE Title Not Recognized"),
    ("rejects for now", unruly.rejects(2, 3, 2), NOT_CONNECTED, 0, "Local Limit Exceeded"),
    ("aborts", unruly.aborts(), ABORTED, 0, "Peer aborted Association"),
    ("aborts at once", unruly.aborts(accept=False), NOT_CONNECTED, 0, "Peer aborted Association"),
    ("accepts nothing", unruly.accepts_nothing, NOT_CONNECTED, 0, "No Acceptable Presentation Contexts"),
    ("accepts at length", unruly.accepts_at_length, NOT_CONNECTED, 0, "PDU too large"),
    ("abort before", serves(unruly.aborts_request(Moment.BEFORE), 2), ABORTED, 1, "Peer aborted"),
    ("abort within", serves(unruly.aborts_request(Moment.WITHIN), 2), ABORTED, 1, "Peer aborted"),
    ("abort after", serves(unruly.aborts_request(), 2), ABORTED, 2, "Peer aborted"),
    ("reset before", serves(unruly.resets_request(Moment.BEFORE), 2), ABORTED, 1, "Peer aborted"),
    ("reset within", serves(unruly.resets_request(Moment.WITHIN), 2), ABORTED, 1, "Peer aborted"),
    ("reset after", serves(unruly.resets_request(), 2), ABORTED, 2, "Peer aborted"),
    ("declares 1 GiB", serves(unruly.declares_a_gibibyte(), 2), FAILED, 2, "Illegal PDU Length 1073741824"),
    ("drips", serves(unruly.drips(), None), 0, 3, ""),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return samples.make_ct(tmp_path_factory.mktemp("ct"), FILES, 100 * 1024)


@requires_dcmtk
@pytest.mark.parametrize(
    ("script", "status", "complete", "words"), [v[1:] for v in VERDICTS], ids=[v[0] for v in VERDICTS]
)
def test_storescu_sees_what_was_meant(
    files: list[Path], script: Script, status: int, complete: int, words: str
) -> None:
    with Unruly(script) as server:
        result = dcmtk("storescu", HOST, server.port, *files)
    assert (result.returncode, server.uids) == (
        status,
        [samples.sop_instance_uid(n + 1) for n in range(complete)],
    )
    assert words in result.stdout + result.stderr


@requires_dcmtk
@pytest.mark.parametrize(
    "script", [unruly.silent, serves(unruly.never_answers())], ids=["silent", "never answers"]
)
def test_storescu_gives_up_waiting(files: list[Path], script: Script) -> None:
    with Unruly(script) as server:
        result = dcmtk("storescu", "-ta", 1, "-td", 1, HOST, server.port, files[0])
    assert result.returncode == NOT_CONNECTED
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
    assert results == [0, OUT_OF_RESOURCES, 0]


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

"""PDUs over TCP: lengths that are announced, bytes that do not come, deadlines (PS3.8 9.1 and 9.3.1)."""

from __future__ import annotations

import select
import struct
import threading
import time
import tracemalloc
from functools import partial
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import AssociationError, Interrupted
from dcmtools.net.stop import Stop
from dcmtools.net.transport import MAX_ASSOCIATION_PDU, Transport
from tests.support.tcp import connection, reset, split

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

MAX_PDU = 16384
ASSOCIATE_AC, P_DATA, RELEASE_RQ, ABORT = 2, 4, 5, 7
GIBIBYTE = 1 << 30


@pytest.fixture
def ends() -> Iterator[tuple[Transport, socket.socket]]:
    with connection() as (ours, theirs):
        stop = Stop()
        yield Transport(ours, stop, MAX_PDU), theirs
        stop.close()


def pdu(kind: int, body: bytes) -> bytes:
    return struct.pack(">BxI", kind, len(body)) + body


def test_a_pdu_may_be_split_anywhere(ends: tuple[Transport, socket.socket]) -> None:
    transport, peer = ends
    for cut in range(1, 26):
        whole = pdu(P_DATA, bytes(range(cut, cut + 20)))
        peer.sendall(whole[:cut])
        with pytest.raises(AssociationError, match="no answer"):
            transport.read_pdu(0.001)
        peer.sendall(whole[cut:])
        kind, body = transport.read_pdu(5)
        assert (kind, bytes(body)) == (P_DATA, whole[6:])


def test_many_pdus_in_one_segment(ends: tuple[Transport, socket.socket]) -> None:
    transport, peer = ends
    sent = [pdu(1 + number % 7, bytes([number]) * number) for number in range(200)]
    peer.sendall(b"".join(sent))
    for each in sent:
        kind, body = transport.read_pdu(5)
        assert pdu(kind, bytes(body)) == each


@pytest.mark.parametrize("size", [0, 1, 8185, 8186, 8187, 16383, 16384])
def test_sizes_around_those_of_the_buffer(ends: tuple[Transport, socket.socket], size: int) -> None:
    transport, peer = ends
    for fill in (b"a", b"b", b"c"):
        peer.sendall(pdu(P_DATA, fill * size))
        assert transport.read_pdu(5)[1] == fill * size


def test_the_whole_pdu_has_one_deadline(ends: tuple[Transport, socket.socket]) -> None:
    """A peer that sends a byte now and then does not gain time with each."""
    transport, peer = ends
    over = threading.Event()

    def drip() -> None:
        for byte in pdu(P_DATA, bytes(1000)):
            peer.sendall(bytes([byte]))
            if over.wait(0.01):
                return

    thread = threading.Thread(target=drip)
    thread.start()
    begun = time.monotonic()
    try:
        with pytest.raises(AssociationError, match="no answer from the peer in time"):
            transport.read_pdu(0.2)
        assert 0.2 <= time.monotonic() - begun < 1
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize(
    ("kind", "limit"), [(P_DATA, MAX_PDU), (ASSOCIATE_AC, MAX_ASSOCIATION_PDU), (ABORT, MAX_ASSOCIATION_PDU)]
)
@pytest.mark.parametrize("excess", [1, GIBIBYTE])
def test_more_than_allowed_is_refused_by_its_header_alone(
    ends: tuple[Transport, socket.socket], kind: int, limit: int, excess: int
) -> None:
    """PS3.8 D.1: no P-DATA-TF over the maximum length that was announced; the others have a cap."""
    transport, peer = ends
    peer.sendall(struct.pack(">BxI", kind, limit + excess))
    with pytest.raises(AssociationError, match=f"{limit + excess} bytes where at most {limit} are") as caught:
        transport.read_pdu(5)
    assert not caught.value.transient


@pytest.mark.parametrize(("kind", "length"), [(P_DATA, MAX_PDU), (ASSOCIATE_AC, MAX_ASSOCIATION_PDU)])
def test_memory_grows_with_what_came_not_with_what_was_announced(
    ends: tuple[Transport, socket.socket], kind: int, length: int
) -> None:
    transport, peer = ends
    peer.sendall(struct.pack(">BxI", kind, length) + bytes(6000))
    tracemalloc.start()
    try:
        with pytest.raises(AssociationError, match="in time"):
            transport.read_pdu(0.01)
        assert tracemalloc.get_traced_memory()[1] < 16 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("came", [8192, 9000, 20_000, 40_000])
def test_the_buffer_is_never_larger_than_twice_what_came(
    ends: tuple[Transport, socket.socket], came: int
) -> None:
    transport, peer = ends
    peer.sendall(struct.pack(">BxI", ASSOCIATE_AC, MAX_ASSOCIATION_PDU) + bytes(came))
    with pytest.raises(AssociationError, match="in time"):
        transport.read_pdu(0.05)
    assert came < len(transport._buffer) <= 2 * (6 + came)


@pytest.mark.parametrize("length", [8187, 20_000, 200_000])
def test_the_buffer_is_never_larger_than_the_pdu_that_is_awaited(
    ends: tuple[Transport, socket.socket], length: int
) -> None:
    """Whatever comes behind it; and a second one of that size needs no more."""
    transport, peer = ends
    writer = threading.Thread(target=peer.sendall, args=[3 * pdu(ASSOCIATE_AC, bytes(length))])
    writer.start()
    for _ in range(3):
        assert transport.read_pdu(5)[1] == bytes(length)
        assert len(transport._buffer) == 6 + length
    writer.join()


def test_limits_can_be_set_anew(ends: tuple[Transport, socket.socket]) -> None:
    transport, peer = ends
    transport.max_association_pdu, transport.max_pdu = 10, 20_000
    peer.sendall(pdu(P_DATA, bytes(20_000)) + pdu(ASSOCIATE_AC, bytes(11)))
    assert transport.read_pdu(5)[1] == bytes(20_000)
    with pytest.raises(AssociationError, match="11 bytes where at most 10 are"):
        transport.read_pdu(5)


def test_an_association_pdu_of_the_largest_size_arrives(ends: tuple[Transport, socket.socket]) -> None:
    transport, peer = ends
    body = bytes(range(256)) * (MAX_ASSOCIATION_PDU // 256)
    writer = threading.Thread(target=peer.sendall, args=[pdu(ASSOCIATE_AC, body)])
    writer.start()
    assert transport.read_pdu(5)[1] == body
    writer.join()


@pytest.mark.parametrize("start", [b"\x15\3\3", b"\x16\3\1"])
def test_a_peer_that_speaks_tls_on_a_plain_connection(
    ends: tuple[Transport, socket.socket], start: bytes
) -> None:
    """RFC 8446 5.1: an alert and a handshake begin so."""
    transport, peer = ends
    peer.sendall(start.ljust(6, b"\0"))
    with pytest.raises(AssociationError, match="the peer speaks TLS") as caught:
        transport.read_pdu(5)
    assert "--tls" in caught.value.hint


@pytest.mark.parametrize("start", [b"\0", b"\x08", b"\xff", b"HTTP/1.1 400 Bad Request", b"SSH-2.0-"])
def test_what_is_no_pdu(ends: tuple[Transport, socket.socket], start: bytes) -> None:
    """PS3.8 9.3.1 has the types 01H to 07H."""
    transport, peer = ends
    peer.sendall(start.ljust(6, b"\0"))
    with pytest.raises(AssociationError, match=f"type {start[0]:02X}H, which there is not") as caught:
        transport.read_pdu(5)
    assert "another service than DICOM" in caught.value.hint


def test_the_peer_closes(ends: tuple[Transport, socket.socket]) -> None:
    transport, peer = ends
    peer.sendall(pdu(P_DATA, b"12") + b"\4\0\0")
    peer.close()
    assert bytes(transport.read_pdu(5)[1]) == b"12"
    transport.step = "receive"
    with pytest.raises(AssociationError, match="receive: the peer closed the connection") as caught:
        transport.read_pdu(5)
    assert caught.value.transient


def test_the_peer_resets(ends: tuple[Transport, socket.socket]) -> None:
    transport, peer = ends
    reset(peer)
    with pytest.raises(AssociationError, match="broke \\(Connection reset by peer\\)"):
        transport.read_pdu(5)
    with pytest.raises(AssociationError, match="the connection broke"):
        transport.send([bytes(10)], 5)


# ---------------------------------------------------------------- has_input


def test_input_that_is_there_and_input_that_comes(ends: tuple[Transport, socket.socket]) -> None:
    transport, peer = ends
    assert not transport.has_input()
    timer = threading.Timer(0.05, peer.sendall, [pdu(P_DATA, b"12") + b"\4"])
    timer.start()
    begun = time.monotonic()
    assert transport.has_input(5)
    assert time.monotonic() - begun < 2
    timer.join()
    assert transport.has_input()
    assert bytes(transport.read_pdu(5)[1]) == b"12"
    assert transport.has_input(), "a PDU has begun to come"
    peer.sendall(pdu(P_DATA, b"34")[1:])
    assert bytes(transport.read_pdu(5)[1]) == b"34"


def test_input_that_does_not_come_is_no_failure(ends: tuple[Transport, socket.socket]) -> None:
    transport, peer = ends
    begun = time.monotonic()
    assert not transport.has_input(0.1)
    assert 0.1 <= time.monotonic() - begun < 1
    peer.sendall(pdu(P_DATA, b"12"))
    assert bytes(transport.read_pdu(5)[1]) == b"12"


@pytest.mark.parametrize("timeout", [0, 5])
def test_the_end_of_the_connection_is_no_input(ends: tuple[Transport, socket.socket], timeout: float) -> None:
    transport, peer = ends
    peer.close()
    assert select.select([transport._sock], [], [], 5)[0]
    with pytest.raises(AssociationError, match="closed the connection"):
        transport.has_input(timeout)


def test_the_wish_to_stop_ends_the_wait_for_input(ends: tuple[Transport, socket.socket]) -> None:
    transport, _peer = ends
    transport._stop.request()
    with pytest.raises(Interrupted):
        transport.has_input(5)
    assert not transport.has_input(), "what is there can be asked for at any time"


def test_a_transport_says_whether_it_was_closed(ends: tuple[Transport, socket.socket]) -> None:
    transport, _peer = ends
    assert transport.open
    transport.close()
    assert not transport.open


def test_what_is_sent_arrives_whole_and_in_order(ends: tuple[Transport, socket.socket]) -> None:
    """More pieces than one system call takes, more bytes than the socket does, empty ones among them."""
    transport, peer = ends
    pieces = [bytes([number & 0xFF]) * (number % 1000) for number in range(5000)]
    wanted = b"".join(pieces)
    got = bytearray()

    def read() -> None:
        while len(got) < len(wanted):
            got.extend(peer.recv(4096))

    reader = threading.Thread(target=read)
    reader.start()
    transport.send(pieces, 5)
    reader.join()
    assert got == wanted


def test_a_peer_that_stops_reading(ends: tuple[Transport, socket.socket]) -> None:
    """The deadline holds for writing too; and an A-ABORT must not become the rest of a torn PDU."""
    transport, peer = ends
    begun = time.monotonic()
    with pytest.raises(AssociationError, match="no reading from the peer in time") as caught:
        transport.send([pdu(P_DATA, bytes(32 * 1024 * 1024))], 0.2)
    assert 0.2 <= time.monotonic() - begun < 2
    assert caught.value.transient
    received = bytearray()
    while not select.select([], [transport._sock], [], 0)[1]:  # until there is room for more
        received += peer.recv(1 << 20)
    with pytest.raises(AssociationError, match="a message was cut short on its way out"):
        transport.send([pdu(RELEASE_RQ, bytes(4))], 1)
    transport.send_last(pdu(ABORT, b"\1\2\3\4"))
    transport.close()
    while piece := peer.recv(1 << 20):
        received += piece
    assert received.endswith(bytes(1000))


def test_the_last_word_is_sent(ends: tuple[Transport, socket.socket]) -> None:
    transport, peer = ends
    transport.send([pdu(P_DATA, b"12")], 1)
    transport.send_last(pdu(ABORT, bytes(4)))
    transport.close()
    assert [kind for kind, _ in split(peer.recv(1000) + peer.recv(1000))] == [P_DATA, ABORT]
    transport.send_last(b"and on a closed socket it is no error")


@pytest.mark.parametrize("reading", [True, False])
@pytest.mark.parametrize("patient", [True, False])
def test_the_wish_to_stop_ends_a_wait(
    ends: tuple[Transport, socket.socket], *, reading: bool, patient: bool
) -> None:
    """The first one where nothing is in hand, the second in any case."""
    transport, _peer = ends
    transport.patient = patient
    stop = transport._stop
    wishes = 2 if patient else 1
    timers = [threading.Timer(0.05 + 0.1 * number, stop.request) for number in range(wishes)]
    for timer in timers:
        timer.start()
    begun = time.monotonic()
    wait = partial(transport.read_pdu, 8) if reading else partial(transport.send, [bytes(1 << 25)], 8)
    with pytest.raises(Interrupted):
        wait()
    assert stop.count == wishes
    assert time.monotonic() - begun < 2
    for timer in timers:
        timer.join()


def test_nothing_new_is_sent_after_the_wish_to_stop(ends: tuple[Transport, socket.socket]) -> None:
    transport, peer = ends
    transport._stop.request()
    with pytest.raises(Interrupted):
        transport.send([b"data"], 5)
    transport.patient = True
    transport.send([b"patient"], 5)
    assert peer.recv(100) == b"patient"

"""How an association ends: released, by either side or both, or not (PS3.8 7.2 and 9.2)."""

from __future__ import annotations

import struct
import threading
import time
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import AssociationError, Interrupted
from tests.support.opened import (
    A_RELEASE_RP,
    A_RELEASE_RQ,
    ABORT,
    DATA,
    RELEASE_RP,
    RELEASE_RQ,
    Ends,
    command_pdu,
    outlast,
)
from tests.support.tcp import data_pdu, pdus, split

if TYPE_CHECKING:
    import socket


def test_message_ids_begin_again_after_65535(ends: Ends) -> None:
    """PS3.7 9.3: a US, and 0 is left out."""
    numbers = [ends.association.next_message_id() for _ in range(65537)]
    assert numbers == [*range(1, 65536), 1, 2]


def answering(peer: socket.socket, *answers: bytes) -> threading.Thread:
    """Read an A-RELEASE-RQ, then send."""

    def run() -> None:
        data = b""
        while len(data) < 10:
            data += peer.recv(10)
        peer.sendall(b"".join(answers))

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_release(ends: Ends) -> None:
    """PS3.8 7.2, and what the peer had sent before it read the request is passed over."""
    thread = answering(ends.peer, command_pdu(), data_pdu((3, DATA, b"ab")), A_RELEASE_RP)
    ends.association.release()
    thread.join()
    assert not ends.association.open
    assert ends.peer.recv(10) == b""
    ends.association.release()
    ends.association.abort()


def test_both_release_at_once(ends: Ends) -> None:
    """PS3.8 9.2 state 7, release collision: the requestor answers, then waits for its own answer."""
    ends.peer.sendall(A_RELEASE_RQ)
    received: list[bytes] = []

    def run() -> None:
        for _ in range(2):
            received.append(ends.peer.recv(10))
        ends.peer.sendall(A_RELEASE_RP)

    thread = threading.Thread(target=run)
    thread.start()
    ends.association.release()
    thread.join()
    assert [each.kind for each in split(b"".join(received))] == [RELEASE_RQ, RELEASE_RP]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            struct.pack(">BxI4B", ABORT, 4, 0, 0, 2, 0),
            "release: the peer aborted the association: reason not",
        ),
        (struct.pack(">BxI4x", 3, 4), "release: the peer sent another PDU than an answer"),
        (struct.pack(">BxI", RELEASE_RP, 0), "release: the peer sent a PDU that is broken"),
        (b"\xff" * 6, "release: the peer sent a PDU of type FFH"),
    ],
)
def test_a_release_that_fails(ends: Ends, answer: bytes, words: str) -> None:
    thread = answering(ends.peer, answer)
    with pytest.raises(AssociationError, match=words):
        ends.association.release()
    thread.join()
    assert not ends.association.open


def test_a_release_that_is_not_answered(ends: Ends) -> None:
    begun = time.monotonic()
    with pytest.raises(AssociationError, match="release: no answer from the peer in time"):
        ends.association.release()
    assert 0.3 <= time.monotonic() - begun < 1
    assert [kind for kind, _ in pdus(ends.peer)] == [RELEASE_RQ, ABORT]


@pytest.mark.parametrize("data", [data_pdu((3, DATA, b"ab")), A_RELEASE_RQ])
def test_a_release_drowned_in_data(ends: Ends, data: bytes) -> None:
    outlast(ends, data, ends.association.release)


def test_the_end_of_a_block_releases(ends: Ends) -> None:
    thread = answering(ends.peer, A_RELEASE_RP)
    with ends.association:
        pass
    thread.join()
    assert not ends.association.open


def test_a_block_that_fails_aborts(ends: Ends) -> None:
    with pytest.raises(LookupError), ends.association:
        raise LookupError
    assert [kind for kind, _ in pdus(ends.peer)] == [ABORT]


def test_a_release_that_fails_at_the_end_of_a_block_is_a_warning(
    ends: Ends, caplog: pytest.LogCaptureFixture
) -> None:
    """What the association was for is done by then."""
    with ends.association:
        pass
    assert caplog.messages == ["PEER: release: no answer from the peer in time"]


def test_after_the_first_wish_to_stop_the_association_is_still_released(ends: Ends) -> None:
    thread = answering(ends.peer, A_RELEASE_RP)
    ends.stop.request()
    ends.association.release()
    thread.join()


def test_the_second_wish_to_stop_ends_the_release(ends: Ends) -> None:
    ends.stop.request()
    ends.stop.request()
    with pytest.raises(Interrupted):
        ends.association.release()
    assert not ends.association.open
    assert [kind for kind, _ in pdus(ends.peer)] == [ABORT]

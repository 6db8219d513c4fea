"""Messages that nobody waits for yet, or no longer: events, cancels, a user who stops (PS3.7 10.1.1)."""

from __future__ import annotations

import struct
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import AssociationError, Interrupted
from dcmtools.net import command_set, dimse
from tests.support.opened import (
    A_RELEASE_RP,
    A_RELEASE_RQ,
    ABORT,
    COMMAND,
    DATA,
    ECHO,
    LAST,
    RELEASE_RQ,
    RESPONSE,
    STORE,
    Ends,
    command_pdu,
)
from tests.support.tcp import data_pdu, pdus, reset

if TYPE_CHECKING:
    from collections.abc import Iterator

CANCEL = dimse.cancel(7)
EVENT = dimse.request(
    dimse.CommandField.N_EVENT_REPORT_RQ,
    3,
    data_set=True,
    AffectedSOPClassUID="1.2",
    AffectedSOPInstanceUID="1.3",
    EventTypeID=1,
)
RAW = command_set.encode(RESPONSE)
AN_ABORT = struct.pack(">BxI4B", ABORT, 4, 0, 0, 0, 0)


@contextmanager
def later(work: object, *args: object, after: float = 0.05) -> Iterator[None]:
    """Do something while the block waits."""
    assert callable(work)
    timer = threading.Timer(after, work, args)
    timer.start()
    yield
    timer.join()


# ---------------------------------------------------------------- has_message


def test_a_message_that_came_with_the_one_in_hand(ends: Ends) -> None:
    """PS3.8 9.3.5.1: a P-DATA-TF may end one message and hold the next; neither is lost by asking."""
    ends.peer.sendall(
        data_pdu(
            (3, COMMAND | LAST, command_set.encode(STORE)),
            (3, LAST, b"ab"),
            (3, COMMAND | LAST, command_set.encode(CANCEL)),
        )
    )
    assert ends.association.receive()
    assert ends.association.read_data(10) == b"ab"
    ends.peer.sendall(command_pdu())
    assert ends.association.has_message(5)
    assert ends.association.has_message()
    first, second = ends.association.receive(), ends.association.receive()
    assert first
    assert second
    assert (first.command, second.command) == (CANCEL, RESPONSE)
    assert not ends.association.has_message()


def test_the_message_in_hand_is_none(ends: Ends) -> None:
    """What is left of its data set is passed over, and while that has not come, nothing else has."""
    store = (3, COMMAND | LAST, command_set.encode(STORE))
    ends.peer.sendall(data_pdu(store, (3, DATA, b"ab"), (3, DATA, b"cd")))
    assert ends.association.receive()
    assert not ends.association.has_message(0.05)
    ends.peer.sendall(data_pdu((3, LAST, b"ef"), (1, COMMAND | LAST, RAW)))
    assert ends.association.has_message(5)
    assert list(ends.association.data()) == []
    assert ends.association.response_to(ECHO).command == RESPONSE


def test_half_a_pdu_is_not_waited_for(ends: Ends) -> None:
    """Of a data set that is passed over, nor where only the end of the association is looked for."""
    ends.peer.sendall(data_pdu((3, COMMAND | LAST, command_set.encode(STORE))))
    assert ends.association.receive()
    rest = data_pdu((3, LAST, bytes(100)))
    ends.peer.sendall(rest[:30])
    begun = time.monotonic()
    assert not ends.association.has_message()
    assert not ends.association.has_message(0.05)
    ends.association.check_open()
    assert time.monotonic() - begun < 0.2
    ends.peer.sendall(rest[30:])
    assert not ends.association.has_message(0.05)
    ends.peer.sendall(A_RELEASE_RQ[:5])
    assert ends.association.has_message(5), "an end has begun to come"
    ends.association.check_open()
    ends.peer.sendall(A_RELEASE_RQ[5:])
    with pytest.raises(AssociationError, match="released"):
        _check_until(ends, time.monotonic() + 5)


def test_a_large_pdu_is_seen_without_any_wait(ends: Ends) -> None:
    ends.peer.sendall(data_pdu((3, COMMAND | LAST, command_set.encode(STORE)), (3, LAST, bytes(16000))))
    transport = ends.association.transport
    assert transport.has_pdu(5)
    assert transport.has_pdu()
    message = ends.association.receive(0)
    assert message
    assert ends.association.read_data(16000) == bytes(16000)


def _check_until(ends: Ends, deadline: float) -> None:
    while time.monotonic() < deadline:
        ends.association.check_open()


def test_waiting_for_an_event_and_then_releasing(ends: Ends) -> None:
    """That nothing comes within the wait is no failure, and the association is as it was."""
    begun = time.monotonic()
    assert not ends.association.has_message(0.1)
    assert 0.1 <= time.monotonic() - begun < 0.3
    assert ends.association.open
    with later(ends.peer.sendall, command_pdu(EVENT)):
        assert ends.association.has_message(5)
    message = ends.association.receive()
    assert message
    assert message.command == EVENT
    with later(ends.peer.sendall, data_pdu((1, LAST, b"")) + A_RELEASE_RP):
        ends.association.release()
    assert [kind for kind, _ in pdus(ends.peer)] == [RELEASE_RQ]


def test_an_end_is_heard_of_too(ends: Ends) -> None:
    ends.peer.sendall(A_RELEASE_RQ)
    assert ends.association.has_message(5)
    assert ends.association.receive() is None


def test_an_abort_is_heard_of_when_it_is_read(ends: Ends) -> None:
    ends.peer.sendall(AN_ABORT)
    assert ends.association.has_message(5)
    with pytest.raises(AssociationError, match="receive: the peer aborted"):
        ends.association.receive()


def test_a_connection_that_breaks_while_nothing_comes(ends: Ends) -> None:
    with later(reset, ends.peer), pytest.raises(AssociationError, match="receive: the connection broke"):
        ends.association.has_message(5)


def test_the_wish_to_stop_ends_the_wait(ends: Ends) -> None:
    with later(ends.stop.request), pytest.raises(Interrupted):
        ends.association.has_message(5)
    assert ends.association.open
    assert not ends.association.has_message(), "asking without waiting is always possible"


# ---------------------------------------------------------------- response_to


def test_other_requests_come_before_the_response(ends: Ends) -> None:
    """PS3.7 10.1.1: the peer of an N-service may report an event at any time; its data set can be read."""
    ends.peer.sendall(command_pdu(EVENT) + data_pdu((1, LAST, b"abcd")) + command_pdu(CANCEL) + command_pdu())
    seen: list[tuple[dimse.Value, bytes]] = []

    def take(message: object) -> None:
        command = getattr(message, "command", {})
        data = ends.association.read_data(10) if dimse.has_data_set(command) else b""
        seen.append((command["CommandField"], data))

    assert ends.association.response_to(ECHO, take).command == RESPONSE
    assert seen == [(EVENT["CommandField"], b"abcd"), (CANCEL["CommandField"], b"")]


@pytest.mark.parametrize("command", [EVENT, CANCEL])
def test_without_anyone_to_take_them_they_end_the_association(ends: Ends, command: dimse.Command) -> None:
    ends.peer.sendall(command_pdu(command))
    with pytest.raises(AssociationError, match="does not answer the request in hand"):
        ends.association.response_to(ECHO)
    assert [kind for kind, _ in pdus(ends.peer)] == [ABORT]


def test_a_response_to_something_else_is_not_for_others(ends: Ends) -> None:
    ends.peer.sendall(command_pdu(RESPONSE | {"MessageIDBeingRespondedTo": 8}))
    with pytest.raises(AssociationError, match="does not answer the request in hand"):
        ends.association.response_to(ECHO, lambda _: None)


def test_each_message_has_the_time_that_is_given(ends: Ends) -> None:
    begun = time.monotonic()
    with pytest.raises(AssociationError, match="no answer from the peer in time"):
        ends.association.response_to(ECHO, timeout=0.1)
    assert 0.1 <= time.monotonic() - begun < 0.3


# ---------------------------------------------------------------- receive


def test_no_time_is_no_time(ends: Ends) -> None:
    """Zero is not "the usual": what has come is taken, what has not is late."""
    ends.peer.sendall(command_pdu())
    assert ends.association.has_message(5)
    assert ends.association.receive(0)
    begun = time.monotonic()
    with pytest.raises(AssociationError, match="in time"):
        ends.association.receive(0)
    assert time.monotonic() - begun < 0.2


@pytest.mark.parametrize("cut", [(40, 0), (len(RAW), 0), (40, 20)])
def test_what_came_before_an_interruption_is_not_lost(ends: Ends, cut: tuple[int, int]) -> None:
    """After the first wish to stop an operation is canceled, and its last answers are still read."""
    fragment, rest = cut
    whole = data_pdu((1, COMMAND | LAST, RAW[fragment:]))
    ends.peer.sendall(data_pdu((1, COMMAND, RAW[:fragment])) + whole[:rest])
    with later(ends.stop.request), pytest.raises(Interrupted):
        ends.association.response_to(ECHO)
    assert ends.association.open
    ends.association.transport.patient = True
    ends.peer.sendall(whole[rest:] + command_pdu())
    assert ends.association.response_to(ECHO).command == RESPONSE
    assert ends.association.response_to(ECHO).command == RESPONSE


def test_a_data_set_can_be_read_after_an_interruption(ends: Ends) -> None:
    ends.peer.sendall(data_pdu((3, COMMAND | LAST, command_set.encode(STORE)), (3, DATA, b"ab")))
    assert ends.association.receive()
    with later(ends.stop.request), pytest.raises(Interrupted):
        ends.association.read_data(10)
    ends.association.transport.patient = True
    ends.peer.sendall(data_pdu((3, LAST, b"cd")))
    assert ends.association.read_data(10) == b"abcd"


def test_what_was_read_of_a_data_set_is_not_that_of_the_next(ends: Ends) -> None:
    store = (3, COMMAND | LAST, command_set.encode(STORE))
    ends.peer.sendall(data_pdu(store, (3, DATA, b"ab")))
    assert ends.association.receive()
    with later(ends.stop.request), pytest.raises(Interrupted):
        ends.association.read_data(10)
    ends.association.transport.patient = True
    ends.peer.sendall(data_pdu((3, LAST, b"cd")) + data_pdu(store, (3, LAST, b"ef")))
    assert ends.association.receive()
    assert ends.association.read_data(10) == b"ef"


def test_a_fragment_of_another_message_after_an_empty_one(ends: Ends) -> None:
    ends.peer.sendall(data_pdu((1, COMMAND, b""), (3, COMMAND | LAST, RAW)))
    with pytest.raises(AssociationError, match="a fragment of another message within a command set"):
        ends.association.receive()

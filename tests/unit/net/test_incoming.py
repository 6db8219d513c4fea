"""Messages that come: fragments, what is none, deadlines (PS3.7 6.3, PS3.8 9.3.5, Annex E)."""

from __future__ import annotations

import struct
import threading
import time

import pytest

from dcmtools.errors import AssociationError
from dcmtools.net import command_set, dimse
from dcmtools.net.incoming import MAX_COMMAND
from tests.support.opened import (
    A_RELEASE_RP,
    A_RELEASE_RQ,
    ABORT,
    COMMAND,
    DATA,
    ECHO,
    LAST,
    P_DATA,
    RELEASE_RP,
    RESPONSE,
    STORE,
    Ends,
    command_pdu,
    outlast,
)
from tests.support.tcp import data_pdu, pdus


def test_a_command_set_in_many_fragments(ends: Ends) -> None:
    raw = command_set.encode(RESPONSE)
    first = data_pdu((1, COMMAND, raw[:10]), (1, COMMAND, b""), (1, COMMAND, raw[10:11]))
    ends.peer.sendall(first + data_pdu((1, COMMAND, raw[11:])) + data_pdu((1, COMMAND | LAST, b"")))
    message = ends.association.response_to(ECHO)
    assert message.command == RESPONSE
    assert message.context.context_id == 1


def test_command_and_data_set_in_one_pdu(ends: Ends) -> None:
    """PS3.8 9.3.5.1: a P-DATA-TF holds one or more PDVs."""
    store = (3, COMMAND | LAST, command_set.encode(STORE))
    ends.peer.sendall(data_pdu(store, (3, DATA, b"ab"), (3, LAST, b"cd")) + command_pdu())
    message = ends.association.receive()
    assert message is not None
    assert message.command == STORE
    assert b"".join(map(bytes, ends.association.data())) == b"abcd"
    assert ends.association.receive() is not None


def test_a_data_set_nobody_reads_is_passed_over(ends: Ends) -> None:
    store = data_pdu((3, COMMAND | LAST, command_set.encode(STORE)), (3, DATA, b"ab"))
    ends.peer.sendall(store + data_pdu((3, DATA, b"cd")) + data_pdu((3, LAST, b"")) + command_pdu())
    assert ends.association.receive()
    message = ends.association.receive()
    assert message
    assert message.command == RESPONSE


def test_a_small_data_set_at_once(ends: Ends) -> None:
    for limit, data in ((4, b"abcd"), (3, b"abcd")):
        store = (3, COMMAND | LAST, command_set.encode(STORE))
        ends.peer.sendall(data_pdu(store, (3, LAST, data)))
        assert ends.association.receive()
        if limit == 4:
            assert ends.association.read_data(limit) == data
        else:
            with pytest.raises(AssociationError, match="a data set of more than 3 bytes"):
                ends.association.read_data(limit)


STORE_BEGUN = data_pdu((3, COMMAND | LAST, command_set.encode(STORE)), (3, DATA, b"ab"))
HALF = command_set.encode(RESPONSE)[:10]


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (data_pdu((1, LAST, b"ab")), "a data set fragment where a command set should"),
        (data_pdu((1, COMMAND, HALF), (1, DATA, b"ab")), "a data set fragment where a command"),
        (data_pdu((1, COMMAND, HALF), (3, COMMAND, b"ab")), "a fragment of another message within a command"),
        (data_pdu((0, COMMAND, HALF), (1, COMMAND | LAST, b"ab")), "a fragment of another message within a"),
        (command_pdu(context_id=0), "a message on presentation context 0, which was not agreed on"),
        (STORE_BEGUN + data_pdu((3, COMMAND, b"ab")), "a command set fragment where a data set"),
        (STORE_BEGUN + data_pdu((5, LAST, b"ab")), "a fragment of another message within a data set"),
        (command_pdu(context_id=9), "a message on presentation context 9, which was not agreed on"),
        (data_pdu((1, COMMAND | LAST, b"abc")), "a command set that is broken .offset 0"),
        (data_pdu((1, COMMAND, bytes(16000))) * 5, f"a command set of more than {MAX_COMMAND} bytes"),
        (struct.pack(">BxI", P_DATA, 0), "a PDU that is broken"),
        (struct.pack(">BxIIBB", P_DATA, 6, 99, 1, 3), "a PDU that is broken .offset 0: a PDV of 99 bytes"),
        (A_RELEASE_RP, "a PDU that has no place in an open association"),
        (struct.pack(">BxI", 1, 0), "a PDU that is broken"),
        (struct.pack(">BxI", P_DATA, 1 << 30), "a PDU of 1073741824 bytes where at most 16384 are allowed"),
    ],
)
def test_what_is_no_message_ends_the_association(ends: Ends, sent: bytes, words: str) -> None:
    """PS3.7 6.3.1 and PS3.8 E: command set, then data set, on one agreed context; else an A-ABORT (9.3.8)."""
    ends.peer.sendall(sent)

    def read_all() -> None:
        while ends.association.receive():
            pass

    with pytest.raises(AssociationError, match=words) as caught:
        read_all()
    assert str(caught.value).startswith("receive: the peer sent ")
    assert not caught.value.transient
    assert not ends.association.open
    [answer] = pdus(ends.peer)
    assert answer.kind == ABORT
    assert answer.body[2] == 2, "the source is the service provider"


def without(command: dimse.Command, keyword: str) -> dimse.Command:
    return {name: value for name, value in command.items() if name != keyword}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (RESPONSE | {"MessageIDBeingRespondedTo": 8}, "a message that does not answer the request in hand"),
        (RESPONSE | {"CommandField": 0x8001}, "a message that does not answer"),
        (ECHO, "a message that does not answer"),
        (without(RESPONSE, "Status"), "a response without a status"),
        (without(RESPONSE, "MessageIDBeingRespondedTo"), "ends without MessageIDBeingRespondedTo"),
    ],
)
def test_only_a_response_to_the_request_counts(ends: Ends, answer: dimse.Command, words: str) -> None:
    """PS3.7 9.3.5.2: the Message ID of the request, and a status; without one nothing was acknowledged."""
    ends.peer.sendall(command_pdu(answer))
    with pytest.raises(AssociationError, match=words):
        ends.association.response_to(ECHO)
    assert [kind for kind, _ in pdus(ends.peer)] == [ABORT]


def test_a_release_in_place_of_the_answer(ends: Ends) -> None:
    ends.peer.sendall(A_RELEASE_RQ)
    with pytest.raises(AssociationError, match="released the association instead of answering"):
        ends.association.response_to(ECHO)
    assert [kind for kind, _ in pdus(ends.peer)] == [RELEASE_RP]


@pytest.mark.parametrize(("kind", "reason"), [(9, 1), (P_DATA, 6), (RELEASE_RP, 2)])
def test_the_reason_of_an_abort(ends: Ends, kind: int, reason: int) -> None:
    """PS3.8 table 9-26: a PDU that is unrecognized, one with a parameter that is none, one unexpected."""
    body = bytes(1 << 20 if kind == P_DATA else 4)
    ends.peer.sendall(struct.pack(">BxI", kind, len(body)) + body[:4])
    with pytest.raises(AssociationError):
        ends.association.receive()
    [answer] = pdus(ends.peer)
    assert (answer.kind, *answer.body[2:]) == (ABORT, 2, reason)


@pytest.mark.parametrize("fragment", [HALF, b""])
def test_a_release_within_a_command_set(ends: Ends, fragment: bytes) -> None:
    """It is answered (PS3.8 7.2), but nobody may take it for the end of what was to come."""
    ends.peer.sendall(data_pdu((1, COMMAND, fragment)) + A_RELEASE_RQ)
    with pytest.raises(AssociationError, match="receive: the peer released the association within a message"):
        ends.association.receive()
    assert [kind for kind, _ in pdus(ends.peer)] == [RELEASE_RP]


def test_a_release_within_a_message(ends: Ends) -> None:
    ends.peer.sendall(STORE_BEGUN + A_RELEASE_RQ)
    assert ends.association.receive()
    with pytest.raises(AssociationError, match="released the association within a message"):
        list(ends.association.data())


def test_the_peer_releases(ends: Ends) -> None:
    """PS3.8 7.2: answered with A-RELEASE-RP, and no failure."""
    ends.peer.sendall(A_RELEASE_RQ)
    assert ends.association.receive() is None
    assert not ends.association.open
    assert [kind for kind, _ in pdus(ends.peer)] == [RELEASE_RP]


def test_the_peer_aborts(ends: Ends) -> None:
    ends.peer.sendall(struct.pack(">BxI4B", ABORT, 4, 0, 0, 0, 0))
    with pytest.raises(
        AssociationError, match=r"receive: the peer aborted the association: .*service user"
    ) as it:
        ends.association.receive()
    assert it.value.transient
    assert pdus(ends.peer) == []


def test_no_answer_in_time(ends: Ends) -> None:
    begun = time.monotonic()
    with pytest.raises(AssociationError, match="receive: no answer from the peer in time"):
        ends.association.response_to(ECHO)
    assert 0.3 <= time.monotonic() - begun < 1
    [answer] = pdus(ends.peer)
    assert (answer.kind, answer.body[2]) == (ABORT, 0), "the service user has lost its patience"


def test_empty_fragments_gain_no_time(ends: Ends) -> None:
    """One deadline for the whole command set: PDUs that bring nothing do not move it."""
    outlast(ends, data_pdu((1, COMMAND, b"")), lambda: ends.association.response_to(ECHO))


def test_a_data_set_without_end_gains_no_time(ends: Ends) -> None:
    """PS3.7 9.3.1.2: a C-STORE-RSP has no data set; one that claims it may not hold up the next answer."""
    response = dimse.response(STORE, 0) | {"CommandDataSetType": 1}
    ends.peer.sendall(command_pdu(response, 3))
    assert ends.association.response_to(STORE).command["Status"] == 0
    outlast(ends, data_pdu((3, DATA, b"ab")), lambda: ends.association.response_to(STORE))


def test_the_rest_of_a_data_set_takes_its_time_from_what_follows(ends: Ends) -> None:
    """One deadline for what is passed over and the message after it."""
    store = (3, COMMAND | LAST, command_set.encode(STORE))
    ends.peer.sendall(data_pdu(store))
    assert ends.association.receive()
    timer = threading.Timer(0.4, ends.peer.sendall, (data_pdu((3, LAST, b"ab")),))
    timer.start()
    begun = time.monotonic()
    with pytest.raises(AssociationError, match="in time"):
        ends.association.receive(0.5)
    assert 0.5 <= time.monotonic() - begun < 0.8
    timer.join()

"""Messages on an open association: fragments in and out, what is refused, how it ends (PS3.7, PS3.8)."""

from __future__ import annotations

import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import pytest

from dcmtools.errors import AssociationError, Interrupted
from dcmtools.net import dimse, pdu
from dcmtools.net.association import MAX_COMMAND, Association, Context
from dcmtools.net.peer import NetworkOptions
from dcmtools.net.stop import Stop
from dcmtools.net.transport import Transport
from tests.support.tcp import Pdu, connection, data_pdu, pdus, reset, split

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

VERIFICATION, CT = "1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
DATA, COMMAND, LAST = 0, 1, 2
P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = 4, 5, 6, 7
PROPOSED = (
    pdu.PresentationContext(1, VERIFICATION, (IMPLICIT,)),
    pdu.PresentationContext(3, CT, (EXPLICIT,)),
    pdu.PresentationContext(5, CT, (IMPLICIT,)),
)
ACCEPTED = tuple(pdu.ContextResult(each.context_id, 0, each.transfer_syntaxes[0]) for each in PROPOSED)
ECHO = dimse.request(dimse.CommandField.C_ECHO_RQ, 7, data_set=False, AffectedSOPClassUID=VERIFICATION)
STORE = dimse.request(
    dimse.CommandField.C_STORE_RQ,
    7,
    data_set=True,
    AffectedSOPClassUID=CT,
    AffectedSOPInstanceUID="1.2.3",
    Priority=0,
)
RESPONSE = dimse.response(ECHO, 0)
A_RELEASE_RQ, A_RELEASE_RP = struct.pack(">BxI4x", RELEASE_RQ, 4), struct.pack(">BxI4x", RELEASE_RP, 4)


class Ends(NamedTuple):
    association: Association
    peer: socket.socket
    stop: Stop


def open_association(
    sock: socket.socket,
    stop: Stop,
    max_length: int = 16384,
    results: tuple[pdu.ContextResult, ...] = ACCEPTED,
) -> Association:
    network = NetworkOptions(acse_timeout=0.3, dimse_timeout=0.3, max_pdu=16384, stop=stop)
    request = pdu.AssociateRQ("PEER", "SELF", PROPOSED, pdu.UserInformation())
    accept = pdu.AssociateAC("PEER", "SELF", results, pdu.UserInformation())
    return Association(Transport(sock, stop, 16384), network, request, accept, max_length)


@pytest.fixture
def ends() -> Iterator[Ends]:
    stop = Stop()
    with connection() as (ours, peer):
        yield Ends(open_association(ours, stop), peer, stop)
    stop.close()


def command_pdu(command: dimse.Command = RESPONSE, context_id: int = 1) -> bytes:
    return data_pdu((context_id, COMMAND | LAST, dimse.encode(command)))


def sent_messages(received: list[Pdu]) -> list[tuple[int, int, bytes]]:
    """Context, control and fragment of each PDV."""
    found = []
    for kind, body in received:
        assert kind == P_DATA
        length, context_id, control = struct.unpack_from(">IBB", body)
        assert length == len(body) - 4, "one PDV in each PDU"
        found.append((context_id, control, body[6:]))
    return found


# ---------------------------------------------------------------- contexts


def test_contexts_are_what_both_agreed_on() -> None:
    """PS3.8 9.3.3.2: a syntax that was not proposed, an ID that was not, no answer: not agreed."""
    results = (
        pdu.ContextResult(1, 0, EXPLICIT),
        pdu.ContextResult(3, 0, EXPLICIT),
        pdu.ContextResult(5, 4, ""),
        pdu.ContextResult(7, 0, IMPLICIT),
    )
    with connection() as (ours, _peer):
        association = open_association(ours, Stop(), results=results)
        assert association.contexts == {3: Context(3, CT, EXPLICIT)}
        assert association.refused == {1: 4, 5: 4}
        assert (
            association.context_for(CT) == association.context_for(CT, EXPLICIT) == Context(3, CT, EXPLICIT)
        )
        assert association.context_for(CT, IMPLICIT) is association.context_for(VERIFICATION) is None


def test_message_ids_begin_again_after_65535(ends: Ends) -> None:
    """PS3.7 9.3: a US, and 0 is left out."""
    numbers = [ends.association.next_message_id() for _ in range(65537)]
    assert numbers == [*range(1, 65536), 1, 2]


# ---------------------------------------------------------------- sending


@pytest.mark.parametrize("max_length", [8, 9, 10, 127, 128, 4096, 16384, 1 << 20, 0, 0xFFFFFFFF])
def test_fragments_keep_to_what_the_peer_takes(max_length: int) -> None:
    """PS3.8 D.1: the maximum length counts the PDV header; PS3.8 9.3.5.1 E: fragments of even length."""
    allowed = max_length or 1 << 20
    full = max(min(max_length or 1 << 20, 1 << 20) - 6, 2) & ~1
    sizes = (
        {2, full, 2 * full, 2 * full + 2, max(full - 2, 2), 3000}
        if full < 5000
        else {2, full, 1 << 20, 1 << 21}
    )
    for size in sizes:
        data = bytes(range(256)) * (size // 256) + bytes(size % 256)
        with connection() as (ours, peer), ThreadPoolExecutor(1) as reader:
            reading = reader.submit(pdus, peer)
            association = open_association(ours, Stop(), max_length)
            association.send(association.contexts[3], STORE, [data])
            ours.close()
            received = reading.result()
        assert max(len(body) for _, body in received) <= allowed
        parts = sent_messages(received)
        command = [part for part in parts if part[1] & COMMAND]
        fragments = parts[len(command) :]
        assert dimse.decode(b"".join(fragment for _, _, fragment in command)) == STORE
        assert b"".join(fragment for _, _, fragment in fragments) == data
        assert {context_id for context_id, _, _ in parts} == {3}
        assert all(len(fragment) % 2 == 0 for _, _, fragment in parts)
        # PS3.8 E.2: the last fragment, and no other, is marked.
        for each in (command, fragments):
            assert [control & LAST for _, control, _ in each] == [0] * (len(each) - 1) + [LAST]


def test_blocks_are_joined_to_one_data_set(ends: Ends) -> None:
    blocks = [bytes([number]) * 10_000 for number in range(5)]
    ends.association.send(ends.association.contexts[3], STORE, iter(blocks))
    ends.association.transport.close()
    parts = sent_messages(pdus(ends.peer))[1:]
    assert b"".join(fragment for _, _, fragment in parts) == b"".join(blocks)
    assert [control for _, control, _ in parts] == [DATA] * (len(parts) - 1) + [LAST]


def test_a_message_without_a_data_set(ends: Ends) -> None:
    ends.association.send(ends.association.contexts[1], ECHO)
    ends.association.transport.close()
    [(context_id, control, fragment)] = sent_messages(pdus(ends.peer))
    assert (context_id, control, dimse.decode(fragment)) == (1, COMMAND | LAST, ECHO)


def test_what_the_data_set_raises_leaves_no_last_fragment(ends: Ends) -> None:
    """A message cut short must not look complete to the peer."""

    def blocks() -> Iterator[bytes]:
        yield bytes(1000)
        yield bytes(1000)
        raise LookupError

    with pytest.raises(LookupError):
        ends.association.send(ends.association.contexts[3], STORE, blocks())
    ends.association.abort()
    *parts, last = pdus(ends.peer)
    assert last.kind == ABORT
    assert not any(control == LAST for _, control, _ in sent_messages(parts))


def test_the_reason_of_a_peer_that_aborts_while_it_is_sent_to(ends: Ends) -> None:
    """PS3.8 9.3.8: what waits to be read says more than the connection that broke."""
    ends.peer.sendall(command_pdu() + struct.pack(">BxI4B", ABORT, 4, 0, 0, 2, 6))
    reset(ends.peer)
    with pytest.raises(AssociationError, match=r"send: the peer aborted the association: .*invalid PDU para"):
        ends.association.send(ends.association.contexts[3], STORE, [bytes(1 << 20)] * 64)


def test_a_connection_that_breaks_without_a_word(ends: Ends) -> None:
    ends.peer.sendall(command_pdu())
    reset(ends.peer)
    with pytest.raises(AssociationError, match="send: the connection broke"):
        ends.association.send(ends.association.contexts[3], STORE, [bytes(1 << 20)] * 64)


# ---------------------------------------------------------------- receiving


def test_a_command_set_in_many_fragments(ends: Ends) -> None:
    raw = dimse.encode(RESPONSE)
    first = data_pdu((1, COMMAND, raw[:10]), (1, COMMAND, b""), (1, COMMAND, raw[10:11]))
    ends.peer.sendall(first + data_pdu((1, COMMAND, raw[11:])) + data_pdu((1, COMMAND | LAST, b"")))
    message = ends.association.response_to(ECHO)
    assert message.command == RESPONSE
    assert message.context.context_id == 1


def test_command_and_data_set_in_one_pdu(ends: Ends) -> None:
    """PS3.8 9.3.5.1: a P-DATA-TF holds one or more PDVs."""
    store = (3, COMMAND | LAST, dimse.encode(STORE))
    ends.peer.sendall(data_pdu(store, (3, DATA, b"ab"), (3, LAST, b"cd")) + command_pdu())
    message = ends.association.receive()
    assert message is not None
    assert message.command == STORE
    assert b"".join(map(bytes, ends.association.data())) == b"abcd"
    assert ends.association.receive() is not None


def test_a_data_set_nobody_reads_is_passed_over(ends: Ends) -> None:
    store = data_pdu((3, COMMAND | LAST, dimse.encode(STORE)), (3, DATA, b"ab"))
    ends.peer.sendall(store + data_pdu((3, DATA, b"cd")) + data_pdu((3, LAST, b"")) + command_pdu())
    assert ends.association.receive()
    message = ends.association.receive()
    assert message
    assert message.command == RESPONSE


def test_a_small_data_set_at_once(ends: Ends) -> None:
    for limit, data in ((4, b"abcd"), (3, b"abcd")):
        store = (3, COMMAND | LAST, dimse.encode(STORE))
        ends.peer.sendall(data_pdu(store, (3, LAST, data)))
        assert ends.association.receive()
        if limit == 4:
            assert ends.association.read_data(limit) == data
        else:
            with pytest.raises(AssociationError, match="a data set of more than 3 bytes"):
                ends.association.read_data(limit)


STORE_BEGUN = data_pdu((3, COMMAND | LAST, dimse.encode(STORE)), (3, DATA, b"ab"))
HALF = dimse.encode(RESPONSE)[:10]


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (data_pdu((1, LAST, b"ab")), "a data set fragment where a command set should"),
        (data_pdu((1, COMMAND, HALF), (1, DATA, b"ab")), "a data set fragment where a command"),
        (data_pdu((1, COMMAND, HALF), (3, COMMAND, b"ab")), "a fragment of another message within a command"),
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


def keep_sending(peer: socket.socket, data: bytes, over: threading.Event) -> threading.Thread:
    def run() -> None:
        try:
            for _ in range(300):  # 3 s: long enough to tell, and a failure ends too
                if over.wait(0.01):
                    return
                peer.sendall(data)
        except OSError:
            return

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def outlast(ends: Ends, data: bytes, wait: Callable[[], object]) -> None:
    """Let the peer send ``data`` again and again: ``wait`` has to end all the same."""
    over = threading.Event()
    thread = keep_sending(ends.peer, data, over)
    begun = time.monotonic()
    try:
        with pytest.raises(AssociationError, match="in time"):
            wait()
        assert time.monotonic() - begun < 1.5
    finally:
        over.set()
        thread.join()


def test_empty_fragments_gain_no_time(ends: Ends) -> None:
    """One deadline for the whole command set: PDUs that bring nothing do not move it."""
    outlast(ends, data_pdu((1, COMMAND, b"")), lambda: ends.association.response_to(ECHO))


def test_a_data_set_without_end_gains_no_time(ends: Ends) -> None:
    """PS3.7 9.3.1.2: a C-STORE-RSP has no data set; one that claims it may not hold up the next answer."""
    response = dimse.response(STORE, 0) | {"CommandDataSetType": 1}
    ends.peer.sendall(command_pdu(response, 3))
    assert ends.association.response_to(STORE).command["Status"] == 0
    outlast(ends, data_pdu((3, DATA, b"ab")), lambda: ends.association.response_to(STORE))


# ---------------------------------------------------------------- the end


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

"""Messages that are sent: fragments, blocks, peers that break off (PS3.8 9.3.5, Annex E)."""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import AssociationError
from dcmtools.net import command_set
from dcmtools.net.stop import Stop
from tests.support.opened import (
    ABORT,
    COMMAND,
    DATA,
    ECHO,
    LAST,
    P_DATA,
    STORE,
    Ends,
    command_pdu,
    open_association,
)
from tests.support.tcp import Pdu, connection, pdus, reset

if TYPE_CHECKING:
    from collections.abc import Iterator


def sent_messages(received: list[Pdu]) -> list[tuple[int, int, bytes]]:
    """Context, control and fragment of each PDV."""
    found = []
    for kind, body in received:
        assert kind == P_DATA
        length, context_id, control = struct.unpack_from(">IBB", body)
        assert length == len(body) - 4, "one PDV in each PDU"
        found.append((context_id, control, body[6:]))
    return found


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
        assert command_set.decode(b"".join(fragment for _, _, fragment in command)) == STORE
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
    assert (context_id, control, command_set.decode(fragment)) == (1, COMMAND | LAST, ECHO)


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
    assert not ends.association.open

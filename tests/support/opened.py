"""An open association at one end of a loopback connection, a bare socket at the other."""

from __future__ import annotations

import struct
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import pytest

from dcmtools.errors import AssociationError
from dcmtools.net import command_set, dimse, pdu
from dcmtools.net.association import Association
from dcmtools.net.peer import NetworkOptions
from dcmtools.net.presentation import ContextResult, PresentationContext
from dcmtools.net.stop import Stop
from dcmtools.net.transport import Transport
from dcmtools.net.user_information import UserInformation
from tests.support.tcp import connection, data_pdu

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator


VERIFICATION, CT = "1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
DATA, COMMAND, LAST = 0, 1, 2
P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = 4, 5, 6, 7
PROPOSED = (
    PresentationContext(1, VERIFICATION, (IMPLICIT,)),
    PresentationContext(3, CT, (EXPLICIT,)),
    PresentationContext(5, CT, (IMPLICIT,)),
)
ACCEPTED = tuple(ContextResult(each.context_id, 0, each.transfer_syntaxes[0]) for each in PROPOSED)
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
    """Our end as an association, the peer's as a bare socket, and our wish to stop."""

    association: Association
    peer: socket.socket
    stop: Stop


def open_association(
    sock: socket.socket,
    stop: Stop,
    max_length: int = 16384,
    results: tuple[ContextResult, ...] = ACCEPTED,
) -> Association:
    """An association that waits 0.3 s for anything, with contexts 1, 3 and 5."""
    network = NetworkOptions(acse_timeout=0.3, dimse_timeout=0.3, max_pdu=16384, stop=stop)
    request = pdu.AssociateRQ("PEER", "SELF", PROPOSED, UserInformation())
    accept = pdu.AssociateAC("PEER", "SELF", results, UserInformation())
    return Association(Transport(sock, stop, 16384), network, request, accept, max_length)


@contextmanager
def both_ends(stop: Stop, *contexts: PresentationContext) -> Iterator[tuple[Association, Association]]:
    """The requestor's end, which heeds ``stop``, and the acceptor's; each waits 10 s."""
    results = tuple(ContextResult(each.context_id, 0, each.transfer_syntaxes[0]) for each in contexts)
    request = pdu.AssociateRQ("PEER", "SELF", contexts, UserInformation())
    accept = pdu.AssociateAC("PEER", "SELF", results, UserInformation())
    other = Stop()
    with connection() as (ours, theirs):
        ends = [
            Association(
                Transport(sock, each, 16384), NetworkOptions(dimse_timeout=10, stop=each), request, accept, 0
            )
            for sock, each in ((ours, stop), (theirs, other))
        ]
        yield ends[0], ends[1]
    other.close()


def command_pdu(command: dimse.Command = RESPONSE, context_id: int = 1) -> bytes:
    """A message without a data set."""
    return data_pdu((context_id, COMMAND | LAST, command_set.encode(command)))


def keep_sending(peer: socket.socket, data: bytes, over: threading.Event) -> threading.Thread:
    """Have the peer send ``data`` again and again."""

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

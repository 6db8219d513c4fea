"""PDU streams that were harmed: an acceptor goes on serving, a requestor fails in words (PS3.8 9.3)."""

from __future__ import annotations

import os
import random
import socket
import threading
from typing import TYPE_CHECKING

from dcmtools.encoding.dataset import encode, made
from dcmtools.encoding.syntax import EXPLICIT
from dcmtools.errors import DcmtoolsError
from dcmtools.net import command_set, dimse, p_data, pdu
from dcmtools.net.dimse import CommandField
from dcmtools.net.peer import NetworkOptions, Peer
from dcmtools.net.presentation import ACCEPTANCE, ContextResult, PresentationContext
from dcmtools.net.requesting import request_association
from dcmtools.net.user_information import UserInformation
from tests.support.served import SUCCESS, echo, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COUNT = int(os.environ.get("DCMTOOLS_TEST_MUTATIONS", "1000"))
VERIFICATION, CT = "1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT_LITTLE, EXPLICIT_LITTLE = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
USER = UserInformation(max_length=16384, implementation_class_uid="1.2.3")
ECHO = dimse.request(CommandField.C_ECHO_RQ, 1, data_set=False, AffectedSOPClassUID=VERIFICATION)


def message(context_id: int, command: dimse.Command, data_set: bytes = b"") -> bytes:
    encoded = command_set.encode(command)
    sent = p_data.data_header(context_id, p_data.COMMAND | p_data.LAST, len(encoded)) + encoded
    return sent + (p_data.data_header(context_id, p_data.LAST, len(data_set)) + data_set if data_set else b"")


def requests() -> list[bytes]:
    contexts = (
        PresentationContext(1, VERIFICATION, (IMPLICIT_LITTLE,)),
        PresentationContext(3, CT, (EXPLICIT_LITTLE,)),
    )
    store = dimse.request(
        CommandField.C_STORE_RQ,
        2,
        data_set=True,
        AffectedSOPClassUID=CT,
        AffectedSOPInstanceUID="1.2.3.4",
        Priority=0,
    )
    data_set = encode(made(SOPClassUID=CT, SOPInstanceUID="1.2.3.4", PatientID="P"), EXPLICIT)
    associate = pdu.AssociateRQ("ANY", "ME", contexts, USER)
    return [
        pdu.encode(associate),
        message(1, ECHO),
        message(3, store, data_set),
        pdu.encode(pdu.ReleaseRQ()),
    ]


def answers() -> list[bytes]:
    accept = pdu.AssociateAC("ANY", "ME", (ContextResult(1, ACCEPTANCE, IMPLICIT_LITTLE),), USER)
    return [
        pdu.encode(accept),
        message(1, dimse.response(ECHO, 0, data_set=False)),
        pdu.encode(pdu.ReleaseRP()),
    ]


def harmed(data: bytes, chance: random.Random) -> bytes:
    """Up to four bits flipped, bytes set, taken out, put in, or the end cut off."""
    made_of = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(made_of))
        kind = chance.randrange(5)
        if kind == 0:
            made_of[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            made_of[at] = chance.choice((0, 0xFF, 0x7F, 1))
        elif kind == 2:
            del made_of[at : at + chance.randrange(1, 9)]
        elif kind == 3:
            made_of[at:at] = chance.randbytes(chance.randrange(1, 9))
        else:
            del made_of[at + chance.randrange(1, 200) :]
        made_of = made_of or bytearray(b"\1")
    return bytes(made_of)


def streams(parts: list[bytes]) -> Iterator[list[bytes]]:
    for seed in range(COUNT):
        chance = random.Random(seed)
        told = [harmed(part, chance) if chance.random() < 0.4 else part for part in parts]
        if chance.random() < 0.2:
            chance.shuffle(told)
        yield told


def test_an_acceptor_ends_each_and_answers_the_next(tmp_path: Path) -> None:
    with serving(tmp_path / "received") as server:
        for stream in streams(requests()):
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
                try:
                    sock.sendall(b"".join(stream))
                    sock.shutdown(socket.SHUT_WR)
                    while sock.recv(65536):
                        pass
                except ConnectionError:
                    continue  # reset: the server has said its last
        assert echo(server.port) == SUCCESS


def test_a_requestor_succeeds_or_fails_in_words() -> None:
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for stream in streams(answers()):
            sock, _ = listening.accept()
            with sock:
                try:
                    sock.recv(65536)
                    sock.sendall(b"".join(stream))
                    sock.shutdown(socket.SHUT_WR)
                    while sock.recv(65536):
                        pass
                except ConnectionError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    peer = Peer("127.0.0.1", listening.getsockname()[1], "ANY")
    network = NetworkOptions(acse_timeout=2, dimse_timeout=2)
    contexts = [PresentationContext(1, VERIFICATION, (IMPLICIT_LITTLE,))]
    done = failed = 0
    for _ in range(COUNT):
        try:
            with request_association(peer, network, contexts) as association:
                association.send(association.require(VERIFICATION), ECHO)
                association.response_to(ECHO)
            done += 1
        except DcmtoolsError as error:
            failed += bool(error.message)
    thread.join(10)
    listening.close()
    assert not thread.is_alive()
    assert done + failed == COUNT
    assert min(done, failed) > COUNT // 10

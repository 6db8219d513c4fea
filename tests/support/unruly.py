"""An SCP that misbehaves on purpose, in a thread on plain sockets; pynetdicom encodes what it says.

``with Unruly(serves(fault=answers(0xA700), at=3)) as server:`` answers the third request so, the rest
with success, and afterwards tells what arrived.
"""

from __future__ import annotations

import itertools
import select
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NoReturn, Self

from pydicom.uid import UID
from pynetdicom import dimse_messages
from pynetdicom.dimse_messages import DIMSEMessage
from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ, A_RELEASE_RP, P_DATA_TF
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pynetdicom.pdu_items import PresentationContextItemRQ
    from pynetdicom.presentation import PresentationContext

HOST = "127.0.0.1"
ASSOCIATE_AC, P_DATA, RELEASE_RQ, ABORT = 0x02, 0x04, 0x05, 0x07
ACCEPTED, ABSTRACT_SYNTAX_NOT_SUPPORTED = 0, 3
GIBIBYTE = 1 << 30
_LAST_WORDS = 1.0  # seconds for what a peer that has left has sent

Script = Callable[["Association"], None]


class Moment(Enum):
    """When a fault strikes: its command has arrived, a piece of its data set has, the whole request has."""

    BEFORE = "before the data"
    WITHIN = "within the data"
    AFTER = "after the data"


@dataclass(frozen=True)
class Stored:
    """One complete C-STORE request."""

    sop_instance_uid: str
    context_id: int
    data: bytes


@dataclass
class Request:
    """The n-th DIMSE request the server was sent, over all associations."""

    number: int = 0
    message: DIMSEMessage = field(default_factory=DIMSEMessage)

    def take(self, pdu: bytes) -> bool:
        """Add a P-DATA-TF; whether the request is complete with it."""
        decoded = P_DATA_TF()
        decoded.decode(pdu)
        return self.message.decode_msg(decoded.to_primitive())

    @property
    def data(self) -> bytes:
        return self.message.data_set.getvalue() if self.message.data_set else b""

    @property
    def has_data(self) -> bool:
        return bool(self.message.data_set and self.message.data_set.tell())


class Association:
    """One accepted connection; every method raises OSError once it is gone."""

    def __init__(self, server: Unruly, connection: socket.socket) -> None:
        self.server = server
        self.socket = connection

    # -- pieces that scripts and faults are made of

    def read(self) -> tuple[int, bytes]:
        """One whole PDU and its type."""
        header = self._exactly(6)
        kind, length = struct.unpack(">BxI", header)
        self.server.pdu_types.append(kind)
        return kind, header + self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise ConnectionResetError("the peer closed the connection")
            data += piece
        return bytes(data)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def drain(self) -> NoReturn:
        """Read on and say nothing until the peer leaves."""
        while True:
            self.read()

    def hold(self) -> NoReturn:
        """Neither read nor write while the server lives, and then no more."""
        self.server.stopping.wait()
        raise ConnectionAbortedError("the server has stopped")

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def abort(self, source: int = 0, reason: int = 0) -> NoReturn:
        pdu = A_ABORT_RQ()
        pdu.source, pdu.reason_diagnostic = source, reason
        self.send(pdu.encode())
        self.drain()  # closing over unread data would turn the abort into a reset

    def propose(self) -> A_ASSOCIATE_RQ:
        """Read the peer's association request."""
        request = A_ASSOCIATE_RQ()
        request.decode(self.read()[1])
        self.server.proposals.append(request)
        return request

    def accept(self, result: int = ACCEPTED, *, also: bytes = b"") -> None:
        """Answer every presentation context with the result and its first transfer syntax.

        What goes out ``also`` is there as soon as the answer is.
        """
        self.send(_acceptance(self.propose(), result, self.server.max_pdu) + also)

    def requests(self) -> Iterator[tuple[Moment, Request]]:
        """Each request at every moment of its arrival, until the peer releases or aborts."""
        request = Request()
        while (pdu := self.read())[0] == P_DATA:
            complete = request.take(pdu[1])
            if not request.number and request.message.command_set:
                request.number = self.server.count()
                yield Moment.BEFORE, request
            if request.has_data:
                yield Moment.WITHIN, request
            if complete:
                self.server.record(request)
                yield Moment.AFTER, request
                request = Request()
        if pdu[0] == RELEASE_RQ:
            self.send(A_RELEASE_RP().encode())


class Unruly:
    """Listens from the start, runs the script for each connection, ends with its ``with`` block."""

    def __init__(self, script: Script, *, max_pdu: int = 16384) -> None:
        self.max_pdu = max_pdu
        self.proposals: list[A_ASSOCIATE_RQ] = []
        self.pdu_types: list[int] = []
        self.stores: list[Stored] = []
        self.stopping = threading.Event()
        self._script = script
        self._numbers = itertools.count(1)
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server((HOST, 0))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self._wake, self._woken = socket.socketpair()
        self.port: int = self._listener.getsockname()[1]

    @property
    def uids(self) -> list[str]:
        """SOP Instance UIDs of the complete C-STORE requests, as they came."""
        return [stored.sop_instance_uid for stored in self.stores]

    @property
    def aborted(self) -> bool:
        """Whether a peer took its leave with an A-ABORT."""
        return ABORT in self.pdu_types

    def count(self) -> int:
        return next(self._numbers)

    def record(self, request: Request) -> None:
        if isinstance(request.message, dimse_messages.C_STORE_RQ):
            uid = str(request.message.command_set.AffectedSOPInstanceUID)
            self.stores.append(Stored(uid, request.message.context_id or 0, request.data))

    def __enter__(self) -> Self:
        self._start(self._listen)
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._wake.close()
        self._threads[0].join()  # from here on no connection is added
        for thread in self._threads[1:]:
            thread.join(_LAST_WORDS)  # a shutdown would throw away what is still under way
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()
        self._woken.close()
        self._listener.close()

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        while True:
            ready, _, _ = select.select([self._listener, self._woken], [], [])
            if self._woken in ready:
                return
            connection, _ = self._listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.append(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            self._script(Association(self, connection))


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that refuses connections, and that nobody else can take meanwhile."""
    with socket.socket() as held:
        held.bind((HOST, 0))
        yield held.getsockname()[1]


# ---------------------------------------------------------------- scripts: a whole connection


def silent(association: Association) -> None:
    """Accept TCP and nothing more."""
    association.drain()


def resets(association: Association) -> None:
    association.reset()


def garbage(data: bytes = b"\xff" * 100) -> Script:
    """Answer the association request with anything at all."""

    def script(association: Association) -> None:
        association.propose()
        association.send(data)
        association.hold()

    return script


def rejects(result: int = 1, source: int = 1, reason: int = 7) -> Script:
    """A-ASSOCIATE-RJ: 1, 1, 7 is called AE title not recognized; 2, 3, 2 is local limit exceeded."""

    def script(association: Association) -> None:
        association.propose()
        pdu = A_ASSOCIATE_RJ()
        pdu.result, pdu.source, pdu.reason_diagnostic = result, source, reason
        association.send(pdu.encode())
        association.drain()

    return script


def aborts(*, accept: bool = True, source: int = 0, reason: int = 0) -> Script:
    """A-ABORT right after the association is accepted, or in place of accepting it."""

    def script(association: Association) -> None:
        if accept:
            association.accept()
        else:
            association.propose()
        association.abort(source, reason)

    return script


def accepts_nothing(association: Association) -> None:
    """Accept the association, and none of its presentation contexts."""
    association.accept(ABSTRACT_SYNTAX_NOT_SUPPORTED)
    for _ in association.requests():
        pass


def accepts_at_length(association: Association) -> None:
    """Announce an A-ASSOCIATE-AC of 1 GiB."""
    association.propose()
    association.send(struct.pack(">BxI", ASSOCIATE_AC, GIBIBYTE) + bytes(1024))
    association.drain()


def serves(fault: Fault | None = None, at: int | None = 1) -> Script:
    """Answer every request with success, but let the fault strike at one of them (``None``: at each)."""

    def script(association: Association) -> None:
        association.accept()
        for moment, request in association.requests():
            if fault and moment is fault.moment and at in (None, request.number):
                fault.strike(association, request)
            elif moment is Moment.AFTER:
                association.send(answer_to(request))

    return script


# ---------------------------------------------------------------- faults: at one request


@dataclass(frozen=True)
class Fault:
    """What happens instead of the answer, and when."""

    strike: Callable[[Association, Request], None]
    moment: Moment = Moment.AFTER


def answers(status: int, comment: str | None = None) -> Fault:
    """Answer with this status, and this Error Comment."""
    return Fault(lambda association, request: association.send(answer_to(request, status, comment)))


def aborts_request(moment: Moment = Moment.AFTER) -> Fault:
    return Fault(lambda association, _: association.abort(), moment)


def resets_request(moment: Moment = Moment.AFTER) -> Fault:
    return Fault(lambda association, _: association.reset(), moment)


def never_answers() -> Fault:
    """Take the request, and wait for the peer to leave."""
    return Fault(lambda association, _: association.drain())


def stops_reading(moment: Moment = Moment.BEFORE) -> Fault:
    """Leave the rest in the peer's socket, which fills up after some MB."""
    return Fault(lambda association, _: association.hold(), moment)


def declares_a_gibibyte() -> Fault:
    """Answer with the head of a P-DATA-TF that announces 1 GiB, and a little of it."""

    def strike(association: Association, _: Request) -> None:
        association.send(struct.pack(">BxI", P_DATA, GIBIBYTE) + bytes(1024))
        association.drain()

    return Fault(strike)


def drips(interval: float = 0.001) -> Fault:
    """Answer with success, one byte at a time."""

    def strike(association: Association, request: Request) -> None:
        for byte in answer_to(request):
            association.send(bytes([byte]))
            association.server.stopping.wait(interval)

    return Fault(strike)


# ---------------------------------------------------------------- what pynetdicom encodes


def answer_to(request: Request, status: int = 0, comment: str | None = None) -> bytes:
    """The response to a C-ECHO, C-STORE or C-FIND request, as one P-DATA-TF."""
    asked = request.message.command_set
    primitive = type(request.message.message_to_primitive())()
    fields = {"MessageIDBeingRespondedTo": asked.MessageID, "Status": status, "ErrorComment": comment}
    for keyword in ("AffectedSOPClassUID", "AffectedSOPInstanceUID"):
        fields[keyword] = getattr(asked, keyword, None)
    for keyword, value in fields.items():
        setattr(primitive, keyword, value)
    response = getattr(dimse_messages, type(request.message).__name__.replace("_RQ", "_RSP"))()
    response.primitive_to_message(primitive)
    [data] = response.encode_msg(request.message.context_id, 0)
    pdu = P_DATA_TF()
    pdu.from_primitive(data)
    return pdu.encode()


def _acceptance(request: A_ASSOCIATE_RQ, result: int, max_pdu: int) -> bytes:
    primitive = A_ASSOCIATE()
    primitive.application_context_name = UID("1.2.840.10008.3.1.1.1")
    primitive.calling_ae_title = request.calling_ae_title
    primitive.called_ae_title = request.called_ae_title
    primitive.result = 0
    primitive.presentation_context_definition_results_list = [
        _answered(item, result) for item in request.presentation_context
    ]
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    length.maximum_length_received = max_pdu
    implementation.implementation_class_uid = UID("2.25.770000000000000001")
    primitive.user_information = [length, implementation]
    return A_ASSOCIATE_AC(primitive).encode()


def _answered(item: PresentationContextItemRQ, result: int) -> PresentationContext:
    context = item.to_primitive()
    context.transfer_syntax = [context.transfer_syntax[0]]
    context.result = result
    return context

"""One synchronous association, for requestor and acceptor alike (PS3.8 section 7, PS3.7 section 8)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dcmtools.errors import AssociationError, DcmtoolsError
from dcmtools.net import aborting
from dcmtools.net.command_set import encode
from dcmtools.net.dimse import RESPONSE, number
from dcmtools.net.incoming import Incoming
from dcmtools.net.negotiated import Negotiated
from dcmtools.net.outgoing import Outgoing
from dcmtools.net.pdu import ReleaseRP, ReleaseRQ
from dcmtools.net.pdu import encode as encode_pdu

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType
    from typing import Self

    from dcmtools.net.dimse import Command
    from dcmtools.net.incoming import Message
    from dcmtools.net.negotiated import Context
    from dcmtools.net.pdu import AssociateAC, AssociateRQ
    from dcmtools.net.peer import NetworkOptions
    from dcmtools.net.transport import Transport


class Association(Negotiated):
    """An association that is open: messages go out with ``send`` and come in with ``receive``.

    ``dimse_timeout`` is how many seconds a message may take. Used in a ``with`` block it is released at the
    end, or aborted when the block fails.
    """

    def __init__(
        self,
        transport: Transport,
        network: NetworkOptions,
        request: AssociateRQ,
        accept: AssociateAC,
        peer_max_length: int,
    ) -> None:
        """Use ``transport``, on which ``request`` was answered with ``accept``, under the given timeouts.

        PDUs of at most ``peer_max_length`` bytes are sent, where 0 is no limit.
        """
        super().__init__(request, accept)
        self.transport = transport
        self.request = request
        self.dimse_timeout = network.dimse_timeout
        self._release_timeout = network.acse_timeout
        self._outgoing = Outgoing(transport, peer_max_length)
        self._incoming = Incoming(transport, self.contexts, network.dimse_timeout)
        self._message_id = 0

    @property
    def open(self) -> bool:
        """Whether messages can still go out and come in."""
        return self.transport.open

    def next_message_id(self) -> int:
        """Return a Message ID for the next request, 1 to 65535 in turn (PS3.7 9.3)."""
        self._message_id = self._message_id % 0xFFFF + 1
        return self._message_id

    def send(self, context: Context, command: Command, data_set: Iterable[bytes | memoryview] = ()) -> None:
        """Send a message: its command set and, fragment by fragment, the encoded ``data_set``.

        The blocks of the data set are read one ahead, so each must stay as it is until the next but one
        is asked for. Raises AssociationError when the connection breaks or takes nothing in time, with the
        reason of a peer that aborted, and the association is over; whatever ``data_set`` raises leaves a
        message cut short, after which only ``abort`` makes sense.
        """
        self._outgoing.send(context.context_id, encode(command), data_set, self.dimse_timeout)

    def receive(self, timeout: float | None = None) -> Message | None:
        """Return the next message, or None when the peer released the association.

        Raises AssociationError when its command set has not come within ``timeout`` seconds (the DIMSE
        timeout where none is given), when the peer aborts and when what it sends is not a message (PS3.7 and
        PS3.8 Annex E); the association is over then. After Interrupted it is not: the same message can be
        asked for again.
        """
        return self._incoming.receive(timeout)

    def has_message(self, timeout: float = 0.0) -> bool:
        """Tell whether the next message, or an end, has begun to come; wait ``timeout`` seconds for that.

        What is left of the data set of the message in hand is passed over; while that has not come, neither
        has a message. That nothing comes changes nothing. Raises AssociationError where the connection has
        ended, Interrupted as ``receive`` does.
        """
        return self._incoming.has_message(timeout)

    def response_to(
        self,
        request: Command,
        others: Callable[[Message], None] | None = None,
        timeout: float | None = None,
    ) -> Message:
        """Return the next response to ``request``, which has a status (PS3.7 9.3 and 10.3).

        Requests of the peer that come before go to ``others``: sub-operations, events, a C-CANCEL. Raises
        AssociationError where there is nobody to take them, for a response to something else, and as
        ``receive`` does; each message has to come within ``timeout`` seconds.
        """
        while True:
            message = self._incoming.receive(timeout)
            if message is None:
                what = "the peer released the association instead of answering"
                raise AssociationError(what, step="receive")
            command = message.command
            field = number(command, "CommandField")
            if others is None or field & RESPONSE:
                break
            others(message)
        answered = number(command, "MessageIDBeingRespondedTo", -1)
        if field != number(request, "CommandField") | RESPONSE or answered != request["MessageID"]:
            raise aborting.broken(self.transport, "a message that does not answer the request in hand")
        if "Status" not in command:
            raise aborting.broken(self.transport, "a response without a status")
        return message

    def data(self, deadline: float | None = None) -> Iterator[memoryview]:
        """Yield the fragments of the data set of the message in hand; each is valid until the next.

        All have to come before ``deadline`` or, where there is none, each PDU within the DIMSE timeout.
        Raises what ``receive`` raises.
        """
        return self._incoming.data(deadline)

    def read_data(self, limit: int) -> bytes:
        """Return the data set of the message in hand; raise AssociationError past ``limit`` bytes.

        Raises what ``receive`` raises. After Interrupted it can be asked for again.
        """
        return self._incoming.read_data(limit)

    def expect_silence(self) -> None:
        """Raise AssociationError where the peer has sent something already, before it was asked anything."""
        self._incoming.expect_silence()

    def check_open(self) -> None:
        """Raise AssociationError where the peer has ended the association; what else it sent stays unread."""
        self._incoming.check_open()

    def release(self) -> None:
        """Release the association (PS3.8 7.2) and close the connection.

        Raises AssociationError when the peer does not agree in time; the association is over all the same.
        """
        if not self.open:
            return
        transport, timeout = self.transport, self._release_timeout
        transport.step = "release"
        transport.patient = True  # a first wish to stop has come to this already
        deadline = time.monotonic() + timeout
        try:
            transport.send([encode_pdu(ReleaseRQ())], timeout)
            answer = aborting.read_answer(transport, deadline, past_data=True)
            while isinstance(answer, ReleaseRQ):  # both asked at once (PS3.8 9.2, state 7)
                transport.send([encode_pdu(ReleaseRP())], timeout)
                answer = aborting.read_answer(transport, deadline, past_data=True)
        except DcmtoolsError:
            self.abort()
            raise
        if not isinstance(answer, ReleaseRP):
            raise aborting.broken(transport, "another PDU than an answer", aborting.UNEXPECTED_PDU)
        transport.close()

    def abort(self) -> None:
        """Abort the association (PS3.8 7.3) and close the connection; never fails."""
        aborting.abort(self.transport)

    def __enter__(self) -> Self:
        """Use the association in a ``with`` block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Release the association, or abort it when the block failed.

        A release that fails is a warning: what the association was for is done.
        """
        if kind is not None:
            self.abort()
            return
        try:
            self.release()
        except DcmtoolsError as failure:
            import logging  # 3 ms, for what hardly ever happens

            logging.getLogger(__name__).warning("%s: %s", self.request.called_aet, failure.message)

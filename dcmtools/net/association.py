"""One synchronous association, for requestor and acceptor alike (PS3.8 section 7, PS3.7 section 8)."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.errors import AssociationError, DcmtoolsError
from dcmtools.net import dimse, pdu
from dcmtools.net.aborting import INVALID_PARAMETER, PROVIDER, UNEXPECTED_PDU, aborted
from dcmtools.net.outgoing import Outgoing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from dcmtools.net.peer import NetworkOptions
    from dcmtools.net.transport import Transport

MAX_CONTEXTS: Final = 128
MAX_COMMAND: Final = 64 * 1024


class Context(NamedTuple):
    """A presentation context that both sides agreed on (PS3.8 7.1.1.13)."""

    context_id: int
    abstract_syntax: str
    transfer_syntax: str


class Message(NamedTuple):
    """A DIMSE message whose command set has arrived; its data set, where it has one, is still to be read."""

    context: Context
    command: dimse.Command


class Association:
    """An association that is open: messages go out with ``send`` and come in with ``receive``.

    ``contexts`` holds the agreed presentation contexts by ID, ``refused`` the results of the others.
    ``roles`` holds the requestor's agreed roles where they were negotiated, ``extended`` the acceptor's
    answer to an extended negotiation, both by SOP class (PS3.7 D.3.3.4 and D.3.3.5).
    Used in a ``with`` block it is released at the end, or aborted when the block fails.
    """

    def __init__(
        self,
        transport: Transport,
        network: NetworkOptions,
        request: pdu.AssociateRQ,
        accept: pdu.AssociateAC,
        peer_max_length: int,
    ) -> None:
        """Use ``transport``, on which ``request`` was answered with ``accept``, under the given timeouts.

        PDUs of at most ``peer_max_length`` bytes are sent, where 0 is no limit.
        """
        self.transport = transport
        self.request = request
        self.open = True
        self.timeout = network.dimse_timeout
        self._outgoing = Outgoing(transport, peer_max_length)
        self._release_timeout = network.acse_timeout
        proposed = {context.context_id: context for context in request.contexts}
        self.contexts: dict[int, Context] = {}
        self.refused: dict[int, int] = {}
        for answer in accept.contexts:
            context_id, result, transfer_syntax = answer.context_id, answer.result, answer.transfer_syntax
            context = proposed.get(context_id)
            if context is None:
                continue
            if result == pdu.ACCEPTANCE and transfer_syntax in context.transfer_syntaxes:
                self.contexts[context_id] = Context(context_id, context.abstract_syntax, transfer_syntax)
            else:
                self.refused[context_id] = result or pdu.TRANSFER_SYNTAXES_NOT_SUPPORTED
        asked, answered = request.user_information, accept.user_information
        self.roles = _agreed_roles(asked.roles, answered.roles)
        classes = {entry.sop_class_uid for entry in asked.extended}
        self.extended = {
            entry.sop_class_uid: entry.information
            for entry in answered.extended
            if entry.sop_class_uid in classes
        }
        self._values: deque[tuple[int, int, memoryview]] = deque()
        self._reading: Message | None = None
        self._message_id = 0

    def next_message_id(self) -> int:
        """Return a Message ID for the next request, 1 to 65535 in turn (PS3.7 9.3)."""
        self._message_id = self._message_id % 0xFFFF + 1
        return self._message_id

    def context_for(self, abstract_syntax: str, transfer_syntax: str | None = None) -> Context | None:
        """Return an agreed context for ``abstract_syntax``, in ``transfer_syntax`` where that is given."""
        for context in self.contexts.values():
            if context.abstract_syntax == abstract_syntax and transfer_syntax in (
                None,
                context.transfer_syntax,
            ):
                return context
        return None

    def send(
        self, context: Context, command: dimse.Command, data_set: Iterable[bytes | memoryview] = ()
    ) -> None:
        """Send a message: its command set and, fragment by fragment, the encoded ``data_set``.

        The blocks of the data set are read one ahead, so each must stay as it is until the next but one
        is asked for. Raises AssociationError when the connection breaks or takes nothing in time, with the
        reason of a peer that aborted; whatever ``data_set`` raises leaves a message cut short, after which
        only ``abort`` makes sense.
        """
        self._outgoing.send(context.context_id, dimse.encode(command), data_set, self.timeout)

    def receive(self, timeout: float | None = None) -> Message | None:
        """Return the next message, or None when the peer released the association.

        Raises AssociationError when its command set has not come within ``timeout`` seconds (the DIMSE
        timeout where none is given), when the peer aborts and when what it sends is not a message (PS3.7 and
        PS3.8 Annex E); the association is over then.
        """
        self.transport.step = "receive"
        deadline = time.monotonic() + (timeout or self.timeout)
        for _ in self.data(deadline):
            pass
        command = bytearray()
        last = False
        context_id = 0
        while not last:
            if not self._values and not self._next_values(deadline - time.monotonic()):
                return None
            number, control, fragment = self._values.popleft()
            if not control & pdu.COMMAND:
                raise self._broken("a data set fragment where a command set should stand")
            if context_id and number != context_id:
                raise self._broken("a fragment of another message within a command set")
            context_id, last = number, bool(control & pdu.LAST)
            command += fragment
            if len(command) > MAX_COMMAND:
                raise self._broken(f"a command set of more than {MAX_COMMAND} bytes")
        return self._message(context_id, bytes(command))

    def expect_silence(self) -> None:
        """Raise AssociationError where the peer has sent something already, before it was asked anything."""
        for _ in self.data(time.monotonic() + self.timeout):
            pass  # of a data set that came with the last answer
        self.transport.step = "receive"
        if self._values or self.transport.has_input():
            if self.receive() is None:
                raise AssociationError("the peer released the association", step="receive", transient=True)
            raise self._broken("a message that nothing had asked for")

    def response_to(self, request: dimse.Command) -> Message:
        """Return the next message, a response to ``request`` that has a status (PS3.7 9.3 and 10.3).

        Raises AssociationError where it is another message, or none as ``receive`` says.
        """
        message = self.receive()
        if message is None:
            raise AssociationError("the peer released the association instead of answering", step="receive")
        command = message.command
        field = dimse.number(request, "CommandField") | dimse.RESPONSE
        answered = dimse.number(command, "MessageIDBeingRespondedTo", -1)
        if command["CommandField"] != field or answered != request["MessageID"]:
            raise self._broken("a message that does not answer the request in hand")
        if "Status" not in command:
            raise self._broken("a response without a status")
        return message

    def _message(self, context_id: int, raw: bytes) -> Message:
        context = self.contexts.get(context_id)
        if context is None:
            raise self._broken(f"a message on presentation context {context_id}, which was not agreed on")
        try:
            message = Message(context, dimse.decode(raw))
        except dimse.DimseError as error:
            raise self._broken(f"a command set that is broken ({error})") from error
        self._reading = message if dimse.has_data_set(message.command) else None
        return message

    def data(self, deadline: float | None = None) -> Iterator[memoryview]:
        """Yield the fragments of the data set of the message in hand; each is valid until the next.

        All have to come before ``deadline`` or, where there is none, each PDU within the DIMSE timeout.
        Raises what ``receive`` raises.
        """
        while self._reading is not None:
            timeout = deadline - time.monotonic() if deadline else self.timeout
            if not self._values and not self._next_values(timeout):
                raise AssociationError("the peer released the association within a message", step="receive")
            context_id, control, fragment = self._values.popleft()
            if control & pdu.COMMAND:
                raise self._broken("a command set fragment where a data set should go on")
            if context_id != self._reading.context.context_id:
                raise self._broken("a fragment of another message within a data set")
            if control & pdu.LAST:
                self._reading = None
            yield fragment

    def read_data(self, limit: int) -> bytes:
        """Return the data set of the message in hand; raise AssociationError past ``limit`` bytes."""
        data = bytearray()
        for fragment in self.data():
            data += fragment
            if len(data) > limit:
                raise self._broken(f"a data set of more than {limit} bytes")
        return bytes(data)

    def _next_values(self, timeout: float) -> bool:
        """Read the next P-DATA-TF; return False when the peer released the association instead."""
        try:
            kind, body = self.transport.read_pdu(timeout)
            if kind == pdu.P_DATA_TF:
                self._values.extend(pdu.data_values(body))
                return True
            other = pdu.decode(kind, body)
        except pdu.PduError as error:
            raise self._broken(f"a PDU that is broken ({error})") from error
        except AssociationError as error:
            if error.transient:
                self.abort()
            else:
                self.abort(PROVIDER, INVALID_PARAMETER)
            raise
        if isinstance(other, pdu.ReleaseRQ):
            self.transport.send_last(pdu.encode(pdu.ReleaseRP()))
            self._close()
            return False
        if isinstance(other, pdu.Abort):
            self._close()
            raise aborted(other, self.transport.step)
        raise self._broken("a PDU that has no place in an open association", UNEXPECTED_PDU)

    def _broken(self, what: str, reason: int = INVALID_PARAMETER) -> AssociationError:
        """Abort because the peer sent ``what``, and return the error to raise."""
        self.abort(PROVIDER, reason)
        return AssociationError(f"the peer sent {what}", step=self.transport.step)

    def release(self) -> None:
        """Release the association (PS3.8 7.2) and close the connection.

        Raises AssociationError when the peer does not agree in time; the association is over all the same.
        """
        if not self.open:
            return
        self.transport.step = "release"
        self.transport.patient = True  # a first wish to stop has come to this already
        try:
            self.transport.send([pdu.encode(pdu.ReleaseRQ())], self._release_timeout)
            answer = self._answer_to_release()
            if isinstance(answer, pdu.Abort):
                self._close()
                raise aborted(answer, "release")
            if not isinstance(answer, pdu.ReleaseRP):
                raise self._broken("another PDU than an answer", UNEXPECTED_PDU)
        except pdu.PduError as error:
            raise self._broken(f"a PDU that is broken ({error})") from error
        except DcmtoolsError:
            self.abort()
            raise
        self._close()

    def _answer_to_release(self) -> pdu.Pdu:
        deadline = time.monotonic() + self._release_timeout
        while True:
            kind, body = self.transport.read_pdu(deadline - time.monotonic())
            if kind == pdu.P_DATA_TF:
                continue  # what the peer had sent before it read the request
            answer = pdu.decode(kind, body)
            if not isinstance(answer, pdu.ReleaseRQ):
                return answer
            # Both asked at once (PS3.8 9.2, state 7).
            self.transport.send([pdu.encode(pdu.ReleaseRP())], self._release_timeout)

    def abort(self, source: int = 0, reason: int = 0) -> None:
        """Abort the association (PS3.8 7.3) and close the connection; never fails."""
        if self.open:
            self.transport.send_last(pdu.encode(pdu.Abort(source, reason)))
            self._close()

    def _close(self) -> None:
        self.open = False
        self.transport.close()

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


def _agreed_roles(
    asked: Sequence[pdu.RoleSelection], answered: Sequence[pdu.RoleSelection]
) -> dict[str, pdu.RoleSelection]:
    """Return the roles that were asked for and granted; the acceptor may take some away, and add none."""
    granted = {role.sop_class_uid: role for role in answered}
    return {
        role.sop_class_uid: pdu.RoleSelection(
            role.sop_class_uid, role.scu and answer.scu, role.scp and answer.scp
        )
        for role in asked
        if (answer := granted.get(role.sop_class_uid)) is not None
    }

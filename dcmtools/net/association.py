"""One synchronous association, for requestor and acceptor alike (PS3.8 section 7, PS3.7 section 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.errors import AssociationError
from dcmtools.net import dimse, pdu

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Self

    from dcmtools.net.peer import NetworkOptions
    from dcmtools.net.transport import Transport

MAX_CONTEXTS: Final = 128
MAX_COMMAND: Final = 64 * 1024
# A fragment for peers that set no limit, and the most that is sent in one PDU to those with a high one.
MAX_FRAGMENT: Final = 1024 * 1024 - 12
PROVIDER: Final = 2
UNEXPECTED_PDU: Final = 2
INVALID_PARAMETER: Final = 6


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

        What is sent keeps to ``peer_max_length``; fragments have an even length (PS3.8 D.1, PS3.7 F).
        """
        self.transport = transport
        self.request = request
        self.open = True
        self.timeout = network.dimse_timeout
        self.max_fragment = MAX_FRAGMENT
        if peer_max_length:
            self.max_fragment = max(min(peer_max_length - 6, MAX_FRAGMENT) & ~1, 2)
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
        self._values: list[tuple[int, int, memoryview]] = []
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
        is asked for. Raises AssociationError when the connection breaks or takes nothing in time; whatever
        ``data_set`` raises leaves a message cut short, after which only ``abort`` makes sense.
        """
        transport, context_id = self.transport, context.context_id
        transport.step = "send"
        pieces: list[bytes | memoryview] = []
        self._fragments(pieces, context_id, pdu.COMMAND, dimse.encode(command), last=True)
        pending: bytes | memoryview | None = None
        for block in data_set:
            if pending is not None:
                self._fragments(pieces, context_id, 0, pending, last=False)
                transport.send(pieces, self.timeout)
                pieces = []
            pending = block
        if pending is not None:
            self._fragments(pieces, context_id, 0, pending, last=True)
        transport.send(pieces, self.timeout)

    def _fragments(
        self,
        pieces: list[bytes | memoryview],
        context_id: int,
        control: int,
        block: bytes | memoryview,
        *,
        last: bool,
    ) -> None:
        """Add ``block`` to ``pieces`` as P-DATA-TF PDUs of one PDV each (PS3.8 9.3.5 and Annex E)."""
        size, step = len(block), self.max_fragment
        view = memoryview(block)
        full = pdu.data_header(context_id, control, step)
        at = 0
        while size - at > step:
            pieces += (full, view[at : at + step])
            at += step
        ending = control | pdu.LAST if last else control
        pieces += (pdu.data_header(context_id, ending, size - at), view[at:])

    def receive(self, timeout: float | None = None) -> Message | None:
        """Return the next message, or None when the peer released the association.

        Raises AssociationError when none comes within ``timeout`` seconds (the DIMSE timeout where none is
        given), when the peer aborts and when what it sends is not a message (PS3.7 and PS3.8 Annex E); the
        association is over then.
        """
        self.transport.step = "receive"
        for _ in self.data():
            pass
        command = bytearray()
        last = False
        context_id = 0
        while not last:
            if not self._values and not self._next_values(timeout or self.timeout):
                return None
            number, control, fragment = self._values.pop(0)
            if not control & pdu.COMMAND or (context_id and number != context_id):
                raise self._broken("a data set fragment stands where a command set should")
            context_id, last = number, bool(control & pdu.LAST)
            command += fragment
            if len(command) > MAX_COMMAND:
                raise self._broken(f"a command set of more than {MAX_COMMAND} bytes")
        return self._message(context_id, bytes(command))

    def response_to(self, request: dimse.Command) -> Message:
        """Return the next message, which has to be a response to ``request`` (PS3.7 9.3 and 10.3).

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

    def data(self) -> Iterator[memoryview]:
        """Yield the fragments of the data set of the message in hand; each is valid until the next.

        Raises what ``receive`` raises.
        """
        while self._reading is not None:
            if not self._values and not self._next_values(self.timeout):
                raise AssociationError("the peer released the association within a message", step="receive")
            context_id, control, fragment = self._values.pop(0)
            if control & pdu.COMMAND or context_id != self._reading.context.context_id:
                raise self._broken("a command set fragment stands where a data set should go on")
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
                self._values = pdu.data_values(body)
                return True
            other = pdu.decode(kind, body)
        except pdu.PduError as error:
            raise self._broken(f"a PDU that is broken ({error})") from error
        except AssociationError:
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
        transport = self.transport
        transport.step = "release"
        try:
            transport.send([pdu.encode(pdu.ReleaseRQ())], self._release_timeout)
            while True:
                kind, body = transport.read_pdu(self._release_timeout)
                if kind == pdu.P_DATA_TF:
                    continue  # what the peer had sent before it read the request
                answer = pdu.decode(kind, body)
                if isinstance(answer, pdu.ReleaseRQ):  # both asked at once (PS3.8 9.2, state 7)
                    transport.send([pdu.encode(pdu.ReleaseRP())], self._release_timeout)
                    continue
                break
            if isinstance(answer, pdu.Abort):
                raise aborted(answer, "release")
        except pdu.PduError as error:
            raise AssociationError(f"the peer sent a PDU that is broken ({error})", step="release") from error
        finally:
            self._close()

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
        """Release the association, or abort it when the block failed."""
        if kind is None:
            self.release()
        else:
            self.abort()


def aborted(abort: pdu.Abort, step: str) -> AssociationError:
    """Return the error for an A-ABORT that came in during ``step`` (PS3.8 9.3.8)."""
    words = pdu.abort_text(abort.source, abort.reason)
    return AssociationError(f"the peer aborted the association: {words}", step=step, transient=True)

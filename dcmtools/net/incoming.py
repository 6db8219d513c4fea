"""Messages on their way in: command sets and data sets from P-DATA-TF PDUs (PS3.8 9.3.5, Annex E)."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.errors import AssociationError
from dcmtools.net.aborting import UNEXPECTED_PDU, abort_for, aborted, broken, broken_pdu
from dcmtools.net.command_set import DimseError, decode
from dcmtools.net.dimse import Command, has_data_set
from dcmtools.net.items import PduError
from dcmtools.net.negotiated import Context  # noqa: TC001  a named tuple's types are needed to compile it
from dcmtools.net.p_data import COMMAND, LAST, P_DATA_TF, data_values
from dcmtools.net.pdu import Abort, ReleaseRP, ReleaseRQ
from dcmtools.net.pdu import decode as decode_pdu
from dcmtools.net.pdu import encode as encode_pdu

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dcmtools.net.transport import Transport

MAX_COMMAND: Final = 64 * 1024
_RELEASED: Final = "the peer released the association within a message"


class Message(NamedTuple):
    """A DIMSE message whose command set has arrived; its data set, where it has one, is still to be read."""

    context: Context
    command: Command


class Incoming:
    """Puts messages together from what the peer sends; whatever is none ends the association.

    Interrupted alone leaves all as it was: what came of a message before is there when it is asked for again.
    """

    def __init__(self, transport: Transport, contexts: Mapping[int, Context], timeout: float) -> None:
        """Read from ``transport`` messages on ``contexts``; where no other is given, ``timeout`` holds."""
        self._transport = transport
        self._contexts = contexts
        self._timeout = timeout
        self._values: deque[tuple[int, int, memoryview]] = deque()
        self._reading: Message | None = None  # whose data set has not come to its end
        self._context_id: int | None = None  # that of a command set which has not come to its end
        self._command = bytearray()
        self._last: tuple[bytes | None, Command] = (None, {})  # pending responses are mostly alike
        self._data_set = bytearray()

    def receive(self, timeout: float | None) -> Message | None:
        """Return the next message; see ``Association.receive``."""
        transport, values, command = self._transport, self._values, self._command
        transport.step = "receive"
        left = self._timeout if timeout is None else timeout
        deadline = time.monotonic() + left
        if self._reading is not None:
            self._pass_over(deadline)
            left = deadline - time.monotonic()
        while True:
            if not values and not self._next_values(left):
                if self._context_id is not None:
                    raise AssociationError(_RELEASED, step="receive")
                return None
            context_id, control, fragment = values.popleft()
            if not control & COMMAND:
                raise broken(transport, "a data set fragment where a command set should stand")
            if self._context_id not in (None, context_id):
                raise broken(transport, "a fragment of another message within a command set")
            self._context_id = context_id
            command += fragment
            if len(command) > MAX_COMMAND:
                raise broken(transport, f"a command set of more than {MAX_COMMAND} bytes")
            if control & LAST:
                return self._message()
            left = deadline - time.monotonic()

    def _message(self) -> Message:
        """Return the message whose command set has come to its end."""
        context = None if self._context_id is None else self._contexts.get(self._context_id)
        if context is None:
            what = f"a message on presentation context {self._context_id}, which was not agreed on"
            raise broken(self._transport, what)
        raw = bytes(self._command)
        try:
            if raw != self._last[0]:
                self._last = (raw, decode(raw))
            message = Message(context, self._last[1].copy())
        except DimseError as error:
            raise broken(self._transport, f"a command set that is broken ({error})") from error
        self._command.clear()
        self._context_id = None
        self._data_set.clear()
        self._reading = message if has_data_set(message.command) else None
        return message

    def data(self, deadline: float | None = None) -> Iterator[memoryview]:
        """Yield the fragments of the data set of the message in hand; see ``Association.data``."""
        while self._reading is not None:
            timeout = deadline - time.monotonic() if deadline else self._timeout
            if not self._values and not self._next_values(timeout):
                raise AssociationError(_RELEASED, step="receive")
            context_id, control, fragment = self._values.popleft()
            if control & COMMAND:
                raise broken(self._transport, "a command set fragment where a data set should go on")
            if context_id != self._reading.context.context_id:
                raise broken(self._transport, "a fragment of another message within a data set")
            if control & LAST:
                self._reading = None
            yield fragment

    def _pass_over(self, deadline: float) -> None:
        """Let what is left of the data set of the message in hand come, all before ``deadline``."""
        for _ in self.data(deadline):
            pass

    def read_data(self, limit: int) -> bytes:
        """Return the data set of the message in hand; see ``Association.read_data``."""
        gathered = self._data_set
        for fragment in self.data():
            gathered += fragment
            if len(gathered) > limit:
                raise broken(self._transport, f"a data set of more than {limit} bytes")
        data = bytes(gathered)
        gathered.clear()
        return data

    def has_message(self, timeout: float) -> bool:
        """Tell whether the next message, or an end, has begun to come; see ``Association.has_message``."""
        self._transport.step = "receive"
        deadline = time.monotonic() + timeout
        while self._reading is not None:
            if not self._values and not self._transport.has_pdu(max(deadline - time.monotonic(), 0)):
                return False
            next(self.data())
        return bool(self._values) or self._transport.has_input(max(deadline - time.monotonic(), 0))

    def expect_silence(self) -> None:
        """Raise AssociationError where the peer has sent something; see ``Association.expect_silence``."""
        if self._reading is not None:  # a data set that came with the last answer
            self._pass_over(time.monotonic() + self._timeout)
        self._transport.step = "receive"
        if self._values or self._transport.has_input():
            if self.receive(None) is None:
                raise AssociationError("the peer released the association", step="receive", transient=True)
            raise broken(self._transport, "a message that nothing had asked for")

    def check_open(self) -> None:
        """Raise AssociationError where the peer has ended the association; what else it sent stays unread."""
        if not self._values and self._transport.has_pdu() and not self._next_values(self._timeout):
            step = self._transport.step
            raise AssociationError("the peer released the association", step=step, transient=True)

    def _next_values(self, timeout: float) -> bool:
        """Read the next P-DATA-TF; return False when the peer released the association instead."""
        transport = self._transport
        try:
            kind, body = transport.read_pdu(timeout)
            if kind == P_DATA_TF:
                self._values.extend(data_values(body))
                return True
            other = decode_pdu(kind, body)
        except PduError as error:
            raise broken_pdu(transport, error) from error
        except AssociationError as failure:
            abort_for(transport, failure)
            raise
        if isinstance(other, ReleaseRQ):
            transport.send_last(encode_pdu(ReleaseRP()))
            transport.close()
            return False
        if isinstance(other, Abort):
            transport.close()
            raise aborted(other, transport.step)
        raise broken(transport, "a PDU that has no place in an open association", UNEXPECTED_PDU)

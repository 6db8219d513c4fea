"""Messages on their way out: a command set and a data set as P-DATA-TF PDUs (PS3.8 9.3.5, Annex E)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.errors import AssociationError, DcmtoolsError
from dcmtools.net.aborting import abort, aborted
from dcmtools.net.items import PduError
from dcmtools.net.p_data import COMMAND, LAST, data_header
from dcmtools.net.pdu import ABORT, Abort, decode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dcmtools.net.transport import Transport

# A fragment for peers that set no limit, and the most that is sent in one PDU to those with a high one.
MAX_FRAGMENT: Final = 1024 * 1024 - 12
# How many pieces, two to a fragment, are gathered before they are sent: a bound for peers with tiny PDUs.
MAX_PIECES: Final = 4096
# How many PDUs of a peer that has broken off are searched for its reason.
LAST_PDUS: Final = 100


class Outgoing:
    """Cuts messages into PDUs of one PDV each that keep to what the peer takes, and sends them."""

    def __init__(self, transport: Transport, peer_max_length: int) -> None:
        """Send on ``transport`` PDUs of at most ``peer_max_length`` bytes, 8 or more, where 0 is no limit.

        Fragments have an even length (PS3.8 D.1, PS3.7 F).
        """
        self.max_fragment = MAX_FRAGMENT
        if peer_max_length:
            self.max_fragment = min(peer_max_length - 6, MAX_FRAGMENT) & ~1
        self._transport = transport
        self._pieces: list[bytes | memoryview] = []

    def send(
        self, context_id: int, command: bytes, data_set: Iterable[bytes | memoryview], timeout: float
    ) -> None:
        """Send an encoded command set and the blocks of a data set, read one ahead.

        Raises AssociationError when the connection breaks or takes nothing for ``timeout`` seconds, with
        the reason of a peer that aborted; the association is over then.
        """
        self._transport.step = "send"
        self._pieces.clear()
        self._cut(context_id, COMMAND, command, timeout, last=True)
        pending: bytes | memoryview | None = None
        for block in data_set:
            if pending is not None:
                self._cut(context_id, 0, pending, timeout, last=False)
                self._write(timeout)
            pending = block
        if pending is not None:
            self._cut(context_id, 0, pending, timeout, last=True)
        self._write(timeout)

    def _cut(
        self, context_id: int, control: int, block: bytes | memoryview, timeout: float, *, last: bool
    ) -> None:
        """Add ``block`` to the pieces; send them when they are many."""
        pieces, size, step = self._pieces, len(block), self.max_fragment
        view = memoryview(block)
        full = data_header(context_id, control, step)
        at = 0
        while size - at > step:
            pieces += (full, view[at : at + step])
            at += step
            if len(pieces) >= MAX_PIECES:
                self._write(timeout)
        ending = control | LAST if last else control
        pieces += (data_header(context_id, ending, size - at), view[at:])

    def _write(self, timeout: float) -> None:
        try:
            self._transport.send(self._pieces, timeout)
        except AssociationError as error:
            reason = self._reason_for(error)
            abort(self._transport)
            raise reason from error
        self._pieces.clear()

    def _reason_for(self, failure: AssociationError) -> AssociationError:
        """Return the A-ABORT that a peer sent before it broke off, or ``failure`` where there is none."""
        try:
            for _ in range(LAST_PDUS):
                kind, body = self._transport.read_pdu(0)
                if kind == ABORT and isinstance(answer := decode(kind, body), Abort):
                    return aborted(answer, self._transport.step)
        except (DcmtoolsError, PduError):
            return failure
        return failure

"""How an association ends that not both sides have agreed to end (PS3.8 7.3, 7.4 and 9.3.8)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from dcmtools.errors import AssociationError, Interrupted
from dcmtools.net.items import PduError, UnrecognizedPdu
from dcmtools.net.p_data import P_DATA_TF
from dcmtools.net.pdu import Abort, decode, encode

if TYPE_CHECKING:
    from dcmtools.net.pdu import Pdu
    from dcmtools.net.transport import Transport

# Sources and reasons of an A-ABORT.
USER: Final = 0
PROVIDER: Final = 2
NOT_SPECIFIED: Final = 0
UNRECOGNIZED_PDU: Final = 1
UNEXPECTED_PDU: Final = 2
INVALID_PARAMETER: Final = 6
# PDV header, message control header and two bytes of data, the fewest of even length (PS3.8 9.3.5).
LEAST_MAX_LENGTH: Final = 8


def abort(transport: Transport, source: int = USER, reason: int = NOT_SPECIFIED) -> None:
    """Send an A-ABORT and close the connection, where it is open; never fails."""
    if transport.open:
        transport.send_last(encode(Abort(source, reason)))
        transport.close()


def broken(transport: Transport, what: str, reason: int = INVALID_PARAMETER) -> AssociationError:
    """Abort because the peer sent ``what``, and return the error to raise."""
    abort(transport, PROVIDER, reason)
    return AssociationError(f"the peer sent {what}", step=transport.step)


def broken_pdu(transport: Transport, error: PduError) -> AssociationError:
    """Abort because the peer sent a PDU that ``error`` tells of, and return the error to raise."""
    return broken(transport, f"a PDU that is broken ({error})")


def abort_for(transport: Transport, failure: AssociationError) -> None:
    """Abort because no PDU could be read, for the reason that ``failure`` is."""
    if isinstance(failure, UnrecognizedPdu):
        abort(transport, PROVIDER, UNRECOGNIZED_PDU)
    elif failure.transient:
        abort(transport)
    else:
        abort(transport, PROVIDER, INVALID_PARAMETER)


def check_max_length(transport: Transport, length: int) -> None:
    """Abort, with AssociationError, where the PDUs that the peer takes are too short for any message."""
    if 0 < length < LEAST_MAX_LENGTH:
        abort(transport)
        message = f"the peer takes PDUs of at most {length} bytes, too few for any message"
        raise AssociationError(message, step="associate")


def aborted(by: Abort, step: str) -> AssociationError:
    """Return the error for an A-ABORT of the peer that came in during ``step``."""
    from dcmtools.net.refusals import abort_text

    words = abort_text(by.source, by.reason)
    return AssociationError(f"the peer aborted the association: {words}", step=step, transient=True)


def read_answer(transport: Transport, deadline: float, *, past_data: bool = False) -> Pdu:
    """Return the next PDU, which is neither P-DATA-TF nor A-ABORT; any other outcome ends the association.

    With ``past_data`` whatever P-DATA-TF come before are passed over. Raises AssociationError where none
    comes by ``deadline``, a time of ``time.monotonic``, where it is broken and where the peer aborts;
    Interrupted when the user stops it.
    """
    try:
        kind, body = transport.read_pdu(deadline - time.monotonic())
        while past_data and kind == P_DATA_TF:
            kind, body = transport.read_pdu(deadline - time.monotonic())
        answer = decode(kind, body)
    except PduError as error:
        raise broken_pdu(transport, error) from error
    except AssociationError as failure:
        abort_for(transport, failure)
        raise
    except Interrupted:
        abort(transport)
        raise
    if isinstance(answer, Abort):
        transport.close()
        raise aborted(answer, transport.step)
    return answer

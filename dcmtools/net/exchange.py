"""Operations whose data sets are small: invoked, and answered (PS3.7 sections 8, 9.1 and 10.1).

``ask`` serves what has one response, which are the N-services; C-FIND, C-GET and C-MOVE are ``invoke``, then
``responses``. An SCP has ``read`` and ``respond``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.dataset import DataSet, decode, encode
from dcmtools.encoding.memory import MemorySource
from dcmtools.encoding.syntax import encoding_of, is_deflated
from dcmtools.errors import AssociationError, DcmtoolsError, Interrupted, MalformedError, PeerFailure
from dcmtools.net import dimse
from dcmtools.net.status import SUCCESS, explain, is_done, is_pending

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from dcmtools.net.association import Association
    from dcmtools.net.dimse import Command, CommandField, Value
    from dcmtools.net.incoming import Message
    from dcmtools.net.negotiated import Context

# Of an identifier, an attribute list, a report; ``dataset.decode`` says what it takes in memory.
MAX_DATA_SET: Final = 4 * 1024 * 1024
# Seconds that an operation has for its end once nobody waits for that any longer.
_TO_END: Final = 2.0


def invoke(
    association: Association,
    context: Context,
    field: CommandField,
    data_set: DataSet | None = None,
    /,
    **fields: Value,
) -> Command:
    """Send the request of an operation, and return it: ``responses`` and ``response_to`` want it.

    Raises what ``dimse.request``, ``dataset.encode`` and ``Association.send`` raise.
    """
    blocks = _encoded(data_set, context)
    message_id = association.next_message_id()
    request = dimse.request(field, message_id, data_set=data_set is not None, **fields)
    association.send(context, request, blocks)
    return request


def ask(
    association: Association,
    context: Context,
    field: CommandField,
    data_set: DataSet | None = None,
    others: Callable[[Message], None] | None = None,
    /,
    **fields: Value,
) -> tuple[Command, DataSet]:
    """Invoke an operation; return the command set and the data set, maybe empty, of its only response.

    ``others`` takes the peer's own requests, as ``response_to`` has it. Raises PeerFailure for the status of
    a failure, in words and without a look at its data set, and what ``invoke``, ``response_to`` and ``read``
    raise.
    """
    request = invoke(association, context, field, data_set, **fields)
    answer = association.response_to(request, others)
    status = dimse.number(answer.command, "Status")
    if not is_done(status):
        operation = field.name.removesuffix("_RQ").replace("_", "-")
        words = explain(status, dimse.text(answer.command, "ErrorComment"), field, context.abstract_syntax)
        raise PeerFailure(f"{operation}: {words}")
    return answer.command, read(association, answer)


def responses(
    association: Association,
    context: Context,
    request: Command,
    others: Callable[[Message], None] | None = None,
) -> Generator[Message]:
    """Yield the responses to a C-FIND, C-GET or C-MOVE: those that are pending, then the final one.

    ``others`` takes the sub-operations of a C-GET. The first wish to stop, whenever it comes, has the
    operation canceled (PS3.7 9.3.2.3), and what still comes is yielded. The second raises Interrupted: here,
    in what ``others`` is at, or in what whoever asks for the responses does with the association meanwhile.

    Whoever leaves before the final one, by break or exception, has the operation canceled as well, and what
    still comes passed over; where it does not end within two seconds, the association is aborted.
    What ``others`` raises leaves it open in the midst of an operation, so that only ``abort`` makes sense.
    Raises what ``response_to`` does.
    """
    transport = association.transport
    # An impatient transport is what the first wish to stop interrupts: while a response is awaited, which is
    # when it can be answered with a C-CANCEL. At any other time, and once canceled, only the second may.
    before = canceled = transport.patient

    def take(message: Message) -> None:
        transport.patient = True
        if others is not None:
            others(message)
        transport.patient = canceled

    pending = True
    try:
        while pending:
            transport.patient = canceled
            try:
                message = association.response_to(request, take if others else None)
            except Interrupted:
                canceled = transport.patient = True
                # Where that was the second wish to stop, this raises Interrupted again.
                association.send(context, dimse.cancel(dimse.number(request, "MessageID")))
                continue
            transport.patient = True
            pending = is_pending(dimse.number(message.command, "Status"))
            yield message
    except GeneratorExit:
        if pending and association.open:
            cancel = None if canceled else dimse.cancel(dimse.number(request, "MessageID"))
            canceled = True
            _end(association, context, request, cancel, take if others else None)
        raise
    finally:
        transport.patient = before


def _end(
    association: Association,
    context: Context,
    request: Command,
    cancel: Command | None,
    others: Callable[[Message], None] | None,
) -> None:
    """Have the operation end that ``request`` began, and that nobody waits for any longer."""
    deadline = time.monotonic() + min(association.dimse_timeout, _TO_END)

    def take(message: Message) -> None:
        if time.monotonic() > deadline:
            raise AssociationError("the peer goes on with what was canceled", step="receive")
        if others is not None:
            others(message)

    try:
        if cancel is not None:
            association.send(context, cancel)
        pending = True
        while pending:
            left = deadline - time.monotonic()
            message = association.response_to(request, take if others else None, left)
            pending = is_pending(dimse.number(message.command, "Status"))
    except DcmtoolsError:
        association.abort()


def read(association: Association, message: Message, limit: int = MAX_DATA_SET) -> DataSet:
    """Return the data set of the message in hand, an empty one where it has none.

    Raises PeerFailure where it contradicts PS3.5, or inflates to more than ``limit`` bytes, after which the
    association can be used all the same; AssociationError where it has more as it comes, and as ``receive``
    does.
    """
    if not dimse.has_data_set(message.command):
        return DataSet()
    data, syntax = association.read_data(limit), message.context.transfer_syntax
    try:
        return decode(_inflated(data, limit) if is_deflated(syntax) else data, encoding_of(syntax))
    except MalformedError as error:
        raise PeerFailure(f"the peer sent a data set that is broken ({error.message})") from error


def respond(
    association: Association,
    message: Message,
    status: int = SUCCESS,
    data_set: DataSet | None = None,
    /,
    **fields: Value,
) -> None:
    """Answer the request ``message`` with ``status``, further ``fields`` and a data set where there is one.

    Raises what ``dimse.response``, ``dataset.encode`` and ``Association.send`` raise.
    """
    blocks = _encoded(data_set, message.context)
    answer = dimse.response(message.command, status, data_set=data_set is not None, **fields)
    association.send(message.context, answer, blocks)


def _encoded(data_set: DataSet | None, context: Context) -> tuple[bytes, ...]:
    """Return the blocks of a data set in the transfer syntax of ``context``."""
    if data_set is None:
        return ()
    data = encode(data_set, encoding_of(context.transfer_syntax))
    if is_deflated(context.transfer_syntax):
        from dcmtools.files.deflate import deflated

        data = b"".join(deflated([data]))
    return (data,)


def _inflated(data: bytes, limit: int) -> bytes:
    """Return a data set inflated (PS3.5 A.5); raise MalformedError where that is more than ``limit``."""
    from dcmtools.files.deflate import inflate_head

    held, whole = inflate_head(MemorySource(data), 0)
    if not whole or held.size > limit:
        raise MalformedError(f"it inflates to more than {limit} bytes", offset=0)
    return held.read(0, held.size)

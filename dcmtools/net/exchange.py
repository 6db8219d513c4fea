"""Operations whose data sets are small: invoked, and answered (PS3.7 sections 8, 9.1 and 10.1).

``ask`` serves what has one response, which are the N-services; C-FIND, C-GET and C-MOVE are ``invoke``, then
``responses``. An SCP has ``read`` and ``respond``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.dataset import DataSet, decode, encode
from dcmtools.encoding.syntax import encoding_of
from dcmtools.errors import Interrupted, MalformedError, PeerFailure
from dcmtools.net import dimse
from dcmtools.net.status import SUCCESS, explain, is_done, is_pending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dcmtools.net.association import Association
    from dcmtools.net.dimse import Command, CommandField, Value
    from dcmtools.net.incoming import Message
    from dcmtools.net.negotiated import Context

# Of an identifier, an attribute list, a report: in memory they take up to 40 times as much.
MAX_DATA_SET: Final = 4 * 1024 * 1024


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
) -> Iterator[Message]:
    """Yield the responses to a C-FIND, C-GET or C-MOVE: those that are pending, then the final one.

    ``others`` takes the sub-operations of a C-GET. The first wish to stop, whenever it comes, has the
    operation canceled (PS3.7 9.3.2.3), and what still comes is yielded; the second raises Interrupted, and
    breaks into what ``others`` and whoever asks for the responses are at. Raises what ``response_to`` does.
    """
    transport = association.transport
    before = canceled = transport.patient

    def take(message: Message) -> None:
        transport.patient = True
        if others is not None:
            others(message)
        transport.patient = canceled

    try:
        pending = True
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
    finally:
        transport.patient = before


def read(association: Association, message: Message, limit: int = MAX_DATA_SET) -> DataSet:
    """Return the data set of the message in hand, an empty one where it has none.

    Raises PeerFailure where it contradicts PS3.5, after which the association can be used all the same;
    AssociationError where it has more than ``limit`` bytes, and as ``receive`` does.
    """
    if not dimse.has_data_set(message.command):
        return DataSet()
    data = association.read_data(limit)
    try:
        return decode(data, encoding_of(message.context.transfer_syntax))
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
    return () if data_set is None else (encode(data_set, encoding_of(context.transfer_syntax)),)

"""C-FIND as SCU on an association that is open (PS3.4 C.4.1, PS3.7 9.1.2)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.dataset import decode
from dcmtools.encoding.syntax import encoding_of
from dcmtools.errors import AssociationError, DcmtoolsError, Interrupted, MalformedError, PeerFailure
from dcmtools.net import dimse
from dcmtools.net.dimse import CommandField
from dcmtools.net.exchange import MAX_DATA_SET, invoke, responses
from dcmtools.net.status import CANCELED, SUCCESS, explain, is_pending, is_warning, status_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.encoding.dataset import DataSet
    from dcmtools.net.association import Association
    from dcmtools.net.dimse import Command
    from dcmtools.net.incoming import Message
    from dcmtools.net.peer import NetworkOptions

# Seconds that a peer may go on sending matches after the C-CANCEL.
_PATIENCE: Final = 5.0
_HINTS: Final = {
    0x0122: "the archive may know another model: -P patient root, -S study root",
    0xA700: "the query may match too much for the archive; narrower keys or --limit help",
    0xA900: "keys, level and model do not go together for this archive: see --level, -P and -S",
}


class FindFailure(PeerFailure):
    """The C-FIND ended with the status ``number``, which is that of a failure."""

    def __init__(self, message: str, number: int) -> None:
        """Say what mostly lies behind the status."""
        super().__init__(message, hint=_HINTS.get(number, ""))
        self.number = number


class Incomplete(DcmtoolsError):
    """The peer has more matches than it has sent."""

    code = "incomplete"


class Match(NamedTuple):
    """A pending response: the bytes of its identifier, none where it has none; their syntax; its status."""

    data: bytes
    transfer_syntax_uid: str
    status: int

    def data_set(self, charset: bytes = b"") -> DataSet:
        """Return the identifier, in ``charset`` where it names none.

        Raises MalformedError where the bytes contradict PS3.5, or there are none.
        """
        if not self.data:
            raise MalformedError("there is no identifier", offset=0)
        return decode(self.data, encoding_of(self.transfer_syntax_uid), charset)


def matches(
    association: Association,
    sop_class_uid: str,
    identifier: DataSet,
    network: NetworkOptions,
    limit: int = 0,
) -> Iterator[Match]:
    """Yield what answers ``identifier``, as it comes.

    After ``limit`` matches, if that is not 0, the peer is sent a C-CANCEL, and what it sends all the same is
    not yielded; where it goes on for seconds, or says nothing within the DIMSE timeout, the association is
    aborted with a warning. The user's wish to stop is treated alike, and raises Interrupted when the peer has
    ended.

    Raises PeerFailure where the SOP class was not accepted, FindFailure for the status of a failure,
    Incomplete where the peer ends before it has sent all, and what ``responses`` and ``read_data`` raise.
    """
    context = association.require(sop_class_uid)
    field = CommandField.C_FIND_RQ
    request = invoke(
        association, context, field, identifier, AffectedSOPClassUID=sop_class_uid, Priority=dimse.MEDIUM
    )
    count, deadline = 0, 0.0
    stop = network.stop
    try:
        for message in responses(association, context, request):
            status = dimse.number(message.command, "Status")
            if not is_pending(status):
                if not stop.count:
                    _check(status, message.command, sop_class_uid, canceled=count == limit > 0)
            elif deadline:
                _check_time(association, deadline)
            elif not stop.count:
                yield _match(association, message, status)
                count += 1
                if count == limit:
                    deadline = time.monotonic() + min(network.dimse_timeout, _PATIENCE)
                    association.send(context, dimse.cancel(dimse.number(request, "MessageID")))
    except AssociationError as error:
        if not deadline:
            raise
        association.abort()
        _warn("the C-CANCEL after %d matches had no effect (%s); the association was aborted", count, error)
    if stop.count:
        raise Interrupted("stopped by the user")


def _match(association: Association, message: Message, status: int) -> Match:
    has_data = dimse.has_data_set(message.command)
    data = association.read_data(MAX_DATA_SET) if has_data else b""
    return Match(data, message.context.transfer_syntax, status)


def _check_time(association: Association, deadline: float) -> None:
    """Abort, with AssociationError, where a peer that was asked to stop sends matches after ``deadline``."""
    if time.monotonic() > deadline:
        association.abort()
        raise AssociationError("the peer goes on sending matches", step="cancel")


def _check(status: int, command: Command, sop_class_uid: str, *, canceled: bool) -> None:
    """Raise what a final ``status`` comes to, unless it is what was to come."""
    if dimse.has_data_set(command):
        _warn("the last response has an identifier, which is not taken for a match")
    if status == SUCCESS or (canceled and (status == CANCELED or is_warning(status))):
        return
    if status == CANCELED:
        what = (
            f"the peer ended the C-FIND by itself (status {status_text(status)}): there may be more matches"
        )
        raise Incomplete(what, hint="it may send a limited number only; narrower keys get the rest")
    words = explain(status, dimse.text(command, "ErrorComment"), CommandField.C_FIND_RQ, sop_class_uid)
    if is_warning(status):
        raise Incomplete(f"C-FIND: {words}", hint="narrower keys get the rest")
    raise FindFailure(f"C-FIND: {words}", status)


def _warn(message: str, *values: object) -> None:
    import logging  # 3 ms, for what hardly ever happens

    logging.getLogger(__name__).warning(message, *values)

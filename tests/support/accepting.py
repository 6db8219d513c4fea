"""A server with a test's own services, and small ones to begin with: C-FIND, C-GET."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dcmtools.acceptor.admission import ServerOptions
from dcmtools.acceptor.cancel import Cancel
from dcmtools.acceptor.server import Server
from dcmtools.net import dimse
from dcmtools.net.dimse import CommandField
from dcmtools.net.peer import NetworkOptions
from dcmtools.net.status import CANCELED, PENDING
from dcmtools.net.stop import Stop
from tests.support.served import CT, SUCCESS, WITHIN, data_set, element, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dcmtools.acceptor.service import Service
    from dcmtools.acceptor.session import Session
    from dcmtools.net.association import Association
    from dcmtools.net.incoming import Message
    from dcmtools.net.negotiated import Context
    from dcmtools.net.peer import TlsOptions

STUDY_FIND, STUDY_MOVE, STUDY_GET = (f"1.2.840.10008.5.1.4.1.2.2.{number}" for number in (1, 2, 3))
WORKLIST_FIND = "1.2.840.10008.5.1.4.31"
STORAGE_COMMITMENT = "1.2.840.10008.1.20.1"
LIMIT = 65536


@contextmanager
def accepting(*services: Service, tls: TlsOptions | None = None) -> Iterator[int]:
    """Answer with ``services`` on the port that is yielded; leaving fails where a thread lives on."""
    before, stop = threading.active_count(), Stop()
    with Server(ServerOptions(port=0, tls=tls, network=NetworkOptions(stop=stop)), services) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield server.address[1]
        finally:
            stop.request()
            thread.join(WITHIN)
    stop.close()
    wait_until(lambda: threading.active_count() <= before)  # those of others end in their own time


class Finder:
    """A C-FIND SCP with ``count`` matches; before the one at ``waits`` it waits for a C-CANCEL."""

    def __init__(self, count: int, waits: int = -1) -> None:
        self._count = count
        self.waits = waits
        self.sent = 0

    def answer_find(self, session: Session, message: Message) -> None:
        association, command = session.association, message.command
        association.read_data(LIMIT)
        cancel = Cancel(association, message)
        self.sent, status = 0, SUCCESS
        for number in range(self._count):
            if number == self.waits:
                association.has_message(WITHIN)
            if cancel.requested():
                status = CANCELED
                break
            match = identifier(f"1.2.{number}")
            association.send(message.context, dimse.response(command, PENDING, data_set=True), [match])
            self.sent += 1
        association.send(message.context, dimse.response(command, status))


class Getter:
    """A C-GET SCP with these instances, in explicit VR little endian; it waits as a Finder does."""

    def __init__(self, uids: Sequence[str], waits: int = -1) -> None:
        self._uids = uids
        self.waits = waits
        self.statuses: list[int] = []

    def answer_get(self, session: Session, message: Message) -> None:
        association, command = session.association, message.command
        association.read_data(LIMIT)
        cancel = Cancel(association, message)
        status = SUCCESS
        for number, uid in enumerate(self._uids):
            if number == self.waits:
                association.has_message(WITHIN)
            if cancel.requested():
                status = CANCELED
                break
            self.statuses.append(self._store(association, uid, cancel))
            left: dimse.Command = {"NumberOfRemainingSuboperations": len(self._uids) - number - 1}
            response = dimse.response(command, PENDING) | counted(number + 1) | left
            association.send(message.context, response)
        association.send(message.context, dimse.response(command, status) | counted(len(self.statuses)))

    def _store(self, association: Association, uid: str, cancel: Cancel) -> int:
        assert association.roles[CT].scp
        context = association.context_for(CT)
        assert context is not None
        names: dimse.Command = {
            "AffectedSOPClassUID": CT,
            "AffectedSOPInstanceUID": uid,
            "Priority": dimse.MEDIUM,
        }
        asked = request(association, CommandField.C_STORE_RQ, [data_set(uid)], context, names)
        answer = association.response_to(asked, cancel.take)
        return dimse.number(answer.command, "Status")


def counted(done: int) -> dimse.Command:
    return {
        "NumberOfCompletedSuboperations": done,
        "NumberOfFailedSuboperations": 0,
        "NumberOfWarningSuboperations": 0,
    }


def identifier(study: str = "") -> bytes:
    return element(0x00080052, b"STUDY", b"CS") + element(0x0020000D, study.encode())


def find(
    association: Association,
    abstract_syntax: str,
    *,
    cancel_after: int | None = None,
    canceled: int | None = None,
) -> list[int]:
    """C-FIND everything; the statuses of the responses.

    After ``cancel_after`` of them a C-CANCEL goes out, for ``canceled`` if that is given.
    """
    context = association.context_for(abstract_syntax)
    assert context is not None
    asked = request(association, CommandField.C_FIND_RQ, [identifier()], context)
    statuses: list[int] = []
    while not statuses or statuses[-1] == PENDING:
        if len(statuses) == cancel_after:
            association.send(context, dimse.cancel(canceled or dimse.number(asked, "MessageID")))
        statuses.append(dimse.number(association.response_to(asked).command, "Status"))
    return statuses


def request(
    association: Association,
    field: CommandField,
    data: Sequence[bytes] = (),
    context: Context | None = None,
    fields: dimse.Command | None = None,
) -> dimse.Command:
    """Send a request on the first context or the given one, and return it."""
    context = context or next(iter(association.contexts.values()))
    asked: dimse.Command = {
        "CommandField": field,
        "MessageID": association.next_message_id(),
        "CommandDataSetType": dimse.DATA_SET if data else dimse.NO_DATA_SET,
        **(fields or {"AffectedSOPClassUID": context.abstract_syntax, "Priority": dimse.MEDIUM}),
    }
    association.send(context, asked, data)
    return asked

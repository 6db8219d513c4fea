"""C-MOVE and C-GET over files that no index knows, and requestors that count what they are told."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from dcmtools.acceptor.service import Service
from dcmtools.archive.opening import open_below
from dcmtools.editing.apart import Processes
from dcmtools.encoding.dataset import DataSet, made, values
from dcmtools.encoding.uids import is_storage_class
from dcmtools.files.meta import file_meta
from dcmtools.net import dimse
from dcmtools.net.dimse import CommandField
from dcmtools.net.exchange import invoke, read, responses
from dcmtools.net.peer import NetworkOptions
from dcmtools.net.status import SUCCESS
from dcmtools.net.stop import Stop
from dcmtools.scp.offers import retrieve_services
from dcmtools.scp.retrieve import Retrieval
from tests.support.accepting import STUDY_GET, STUDY_MOVE, accepting
from tests.support.served import CT, EXPLICIT, data_set

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from dcmtools.net.association import Association
    from dcmtools.net.incoming import Message
    from dcmtools.query.models import Model
    from dcmtools.scp.destinations import Destination
    from dcmtools.scu.storing import Transcode


class Held(NamedTuple):
    path: str
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str


class Found(list[Held]):
    """The instances that an identifier asks for."""


def kept(
    folder: Path,
    uid: str,
    *,
    sop_class: str = CT,
    syntax: str = EXPLICIT,
    data: bytes | None = None,
) -> Held:
    """Put a file into the folder; what an index would know of it."""
    path = folder / "P" / "S" / f"{uid}.dcm"
    path.parent.mkdir(parents=True, exist_ok=True)
    body = data_set(uid, sop_class=sop_class) if data is None else data
    path.write_bytes(file_meta(sop_class, uid, syntax, "KEPT") + body)
    return Held(f"P/S/{uid}.dcm", sop_class, uid, syntax)


@contextmanager
def retrieving(
    folder: Path,
    found: Found,
    destinations: Mapping[str, Destination] | None = None,
    *,
    stop: Stop | None = None,
    transcode: Transcode = "lossless",
    find: Callable[[Model, DataSet, bool], Found] | None = None,
    **network: float,
) -> Iterator[int]:
    """A server on the port that is yielded, for which every identifier asks for all that is ``found``."""
    own = stop or Stop()
    root = os.open(folder, os.O_RDONLY)
    terms = NetworkOptions(stop=own, **network)  # type: ignore[arg-type]  # timeouts alone
    apart = Processes(1, own)
    retrieval = Retrieval(
        find or (lambda *_: found),
        lambda path: open_below(root, path),
        terms,
        destinations or {},
        apart,
        transcode,
    )
    storage = Service(is_storage_class, {}, reversed=True)
    try:
        with accepting(storage, *retrieve_services(retrieval.answer_move, retrieval.answer_get)) as port:
            yield port
    finally:
        apart.close()
        os.close(root)
        if stop is None:
            own.close()


@dataclass
class Told:
    """What a requestor was told: the responses, what failed, and what came by C-STORE."""

    statuses: list[int] = field(default_factory=list)
    last: dimse.Command = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    stored: dict[str, bytes] = field(default_factory=dict)
    remaining: list[int] = field(default_factory=list)

    @property
    def status(self) -> int:
        return self.statuses[-1]

    @property
    def counts(self) -> tuple[int, int, int]:
        """Completed, failed, warnings."""
        kinds = ("Completed", "Failed", "Warning")
        completed, failed, warned = [
            dimse.number(self.last, f"NumberOf{each}Suboperations", -1) for each in kinds
        ]
        return completed, failed, warned


def retrieve(
    association: Association,
    destination: str | None = None,
    take: Callable[[Message], int] | None = None,
    identifier: DataSet | None = None,
    sop_class: str | None = None,
) -> Told:
    """C-MOVE to ``destination``, or C-GET without one; ``take`` says the status for each instance."""
    told = Told()

    def store(message: Message) -> None:
        uid = dimse.text(message.command, "AffectedSOPInstanceUID")
        told.stored[uid] = association.read_data(1 << 26)
        status = SUCCESS if take is None else take(message)
        association.send(message.context, dimse.response(message.command, status))

    uid = sop_class or (STUDY_MOVE if destination else STUDY_GET)
    context = association.require(uid)
    operation = CommandField.C_MOVE_RQ if destination else CommandField.C_GET_RQ
    fields: dimse.Command = {"MoveDestination": destination} if destination else {}
    asked = invoke(
        association,
        context,
        operation,
        identifier or made(QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.3"),
        AffectedSOPClassUID=uid,
        Priority=dimse.HIGH,
        **fields,
    )
    for message in responses(association, context, asked, None if destination else store):
        told.statuses.append(dimse.number(message.command, "Status"))
        told.last = message.command
        told.failed = values(read(association, message), "FailedSOPInstanceUIDList")
        if "NumberOfRemainingSuboperations" in message.command:
            told.remaining.append(dimse.number(message.command, "NumberOfRemainingSuboperations"))
    return told

"""The server that ``dcmtools serve`` runs: verification, and an archive in a folder."""

from __future__ import annotations

import logging
import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from dcmtools.acceptor.server import Server
from dcmtools.acceptor.service import Service
from dcmtools.archive.duplicates import How, OnDuplicate
from dcmtools.archive.service import COUNTS
from dcmtools.archive.storage import Storage
from dcmtools.encoding.uids import VERIFICATION, is_storage_class
from dcmtools.errors import CheckFailed, DcmtoolsError, UsageError
from dcmtools.escaping import escape
from dcmtools.net.dimse import CommandField
from dcmtools.net.outbox import Outbox
from dcmtools.net.peer import DEFAULT_CALLING_AET, NetworkOptions
from dcmtools.net.status import status_text
from dcmtools.replacing import replacing
from dcmtools.results import Result
from dcmtools.scp.archive import Archive
from dcmtools.scp.echo import answer_echo
from dcmtools.scp.faults import Faults
from dcmtools.scp.hook import Hook
from dcmtools.scp.storage import FaultyStorageService

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dcmtools.acceptor.admission import ServerOptions
    from dcmtools.acceptor.service import Answer
    from dcmtools.acceptor.session import Session
    from dcmtools.archive.receiving import Received
    from dcmtools.archive.service import Stored
    from dcmtools.scp.destinations import Destination
    from dcmtools.scu.storing import Transcode

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiving:
    """Which instances are kept and how, what happens then, and when there is an end to it.

    What is kept is indexed, can be searched and retrieved, unless the server is to ``receive_only``. A C-MOVE
    goes to one of ``destinations``, by AE title; what a receiver does not take as it is stored goes in
    another transfer syntax or not at all, as ``transcode`` says. Where it is to be ``relational``, so is
    every query and retrieval, else those of whom it was agreed with (PS3.4 C.4.1.2.2).

    ``transfer_syntaxes`` are those accepted, the preferred first; none are any. ``command`` is run for each
    instance, ``command_timeout`` seconds at most, in ``environment``, None for ours. The server ends once it
    has kept ``count`` instances, and when no association was open for ``idle_exit`` seconds.
    """

    receive_only: bool = False
    relational: bool = False
    destinations: Mapping[str, Destination] = field(default_factory=dict)
    transcode: Transcode = "lossless"
    transfer_syntaxes: tuple[str, ...] = ()
    durable: bool = True
    on_duplicate: OnDuplicate = OnDuplicate.REJECT
    command: Sequence[str] = ()
    command_timeout: float = 60.0
    environment: Mapping[str, str] | None = None
    count: int | None = None
    idle_exit: float | None = None
    ready_file: str | None = None
    faults: Faults = field(default_factory=Faults)


def serve(
    folder: str, options: ServerOptions, receiving: Receiving, *, records: bool = False
) -> Iterator[Result]:
    """Yield one result once the server listens, and serve until the stop is requested.

    Received instances are kept below ``folder``; with ``records`` there is a result for each. Commands that
    failed, and a count that was not reached, are failed results at the end. Raises UsageError where the
    server cannot start.
    """
    options.check()
    stop, faults = options.network.stop, receiving.faults
    hook = None
    if receiving.command:
        hook = Hook(receiving.command, receiving.command_timeout, stop, receiving.environment)
    with ExitStack() as held:
        storage = Storage(folder, durable=receiving.durable, on_duplicate=receiving.on_duplicate)
        held.callback(storage.close)
        if hook:
            held.callback(hook.close)
        outbox = held.enter_context(Outbox(stop))
        arrivals = _Arrivals(folder, hook, outbox if records else None)
        archive = None if receiving.receive_only else _archive(storage, options, receiving)
        if archive:
            held.callback(archive.close)
        kept = archive.add if archive else _nothing
        storing = FaultyStorageService(storage, stop, arrivals.add, faults, kept)
        answers: dict[int, Answer] = {
            CommandField.C_ECHO_RQ: faults.delayed(answer_echo, stop),
            CommandField.C_STORE_RQ: storing.answer_store,
        }
        # Either on the contexts of the other as well: to be answered there, or refused and logged.
        services = [
            Service(VERIFICATION.__eq__, answers),
            Service(
                is_storage_class,
                answers,
                receiving.transfer_syntaxes,
                reversed=archive is not None,
                counts=COUNTS,
            ),
            *(archive.services() if archive else ()),
        ]
        server = held.enter_context(Server(options, services, idle_exit=receiving.idle_exit))
        arrivals.finish_at(receiving.count, server.finish)
        host, port = server.address
        if receiving.ready_file is not None:
            _announce(receiving.ready_file, port)
        if options.refuse or faults != Faults():
            logger.warning("this server makes faults on purpose, for the tests of senders")
        if hook:
            hook.start()
        yield _listening(folder, options.aet, host, port)
        if archive:
            archive.open()
        yield from outbox.results_of([server.run])
        yield from _trouble(hook, arrivals.kept, receiving.count)


def _nothing(_: Received) -> None:
    """Keep no index."""


def _archive(storage: Storage, options: ServerOptions, receiving: Receiving) -> Archive:
    network = options.network
    terms = NetworkOptions(
        calling_aet=options.aet or DEFAULT_CALLING_AET,
        acse_timeout=network.acse_timeout,
        dimse_timeout=network.dimse_timeout,
        max_pdu=network.max_pdu,
        stop=network.stop,
    )
    return Archive(
        storage,
        terms,
        receiving.destinations,
        relational=receiving.relational,
        transcode=receiving.transcode,
    )


class _Arrivals:
    """What is done about each instance that was kept: a record, the user's command, the count."""

    def __init__(self, folder: str, hook: Hook | None, outbox: Outbox | None) -> None:
        self._folder = folder
        self._hook = hook
        self._outbox = outbox
        self._lock = Lock()
        self._wanted: int | None = None
        self._enough: Callable[[], None] = lambda: None
        self.kept = 0

    def finish_at(self, count: int | None, finish: Callable[[], None]) -> None:
        """Call ``finish`` once ``count`` instances were kept, those that had been there not counted."""
        self._wanted, self._enough = count, finish

    def add(self, session: Session, stored: Stored) -> None:
        """See to one instance; waits where the command or the reader of the records is too slow."""
        if self._outbox:
            self._outbox.put(_record(self._folder, session, stored))
        if stored.received.kept.how is How.SAME:
            return
        if self._hook:
            self._hook.submit(_values(self._folder, session, stored))
        with self._lock:
            self.kept += 1
            reached = self.kept == self._wanted
        if reached:
            self._enough()


def _record(folder: str, session: Session, stored: Stored) -> Result:
    received = stored.received
    names = received.names
    path = os.path.join(folder, received.kept.path)
    record = {
        "file": path,
        "sop_class_uid": names.sop_class_uid,
        "sop_instance_uid": names.sop_instance_uid,
        "study_instance_uid": names.study_uid,
        "series_instance_uid": names.series_uid,
        "transfer_syntax_uid": received.transfer_syntax_uid,
        "bytes": received.size,
        "kept": str(received.kept.how),
        "status": status_text(stored.status),
        "elapsed_ms": round(1000 * stored.elapsed, 1),
        "association": session.number,
        "peer": session.host,
        "calling_aet": session.calling_aet,
        "called_aet": session.called_aet,
    }
    return Result(path, record)


def _values(folder: str, session: Session, stored: Stored) -> dict[str, str]:
    """Return what the placeholders of the user's command stand for."""
    path = os.path.abspath(os.path.join(folder, stored.received.kept.path))
    names = stored.received.names
    return {
        "file": path,
        "folder": os.path.dirname(path),
        "sop_class_uid": names.sop_class_uid,
        "sop_instance_uid": names.sop_instance_uid,
        "study_uid": names.study_uid,
        "series_uid": names.series_uid,
        "calling_aet": session.calling_aet,
        "called_aet": session.called_aet,
        "peer": session.host,
    }


def _trouble(hook: Hook | None, kept: int, wanted: int | None) -> Iterator[Result]:
    """Yield what a server that came to its end has to own up to, once the last command has ended."""
    if hook:
        hook.finish()
        if hook.failed:
            yield Result.failed("--exec", DcmtoolsError(f"{hook.failed} of {hook.count} commands failed"))
    if wanted is not None and kept < wanted:
        yield Result.failed("--count", CheckFailed(f"{kept} of {wanted} instances were kept"))


def _listening(folder: str, aet: str | None, host: str, port: int) -> Result:
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    title = aet or "any AE title"
    record = {"host": host, "port": port, "aet": aet, "folder": folder}
    text = f"listening on {where} as {title}, receiving into {escape(folder)}\n"
    return Result(where, record, text=text, counted=False)


def _announce(path: str, port: int) -> None:
    """Write the port into ``path``, which appears whole or not at all."""
    if os.path.lexists(path) and not os.path.isfile(path):
        raise UsageError(f"{path}: there is something else than a file")
    try:
        with replacing(path, mode=0o644) as file:  # whoever waits for it may run as another user
            file.write(f"{port}\n".encode())
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error

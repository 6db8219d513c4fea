"""The server: listens, answers associations, one thread each, until it is asked to stop."""

from __future__ import annotations

import logging
import select
import socket
import time
from contextlib import ExitStack
from threading import BoundedSemaphore, Thread
from typing import TYPE_CHECKING, Final, TypeAlias

from dcmtools.errors import DcmtoolsError, UsageError
from dcmtools.net import dimse, pdu
from dcmtools.net.establishment import (
    LOCAL_LIMIT_EXCEEDED,
    PRESENTATION_PROVIDER,
    TRANSIENT,
    accept_association,
)
from dcmtools.net.status import UNRECOGNIZED_OPERATION
from dcmtools.scp.admission import ServerOptions, answered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dcmtools.net.association import Association, Message

    Service: TypeAlias = Callable[[Association, Message], None]

__all__ = ["MAX_ASSOCIATIONS", "MAX_CONNECTIONS", "Server", "ServerOptions"]

logger = logging.getLogger(__name__)

MAX_ASSOCIATIONS: Final = 256
# Connections that have no association, or not yet, take no place from those that have.
MAX_CONNECTIONS: Final = 512
IDLE_TIMEOUT: Final = 300.0
_BACKLOG: Final = 512
# What a thread gets to end in once the second request to stop has come.
_LAST_MOMENT: Final = 1.0


class Server:
    """Answers requests with ``services``, by command field, in contexts that ``accepts`` allows.

    It listens from the start, answers while it runs, and is closed at the end of its ``with`` block.
    """

    def __init__(
        self,
        options: ServerOptions,
        services: Mapping[int, Service],
        accepts: Callable[[str], bool],
    ) -> None:
        """Listen; raise UsageError where the options or the system forbid it."""
        options.check()
        self._options = options
        self._services = services
        self._accepts = accepts
        self._threads: set[Thread] = set()
        self._places = BoundedSemaphore(MAX_ASSOCIATIONS)
        self._short = False
        self._listener = _listen(options.bind, options.port)
        self.address: tuple[str, int] = self._listener.getsockname()[:2]

    def __enter__(self) -> Server:
        """Run in a ``with`` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        self._listener.close()

    def run(self) -> None:
        """Answer until the stop is requested, then wait for the messages in hand, until a second request."""
        stop = self._options.network.stop
        watch = select.poll()
        watch.register(self._listener, select.POLLIN)
        watch.register(stop.fd, select.POLLIN)
        while not stop.count:
            watch.poll()
            if not stop.count:
                self._accept()
        self._listener.close()
        self._wait_for_threads()

    def _wait_for_threads(self) -> None:
        stop = self._options.network.stop
        deadline = time.monotonic() + self._options.network.dimse_timeout
        hurried = False
        self._forget_ended()
        while self._threads and time.monotonic() < deadline:
            if stop.count > 1 and not hurried:
                hurried, deadline = True, time.monotonic() + _LAST_MOMENT
            next(iter(self._threads)).join(0.1)
            self._forget_ended()

    def _accept(self) -> None:
        try:
            sock, address = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):  # the peer has gone again
            return
        except OSError as error:  # out of descriptors, most likely: those in use will be given back
            self._fall_short(error.strerror)
            self._options.network.stop.wait(0.1)
            return
        self._forget_ended()
        thread = Thread(target=self._answer, args=(sock, address[0]), daemon=True)
        try:
            if len(self._threads) >= MAX_CONNECTIONS:
                raise RuntimeError(f"there are {MAX_CONNECTIONS} already")  # noqa: TRY301  one way to refuse
            thread.start()
        except RuntimeError as error:  # of our own, or the system's for one thread too many
            sock.close()
            self._fall_short(str(error))
            return
        self._short = False
        self._threads.add(thread)

    def _fall_short(self, reason: str | None) -> None:
        """Say that a connection could not be taken, once until one can be again."""
        if not self._short:
            logger.warning("cannot take more connections: %s", reason)
        self._short = True

    def _forget_ended(self) -> None:
        self._threads = {thread for thread in self._threads if thread.is_alive()}

    def _answer(self, sock: socket.socket, host: str) -> None:
        """Serve one connection; nothing that goes wrong with it reaches the others."""
        network = self._options.network
        try:
            with sock, ExitStack() as place:
                association = accept_association(
                    sock, network, lambda request: self._decide(request, host, place)
                )
                self._converse(association, host)
        except DcmtoolsError as error:
            logger.info("%s: %s", host, error.message)
        except Exception as error:  # a bug met in one association must not end the others
            logger.critical("%s: internal error: %s", host, type(error).__name__)
            logger.debug("%s", host, exc_info=True)

    def _decide(
        self, request: pdu.AssociateRQ, host: str, place: ExitStack
    ) -> tuple[pdu.ContextResult, ...] | pdu.AssociateRJ:
        """Answer the request for an association, which then has its ``place`` until that is closed."""
        refusal = self._options.refusal(request, host)
        if refusal is not None:
            return refusal
        if not self._places.acquire(blocking=False):
            return pdu.AssociateRJ(TRANSIENT, PRESENTATION_PROVIDER, LOCAL_LIMIT_EXCEEDED)
        place.callback(self._places.release)
        return answered(request.contexts, self._accepts)

    def _converse(self, association: Association, host: str) -> None:
        caller = f"{association.request.calling_aet}@{host}"
        logger.info("%s: association accepted, %d contexts", caller, len(association.contexts))
        stop, transport = self._options.network.stop, association.transport
        try:
            while not stop.count:
                transport.patient = False
                message = association.receive(IDLE_TIMEOUT)
                if message is None:
                    logger.info("%s: association released", caller)
                    return
                transport.patient = True
                self._serve(association, message)
        finally:
            association.abort()

    def _serve(self, association: Association, message: Message) -> None:
        field_number = dimse.number(message.command, "CommandField")
        service = self._services.get(field_number)
        if service is not None:
            service(association, message)
        elif not field_number & dimse.RESPONSE and field_number != dimse.CommandField.C_CANCEL_RQ:
            for _ in association.data():
                pass
            association.send(message.context, dimse.response(message.command, UNRECOGNIZED_OPERATION))


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
            listener.setblocking(False)
        except BaseException:
            listener.close()
            raise
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot listen on {host}:{port}: {reason}") from error
    return listener

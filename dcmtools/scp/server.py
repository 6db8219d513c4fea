"""The server: listens, answers associations, one thread each, until it is asked to stop."""

from __future__ import annotations

import logging
import select
import socket
import time
from contextlib import ExitStack, contextmanager
from itertools import count
from threading import Lock, Thread
from typing import TYPE_CHECKING, Final, TypeAlias

from dcmtools.errors import DcmtoolsError, Interrupted, UsageError
from dcmtools.net import dimse, pdu
from dcmtools.net.establishment import (
    LOCAL_LIMIT_EXCEEDED,
    PRESENTATION_PROVIDER,
    TRANSIENT,
    Acceptance,
    accept_association,
)
from dcmtools.net.status import UNRECOGNIZED_OPERATION
from dcmtools.net.stop import Stop
from dcmtools.scp.admission import ServerOptions, answered, identity_response
from dcmtools.scp.session import Session, log_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from ssl import SSLContext

    from dcmtools.net.association import Message

    Service: TypeAlias = Callable[[Session, Message], None]

__all__ = ["Server", "ServerOptions"]

logger = logging.getLogger(__name__)

# Connections that have no association, or not yet, take no place from those that have.
_MORE_CONNECTIONS: Final = 256
_BACKLOG: Final = 512
# How long open associations get for their next request once no new ones are taken.
_LINGER: Final = 2.0
# What a thread gets to end in once the second request to stop has come.
_LAST_MOMENT: Final = 1.0


class Server:
    """Answers requests with ``services``, by command field, in contexts that ``accepts`` allows.

    It listens from the start, answers while it runs, and is closed at the end of its ``with`` block. With
    ``idle_exit`` it ends by itself when no association was open for that many seconds.
    """

    def __init__(
        self,
        options: ServerOptions,
        services: Mapping[int, Service],
        accepts: Callable[[str], bool],
        *,
        idle_exit: float | None = None,
    ) -> None:
        """Listen; raise UsageError where the options or the system forbid it."""
        options.check()
        self._options = options
        self._services = services
        self._accepts = accepts
        self._idle_exit = idle_exit
        self._threads: set[Thread] = set()
        self._numbers = count(1)
        self._lock = Lock()
        self._open = 0
        self._busy = 0
        self._last = time.monotonic()
        self._short = False
        self._enough = Stop()
        self._tls = _tls_context(options)
        self._listener = _listen(options.bind, options.port)
        self.address: tuple[str, int] = self._listener.getsockname()[:2]

    def __enter__(self) -> Server:
        """Run in a ``with`` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        self._listener.close()
        self._enough.close()

    def finish(self) -> None:
        """Have ``run`` take no more associations, and end when those that are open have."""
        self._enough.request()

    def run(self) -> None:
        """Answer until there is an end to it; then wait for the messages in hand, until a second request.

        The end is the request to stop or, with more patience for open associations, ``finish`` and idleness.
        """
        stop = self._options.network.stop
        watch = select.poll()
        for fd in (self._listener.fileno(), stop.fd, self._enough.fd):
            watch.register(fd, select.POLLIN)
        while not self._told_to_end():
            ready = watch.poll(self._until_idle())
            if not ready and self._until_idle() == 0:
                break
            if not self._told_to_end():
                self._accept()
        self._listener.close()
        self._linger()
        self._wait_for_threads()

    def _told_to_end(self) -> bool:
        return bool(self._options.network.stop.count or self._enough.count)

    def _until_idle(self) -> float | None:
        """Return in how many milliseconds the server has been idle for long enough, None for never."""
        if self._idle_exit is None:
            return None
        with self._lock:
            since = time.monotonic() if self._open else self._last
        return 1000 * max(since + self._idle_exit - time.monotonic(), 0)

    def _linger(self) -> None:
        """Wait until the open associations are released, or have been quiet for a while; then stop them."""
        stop = self._options.network.stop
        begin = time.monotonic()
        self._forget_ended()
        while self._threads and not stop.count and self._quiet_for(begin) < _LINGER:
            next(iter(self._threads)).join(0.1)
            self._forget_ended()
        if self._threads and not stop.count:
            stop.request()

    def _quiet_for(self, begin: float) -> float:
        """Return for how many seconds since ``begin`` no message has been in hand."""
        with self._lock:
            return 0 if self._busy else time.monotonic() - max(self._last, begin)

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
        thread = Thread(target=self._answer, args=(sock, address[0], next(self._numbers)), daemon=True)
        most = self._options.max_associations + _MORE_CONNECTIONS
        try:
            if len(self._threads) >= most:
                raise RuntimeError(f"there are {most} already")  # noqa: TRY301  one way to refuse
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

    def _answer(self, sock: socket.socket, host: str, number: int) -> None:
        """Serve one connection; nothing that goes wrong with it reaches the others."""
        network = self._options.network
        try:
            with sock, ExitStack() as place:
                association = accept_association(
                    sock, network, lambda request: self._decide(request, host, number, place), self._tls
                )
                self._converse(Session(number, host, association))
        except DcmtoolsError as error:
            logger.info(log_line("failed", association=number, peer=host, reason=error.message))
        except Exception as error:  # a bug met in one association must not end the others
            logger.critical(
                log_line("failed", association=number, peer=host, internal_error=type(error).__name__)
            )
            logger.debug("association %d", number, exc_info=True)

    def _decide(
        self, request: pdu.AssociateRQ, host: str, number: int, place: ExitStack
    ) -> Acceptance | pdu.AssociateRJ:
        """Answer the request for an association, which then has its ``place`` until that is closed."""
        refusal = self._options.refusal(request, host) or self._take_place(place)
        if refusal is None:
            return Acceptance(
                answered(request.contexts, self._accepts, self._options.transfer_syntaxes),
                identity_response=identity_response(request.user_information.identity),
            )
        titles = {"calling": request.calling_aet, "called": request.called_aet}
        reason = pdu.rejection_text(refusal.source, refusal.reason)
        logger.warning(log_line("rejected", association=number, peer=host, **titles, reason=reason))
        return refusal

    def _take_place(self, place: ExitStack) -> pdu.AssociateRJ | None:
        with self._lock:
            if self._open >= self._options.max_associations:
                return pdu.AssociateRJ(TRANSIENT, PRESENTATION_PROVIDER, LOCAL_LIMIT_EXCEEDED)
            self._open += 1
        place.callback(self._leave_place)
        return None

    def _leave_place(self) -> None:
        with self._lock:
            self._open -= 1
            self._last = time.monotonic()

    def _converse(self, session: Session) -> None:
        association = session.association
        logger.info(session.line("accepted", contexts=len(association.contexts)))
        stop, transport = self._options.network.stop, association.transport
        in_hand = False
        try:
            while not stop.count:
                transport.patient = False
                message = association.receive(self._options.idle_timeout)
                if message is None:
                    logger.info(session.last_line("released"))
                    return
                transport.patient = in_hand = True
                with self._in_hand():
                    self._serve(session, message)
                in_hand = False
            logger.info(session.last_line("stopped"))
        except Interrupted:
            logger.info(session.last_line("stopped"))
        except DcmtoolsError as error:
            level = logging.WARNING if in_hand else logging.INFO
            logger.log(level, session.last_line("broken", reason=error.message))
        finally:
            association.abort()

    @contextmanager
    def _in_hand(self) -> Iterator[None]:
        with self._lock:
            self._busy += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy -= 1
                self._last = time.monotonic()

    def _serve(self, session: Session, message: Message) -> None:
        association = session.association
        field_number = dimse.number(message.command, "CommandField")
        service = self._services.get(field_number)
        if service is not None:
            service(session, message)
        elif not field_number & dimse.RESPONSE and field_number != dimse.CommandField.C_CANCEL_RQ:
            for _ in association.data():
                pass
            association.send(message.context, dimse.response(message.command, UNRECOGNIZED_OPERATION))


def _tls_context(options: ServerOptions) -> SSLContext | None:
    if options.tls is None:
        return None
    from dcmtools.net.tls import server_context  # ssl takes 10 ms to import

    return server_context(options.tls)


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

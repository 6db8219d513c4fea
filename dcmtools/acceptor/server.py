"""The server: listens, answers associations, one thread each, until it is asked to stop."""

from __future__ import annotations

import logging
import select
import time
from contextlib import ExitStack
from itertools import count
from threading import Thread
from typing import TYPE_CHECKING, Final

from dcmtools.acceptor.complaints import Complaints, failure
from dcmtools.acceptor.listening import listen
from dcmtools.acceptor.log_line import log_line
from dcmtools.acceptor.newcomers import Newcomers
from dcmtools.acceptor.places import Places
from dcmtools.acceptor.service import Services
from dcmtools.acceptor.session import Session
from dcmtools.errors import AssociationError, DcmtoolsError, Interrupted
from dcmtools.net import pdu
from dcmtools.net.accepting import accept_association
from dcmtools.net.peer import NetworkOptions
from dcmtools.net.refusals import LOCAL_LIMIT_EXCEEDED, PRESENTATION_PROVIDER, TRANSIENT
from dcmtools.net.stop import Stop

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence
    from ssl import SSLContext

    from dcmtools.acceptor.admission import ServerOptions
    from dcmtools.acceptor.newcomers import Newcomer
    from dcmtools.acceptor.service import Service
    from dcmtools.net.accepting import Acceptance

logger = logging.getLogger(__name__)

# Threads without an association: of newcomers, and of as many that were dropped and have not ended yet.
_MORE_THREADS: Final = 512
_A_MOMENT: Final = 0.1
# How long open associations get for their next request once no new ones are taken.
_LINGER: Final = 2.0
# What a thread gets to end in once the second request to stop has come.
_LAST_MOMENT: Final = 1.0


class Server:
    """Answers associations with ``services``, each in a thread.

    It listens from the start, answers while it runs, and is closed at the end of its ``with`` block. With
    ``idle_exit`` it ends by itself when no association was open for that many seconds. The stop among the
    options is only looked at: whoever else watches it hears of no end but the one that was asked for.
    """

    def __init__(
        self, options: ServerOptions, services: Sequence[Service], *, idle_exit: float | None = None
    ) -> None:
        """Listen; raise UsageError where the options or the system forbid it."""
        options.check()
        self._tls = _tls_context(options)
        self._listener = listen(options.bind, options.port)
        self.address: tuple[str, int] = self._listener.getsockname()[:2]
        self._options = options
        self._services = Services(services)
        self._idle_exit = idle_exit
        self._threads: set[Thread] = set()
        self._newcomers = Newcomers()
        self._places = Places(options.max_associations)
        self._complaints = Complaints()
        self._numbers = count(1)
        self._quiet_until = 0.0
        self._enough = Stop()
        # That of the associations: requested with each request to the server, and once after lingering.
        self._stop = Stop()
        self._passed_on = 0
        self._network = _on_association(options.network, self._stop)

    def __enter__(self) -> Server:
        """Run in a ``with`` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        self._listener.close()
        self._enough.close()
        if not self._threads:  # one that was given up may still watch it
            self._stop.close()

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
            waits = (self._until_idle(), self._complaints.until_due())
            ready = watch.poll(min([each for each in waits if each is not None], default=None))
            if not ready and self._until_idle() == 0:
                break
            self._complaints.sum_up(time.monotonic())
            if not self._told_to_end():
                self._accept()
        self._listener.close()
        self._linger()
        self._wait_for_threads()
        self._complaints.sum_up()

    def _told_to_end(self) -> bool:
        return bool(self._asked_to_stop() or self._enough.count)

    def _asked_to_stop(self) -> int:
        """Pass requests to stop on to the associations; return how many these have got."""
        while self._passed_on < self._options.network.stop.count:
            self._passed_on += 1
            self._stop.request()
        return self._stop.count

    def _until_idle(self) -> float | None:
        """Return in how many milliseconds the server has been idle for long enough, None for never."""
        if self._idle_exit is None:
            return None
        return 1000 * max(self._idle_exit - self._places.idle_for(), 0)

    def _linger(self) -> None:
        """Wait until the open associations are released, or have been quiet for a while; then stop them."""
        begin = time.monotonic()
        self._forget_ended()
        while self._threads and not self._asked_to_stop():
            if min(self._places.quiet_for(), time.monotonic() - begin) >= _LINGER:
                self._stop.request()
            next(iter(self._threads)).join(_A_MOMENT)
            self._forget_ended()

    def _wait_for_threads(self) -> None:
        deadline = time.monotonic() + self._network.dimse_timeout
        hurried = False
        self._forget_ended()
        while self._threads and time.monotonic() < deadline:
            if self._asked_to_stop() > 1 and not hurried:
                hurried, deadline = True, time.monotonic() + _LAST_MOMENT
            next(iter(self._threads)).join(_A_MOMENT)
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
        host, number = address[0], next(self._numbers)
        if not self._options.takes_from(host):
            sock.close()
            line = log_line("rejected", association=number, peer=host, reason="address not allowed")
            self._complaints.tell(logging.WARNING, host, line)
            return
        try:
            self._begin(sock, host, number)
        except (RuntimeError, OSError) as error:  # of our own, or the system's for one too many
            sock.close()
            self._fall_short(getattr(error, "strerror", None) or str(error))

    def _begin(self, sock: socket.socket, host: str, number: int) -> None:
        """Have a thread answer the connection; raises RuntimeError and OSError where that cannot be."""
        self._forget_ended()
        most = self._options.max_associations + _MORE_THREADS
        if len(self._threads) >= most:
            raise RuntimeError(f"there are {most} already")
        newcomer, dropped = self._newcomers.add(number, host, sock)
        if dropped:
            self._see_off(dropped)
        newcomer.thread = Thread(target=self._answer, args=(sock, newcomer), daemon=True)
        try:
            newcomer.thread.start()
        except RuntimeError:
            self._newcomers.leave(newcomer)
            raise
        self._threads.add(newcomer.thread)

    def _see_off(self, dropped: Newcomer) -> None:
        """Say why there is one newcomer less, and let it end: faster than they go none shall come."""
        reason = f"to make room: {self._newcomers.most} connections have no association"
        line = log_line("dropped", association=dropped.number, peer=dropped.host, reason=reason)
        self._complaints.tell(logging.WARNING, dropped.host, line)
        if dropped.thread:
            dropped.thread.join(_A_MOMENT)

    def _fall_short(self, reason: str | None) -> None:
        """Say that a connection could not be taken, once a minute."""
        now = time.monotonic()
        if now >= self._quiet_until:
            logger.warning("cannot take more connections: %s", reason)
            self._quiet_until = now + 60

    def _forget_ended(self) -> None:
        self._threads = {thread for thread in self._threads if thread.is_alive()}

    def _answer(self, sock: socket.socket, newcomer: Newcomer) -> None:
        """Serve one connection; nothing that goes wrong with it reaches the others."""
        number, host = newcomer.number, newcomer.host
        try:
            with sock, ExitStack() as place:
                place.callback(self._newcomers.leave, newcomer)
                association = accept_association(
                    sock, self._network, lambda request: self._decide(request, newcomer, place), self._tls
                )
                self._converse(Session(number, host, association, self._services.counts(association)))
        except DcmtoolsError as error:
            if not newcomer.dropped:  # which was told
                self._complaints.tell(*failure(error, number, host))
        except Exception as error:  # a bug met in one association must not end the others
            line = log_line("failed", association=number, peer=host, internal_error=type(error).__name__)
            self._complaints.tell(logging.CRITICAL, host, line)
            logger.debug("association %d", number, exc_info=True)

    def _decide(
        self, request: pdu.AssociateRQ, newcomer: Newcomer, place: ExitStack
    ) -> Acceptance | pdu.AssociateRJ:
        """Answer the request for an association, which then has its ``place`` until that is closed."""
        refusal = self._options.refusal(request)
        if refusal is None and not self._places.take(place):
            refusal = pdu.AssociateRJ(TRANSIENT, PRESENTATION_PROVIDER, LOCAL_LIMIT_EXCEEDED)
        if refusal is not None:
            return refusal
        self._newcomers.leave(newcomer)
        return self._services.acceptance(request)

    def _converse(self, session: Session) -> None:
        association = session.association
        logger.info(session.line("accepted", contexts=len(association.contexts)))
        transport = association.transport
        in_hand = False
        try:
            while not self._stop.count:
                transport.patient = False
                message = association.receive(self._options.idle_timeout)
                if message is None:
                    logger.info(session.last_line("released"))
                    return
                transport.patient = in_hand = True
                with self._places.in_hand():
                    self._services.answer(session, message)
                in_hand = False
            logger.info(session.last_line("stopped"))
        except Interrupted:
            logger.info(session.last_line("stopped"))
        except DcmtoolsError as error:
            ended = isinstance(error, AssociationError) and error.transient
            level = logging.INFO if ended and not (in_hand or transport.within_pdu) else logging.WARNING
            self._complaints.tell(level, session.host, session.last_line("broken", reason=error.message))
        finally:
            association.abort()
            self._services.ended(session)


def _on_association(network: NetworkOptions, stop: Stop) -> NetworkOptions:
    """Return what an acceptor has to know of ``network``, with the ``stop`` of its own."""
    return NetworkOptions(
        acse_timeout=network.acse_timeout,
        dimse_timeout=network.dimse_timeout,
        max_pdu=network.max_pdu,
        stop=stop,
    )


def _tls_context(options: ServerOptions) -> SSLContext | None:
    if options.tls is None:
        return None
    from dcmtools.net.tls import server_context  # ssl takes 10 ms to import

    return server_context(options.tls)

"""The server: listens, answers associations, one thread each, until it is asked to stop."""

from __future__ import annotations

import logging
import select
import socket
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from threading import Thread
from typing import TYPE_CHECKING, Final, TypeAlias

from dcmtools.encoding.syntax import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from dcmtools.encoding.uids import is_uid
from dcmtools.errors import DcmtoolsError, OutputError, UsageError
from dcmtools.net import dimse, pdu
from dcmtools.net.establishment import (
    CALLED_NOT_RECOGNIZED,
    CALLING_NOT_RECOGNIZED,
    LOCAL_LIMIT_EXCEEDED,
    PERMANENT,
    PRESENTATION_PROVIDER,
    SERVICE_USER,
    TRANSIENT,
    accept_association,
)
from dcmtools.net.peer import NetworkOptions
from dcmtools.net.status import UNRECOGNIZED_OPERATION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dcmtools.net.association import Association, Message

    Service: TypeAlias = Callable[[Association, Message], None]
    Network: TypeAlias = IPv4Network | IPv6Network

logger = logging.getLogger(__name__)

MAX_ASSOCIATIONS: Final = 256
IDLE_TIMEOUT: Final = 300.0
_BACKLOG: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """Where to listen, and for whom.

    ``aet`` None answers to any called AE title; ``allow_aet`` and ``allow_ip`` empty to any caller, which
    beyond the loopback addresses has to be wanted in words: ``open_to_all``.
    """

    bind: str = "127.0.0.1"
    port: int = 11112
    aet: str | None = None
    allow_aet: tuple[str, ...] = ()
    allow_ip: tuple[Network, ...] = ()
    open_to_all: bool = False
    network: NetworkOptions = field(default_factory=NetworkOptions)

    def check(self) -> None:
        """Raise UsageError where the server would be open to others without anyone having said so."""
        try:
            local = ip_address(self.bind).is_loopback
        except ValueError:
            local = self.bind == "localhost"
        if not local and not (self.allow_aet or self.allow_ip or self.open_to_all):
            raise UsageError(
                f"bound to {self.bind}, the server would take data from anyone",
                hint="add --allow-aet or --allow-ip to say from whom, or --open",
            )


class Server:
    """Answers requests with ``services``, by command field, in contexts that ``accepts`` allows."""

    def __init__(
        self,
        options: ServerOptions,
        services: Mapping[int, Service],
        accepts: Callable[[str], bool],
    ) -> None:
        """Listen; raise UsageError where the options forbid it, OutputError where the system does."""
        options.check()
        self._options = options
        self._services = services
        self._accepts = accepts
        self._threads: set[Thread] = set()
        self._listener = _listen(options.bind, options.port)
        self.address: tuple[str, int] = self._listener.getsockname()[:2]

    def run(self) -> None:
        """Answer until the stop is requested, then wait for the messages in hand, until a second request."""
        stop = self._options.network.stop
        watch = select.poll()
        watch.register(self._listener, select.POLLIN)
        watch.register(stop.fd, select.POLLIN)
        try:
            while not stop.count:
                watch.poll()
                if not stop.count:
                    self._accept()
        finally:
            self._listener.close()
        deadline = time.monotonic() + self._options.network.dimse_timeout
        while self._threads and stop.count < 2 and time.monotonic() < deadline:
            next(iter(self._threads)).join(0.1)
            self._forget_ended()

    def _accept(self) -> None:
        try:
            sock, address = self._listener.accept()
        except BlockingIOError:
            return
        except OSError as error:  # out of descriptors, most likely: those in use will be given back
            logger.warning("cannot accept a connection: %s", error.strerror)
            self._options.network.stop.wait(0.1)
            return
        self._forget_ended()
        thread = Thread(target=self._answer, args=(sock, address[0]), daemon=True)
        self._threads.add(thread)
        thread.start()

    def _forget_ended(self) -> None:
        self._threads = {thread for thread in self._threads if thread.is_alive() or thread.ident is None}

    def _answer(self, sock: socket.socket, host: str) -> None:
        """Serve one connection; nothing that goes wrong with it reaches the others."""
        try:
            association = accept_association(
                sock, self._options.network, lambda request: self._decide(request, host)
            )
            self._converse(association, host)
        except DcmtoolsError as error:
            logger.info("%s: %s", host, error.message)
        except Exception as error:  # a bug met in one association must not end the others
            logger.critical("%s: internal error: %r", host, error)
            logger.debug("%s", host, exc_info=True)

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

    def _decide(self, request: pdu.AssociateRQ, host: str) -> tuple[pdu.ContextResult, ...] | pdu.AssociateRJ:
        """Answer the request for an association: whom we take, and which contexts (PS3.8 9.3.3, 9.3.4)."""
        options = self._options
        if len(self._threads) > MAX_ASSOCIATIONS:
            return pdu.AssociateRJ(TRANSIENT, PRESENTATION_PROVIDER, LOCAL_LIMIT_EXCEEDED)
        if options.aet not in (None, request.called_aet):
            return pdu.AssociateRJ(PERMANENT, SERVICE_USER, CALLED_NOT_RECOGNIZED)
        known = not options.allow_aet or request.calling_aet in options.allow_aet
        address = ip_address(host.partition("%")[0])
        if not known or not (not options.allow_ip or any(address in each for each in options.allow_ip)):
            return pdu.AssociateRJ(PERMANENT, SERVICE_USER, CALLING_NOT_RECOGNIZED)
        return tuple(self._result(context) for context in request.contexts)

    def _result(self, context: pdu.PresentationContext) -> pdu.ContextResult:
        proposed = [syntax for syntax in context.transfer_syntaxes if is_uid(syntax)]
        if not self._accepts(context.abstract_syntax):
            return pdu.ContextResult(context.context_id, pdu.ABSTRACT_SYNTAX_NOT_SUPPORTED, "")
        if not proposed:
            return pdu.ContextResult(context.context_id, pdu.TRANSFER_SYNTAXES_NOT_SUPPORTED, "")
        return pdu.ContextResult(context.context_id, pdu.ACCEPTANCE, preferred(proposed))


def preferred(syntaxes: Sequence[str]) -> str:
    """Return which of the transfer syntaxes to accept: the first, but explicit VRs rather than implicit."""
    if syntaxes[0] == IMPLICIT_VR_LITTLE_ENDIAN and EXPLICIT_VR_LITTLE_ENDIAN in syntaxes:
        return EXPLICIT_VR_LITTLE_ENDIAN
    return syntaxes[0]


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"cannot listen on {host}:{port}: {reason}") from error
    return listener

"""From a host name to a connected socket, within a deadline."""

from __future__ import annotations

import os
import select
import socket
import time
from typing import TYPE_CHECKING, TypeAlias

from dcmtools.errors import AssociationError, Interrupted

if TYPE_CHECKING:
    from dcmtools.net.stop import Stop

Address: TypeAlias = tuple[int, tuple[str, int]]
"""Address family, and the host and port to connect to."""


def connect(host: str, port: int, timeout: float, stop: Stop) -> socket.socket:
    """Return a socket connected to ``host``, trying its addresses in turn within ``timeout`` seconds.

    Raises AssociationError with step ``resolve`` or ``connect``, Interrupted when the user stops it.
    """
    deadline = time.monotonic() + timeout
    failure = AssociationError(f"no address for {host}", step="resolve")
    for family, address in _resolve(host, port, timeout):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            _connect(sock, address, deadline, stop)
        except AssociationError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure


def _connect(sock: socket.socket, address: tuple[str, int], deadline: float, stop: Stop) -> None:
    sock.setblocking(False)
    sock.connect_ex(address)
    watch = select.poll()
    watch.register(sock, select.POLLOUT)
    watch.register(stop.fd, select.POLLIN)
    ready = watch.poll(max(deadline - time.monotonic(), 0) * 1000)
    if stop.count:
        raise Interrupted("stopped by the user")
    if not ready:
        raise AssociationError("no answer in time", step="connect", transient=True)
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        reason = os.strerror(code)
        hint = "is the peer running, and is the port right?" if "refused" in reason else ""
        raise AssociationError(reason, step="connect", transient=True, hint=hint)


def _resolve(host: str, port: int, timeout: float) -> list[Address]:
    """Return the addresses of ``host``; a name is asked for in a thread, as no resolver keeps a deadline."""
    try:
        return _addresses(host, port, socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return _ask_resolver(host, port, timeout)


def _addresses(host: str, port: int, flags: int = 0) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [(family, (str(address[0]), int(address[1]))) for family, _, _, _, address in found]


def _ask_resolver(host: str, port: int, timeout: float) -> list[Address]:
    from threading import Thread

    answers: list[list[Address]] = []
    reasons: list[str] = []

    def ask() -> None:
        try:
            answers.append(_addresses(host, port))
        except (OSError, UnicodeError) as error:
            reasons.append(getattr(error, "strerror", None) or str(error))

    thread = Thread(target=ask, daemon=True)
    thread.start()
    thread.join(timeout)
    if answers:
        return answers[0]
    reason = reasons[0] if reasons else "no answer in time"
    raise AssociationError(f"{host}: {reason}", step="resolve", transient=not reasons)

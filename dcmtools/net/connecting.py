"""From a host name to a connected socket, within a deadline."""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from dcmtools.errors import AssociationError, Interrupted

if TYPE_CHECKING:
    from dcmtools.net.stop import Stop

Address: TypeAlias = tuple[int, tuple[Any, ...]]
"""Address family, and what ``socket.connect`` takes in it."""

# How long the wait for a resolver may miss the wish to stop.
_STOP_SLICE: Final = 0.1


def connect(host: str, port: int, timeout: float, stop: Stop) -> socket.socket:
    """Return a socket connected to ``host``, trying its addresses in turn within ``timeout`` seconds.

    Each address gets an equal share of the time that is left. Raises AssociationError with step
    ``resolve`` or ``connect``, Interrupted when the user stops it.
    """
    deadline = time.monotonic() + timeout
    failure = AssociationError(f"no address for {host}", step="resolve")
    addresses = _resolve(host, port, deadline, stop)
    for index, address in enumerate(addresses):
        now = time.monotonic()
        try:
            return _connected(address, now + (deadline - now) / (len(addresses) - index), stop)
        except AssociationError as error:
            failure = error
    raise failure


def _connected(address: Address, deadline: float, stop: Stop) -> socket.socket:
    family, target = address
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:  # a family that the system lacks, too many open files
        raise _failure(error.errno or 0) from error
    try:
        _connect(sock, target, deadline, stop)
    except BaseException:
        sock.close()
        raise
    return sock


def _connect(sock: socket.socket, target: tuple[Any, ...], deadline: float, stop: Stop) -> None:
    sock.setblocking(False)
    code = sock.connect_ex(target)
    if code == errno.EINPROGRESS:
        watch = select.poll()
        watch.register(sock, select.POLLOUT)
        watch.register(stop.fd, select.POLLIN)
        ready = watch.poll(max(deadline - time.monotonic(), 0) * 1000)
        if not ready:
            raise AssociationError("no answer in time", step="connect", transient=True)
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if stop.count:
        raise Interrupted("stopped by the user")
    if code:
        raise _failure(code)


def _failure(code: int) -> AssociationError:
    hint = "is the peer running, and is the port right?" if code == errno.ECONNREFUSED else ""
    return AssociationError(os.strerror(code), step="connect", transient=True, hint=hint)


def _resolve(host: str, port: int, deadline: float, stop: Stop) -> list[Address]:
    """Return the addresses of ``host``; a name is asked for in a thread, as no resolver keeps a deadline."""
    try:
        return _addresses(host, port, socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return _ask_resolver(host, port, deadline, stop)


def _addresses(host: str, port: int, flags: int = 0) -> list[Address]:
    # An ASCII name needs no IDNA, which takes 1.5 ms to load and which bytes do not pass through.
    name = host.encode() if host.isascii() else host
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=flags)
    return [(family, address) for family, _, _, _, address in found]


def _ask_resolver(host: str, port: int, deadline: float, stop: Stop) -> list[Address]:
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
    while thread.is_alive() and (left := deadline - time.monotonic()) > 0:
        thread.join(min(left, _STOP_SLICE))
        if stop.count:
            raise Interrupted("stopped by the user")
    if answers:
        return answers[0]
    reason = reasons[0] if reasons else "no answer in time"
    raise AssociationError(f"{host}: {reason}", step="resolve", transient=not reasons)

"""From a host name to a connected socket, within a deadline."""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from dcmtools.errors import AssociationError, Interrupted, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmtools.net.peer import NetworkOptions
    from dcmtools.net.stop import Stop

Address: TypeAlias = tuple[int, tuple[Any, ...]]
"""Address family, and what ``socket.connect`` takes in it."""

_FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
# The usual cause behind a failure of the system's.
_CAUSES: Final = {
    errno.ECONNREFUSED: "is the peer running, and is the port right?",
    errno.EHOSTUNREACH: "is the peer switched on, and in a network that is reached from here?",
    errno.ENETUNREACH: "there is no way to that network from this machine",
}
# How long the wait for a resolver may miss the wish to stop.
_STOP_SLICE: Final = 0.1


def resolve(host: str, port: int, timeout: float, network: NetworkOptions) -> list[Address]:
    """Return the addresses of ``host`` that ``network`` allows, at least one, within ``timeout`` seconds.

    Raises AssociationError with step ``resolve``, Interrupted when the user stops it, and UsageError where
    the address to start from is none.
    """
    family = _FAMILIES.get(network.ip_version or _version(network.bind_address), 0)
    found = _resolve(host, port, time.monotonic() + timeout, network.stop)
    allowed = [address for address in found if family in (0, address[0])]
    if not allowed:
        kind = f"IPv{'6' if family == socket.AF_INET6 else '4'} address" if family else "address"
        raise AssociationError(f"no {kind} for {host}", step="resolve")
    return allowed


def connect(addresses: Sequence[Address], timeout: float, network: NetworkOptions) -> socket.socket:
    """Return a socket connected to one of ``addresses``, tried in turn within ``timeout`` seconds.

    Each address gets an equal share of the time that is left. Raises AssociationError with step
    ``connect``, Interrupted when the user stops it, and UsageError where the address to start from is not
    one of this machine.
    """
    deadline = time.monotonic() + timeout
    failure: AssociationError | None = None
    for index, address in enumerate(addresses):
        now = time.monotonic()
        share = (deadline - now) / (len(addresses) - index)
        try:
            return _connected(address, now + share, network)
        except AssociationError as error:
            failure = error
    raise failure or AssociationError("no address", step="connect")


def _version(address: str | None) -> int:
    """Return whether ``address`` is one of IPv4 or IPv6, 0 where there is none."""
    if not address:
        return 0
    try:
        found = socket.getaddrinfo(address, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        raise UsageError(f"{address!r} is not an address to connect from") from None
    return 6 if found[0][0] == socket.AF_INET6 else 4


def _connected(address: Address, deadline: float, network: NetworkOptions) -> socket.socket:
    family, target = address
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:  # a family that the system lacks, too many open files
        raise _failure(error.errno or 0) from error
    try:
        if network.bind_address:
            _bind(sock, network.bind_address)
        _connect(sock, target, deadline, network.stop)
    except BaseException:
        sock.close()
        raise
    return sock


def _bind(sock: socket.socket, address: str) -> None:
    try:
        [(*_, place), *_] = socket.getaddrinfo(address, 0, family=sock.family, flags=socket.AI_NUMERICHOST)
        sock.bind(place)
    except OSError as error:
        raise UsageError(f"no connection can start from {address}: {error.strerror}") from error


def _connect(sock: socket.socket, target: tuple[Any, ...], deadline: float, stop: Stop) -> None:
    sock.setblocking(False)
    code = sock.connect_ex(target)
    if code == errno.EINPROGRESS:
        if not stop.wait_for(sock, select.POLLOUT, deadline):
            hint = "a firewall may be in the way; are host and port right?"
            raise AssociationError("no answer in time", step="connect", transient=True, hint=hint)
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if stop.count:
        raise Interrupted("stopped by the user")
    if code:
        raise _failure(code)


def _failure(code: int) -> AssociationError:
    return AssociationError(os.strerror(code), step="connect", transient=True, hint=_CAUSES.get(code, ""))


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
    failures: list[OSError | UnicodeError] = []

    def ask() -> None:
        try:
            answers.append(_addresses(host, port))
        except (OSError, UnicodeError) as error:
            failures.append(error)

    thread = Thread(target=ask, daemon=True)
    thread.start()
    while thread.is_alive() and (left := deadline - time.monotonic()) > 0:
        thread.join(min(left, _STOP_SLICE))
        if stop.count:
            raise Interrupted("stopped by the user")
    if answers:
        return answers[0]
    raise _unresolved(host, failures[0] if failures else None)


def _unresolved(host: str, error: OSError | UnicodeError | None) -> AssociationError:
    """Return the error for a resolver's ``error``, or for none in time: a name that nobody knows is final."""
    reason = "no answer in time" if error is None else getattr(error, "strerror", None) or str(error)
    transient = error is None or (isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN)
    hint = "is the name right? 'dcmtools peers list' shows those that are configured"
    if transient:
        hint = "no name server answers: is the network up, and the name right?"
    return AssociationError(f"{host}: {reason}", step="resolve", transient=transient, hint=hint)

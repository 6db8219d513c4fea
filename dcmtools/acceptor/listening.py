"""The socket that a server listens on."""

from __future__ import annotations

import socket
from typing import Final

from dcmtools.errors import UsageError

_BACKLOG: Final = 512


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that takes connections and never blocks; raises UsageError where that cannot be."""
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

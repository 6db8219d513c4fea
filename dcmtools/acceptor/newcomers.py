"""Connections that have no association yet: so many and no more, and none keeps the others out."""

from __future__ import annotations

import resource
import socket
from collections import Counter
from contextlib import suppress
from threading import Lock, Thread
from typing import Final

# The buffers of so many grow to 80 MiB, at the size that a request for an association may have.
_MOST: Final = 256
# Each takes two descriptors. All together leave half of them to the associations.
_SHARE: Final = 4


class Newcomer:
    """A connection without an association: its number in this run, and the peer's address.

    It is ``dropped`` when it had to make room for another; ``thread`` is the one that answers it.
    """

    __slots__ = ("dropped", "handle", "host", "number", "thread")

    def __init__(self, number: int, host: str, handle: socket.socket) -> None:
        """Be present, with a ``handle`` that is nobody else's to close."""
        self.number = number
        self.host = host
        self.handle = handle
        self.dropped = False
        self.thread: Thread | None = None


class Newcomers:
    """Those who are present, the oldest first; any thread may call."""

    def __init__(self) -> None:
        """Begin with nobody."""
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.most = _MOST if soft == resource.RLIM_INFINITY else max(1, min(_MOST, soft // _SHARE))
        self._present: dict[Newcomer, None] = {}
        self._lock = Lock()

    def add(self, number: int, host: str, sock: socket.socket) -> tuple[Newcomer, Newcomer | None]:
        """Take in the connection ``sock``; return it, and who was dropped for it where there were too many.

        That is the oldest one from the address that has most. Raises OSError for want of a descriptor.
        """
        newcomer = Newcomer(number, host, sock.dup())  # TLS will take sock, and let go of it when it likes
        with self._lock:
            dropped = self._drop() if len(self._present) >= self.most else None
            self._present[newcomer] = None
        return newcomer, dropped

    def leave(self, newcomer: Newcomer) -> None:
        """Count it no more, since it has an association or has ended; it is not dropped any more."""
        with self._lock:
            self._present.pop(newcomer, None)
            newcomer.handle.close()

    def _drop(self) -> Newcomer:
        crowds = Counter([each.host for each in self._present])
        most = max(crowds.values())
        newcomer = next(each for each in self._present if crowds[each.host] == most)
        del self._present[newcomer]
        newcomer.dropped = True
        with suppress(OSError):  # its thread, which waits for it, sees the end of the connection
            newcomer.handle.shutdown(socket.SHUT_RDWR)
        newcomer.handle.close()
        return newcomer

"""The user's wish to stop, as a count and a file descriptor that every wait watches."""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING

from dcmtools.errors import Interrupted

if TYPE_CHECKING:
    import socket


class Stop:
    """Counts requests to stop; its ``fd`` becomes readable with the first and stays so.

    One request asks for an orderly end (finish or abort what is in hand, report), a second for an end
    at once. ``request`` may be called from a signal handler and from any thread. Whoever writes to
    ``wake_fd`` makes ``fd`` readable. While ``breaks`` is set, a signal also raises Interrupted, with these
    words, in the main thread, which may be waiting where nobody watches: for a pipe to read.
    """

    __slots__ = ("breaks", "count", "fd", "wake_fd")

    def __init__(self) -> None:
        """Open the pipe behind ``fd``."""
        self.count = 0
        self.breaks = ""
        self.fd, self.wake_fd = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def request(self) -> None:
        """Ask to stop, once more."""
        self.count += 1
        try:
            os.write(self.wake_fd, b"!")
        except BlockingIOError:
            return  # the pipe is full, so whoever waits is awake already

    def wait(self, seconds: float) -> bool:
        """Sleep for ``seconds`` or until the first request; return whether there was one."""
        watch = select.poll()  # select.select() fails with descriptors from 1024 on
        watch.register(self.fd, select.POLLIN)
        return bool(watch.poll(seconds * 1000))

    def wait_for(self, sock: socket.socket, event: int, deadline: float) -> bool:
        """Wait until ``sock`` is ready for ``event``; return False when it is not by ``deadline``.

        The event is one of ``select.poll``, the deadline a time of ``time.monotonic``. Raises Interrupted
        with the first request to stop.
        """
        watch = select.poll()
        watch.register(sock, event)
        watch.register(self.fd, select.POLLIN)
        ready = watch.poll(max(deadline - time.monotonic(), 0) * 1000)
        if self.count:
            raise Interrupted("stopped by the user")
        return bool(ready)

    def close(self) -> None:
        """Close the pipe; no wait may watch it any longer."""
        os.close(self.fd)
        os.close(self.wake_fd)

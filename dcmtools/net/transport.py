"""PDUs over a TCP connection, each read and write under a deadline (PS3.8 section 9.1).

Many peers write each PDU in two parts with Nagle's algorithm on, and then wait for the acknowledgement
that a kernel delays by 40 ms. TCP_QUICKACK, armed again before every wait for the rest of a PDU, sends it
at once. Over TLS the rest of a record may be waited for before any byte of a PDU is known, so there it is
armed before every wait.
"""

from __future__ import annotations

import select
import socket
import time
from typing import TYPE_CHECKING, Final

from dcmtools.errors import AssociationError, Interrupted
from dcmtools.net.items import UnrecognizedPdu
from dcmtools.net.p_data import P_DATA_TF
from dcmtools.net.pdu import ABORT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmtools.net.stop import Stop

MAX_ASSOCIATION_PDU: Final = 1024 * 1024
# What a TLS record begins with (RFC 8446 5.1): an alert, a handshake.
_TLS_RECORDS: Final = (0x15, 0x16)
_HEADER: Final = 6
_FIRST_BUFFER: Final = 8 * 1024
_MAX_PIECES: Final = 1000
_QUICKACK: Final = getattr(socket, "TCP_QUICKACK", None)
# How long a wait that the first wish to stop does not end may miss the second.
_STOP_SLICE: Final = 0.2


class Transport:
    """A connected socket that PDUs are read from and written to.

    ``step`` names in errors what is being done, ``ending_hint`` is the next step where the peer ends the
    connection, ``silence_hint`` where it says nothing. ``protection`` is the version of TLS and the cipher
    suite, None without TLS. While ``patient`` is set, only the second wish to stop ends a wait; else the
    first does. ``open`` says whether ``close`` was not called yet.
    """

    def __init__(self, sock: socket.socket, stop: Stop, max_pdu: int) -> None:
        """Take over the connected ``sock``; P-DATA-TF PDUs with more than ``max_pdu`` bytes are refused.

        Of the other types that is ``max_association_pdu``. Both may be set anew at any time. The socket may
        be a ``TlsSocket``, which does what Transport wants of any socket.
        """
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.step = "associate"
        self.ending_hint = ""
        self.silence_hint = ""
        self.patient = False
        self.open = True
        self.protection: str | None = getattr(sock, "protection", None)
        self._sock = sock
        self._stop = stop
        self.max_pdu = max_pdu
        self.max_association_pdu = MAX_ASSOCIATION_PDU
        self._torn = False
        self._buffer = memoryview(bytearray(_FIRST_BUFFER))
        self._start = 0
        self._end = 0

    def read_pdu(self, timeout: float) -> tuple[int, memoryview]:
        """Return type and body of the next PDU; the body is valid until the next call.

        The whole PDU has to arrive within ``timeout`` seconds. Raises AssociationError when it does not,
        when the connection ends and when the header is none of PS3.8: an unknown type, which is
        UnrecognizedPdu, or more bytes than the type may have.
        """
        if timeout < 0:
            raise self._late("answer")
        if self._stop.count > self.patient:
            raise Interrupted("stopped by the user")
        deadline = time.monotonic() + timeout
        self._need(_HEADER, deadline)
        kind, length, limit = self._announced()
        if not 1 <= kind <= ABORT:
            raise self._unrecognized(kind)
        if length > limit:
            raise self._error(f"the peer sent a PDU of {length} bytes where at most {limit} are allowed")
        self._need(_HEADER + length, deadline)
        begin = self._start + _HEADER
        self._start = begin + length
        return kind, self._buffer[begin : self._start]

    def send(self, pieces: Sequence[bytes | memoryview], timeout: float) -> None:
        """Send all ``pieces``, whole PDUs, in order.

        Raises AssociationError when ``timeout`` seconds bring no progress, and after anything has ended the
        sending of a PDU within it: the peer would take what follows for the rest of that one.
        """
        if self._torn:
            raise self._error("a message was cut short on its way out, so nothing can follow it")
        if self._stop.count > self.patient:
            raise Interrupted("stopped by the user")
        pending = list(pieces)
        first = 0
        self._torn = True
        while first < len(pending):
            try:
                sent = self._sock.sendmsg(pending[first : first + _MAX_PIECES])
            except BlockingIOError:
                self._wait(select.POLLOUT, time.monotonic() + timeout)
                continue
            except OSError as error:
                raise self._broke(error) from error
            while first < len(pending) and sent >= len(pending[first]):
                sent -= len(pending[first])
                first += 1
            if sent:
                pending[first] = memoryview(pending[first])[sent:]
        self._torn = False

    def send_last(self, data: bytes) -> None:
        """Send ``data`` as far as the connection takes it at once, and say that nothing follows.

        Within a PDU nothing is sent: the peer would take it for the rest of that one.
        """
        if self._torn:
            return
        try:
            self._sock.send(data)
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            return  # the peer has gone already

    def close(self) -> None:
        """Close the connection."""
        self.open = False
        self._sock.close()

    def _need(self, count: int, deadline: float) -> None:
        """Have at least ``count`` bytes in the buffer."""
        if not self._has(count, deadline):
            raise self._late("answer")

    def _has(self, count: int, deadline: float) -> bool:
        """Have at least ``count`` bytes in the buffer; return False where they do not come in time."""
        while self._end - self._start < count:
            free = len(self._buffer) - self._end
            if not free or (self._start and self._start + count > len(self._buffer)):
                self._make_room(count)
            if not self._receive():
                if (self._end > self._start or self.protection) and _QUICKACK is not None:
                    self._sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
                if not self._ready(select.POLLIN, deadline):
                    return False
            elif time.monotonic() > deadline and self._end - self._start < count:
                return False
        return True

    def _receive(self) -> bool:
        """Take what has come into the free part of the buffer; return False where nothing has."""
        try:
            received = self._sock.recv_into(self._buffer[self._end :])
        except BlockingIOError:
            return False
        except OSError as error:
            raise self._broke(error) from error
        if not received:
            raise self._error("the peer closed the connection", transient=True, hint=self.ending_hint)
        self._end += received
        return True

    @property
    def within_pdu(self) -> bool:
        """Whether the beginning of a PDU has come whose end has not."""
        return self._end > self._start

    def has_input(self, timeout: float = 0.0) -> bool:
        """Tell whether the peer has sent something that was not read yet, or does within ``timeout`` seconds.

        The body that was read last is not valid any longer. Raises AssociationError where the peer has ended
        the connection, and Interrupted where the user stops the wait.
        """
        if self._end > self._start:
            return True
        self._start = self._end = 0
        if not timeout:
            return self._receive()
        deadline = time.monotonic() + timeout
        while not self._receive():  # that a TLS connection is readable says nothing of data
            if not self._ready(select.POLLIN, deadline):
                return False
        return True

    def has_pdu(self, timeout: float = 0.0) -> bool:
        """Tell whether a whole PDU, or one that ``read_pdu`` refuses, has come or does within ``timeout``.

        Without any time it may take a few calls until the whole of a large one is seen. What was read last
        is not valid any longer; raises what ``has_input`` does.
        """
        deadline = time.monotonic() + timeout
        if not self._has(_HEADER, deadline):
            return False
        _, length, limit = self._announced()
        return length > limit or self._has(_HEADER + length, deadline)

    def _announced(self) -> tuple[int, int, int]:
        """Return type and length in the header of the next PDU, and how long one of the type may be."""
        at = self._start
        kind = self._buffer[at]
        length = int.from_bytes(self._buffer[at + 2 : at + 6], "big")
        return kind, length, self.max_pdu if kind == P_DATA_TF else self.max_association_pdu

    def _make_room(self, count: int) -> None:
        """Move what is unread to the front of the buffer, of a larger one where it fills half of it.

        The buffer grows with the bytes that arrived, never with the bytes a peer announced, and not beyond
        the ``count`` of bytes that are wanted.
        """
        unread = self._end - self._start
        size = len(self._buffer)
        larger = count > size and 2 * unread > size
        target = memoryview(bytearray(min(2 * size, count))) if larger else self._buffer
        # Through a copy: the two may overlap.
        target[:unread] = bytes(self._buffer[self._start : self._end])
        self._buffer, self._start, self._end = target, 0, unread

    def _wait(self, event: int, deadline: float) -> None:
        """Wait until the socket is ready for ``event``; raise AssociationError where it is not in time."""
        if not self._ready(event, deadline):
            raise self._late("answer" if event == select.POLLIN else "reading")

    def _ready(self, event: int, deadline: float) -> bool:
        """Wait until the socket is ready for ``event``; return False where it is not by the deadline.

        Raises Interrupted when the user stops it.
        """
        watch = select.poll()
        watch.register(self._sock, event)
        while True:
            if self._stop.count > self.patient:
                raise Interrupted("stopped by the user")
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if self._stop.count:
                left = min(left, _STOP_SLICE)
            else:
                watch.register(self._stop.fd, select.POLLIN)
            ready = watch.poll(left * 1000)
            if any(fd != self._stop.fd for fd, _ in ready):
                return True
            if ready:
                watch.unregister(self._stop.fd)

    def _unrecognized(self, kind: int) -> UnrecognizedPdu:
        if kind in _TLS_RECORDS:
            message = "the peer speaks TLS on this connection, which is a plain one"
            hint = "ask for --tls, or for the port where the peer speaks without"
        else:
            message = f"the peer sent a PDU of type {kind:02X}H, which there is not"
            hint = "perhaps another service than DICOM listens on this port"
        return UnrecognizedPdu(message, step=self.step, hint=hint)

    def _late(self, what: str) -> AssociationError:
        return self._error(f"no {what} from the peer in time", transient=True, hint=self.silence_hint)

    def _broke(self, error: OSError) -> AssociationError:
        message = f"the connection broke ({error.strerror})"
        return self._error(message, transient=True, hint=self.ending_hint)

    def _error(self, message: str, *, transient: bool = False, hint: str = "") -> AssociationError:
        return AssociationError(message, step=self.step, transient=transient, hint=hint)

"""The one kind of TLS connection: what Transport wants of a socket, on ``ssl``."""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from dcmtools.net.tls_failures import ended

if TYPE_CHECKING:
    from collections.abc import Sequence

# How much is encrypted in one go: a few records, as each is a piece of work of its own anyway.
_CHUNK: Final = 128 * 1024
_RECORD: Final = 16 * 1024  # the most that one holds (RFC 8446 5.1)


class TlsSocket(ssl.SSLSocket):
    """A TLS connection as Transport wants its sockets: it blocks, ends and gathers as plain ones do.

    ``without_certificate`` says that we presented none.
    """

    without_certificate = False
    _chunk: bytes = b""
    _ahead: bytes = b""

    @property
    def protection(self) -> str:
        """The version of TLS and the cipher suite that were agreed on."""
        suite = self.cipher()
        return f"{self.version()} {suite[0] if suite else ''}"

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:  # noqa: ANN401  as in ssl
        """Read what has been decrypted; BlockingIOError where that is nothing yet.

        Raises ConnectionError where the connection broke, AssociationError where the peer refuses us.

        To answer an update of keys a read may have to write (RFC 8446 4.6.3). It is tried again with the
        peer's next bytes, as the peer does not wait for that answer.
        """
        if self._ahead:
            count = min(len(buffer), len(self._ahead))
            buffer[:count], self._ahead = self._ahead[:count], self._ahead[count:]
            return count
        try:
            return super().recv_into(buffer, nbytes, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None
        except ssl.SSLError as error:
            raise ended(error, self.without_certificate) from error

    def sendmsg(self, buffers: Any, *_: Any) -> int:  # type: ignore[override]  # noqa: ANN401  ssl has none
        """Send the beginning of the pieces; what blocked has to be given again. Raises as ``recv_into``."""
        self._chunk = self._chunk or _beginning(buffers)
        try:
            sent = self.send(self._chunk)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None
        except (ssl.SSLError, ConnectionError) as error:
            self._hear_alert()
            if isinstance(error, ssl.SSLError):
                raise ended(error, self.without_certificate) from error
            raise
        self._chunk = b""
        return sent

    def _hear_alert(self) -> None:
        """Raise what a peer told in TLS before it broke off; whatever else it sent is kept to be read."""
        record = bytearray(_RECORD)
        with suppress(BlockingIOError):
            self._ahead = bytes(record[: self.recv_into(record)])

    def shutdown(self, how: int) -> None:
        """Tell the peer that nothing follows, in TLS first (RFC 8446 6.1)."""
        self._notify()
        super().shutdown(how)

    def close(self) -> None:
        """Tell the peer, if it can still be told, and close the connection."""
        self._notify()
        super().close()

    def _notify(self) -> None:
        with suppress(OSError, ValueError):  # it would wait for the peer's notice once ours has gone
            self.unwrap()


def _beginning(pieces: Sequence[bytes | memoryview]) -> bytes:
    taken = []
    left = _CHUNK
    for piece in pieces:
        taken.append(piece[:left])
        left -= len(piece)
        if left <= 0:
            break
    return b"".join(taken)

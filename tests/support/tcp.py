"""Both ends of a loopback connection in one thread, for tests below the level of an association."""

from __future__ import annotations

import socket
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
LIMIT = 10.0


class Pdu(NamedTuple):
    """A PDU as it stood on the wire."""

    kind: int
    body: bytes


@contextmanager
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected TCP sockets; small buffers make a peer that stops reading felt soon."""
    with socket.create_server((HOST, 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    theirs.settimeout(LIMIT)
    with ours, theirs:
        yield ours, theirs


def reset(sock: socket.socket) -> None:
    """Close with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def pdus(sock: socket.socket) -> list[Pdu]:
    """Every whole PDU that comes until the other side has closed."""
    data = bytearray()
    try:
        while piece := sock.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return split(bytes(data))


def split(data: bytes) -> list[Pdu]:
    """The whole PDUs in ``data`` (PS3.8 9.3.1)."""
    found = []
    at = 0
    while len(data) - at >= 6:
        kind, length = struct.unpack_from(">BxI", data, at)
        if at + 6 + length > len(data):
            break
        found.append(Pdu(kind, data[at + 6 : at + 6 + length]))
        at += 6 + length
    return found


def data_pdu(*values: tuple[int, int, bytes]) -> bytes:
    """A P-DATA-TF of PDVs: context ID, message control header, fragment (PS3.8 9.3.5)."""
    items = b"".join(
        struct.pack(">IBB", len(fragment) + 2, context, control) + fragment
        for context, control, fragment in values
    )
    return struct.pack(">BxI", 4, len(items)) + items

"""A TCP proxy between two peers that does them harm: after so many bytes, in either direction.

``with Proxy(server.port, Harm(Way.OUT, 5000, reset)) as proxy:`` resets the first connection to its port once
5000 bytes have gone from the client to the server, and leaves later ones alone.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Self, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    Action: TypeAlias = "Callable[[Connection, socket.socket, bytes], None]"

HOST = "127.0.0.1"
DROP = 200  # bytes that a dripping connection passes on at once, each half a millisecond


class Way(Enum):
    """Out goes what the client sends, in comes what the server does."""

    OUT = "out"
    IN = "in"


@dataclass(frozen=True)
class Harm:
    """What befalls a connection when, after ``after`` bytes, another one comes that ``way``.

    It befalls the ``first`` connections; None is all of them.
    """

    way: Way
    after: int
    action: Action
    first: int | None = 1


class Connection:
    """A client's connection, and one to the server in its place."""

    def __init__(self, client: socket.socket, server: socket.socket, stopping: threading.Event) -> None:
        self.stopping = stopping
        self.struck = False
        self.other = {client: server, server: client}
        self.ways = {client: Way.OUT, server: Way.IN}
        self.moved = dict.fromkeys(Way, 0)
        self.watched = [client, server]
        self.forward: Callable[[socket.socket, bytes], None] = self.pass_on

    def run(self, harm: Harm | None) -> None:
        while self.watched:
            for source in select.select(self.watched, [], [])[0]:
                data = source.recv(65536)
                way = self.ways[source]
                if not data:
                    self.watched.remove(source)
                    self.other[source].shutdown(socket.SHUT_WR)
                elif harm and harm.way is way and self.moved[way] + len(data) > harm.after:
                    spared = harm.after - self.moved[way]
                    self.forward(source, data[:spared])
                    self.struck = True
                    harm.action(self, source, data[spared:])
                    harm = None
                    break  # nobody may be watched any more
                else:
                    self.forward(source, data)

    def pass_on(self, source: socket.socket, data: bytes) -> None:
        self.moved[self.ways[source]] += len(data)
        self.other[source].sendall(data)


class Proxy:
    """Listens from the start, unless it is to be ``refusing`` connections until ``listen`` is called."""

    def __init__(self, target: int, harm: Harm | None = None, *, refusing: bool = False) -> None:
        self.connections: list[Connection] = []
        self._target = target
        self._harm = harm
        self._stopping = threading.Event()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket()
        self._listener.bind((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        if not refusing:
            self.listen()

    def listen(self) -> None:
        """Begin to accept connections."""
        self._listener.listen()
        self._start(self._accept)

    def refuse(self) -> None:
        """Accept no more, as when a server was killed."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)

    @property
    def struck(self) -> bool:
        """Whether any connection has come to harm."""
        return any(connection.struck for connection in self.connections)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self.refuse()
        for thread in self._threads[:1]:
            thread.join()  # from here on no connection is added
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()
        self._listener.close()

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):  # of the listener's end
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection((HOST, self._target))
                self._sockets += (client, server)
                for each in (client, server):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection = Connection(client, server, self._stopping)
                self.connections.append(connection)
                self._start(self._serve, connection, self._harm_of(len(self.connections)))

    def _harm_of(self, number: int) -> Harm | None:
        spares = self._harm and self._harm.first is not None and number > self._harm.first
        return None if spares else self._harm

    def _serve(self, connection: Connection, harm: Harm | None) -> None:
        client, server = connection.other
        with client, server, suppress(OSError):
            connection.run(harm)


# ---------------------------------------------------------------- what befalls a connection


def cut(connection: Connection, _source: socket.socket, _rest: bytes) -> None:
    """End it in good order to both sides, and take what still comes."""
    connection.forward = lambda *_: None
    for each in connection.other:
        with suppress(OSError):
            each.shutdown(socket.SHUT_WR)


def reset(connection: Connection, _source: socket.socket, _rest: bytes) -> None:
    connection.watched.clear()
    for each in connection.other:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        each.close()


def stall(connection: Connection, _source: socket.socket, _rest: bytes) -> None:
    """Read no more from either side; the sockets fill up."""
    connection.watched.clear()
    connection.stopping.wait()


def swallow(connection: Connection, _source: socket.socket, _rest: bytes) -> None:
    """Take what comes from either side, and pass nothing on."""
    connection.forward = lambda *_: None


def drip(connection: Connection, source: socket.socket, rest: bytes) -> None:
    """Pass it on from here in small pieces."""

    def slowly(source: socket.socket, data: bytes) -> None:
        for at in range(0, len(data), DROP):
            connection.pass_on(source, data[at : at + DROP])
            connection.stopping.wait(0.0005)

    connection.forward = slowly
    slowly(source, rest)


def corrupt(connection: Connection, source: socket.socket, rest: bytes) -> None:
    """Turn all bits of the next byte around, and of no other."""
    connection.pass_on(source, bytes([rest[0] ^ 0xFF]) + rest[1:])

"""Peers that nobody knows: what they may cost, whom they keep out, and what is said of them."""

from __future__ import annotations

import re
import signal
import socket
import ssl
import struct
import time
from contextlib import ExitStack, contextmanager, suppress
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dcmtools.net import command_set
from dcmtools.net.accepting import MAX_REQUEST
from dcmtools.net.peer import NetworkOptions, Peer, TlsOptions
from dcmtools.net.presentation import PresentationContext
from dcmtools.net.requesting import request_association
from dcmtools.net.user_information import UserIdentity
from tests.support.certificates import requires_openssl
from tests.support.run import run
from tests.support.served import (
    CT,
    HOST,
    ServedProcess,
    all_from,
    associate_request,
    associated,
    connected,
    data_set,
    echo,
    fragment,
    served,
    serving,
    store,
    store_request,
    wait_until,
)
from tests.support.served import pdu as raw_pdu

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.certificates import Certificates

ELSEWHERE = (ip_network("192.0.2.0/24"),)
MEBIBYTE = 1 << 20
P_DATA = 4
ASSOCIATE_RQ = 1


@contextmanager
def strangers(server: ServedProcess, count: int, say: bytes) -> Iterator[None]:
    """Connections that say no more than ``say``, as far as they are listened to."""
    with ExitStack() as held:
        for _ in range(count):
            peer = held.enter_context(connected(server.port))
            with suppress(ConnectionError):
                peer.sendall(say)
        yield


# ---------------------------------------------------------------- other addresses


def test_another_address_is_not_listened_to(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with serving(tmp_path, allow_ip=ELSEWHERE) as server:
        with connected(server.port) as peer:
            assert all_from(peer) == b"", "before anything was said"
        wait_until(lambda: len(caplog.messages) == 1)
    assert caplog.messages == [f'rejected association=1 peer={HOST} reason="address not allowed"']


@requires_openssl
def test_another_address_is_not_spoken_to_in_tls(tmp_path: Path, certificates: Certificates) -> None:
    cert, key = certificates.pair("server")
    with serving(tmp_path, allow_ip=ELSEWHERE, tls=TlsOptions(cert=cert, key=key)) as server:
        with connected(server.port) as peer:
            assert all_from(peer) == b""
        with connected(server.port) as peer, pytest.raises(OSError, match=r"EOF|reset|[Bb]roken"):
            ssl.create_default_context(cafile=certificates.ca).wrap_socket(peer, server_hostname=HOST)


def test_an_allowed_address_is(tmp_path: Path) -> None:
    with serving(tmp_path, allow_ip=(*ELSEWHERE, ip_network("127.0.0.0/8"))) as server:
        assert echo(server.port) == 0


# ---------------------------------------------------------------- memory


def test_the_largest_sensible_request_is_taken(tmp_path: Path) -> None:
    """128 contexts, each with as many transfer syntaxes as are registered, and a long token."""
    syntaxes = tuple(f"1.2.840.10008.1.2.4.{number:06}" for number in range(59))
    contexts = [PresentationContext(2 * number + 1, CT, syntaxes) for number in range(128)]
    identity = UserIdentity(5, b"x" * 65_000)
    with serving(tmp_path) as server:
        network = NetworkOptions(identity=identity)
        with request_association(Peer(HOST, server.port), network, contexts) as association:
            assert len(association.contexts) == 128


@pytest.mark.parametrize("kind", [ASSOCIATE_RQ, P_DATA])
def test_a_larger_one_is_cut_off_by_its_header(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: int
) -> None:
    with serving(tmp_path, max_pdu=MEBIBYTE) as server, connected(server.port) as peer:
        peer.sendall(struct.pack(">BxL", kind, MAX_REQUEST + 1))
        assert all_from(peer)[:1] == b"\7"
        wait_until(lambda: len(caplog.messages) == 1)
    assert f"a PDU of {MAX_REQUEST + 1} bytes where at most {MAX_REQUEST} are allowed" in caplog.messages[0]


def test_data_of_the_length_that_was_advertised_is_taken_once_there_is_an_association(tmp_path: Path) -> None:
    request = command_set.encode(store_request("1.2.3.4") | {"MessageID": 1})
    with serving(tmp_path, max_pdu=MEBIBYTE) as server:
        with connected(server.port, established=True) as peer:
            data = data_set(pixels=bytes(MAX_REQUEST + 2))
            peer.sendall(raw_pdu(P_DATA, fragment(3, request)) + raw_pdu(P_DATA, fragment(2, data)))
            assert peer.recv(65536)[:1] == bytes([P_DATA])
        assert len(server.kept()) == 1


def test_500_nearly_whole_requests_cost_little(tmp_path: Path) -> None:
    with served(tmp_path / "archive") as server:
        status = Path(f"/proc/{server.process.pid}/status")
        with strangers(server, 500, struct.pack(">BxL", ASSOCIATE_RQ, MAX_REQUEST) + bytes(MAX_REQUEST - 1)):
            assert echo(server.port) == 0
            most = re.search(r"VmHWM:\s+(\d+)", status.read_text())
            assert most
            assert 1024 * int(most[1]) < 150 * MEBIBYTE


# ---------------------------------------------------------------- places


def hello() -> bytes:
    """What a TLS client says first (RFC 8446 4.1.2)."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=HOST)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


@requires_openssl
def test_600_half_handshakes_keep_nobody_out(tmp_path: Path, certificates: Certificates) -> None:
    cert, key = certificates.pair("server")
    with served(tmp_path / "archive", "--tls", "--tls-cert", cert, "--tls-key", key) as server:
        with strangers(server, 600, hello()):
            assert run("echo", server.address, "--tls", "--tls-ca", certificates.ca).status == 0
            begun = time.monotonic()  # all have been met, and are still there
            assert run("echo", server.address, "--tls", "--tls-ca", certificates.ca).status == 0
            assert time.monotonic() - begun < 2
        assert server.stop() == 0
        assert server.log().count("warning: dropped association=") == 10
        assert f"warning: suppressed peer={HOST} lines=" in server.log()


def test_associations_stay_whoever_comes(tmp_path: Path) -> None:
    with served(tmp_path / "archive") as server:
        with (
            associated(server.port) as first,
            strangers(server, 300, b"\1"),
            associated(server.port) as later,
            strangers(server, 300, b""),
        ):
            assert store(first, "1.2.3", data_set("1.2.3")) == 0
            assert store(later, "1.2.4", data_set("1.2.4")) == 0
        assert server.stop() == 0


@pytest.mark.parametrize("say", [b"", b"\1\0\0"])
def test_strangers_do_not_keep_it_from_ending(tmp_path: Path, say: bytes) -> None:
    with served(tmp_path / "archive") as server, strangers(server, 50, say):
        assert echo(server.port) == 0
        begun = time.monotonic()
        assert server.stop(signal.SIGTERM) == 0
        assert time.monotonic() - begun < 2


# ---------------------------------------------------------------- what is always told

WHOSE = f"association=1 peer={HOST}"
TITLES = "calling=CALLER called=ANY-SCP"


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (
            raw_pdu(1, b"12"),
            f'failed {WHOSE} reason="associate: the peer sent a PDU that is broken (offset 2: ',
        ),
        (associate_request()[:90], f'failed {WHOSE} reason="associate: the peer closed the connection"'),
        (
            raw_pdu(5, bytes(4)),
            f'failed {WHOSE} reason="associate: the peer sent another PDU than a request"',
        ),
        (b"GET / HTTP/1.0\r\n\r\n", f'failed {WHOSE} reason="associate: the peer sent a PDU of type 47H'),
        (associate_request(version=2), f'rejected {WHOSE} {TITLES} reason="protocol version not supported'),
        (
            associate_request(calling=b'x" \x1b[31m\nfailed'),
            rf'rejected {WHOSE} calling="x\" \x1b[31m\x0afailed" called=ANY-SCP reason="calling AE title not',
        ),
    ],
    ids=["broken", "cut", "release", "http", "version", "title"],
)
def test_a_request_that_comes_to_nothing(tmp_path: Path, said: bytes, line: str) -> None:
    with served(tmp_path / "archive") as server:
        with connected(server.port) as peer:
            peer.sendall(said)
            peer.shutdown(socket.SHUT_WR)
            all_from(peer)
        assert server.stop() == 0
        log = server.log().splitlines()
    assert len(log) == 1
    assert log[0].startswith(f"dcmtools serve: warning: {line}")
    assert log[0].isprintable()


COMMAND = command_set.encode(store_request("1.2.3.4") | {"MessageID": 1})


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            raw_pdu(P_DATA, fragment(3, b"\0\0\0\0\0\0")),
            "receive: the peer sent a command set that is broken (",
        ),
        (raw_pdu(P_DATA, fragment(0, b"data")), "receive: the peer sent a data set fragment where a command"),
        (raw_pdu(P_DATA, b"12"), "receive: the peer sent a PDU that is broken ("),
        (raw_pdu(P_DATA, fragment(3, COMMAND))[:-5], "receive: the peer closed the connection"),
        (
            raw_pdu(P_DATA, fragment(3, COMMAND)) + raw_pdu(P_DATA, fragment(0, data_set())),
            "receive: the peer",
        ),
        (b"", None),
        (raw_pdu(7, bytes(4)), None),
    ],
    ids=["command", "order", "pdu", "cut", "within a data set", "gone", "aborted"],
)
def test_an_association_that_breaks(tmp_path: Path, said: bytes, reason: str | None) -> None:
    """Always told, but where the peer just goes between two messages."""
    with served(tmp_path / "archive") as server:
        with connected(server.port, established=True) as peer:
            peer.sendall(said)
            peer.shutdown(socket.SHUT_WR)
            all_from(peer)
        assert server.stop() == 0
        log = server.log().splitlines()
    if reason is None:
        assert log == []
    else:
        assert len(log) == 1
        start = f"dcmtools serve: warning: broken {WHOSE} {TITLES} stored=0 refused=0 bytes=0 seconds="
        assert log[0].startswith(start)
        assert f'reason="{reason}' in log[0]


@requires_openssl
@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (associate_request(), "tls: the peer does not speak TLS"),
        (b"\x16\x03\x01\x00\x05hello", "tls: "),
        (b"\x16\x03\x01", "tls: "),
        (b"", None),
    ],
    ids=["plain", "nonsense", "cut", "nothing"],
)
def test_a_handshake_that_fails(
    tmp_path: Path, certificates: Certificates, said: bytes, reason: str | None
) -> None:
    cert, key = certificates.pair("server")
    with served(tmp_path / "archive", "--tls", "--tls-cert", cert, "--tls-key", key) as server:
        with connected(server.port) as peer:
            peer.sendall(said)
            peer.shutdown(socket.SHUT_WR)
            all_from(peer)
        assert server.stop() == 0
        log = server.log().splitlines()
    if reason is None:
        assert log == []
    else:
        assert len(log) == 1
        assert log[0].startswith(f'dcmtools serve: warning: failed {WHOSE} reason="{reason}')


def test_thousands_of_bad_requests_are_ten_lines_and_a_number(tmp_path: Path) -> None:
    log_file = tmp_path / "log"
    with served(tmp_path / "archive", "--log-file", log_file) as server:
        for _ in range(1000):
            with connected(server.port) as peer:
                peer.sendall(raw_pdu(1, b"12"))
                all_from(peer)
        with associated(server.port, calling="KNOWN"):
            pass
        assert server.stop() == 0
        lines = server.log().splitlines()
    assert len(lines) == 11
    assert lines[10] == f"dcmtools serve: warning: suppressed peer={HOST} lines=990"
    assert len(log_file.read_text().splitlines()) == 11 + 2

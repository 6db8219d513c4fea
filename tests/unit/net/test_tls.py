"""Contexts by profile (PS3.15 Annex B), and certificates read for messages."""

from __future__ import annotations

import select
import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from dcmtools.config import TLS_PROFILES, TLS_VERSIONS
from dcmtools.errors import AssociationError, UsageError
from dcmtools.net.certificate import read_certificate
from dcmtools.net.peer import TlsOptions
from dcmtools.net.stop import Stop
from dcmtools.net.tls import PROFILES, client_context, secured_answer, secured_request, server_context
from dcmtools.net.transport import Transport
from tests.support.certificates import requires_openssl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.certificates import Certificates

P_DATA = 4


def suites(profile: str) -> set[str]:
    """The cipher suites below TLS 1.3, which are OpenSSL's own affair."""
    ciphers = client_context(TlsOptions(profile=profile)).get_ciphers()
    return {cipher["name"] for cipher in ciphers if not cipher["name"].startswith("TLS_")}


def test_the_names_are_those_of_the_command_line() -> None:
    assert tuple(PROFILES) == TLS_PROFILES
    assert TLS_VERSIONS == ("1.2", "1.3")
    assert TlsOptions().profile == TLS_PROFILES[0]


def test_the_default() -> None:
    """PS3.15 B.12, RFC 9325 4.2: four suites of TLS 1.2."""
    assert suites("bcp195") == {
        f"ECDHE-{kind}-AES{bits}-GCM-SHA{hashed}"
        for kind in ("RSA", "ECDSA")
        for bits, hashed in ((128, 256), (256, 384))
    }
    context = client_context(TlsOptions())
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.maximum_version is ssl.TLSVersion.MAXIMUM_SUPPORTED
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("profile", ["bcp195", "bcp195-modified", "bcp195-nd", "bcp195-extended"])
def test_forward_secrecy_and_aead_alone(profile: str) -> None:
    for suite in suites(profile):
        assert suite.startswith(("ECDHE-", "DHE-")), suite
        assert any(mode in suite for mode in ("GCM", "CCM", "CHACHA20")), suite
    assert client_context(TlsOptions(profile=profile)).minimum_version is ssl.TLSVersion.TLSv1_2


def test_retired_ones_for_the_oldest_devices() -> None:
    """PS3.15 B.3 and B.9."""
    assert "AES128-SHA" in suites("aes")
    assert suites("aes") <= {"AES128-SHA", "DES-CBC3-SHA"}
    context = client_context(TlsOptions(profile="aes"))
    assert context.maximum_version is ssl.TLSVersion.TLSv1_2
    assert context.minimum_version is ssl.TLSVersion.MINIMUM_SUPPORTED
    assert context.check_hostname
    assert "AES128-SHA" in suites("bcp195-rfc7525")


def test_a_profile_that_openssl_has_no_cipher_for() -> None:
    """Triple DES: seldom compiled in any more."""
    if any(cipher["name"] == "DES-CBC3-SHA" for cipher in _all_ciphers()):
        assert suites("basic") == {"DES-CBC3-SHA"}
    else:
        with pytest.raises(UsageError, match="has none of the ciphers of the TLS profile basic"):
            suites("basic")


def _all_ciphers() -> list[ssl._Cipher]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context.get_ciphers()


def test_a_higher_minimum() -> None:
    context = client_context(TlsOptions(min_version="1.3"))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3
    assert (
        client_context(TlsOptions(profile="aes", min_version="1.2")).minimum_version is ssl.TLSVersion.TLSv1_2
    )


@requires_openssl
def test_whom_a_server_asks(certificates: Certificates) -> None:
    cert, key = certificates.pair("server")
    bare = TlsOptions(cert=cert, key=key)
    assert server_context(bare).verify_mode is ssl.CERT_NONE
    assert server_context(bare._replace(ca=certificates.ca)).verify_mode is ssl.CERT_REQUIRED
    asks = bare._replace(ca=certificates.ca, client_auth="request")
    assert server_context(asks).verify_mode is ssl.CERT_OPTIONAL
    for wrong in (TlsOptions(), bare._replace(client_auth="require"), bare._replace(client_auth="request")):
        with pytest.raises(UsageError):
            server_context(wrong)


@requires_openssl
def test_a_certificate_cut_or_changed_anywhere_is_read_or_none(certificates: Certificates) -> None:
    der = ssl.PEM_cert_to_DER_cert(certificates.path("server.crt").read_text())
    whole = read_certificate(der)
    assert whole
    assert whole.names == ("localhost", "127.0.0.1", "::1")
    for cut in range(len(der)):
        assert read_certificate(der[:cut]) is None
    for at in range(len(der)):
        for value in (0, 0x7F, 0x80, 0x84, 0xFF):
            read_certificate(der[:at] + bytes([value]) + der[at + 1 :])


@pytest.fixture
def ends(certificates: Certificates) -> Iterator[tuple[Transport, ssl.SSLSocket]]:
    """A Transport over TLS, and Python's own end of it."""
    from threading import Thread

    stop = Stop()
    cert, key = certificates.pair("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    ours, theirs = socket.create_connection, socket.create_server(("127.0.0.1", 0))
    peers: list[ssl.SSLSocket] = []

    def accept() -> None:
        peers.append(context.wrap_socket(theirs.accept()[0], server_side=True))

    thread = Thread(target=accept)
    thread.start()
    options = TlsOptions(ca=certificates.ca)
    address = theirs.getsockname()
    secure = secured_request(ours(address), lambda: ours(address), options, "127.0.0.1", 10, stop)
    thread.join()
    yield Transport(secure, stop, 1 << 20), peers[0]
    secure.close()
    peers[0].close()
    theirs.close()
    stop.close()


@requires_openssl
def test_large_messages_in_both_directions(ends: tuple[Transport, ssl.SSLSocket]) -> None:
    """Pieces of every size, over a connection that blocks time and again."""
    from threading import Thread

    transport, peer = ends
    pieces = [
        bytes([number % 256]) * size for number, size in enumerate((1, 12, 100_000, 0, 16_384, 3_000_000, 7))
    ]
    received = bytearray()

    def read() -> None:
        while len(received) < sum(map(len, pieces)):
            received.extend(peer.recv(5000))

    thread = Thread(target=read)
    thread.start()
    transport.send([memoryview(piece) for piece in pieces], 10)
    thread.join(20)
    assert received == b"".join(pieces)

    body = bytes(range(256)) * 3000
    whole = bytes([P_DATA, 0]) + len(body).to_bytes(4, "big") + body
    writer = Thread(target=peer.sendall, args=(whole * 3,))
    writer.start()
    for _ in range(3):
        kind, data = transport.read_pdu(10)
        assert (kind, bytes(data)) == (P_DATA, body)
    writer.join()


@requires_openssl
def test_what_openssl_holds_back_is_input_too(ends: tuple[Transport, ssl.SSLSocket]) -> None:
    """Tickets that TLS 1.3 sends make the socket readable, and are nothing; data decrypted early is."""
    transport, peer = ends
    assert select.select([transport._sock], [], [], 5)[0], "the tickets have come"
    assert not transport.has_input()
    peer.sendall(bytes([P_DATA, 0, 0, 0, 0, 1, 7]) * 2)
    transport.read_pdu(5)
    assert transport.has_input()


@requires_openssl
def test_both_our_own_sides(certificates: Certificates) -> None:
    from threading import Thread

    stop = Stop()
    cert, key = certificates.pair("server")
    context = server_context(TlsOptions(cert=cert, key=key))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        answered: list[ssl.SSLSocket] = []
        thread = Thread(
            target=lambda: answered.append(secured_answer(listener.accept()[0], context, 10, stop))
        )
        thread.start()
        options = TlsOptions(ca=certificates.ca)
        sock = socket.create_connection(listener.getsockname())
        secure = secured_request(sock, lambda: sock, options, "localhost", 10, stop)
        thread.join()
    # No tickets lie unread where somebody sends and leaves.
    assert not select.select([secure], [], [], 0.1)[0]
    secure.close()
    assert answered[0].recv(1) == b""
    answered[0].close()
    stop.close()


@requires_openssl
@pytest.mark.parametrize("error", [TimeoutError(110, "Connection timed out"), OSError("no words")])
def test_whatever_ends_the_connection_in_the_handshake(
    error: OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(ssl.SSLSocket, "do_handshake", fail)
    stop, options = Stop(), TlsOptions(verify=False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sock = socket.create_connection(listener.getsockname())
        with pytest.raises(AssociationError, match=r"tls: the connection broke \((Conn|no words)") as told:
            secured_request(sock, lambda: sock, options, "localhost", 10, stop)
    assert told.value.transient
    assert sock.fileno() == -1
    stop.close()

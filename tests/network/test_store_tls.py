"""``dcmtools store --tls`` over connections that break once TLS stands: that is told, not a lack of TLS."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any

import pytest

from dcmtools.net.peer import TlsOptions
from tests.support import samples
from tests.support.certificates import TlsUnruly, requires_openssl, server_side
from tests.support.proxy import Harm, Proxy, Way, corrupt, cut, reset
from tests.support.run import Run, run
from tests.support.served import serving
from tests.support.unruly import Fault, Moment, serves

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.certificates import Certificates
    from tests.support.proxy import Action
    from tests.support.unruly import Association, Request

pytestmark = requires_openssl
SHORT = ("-ta", "2", "-td", "2", "-to", "2", "--retry-delay", "0", "--format", "json")
RELEASE = 32 + 24  # bytes of the records of an A-RELEASE-RP and of the end
LARGE = 8_000_000  # more than the sockets of both sides hold


@pytest.fixture
def large(tmp_path: Path) -> Path:
    [path] = samples.make_ct(tmp_path / "files", 1, LARGE)
    return path


def store(certificates: Certificates, port: int, *args: object) -> Run:
    return run("store", f"127.0.0.1:{port}", *SHORT, "--tls", "--tls-ca", certificates.ca, *args)


def echo(certificates: Certificates, port: int) -> Run:
    args = ("-ta", "2", "-to", "2", "--format", "json", "--tls", "--tls-ca", certificates.ca)
    return run("echo", f"127.0.0.1:{port}", *args)


def broke(result: Run, *steps: str) -> dict[str, Any]:
    """Return the error of the one result, which is of a connection that was there."""
    [record] = result.records
    error: dict[str, Any] = record["error"]
    assert result.status == 4
    assert error["message"].rpartition(": the ")[0].endswith(steps), error
    assert error["transient"] is True
    assert "handshake" not in result.stderr
    assert "leave out --tls" not in result.stderr
    return error


# What was cut off takes what is still coming: all has gone out before the end is read.
@pytest.mark.parametrize(("action", "step"), [(cut, "receive"), (reset, "send")])
def test_a_connection_that_breaks_while_a_file_is_sent(
    certificates: Certificates, tmp_path: Path, large: Path, action: Action, step: str
) -> None:
    cert, key = certificates.pair("server")
    harm = Harm(Way.OUT, 3_000_000, action)
    with (
        serving(tmp_path / "in", tls=TlsOptions(cert=cert, key=key)) as server,
        Proxy(server.port, harm) as proxy,
    ):
        result = store(certificates, proxy.port, large)
        assert not server.kept()
    broke(result, step)
    assert result.records[0]["outcome"] == ("failed" if step == "send" else "unknown")


@pytest.mark.parametrize("action", [cut, reset, corrupt])
def test_it_is_sent_again_if_asked_so(
    certificates: Certificates, tmp_path: Path, large: Path, action: Action
) -> None:
    cert, key = certificates.pair("server")
    harm = Harm(Way.OUT, 3_000_000, action)
    with (
        serving(tmp_path / "in", tls=TlsOptions(cert=cert, key=key)) as server,
        Proxy(server.port, harm) as proxy,
    ):
        assert store(certificates, proxy.port, "--retries", 1, large).status == 0
        assert proxy.struck
        assert len(server.kept()) == 1


def ends(association: Association, _request: Request) -> None:
    """End the connection as a process does that is killed: TLS says nothing."""
    raw = socket.socket(fileno=association.socket.detach())
    raw.close()


def resets(association: Association, _request: Request) -> None:
    association.reset()


def test_bytes_that_are_not_what_was_encrypted(certificates: Certificates, tmp_path: Path) -> None:
    """In the answer: the last byte of its record is another."""
    cert, key = certificates.pair("server")
    [small] = samples.make_small(tmp_path / "files", 1)
    with serving(tmp_path / "in", tls=TlsOptions(cert=cert, key=key)) as server:
        with Proxy(server.port) as proxy:
            assert store(certificates, proxy.port, small).status == 0
            [connection] = proxy.connections
            end = connection.moved[Way.IN] - RELEASE - 1
        with Proxy(server.port, Harm(Way.IN, end, corrupt)) as proxy:
            result = store(certificates, proxy.port, small)
    error = broke(result, "receive")
    assert "the connection broke (TLS: decryption failed or bad record mac)" in error["message"]


@pytest.mark.parametrize("strike", [ends, resets])
def test_a_connection_that_breaks_in_place_of_an_answer(
    certificates: Certificates, tmp_path: Path, strike: Callable[[Association, Request], None]
) -> None:
    [small] = samples.make_small(tmp_path, 1)
    with TlsUnruly(serves(Fault(strike)), server_side(certificates.pair("server"))) as server:
        result = store(certificates, server.port, small)
    broke(result, "receive")
    assert result.records[0]["outcome"] == "unknown"


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize("strike", [ends, resets])
def test_a_server_that_is_full(
    certificates: Certificates, strike: Callable[..., None], reads: bool, version: str
) -> None:
    """It ends what it has accepted in place of an answer; some then read what was asked, some do not."""

    def script(association: Association) -> None:
        if reads:
            association.propose()
        strike(association, None)

    context = server_side(certificates.pair("server"))
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    with TlsUnruly(script, context) as server:
        result = echo(certificates, server.port)
    error = broke(result, "associate")
    assert error["hint"] == "the peer may want a client certificate (--tls-cert, --tls-key)"
    assert result.records[0]["step"] == "associate"


@pytest.mark.parametrize("extra", [0, 1, 2])
def test_the_reason_of_an_abort_within_a_large_file(
    certificates: Certificates, large: Path, extra: int
) -> None:
    """What a peer sent in TLS before it broke off is read, from its first byte."""

    def strike(association: Association, _request: Request) -> None:
        association.send(bytes((4, 0, 0, 0, 0, 6, 0, 0, 0, 2, 1, 0)) * extra)
        association.send(bytes((7, 0, 0, 0, 0, 4, 0, 0, 2, 6)))
        association.reset()

    fault = Fault(strike, Moment.BEFORE)
    with TlsUnruly(serves(fault), server_side(certificates.pair("server"))) as server:
        result = store(certificates, server.port, large)
    assert result.status == 4
    assert "send: the peer aborted the association: invalid PDU parameter value" in result.stderr


@pytest.mark.parametrize("name", ["foreign", None])
def test_a_certificate_that_is_refused_after_the_handshake(
    certificates: Certificates, tmp_path: Path, name: str | None
) -> None:
    """With TLS 1.3 that is how it comes; to try again would not help."""
    context = server_side(certificates.pair("server"))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(certificates.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    ours: list[object] = []
    if name:
        cert, key = certificates.pair(name)
        ours = ["--tls-cert", cert, "--tls-key", key]
    [small] = samples.make_small(tmp_path, 1)
    with TlsUnruly(serves(), context) as server:
        result = store(certificates, server.port, "--retries", 3, *ours, small)
    assert result.status == 4
    [record] = result.records
    words = "the peer refuses our certificate" if name else "the peer demands a client certificate"
    assert f"tls: {words}" in record["error"]["message"]
    assert record["error"]["transient"] is False
    assert "trying again" not in result.stderr

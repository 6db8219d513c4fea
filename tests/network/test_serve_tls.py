"""``dcmtools serve --tls``: its options, its deadline, and what it says of those who do not come in."""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING

import pytest

from dcmtools.net.peer import TlsOptions
from tests.support import samples
from tests.support.certificates import PASSWORD, requires_openssl
from tests.support.run import run
from tests.support.served import HOST, all_from, associate_request, served, serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.certificates import Certificates

pytestmark = requires_openssl


def options(certificates: Certificates, name: str = "server") -> TlsOptions:
    cert, key = certificates.pair(name)
    return TlsOptions(cert=cert, key=key)


def test_files_between_ourselves(tmp_path: Path, certificates: Certificates) -> None:
    """As users start it; 100 MB of images in the peer's time, and mutual trust."""
    images = tmp_path / "images"
    samples.make_ct(images, 20)
    cert, key = certificates.pair("server")
    ours = certificates.pair("client")
    tls = ("--tls", "--tls-cert", cert, "--tls-key", key, "--tls-ca", certificates.ca)
    with served(tmp_path / "in", *tls) as server:
        sent = run(
            "store", server.address, images, "--tls", "--tls-ca", certificates.ca,
            "--tls-cert", ours[0], "--tls-key", ours[1],
        )  # fmt: skip
        assert sent.status == 0, sent.stderr
        assert len(server.kept()) == 20
        assert run("echo", server.address, "--tls", "--tls-ca", certificates.ca).status == 4
        assert server.stop() == 0


def test_who_connects_and_says_nothing_is_cut_off(tmp_path: Path, certificates: Certificates) -> None:
    with serving(tmp_path / "in", tls=options(certificates), acse_timeout=0.3) as server:
        begun = time.monotonic()
        with socket.create_connection((HOST, server.port), 10) as sock:
            assert all_from(sock) == b""
        assert 0.2 < time.monotonic() - begun < 5
        assert run("echo", server.address, "--tls", "--tls-ca", certificates.ca).status == 0


@pytest.mark.parametrize(
    "first", [associate_request(), b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x00\x05hello"]
)
def test_what_is_no_tls(tmp_path: Path, certificates: Certificates, first: bytes) -> None:
    with serving(tmp_path / "in", tls=options(certificates)) as server:
        with socket.create_connection((HOST, server.port), 10) as sock:
            sock.sendall(first)
            assert all_from(sock)[:1] in (b"", b"\x15"), "nothing but an alert"
        assert run("echo", server.address, "--tls", "--tls-ca", certificates.ca).status == 0


def test_the_log_has_the_reason(tmp_path: Path, certificates: Certificates) -> None:
    cert, key = certificates.pair("server")
    tls = ("--tls", "--tls-cert", cert, "--tls-key", key, "-v")
    with served(tmp_path / "in", *tls) as server:
        with socket.create_connection((HOST, server.port), 10) as sock:
            sock.sendall(associate_request())
            all_from(sock)
        assert server.stop() == 0
        assert "the peer does not speak TLS" in server.log()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions(tmp_path: Path, certificates: Certificates, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context(cafile=certificates.ca)
    context.minimum_version = context.maximum_version = version
    tls = options(certificates)._replace(min_version="1.3")
    with serving(tmp_path / "in", tls=tls) as server:
        sock = socket.create_connection((HOST, server.port), 10)
        if version is ssl.TLSVersion.TLSv1_3:
            with context.wrap_socket(sock, server_hostname=HOST) as secure:
                secure.sendall(associate_request())
                assert secure.recv(1) == b"\2"
        else:
            with sock, pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
                context.wrap_socket(sock, server_hostname=HOST)


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--tls"], "a TLS server needs a certificate"),
        (["--tls-cert", "{c}/server.crt"], "--tls-cert wants --tls."),
        (["--tls-client-auth", "none"], "--tls-client-auth wants --tls."),
        (
            [
                "--tls",
                "--tls-cert",
                "{c}/server.crt",
                "--tls-key",
                "{c}/server.key",
                "--tls-client-auth",
                "require",
            ],
            "nothing says whose client certificates are good",
        ),
        (
            ["--tls", "--tls-cert", "{c}/server.crt", "--tls-key", "{c}/client.key"],
            "the key does not belong to",
        ),
    ],
)
def test_a_server_that_cannot_start(
    tmp_path: Path, certificates: Certificates, args: list[str], complaint: str
) -> None:
    given = [arg.format(c=certificates.folder) for arg in args]
    result = run("serve", tmp_path / "in", "--port", 0, *given)
    assert result.status == 2
    assert complaint in result.stderr


def test_an_encrypted_key(tmp_path: Path, certificates: Certificates) -> None:
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD)
    files = ("--tls-cert", certificates.path("server.crt"), "--tls-key", certificates.path("locked.key"))
    with served(tmp_path / "in", "--tls", *files, "--tls-key-password-file", secret) as server:
        assert run("echo", server.address, "--tls", "--tls-ca", certificates.ca).status == 0

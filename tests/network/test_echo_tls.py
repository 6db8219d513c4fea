"""``dcmtools echo --tls``: who the peer is, what is agreed on, and what is said where that fails."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest

from dcmtools.net.peer import TlsOptions
from tests.support.certificates import PASSWORD, TlsUnruly, requires_openssl, server_side
from tests.support.peers import program
from tests.support.run import run
from tests.support.served import serving, wait_until
from tests.support.unruly import Unruly, never_answers, serves, silent

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.certificates import Certificates
    from tests.support.run import Run
    from tests.support.unruly import Association, Script

pytestmark = requires_openssl
SHORT = ("-ta", "2", "-td", "2", "-to", "2")
JSON = ("--format", "json")


def echo(port: int, *args: object, host: str = "127.0.0.1") -> Run:
    return run("echo", f"PEER@{host}:{port}", *SHORT, "--tls", *args)


def says(data: bytes) -> Script:
    """Answer to whatever comes first, and leave."""

    def script(association: Association) -> None:
        association.socket.recv(65536)
        association.send(data)

    return script


def the_error(result: Run) -> str:
    return result.stderr.splitlines()[0].split(": ", 2)[2]


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_a_peer_with_either_version(certificates: Certificates, version: str) -> None:
    context = server_side(certificates.pair("server"))
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    with TlsUnruly(serves(), context) as server:
        result = echo(server.port, "--tls-ca", certificates.ca, "--count", 2, "--interval", 0.001, *JSON)
    assert result.status == 0
    assert result.stderr == ""
    first, second, _ = result.records
    assert first["tls"].startswith(version.replace("_", ".") + " ")
    assert list(first["steps_ms"]) == ["resolve", "connect", "tls", "associate"]
    assert "tls" not in second
    assert server.pdu_types == [1, 4, 4, 5]


def test_the_end_is_told_in_tls(certificates: Certificates) -> None:
    """RFC 8446 6.1: close_notify, so that nobody can cut the exchange short."""
    ends: list[bytes] = []

    def script(association: Association) -> None:
        association.accept()
        for _ in association.requests():
            pass
        ends.append(association.socket.recv(1))

    context = server_side(certificates.pair("server"))
    context.sslsocket_class = _Strict
    with TlsUnruly(script, context) as server:
        echo(server.port, "--tls-ca", certificates.ca, "-td", "0.2")
        wait_until(lambda: bool(ends))
    assert ends == [b""]


class _Strict(ssl.SSLSocket):
    """One that takes an end without notice for what it may be: an attack."""

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        self.suppress_ragged_eofs = False
        return super().recv(buflen, flags)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_the_names_of_a_certificate(certificates: Certificates, name: str) -> None:
    with TlsUnruly(serves(), server_side(certificates.pair("ecdsa"))) as server:
        assert echo(server.port, "--tls-ca", certificates.ca, "-4", host=name).status == 0


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("expired", "the peer's certificate has expired, on 2020-02-03 04:05 UTC", "it has to be renewed"),
        ("future", "the peer's certificate is not valid yet, but from 2090-01-02 03:04 UTC", "is the clock"),
        (
            "elsewhere",
            "the peer's certificate is not one for 127.0.0.1, but for pacs.example.org, 192.0.2.7",
            "give the host as the certificate names it, or that name with --tls-server-name",
        ),
        ("nameless", "the peer's certificate is not one for 127.0.0.1, and names no host", "give the host"),
        ("selfsigned", "the peer's certificate is self-signed, and not known here", "--tls-ca FILE with it"),
        ("foreign", "nobody known here has signed the peer's certificate", "--tls-ca FILE, with"),
    ],
)
def test_a_certificate_that_does_not_do(
    certificates: Certificates, name: str, message: str, hint: str
) -> None:
    with TlsUnruly(serves(), server_side(certificates.pair(name))) as server:
        result = echo(server.port, "--tls-ca", certificates.ca, *JSON)
        assert not server.proposals, "nothing may be said to a stranger"
    assert result.status == 4
    [record] = result.records
    assert (record["step"], record["status"]) == ("tls", None)
    assert list(record["steps_ms"]) == ["resolve", "connect", "tls"]
    assert record["error"]["message"].endswith(f"tls: {message}")
    assert hint in record["error"]["hint"]
    assert record["error"]["transient"] is False


def test_no_store_knows_it(certificates: Certificates) -> None:
    with TlsUnruly(serves(), server_side(certificates.pair("server"))) as server:
        result = echo(server.port)
    assert result.status == 4
    assert the_error(result) == "tls: nobody known here has signed the peer's certificate"


def test_the_certificate_itself_can_be_trusted(certificates: Certificates) -> None:
    for name in ("selfsigned", "foreign"):
        with TlsUnruly(serves(), server_side(certificates.pair(name))) as server:
            assert echo(server.port, "--tls-ca", certificates.path(f"{name}.crt")).status == 0


def test_another_server_name(certificates: Certificates) -> None:
    with TlsUnruly(serves(), server_side(certificates.pair("elsewhere"))) as server:
        args = ("--tls-ca", certificates.ca, "--tls-server-name")
        assert echo(server.port, *args, "pacs.example.org").status == 0
        assert echo(server.port, *args, "other.example.org").status == 4


def test_anyone_for_the_peer_with_a_warning(certificates: Certificates) -> None:
    with TlsUnruly(serves(), server_side(certificates.pair("expired"))) as server:
        result = echo(server.port, "--tls-no-verify")
    assert result.status == 0
    assert result.stderr.startswith("dcmtools echo: warning: --tls-no-verify: ")


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_a_peer_that_wants_to_know_us(certificates: Certificates, version: str) -> None:
    context = server_side(certificates.pair("server"))
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    context.load_verify_locations(certificates.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    ours = ("--tls-ca", certificates.ca)
    with TlsUnruly(serves(), context) as server:
        known = certificates.pair("client")
        assert echo(server.port, *ours, "--tls-cert", known[0], "--tls-key", known[1]).status == 0
        result = echo(server.port, *ours)
        assert result.status == 4
        assert "demands a client certificate" in the_error(result)
        assert "--tls-cert FILE" in result.stderr
        unknown = certificates.pair("foreign")
        result = echo(server.port, *ours, "--tls-cert", unknown[0], "--tls-key", unknown[1])
    assert result.status == 4
    assert the_error(result) == "tls: the peer refuses our certificate: it does not know who signed it"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (says(struct.pack(">BxIHBB", 7, 4, 0, 2, 1)), "tls: the peer does not speak TLS"),
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "tls: the peer does not speak TLS"),
        (says(b""), "tls: the peer closed the connection in the midst of the handshake"),
        (silent, "tls: the peer does not answer in TLS in time"),
    ],
)
def test_a_peer_without_tls(certificates: Certificates, script: Script, words: str) -> None:
    with Unruly(script) as server:
        begun = time.monotonic()
        result = run(
            "echo", f"PEER@127.0.0.1:{server.port}", "--tls", "--tls-ca", certificates.ca, "-to", "0.5"
        )
        assert time.monotonic() - begun < 3
    assert result.status == 4
    assert the_error(result) == words
    assert (
        "hint: the peer may speak no TLS here: leave out --tls, or ask for its port for TLS" in result.stderr
    )


def test_a_peer_that_wants_tls(certificates: Certificates) -> None:
    with TlsUnruly(serves(), server_side(certificates.pair("server"))) as server:
        result = run("echo", f"PEER@127.0.0.1:{server.port}", *SHORT)
    assert result.status == 4
    assert the_error(result).startswith("associate: ")
    assert "--tls" in result.stderr


def test_a_plain_peer_that_closes_at_once() -> None:
    with Unruly(says(b"")) as server:
        result = run("echo", f"PEER@127.0.0.1:{server.port}", *SHORT)
    assert the_error(result).startswith("associate: the ")
    assert "hint: the peer may want TLS (--tls), or takes no associations from this address" in result.stderr


@pytest.mark.parametrize(
    "cipher", ["ECDHE-RSA-AES128-SHA", "AES128-SHA", "AES256-GCM-SHA384", "ECDHE-RSA-AES256-SHA384"]
)
def test_weak_ciphers_are_not_taken(certificates: Certificates, cipher: str) -> None:
    context = server_side(certificates.pair("server"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(cipher)
    with TlsUnruly(serves(), context) as server:
        result = echo(server.port, "--tls-ca", certificates.ca)
    assert result.status == 4
    assert "no shared cipher" in the_error(result)


def test_old_versions_are_not_taken_unless_asked_for(certificates: Certificates) -> None:
    """TLS 1.0 from the openssl program, as Python warns of it."""
    cert, key = certificates.pair("server")
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    command = [
        program("openssl"), "s_server", "-accept", f"127.0.0.1:{port}", "-cert", cert, "-key", key, "-tls1",
        "-cipher", "ALL:@SECLEVEL=0", "-quiet",
    ]  # fmt: skip
    server = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port)
        result = echo(port, "--tls-ca", certificates.ca)
        assert result.status == 4
        assert the_error(result) == "tls: the peer has no version of TLS that is allowed here"
        asked = ("--tls-profile", "aes", "--tls-min-version", "1.2")
        result = echo(port, "--tls-ca", certificates.ca, *asked)
        assert the_error(result) == "tls: the peer has no version of TLS that is allowed here"
        result = echo(port, "--tls-ca", certificates.ca, "--tls-profile", "aes", "-ta", "0.3")
        # It says nothing of DICOM, but TLS has come about.
        assert the_error(result) == "associate: no answer from the peer in time"
        assert "listens on this port; --acse-timeout" in result.stderr
    finally:
        server.kill()
        server.communicate()


def _wait_for(port: int) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)  # a foreign program has no way to tell that it is ready
    raise TimeoutError


def test_the_lowest_version(certificates: Certificates) -> None:
    context = server_side(certificates.pair("server"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with TlsUnruly(serves(), context) as server:
        result = echo(server.port, "--tls-ca", certificates.ca, "--tls-min-version", "1.3")
    assert result.status == 4
    assert the_error(result) == "tls: the peer has no version of TLS that is allowed here"


def test_a_peer_that_stops_answering_behind_tls(certificates: Certificates) -> None:
    with TlsUnruly(serves(never_answers()), server_side(certificates.pair("server"))) as server:
        result = echo(server.port, "--tls-ca", certificates.ca, "-td", "0.3")
        wait_until(lambda: server.aborted)
    assert result.status == 4
    assert the_error(result) == "receive: no answer from the peer in time"


def test_ctrl_c_during_the_handshake(certificates: Certificates) -> None:
    with Unruly(silent) as server:
        timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        begun = time.monotonic()
        result = run("echo", f"PEER@127.0.0.1:{server.port}", "--tls", "--tls-ca", certificates.ca)
        timer.join()
        assert time.monotonic() - begun < 5
    assert result.status == 130


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--tls-ca", "{no}/x.pem"], "{no}/x.pem: No such file or directory"),
        (["--tls-ca", "{no}/empty"], "{no}/empty: there is no certificate in PEM in it"),
        (["--tls-cert", "{no}/x.crt"], "{no}/x.crt: No such file or directory"),
        (["--tls-cert", "{c}/server.crt"], "there is no certificate with its key in PEM in it"),
        (["--tls-cert", "{c}/server.crt", "--tls-key", "{no}/x"], "{no}/x: No such file or directory"),
        (["--tls-cert", "{c}/server.crt", "--tls-key", "{c}/client.key"], "the key does not belong to"),
        (["--tls-key", "{c}/client.key"], "a TLS key without its certificate"),
        (
            ["--tls-cert", "{c}/server.crt", "--tls-key", "{c}/locked.key"],
            "there is no terminal to ask",
        ),
        (
            [
                "--tls-cert",
                "{c}/server.crt",
                "--tls-key",
                "{c}/locked.key",
                "--tls-key-password-file",
                "{no}/wrong",
            ],
            "{c}/locked.key: the password does not open the key",
        ),
        (["--tls-profile", "basic", "--tls-min-version", "1.3"], "goes up to TLS 1.2 only"),
        (["--tls-profile", "ssl3"], "Invalid value for '--tls-profile'"),
        (["--tls-min-version", "1.1"], "Invalid value for '--tls-min-version'"),
    ],
)
def test_files_that_do_not_do(
    certificates: Certificates, tmp_path: Path, args: list[str], complaint: str
) -> None:
    """A usage error, before anything is sent."""
    tmp_path.joinpath("wrong").write_text("not it\n")
    tmp_path.joinpath("empty").write_text("")
    places = {"no": tmp_path, "c": certificates.folder}
    result = echo(1, *[arg.format(**places) for arg in args])
    assert result.status == 2
    assert complaint.format(**places) in result.stderr


@pytest.mark.parametrize("source", ["file", "environment"])
def test_the_password_of_a_key(
    certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    options: list[object] = []
    if source == "file":
        secret = tmp_path / "secret"
        secret.write_text(f"{PASSWORD}\n")
        options = ["--tls-key-password-file", secret]
    else:
        monkeypatch.setenv("DCMTOOLS_TLS_KEY_PASSWORD", PASSWORD)
    tls = TlsOptions(
        cert=str(certificates.path("server.crt")),
        key=str(certificates.path("server.key")),
        ca=certificates.ca,
    )
    ours = ("--tls-cert", certificates.path("server.crt"), "--tls-key", certificates.path("locked.key"))
    with serving(tmp_path / "in", tls=tls) as server:
        result = echo(server.port, "--tls-ca", certificates.ca, *ours, *options)
    assert result.status == 0, result.stderr


@pytest.mark.parametrize(
    "option", ["--tls-ca", "--tls-cert", "--tls-profile", "--tls-min-version", "--tls-server-name"]
)
def test_what_makes_sense_with_tls_only(option: str) -> None:
    """Passed over in silence it would send data in the clear."""
    value = {"--tls-profile": "bcp195", "--tls-min-version": "1.3"}.get(option, "x")
    result = run("echo", "h:104", option, value)
    assert result.status == 2
    assert f"{option} wants --tls." in result.stderr


@pytest.mark.parametrize(
    ("args", "port"),
    [
        (["h.invalid"], 11112),
        (["h.invalid", "--tls"], 2762),
        (["--tls", "A@h.invalid"], 2762),
        (["A@h.invalid:104", "--tls"], 104),
        (["h.invalid", "--no-tls"], 11112),
    ],
)
def test_the_port_of_peers_without_one(args: list[str], port: int) -> None:
    [record] = run("echo", *args, "--format", "json").records
    assert record["peer"].endswith(f":{port}")
    assert record["step"] == "resolve"

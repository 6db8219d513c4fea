"""TLS with peers of ``config.toml``: what it asks for holds, and nothing makes it less by accident."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from tests.support.certificates import TlsUnruly, requires_openssl, server_side
from tests.support.run import Run, run
from tests.support.unruly import Unruly, serves

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.certificates import Certificates

SHORT = ("-ta", "2", "-td", "2", "-to", "2")


def the_error(result: Run) -> str:
    return result.stderr.splitlines()[0].split(": ", 2)[2]


CONFIGURED = '[peers.p]\nhost = "127.0.0.1"\nport = {port}\n'


def configured(folder: Path, monkeypatch: pytest.MonkeyPatch, port: int, *lines: str) -> None:
    path = folder / "config.toml"
    path.write_text("\n".join((*lines, "")).format(port=port))
    monkeypatch.setenv("DCMTOOLS_CONFIG", str(path))


@requires_openssl
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('tls_min_version = "1.3"', "tls: the peer has no version of TLS that is allowed here"),
        ('tls_profile = "bcp195-nd"', "no shared cipher"),
        (
            'tls_server_name = "pacs.example.org"',
            "tls: the peer's certificate is not one for pacs.example.org",
        ),
    ],
)
def test_what_a_configured_peer_has_to_have(
    certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, words: str
) -> None:
    context = server_side(certificates.pair("ecdsa"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with TlsUnruly(serves(), context) as server:
        lines = (CONFIGURED, "tls = true", f'tls_ca = "{certificates.ca}"')
        configured(tmp_path, monkeypatch, server.port, *lines)
        assert run("echo", "p", *SHORT).status == 0
        configured(tmp_path, monkeypatch, server.port, *lines, line)
        result = run("echo", "p", *SHORT)
        assert len(server.proposals) == 1
    assert result.status == 4
    assert words in the_error(result)


@pytest.mark.parametrize("source", ["command", "environment", "defaults", "peer"])
def test_there_is_no_falling_back_to_a_plain_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    """However TLS was asked for, a peer without it hears nothing of us."""
    with Unruly(serves()) as server:
        defaults, peers = (["tls = true"] if source == each else [] for each in ("defaults", "peer"))
        configured(tmp_path, monkeypatch, server.port, "[defaults]", *defaults, CONFIGURED, *peers)
        if source == "environment":
            monkeypatch.setenv("DCMTOOLS_TLS", "1")
        result = run("echo", "p", "-to", "0.3", *(["--tls"] if source == "command" else []))
        assert server.proposals == []
    assert result.status == 4
    assert the_error(result).startswith("tls: ")


@pytest.mark.parametrize(
    ("key", "value"),
    [("tls_ca", "ca.pem"), ("tls_cert", "us.pem"), ("tls_min_version", "1.3"), ("tls_server_name", "pacs")],
)
def test_a_peer_for_whom_tls_was_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, value: str
) -> None:
    """Its other settings speak of TLS: nothing goes out in the clear until somebody says that it may."""
    with Unruly(serves()) as server:
        line = f'{key} = "{value}"'
        configured(tmp_path, monkeypatch, server.port, CONFIGURED, line)
        result = run("echo", "p", *SHORT)
        assert server.proposals == []
        assert result.status == 2
        assert f"config.toml has {key} for ANY-SCP@127.0.0.1:{server.port}, and does not say" in result.stderr
        assert run("echo", "p", *SHORT, "--no-tls").status == 0
        configured(tmp_path, monkeypatch, server.port, CONFIGURED, line, "tls = false")
        assert run("echo", "p", *SHORT).status == 0


@requires_openssl
def test_anyone_for_the_peer_only_if_the_command_says_so(
    certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left behind in a file or a variable it would be forgotten."""
    with TlsUnruly(serves(), server_side(certificates.pair("expired"))) as server:
        lines = ("[defaults.echo]", "tls-no-verify = true", CONFIGURED, "tls = true")
        configured(tmp_path, monkeypatch, server.port, *lines)
        result = run("echo", "p", *SHORT)
        assert result.status == 2
        assert "--tls-no-verify does not go into config.toml" in result.stderr
        assert run("echo", "p", *SHORT, "--tls-no-verify").status == 0
        configured(tmp_path, monkeypatch, server.port, *lines[2:])
        for name in ("DCMTOOLS_TLS_NO_VERIFY", "DCMTOOLS_ECHO_TLS_NO_VERIFY"):
            monkeypatch.setenv(name, "1")
        assert run("echo", "p", *SHORT).status == 4

"""Certificates of every kind, made by the ``openssl`` program; good ones are for the loopback addresses."""

from __future__ import annotations

import ssl
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from tests.support.peers import program, requires
from tests.support.unruly import Association, Unruly

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from tests.support.unruly import Script

requires_openssl = requires("openssl", package="openssl")

PASSWORD: Final = "secret of the key"  # noqa: S105  of a key made for the tests
HOSTS: Final = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"
_RSA: Final = ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
_EC: Final = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
_CONFIGURATION: Final = """\
[ca]
default_ca = here
[here]
database = index.txt
new_certs_dir = .
default_md = sha256
policy = any
rand_serial = yes
unique_subject = no
[any]
commonName = supplied
"""


class Certificates:
    """A folder with an authority (``ca``), another one (``other``), and what they have signed.

    ``name.crt`` and ``name.key`` belong together: server, client, expired, future, elsewhere (for other
    hosts), nameless (a common name alone), ecdsa, foreign (signed by the other one), selfsigned. The key of
    ``locked`` is that of the server, encrypted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.path("ca.cnf").write_text(_CONFIGURATION)
        self.path("index.txt").touch()
        for name in ("ca", "other"):
            self._make_key(name, _RSA)
            self._run(
                "req", "-x509", "-new", "-key", f"{name}.key", "-out", f"{name}.crt", "-days", 3650,
                "-subj", f"/CN=The {name} of the tests", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
            )  # fmt: skip
        self._sign("server", HOSTS, key=_RSA)
        self._sign("client", "subjectAltName=DNS:client.example.org", key=_RSA)
        self._sign("expired", HOSTS, begin="20190101000000Z", end="20200203040506Z")
        self._sign("future", HOSTS, begin="20900102030405Z", end="20910101000000Z")
        self._sign("elsewhere", "subjectAltName=DNS:pacs.example.org,IP:192.0.2.7")
        self._sign("nameless", "basicConstraints=CA:FALSE")
        self._sign("foreign", HOSTS, issuer="other")
        self._sign("ecdsa", HOSTS, key=_EC)
        self._make_key("selfsigned")
        self._run(
            "req", "-x509", "-new", "-key", "selfsigned.key", "-out", "selfsigned.crt", "-days", 3650,
            "-subj", "/CN=localhost", "-addext", HOSTS,
        )  # fmt: skip
        self._run(
            "pkey", "-in", "server.key", "-out", "locked.key", "-aes256", "-passout", f"pass:{PASSWORD}"
        )

    def path(self, name: str) -> Path:
        return self.folder / name

    def pair(self, name: str) -> tuple[str, str]:
        """The files of the certificate and of its key."""
        return str(self.path(f"{name}.crt")), str(self.path(f"{name}.key"))

    @property
    def ca(self) -> str:
        return str(self.path("ca.crt"))

    def _make_key(self, name: str, algorithm: tuple[str, ...] = ()) -> None:
        """Make a key of its own, or the server's again, as RSA keys take their time."""
        if algorithm:
            self._run("genpkey", *algorithm, "-out", f"{name}.key")
        else:
            self.path(f"{name}.key").write_bytes(self.path("server.key").read_bytes())

    def _sign(
        self,
        name: str,
        extension: str,
        *,
        issuer: str = "ca",
        begin: str = "20200101000000Z",
        end: str = "20900101000000Z",
        key: tuple[str, ...] = (),
    ) -> None:
        self._make_key(name, key)
        self._run("req", "-new", "-key", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        self.path(f"{name}.ext").write_text(extension)
        self._run(
            "ca", "-batch", "-config", "ca.cnf", "-in", f"{name}.csr", "-out", f"{name}.crt", "-notext",
            "-cert", f"{issuer}.crt", "-keyfile", f"{issuer}.key", "-extfile", f"{name}.ext",
            "-startdate", begin, "-enddate", end,
        )  # fmt: skip

    def _run(self, *arguments: str | int) -> None:
        command = [program("openssl"), *map(str, arguments)]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True, stdin=subprocess.DEVNULL)


class TlsUnruly(Unruly):
    """An SCP that misbehaves behind TLS, by a context that the test makes as it likes."""

    def __init__(self, script: Script, context: ssl.SSLContext) -> None:
        super().__init__(script)
        self._context = context

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            secure = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            self._connections.append(secure)
            with secure:
                secure.do_handshake()
                self._script(Association(self, secure))


def server_side(pair: tuple[str, str]) -> ssl.SSLContext:
    """A plain context of Python's own for a server with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    return context

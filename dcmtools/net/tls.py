"""TLS for requestor and acceptor: the secure transport connection profiles of PS3.15 Annex B on ``ssl``.

Whatever concerns certificates and agreement raises AssociationError with step ``tls``; options that no
connection can be made with raise UsageError before there is one.
"""

from __future__ import annotations

import select
import ssl
import time
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.errors import AssociationError, UsageError
from dcmtools.net.certificate import Certificate, read_certificate
from dcmtools.net.tls_failures import PLAIN, broken_off, refused, refused_to_peer, untrusted, words
from dcmtools.net.tls_socket import TlsSocket

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from dcmtools.net.peer import TlsOptions
    from dcmtools.net.stop import Stop

_EPHEMERAL_GCM: Final = (
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
    ":ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
)
_RSA_GCM: Final = (
    "ECDHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES256-GCM-SHA384"
    ":ECDHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256"
)
_MODIFIED: Final = (
    f"{_EPHEMERAL_GCM}:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
    ":ECDHE-ECDSA-CAMELLIA256-GCM-SHA384:ECDHE-RSA-CAMELLIA256-GCM-SHA384"
    ":ECDHE-ECDSA-CAMELLIA128-GCM-SHA256:ECDHE-RSA-CAMELLIA128-GCM-SHA256"
    ":ECDHE-ECDSA-AES256-CCM:ECDHE-ECDSA-AES128-CCM:ECDHE-ECDSA-AES256-CCM8:ECDHE-ECDSA-AES128-CCM8"
)
# Keys of RSA and DHE have 2048 bits or more on level 2; TLS 1.0 wants the SHA-1 that level 0 lets pass.
_STRONG: Final = ":@SECLEVEL=2"
_WEAK: Final = ":@SECLEVEL=0"
_TLS_1_2: Final = "1.2"
_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_CLIENT_AUTH: Final = {"require": ssl.CERT_REQUIRED, "request": ssl.CERT_OPTIONAL, "none": ssl.CERT_NONE}


class Profile(NamedTuple):
    """A secure transport connection profile: its section of PS3.15, and what it lets be negotiated.

    ``ciphers`` are those of TLS 1.2 and below, in OpenSSL's words; ``least`` is the lowest version of TLS,
    empty where the profile dates from before 1.2; ``last`` is the highest, None for the latest.
    """

    section: str
    ciphers: str
    least: str = _TLS_1_2
    last: str | None = None
    retired: bool = True


PROFILES: Final = {
    "bcp195": Profile("B.12", _EPHEMERAL_GCM + _STRONG, retired=False),
    "bcp195-modified": Profile("B.13", _MODIFIED + _STRONG, retired=False),
    "bcp195-nd": Profile("B.10", _RSA_GCM + _STRONG),
    "bcp195-extended": Profile("B.11", f"{_EPHEMERAL_GCM}:{_RSA_GCM}{_STRONG}"),
    "bcp195-rfc7525": Profile("B.9", f"{_RSA_GCM}:AES128-SHA:DES-CBC3-SHA{_WEAK}", least=""),
    "aes": Profile("B.3", f"AES128-SHA:DES-CBC3-SHA{_WEAK}", least="", last=_TLS_1_2),
    "basic": Profile("B.1", f"DES-CBC3-SHA{_WEAK}", least="", last=_TLS_1_2),
}


@lru_cache(maxsize=8)
def client_context(options: TlsOptions) -> ssl.SSLContext:
    """Return the context of a requestor; raise UsageError where ``options`` do not make one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _set_up(context, options)
    if not options.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif options.ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    return context


@lru_cache(maxsize=8)
def server_context(options: TlsOptions) -> ssl.SSLContext:
    """Return the context of an acceptor; raise UsageError where ``options`` do not make one."""
    if options.cert is None:
        raise UsageError(
            "a TLS server needs a certificate", hint="--tls-cert FILE, and its key: --tls-key FILE"
        )
    client_auth = options.client_auth or ("require" if options.ca else "none")
    if client_auth != "none" and options.ca is None:
        raise UsageError(
            "nothing says whose client certificates are good", hint="--tls-ca FILE has who signed them"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _set_up(context, options)
    context.verify_mode = _CLIENT_AUTH[client_auth]
    # Tickets would lie unread in the buffers of those who send and leave, and the end would become a reset.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    return context


def _set_up(context: ssl.SSLContext, options: TlsOptions) -> None:
    """Set what is the same on both sides: the profile, our certificate, whose certificates we trust."""
    profile = PROFILES[options.profile]
    context.sslsocket_class = TlsSocket
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # what stands in the CA file is trusted itself
    context.minimum_version = _VERSIONS.get(profile.least, ssl.TLSVersion.MINIMUM_SUPPORTED)
    if profile.last:
        context.maximum_version = _VERSIONS[profile.last]
    if options.min_version:
        if profile.last and options.min_version > profile.last:
            raise UsageError(f"the TLS profile {options.profile} goes up to TLS {profile.last} only")
        context.minimum_version = _VERSIONS[options.min_version]
    try:
        context.set_ciphers(profile.ciphers)
    except ssl.SSLError:
        raise UsageError(
            f"{ssl.OPENSSL_VERSION} has none of the ciphers of the TLS profile {options.profile}"
        ) from None
    if options.cert is not None:
        _load_certificate(context, options.cert, options)
    elif options.key is not None:
        raise UsageError("a TLS key without its certificate", hint="--tls-cert FILE")
    if options.ca is not None:
        _check_readable(options.ca)
        try:
            context.load_verify_locations(options.ca)
        except ssl.SSLError:
            raise UsageError(f"{options.ca}: there is no certificate in PEM in it") from None


def _load_certificate(context: ssl.SSLContext, cert: str, options: TlsOptions) -> None:
    key = options.key or cert
    for path in (cert, key):
        _check_readable(path)
    asked = False

    def password() -> bytes:
        nonlocal asked
        asked = True
        if options.key_password is None:
            raise UsageError(f"{key}: the key is encrypted, and there is no password for it")
        return options.key_password()

    try:
        context.load_cert_chain(cert, key, password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            message = f"{key}: the key does not belong to the certificate in {cert}"
        elif asked:
            message = f"{key}: the password does not open the key"
        elif error.reason and error.reason.startswith(("EE_", "CA_")):
            message = f"{cert}: {words(error)}; the TLS profile {options.profile} does not allow it"
        elif cert == key:
            message = f"{cert}: there is no certificate with its key in PEM in it"
            raise UsageError(message, hint="name the file of the key with --tls-key") from None
        else:
            message = f"{cert}, {key}: there is no certificate, or no key, in PEM in them"
        raise UsageError(message) from None
    except ValueError:  # a password of more than 1024 bytes
        raise UsageError(f"{key}: the password does not open the key") from None


def _check_readable(path: str) -> None:
    try:
        with open(path, "rb"):
            return
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def secured_request(
    sock: socket.socket,
    again: Callable[[], socket.socket],
    options: TlsOptions,
    host: str,
    timeout: float,
    stop: Stop,
) -> TlsSocket:
    """Return ``sock``, which is connected to ``host``, with TLS around it.

    Where the peer's certificate is not trusted, it is fetched for the error's words on the connection that
    ``again`` makes. Raises AssociationError, Interrupted when the user stops it; ``sock`` is closed then.
    """
    context = client_context(options)
    name = (options.server_name or host).partition("%")[0]
    deadline = time.monotonic() + timeout
    try:
        secure = _handshake(sock, context, deadline, stop, name)
    except ssl.SSLCertVerificationError as error:
        certificate = None
        with suppress(AssociationError, OSError):
            certificate = _presented(again(), options, deadline, stop)
        raise untrusted(error, name, certificate) from error
    except ssl.SSLError as error:
        raise refused(error, options.cert is None) from error
    secure.without_certificate = options.cert is None
    return secure


def secured_answer(sock: socket.socket, context: ssl.SSLContext, timeout: float, stop: Stop) -> TlsSocket:
    """Return ``sock``, on which a peer has connected, with TLS around it; raises as ``secured_request``."""
    try:
        return _handshake(sock, context, time.monotonic() + timeout, stop)
    except ssl.SSLError as error:
        raise refused_to_peer(error) from error


def _presented(sock: socket.socket, options: TlsOptions, deadline: float, stop: Stop) -> Certificate | None:
    """Return the certificate that a peer shows to whoever asks, None where it makes no sense."""
    context = client_context(options._replace(verify=False))
    with _handshake(sock, context, deadline, stop) as secure:
        return read_certificate(secure.getpeercert(binary_form=True) or b"")


def _handshake(
    sock: socket.socket, context: ssl.SSLContext, deadline: float, stop: Stop, name: str | None = None
) -> TlsSocket:
    """Agree on TLS by ``deadline``; ``name``, a requestor's, has to stand in the peer's certificate."""
    sock.setblocking(False)
    server_side = context.protocol is ssl.PROTOCOL_TLS_SERVER
    try:
        secure = context.wrap_socket(
            sock, server_side=server_side, server_hostname=name, do_handshake_on_connect=False
        )
    except (ValueError, OSError) as error:  # a name that no certificate can have, a peer that has gone
        sock.close()
        raise AssociationError(str(error), step="tls") from error
    try:
        _agree(secure, deadline, stop)
    except BaseException as error:
        secure.close()
        if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
            raise broken_off(error) from error
        raise
    if not isinstance(secure, TlsSocket):  # what the context was told to make
        raise TypeError(type(secure).__name__)
    return secure


def _agree(secure: ssl.SSLSocket, deadline: float, stop: Stop) -> None:
    while True:
        try:
            secure.do_handshake()
        except ssl.SSLWantReadError:
            event = select.POLLIN
        except ssl.SSLWantWriteError:
            event = select.POLLOUT
        else:
            return
        if not stop.wait_for(secure, event, deadline):
            raise AssociationError(
                "the peer does not answer in TLS in time", step="tls", transient=True, hint=PLAIN
            )

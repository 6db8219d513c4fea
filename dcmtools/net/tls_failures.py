"""Why a TLS connection does not come about, or ends, in words that say what to do."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from dcmtools.errors import AssociationError

if TYPE_CHECKING:
    import ssl

    from dcmtools.net.certificate import Certificate

PLAIN: Final = "the peer may speak no TLS here: leave out --tls, or ask for its port for TLS, often 2762"
_OURS: Final = "--tls-cert and --tls-key have to be a pair that the peer trusts"
_PROFILE: Final = "older devices may need another --tls-profile or no --tls-min-version"

# X509_V_ERR_ codes of OpenSSL: what is wrong with a certificate.
_EXPIRED: Final = 10
_NOT_YET_VALID: Final = 9
_SELF_SIGNED: Final = 18
_UNKNOWN_ISSUERS: Final = (2, 19, 20, 21)
_WRONG_NAMES: Final = (62, 64)

_NO_TLS: Final = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "HTTPS_PROXY_REQUEST",
    "UNKNOWN_PROTOCOL",
    "PACKET_LENGTH_TOO_LONG",
    "RECORD_LAYER_FAILURE",
    "UNEXPECTED_MESSAGE",
)
_NO_VERSION: Final = (
    "TLSV1_ALERT_PROTOCOL_VERSION",
    "UNSUPPORTED_PROTOCOL",
    "VERSION_TOO_LOW",
    "WRONG_SSL_VERSION",
    "NO_PROTOCOLS_AVAILABLE",
)
_NO_CIPHER: Final = ("NO_SHARED_CIPHER", "TLSV1_ALERT_INSUFFICIENT_SECURITY", "WRONG_CIPHER_RETURNED")
_NO_CERTIFICATE: Final = ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "PEER_DID_NOT_RETURN_A_CERTIFICATE")
_OURS_REFUSED: Final = {
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know who signed it",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it has expired",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "it was revoked",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "no reason given",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "it is of a kind that the peer does not take",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it is not as it should be",
    "TLSV1_ALERT_ACCESS_DENIED": "it gives no access",
}


def untrusted(
    error: ssl.SSLCertVerificationError, name: str, certificate: Certificate | None
) -> AssociationError:
    """Return the error for a peer whose ``certificate``, if we could get at it, was not verified."""
    code, hint = error.verify_code, ""
    if code == _EXPIRED:
        when = f", on {certificate.not_after}" if certificate else ""
        message = f"the peer's certificate has expired{when}"
        hint = "it has to be renewed there; if it has not, is the clock of this machine right?"
    elif code == _NOT_YET_VALID:
        when = f", but from {certificate.not_before}" if certificate else ""
        message = f"the peer's certificate is not valid yet{when}"
        hint = "is the clock of this machine right?"
    elif code in _WRONG_NAMES:
        names = ", ".join(certificate.names) if certificate else ""
        message = f"the peer's certificate is not one for {name}"
        message += f", but for {names}" if names else ", and names no host" if certificate else ""
        hint = "give the host as the certificate names it, or that name with --tls-server-name"
    elif code == _SELF_SIGNED:
        message = "the peer's certificate is self-signed, and not known here"
        hint = "if it is the right one, --tls-ca FILE with it makes it known"
    elif code in _UNKNOWN_ISSUERS:
        message = "nobody known here has signed the peer's certificate"
        hint = "--tls-ca FILE, with the certificate of who has, makes it known"
    else:
        message = f"the peer's certificate is not trusted: {error.verify_message}"
    return _failure(message, hint)


def refused(error: ssl.SSLError, without_certificate: bool) -> AssociationError:
    """Return the error for a peer with which there is no agreement, or which took our certificate ill.

    ``without_certificate`` says that we presented none.
    """
    return _refusal(error, without_certificate) or _disagreement(error, PLAIN)


def ended(error: ssl.SSLError, without_certificate: bool) -> AssociationError | ConnectionError:
    """Return the error for a connection that stood: refused only now, or broken.

    A peer looks at our certificate when for us TLS 1.3 has come about already (RFC 8446 4.4.2.4), and tells
    what it thinks of it with the first that it sends.
    """
    if refusal := _refusal(error, without_certificate):
        return refusal
    if _is_end(error):
        return BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
    return ConnectionResetError(errno.ECONNRESET, f"TLS: {words(error)}")


def _refusal(error: ssl.SSLError, without_certificate: bool) -> AssociationError | None:
    """Return the error for a peer that took our certificate, or that there is none, ill."""
    reason = error.reason or ""
    if reason in _NO_CERTIFICATE or (without_certificate and reason in _OURS_REFUSED):
        return _failure("the peer demands a client certificate", "--tls-cert FILE and --tls-key FILE")
    if reason in _OURS_REFUSED:
        return _failure(f"the peer refuses our certificate: {_OURS_REFUSED[reason]}", _OURS)
    if reason == "SSLV3_ALERT_HANDSHAKE_FAILURE":
        message = "the peer finds nothing to agree on: no shared cipher"
        if without_certificate:
            return _failure(f"{message}, or it demands a client certificate", f"{_PROFILE}; --tls-cert FILE")
        return _failure(message, _PROFILE)
    return None


def refused_to_peer(error: ssl.SSLError) -> AssociationError:
    """Return the error for an acceptor whose peer does not come to an agreement with it."""
    reason = error.reason or ""
    if reason in _NO_CERTIFICATE:
        return _failure("the peer presents no certificate")
    if reason in _OURS_REFUSED:
        return _failure(f"the peer refuses our certificate: {_OURS_REFUSED[reason]}")
    verification = getattr(error, "verify_message", "")
    if verification:
        return _failure(f"the peer's certificate is not trusted: {verification}")
    return _disagreement(error, "")


def broken_off(error: OSError) -> AssociationError:
    """Return the error for a connection that ends, most often by the peer, before there is TLS on it."""
    who = "the peer broke off" if isinstance(error, ConnectionError) else "the connection broke"
    return _failure(f"{who} ({error.strerror or error})", PLAIN, transient=True)


def words(error: ssl.SSLError) -> str:
    """Return OpenSSL's reason in small letters."""
    return (error.reason or "no reason given").lower().replace("_", " ")


def _disagreement(error: ssl.SSLError, plain: str) -> AssociationError:
    reason = error.reason or ""
    if reason in _NO_TLS:
        return _failure("the peer does not speak TLS", plain)
    if _is_end(error):
        return _failure("the peer closed the connection in the midst of the handshake", plain, transient=True)
    if reason in _NO_VERSION:
        return _failure("the peer has no version of TLS that is allowed here", _PROFILE)
    if reason in _NO_CIPHER:
        return _failure("the peer has no cipher that is allowed here", _PROFILE)
    return _failure(f"no agreement with the peer: {words(error)}")


def _is_end(error: ssl.SSLError) -> bool:
    return "EOF" in (error.reason or "") or "EOF" in str(error)


def _failure(message: str, hint: str = "", *, transient: bool = False) -> AssociationError:
    return AssociationError(message, step="tls", transient=transient, hint=hint)

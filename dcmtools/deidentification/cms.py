"""Enveloped data of the Cryptographic Message Syntax (RFC 5652): sealed for certificates, opened with a key.

Sealing is the library's, with RSA key transport and AES-256-CBC, as PS3.15 E.1.1 wants it. Opening is ours,
as the library wants the certificate for it, which whoever has the key may not have.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from dcmtools.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Self

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate

T = TypeVar("T")
_LONGEST_FILE: Final = 256 * 1024
_CERTIFICATE, _PRIVATE_KEY = b"-----BEGIN CERTIFICATE-----", b"PRIVATE KEY-----"
_MAKING: Final = (
    "openssl req -x509 -newkey rsa:3072 -days 3650 -subj /CN=trial -keyout new-key.pem -out new-key.crt"
    " makes one, and its key with a password; it replaces files that are called so"
)
_SHORTEST_KEY: Final = 2048  # bits
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_DEEPEST: Final = 16
# Tags of ASN.1 (X.690).
_INTEGER, _OCTETS, _OID, _SEQUENCE, _SET, _CONTEXT_0, _CONSTRUCTED_0 = (
    0x02, 0x04, 0x06, 0x30, 0x31, 0x80, 0xA0,
)  # fmt: skip
_CONSTRUCTED: Final = 0x20
_ENVELOPED: Final = bytes.fromhex("2a864886f70d010703")
_RSA: Final = bytes.fromhex("2a864886f70d010101")
_TRIPLE_DES: Final = bytes.fromhex("2a864886f70d0307")
# Bytes of the key.
_CIPHERS: Final = {
    bytes.fromhex("60864801650304012a"): 32,
    bytes.fromhex("608648016503040116"): 24,
    bytes.fromhex("608648016503040102"): 16,
    _TRIPLE_DES: 24,
}


class Damaged(InputError):
    """Encrypted content is not what it has to be."""

    code = "damaged-envelope"


class WrongKey(UsageError):
    """Encrypted content is for the keys of others."""

    code = "wrong-key"


class Recipients:
    """The certificates for whose keys something is sealed."""

    def __init__(self, certificates: Iterable[Certificate], notes: Sequence[str] = ()) -> None:
        """Take ``certificates`` with RSA keys; ``notes`` are what speaks against some of them."""
        self._certificates = tuple(dict.fromkeys(certificates))
        self.notes = notes

    @classmethod
    def load(cls, paths: Iterable[str]) -> Self:
        """Return the recipients whose certificates, in PEM, are in files, one in each; raises UsageError."""
        found = {path: _certificate(path) for path in paths}
        return cls(found.values(), [note for path in found for note in _notes(path, found[path])])

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._certificates)

    def sealed(self, data: bytes) -> bytes:
        """Return ``data`` as enveloped data in DER, another one each time."""
        from cryptography.hazmat.primitives.ciphers.algorithms import AES256
        from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

        builder = pkcs7.PKCS7EnvelopeBuilder().set_data(data).set_content_encryption_algorithm(AES256)
        for certificate in self._certificates:
            builder = builder.add_recipient(certificate)
        return builder.encrypt(Encoding.DER, [pkcs7.PKCS7Options.Binary])


def load_key(path: str, password: bytes | None = None) -> RSAPrivateKey:
    """Return the RSA key, in PEM, in the file at ``path``.

    Raises UsageError where there is none, where others than its owner may read it, and where the password
    does not fit or is missing.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data, mode = _read(path)
    if _CERTIFICATE in data and _PRIVATE_KEY not in data:
        raise UsageError(f"key {path}: it is a certificate: the private key that belongs to it is wanted")
    if stat.S_ISREG(mode) and mode & _OTHERS:
        raise UsageError(f"key {path}: others than its owner may read it", hint=f"chmod 600 {path}")
    try:
        key = load_pem_private_key(data, password)
    except TypeError as error:  # with a password, or without one
        if password is None:
            raise UsageError(f"key {path}: it has a password", hint="--password-file FILE") from error
        raise UsageError(f"key {path}: it has no password, and one was given") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        why = "it is no private key in PEM" + (", or the password is not its own" if password else "")
        raise UsageError(f"key {path}: {why}") from error
    if not isinstance(key, RSAPrivateKey):
        raise UsageError(f"key {path}: it is no RSA key")
    return key


def opened(envelope: bytes, key: RSAPrivateKey, read: Callable[[bytes], T]) -> T:
    """Return what ``read`` makes of what is sealed in ``envelope``, enveloped data in BER.

    Padding may follow it. As what a wrong key makes of it can look right, ``read`` raises InputError for what
    is not understood. Raises that, WrongKey where it is not for ``key``, and Damaged.
    """
    sealed = _parsed(envelope)
    size = _CIPHERS.get(sealed.cipher)
    if size is None:
        raise Damaged("it is encrypted with a cipher that is not known here")
    fault: InputError | None = None
    for encrypted in sealed.keys:
        content_key = _content_key(encrypted, key)
        if content_key is None or len(content_key) != size:
            continue
        try:
            return read(_decrypted(sealed, content_key))
        except InputError as error:
            fault = error
    if fault:
        raise fault
    count = len(sealed.keys) + sealed.others
    others = f", of which {sealed.others} are not of RSA" if sealed.others else ""
    raise WrongKey(f"this key is none of the {count} that it was encrypted for{others}")


class _Sealed(NamedTuple):
    """Enveloped data: the content's key as encrypted for each, and how many have it in ways of others."""

    keys: list[bytes]
    others: int
    cipher: bytes
    start: bytes
    content: bytes


def _certificate(path: str) -> Certificate:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.x509 import load_pem_x509_certificates

    data, _ = _read(path)
    try:
        certificates = load_pem_x509_certificates(data)
        key = certificates[0].public_key()
    except (ValueError, IndexError) as error:
        if _PRIVATE_KEY in data:
            message = "it is no certificate, but a private key, which stays at home"
            hint = (
                f"openssl req -x509 -new -key {path} -days 3650 -subj /CN=trial -out new-key.crt"
                " makes its own"
            )
            raise UsageError(f"certificate {path}: {message}", hint=hint) from error
        hint = f"openssl x509 -inform DER -in {path} -out {path}.crt" if _is_der(data) else _MAKING
        why = "it is in DER, and PEM is wanted" if _is_der(data) else "it is no certificate in PEM"
        raise UsageError(f"certificate {path}: {why}", hint=hint) from error
    if len(certificates) > 1:
        hint = "give each recipient a file, without the certificates of authorities"
        raise UsageError(f"certificate {path}: there are {len(certificates)} in it", hint=hint)
    if not isinstance(key, RSAPublicKey):
        raise UsageError(f"certificate {path}: its key is no RSA key", hint=_MAKING)
    if key.key_size < _SHORTEST_KEY:
        message = f"its key has {key.key_size} bits, fewer than {_SHORTEST_KEY}"
        raise UsageError(f"certificate {path}: {message}", hint=_MAKING)
    return certificates[0]


def _is_der(data: bytes) -> bool:
    """Tell whether it is a certificate in DER."""
    from cryptography.x509 import load_der_x509_certificate

    try:
        load_der_x509_certificate(data)
    except ValueError:
        return False
    return True


def _notes(path: str, certificate: Certificate) -> Iterator[str]:
    """Yield what whoever made the certificate would not have it used for: what it is sealed for opens."""
    from datetime import UTC, datetime

    from cryptography.x509 import ExtensionNotFound, KeyUsage

    now = datetime.now(UTC)
    if now > certificate.not_valid_after_utc:
        yield f"certificate {path}: it was valid until {certificate.not_valid_after_utc:%Y-%m-%d}"
    if now < certificate.not_valid_before_utc:
        yield f"certificate {path}: it is valid from {certificate.not_valid_before_utc:%Y-%m-%d} on"
    try:
        usage = certificate.extensions.get_extension_for_class(KeyUsage).value
    except (ExtensionNotFound, ValueError):
        return
    if not usage.key_encipherment:
        yield f"certificate {path}: by its Key Usage its key is not for encryption"


def _read(path: str) -> tuple[bytes, int]:
    """Return what is in the file at ``path``, and its mode."""
    try:
        with open(path, "rb") as file:
            data, mode = file.read(_LONGEST_FILE + 1), os.fstat(file.fileno()).st_mode
    except (OSError, ValueError) as error:
        message = getattr(error, "strerror", None) or error
        raise UsageError(f"{path or repr(path)}: {message}") from error
    if len(data) > _LONGEST_FILE:
        raise UsageError(f"{path}: it has more than {_LONGEST_FILE} bytes")
    return data, mode


def _content_key(encrypted: bytes, key: RSAPrivateKey) -> bytes | None:
    """Return the key of the content, None where it was not encrypted for ``key``."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    try:
        return key.decrypt(encrypted, PKCS1v15())
    except ValueError:
        return None


def _decrypted(sealed: _Sealed, key: bytes) -> bytes:
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import CBC
    from cryptography.hazmat.primitives.padding import PKCS7

    algorithm = TripleDES(key) if sealed.cipher == _TRIPLE_DES else AES(key)
    try:
        decryptor = Cipher(algorithm, CBC(sealed.start)).decryptor()
        padded = decryptor.update(sealed.content) + decryptor.finalize()
        unpadder = PKCS7(algorithm.block_size).unpadder()
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError as error:
        raise Damaged("the encrypted content is damaged") from error


# ---------------------------------------------------------------- ASN.1, as much of it as that takes


def _parsed(data: bytes) -> _Sealed:
    """Return the parts of ``data``, ContentInfo with EnvelopedData (RFC 5652 section 6.1)."""
    try:
        outer = _children(_one(memoryview(data), _SEQUENCE))
        if _value(outer, _OID) != _ENVELOPED:
            raise Damaged("the encrypted content is no enveloped data")
        enveloped = _children(_one(_value(outer, _CONSTRUCTED_0), _SEQUENCE))
        _value(enveloped, _INTEGER)
        if enveloped[0][0] == _CONSTRUCTED_0:  # OriginatorInfo
            enveloped.pop(0)
        keys, others = [], 0
        for tag, recipient in _elements(_value(enveloped, _SET)):
            found = _transported(recipient) if tag == _SEQUENCE else None
            if found is None:
                others += 1
            else:
                keys.append(found)
        content = _children(_value(enveloped, _SEQUENCE))
        _value(content, _OID)
        algorithm = _children(_value(content, _SEQUENCE))
        cipher = bytes(_value(algorithm, _OID))
        start = bytes(_value(algorithm, _OCTETS)) if cipher in _CIPHERS else b""
        return _Sealed(keys, others, cipher, start, _octets(content))
    except (IndexError, RecursionError) as error:
        raise Damaged("the encrypted content is damaged: it is no whole ASN.1") from error


def _transported(recipient: memoryview) -> bytes | None:
    """Return the encrypted key of KeyTransRecipientInfo; None unless that is by RSA as PKCS #1 1.5 has it."""
    _, _, (tag, algorithm), (_, encrypted), *_ = [*_elements(recipient), *[(0, memoryview(b""))] * 4]
    if tag != _SEQUENCE or _value(_children(algorithm), _OID) != _RSA:
        return None
    return bytes(encrypted)


def _octets(content: list[tuple[int, memoryview]]) -> bytes:
    """Return the encrypted content, which may be in pieces."""
    tag, data = content[0]
    if tag == _CONTEXT_0:
        return bytes(data)
    if tag != _CONSTRUCTED_0:
        raise Damaged("the encrypted content is not in its envelope")
    return b"".join([piece for _, piece in _elements(data)])


def _children(data: memoryview) -> list[tuple[int, memoryview]]:
    return list(_elements(data))


def _value(children: list[tuple[int, memoryview]], tag: int) -> memoryview:
    """Return the contents of the next of ``children``, which is to have ``tag``."""
    found, data = children.pop(0)
    if found != tag:
        raise Damaged("the encrypted content is damaged: it is no enveloped data")
    return data


def _one(data: memoryview, tag: int) -> memoryview:
    return _value([_element(data, 0, 0)[:2]], tag)


def _elements(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    at = 0
    while at < len(data):
        tag, contents, at = _element(data, at, 0)
        yield tag, contents


def _element(data: memoryview, at: int, depth: int) -> tuple[int, memoryview, int]:
    """Return the tag and the contents of the element at ``at``, and where it ends; raises IndexError."""
    tag, first = data[at], data[at + 1]
    at += 2
    if first == 0x80 and tag & _CONSTRUCTED and depth < _DEEPEST:  # indefinite: up to its end of contents
        end = at
        while data[end] or data[end + 1]:
            end = _element(data, end, depth + 1)[2]
        return tag, data[at:end], end + 2
    length = first
    if first & 0x80:
        count = first & 0x7F
        length = int.from_bytes(data[at : at + count], "big") if 0 < count < 9 else len(data)
        at += count
    if at + length > len(data):
        raise IndexError
    return tag, data[at : at + length], at + length

"""RSA keys with certificates, and files with Encrypted Attributes."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from dcmtools.deidentification.cms import Recipients
from dcmtools.deidentification.engine import Deidentifier, Settings
from dcmtools.deidentification.keys import ProjectKey
from dcmtools.deidentification.profile import profile_from
from dcmtools.deidentification.pseudonyms import Pseudonyms
from dcmtools.errors import InputError
from dcmtools.files.part10 import Part10File

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dcmtools.deidentification.policies import PixelPolicy

    PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

ENCRYPTED = 0x04000500


def rsa_key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """Another one for each ``number``; they take their time."""
    return _rsa_key(number, bits)


@cache
def _rsa_key(_number: int, bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def certificate_of(
    key: PrivateKey,
    name: str = "recipient",
    *,
    years: tuple[int, int] = (2020, 2090),
    usage: x509.KeyUsage | None = None,
) -> x509.Certificate:
    named = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    begin, end = (datetime(year, 1, 1, tzinfo=UTC) for year in years)
    builder = x509.CertificateBuilder().subject_name(named).issuer_name(named).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)
    if usage:
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(key, SHA256())


def pair(folder: Path, number: int = 0, *, password: bytes = b"") -> tuple[Path, Path]:
    """The files of a key, which may have a password, and of its certificate."""
    return write_pair(folder, rsa_key(number), f"recipient{number}", password=password)


def write_pair(folder: Path, key: PrivateKey, name: str, *, password: bytes = b"") -> tuple[Path, Path]:
    paths = folder / f"{name}.key", folder / f"{name}.crt"
    cipher = BestAvailableEncryption(password) if password else NoEncryption()
    paths[0].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, cipher))
    paths[0].chmod(0o600)
    paths[1].write_bytes(certificate_of(key, name).public_bytes(Encoding.PEM))
    return paths


def deidentifier(
    recipients: Recipients, *, retain: Sequence[str] = (), pixels: PixelPolicy | None = None
) -> Deidentifier:
    profile = profile_from("basic", retain, (), (), (), (), (), folder="")
    pseudonyms = Pseudonyms(ProjectKey(b"of nobody's patients", kept=True))
    return Deidentifier(Settings(profile, pseudonyms, pixels=pixels, recipients=recipients))


def seal(path: Path, certificate: Path) -> None:
    """Have the file at ``path`` de-identified in its place, if it can be and has not been."""
    recipients = Recipients.load([str(certificate)])
    if not path.exists() or b"\x00\x04\x00\x05SQ" in path.read_bytes():
        return
    written = path.with_suffix(".sealed")
    try:
        with Part10File.open(str(path)) as file, deidentifier(recipients).deidentified(file) as done:
            with written.open("w+b") as out:
                done.write(out)
            written.replace(path)
    except InputError:
        return

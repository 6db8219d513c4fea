"""Enveloped data: sealed and opened, for whom, damaged in every byte, as others write it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import KeyUsage

from dcmtools.deidentification.cms import Damaged, Recipients, WrongKey, load_key, opened
from dcmtools.errors import DcmtoolsError, InputError, UsageError
from tests.support.sealed import certificate_of, pair, rsa_key, write_pair

if TYPE_CHECKING:
    from pathlib import Path

SECRET = b"what nobody else\r\nis to\nread"


def sealed(*numbers: int) -> bytes:
    return Recipients([certificate_of(rsa_key(number)) for number in numbers]).sealed(SECRET)


def strict(data: bytes) -> bytes:
    if data != SECRET:
        message = "it is something else"
        raise InputError(message)
    return data


@pytest.mark.parametrize("number", [0, 1])
def test_each_recipient_can_open_it(number: int) -> None:
    assert opened(sealed(0, 1), rsa_key(number), strict) == SECRET


def test_padding_may_follow() -> None:
    assert opened(sealed(0) + b"\0", rsa_key(), strict) == SECRET


def test_no_two_are_alike() -> None:
    assert sealed(0) != sealed(0)


def test_one_recipient_twice_is_one(tmp_path: Path) -> None:
    certificate = str(pair(tmp_path)[1])
    assert len(Recipients.load([certificate, certificate])) == 1


def test_another_key() -> None:
    envelopes = [sealed(0, 0), sealed(0)]
    for envelope in envelopes:
        with pytest.raises((WrongKey, InputError)):  # a wrong key may, by chance, give one that looks right
            opened(envelope, rsa_key(1), strict)


def test_a_key_of_another_length() -> None:
    with pytest.raises(WrongKey, match="none of the 2 that"):
        opened(sealed(0, 1), rsa_key(2, 3072), strict)


def test_what_is_not_understood_is_told_by_whoever_reads_it() -> None:
    def read(_: bytes) -> bytes:
        message = "it makes no sense"
        raise Damaged(message)

    with pytest.raises(Damaged, match="it makes no sense"):
        opened(sealed(0), rsa_key(), read)


def test_cut_and_harmed_at_any_place() -> None:
    envelope = sealed(0)
    for at in range(len(envelope)):
        with pytest.raises(DcmtoolsError):
            opened(envelope[:at], rsa_key(), strict)
    for at in range(0, len(envelope), 3):
        harmed = bytearray(envelope)
        harmed[at] ^= 0x55
        try:
            assert opened(bytes(harmed), rsa_key(), strict) == SECRET  # the name of the recipient was hit
        except (InputError, UsageError):
            continue


@pytest.mark.parametrize(
    "junk", [b"", b"\x30", b"\x30\x80" * 5000, b"\x30\x84\xff\xff\xff\xff", bytes(64), b"\xff" * 64]
)
def test_junk(junk: bytes) -> None:
    with pytest.raises(Damaged):
        opened(junk, rsa_key(), strict)


def _indefinite(data: bytes) -> bytes:
    """The same in BER with lengths left open, and the content in pieces, as a writer of streams has it."""
    tag, at = data[0], 2
    length = data[1]
    if length & 0x80:
        at += length & 0x7F
        length = int.from_bytes(data[2:at], "big")
    body = data[at : at + length]
    if tag == 0x80:
        middle = len(body) // 2
        body = b"".join(
            [b"\x04\x82" + len(each).to_bytes(2, "big") + each for each in (body[:middle], body[middle:])]
        )
        return b"\xa0\x80" + body + b"\0\0"
    if not tag & 0x20:
        return data[: at + length]
    out = b""
    while body:
        head = 2 + (body[1] & 0x7F if body[1] & 0x80 else 0)
        size = head + (int.from_bytes(body[2:head], "big") if body[1] & 0x80 else body[1])
        out += _indefinite(body[:size])
        body = body[size:]
    return bytes([tag]) + b"\x80" + out + b"\0\0"


def test_lengths_left_open() -> None:
    assert opened(_indefinite(sealed(0, 1)), rsa_key(1), strict) == SECRET


# ---------------------------------------------------------------- files of keys and certificates


def test_a_key_with_a_password(tmp_path: Path) -> None:
    path = str(pair(tmp_path, password=b"open")[0])
    assert load_key(path, b"open").private_numbers() == rsa_key().private_numbers()
    with pytest.raises(UsageError, match="it has a password"):
        load_key(path)
    with pytest.raises(UsageError, match="the password is not its own"):
        load_key(path, b"shut")


def test_a_password_too_many(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it has no password"):
        load_key(str(pair(tmp_path)[0]), b"open")


def test_a_key_that_others_may_read(tmp_path: Path) -> None:
    path = pair(tmp_path)[0]
    path.chmod(0o640)
    with pytest.raises(UsageError, match="others than its owner"):
        load_key(str(path))


def test_keys_of_other_kinds(tmp_path: Path) -> None:
    key, certificate = write_pair(tmp_path, ec.generate_private_key(ec.SECP256R1()), "curve")
    with pytest.raises(UsageError, match="no RSA key"):
        load_key(str(key))
    with pytest.raises(UsageError, match="no RSA key"):
        Recipients.load([str(certificate)])


def test_a_short_key(tmp_path: Path) -> None:
    _, certificate = write_pair(tmp_path, rsa_key(3, 1024), "short")
    with pytest.raises(UsageError, match="1024 bits"):
        Recipients.load([str(certificate)])


def test_certificates_that_are_none(tmp_path: Path) -> None:
    key, certificate = pair(tmp_path)
    both = tmp_path / "both.crt"
    both.write_bytes(certificate.read_bytes() + certificate_of(rsa_key(1)).public_bytes(Encoding.PEM))
    long = tmp_path / "long"
    long.write_bytes(bytes(300_000))
    for path, why in {
        key: "no certificate",
        both: "there are 2",
        tmp_path / "absent": "No such",
        long: "more than",
    }.items():
        with pytest.raises(UsageError, match=why):
            Recipients.load([str(path)])


def test_certificates_that_are_not_meant_for_it_are_told_of(tmp_path: Path) -> None:
    key, path = rsa_key(), tmp_path / "its.crt"

    def notes(**made: Any) -> list[str]:  # noqa: ANN401  as certificates are made
        path.write_bytes(certificate_of(key, **made).public_bytes(Encoding.PEM))
        return [note.removeprefix(f"certificate {path}: ") for note in Recipients.load([str(path)]).notes]

    def usage(*, encipherment: bool) -> KeyUsage:
        return KeyUsage(
            digital_signature=not encipherment, key_encipherment=encipherment, content_commitment=False,
            data_encipherment=False, key_agreement=False, key_cert_sign=False, crl_sign=False,
            encipher_only=False, decipher_only=False,
        )  # fmt: skip

    assert notes() == notes(usage=usage(encipherment=True)) == []
    assert notes(years=(2020, 2021)) == ["it was valid until 2021-01-01"]
    assert notes(years=(2089, 2090)) == ["it is valid from 2089-01-01 on"]
    assert notes(usage=usage(encipherment=False)) == ["by its Key Usage its key is not for encryption"]


def test_key_and_certificate_in_each_others_place(tmp_path: Path) -> None:
    key, certificate = pair(tmp_path)
    certificate.chmod(0o600)
    with pytest.raises(UsageError, match="but a private key") as caught:
        Recipients.load([str(key)])
    assert f"-key {key} " in caught.value.hint  # which no command of the hint may write to
    junk = tmp_path / "junk"
    junk.write_text("none")
    with pytest.raises(UsageError, match="it is no certificate in PEM") as caught:
        Recipients.load([str(junk)])
    assert caught.value.hint.startswith("openssl req -x509 -newkey rsa:3072")
    assert "trial.pem" not in caught.value.hint  # which the manual has people call the key that they have
    certificate.chmod(0o644)  # which is no fault of one
    with pytest.raises(UsageError, match="it is a certificate: the private key"):
        load_key(str(certificate))


def test_a_certificate_in_der_has_a_hint_that_harms_nothing(tmp_path: Path) -> None:
    from cryptography.x509 import load_pem_x509_certificate

    der = tmp_path / "trial.der"
    der.write_bytes(load_pem_x509_certificate(pair(tmp_path)[1].read_bytes()).public_bytes(Encoding.DER))
    with pytest.raises(UsageError, match="it is in DER") as caught:
        Recipients.load([str(der)])
    assert caught.value.hint == f"openssl x509 -inform DER -in {der} -out {der}.crt"

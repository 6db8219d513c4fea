"""Encrypted Attributes between us, OpenSSL and GDCM."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from dcmtools.deidentification.cms import Recipients, opened
from dcmtools.deidentification.encrypting import modified_attributes
from dcmtools.deidentification.reading import Elements
from dcmtools.deidentification.restoring import restored
from dcmtools.encoding.syntax import EXPLICIT
from dcmtools.files.part10 import Part10File
from tests.support.peers import program, requires
from tests.support.samples import ct, mr
from tests.support.sealed import deidentifier, pair, rsa_key

if TYPE_CHECKING:
    from pathlib import Path

requires_openssl = requires("openssl", package="openssl")
requires_gdcm = requires("gdcmanon", package="libgdcm-tools")
IDENTITY = (0x00080018, 0x00080020, 0x00080080, 0x00100010, 0x00100020, 0x00100030, 0x0020000D)


def run(*words: object) -> None:
    subprocess.run([program(str(words[0])), *map(str, words[1:])], check=True, capture_output=True)


def sealed(path: Path, out: Path, certificate: Path) -> bytes:
    """Write what we make of ``path`` to ``out``, and return the envelope in it."""
    engine = deidentifier(Recipients.load([str(certificate)]))
    with Part10File.open(str(path)) as file, engine.deidentified(file) as done, out.open("w+b") as written:
        done.write(written)
        return done.sealed


def values(path: Path, *tags: int) -> dict[int, bytes]:
    with Part10File.open(str(path)) as file:
        elements = Elements(file)
        return {tag: elements.value(tag) for tag in tags or elements.top}


@requires_openssl
def test_openssl_opens_ours(tmp_path: Path) -> None:
    key, certificate = pair(tmp_path)
    envelope, plain = tmp_path / "envelope", tmp_path / "plain"
    envelope.write_bytes(sealed(ct(), tmp_path / "hidden", certificate))
    run(
        *("openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", envelope),
        *("-inkey", key, "-recip", certificate, "-out", plain),
    )
    modified = modified_attributes(plain.read_bytes(), EXPLICIT)
    assert b"CompressedSamples^CT1" in modified.attributes[0x00100010]


@requires_openssl
@pytest.mark.parametrize("cipher", ["aes128", "aes192", "aes256", "des3"])
@pytest.mark.parametrize("stream", [[], ["-stream"]])
def test_we_open_what_openssl_makes(cipher: str, stream: list[str], tmp_path: Path) -> None:
    _, certificate = pair(tmp_path)
    plain, envelope = tmp_path / "plain", tmp_path / "envelope"
    plain.write_bytes(bytes(range(256)) * 999)
    run(
        *("openssl", "cms", "-encrypt", "-binary", f"-{cipher}", *stream, "-outform", "DER"),
        *("-in", plain, "-out", envelope, certificate),
    )
    assert opened(envelope.read_bytes(), rsa_key(), bytes) == plain.read_bytes()


@requires_gdcm
@pytest.mark.parametrize("path", [ct(), mr()], ids=lambda path: path.stem)
def test_gdcm_puts_back_what_we_encrypt(path: Path, tmp_path: Path) -> None:
    key, certificate = pair(tmp_path)
    hidden, back = tmp_path / "hidden.dcm", tmp_path / "back.dcm"
    sealed(path, hidden, certificate)
    run("gdcmanon", "-k", key, "-d", hidden, back)
    assert values(back, *IDENTITY) == values(path, *IDENTITY)
    assert values(hidden, *IDENTITY) != values(path, *IDENTITY)


@requires_gdcm
@pytest.mark.parametrize("cipher", ["--aes128", "--aes192", "--aes256", "--des3"])
@pytest.mark.parametrize("path", [ct(), mr()], ids=lambda path: path.stem)
def test_we_put_back_what_gdcm_encrypts(path: Path, cipher: str, tmp_path: Path) -> None:
    _, certificate = pair(tmp_path)
    hidden, back = tmp_path / "hidden.dcm", tmp_path / "back.dcm"
    run("gdcmanon", "-c", certificate, cipher, "-e", path, hidden)
    with Part10File.open(str(hidden)) as file:
        done = restored(file, rsa_key())
        back.write_bytes(done.meta + b"".join(done.blocks()))
    lost = {tag for tag, value in values(path).items() if values(back).get(tag) != value}
    assert {tag for tag in lost if tag & 0xFFFF} == set()

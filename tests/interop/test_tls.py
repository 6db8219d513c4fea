"""TLS with real peers, both ways: DCMTK's and Orthanc's servers, DCMTK's clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dcmtools.net.peer import TlsOptions
from tests.support import samples
from tests.support.certificates import requires_openssl
from tests.support.peers import HOST, dcmtk, orthanc, requires_dcmtk, requires_orthanc, storescp
from tests.support.run import run
from tests.support.served import serving

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.support.certificates import Certificates

pytestmark = requires_openssl
# DCMTK's options for the profiles; its own release decides which it knows.
PROFILES = {"bcp195-nd": "+py", "bcp195-rfc7525": "+px", "bcp195-extended": "+pz", "aes": "+pa"}


def theirs(certificates: Certificates, name: str) -> list[str]:
    """Return DCMTK's options for this certificate and our authority."""
    cert, key = certificates.pair(name)
    return ["+tls", key, cert, "+cf", certificates.ca]


def ours(certificates: Certificates, name: str = "client") -> list[str]:
    cert, key = certificates.pair(name)
    return ["--tls", "--tls-ca", certificates.ca, "--tls-cert", cert, "--tls-key", key]


@requires_dcmtk
@pytest.mark.parametrize(
    ("dcmtk_profile", "profile"),
    [
        ("+py", "bcp195"),
        ("+px", "bcp195"),
        ("+pz", "bcp195"),
        ("+py", "bcp195-modified"),
        *[(letters, name) for name, letters in PROFILES.items()],
    ],
)
def test_an_echo_by_profile(
    tmp_path: Path, certificates: Certificates, dcmtk_profile: str, profile: str
) -> None:
    with storescp(tmp_path, *theirs(certificates, "server"), dcmtk_profile) as peer:
        result = run("echo", peer.address, *ours(certificates), "--tls-profile", profile, "--format", "json")
        assert result.status == 0, result.stderr
        [record] = result.records
        assert record["tls"].startswith("TLSv1.")
        # Without the certificate it ends.
        result = run("echo", peer.address, "--tls", "--tls-ca", certificates.ca, "--tls-profile", profile)
        assert result.status == 4
        assert "demands a client certificate" in result.stderr


@requires_dcmtk
def test_a_plain_echo_to_a_peer_with_tls(tmp_path: Path, certificates: Certificates) -> None:
    with storescp(tmp_path, *theirs(certificates, "server")) as peer:
        result = run("echo", peer.address)
    assert result.status == 4
    assert "(--tls)" in result.stderr or "--tls," in result.stderr


@requires_dcmtk
def test_an_echo_with_tls_to_a_plain_peer(tmp_path: Path, certificates: Certificates) -> None:
    with storescp(tmp_path) as peer:
        result = run("echo", peer.address, *ours(certificates), "-to", 5)
    assert result.status == 4
    assert "tls: the peer " in result.stderr
    assert "hint: the peer may speak no TLS here" in result.stderr


@requires_dcmtk
def test_files_to_dcmtk(tmp_path: Path, certificates: Certificates) -> None:
    """More than one record's worth in each direction's buffers; byte for byte."""
    with storescp(tmp_path / "peer", "+B", *theirs(certificates, "server")) as peer:
        result = run("store", peer.address, *ours(certificates), samples.ct(), samples.mr())
        assert result.status == 0, result.stderr
        assert len(peer.received()) == 2


@requires_orthanc
def test_an_archive_with_tls(tmp_path: Path, certificates: Certificates) -> None:
    cert, key = certificates.pair("server")
    settings: dict[str, Any] = {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": cert,
        "DicomTlsPrivateKey": key,
        "DicomTlsTrustedCertificates": certificates.ca,
        "DicomTlsRemoteCertificateRequired": True,
    }
    with orthanc(tmp_path, **settings) as peer:
        result = run("store", peer.address, *ours(certificates), samples.ct())
        assert result.status == 0, result.stderr
        assert peer.count_instances() == 1
        assert run("echo", peer.address, "--tls", "--tls-ca", certificates.ca).status == 4
        assert run("echo", f"WRONG@{HOST}:{peer.port}", *ours(certificates)).status == 4


def server(certificates: Certificates) -> TlsOptions:
    cert, key = certificates.pair("server")
    return TlsOptions(cert=cert, key=key, ca=certificates.ca)


@requires_dcmtk
@pytest.mark.parametrize("profile", [*PROFILES, "bcp195"])
def test_dcmtk_asks_us(tmp_path: Path, certificates: Certificates, profile: str) -> None:
    letters = PROFILES.get(profile, "+py")
    with serving(tmp_path / "in", tls=server(certificates)._replace(profile=profile)) as peer:
        done = dcmtk("echoscu", *theirs(certificates, "client"), letters, HOST, peer.port)
    assert done.returncode == 0, done.stderr


@requires_dcmtk
def test_dcmtk_sends_us(tmp_path: Path, certificates: Certificates) -> None:
    with serving(tmp_path / "in", tls=server(certificates)) as peer:
        done = dcmtk("storescu", *theirs(certificates, "client"), HOST, peer.port, samples.ct())
        assert done.returncode == 0, done.stderr
        assert len(peer.kept()) == 1


@requires_dcmtk
@pytest.mark.parametrize(
    ("options", "tls", "welcome"),
    [
        (["+tla"], {}, False),
        (["+tla"], {"client_auth": "request"}, True),
        (["+tla"], {"client_auth": "none"}, True),
        (["+tla"], {"ca": None}, True),
        ([], {}, False),
    ],
    ids=["required", "requested", "none", "no authority", "plain"],
)
def test_who_may_come(
    tmp_path: Path,
    certificates: Certificates,
    options: Sequence[str],
    tls: dict[str, Any],
    welcome: bool,
) -> None:
    """A server asks for certificates where it has an authority, and speaks nothing but TLS."""
    trusted = ["+cf", certificates.ca] if options else []
    with serving(tmp_path / "in", tls=server(certificates)._replace(**tls)) as peer:
        done = dcmtk("echoscu", *options, *trusted, "-to", "5", HOST, peer.port)
        assert (done.returncode == 0) is welcome
        done = dcmtk("echoscu", *theirs(certificates, "client"), HOST, peer.port)
        assert done.returncode == 0, "the next one is served all the same"


@requires_dcmtk
def test_a_stranger(tmp_path: Path, certificates: Certificates) -> None:
    cert, key = certificates.pair("foreign")
    with serving(tmp_path / "in", tls=server(certificates)) as peer:
        done = dcmtk("echoscu", "+tls", key, cert, "+cf", certificates.ca, HOST, peer.port)
    assert done.returncode != 0

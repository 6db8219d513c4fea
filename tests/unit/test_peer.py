from __future__ import annotations

import pytest

from dcmtools.net.peer import Peer, checked_aet


@pytest.mark.parametrize(
    ("text", "peer"),
    [
        ("PACS@pacs.example.org:104", Peer("pacs.example.org", 104, "PACS")),
        ("pacs.example.org:104", Peer("pacs.example.org", 104)),
        ("localhost", Peer("localhost", 11112, "ANY-SCP")),
        ("A B@10.0.0.1", Peer("10.0.0.1", aet="A B")),
        (" PACS @h:1", Peer("h", 1, "PACS")),
        ("A@B@h:1", Peer("h", 1, "A@B")),
        ("[::1]:104", Peer("::1", 104)),
        ("X@[fe80::1%eth0]", Peer("fe80::1%eth0", aet="X")),
        ("h:65535", Peer("h", 65535)),
    ],
)
def test_the_forms_of_a_peer(text: str, peer: Peer) -> None:
    assert Peer.parse(text) == peer
    assert Peer.parse(peer.name) == peer


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "host is missing"),
        (":104", "host is missing"),
        ("PACS@", "host is missing"),
        ("[]:104", "host is missing"),
        ("@h:1", "must not be blank"),
        ("   @h:1", "must not be blank"),
        ("SEVENTEEN-LETTERS@h:1", "longer than 16"),
        ("A\\B@h:1", "not allowed"),
        ("A\x07B@h:1", "not allowed"),
        ("ÄET@h:1", "not allowed"),
        ("h:", "not a port"),
        ("h:x", "not a port"),
        ("h:-1", "not a port"),
        ("h:¹", "not a port"),
        ("h:0", "between 1 and 65535"),
        ("h:65536", "between 1 and 65535"),
        ("::1", "brackets"),
        ("[::1", "brackets"),
        ("[::1]104", "brackets"),
        ("a b:104", "not a host name"),
        ("a\nb:104", "not a host name"),
    ],
)
def test_what_is_no_peer(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Peer.parse(text)


def test_the_name_of_a_peer() -> None:
    assert Peer("::1", 104, "X").name == "X@[::1]:104"
    assert Peer("h").name == "ANY-SCP@h:11112"


def test_an_ae_title_loses_its_padding_alone() -> None:
    assert checked_aet("  A B  ") == "A B"
    assert checked_aet("SIXTEEN-LETTERS!" + "    ") == "SIXTEEN-LETTERS!"


def test_a_bad_calling_ae_title_makes_no_peer() -> None:
    with pytest.raises(ValueError, match="blank"):
        Peer("h", calling_aet="")

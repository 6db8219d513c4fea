from __future__ import annotations

import os
from typing import TYPE_CHECKING

import platformdirs
import pytest

from dcmtools.config import color_allowed, config_path
from dcmtools.config.peers import named_peer
from dcmtools.config.reading import load
from dcmtools.errors import UsageError
from dcmtools.net.peer import Limits, Peer, Security
from dcmtools.statements import line_of

if TYPE_CHECKING:
    from pathlib import Path


def test_a_named_peer(file: Path) -> None:
    file.write_text(
        '[peers.pacs]\nhost = "h"\nport = 104\naet = "A"\ncalling_aet = "ME"\n[peers.b]\nhost = "::1"\n'
    )
    assert named_peer("pacs") == Peer("h", 104, "A", "ME")
    assert named_peer("b") == Peer("::1")
    assert named_peer("c") is None


def test_its_limits(file: Path) -> None:
    limits = "connect_timeout = 1\nacse_timeout = 2.5\ndimse_timeout = 86400\nmax_pdu = 4096\n"
    file.write_text(f'[peers."a.b-c_1"]\nhost = "h"\n{limits}')
    assert named_peer("a.b-c_1") == Peer("h", limits=Limits(1, 2.5, 86400, 4096))


def test_its_security(file: Path) -> None:
    """Files are found beside config.toml; what speaks TLS listens on 2762 unless it has a port."""
    lines = [
        "[peers.p]",
        'host = "h"',
        "tls = true",
        'tls_ca = "ca.pem"',
        'tls_key = "/k"',
        'tls_profile = "aes"',
        'tls_min_version = "1.2"',
        'user = "u"',
        'password_file = "~/p"',
        'bind_address = "::1"',
        "[peers.q]",
        'host = "h"',
        "tls = false",
        "[peers.r]",
        'host = "h"',
        "port = 104",
        "tls = true",
    ]
    file.write_text("\n".join(lines))
    peer = named_peer("p")
    assert peer
    assert peer == Peer(
        "h",
        2762,
        security=Security(
            bind_address="::1",
            tls=True,
            tls_ca=str(file.parent / "ca.pem"),
            tls_key="/k",
            tls_profile="aes",
            tls_min_version="1.2",
            user="u",
            password_file=os.path.expanduser("~/p"),
        ),
    )
    assert named_peer("q") == Peer("h", 11112, security=Security(tls=False))
    assert named_peer("r") == Peer("h", 104, security=Security(tls=True))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("peers = 1", "line 1: peers: must be a table: [peers]"),
        ("\n[peers]\npacs = 1", "line 3: peers.pacs: must be a table"),
        ("[peers.pacs]", "line 1: peers.pacs: the host is missing"),
        ("# x\n[peers.pacs]\nhost = 1", "line 3: peers.pacs.host: must be text"),
        ('[peers.pacs]\nhost = "h"\nport = "104"', "line 3: peers.pacs.port: must be a number"),
        ('[peers.pacs]\nhost = "h"\nport = true', "line 3: peers.pacs.port: must be a number"),
        ('[peers.pacs]\nhost = "h"\nport = 10.0', "line 3: peers.pacs.port: must be a number"),
        ('[peers.pacs]\nport = 0\nhost = "h"', "line 2: peers.pacs.port: port 0"),
        ('[peers.pacs]\nhost = "a b"', "line 2: peers.pacs.host: 'a b' is not"),
        ('[peers.pacs]\nhost = "h"\naet = ""', "line 3: peers.pacs.aet: an AE title"),
        ('[peers.pacs]\nhost = "h"\nssl = true', "line 3: peers.pacs.ssl: unknown key; known are host, port"),
        ('[peers.pacs]\nhost = "h"\ntls = 1', "line 3: peers.pacs.tls: must be true or false"),
        ('[peers.pacs]\nhost = "h"\ntls_ca = true', "line 3: peers.pacs.tls_ca: must be text, in quotes"),
        ('[peers.pacs]\nhost = "h"\ntls_ca = ""', "line 3: peers.pacs.tls_ca: must not be empty"),
        ('[peers.pacs]\nhost = "h"\ntls_profile = "x"', "line 3: peers.pacs.tls_profile: 'x' is none of bcp"),
        ('[peers.pacs]\nhost = "h"\nbind_address = "x"', "line 3: peers.pacs.bind_address: 'x' does not"),
        ('[peers.pacs]\nhost = "h"\npassword = "x"', "line 3: peers.pacs.password: unknown key"),
        ('[peers.pacs]\nhost = "h"\ntls_no_verify = true', "line 3: peers.pacs.tls_no_verify: unknown key"),
        ('[peers.pacs]\nhost = "h"\nmax_pdu = 4095', "line 3: peers.pacs.max_pdu: 4095 is not between"),
        ('[peers.pacs]\nhost = "h"\ndimse_timeout = 0', "line 3: peers.pacs.dimse_timeout: 0 seconds"),
        ('[peers.pacs]\nhost = "h"\ndimse_timeout = nan', "line 3: peers.pacs.dimse_timeout: nan seconds"),
        (
            '[peers.pacs]\nhost = "h"\ndimse_timeout = "9"',
            "line 3: peers.pacs.dimse_timeout: must be a number",
        ),
        ('[peers]\npacs = {host = "h",\tport = 0}', "line 2: peers.pacs.port: port 0"),
        ('peers.pacs.host = "h"\npeers.pacs.x = 1', "line 2: peers.pacs.x: unknown key"),
        ("[peer.pacs]", "line 1: peer: unknown; known are peers, defaults"),
        ("[peers.pacs\n", "line 1, column 12"),
    ],
)
def test_a_mistake_is_named_with_its_place(file: Path, text: str, complaint: str) -> None:
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        named_peer("pacs")
    assert caught.value.message.startswith(f"{file}: ")
    assert complaint in caught.value.message


def test_a_name_with_other_characters(file: Path) -> None:
    file.write_text('[peers."a b"]\nhost = "h"\n')
    with pytest.raises(UsageError, match=r"line 1: peers\.a b: 'a b' is not a name of letters"):
        named_peer("a b")


def test_lines_are_counted_past_whatever_stands_before() -> None:
    text = 'a = """\nb = 1\n[c]\n"""\r\nd = [\n  1,\n\n  2,\n]\n\u2028= 1\n'.replace("\u2028", '"\u2028"')
    text += "# b = 2\n['x.y' . z]\n\nb = { q = 1 }\n[[list]]\nb = 1\n"
    assert [line_of(text, (key,)) for key in "ad"] == [1, 5]
    assert line_of(text, ("x.y", "z", "b")) == 14
    assert line_of(text, ("x.y", "z", "b", "q")) == 14
    assert line_of(text, ("x.y",)) == 12
    assert line_of(text, ("list", "b")) == 16
    assert line_of(text, ("b",)) == 0


def test_a_file_that_is_not_text(file: Path) -> None:
    file.write_bytes(b"# \xff")
    with pytest.raises(UsageError, match="byte 2 is not UTF-8"):
        load()


def test_a_file_that_was_named_must_exist(file: Path) -> None:
    with pytest.raises(UsageError, match="DCMTOOLS_CONFIG names a file"):
        load()
    assert load(must_exist=False).tables == {}
    file.mkdir()
    with pytest.raises(UsageError, match="Is a directory"):
        load()


def test_nothing_is_waited_for_in_place_of_a_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(file)
    with pytest.raises(UsageError, match="the configuration has to be a file"):
        load()
    monkeypatch.setenv("DCMTOOLS_CONFIG", "/dev/zero")
    with pytest.raises(UsageError, match="the configuration has to be a file"):
        load()
    monkeypatch.setenv("DCMTOOLS_CONFIG", os.devnull)
    assert load().tables == {}


def test_the_users_folder_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert named_peer("pacs") is None
    folder = tmp_path / "dcmtools"
    folder.mkdir()
    (folder / "config.toml").write_text('[peers.pacs]\nhost = "h"\n')
    assert named_peer("pacs") == Peer("h")


@pytest.mark.parametrize("xdg", [None, "", " ", "relative", "/etc/xdg", "/etc/xdg/"])
@pytest.mark.parametrize("home", ["/home/somebody", "/"])
def test_the_place_is_that_of_platformdirs(
    xdg: str | None, home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", home)
    monkeypatch.delenv("XDG_CONFIG_HOME")
    if xdg is not None:
        monkeypatch.setenv("XDG_CONFIG_HOME", xdg)
    assert config_path() == os.path.join(platformdirs.user_config_dir("dcmtools"), "config.toml")


def test_without_a_home_there_is_no_place_and_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    for home in ("", "relative"):
        monkeypatch.setenv("HOME", home)
        assert config_path() == ""
    assert named_peer("pacs") is None


def test_a_home_that_is_not_ours_to_look_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    (tmp_path / "file").touch()
    assert load().tables == {}


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_who_wants_no_colour(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert color_allowed()
    monkeypatch.setenv(name, value)
    assert not color_allowed()

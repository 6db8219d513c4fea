from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools import config
from dcmtools.errors import UsageError
from dcmtools.net.peer import Peer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    monkeypatch.setenv("DCMTOOLS_CONFIG", str(path))
    return path


def test_a_named_peer(file: Path) -> None:
    file.write_text(
        '[peers.pacs]\nhost = "h"\nport = 104\naet = "A"\ncalling_aet = "ME"\n[peers.b]\nhost = "::1"\n'
    )
    assert config.named_peer("pacs") == Peer("h", 104, "A", "ME")
    assert config.named_peer("b") == Peer("::1")
    assert config.named_peer("c") is None


def test_the_users_folder_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert config.named_peer("pacs") is None
    path = config.config_file()
    path.parent.mkdir()
    path.write_text('[peers.pacs]\nhost = "h"\n')
    assert config.named_peer("pacs") == Peer("h")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("peers = 1", "peers must be tables"),
        ("[peers]\npacs = 1", "peers.pacs: must be a table"),
        ("[peers.pacs]", "peers.pacs: the host is missing"),
        ("[peers.pacs]\nhost = 1", "peers.pacs: host must be text"),
        ('[peers.pacs]\nhost = "h"\nport = "104"', "peers.pacs: port must be a number"),
        ('[peers.pacs]\nhost = "h"\nport = true', "peers.pacs: port must be a number"),
        ('[peers.pacs]\nhost = "h"\nport = 0', "peers.pacs: port 0"),
        ('[peers.pacs]\nhost = "h"\naet = ""', "peers.pacs: an AE title"),
        ('[peers.pacs]\nhost = "h"\ntls = true', "peers.pacs: unknown key 'tls'"),
        ("[peers.pacs\n", "line 1, column 12"),
    ],
)
def test_a_mistake_is_named_with_its_place(file: Path, text: str, complaint: str) -> None:
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        config.named_peer("pacs")
    assert caught.value.message.startswith(f"{file}: ")
    assert complaint in caught.value.message


def test_a_file_that_is_not_text(file: Path) -> None:
    file.write_bytes(b"# \xff")
    with pytest.raises(UsageError, match="byte 2 is not UTF-8"):
        config.named_peer("pacs")


def test_a_file_that_was_named_must_exist(file: Path) -> None:
    with pytest.raises(UsageError, match="DCMTOOLS_CONFIG names a file"):
        config.named_peer("pacs")
    file.mkdir()
    with pytest.raises(UsageError, match="Is a directory"):
        config.named_peer("pacs")


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_who_wants_no_colour(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert config.color_allowed()
    monkeypatch.setenv(name, value)
    assert not config.color_allowed()

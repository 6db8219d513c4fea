from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest

from dcmtools.cli.params import PAUSE, SECONDS, TAG_PATH, UID
from dcmtools.cli.peer_params import AET, PEER
from dcmtools.net.peer import Peer

if TYPE_CHECKING:
    from pathlib import Path


def test_a_configured_name_beats_a_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[peers.pacs]\nhost = "h"\nport = 104\n')
    monkeypatch.setenv("DCMTOOLS_CONFIG", str(config))
    assert PEER.convert("pacs", None, None) == Peer("h", 104)
    assert PEER.convert("other", None, None) == Peer("other")
    assert PEER.convert("A@pacs", None, None) == Peer("pacs", aet="A")


def test_an_error_names_the_forms() -> None:
    with pytest.raises(
        click.BadParameter, match=r"'x' is not a port\. Give AET@host:port, host:port, host or"
    ):
        PEER.convert("h:x", None, None)


def test_a_value_that_is_none_of_the_users_words_stays() -> None:
    peer = Peer("h")
    assert PEER.convert(peer, None, None) is peer
    assert SECONDS.convert(3.0, None, None) == 3.0


@pytest.mark.parametrize("text", ["1.2.840.10008.1.1", "2.25.0", "1." + "9" * 62])
def test_a_uid(text: str) -> None:
    assert UID.convert(text, None, None) == text


@pytest.mark.parametrize(
    "text", ["", "1", "1.", ".1", "1..2", "1.02", "1.a", "1.2\n", "1.²", "1." + "9" * 63]
)
def test_what_is_no_uid(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a UID"):
        UID.convert(text, None, None)


@pytest.mark.parametrize(("text", "seconds"), [("10", 10.0), ("0.5", 0.5), ("86400", 86400.0)])
def test_seconds(text: str, seconds: float) -> None:
    assert SECONDS.convert(text, None, None) == seconds


@pytest.mark.parametrize(("text", "seconds"), [("0", 0.0), ("-0", 0.0), ("0.5", 0.5), ("86400", 86400.0)])
def test_a_pause_may_be_none_at_all(text: str, seconds: float) -> None:
    assert PAUSE.convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "x", "", "86401"])
def test_what_is_no_pause(text: str) -> None:
    with pytest.raises(click.BadParameter, match="seconds"):
        PAUSE.convert(text, None, None)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "x", "", "86401"])
def test_what_is_no_wait(text: str) -> None:
    with pytest.raises(click.BadParameter, match="seconds"):
        SECONDS.convert(text, None, None)


def test_an_ae_title() -> None:
    assert AET.convert(" ME ", None, None) == "ME"
    with pytest.raises(click.BadParameter, match="longer than 16"):
        AET.convert("X" * 17, None, None)


def test_a_tag_path() -> None:
    assert str(TAG_PATH.convert("PatientName", None, None))
    with pytest.raises(click.BadParameter, match="Give a keyword"):
        TAG_PATH.convert("Nonsense[", None, None)

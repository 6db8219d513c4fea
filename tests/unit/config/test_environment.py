"""What the environment says of terminal and pager."""

from __future__ import annotations

import pytest

from dcmtools.config import pager_command, pager_environment


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, ["less"]),
        ({"PAGER": "more -s"}, ["more", "-s"]),
        ({"PAGER": "more", "DCMTOOLS_PAGER": "'/a b/less' -S \"$HOME\""}, ["/a b/less", "-S", "$HOME"]),
        ({"PAGER": "more", "DCMTOOLS_PAGER": ""}, []),
        ({"PAGER": "more", "DCMTOOLS_PAGER": " cat "}, []),
        ({"PAGER": ""}, []),
        ({"PAGER": "cat -v"}, ["cat", "-v"]),
        ({"PAGER": "it's"}, []),
        ({"TERM": "dumb"}, []),
        ({"TERM": "dumb", "PAGER": "more"}, ["more"]),
    ],
)
def test_the_pager(variables: dict[str, str], words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PAGER", "DCMTOOLS_PAGER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert pager_command() == words


@pytest.mark.parametrize(("given", "seen"), [(None, "FRX"), ("", ""), ("-S", "-S")])
def test_what_less_is_told(given: str | None, seen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LESS", raising=False)
    if given is not None:
        monkeypatch.setenv("LESS", given)
    monkeypatch.setenv("OTHER", "kept")
    for name in ("DCMTOOLS_JWT", "DCMTOOLS_PASSWORD", "DCMTOOLS_TLS_KEY_PASSWORD"):
        monkeypatch.setenv(name, "hush")
    environment = pager_environment()
    assert (environment["LESS"], environment["OTHER"]) == (seen, "kept")
    assert "hush" not in environment.values()

from __future__ import annotations

import sys

import pytest

from tests.support.run import run


@pytest.fixture(autouse=True)
def _no_commands_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("dcmtools.commands.")]:
        monkeypatch.delitem(sys.modules, name)


def complete(monkeypatch: pytest.MonkeyPatch, words: str) -> list[str]:
    monkeypatch.setenv("_DCMTOOLS_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
    return run().stdout.splitlines()


def test_names_come_from_the_registry_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert complete(monkeypatch, "dcmtools e") == ["plain,echo"]
    assert complete(monkeypatch, "dcmtools s") == ["plain,store", "plain,serve"]
    assert not [name for name in sys.modules if name.startswith("dcmtools.commands.")]


def test_options_of_the_program_and_of_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    assert complete(monkeypatch, "dcmtools --ver") == ["plain,--verbose", "plain,--version"]
    assert complete(monkeypatch, "dcmtools echo --c") == [
        "plain,--count",
        "plain,--calling-aet",
        "plain,--called-aet",
        "plain,--connect-timeout",
        "plain,--color",
    ]


def test_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert complete(monkeypatch, "dcmtools echo --format j") == ["plain,json"]

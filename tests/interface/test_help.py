"""Every command's help has the same parts, in one voice."""

from __future__ import annotations

import click
import pytest

from tests.interface.commands import EVERY, LEAVES, click_command
from tests.support.run import run

each = pytest.mark.parametrize("name", EVERY)


@each
def test_the_parts_of_a_help_text(name: str) -> None:
    result = run(*name.split(), "--help")
    assert (result.status, result.stderr) == (0, "")
    summary = EVERY[name].summary
    parts = [f"Usage: dcmtools {name} ", summary, "Examples:", "Options:", "Exit status: 0 done"]
    places = [result.stdout.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize("name", LEAVES)
def test_the_examples_call_the_command(name: str) -> None:
    examples = run(*name.split(), "--help").stdout.partition("Examples:\n")[2].partition("\n\n")[0]
    lines = examples.splitlines()
    assert lines
    assert all(f"dcmtools {name}" in line for line in lines if "dcmtools" in line)


@each
def test_h_is_help(name: str) -> None:
    assert run(*name.split(), "-h") == run(*name.split(), "--help")


@pytest.mark.parametrize("name", LEAVES)
def test_every_option_says_what_it_does_in_a_sentence(name: str) -> None:
    params = click_command(LEAVES[name]).params
    options = [param for param in params if isinstance(param, click.Option) and not param.hidden]
    bare = [option.opts for option in options if not (option.help or "").endswith(".")]
    assert not bare


@each
def test_help_may_be_asked_for_in_words(name: str) -> None:
    *above, last = name.split()
    shown = run(*name.split(), "--help")
    assert run("help", *name.split()) == shown
    assert run(*above, "help", last) == shown
    assert run("help", *name.split(), "--", "more") == shown, "nothing is done"


@pytest.mark.parametrize("words", [["help"], ["help", "help"], ["help", "-v"], ["-v", "help"]])
def test_help_for_nothing_in_particular(words: list[str]) -> None:
    assert run(*words) == run("--help")
    assert "  help " in run("--help").stdout


def test_help_for_what_there_is_not() -> None:
    assert run("help", "ecko") == run("ecko")
    assert run("help", "peers", "lits") == run("peers", "lits")
    assert "Did you mean 'help'?" in run("hlep").stderr


def test_no_arguments_show_the_help_as_an_error() -> None:
    result = run()
    assert (result.status, result.stdout) == (2, "")
    assert result.stderr == run("--help").stdout

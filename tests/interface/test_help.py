"""Every command's help has the same parts, in one voice."""

from __future__ import annotations

from importlib import import_module

import click
import pytest

from dcmtools.cli.registry import COMMANDS, CommandInfo
from tests.support.run import run

each = pytest.mark.parametrize("info", COMMANDS, ids=lambda info: info.name)


@each
def test_the_parts_of_a_help_text(info: CommandInfo) -> None:
    result = run(info.name, "--help")
    assert (result.status, result.stderr) == (0, "")
    parts = [f"Usage: dcmtools {info.name} ", info.summary, "Examples:", "Options:", "Exit status: 0 done"]
    places = [result.stdout.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)


@each
def test_the_examples_call_the_command(info: CommandInfo) -> None:
    examples = run(info.name, "--help").stdout.partition("Examples:\n")[2].partition("\n\n")[0]
    lines = examples.splitlines()
    assert lines
    assert all(f"dcmtools {info.name} " in line for line in lines if "dcmtools" in line)


@each
def test_h_is_help(info: CommandInfo) -> None:
    assert run(info.name, "-h") == run(info.name, "--help")


@each
def test_every_option_says_what_it_does_in_a_sentence(info: CommandInfo) -> None:
    command: click.Command = import_module(info.module).command
    options = [param for param in command.params if isinstance(param, click.Option) and not param.hidden]
    bare = [option.opts for option in options if not (option.help or "").endswith(".")]
    assert not bare


def test_no_arguments_show_the_help_as_an_error() -> None:
    result = run()
    assert (result.status, result.stdout) == (2, "")
    assert result.stderr == run("--help").stdout

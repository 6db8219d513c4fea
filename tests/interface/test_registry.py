from __future__ import annotations

from importlib import import_module
from inspect import cleandoc

import pytest

from dcmtools.cli.registry import COMMANDS, CommandInfo
from tests.support.run import run


@pytest.mark.parametrize("info", COMMANDS, ids=lambda info: info.name)
def test_the_summary_is_the_first_line_of_the_help(info: CommandInfo) -> None:
    command = import_module(info.module).command
    assert command.name == info.name
    assert cleandoc(command.help).splitlines()[0] == info.summary


def test_help_lists_every_command_under_its_section() -> None:
    text = run("--help").stdout
    for info in COMMANDS:
        assert f"\n{info.section}:\n" in text
        assert f"  {info.name} " in text
        assert info.summary in text


def test_an_unknown_command_gets_a_suggestion() -> None:
    result = run("ecko")
    assert result.status == 2
    assert result.stderr == (
        "dcmtools: No such command 'ecko'. Did you mean 'echo'?\nTry 'dcmtools --help'.\n"
    )


def test_a_name_like_no_other_gets_none() -> None:
    assert run("xyzzy").stderr.startswith("dcmtools: No such command 'xyzzy'.\n")

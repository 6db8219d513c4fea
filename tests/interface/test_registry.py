from __future__ import annotations

from importlib import import_module
from inspect import cleandoc

import pytest

from dcmtools.cli.registry import COMMANDS
from tests.interface.commands import EVERY, click_command
from tests.support.run import run


@pytest.mark.parametrize("name", EVERY)
def test_the_summary_is_the_first_line_of_the_help(name: str) -> None:
    info = EVERY[name]
    if info.commands:
        assert import_module(info.module).HELP.splitlines()[0] == info.summary
        return
    command = click_command(info)
    assert command.name == info.name
    assert cleandoc(str(command.help)).splitlines()[0] == info.summary


@pytest.mark.parametrize("family", ["", *(name for name, info in EVERY.items() if info.commands)])
def test_help_lists_every_command_under_its_section(family: str) -> None:
    text = run(*family.split(), "--help").stdout
    for info in EVERY[family].commands if family else COMMANDS:
        assert f"\n{info.section}:\n" in text
        assert f"  {info.name} " in text
        assert info.summary in text


def test_an_unknown_command_gets_a_suggestion() -> None:
    result = run("ecko")
    assert result.status == 2
    assert result.stderr == (
        "dcmtools: No such command 'ecko'. Did you mean 'echo'?\nTry 'dcmtools --help'.\n"
    )


def test_an_unknown_member_of_a_family_gets_one_too() -> None:
    result = run("peers", "lits")
    assert result.status == 2
    assert result.stderr.startswith("dcmtools peers: No such command 'lits'. Did you mean 'list'?\n")


def test_a_name_like_no_other_gets_none() -> None:
    assert run("xyzzy").stderr.startswith("dcmtools: No such command 'xyzzy'.\n")

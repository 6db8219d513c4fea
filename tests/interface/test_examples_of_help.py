"""The examples of the manual are command lines that the program takes."""

from __future__ import annotations

import re
import shlex
from itertools import dropwhile, groupby
from typing import TYPE_CHECKING

import click
import pytest

from dcmtools.cli.docgen import ROOT
from dcmtools.cli.main import make_group
from dcmtools.cli.topics import TOPICS
from tests.interface.commands import EVERY
from tests.support.run import run

if TYPE_CHECKING:
    from collections.abc import Iterator


def command_lines(text: str) -> Iterator[list[str]]:
    """Yield the words after ``dcmtools`` of every command line in ``text``, which is for a shell."""
    for line in text.splitlines():
        if "dcmtools" in line:
            yield from _commands(line)


def _commands(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    for is_operator, tokens in groupby(lexer, lambda token: not token.strip("();<>|&")):
        words = list(dropwhile(lambda word: word == "$" or re.match("[A-Z_]+=", word), tokens))
        if not is_operator and words and words[0] == "dcmtools":
            yield [word for word in words[1:] if word != "$"]  # of a $( that follows
        for word in words:
            if inner := re.match(r"\$\((.*)\)$", word):  # one that stood in quotes
                yield from _commands(inner[1])


def parsed(words: list[str]) -> list[str]:
    """Have click take ``words`` without running anything; the names of the commands they led through."""
    context = make_group().make_context("dcmtools", [*words])
    names = []
    while isinstance(context.command, click.Group):
        rest = [*context._protected_args, *context.args]  # what Group.invoke() begins with
        name, command, rest = context.command.resolve_command(context, rest)
        assert command
        context = command.make_context(name, rest, parent=context)
        names.append(str(name))
    return names


def examples_of_commands() -> dict[str, str]:
    helps = {name: run(*name.split(), "--help").stdout for name in EVERY}
    return {name: text.partition("Examples:\n")[2].partition("\n\n")[0] for name, text in helps.items()}


def literals_of_topics() -> dict[str, str]:
    lines = {
        name: [line for line in topic.text.splitlines() if line.startswith("    ")]
        for name, topic in TOPICS.items()
    }
    return {f"{name}(7)": "\n".join(shown) for name, shown in lines.items()}


@pytest.mark.parametrize(("page", "text"), {**examples_of_commands(), **literals_of_topics()}.items())
def test_the_examples_of_a_page(page: str, text: str) -> None:
    lines = list(command_lines(text))
    assert lines, page
    for words in lines:
        parsed(words)


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md"])
def test_what_other_texts_show(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    shown = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    for words in command_lines("\n".join(shown)):
        parsed(words)


def test_the_reading_of_lines() -> None:
    text = """
        $ A=1 B=2 dcmtools a 'b|(c' | jq 'dcmtools ;' > y  # dcmtools
        . <(dcmtools d e)
        x || dcmtools f; dcmtools g "$(dcmtools i j)"
    """
    assert list(command_lines(text)) == [
        ["a", "b|(c"],
        ["d", "e"],
        ["f"],
        ["g", "$(dcmtools i j)"],
        ["i", "j"],
    ]
    with pytest.raises(click.UsageError):
        parsed(["echo", "--xyzzy", "h"])
    with pytest.raises(click.UsageError):
        parsed(["peers", "xyzzy"])
    assert parsed(["peers", "list"]) == ["peers", "list"]

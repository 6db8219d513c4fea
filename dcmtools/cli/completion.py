"""What could come next on a command line, for the scripts of ``dcmtools.cli.scripts``.

The shell says what stands before the cursor; the answer is a line for each proposal: its kind (``plain``,
``file`` or ``dir``, for which the shell itself looks), its text and its help, separated by tabs.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem, ShellComplete, split_arg_string

from dcmtools.config import completion_line
from dcmtools.errors import ExitStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.cli.lazy import LazyGroup


def answer(group: LazyGroup, request: str) -> ExitStatus:
    """Write the proposals for the shell that ``request`` (``zsh_complete``) names."""
    shell = request.partition("_")[0]
    with suppress(Exception):  # whatever is wrong, a message in the middle of a command line helps nobody
        sys.stdout.write("".join(f"{line}\n" for line in _lines(group, shell, completion_line())))
        sys.stdout.flush()
    return ExitStatus.DONE


def _lines(group: LazyGroup, shell: str, line: str) -> Iterator[str]:
    words, incomplete = _words(line)
    option, equals, value = incomplete.partition("=")
    prefix = ""
    if equals and option.startswith("--"):
        words, incomplete = [*words, option], value
        prefix = f"{option}=" if shell != "bash" else ""  # to bash it is a word of its own already
    for item in ShellComplete(group, {}, "dcmtools", "").get_completions(words, incomplete):
        yield "\t".join((item.type, prefix + str(item.value), _one_line(item)))


def _words(line: str) -> tuple[list[str], str]:
    """Split ``line`` into the words after the program's name and the one that is not complete yet."""
    words = split_arg_string(line)
    incomplete = "" if len(split_arg_string(f"{line}x")) > len(words) else words.pop()
    return words[1:], incomplete


def _one_line(item: CompletionItem) -> str:
    return " ".join(str(item.help or "").split())

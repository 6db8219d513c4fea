"""Manual pages from the commands' own help, in roff."""

from __future__ import annotations

from inspect import cleandoc
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import click

from dcmtools.errors import ExitStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_DATE: Final = "2026-11-22"  # of the release that the pages describe: mandoc wants one, and builds must agree
_SPECIAL: Final = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}

_STATUS_TEXTS: Final = {
    ExitStatus.DONE: "Everything that was asked for is done.",
    ExitStatus.PARTIAL: "Done, but some items failed, the check said no, or results could not be written.",
    ExitStatus.USAGE: "The command line or the configuration is wrong; nothing was done.",
    ExitStatus.INPUT: "The input is missing, cannot be read, or is not DICOM.",
    ExitStatus.NO_ASSOCIATION: "No association: no connection, rejected, aborted, or timed out.",
    ExitStatus.PEER_FAILURE: "The peer answered with a failure status.",
    ExitStatus.BUG: "A bug in dcmtools; please report it with what --debug shows.",
    ExitStatus.INTERRUPTED: "Interrupted by a signal before everything was done.",
    ExitStatus.STDOUT_CLOSED: "Whoever read stdout closed it.",
}
_CONFIG: Final = """\
[peers.pacs]
host = "pacs.example.org"
port = 104
aet = "ARCHIVE"
calling_aet = "DESK7"
"""


def exit_status_page() -> str:
    """Return ``dcmtools-exit-status(7)``."""
    return _page(
        _head("dcmtools-exit-status", 7, "what the exit status of dcmtools tells"),
        _section("DESCRIPTION"),
        _prose(
            "A status never counts anything. When all items failed for one cause, it is that cause's status; "
            "when some failed, or for several causes, it is 1. Items that were passed over do not count. "
            "A server that SIGTERM or SIGINT told to end exits with 0."
        ),
        _section("EXIT STATUS"),
        _definitions((_bold(str(status.value)), text) for status, text in _STATUS_TEXTS.items()),
        _see_also(("dcmtools", 1)),
    )


def main_page(context: click.Context, commands: Iterable[tuple[str, str]]) -> str:
    """Return ``dcmtools(1)``, listing ``commands`` as (name, summary)."""
    pages = {f"dcmtools-{name}": summary for name, summary in commands}
    return _page(
        _head("dcmtools", 1, str(context.command.help)),
        _synopsis(context),
        _section("DESCRIPTION"),
        _prose(
            "Results go to stdout: aligned on a terminal, tab-separated in a pipe, or with --format json "
            "one JSON object a line. Everything else goes to stderr."
        ),
        _section("COMMANDS"),
        _definitions((_bold(page) + "(1)", summary) for page, summary in pages.items()),
        _options(context),
        _section("ENVIRONMENT"),
        _definitions(
            (
                (_bold("DCMTOOLS_CONFIG"), "The configuration file, in place of the user's."),
                (
                    _bold("DCMTOOLS_") + _italic("COMMAND") + _bold("_") + _italic("OPTION"),
                    "An option's value where the command line gives none: DCMTOOLS_ECHO_COUNT.",
                ),
                (
                    _bold("DCMTOOLS_") + _italic("OPTION"),
                    "The same for an option of many commands: DCMTOOLS_CALLING_AET, DCMTOOLS_FORMAT.",
                ),
                (_bold("NO_COLOR"), "No colour unless --color asks for it."),
            )
        ),
        _section("FILES"),
        _prose("config.toml in the user's configuration folder (~/.config/dcmtools) names peers:"),
        _literal(_CONFIG.splitlines()),
        _exit_status(),
        _see_also(*((page, 1) for page in pages), ("dcmtools-exit-status", 7)),
    )


def command_page(context: click.Context) -> str:
    """Return the page of the subcommand that ``context`` belongs to."""
    summary, *paragraphs = cleandoc(str(context.command.help)).split("\n\n")
    examples = [text for text in paragraphs if text.startswith("\b\nExamples:")]
    return _page(
        _head(f"dcmtools-{context.info_name}", 1, summary),
        _synopsis(context),
        _section("DESCRIPTION"),
        *(_paragraph(text) for text in (summary, *paragraphs) if text not in examples),
        _options(context),
        _exit_status(),
        _section("EXAMPLES"),
        *(_literal(text.splitlines()[2:]) for text in examples),
        _see_also(("dcmtools", 1), ("dcmtools-exit-status", 7)),
    )


def roff(text: str) -> str:
    """Return ``text`` on one line, spelt so that roff prints it as it is."""
    escaped = "".join(
        _SPECIAL.get(char, char if char.isascii() else f"\\[u{ord(char):04X}]")
        for char in text.replace("\n", " ")
    )
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


def _page(*parts: Iterable[str]) -> str:
    lines = [line for part in parts for line in part]
    # a heading begins a paragraph by itself, and mandoc complains of a second beginning
    kept = [line for before, line in pairwise(["", *lines]) if line != ".PP" or not before.startswith(".SH")]
    return "".join(f"{line}\n" for line in kept)


def _bold(text: str) -> str:
    return f"\\fB{roff(text)}\\fR"


def _italic(text: str) -> str:
    return f"\\fI{roff(text)}\\fR"


def _head(name: str, section: int, summary: str) -> Iterator[str]:
    yield f'.TH {roff(name.upper())} {section} {_DATE} dcmtools "dcmtools manual"'
    yield from _section("NAME")
    yield f"{roff(name)} \\- {roff(summary.rstrip('.'))}"


def _section(title: str) -> Iterator[str]:
    yield f".SH {title}"


def _prose(text: str) -> Iterator[str]:
    yield roff(text)


def _paragraph(text: str) -> Iterator[str]:
    yield ".PP"
    if text.startswith("\b\n"):
        yield from _literal(text.splitlines()[1:])
    else:
        yield roff(text)


def _literal(lines: Sequence[str]) -> Iterator[str]:
    yield ".PP"
    yield ".nf"
    yield from map(roff, lines)
    yield ".fi"


def _definitions(items: Iterable[tuple[str, str]]) -> Iterator[str]:
    for term, text in items:
        yield ".TP"
        yield term
        yield roff(text)


def _synopsis(context: click.Context) -> Iterator[str]:
    yield from _section("SYNOPSIS")
    pieces = context.command.collect_usage_pieces(context)
    yield " ".join([_bold(context.command_path), *map(_italic, pieces)])


def _options(context: click.Context) -> Iterator[str]:
    yield from _section("OPTIONS")
    records = (
        param.get_help_record(context)
        for param in context.command.get_params(context)
        if isinstance(param, click.Option)
    )
    yield from _definitions((_names(record[0]), record[1]) for record in records if record)


def _names(record: str) -> str:
    return " ".join(_bold(word) if word[0] in "-+" else _italic(word) for word in record.split(" "))


def _exit_status() -> Iterator[str]:
    yield from _section("EXIT STATUS")
    yield from _prose(
        "0 when everything was done, 1 when some items failed; dcmtools-exit-status(7) has the rest."
    )


def _see_also(*pages: tuple[str, int]) -> Iterator[str]:
    yield from _section("SEE ALSO")
    yield ", ".join(f"{_bold(name)}({section})" for name, section in pages)

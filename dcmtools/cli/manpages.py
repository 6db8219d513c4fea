"""Manual pages from the commands' own help, and of the topics that belong to many of them."""

from __future__ import annotations

from inspect import cleandoc
from typing import TYPE_CHECKING

import click

from dcmtools.cli.roff import (
    bold,
    definitions,
    head,
    italic,
    literal,
    marked_up,
    page,
    prose,
    section,
    see_also,
    subsection,
)
from dcmtools.cli.topics import TOPICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dcmtools.cli.topics import Topic


def topic_page(name: str, topic: Topic) -> str:
    """Return ``dcmtools-NAME(7)``."""
    others = [(f"dcmtools-{other}", 7) for other in TOPICS if other != name]
    return page(
        head(f"dcmtools-{name}", 7, topic.summary),
        marked_up(topic.text),
        see_also(("dcmtools", 1), *others),
    )


def main_page(context: click.Context, commands: Iterable[tuple[str, str]]) -> str:
    """Return ``dcmtools(1)``, listing ``commands`` as (name, summary)."""
    pages = {f"dcmtools-{name}": summary for name, summary in commands}
    topics = {f"dcmtools-{name}": topic.summary for name, topic in TOPICS.items()}
    return page(
        head("dcmtools", 1, str(context.command.help)),
        section("SYNOPSIS"),
        _synopsis(context),
        section("DESCRIPTION"),
        prose(
            "Results go to stdout: aligned on a terminal, tab-separated in a pipe, or with --format json "
            "one JSON object a line. Everything else goes to stderr."
        ),
        prose('"dcmtools help COMMAND" shows what COMMAND can do, as COMMAND --help does.'),
        section("COMMANDS"),
        definitions((f"{bold(name)}(1)", summary) for name, summary in pages.items()),
        section("TOPICS"),
        definitions(
            (f"{bold(name)}(7)", f"{summary[:1].upper()}{summary[1:]}.") for name, summary in topics.items()
        ),
        section("OPTIONS"),
        _options(context, context.command.get_params(context)),
        _exit_status(),
        see_also(*((name, 1) for name in pages), *((name, 7) for name in topics)),
    )


def command_page(context: click.Context) -> str:
    """Return the page of the command, or the family of commands, that ``context`` belongs to."""
    summary, paragraphs, examples = _help(context)
    children = _children(context)
    return page(
        head(f"dcmtools-{context.info_name}", 1, summary),
        section("SYNOPSIS"),
        _synopses(children or [context]),
        section("DESCRIPTION"),
        *(_paragraph(text) for text in (summary, *paragraphs)),
        section("COMMANDS") if children else (),
        *(_part(child) for child in children),
        section("OPTIONS"),
        prose("These work with each of the commands.") if children else (),
        _options(context, context.command.get_params(context)),
        _exit_status(),
        section("EXAMPLES"),
        literal(examples),
        see_also(("dcmtools", 1), *((f"dcmtools-{topic}", 7) for topic in TOPICS)),
    )


def _children(context: click.Context) -> list[click.Context]:
    """Return a context for each subcommand of a family."""
    group = context.command
    if not isinstance(group, click.Group):
        return []
    commands = [(name, group.get_command(context, name)) for name in group.list_commands(context)]
    return [
        click.Context(command, parent=context, info_name=name, **command.context_settings)
        for name, command in commands
        if command is not None
    ]


def _part(context: click.Context) -> Iterator[str]:
    """Describe one subcommand, with the options that its siblings do not all have."""
    assert context.parent is not None  # noqa: S101  it was made with one
    summary, paragraphs, examples = _help(context)
    shared = {param.name for param in context.parent.command.get_params(context.parent)}
    yield from subsection(str(context.info_name))
    for text in (summary, *paragraphs):
        yield from _paragraph(text)
    own = [param for param in context.command.get_params(context) if param.name not in shared]
    yield from _options(context, own)
    yield from prose("Examples:")
    yield from literal(examples)


def _help(context: click.Context) -> tuple[str, list[str], list[str]]:
    """Return the summary, the paragraphs after it, and the lines of the examples."""
    summary, *paragraphs = cleandoc(str(context.command.help)).split("\n\n")
    examples = [text for text in paragraphs if text.startswith("\b\nExamples:")]
    lines = [line.removeprefix("  ") for text in examples for line in text.splitlines()[2:]]
    return summary, [text for text in paragraphs if text not in examples], lines


def _paragraph(text: str) -> Iterator[str]:
    return literal(text.splitlines()[1:]) if text.startswith("\b\n") else prose(text)


def _synopsis(context: click.Context) -> Iterator[str]:
    pieces = context.command.collect_usage_pieces(context)
    yield " ".join([bold(context.command_path), *map(italic, pieces)])


def _synopses(contexts: list[click.Context]) -> Iterator[str]:
    for number, context in enumerate(contexts):
        if number:
            yield ".br"
        yield from _synopsis(context)


def _options(context: click.Context, params: Iterable[click.Parameter]) -> Iterator[str]:
    records = (param.get_help_record(context) for param in params if isinstance(param, click.Option))
    yield from definitions((_names(record[0]), record[1]) for record in records if record)


def _names(record: str) -> str:
    return " ".join(bold(word) if word[0] in "-+" else italic(word) for word in record.split(" "))


def _exit_status() -> Iterator[str]:
    yield from section("EXIT STATUS")
    yield from prose(
        "0 when everything was done, 1 when some items failed; dcmtools-exit-status(7) has the rest."
    )

"""``python -m dcmtools.cli.docgen``: manual pages and completions, made from the commands themselves."""

from __future__ import annotations

from pathlib import Path

import click

from dcmtools.cli.main import make_group
from dcmtools.cli.manpages import command_page, main_page, topic_page
from dcmtools.cli.registry import COMMANDS
from dcmtools.cli.scripts import FILES, SCRIPTS
from dcmtools.cli.topics import TOPICS

ROOT = Path(__file__).parents[2]


def generate() -> dict[str, str]:
    """Return the text of every generated file by its path below the project's root."""
    group = make_group()
    with click.Context(group, info_name="dcmtools", **group.context_settings) as context:
        files = {
            "man/dcmtools.1": main_page(context, [(info.name, info.summary) for info in COMMANDS]),
            **{f"man/dcmtools-{name}.7": topic_page(name, topic) for name, topic in TOPICS.items()},
            **{f"completions/{FILES[shell]}": script for shell, script in SCRIPTS.items()},
        }
        for info in COMMANDS:
            command = group.get_command(context, info.name)
            assert command is not None  # noqa: S101  the registry it comes from has it
            child = click.Context(command, parent=context, info_name=info.name, **command.context_settings)
            files[f"man/dcmtools-{info.name}.1"] = command_page(child)
    return files


def stale(root: Path = ROOT) -> list[str]:
    """Return the generated files under ``root`` that differ from what the commands say, or should not be."""
    expected = generate()
    found = {
        str(path.relative_to(root)): path.read_text(encoding="utf-8")
        for folder in ("man", "completions")
        for path in (root / folder).glob("*")
    }
    return sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))


@click.command()
@click.option("--write/--check", required=True, help="Write the files, or exit with 1 if one is stale.")
@click.pass_context
def command(context: click.Context, write: bool) -> None:
    """Generate the manual pages and the completions."""
    names = stale()
    for name in names:
        click.echo(name)
        if write:
            _write(ROOT / name, generate().get(name))
    context.exit(bool(names) and not write)


def _write(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink()
        return
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    command()

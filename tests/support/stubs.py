"""Commands that yield what a test wants, run through the real shell."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.main import make_group
from dcmtools.cli.options import output_options
from dcmtools.cli.registry import CommandInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pytest

    from dcmtools.cli.lazy import LazyGroup
    from dcmtools.errors import ExitStatus
    from dcmtools.output.reporter import OutputOptions
    from dcmtools.results import Result


def group_of(monkeypatch: pytest.MonkeyPatch, **commands: click.Command) -> LazyGroup:
    """Return the program with ``commands`` alone, each importable from a module of its own."""
    registry = []
    for name, command in commands.items():
        module = ModuleType(f"stub_{name}")
        vars(module)["command"] = command
        monkeypatch.setitem(sys.modules, module.__name__, module)
        registry.append(CommandInfo(name, module.__name__, f"Stub {name}.", "Stubs"))
    return make_group(registry)


def reporting(
    results: Callable[[], Iterable[Result]],
    columns: tuple[str, ...] = (),
    **options: Any,  # noqa: ANN401  as App.report takes them
) -> click.Command:
    """Return a command that reports what ``results()`` yields."""

    @click.command()
    @output_options
    @pass_app
    def command(app: App, output: OutputOptions) -> ExitStatus:
        """Report."""
        return app.report(results(), columns, output, **options)

    return command

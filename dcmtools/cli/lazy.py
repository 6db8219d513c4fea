"""A click group that imports a subcommand only when it is called by its name."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from dcmtools.cli.app import App
from dcmtools.cli.defaults import FileDefaults
from dcmtools.cli.registry import HELP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from click.shell_completion import CompletionItem

    from dcmtools.cli.registry import CommandInfo


class LazyGroup(click.Group):
    """Answers help, completion and misspelt names from the registry; click's own imports every command."""

    def __init__(
        self,
        name: str,
        registry: Iterable[CommandInfo],
        shared: Callable[[], list[click.Parameter]],
        help_text: str = "",
        epilog: str = "",
    ) -> None:
        """Offer the commands of ``registry``; they and the group get ``shared()`` and ``epilog``.

        ``name`` is the full one: options are read from ``NAME_COMMAND_OPTION`` in the environment.
        """
        super().__init__(name.rpartition(" ")[2], params=shared(), help=help_text, epilog=epilog)
        self.context_settings = {
            "help_option_names": ["-h", "--help"],
            "auto_envvar_prefix": _variable(name),
        }
        self._full_name = name
        self._registry = {info.name: info for info in registry}
        self._shared = shared
        self._load = cache(self._import)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Return the names in the registry's order."""
        return list(self._registry)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  the same
        """Import and return the command, None if the registry has no such name."""
        return self._load(cmd_name) if cmd_name in self._registry else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that ``args`` begin with; an unknown one is a usage error with a suggestion."""
        if args[0] == HELP[0]:
            args = self._asked(ctx, args[1:])
        name = args[0]
        if name not in self._registry and not ctx.resilient_parsing:
            from difflib import get_close_matches

            close = get_close_matches(name, [*self._registry, HELP[0]], n=1)
            ctx.fail(f"No such command {name!r}." + "".join(f" Did you mean {match!r}?" for match in close))
        return super().resolve_command(ctx, args)

    def _asked(self, ctx: click.Context, words: list[str]) -> list[str]:
        """Return the words that show the help which ``words`` ask for; without any, show the group's."""
        if ctx.resilient_parsing:
            return words or [""]
        if not words or words[0] == HELP[0] or words[0].startswith("-"):
            click.echo(ctx.get_help(), color=ctx.color)
            ctx.exit()
        name, *more = words
        is_family = name in self._registry and self._registry[name].commands
        return [name, HELP[0], *more] if is_family else [name, "--help"]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  the same
        """List the commands by section."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for info in self._registry.values():
            sections.setdefault(info.section, []).append((info.name, info.summary))
        *_, last = sections.values()
        last.append(HELP)
        for section, rows in sections.items():
            with formatter.section(section):
                formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the names of commands, and options as every command does."""
        from click.shell_completion import CompletionItem

        known = [*((info.name, info.summary) for info in self._registry.values()), HELP]
        names = [CompletionItem(name, help=text) for name, text in known if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def _import(self, name: str) -> click.Command:
        from copy import copy  # --help of the program needs none

        info = self._registry[name]
        module = import_module(info.module)
        full_name = f"{self._full_name} {name}"
        if info.commands:
            return LazyGroup(full_name, info.commands, self._shared, module.HELP, str(self.epilog))
        command = copy(module.command)
        assert isinstance(command, click.Command)  # noqa: S101  a bug of the command's author, for mypy too
        command.context_class = _NamingContext
        command.params = [FileDefaults(), *map(copy, command.params), *self._shared()]
        for param in command.params:
            if isinstance(param, click.Option) and not param.hidden and param.allow_from_autoenv:
                _name_variables(param, _variable(full_name))
        command.epilog = command.epilog or self.epilog
        return command


class _NamingContext(click.Context):
    """Has messages name the command from the beginning: what click's parser refuses knows no context."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  click's
        """Tell the program which command it is."""
        super().__init__(*args, **kwargs)
        if isinstance(self.obj, App):
            self.obj.name = self.command_path


def _name_variables(option: click.Option, prefix: str) -> None:
    """Have ``option`` read from variables called as users write it; what is said of one command goes first.

    click's own would be called by the parameter of the function.
    """
    mine = [f"{prefix}_{_variable(name[2:])}" for name in option.opts if name.startswith("--")]
    shared = [option.envvar] if isinstance(option.envvar, str) else [*(option.envvar or ())]
    option.envvar = [*mine, *shared]
    option.allow_from_autoenv = False


def _variable(name: str) -> str:
    return name.replace(" ", "_").replace("-", "_").upper()

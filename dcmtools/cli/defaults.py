"""``[defaults]`` of ``config.toml`` as click's default map of the command that is called."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

from dcmtools.cli.app import App
from dcmtools.config import is_configured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dcmtools.tomlfile import TomlFile

    Keys = tuple[str, ...]

SHARED = (
    "acse_timeout",
    "bind_address",
    "calling_aet",
    "color",
    "connect_timeout",
    "dimse_timeout",
    "format",
    "log_file",
    "max_pdu",
    "password_file",
    "tls",
    "tls_ca",
    "tls_cert",
    "tls_key",
    "tls_key_password_file",
    "tls_min_version",
    "tls_profile",
    "user",
)
"""The options of many commands, which ``DCMTOOLS_NAME`` sets too."""
_MAKING_THE_FILE = ("peers add", "peers path")
_TYPES: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "integer": (int,),
    "integer range": (int,),
    "float": (int, float),
    "float range": (int, float),
    "seconds": (int, float),
}
_NAMES = {bool: "true or false", int: "a number, without quotes", str: "text, in quotes"}


class FileDefaults(click.Option):
    """Nobody can give it: its turn comes after ``--help``, which has to work whatever the file says."""

    def __init__(self) -> None:
        """Be eager, so that other options find the defaults."""
        super().__init__(["--file-defaults"], hidden=True, is_eager=True, expose_value=False)

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:  # noqa: ANN401, ARG002  click's
        """Be unknown on the command line; what is wrong there is told by the name of the command."""
        if not ctx.resilient_parsing:
            ctx.ensure_object(App).name = ctx.command_path

    def handle_parse_result(
        self,
        ctx: click.Context,
        opts: Mapping[str, Any],  # noqa: ARG002  click's signature
        args: list[str],
    ) -> tuple[None, list[str]]:
        """Read the file, if there is one, and give ``ctx`` its defaults."""
        if not ctx.resilient_parsing and is_configured():
            from dcmtools.config.reading import load

            *_, full_name = ctx.command_path.partition(" ")
            config = load(must_exist=full_name not in _MAKING_THE_FILE)
            if config.table("defaults"):
                ctx.default_map = dict(_values(ctx, config))
        return None, args


def _values(context: click.Context, config: TomlFile) -> Iterator[tuple[str, object]]:
    """Yield the parameter and the value of every default for the command, general ones first."""
    chain = [context]
    while chain[0].parent:
        chain.insert(0, chain[0].parent)
    options = _options(context)
    keys: Keys = ("defaults",)
    for group, called in pairwise(chain):
        for key, value in config.table(*keys).items():
            name = key.replace("-", "_")
            if isinstance(value, dict):
                _expect_command(group, config, (*keys, key))
            elif name not in SHARED:
                raise config.wrong((*keys, key), f"unknown; options of many commands are {', '.join(SHARED)}")
            elif name in options and f"DCMTOOLS_{name.upper()}" in (options[name].envvar or ()):
                yield str(options[name].name), _checked(context, options[name], value, config, (*keys, key))
        keys = (*keys, str(called.info_name))
    for key, value in config.table(*keys).items():
        option = options.get(key.replace("-", "_"))
        if option is None:
            known = ", ".join(sorted(options))
            raise config.wrong((*keys, key), f"unknown; the options of {context.info_name} are {known}")
        yield str(option.name), _checked(context, option, value, config, (*keys, key))


def _options(context: click.Context) -> dict[str, click.Option]:
    """Return the options of the command by their long names, with underscores."""
    return {
        name[2:].replace("-", "_"): param
        for param in context.command.params
        if isinstance(param, click.Option) and not param.hidden
        for name in param.opts
        if name.startswith("--")
    }


def _expect_command(context: click.Context, config: TomlFile, keys: Keys) -> None:
    group = context.command
    if not isinstance(group, click.Group) or keys[-1] not in group.list_commands(context):
        raise config.wrong(keys, "there is no such command")


def _checked(
    context: click.Context, option: click.Option, value: object, config: TomlFile, keys: Keys
) -> object:
    """Return ``value`` as the command line would have it, in words, once the option has found it good."""
    types = _TYPES.get(option.type.name, (str,))
    many = option.multiple and isinstance(value, list)
    for item in value if many and isinstance(value, list) else [value]:
        if not isinstance(item, types) or (isinstance(item, bool) and bool not in types):
            raise config.wrong(keys, f"must be {_NAMES[types[0]]}")
    if option.multiple:
        value = [str(item) for item in value] if isinstance(value, list) else [str(value)]
    elif not isinstance(value, bool):
        value = str(value)
    try:
        option.type_cast_value(context, value)
    except click.BadParameter as error:
        raise config.wrong(keys, error.message) from error
    return value

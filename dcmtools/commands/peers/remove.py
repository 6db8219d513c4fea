"""``dcmtools peers remove``: fewer of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.options import output_options
from dcmtools.cli.peer_params import PEER_NAME

if TYPE_CHECKING:
    from dcmtools.errors import ExitStatus
    from dcmtools.output.reporter import OutputOptions


@click.command("remove")
@click.argument("names", type=PEER_NAME, metavar="NAME...", nargs=-1, required=True)
@output_options
@pass_app
def command(app: App, names: tuple[str, ...], output: OutputOptions) -> ExitStatus:
    """Take peers out of config.toml.

    What else stands in the file, comments outside of their tables too, stays as it is.

    \b
    Examples:
      dcmtools peers remove archive
      dcmtools peers remove ct1 ct2
    """
    from dcmtools.config.editing import remove_peers

    return app.report(remove_peers(names), (), output)

"""``dcmtools peers show``: one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.options import output_options
from dcmtools.cli.peer_params import PEER_NAME

if TYPE_CHECKING:
    from dcmtools.errors import ExitStatus
    from dcmtools.output.reporter import OutputOptions


@click.command("show")
@click.argument("name", type=PEER_NAME, metavar="NAME")
@output_options
@pass_app
def command(app: App, name: str, output: OutputOptions) -> ExitStatus:
    """Show one configured peer.

    Prints its table as config.toml could have it, defaults of the address filled in.

    \b
    Examples:
      dcmtools peers show archive
      dcmtools peers show archive --format json
    """
    from dcmtools.config.peers import show_peer

    return app.report(show_peer(name), (), output)

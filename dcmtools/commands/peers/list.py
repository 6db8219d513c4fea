"""``dcmtools peers list``: all of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.options import output_options

if TYPE_CHECKING:
    from dcmtools.errors import ExitStatus
    from dcmtools.output.reporter import OutputOptions

COLUMNS = ("name", "aet", "host", "port", "calling_aet")


@click.command("list")
@partial(output_options, rows=True)
@pass_app
def command(app: App, output: OutputOptions) -> ExitStatus:
    """List the configured peers.

    One row each, in the order of config.toml. With --format json the timeouts and the PDU length are
    there too, null where the file says nothing of them.

    \b
    Examples:
      dcmtools peers list
      dcmtools peers list --format json | jq -r .name
    """
    from dcmtools.config.peers import list_peers

    return app.report([*list_peers()], COLUMNS, output)  # aligned as a whole

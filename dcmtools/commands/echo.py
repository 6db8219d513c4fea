"""``dcmtools echo``: ask a peer whether it answers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.networking import network_options, peer_argument
from dcmtools.cli.options import output_options
from dcmtools.cli.params import PAUSE

if TYPE_CHECKING:
    from dcmtools.errors import ExitStatus
    from dcmtools.net.peer import NetworkOptions, Peer
    from dcmtools.output.reporter import OutputOptions

COLUMNS = ("peer", "status", "elapsed_ms")


@click.command("echo")
@peer_argument
@click.option("--count", type=click.IntRange(min=1), default=1, show_default=True, help="Echoes to send.")
@click.option(
    "--interval", type=PAUSE, metavar="SECONDS", default=1.0, show_default=True, help="Wait between echoes."
)
@network_options
@partial(output_options, rows=True)
@pass_app
def command(
    app: App, peer: Peer, count: int, interval: float, network: NetworkOptions, output: OutputOptions
) -> ExitStatus:
    """Verify a peer with C-ECHO.

    Opens one association and sends COUNT echo requests. PEER is AET@host:port, host:port, host, or a
    name from config.toml.

    Where it fails, it says at which step: resolving the name, connecting over TCP, TLS, the association,
    the presentation context, the exchange, or the status of the answer; and what mostly lies behind that.

    \b
    Examples:
      dcmtools echo ORTHANC@localhost:4242
      dcmtools echo --count 10 --interval 0.5 pacs.example.org:104
      dcmtools echo --tls --tls-ca hospital.pem ARCHIVE@pacs.example.org
    """
    from dcmtools.scu.echo import echo  # the network loads only when it runs

    return app.report(echo(peer, network, count=count, interval=interval), COLUMNS, output)

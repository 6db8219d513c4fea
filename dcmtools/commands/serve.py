"""``dcmtools serve``: receive files over the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.options import output_options, server_options

if TYPE_CHECKING:
    from dcmtools.errors import ExitStatus
    from dcmtools.output.reporter import OutputOptions
    from dcmtools.scp.admission import ServerOptions


@click.command("serve")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False))
@click.option(
    "--fsync",
    type=click.Choice(["on", "off"]),
    default="on",
    show_default=True,
    help="Answer only when an instance is safe on disk; off is for tests of speed.",
)
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write the port into FILE once the server answers.",
)
@server_options
@output_options
@pass_app
def command(
    app: App, folder: str, fsync: str, ready_file: str | None, server: ServerOptions, output: OutputOptions
) -> ExitStatus:
    """Receive DICOM files over the network.

    Answers C-ECHO, and keeps what comes by C-STORE, of any storage class in any transfer syntax, as
    DIR/PATIENT/STUDY/SERIES/SOP.dcm. A sender is told success only when the instance is on disk under
    its name. The same instance again is success too; other data under that name is refused.

    The server listens on the loopback address unless --bind says otherwise, and then wants to know from
    whom. SIGTERM or SIGINT stop it after the instance in hand, with status 0; a second one at once.

    \b
    Examples:
      dcmtools serve archive/
      dcmtools serve archive/ --bind 0.0.0.0 --port 104 --aet ARCHIVE --allow-aet CT1 --allow-aet CT2
      dcmtools serve "$tmp" --port 0 --ready-file "$tmp/port" --fsync off
    """
    from dcmtools.scp.serve import serve

    results = serve(folder, server, durable=fsync == "on", ready_file=ready_file)
    return app.report(results, (), output, drain=True)

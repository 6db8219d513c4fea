"""``dcmtools peers add``: one more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.options import output_options
from dcmtools.cli.params import SECONDS
from dcmtools.cli.peer_params import ADDRESS, AET, IP_ADDRESS, PEER_NAME
from dcmtools.cli.securing import peer_security_options
from dcmtools.config import PDU_BYTES

if TYPE_CHECKING:
    from dcmtools.errors import ExitStatus
    from dcmtools.net.peer import Peer
    from dcmtools.output.reporter import OutputOptions


@click.command("add")
@click.argument("name", type=PEER_NAME, metavar="NAME")
@click.argument("peer", type=ADDRESS, metavar="PEER")
@click.option("--replace", is_flag=True, help="Put it in the place of a peer that has the name already.")
@click.option("-aet", "--calling-aet", type=AET, metavar="AET", help="AE title to call ourselves.")
@click.option("--connect-timeout", type=SECONDS, metavar="SECONDS", help="Longest wait for the connection.")
@click.option(
    "--acse-timeout",
    type=SECONDS,
    metavar="SECONDS",
    help="Longest wait for the peer to accept or release the association.",
)
@click.option("--dimse-timeout", type=SECONDS, metavar="SECONDS", help="Longest wait for a response.")
@click.option(
    "--max-pdu", type=click.IntRange(*PDU_BYTES), metavar="BYTES", help="Largest PDU to accept from it."
)
@click.option("--bind-address", type=IP_ADDRESS, metavar="ADDRESS", help="Address to connect from.")
@peer_security_options
@output_options
@pass_app
def command(
    app: App,
    /,
    name: str,
    peer: Peer,
    replace: bool,
    calling_aet: str | None,
    output: OutputOptions,
    **settings: Any,  # noqa: ANN401  as Limits and Security take them
) -> ExitStatus:
    """Name a peer in config.toml.

    PEER is AET@host:port, host:port or host. The file is made if there is none; what else stands in it,
    comments too, stays as it is. What is set here goes before [defaults], and yields to options and
    the environment. Files are named by their full paths; passwords themselves have no place in it.

    \b
    Examples:
      dcmtools peers add archive ARCHIVE@pacs.example.org:104
      dcmtools peers add archive ARCHIVE@10.0.0.7:104 --calling-aet CT1 --dimse-timeout 300 --replace
      dcmtools peers add vault VAULT@vault.example.org --tls --tls-ca ca.pem --user ward7
    """
    from dcmtools.config.editing import add_peer
    from dcmtools.net.peer import Limits, Security

    limits = Limits(**{name: settings.pop(name) for name in Limits._fields})
    peer = peer._replace(calling_aet=calling_aet, limits=limits, security=Security(**settings))
    return app.report(add_peer(name, peer, replace=replace), (), output)

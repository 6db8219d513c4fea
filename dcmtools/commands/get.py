"""``dcmtools get``: fetch what an archive has."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.getting import get_options
from dcmtools.cli.networking import network_options, peer_argument
from dcmtools.cli.options import output_options
from dcmtools.cli.retrieving import running_options, selection_options

if TYPE_CHECKING:
    from dcmtools.errors import ExitStatus
    from dcmtools.net.peer import NetworkOptions, Peer
    from dcmtools.output.reporter import OutputOptions
    from dcmtools.scu.get import GetOptions
    from dcmtools.scu.selection import Selection

COLUMNS = ("file", "status")


@click.command("get")
@peer_argument
@selection_options
@network_options
@get_options
@running_options
@partial(output_options, rows=True, report=True)
@pass_app
def command(
    app: App,
    peer: Peer,
    selection: Selection,
    options: GetOptions,
    network: NetworkOptions,
    output: OutputOptions,
) -> ExitStatus:
    """Fetch what an archive has, with C-GET.

    What is to be fetched is named by its UIDs, with --accession or -k, or comes on standard input, where -
    says so, as find prints it. Keys that are not unique are looked up with a C-FIND first. Instances come on
    the association that asks for them, so nobody has to know our address.

    The peer is asked first which SOP classes there are (SOP Classes in Study, else the SOP class of every
    instance); for each the transfer syntaxes are proposed that instances are mostly stored in, so that they
    come as they are. Data sets are written byte for byte, and acknowledged once they are safe on disk.

    Each instance has a result, and so has each request: with the numbers that the peer has completed, failed,
    or not come to. Some failed (B000) is exit status 1, and so are fewer files than the peer says it has
    sent, whatever is named and not there and an end before all has come (FE00 unasked for); any other failure
    is 5, whatever has come before. That nothing matches -k is a warning, unless --require-match says
    otherwise; a list without lines is status 3. Ctrl-C cancels what is under way, with status 130; the same
    with --skip-existing goes on later.

    \b
    Examples:
      dcmtools get archive -o studies/ --study 1.2.840.1.2
      dcmtools get archive -o studies/ --accession 4711 --verify
      dcmtools find archive -k StudyDate=today | dcmtools get archive -o today/ --jobs 4 -
      dcmtools get archive -o studies/ --skip-existing - < studies.txt
      dcmtools get archive -o plain/ --transfer-syntax explicit --study 1.2.840.1.2
    """
    from dcmtools.results import Extent
    from dcmtools.scu.get import get

    extent = Extent()
    results = get(selection, peer, network, options, extent)
    summary = "would be asked for" if options.dry_run else "fetched"
    extent.unit = "" if options.dry_run else "instance"
    return app.report(results, COLUMNS, output, summary=summary, drain=True, extent=extent)

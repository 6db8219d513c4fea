"""``dcmtools move``: have an archive send what it has to another peer, or to us."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.moving import move_options
from dcmtools.cli.networking import network_options, peer_argument
from dcmtools.cli.options import output_options
from dcmtools.cli.retrieving import running_options, selection_options

if TYPE_CHECKING:
    from dcmtools.errors import ExitStatus
    from dcmtools.net.peer import NetworkOptions, Peer
    from dcmtools.output.reporter import OutputOptions
    from dcmtools.scu.move import MoveOptions
    from dcmtools.scu.selection import Selection

COLUMNS = ("level", "study_instance_uid", "status", "completed", "failed", "warning")


@click.command("move")
@peer_argument
@selection_options
@network_options
@move_options
@running_options
@partial(output_options, rows=True, report=True)
@pass_app
def command(
    app: App,
    peer: Peer,
    selection: Selection,
    options: MoveOptions,
    network: NetworkOptions,
    output: OutputOptions,
) -> ExitStatus:
    """Have an archive send what it has, with C-MOVE.

    What is to be moved is named by its UIDs, with --accession or -k, or comes on standard input, where - says
    so, as find prints it. Keys that are not unique are looked up with a C-FIND first; a match that does not
    tell a key, or has another value, is not moved. Nothing else moves all that a peer has.

    The peer sends to the AE title of --to, and has to know where that is. With --receive it sends to us:
    --to is our own AE title then, --port and --bind are where the peer has to know us, and files are written
    as serve writes them. The command fails where fewer come than the peer says it has sent.

    Each request has a result with the numbers of instances that were completed, failed, or taken with a
    warning, and of those that failed the SOP Instance UIDs that the peer tells. Some failed (B000) is exit
    status 1, and so are whatever is named and not there and an end before all is done (FE00 unasked for);
    any other failure is 5. That nothing matches -k is a warning, unless --require-match says otherwise; a
    list without lines is status 3. Ctrl-C cancels what is under way, with status 130.

    \b
    Examples:
      dcmtools move archive --to WORKSTATION --study 1.2.840.1.2
      dcmtools find archive -k StudyDate=today -k ModalitiesInStudy=CT | dcmtools move archive --to AI1 -
      dcmtools move archive --to WORKSTATION --accession 4711 --accession 4712
      dcmtools move archive -aet LAPTOP --receive studies/ --port 11112 -k PatientID=0815
      grep -v DONE studies.txt | dcmtools move archive --to BACKUP --jobs 4 --report moved.csv -
    """
    from dcmtools.results import Extent
    from dcmtools.scu.move import move

    extent = Extent()
    results = move(selection, peer, network, options, extent)
    summary = "would be asked for" if options.dry_run else "done"
    extent.unit = "" if options.dry_run else "request"
    return app.report(results, COLUMNS, output, summary=summary, drain=True, extent=extent)

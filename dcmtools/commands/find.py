"""``dcmtools find``: ask an archive what it has."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.finding import find_options
from dcmtools.cli.networking import network_options, peer_argument
from dcmtools.cli.options import output_options
from dcmtools.cli.querying import query_options

if TYPE_CHECKING:
    from dcmtools.errors import ExitStatus
    from dcmtools.net.peer import NetworkOptions, Peer
    from dcmtools.output.reporter import OutputOptions
    from dcmtools.query.keys import Query
    from dcmtools.scu.find import FindOptions


@click.command("find")
@peer_argument
@query_options
@find_options
@network_options
@partial(output_options, rows=True, data_sets=True)
@pass_app
def command(
    app: App, peer: Peer, query: Query, options: FindOptions, network: NetworkOptions, output: OutputOptions
) -> ExitStatus:
    """Ask an archive what it has, with C-FIND.

    Each match is a row with a column for each key: the unique key of the level first, then the keys as they
    are given, then those that are asked for beside them. Other programs get TSV without a header, of which
    move and get take the first column, or with --format what they ask for; the records of json hold the
    answers as DICOM JSON.

    No match is no failure, unless --require-match says so. A match that cannot be understood fails and the
    others are shown. A peer that does not support a key answers as if it had not been given, so a match is
    left out, and the exit status 1, where it has no value for a key that was given one, or another value.
    Where the archive ends the list early, stderr says so and the exit status is 1; when it answers with a
    failure the status is 5, whatever was shown before.

    \b
    Examples:
      dcmtools find archive -k PatientName='Doe*' -k StudyDate=-7d-
      dcmtools find ORTHANC@localhost:4242 -L series -k StudyInstanceUID=1.2.3 -r Modality
      dcmtools find archive -k StudyDate=today -k ModalitiesInStudy=CT --format csv > today.csv
      dcmtools find archive -k PatientID=4711 --all --format json > tree.jsonl
      dcmtools find archive --model HangingProtocol -r HangingProtocolName
      dcmtools find archive -f - --extract answers/ < query.json
    """
    from dcmtools.scu.find import columns_for, find

    rows = output.format not in ("json", "dicom-json")
    columns = columns_for(query, walk=options.walk) if rows else ()
    names = [column.name for column in columns]
    watched = app.console().err_is_terminal
    results = find(peer, network, query, options._replace(columns=columns, tells_none=watched))
    return app.report(results, names, output._replace(fields=names))

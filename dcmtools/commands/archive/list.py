"""``dcmtools archive list``: what an archive holds."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.archiving import LEVELS, archive_argument, matching
from dcmtools.cli.options import output_options
from dcmtools.cli.params import QUERY_KEY

if TYPE_CHECKING:
    from dcmtools.encoding.dataset import DataSet
    from dcmtools.errors import ExitStatus
    from dcmtools.output.reporter import OutputOptions


@click.command("list")
@archive_argument
@click.option(
    "-L",
    "--level",
    type=click.Choice(LEVELS, case_sensitive=False),
    default="study",
    show_default=True,
    help="What to list.",
)
@click.option(
    "-k",
    "--key",
    "keys",
    type=QUERY_KEY,
    multiple=True,
    metavar="KEY=VALUE",
    callback=matching,
    help="List only what matches, with wildcards, ranges and lists as dcmtools find has them. Repeatable.",
)
@partial(output_options, rows=True)
@pass_app
def command(app: App, folder: str, level: str, keys: DataSet, output: OutputOptions) -> ExitStatus:
    """List the studies of an archive.

    Or its patients, series or instances. They come from the index, which is repaired first unless a
    server runs, and so keeps it; files that it cannot hold are named, and the status is 1.

    \b
    Examples:
      dcmtools archive list archive/
      dcmtools archive list archive/ -k 'PatientName=doe*' -k StudyDate=20240101-
      dcmtools archive list archive/ --level image -k Modality=CT --format json | jq -r .file
    """
    from dcmtools.archive.listing import fields, listed
    from dcmtools.query.models import Level
    from dcmtools.results import Extent

    extent = Extent()
    wanted = Level(level.upper())
    return app.report(listed(folder, wanted, keys, extent), fields(wanted), output, extent=extent)

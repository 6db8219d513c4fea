"""``dcmtools archive index``: the index, made to hold what the archive does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.archiving import archive_argument
from dcmtools.cli.options import output_options

if TYPE_CHECKING:
    from dcmtools.errors import ExitStatus
    from dcmtools.output.reporter import OutputOptions


@click.command("index")
@archive_argument
@click.option("--anew", is_flag=True, help="Make the index anew, reading every file.")
@output_options
@pass_app
def command(app: App, folder: str, anew: bool, output: OutputOptions) -> ExitStatus:
    """Build or repair the index of an archive.

    Reads what is new in DIR or has changed since it was indexed, by size and time of modification, and
    takes what is gone out of the index. Files lie as PATIENT/STUDY/SERIES/NAME.dcm; others are passed
    over, links too. A file that cannot be read is named, and the status is 1. There is no need to do
    this beside a server, which keeps the index itself and holds DIR meanwhile.

    \b
    Examples:
      dcmtools archive index archive/
      dcmtools archive index archive/ --anew
    """
    from dcmtools.archive.indexing import index
    from dcmtools.results import Extent

    extent = Extent()
    return app.report(index(folder, anew=anew, extent=extent), (), output, extent=extent)

"""``dcmtools dicomdir rebuild``: a new DICOMDIR of the files on a medium."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.dicomdir_making import COLUMNS, adding_options
from dcmtools.cli.dicomdir_reading import medium_argument
from dcmtools.cli.options import jobs_option, output_options

if TYPE_CHECKING:
    from dcmtools.cli.dicomdir_making import Asked
    from dcmtools.errors import ExitStatus
    from dcmtools.output.reporter import OutputOptions

__all__ = ["COLUMNS", "command"]


@click.command("rebuild")
@medium_argument
@click.option(
    "--backup", metavar="FILE", type=click.Path(), default="", help="Copy the old DICOMDIR to FILE first."
)
@adding_options
@jobs_option
@partial(output_options, rows=True, report=True)
@pass_app
def command(
    app: App, /, medium: str, backup: str, asked: Asked, output: OutputOptions, *, jobs: int
) -> ExitStatus:
    """Make a new DICOMDIR of the files on a medium.

    For one that is lost, damaged, or says other things than the files. Every DICOM file below MEDIUM whose
    name media allow gets a record; others fail, and stay where they are. What the old DICOMDIR says of the
    medium itself, its name say, is kept where that can be read; its records are not.

    \b
    Examples:
      dcmtools dicomdir rebuild /media/stick
      dcmtools dicomdir rebuild rescued/ --backup old-dicomdir --icons
    """
    from dcmtools.media.adding import Totals
    from dcmtools.media.places import INDEX
    from dcmtools.media.rebuilding import rebuild
    from dcmtools.results import WARNED, Extent

    options = asked.options(INDEX)
    totals = Totals(INDEX, ahead=asked.dry_run)
    results = rebuild(medium, options, jobs, totals, backup=backup)
    return app.report(results, COLUMNS, output, summary=totals, drain=True, extent=Extent(warned=WARNED))

"""``dcmtools dicomdir append``: more files on a medium."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.dicomdir_making import COLUMNS, adding_options, placing_options
from dcmtools.cli.dicomdir_reading import medium_argument
from dcmtools.cli.options import jobs_option, output_options, paths_argument

if TYPE_CHECKING:
    from dcmtools.cli.dicomdir_making import Asked
    from dcmtools.errors import ExitStatus
    from dcmtools.files.paths import Paths
    from dcmtools.output.reporter import OutputOptions

__all__ = ["COLUMNS", "command"]


@click.command("append")
@medium_argument
@paths_argument
@placing_options
@adding_options
@jobs_option
@partial(output_options, rows=True, report=True)
@pass_app
def command(
    app: App, /, medium: str, paths: Paths, action: str, asked: Asked, output: OutputOptions, *, jobs: int
) -> ExitStatus:
    """Put more files on a medium.

    They get names that are not in use, and records beside those that are there; patients, studies and series
    that the medium has already get more. What is on it with the same content is passed over; other content
    with the same SOP Instance UID fails, and 'dcmtools dicomdir update' replaces it.

    The new DICOMDIR takes the place of the old one when all files are on disk, so that the medium is in order
    whenever a run is stopped; the same command then goes on. Records are written as they were, but for those
    not in use, which go. A DICOMDIR so damaged that records may be lost is left alone.

    \b
    Examples:
      dcmtools dicomdir append /media/stick yesterday/
      dcmtools dicomdir append medium/ study.zip --where 'Modality in (CT, MR)' --icons
      dcmtools dicomdir append medium/ medium/NEW --index-only
    """
    from dcmtools.media.adding import Totals
    from dcmtools.media.updating import append
    from dcmtools.results import WARNED, Extent

    options = asked.options(action)
    totals = Totals(action, ahead=asked.dry_run)
    results = append(medium, paths, options, jobs, totals)
    return app.report(results, COLUMNS, output, summary=totals, drain=True, extent=Extent(warned=WARNED))

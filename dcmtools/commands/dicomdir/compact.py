"""``dcmtools dicomdir compact``: a DICOMDIR without what is not in use."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.dicomdir_making import dry_run_option
from dcmtools.cli.dicomdir_reading import medium_argument
from dcmtools.cli.options import output_options

if TYPE_CHECKING:
    from dcmtools.errors import ExitStatus
    from dcmtools.output.reporter import OutputOptions

COLUMNS = ("file", "state", "records_before", "records", "size_before", "size")


@click.command("compact")
@medium_argument
@dry_run_option
@partial(output_options, rows=True)
@pass_app
def command(app: App, medium: str, output: OutputOptions, *, dry_run: bool) -> ExitStatus:
    """Write a DICOMDIR without what is not in use.

    Programs that delete from a medium often mark records as inactive, and leave them and their gaps. Here the
    records in use are written again, as they are, in explicit VR little endian; no file is touched. The new
    DICOMDIR takes the place of the old one whole or not at all.

    \b
    Examples:
      dcmtools dicomdir compact /media/stick
      dcmtools dicomdir compact /media/stick --dry-run --format json
    """
    from dcmtools.media.rebuilding import compact

    return app.report(compact(medium, ahead=dry_run), COLUMNS, output)

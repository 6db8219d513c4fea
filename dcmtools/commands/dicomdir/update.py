"""``dcmtools dicomdir update``: files of a medium replaced, or its records made anew."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.dicomdir_changing import check_update, drop_option
from dcmtools.cli.dicomdir_making import COLUMNS, adding_options, placing_options
from dcmtools.cli.dicomdir_reading import medium_argument
from dcmtools.cli.options import jobs_option, output_options, paths_argument

if TYPE_CHECKING:
    from dcmtools.cli.dicomdir_making import Asked
    from dcmtools.errors import ExitStatus
    from dcmtools.files.paths import Paths
    from dcmtools.output.reporter import OutputOptions

__all__ = ["COLUMNS", "command"]


@click.command("update")
@medium_argument
@partial(paths_argument, optional=True)
@drop_option
@placing_options
@adding_options
@jobs_option
@partial(output_options, rows=True, report=True)
@pass_app
def command(  # noqa: PLR0913  which click gives by name
    app: App,
    /,
    medium: str,
    paths: Paths,
    action: str,
    asked: Asked,
    output: OutputOptions,
    *,
    drop_missing: bool,
    jobs: int,
) -> ExitStatus:
    """Replace files of a medium, or renew its records.

    With PATHS it does what 'dcmtools dicomdir append' does, but that a file takes the place of the one with
    its SOP Instance UID: under another name, and the old file goes once the new DICOMDIR is on disk.

    Without PATHS every record is made anew of the file that it names, as those say other things after
    'dcmtools modify /media/stick/DICOMDIR --in-place', say. Where one is missing or cannot be read its record
    stays as it is, and the status is 1. Icons are those of --icons, and left out without it: they might show
    what the files no longer do.

    \b
    Examples:
      dcmtools dicomdir update /media/stick corrected/
      dcmtools dicomdir update /media/stick
      dcmtools dicomdir update /media/stick --drop-missing --dry-run
    """
    from dcmtools.media.adding import Totals
    from dcmtools.media.updating import Renewed, append, renew
    from dcmtools.results import WARNED, Extent

    options = asked.options(action)
    extent = Extent(warned=WARNED)
    if check_update(paths, drop_missing=drop_missing):
        renewed = Renewed(ahead=asked.dry_run)
        results = renew(medium, options, jobs, renewed, drop=drop_missing)
        return app.report(results, COLUMNS, output, summary=renewed, drain=True, extent=extent)
    totals = Totals(action, ahead=asked.dry_run)
    results = append(medium, paths, options, jobs, totals, replace=True)
    return app.report(results, COLUMNS, output, summary=totals, drain=True, extent=extent)

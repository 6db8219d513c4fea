"""``dcmtools dicomdir create``: a medium made of files from anywhere."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.dicomdir_making import COLUMNS, adding_options, medium_options
from dcmtools.cli.options import jobs_option, output_options, paths_argument

if TYPE_CHECKING:
    from dcmtools.cli.dicomdir_making import Asked, Medium
    from dcmtools.errors import ExitStatus
    from dcmtools.files.paths import Paths
    from dcmtools.output.reporter import OutputOptions

__all__ = ["COLUMNS", "command"]


@click.command("create")
@paths_argument
@medium_options
@adding_options
@jobs_option
@partial(output_options, rows=True, report=True)
@pass_app
def command(
    app: App, paths: Paths, made: Medium, asked: Asked, output: OutputOptions, *, jobs: int
) -> ExitStatus:
    """Make a medium of DICOM files.

    That is a folder to burn, a stick or a zip file. PATHS are files, folders and archives (searched through,
    non-DICOM files skipped); dcmtools-inputs(7) has the rest. Their names do not matter: each file is copied,
    byte by byte, to one that media allow, such as DICOM/PA000001/ST000001/SE000001/IM000001, and the DICOMDIR
    lists them by patient, study, series and number. A file that cannot be on a medium fails, and the others
    go on. The DICOMDIR is written last; of a run that is stopped, rather than killed, nothing is left.

    MEDIUM may hold other things, a viewer say, but neither a DICOMDIR nor a folder DICOM. With --index-only
    PATHS are on it, under names that media allow: up to 8 folders and file, each of up to 8 of A-Z, 0-9 and
    _, no ending.

    Files without file meta information get one. Two patients with one Patient ID are told of; a study or
    series that is of two patients makes the second fail.

    \b
    Examples:
      dcmtools dicomdir create inbox/ -o medium/
      dcmtools dicomdir create inbox/ -o /media/stick --file-set-id 'DOE JANE 2024' --readme about.txt
      dcmtools dicomdir create study.zip -o burn/ --profile STD-GEN-DVD-JPEG --transcode --icons
      dcmtools dicomdir create /media/stick/DICOM -o /media/stick --index-only
      dcmtools dicomdir create inbox/ -o doe.zip --zip --where 'PatientID == "4711"'
    """
    from dcmtools.media.adding import Totals
    from dcmtools.media.creating import create
    from dcmtools.results import WARNED, Extent

    options = made.options(asked)
    totals = Totals(options.adding.action, ahead=asked.dry_run)
    results = create(paths, options, jobs, totals)
    return app.report(results, COLUMNS, output, summary=totals, drain=True, extent=Extent(warned=WARNED))

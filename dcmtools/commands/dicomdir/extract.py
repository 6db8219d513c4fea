"""``dcmtools dicomdir extract``: what is on a medium, brought home."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.dicomdir_extracting import extract_options, report
from dcmtools.cli.dicomdir_reading import medium_argument
from dcmtools.cli.options import jobs_option, output_options
from dcmtools.cli.selecting import where_option
from dcmtools.cli.sorting import COLUMNS

if TYPE_CHECKING:
    from dcmtools.errors import ExitStatus
    from dcmtools.output.reporter import OutputOptions
    from dcmtools.selection.where import Where

__all__ = ["COLUMNS", "command"]


@click.command("extract")
@medium_argument
@extract_options
@where_option
@jobs_option
@partial(output_options, rows=True, report=True)
@pass_app
def command(
    app: App, medium: str, asked: dict[str, Any], output: OutputOptions, *, where: Where | None, jobs: int
) -> ExitStatus:
    """Get the files of a medium out of it, sorted.

    MEDIUM is the folder that holds a DICOMDIR, that DICOMDIR itself, or a zip file with one. The files that
    its records name are put into OUT, under names made of what is in them, as dcmtools sort does: its
    help has the fields of templates. Without -o their paths are written, one a line, and nothing is done.

    --patient, --study and --series go by the records of the DICOMDIR, so that other files are not opened;
    --where goes by the files. Of each kind that is named a file has to be one.

    A file that the medium misses, one that cannot be read, and a File ID that leads out of the medium
    fail, each by name, and the status is 1; all others come out. Where the DICOMDIR is damaged, records are
    found without its offsets. The same command again goes on where it was stopped: what is in OUT with
    the same bytes is there already.

    \b
    Examples:
      dcmtools dicomdir extract /media/cdrom -o incoming/
      dcmtools dicomdir extract /media/cdrom -o incoming/ --patient 4711 --template '{SOPInstanceUID}.dcm'
      dcmtools dicomdir extract export.zip -o incoming/ --where 'Modality == CT'
      dcmtools dicomdir extract /media/cdrom --study 1.2.3 -0 | xargs -0 ls -l
    """
    return report(app, medium, {**asked, "where": where}, output, jobs)

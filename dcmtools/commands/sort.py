"""``dcmtools sort``: files into folders by what is in them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.options import jobs_option, output_options, paths_argument
from dcmtools.cli.selecting import where_option
from dcmtools.cli.sorting import COLUMNS, report, sort_options

if TYPE_CHECKING:
    from dcmtools.cli.sorting import Asked
    from dcmtools.errors import ExitStatus
    from dcmtools.files.paths import Paths
    from dcmtools.output.reporter import OutputOptions
    from dcmtools.selection.where import Where

__all__ = ["COLUMNS", "command"]


@click.command("sort")
@partial(paths_argument, optional=True)
@where_option
@sort_options
@jobs_option
@partial(output_options, rows=True, report=True)
@pass_app
def command(
    app: App, paths: Paths, asked: Asked, output: OutputOptions, *, where: Where | None, jobs: int
) -> ExitStatus:
    """Put DICOM files into folders named by what is in them.

    PATHS are files, folders and archives (searched through, non-DICOM files skipped and left where they
    are); dcmtools-inputs(7) has the rest. Files are copied; --move and --link do not. A file has its name
    whole or not at all; one that is moved is gone only when what was made of it is on disk. The same command
    again goes on where it was stopped: what is in OUT with the same bytes is there already. A move that has
    nothing left to move ends with status 3, as a folder without DICOM does. Links that were
    found are not moved, nor is a DICOMDIR, which is left out; --move also sorts a folder within itself.

    \b
    A template is a path below OUT, with fields:
      {PatientID}             a keyword, a tag, a path such as Seq[0].Elem or ImageType[2]
      {SeriesNumber:04}       filled up with zeros
      {StudyDescription:.20}  20 characters at most
      {StudyDate:%Y-%m-%d}    a date or time in that form
      {PatientID|PatientName} the first that has a value; words in quotes always have
      {file.name} {file.stem} of the file itself, without its ending;  {{ and }} are braces

    Where no field has a value, no-SeriesNumber stands in its place, and the closing line tells; --missing
    fail has such a file fail. Blanks and carets become _; where anything else of a value cannot stand in a
    name, a hash of it makes up for that, so that no two patients share a folder by accident.

    What has the bytes of an instance met before in the run is placed once (--identical). Other content with
    a SOP Instance UID met before is kept, with a warning (--duplicates). A name that other content has, be it
    in OUT or of this run, gets a number behind it (--on-conflict); names that differ in case only are one.

    --plan writes what would be done as JSON Lines, one for each file, which can be changed; --apply does
    that, and nothing else: below OUT, with files that are still what they were. A target can be changed and a
    line taken out; the action is copy, move, hard link, symbolic link or skip.

    \b
    Examples:
      dcmtools sort inbox/ -o archive/
      dcmtools sort /media/cdrom -o study/ --template '{Modality}/{SeriesNumber:03}/{InstanceNumber:04}.dcm'
      dcmtools sort inbox/ -o archive/ --move --where 'StudyDate >= 2024'
      dcmtools sort inbox/ -o archive/ --plan plan.jsonl
      dcmtools sort --apply plan.jsonl -o archive/
    """
    return report(app, paths, asked._replace(where=where), output, jobs)

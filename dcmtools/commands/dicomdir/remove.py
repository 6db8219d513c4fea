"""``dcmtools dicomdir remove``: files off a medium."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.archiving import agreement, selection_options
from dcmtools.cli.dicomdir_making import COLUMNS, dry_run_option
from dcmtools.cli.dicomdir_reading import medium_argument
from dcmtools.cli.options import output_options
from dcmtools.cli.selecting import where_option

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dcmtools.errors import ExitStatus
    from dcmtools.output.reporter import OutputOptions
    from dcmtools.query.models import Level
    from dcmtools.selection.where import Where

__all__ = ["COLUMNS", "command"]


@click.command("remove")
@medium_argument
@partial(selection_options, where=True)
@where_option
@click.option("--keep-files", is_flag=True, help="Take out the records alone; the files stay.")
@click.option("--yes", is_flag=True, help="Remove without asking.")
@dry_run_option
@partial(output_options, rows=True, report=True)
@pass_app
def command(  # noqa: PLR0913  which click gives by name
    app: App,
    /,
    medium: str,
    wanted: Mapping[Level, Sequence[str]],
    where: Where | None,
    output: OutputOptions,
    *,
    keep_files: bool,
    yes: bool,
    dry_run: bool,
) -> ExitStatus:
    """Take files off a medium.

    Those of patients, studies, series and instances, by their Patient ID or UID; with --where those of them
    of which that is true, or of all. First a DICOMDIR without them takes the place of the old one, then the
    files go, and folders that are empty. So do files of what is wanted below DICOM that no record names, as a
    run that was killed leaves them: the same command finishes. You are asked first, on the terminal, unless
    --yes is given.

    Of a record whose File ID leads out of the medium only the record goes. What is deleted from a disk or a
    stick can often be brought back; whether that matters is for you to know.

    \b
    Examples:
      dcmtools dicomdir remove /media/stick --patient PAT042 --dry-run
      dcmtools dicomdir remove /media/stick --study 1.2.840.113619.2.1 --yes
      dcmtools dicomdir remove medium/ --where 'Modality == PR' --yes
    """
    from dcmtools.media.removing import RemoveOptions, remove
    from dcmtools.results import WARNED, Extent

    extent = Extent(warned=WARNED)
    options = RemoveOptions(wanted, where, keep_files, dry_run)
    results = remove(medium, options, agree=agreement(yes=yes), extent=extent)
    return app.report(results, COLUMNS, output, summary="planned" if dry_run else "removed", extent=extent)

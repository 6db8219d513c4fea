"""``dcmtools scan``: rows about many files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.options import jobs_option, output_options, paths_argument
from dcmtools.cli.scanning import scan_options
from dcmtools.cli.selecting import where_option
from dcmtools.errors import UsageError

if TYPE_CHECKING:
    from dcmtools.errors import ExitStatus
    from dcmtools.files.paths import Paths
    from dcmtools.output.reporter import OutputOptions
    from dcmtools.scanning.scan import ScanOptions
    from dcmtools.selection.where import Where


@click.command("scan")
@paths_argument
@scan_options
@where_option
@jobs_option
@partial(output_options, rows=True)
@pass_app
def command(
    app: App, paths: Paths, options: ScanOptions, where: Where | None, output: OutputOptions, *, jobs: int
) -> ExitStatus:
    """Tabulate or search many DICOM files.

    A row for each file or, with --level, for each series, study or patient. The columns are those of -k,
    named by keyword, after the path of the file or the UID or Patient ID of the group. Values are those of
    dump --value, a backslash between several of one element. Where the files of a group have different
    values, all are shown with | between them, in the order of the files. What a file does not have is empty,
    null in json; elements that are out of order at the top may be missed.

    Damaged files have a row with what could be read, and fail. Where rows are about several files, one that
    failed or was skipped has a row of its own in csv and tsv: the columns are empty, outcome says which, and
    its name stands before error_message or note; in json it has "file" and no "values".

    With --text and --regex the exit status is 1 where nothing is found. Values beyond 1 MiB, bulk data and
    tags are not searched. Bytes that are no text in the character set of the file are searched as they are
    shown, such as \\xfc; where they might have been what is looked for, there is a warning.

    \b
    Examples:
      dcmtools scan study/ --format csv
      dcmtools scan -k PatientID -k Rows -k ReferencedImageSequence.ReferencedSOPInstanceUID study/
      dcmtools scan --level series -k Modality -k 'min(SliceLocation)' -k 'count()' archive/
      dcmtools scan archive/ --where 'Modality == CT and SliceThickness < 2' -0 | xargs -0 dcmtools dump
      dcmtools scan --summary archive/
      dcmtools scan --text DOE -i archive/ -l
      dcmtools scan archive/ --to archive.sqlite
    """
    from dcmtools.scanning.scan import scan

    if options.target and paths.names(options.target):
        raise UsageError(f"{options.target} is an input, and is not written over")
    columns = options.columns()
    results = scan(
        paths,
        options._replace(where=where, form=output.format, cut=app.console().out_is_terminal),
        jobs,
    )
    return app.report(results, columns, output._replace(fields=columns))

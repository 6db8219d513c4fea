"""``dcmtools dump``: what is in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.options import output_options, paths_argument
from dcmtools.cli.params import TAG_PATH

if TYPE_CHECKING:
    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.errors import ExitStatus
    from dcmtools.output.reporter import OutputOptions

COLUMNS = ()


@click.command("dump")
@paths_argument
@click.option(
    "+P",
    "--search",
    type=TAG_PATH,
    multiple=True,
    metavar="KEY",
    help="Show only this element; a keyword or tag at any depth, or a path from the top. Repeatable.",
)
@click.option(
    "--value",
    "values",
    type=TAG_PATH,
    multiple=True,
    metavar="KEY",
    help="Print bare values only, one a line, of this element at the top or of this path. Repeatable.",
)
@output_options
@pass_app
def command(
    app: App,
    paths: tuple[str, ...],
    search: tuple[TagPath, ...],
    values: tuple[TagPath, ...],
    output: OutputOptions,
) -> ExitStatus:
    """Show the elements of DICOM files.

    PATHS are files, folders (searched through, non-DICOM files skipped) or - for standard input. Each
    element is a line with tag, VR, value, length in bytes, number of values and keyword. With --format
    json each file is one record with its data set in the DICOM JSON model; bulk values stand as
    offset and length.

    Exit status 1 where an element asked for with --search or --value is absent.

    \b
    Examples:
      dcmtools dump ct.dcm
      dcmtools dump +P PatientName +P 0008,0018 folder/
      dcmtools dump --value StudyInstanceUID ct.dcm
      dcmtools dump --format json folder/ | jq .dataset
    """
    from dcmtools.inspection.dump import DumpOptions, dump

    aligned = app.console().out_is_terminal
    options = DumpOptions(search, values, structured=output.structured, aligned=aligned)
    return app.report(dump(paths, options), COLUMNS, output)

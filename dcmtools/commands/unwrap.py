"""``dcmtools unwrap``: documents and pictures out of DICOM files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.options import jobs_option, output_options, paths_argument
from dcmtools.cli.selecting import where_option
from dcmtools.cli.unwrapping import COLUMNS, report, unwrap_options

if TYPE_CHECKING:
    from dcmtools.conversion.unwrapping import UnwrapOptions
    from dcmtools.errors import ExitStatus
    from dcmtools.files.paths import Paths
    from dcmtools.output.reporter import OutputOptions
    from dcmtools.selection.where import Where

__all__ = ["COLUMNS", "command"]


@click.command("unwrap")
@paths_argument
@where_option
@unwrap_options
@jobs_option
@partial(output_options, rows=True, report=True)
@pass_app
def command(
    app: App,
    paths: Paths,
    options: UnwrapOptions,
    output: OutputOptions,
    *,
    where: Where | None,
    jobs: int,
) -> ExitStatus:
    """Take documents and pictures out of DICOM files.

    PATHS are files, folders and archives (searched through, non-DICOM files skipped); dcmtools-inputs(7) has
    the rest. Files that hold neither a document nor a picture are skipped, or fail where they are named.

    Encapsulated documents (PDF, CDA, STL, OBJ, MTL) are written byte by byte, without padding. Frames in
    JPEG, JPEG-LS, JPEG 2000, HTJ2K and JPEG XL are the codestreams as they are; those of all other transfer
    syntaxes become PNG of 8 or 16 bits, samples as they are, not as a viewer shows them: no window is
    applied. Colours are those of RGB, and MONOCHROME1 is turned round; codestreams that are one of these, or
    of a palette, and cannot say so come with a warning. Signed samples have no place in PNG.
    Several frames get their number behind the name, -0001 and so on.

    What a file says of its document is never its name: names come from the input, endings from a short list,
    else .bin.

    \b
    Examples:
      dcmtools unwrap report.dcm -o report.pdf
      dcmtools unwrap study/ -o out/
      dcmtools unwrap us.dcm -o frames/ --frames 1,10-20
      dcmtools unwrap report.dcm -o - | pdftotext - -
    """
    return report(app, paths, options._replace(where=where), output, jobs)

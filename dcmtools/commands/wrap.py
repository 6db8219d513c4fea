"""``dcmtools wrap``: documents and pictures as DICOM files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.options import jobs_option, output_options, paths_argument
from dcmtools.cli.wrapping import COLUMNS, report, wrap_options

if TYPE_CHECKING:
    from dcmtools.conversion.wrapping import WrapOptions
    from dcmtools.errors import ExitStatus
    from dcmtools.files.paths import Paths
    from dcmtools.output.reporter import OutputOptions

__all__ = ["COLUMNS", "command"]


@click.command("wrap")
@partial(paths_argument, followed=False)
@wrap_options
@jobs_option
@partial(output_options, rows=True, report=True)
@pass_app
def command(
    app: App, paths: Paths, options: WrapOptions, output: OutputOptions, *, jobs: int, multi_frame: bool
) -> ExitStatus:
    """Put documents and pictures into DICOM files.

    PATHS are files, folders and archives (searched through, what is none of these skipped, DICOM files too).
    What a file is, its bytes say; a name that says otherwise is told of. PDF, CDA and binary STL become
    encapsulated documents, byte for byte; PDFs that are encrypted or cut are wrapped as they are, with a
    warning.

    Baseline, extended and lossless JPEG stay the codestreams that they are; progressive JPEG and PNG become
    samples, of 8 or 16 bits. A picture that is cut, has four colours or does not fit into DICOM fails.

    Files of one kind become one series, numbered in the order of PATHS and, in folders, of their names. Two
    that differ in their ending only keep it: a.jpg.dcm, a.png.dcm. Without --study-from and --series-from
    they are of a study of their own, and of a patient without name and ID, unless -k says who it is. What
    describes the pixels or the document is not for -k.

    \b
    Examples:
      dcmtools wrap report.pdf -o report.dcm --study-from ct.dcm --title 'Radiology report'
      dcmtools wrap photos/ -o out/ --as vl-photo --study-from ct.dcm -k SeriesDescription=Wound
      dcmtools wrap page1.png page2.png -o pages.dcm --multi-frame -k PatientID=4711 -k PatientName=Doe^Jane
    """
    return report(app, paths, options, output, jobs, multi_frame=multi_frame)

"""``dcmtools compress``: files in another transfer syntax."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.compressing import COLUMNS, compress_options, report
from dcmtools.cli.options import jobs_option, output_options, paths_argument
from dcmtools.cli.selecting import where_option

if TYPE_CHECKING:
    from dcmtools.editing.compressing import CompressOptions
    from dcmtools.errors import ExitStatus
    from dcmtools.files.paths import Paths
    from dcmtools.output.reporter import OutputOptions
    from dcmtools.selection.where import Where

__all__ = ["COLUMNS", "command"]


@click.command("compress")
@paths_argument
@where_option
@compress_options
@jobs_option
@partial(output_options, rows=True, report=True)
@pass_app
def command(
    app: App,
    paths: Paths,
    options: CompressOptions,
    output: OutputOptions,
    *,
    where: Where | None,
    jobs: int,
) -> ExitStatus:
    """Put DICOM files into another transfer syntax.

    PATHS are files, folders and archives (searched through, non-DICOM files skipped), files in archives
    (study.zip/IM1) or - for standard input; dcmtools-inputs(7) has the rest.

    Whatever syntax a file is in, it is put into that of --to in one step. What describes the pixels is put
    right, and each change is told; all else stays as it is. What loses something is marked as lossy, with
    ratio and method, and is a new instance derived from the old one, unless --keep-uid is given. What loses
    nothing is decoded again and compared before it gets its name.

    Files without pixels, video, and what is in the syntax already are copied to OUT as they are and counted,
    or skipped with --in-place; a DICOMDIR is left out, as it would tell of files that are others now. A file
    that cannot be decoded or encoded fails with a reason, and the others are done all the same; damage within
    the scans of a JPEG cannot be told from pixels, and is not found.

    What is replaced in place is on disk before the old file goes, which other hard links to it keep; other
    output is not forced to disk.

    \b
    Examples:
      dcmtools compress ct.dcm -o small.dcm --to jpeg-ls
      dcmtools compress study/ -o compressed/ --to htj2k-lossless
      dcmtools compress us.dcm -o us-lossy.dcm --to jpeg --quality 85
      dcmtools compress archive/ --in-place --to jpeg-2000-lossless
      dcmtools compress - -o - --to rle < ct.dcm > rle.dcm
    """
    return report(app, paths, options._replace(where=where), output, jobs, "compressed")

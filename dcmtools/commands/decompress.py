"""``dcmtools decompress``: files whose pixels anybody can read."""

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


@click.command("decompress")
@paths_argument
@where_option
@partial(compress_options, to="explicit")
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
    """Put DICOM files into a transfer syntax without compression.

    PATHS are files, folders and archives (searched through, non-DICOM files skipped), files in archives
    (study.zip/IM1) or - for standard input; dcmtools-inputs(7) has the rest.

    It is compress with another default: see there. Colours are RGB or YBR_FULL in the end, and what was
    lost before stays lost, which the file goes on to say.

    \b
    Examples:
      dcmtools decompress ct.dcm -o plain.dcm
      dcmtools decompress study/ -o plain/
      dcmtools decompress cine.dcm -o first.dcm --frames 1
      dcmtools decompress archive/ --in-place --to implicit
    """
    return report(app, paths, options._replace(where=where), output, jobs, "decompressed")

"""``dcmtools split``: the frames of multi-frame files as files of their own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.options import jobs_option, output_options, paths_argument
from dcmtools.cli.selecting import where_option
from dcmtools.cli.splitting import COLUMNS, report, split_options

if TYPE_CHECKING:
    from dcmtools.conversion.splitting import SplitOptions
    from dcmtools.errors import ExitStatus
    from dcmtools.files.paths import Paths
    from dcmtools.output.reporter import OutputOptions
    from dcmtools.selection.where import Where

__all__ = ["COLUMNS", "command"]


@click.command("split")
@paths_argument
@where_option
@split_options
@jobs_option
@partial(output_options, rows=True, report=True)
@pass_app
def command(
    app: App, paths: Paths, options: SplitOptions, output: OutputOptions, *, where: Where | None, jobs: int
) -> ExitStatus:
    """Make files of the frames of multi-frame DICOM files.

    PATHS are files, folders and archives (searched through, non-DICOM files skipped), files in archives
    (study.zip/IM1) or - for standard input; dcmtools-inputs(7) has the rest. Files of one frame, and those
    without any, are copied as they are and counted; a DICOMDIR is left out.

    Enhanced and Legacy Converted Enhanced CT, MR and PET, Enhanced XA and XRF become classic images: what
    functional groups say of a frame stands at the top then, and under the names that it has there.
    Multi-frame ultrasound, secondary capture and video of visible light get the class for one frame; XA, XRF,
    RT Image and RT Dose keep theirs, the dose with each plane in its place. What has none (segmentations,
    nuclear medicine, tomosynthesis, color MR, ultrasound volumes, slides and others), or is to --keep-class,
    stays a multi-frame image, of one frame.

    Pixels are not touched: a codestream is the one it was, samples are copied in the colours and the order
    that they are in. Overlays go with their frames. Instances are new, in a new series for each image that
    there was, or each concatenation; the same file always gives the same UIDs. Instance Number is that of the
    frame, and Source Image Sequence tells where it is from.

    A frame that is not there fails its file, and the others are written all the same. Video, and tiles that
    are where they are by their number alone (TILED_FULL), are not taken apart.

    \b
    Examples:
      dcmtools split enhanced.dcm -o frames/
      dcmtools split study/ -o split/ --template '{SeriesNumber:04}/{InstanceNumber:05}.dcm'
      dcmtools split cine.dcm -o first.dcm --frames 1
      dcmtools split seg.dcm -o frames/ --template '{file.stem}_{frame:03}.dcm' --overwrite
    """
    return report(app, paths, options._replace(where=where), output, jobs)

"""``dcmtools diff``: what is different between DICOM files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.diffing import diff_options, report
from dcmtools.cli.options import jobs_option, output_options
from dcmtools.cli.selecting import where_option

if TYPE_CHECKING:
    from dcmtools.comparison.rules import DiffOptions
    from dcmtools.errors import ExitStatus
    from dcmtools.output.reporter import OutputOptions
    from dcmtools.selection.where import Where

_ANYTHING = click.Path(allow_dash=True, readable=False)


@click.command("diff")
@click.argument("first", type=_ANYTHING, metavar="A")
@click.argument("second", type=_ANYTHING, metavar="B")
@diff_options
@where_option
@jobs_option
@partial(output_options, report=True)
@pass_app
def command(
    app: App,
    first: str,
    second: str,
    options: DiffOptions,
    output: OutputOptions,
    *,
    where: Where | None,
    jobs: int,
) -> ExitStatus:
    """Tell what is different between DICOM files.

    A and B are two files (one of which may be - for standard input), or two folders or archives. Of these,
    files of one path and the same bytes belong together, the others by SOP Instance UID or, where that leaves
    them alone, by path. A line with - is what A has, one with + what B has, with the path of the element.

    Elements are compared by what they mean: text as decoded and without padding, numbers by value, in any
    byte order; elements under UN by the VR of the other; private elements by who reserved their block. Group
    lengths, defined and undefined lengths, fragments and offset tables make no difference. What names the
    encoding itself does: (0002,0010), (0008,0005), the rest of group 0002 and the preamble, unless it is
    ignored. NULs behind the data set are padding.

    Frames of pixel data are compared byte by byte, and sample by sample where they are in different transfer
    syntaxes, with --pixels samples, --max-error and --min-psnr. Where bytes differ, it is told by how much
    samples do.

    The exit status is 0 where nothing is different, 1 where something is, or a file has no other, and 3 where
    nothing is but something could not be compared. A damaged file is compared as far as it goes, and never
    the same.

    \b
    Examples:
      dcmtools diff before.dcm after.dcm
      dcmtools diff sent/ received/ --ignore-meta --ignore-transfer-syntax
      dcmtools diff a.dcm b.dcm --ignore SOPInstanceUID --ignore ReferencedStudySequence
      dcmtools diff original/ lossy/ --match path --min-psnr 40 --format json
    """
    return report(app, first, second, options._replace(where=where), output, jobs)

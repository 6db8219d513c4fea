"""``dcmtools dump``: what is in a file."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.dumping import dump_options
from dcmtools.cli.options import jobs_option, output_options, pager_option, paths_argument
from dcmtools.cli.selecting import where_option

if TYPE_CHECKING:
    from dcmtools.errors import ExitStatus
    from dcmtools.files.paths import Paths
    from dcmtools.inspection.options import DumpOptions
    from dcmtools.output.reporter import OutputOptions
    from dcmtools.selection.where import Where

COLUMNS = ()


@click.command("dump")
@partial(paths_argument, followed=False)
@where_option
@dump_options
@jobs_option
@pager_option
@partial(output_options, data_sets=True)
@pass_app
def command(
    app: App,
    paths: Paths,
    options: DumpOptions,
    output: OutputOptions,
    *,
    where: Where | None,
    jobs: int,
    pager: bool,
) -> ExitStatus:
    """Show the elements of DICOM files.

    PATHS are files, folders and archives (searched through, non-DICOM files skipped), files in archives
    (study.zip/IM1) or - for standard input; dcmtools-inputs(7) has the rest.

    Each element is a line with tag, VR, value, length in bytes, number of values and keyword. With --format
    json each file is one record with its data set in the DICOM JSON model, with dicom-json all data sets
    are one array; --bulk says how bulk values stand there.

    What is not quite as PS3.10 has it is shown, too: files without preamble or meta, wrongly declared,
    cut or broken. Where bytes are missing or could not be accounted for, the exit status is 1 and a
    message says where; -v tells of what is merely unusual.

    Exit status 1 also where an element asked for with --search, --value or --raw is absent.

    \b
    Examples:
      dcmtools dump ct.dcm
      dcmtools dump +P PatientName +P 0008,0018 folder/
      dcmtools dump --value StudyInstanceUID ct.dcm
      dcmtools dump --raw EncapsulatedDocument report.dcm > report.pdf
      dcmtools dump --format json folder/ | jq .dataset
    """
    from dcmtools.inspection.dump import dump

    options = options._replace(where=where).shown_on(
        aligned=app.console().out_is_terminal,
        color=app.is_colored(output),
        structured=output.structured,
        verbose=app.level > 0,
        located=output.format == "dicom-json",
    )
    return app.report(dump(paths, options, jobs), COLUMNS, output, paged=pager)

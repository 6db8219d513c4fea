"""``dcmtools modify``: elements of files set, replaced and erased."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.compressing import check_stdout
from dcmtools.cli.modifying import modify_options
from dcmtools.cli.options import jobs_option, output_options, paths_argument
from dcmtools.cli.selecting import where_option

if TYPE_CHECKING:
    from dcmtools.errors import ExitStatus
    from dcmtools.files.paths import Paths
    from dcmtools.modifying.modifying import ModifyOptions
    from dcmtools.output.reporter import OutputOptions
    from dcmtools.selection.where import Where

COLUMNS = ("file", "output", "altered", "elapsed_ms")


@click.command("modify")
@paths_argument
@modify_options
@where_option
@jobs_option
@partial(output_options, rows=True, report=True)
@pass_app
def command(
    app: App, paths: Paths, options: ModifyOptions, output: OutputOptions, *, where: Where | None, jobs: int
) -> ExitStatus:
    """Set, replace and erase elements of DICOM files.

    PATHS are files, folders and archives (searched through, non-DICOM files skipped), files in archives
    (study.zip/IM1) or - for standard input; dcmtools-inputs(7) has the rest. A DICOMDIR in a
    folder is left alone.

    An element is named by keyword, tag, private creator (0029,10,CREATOR) or a path such as Seq[0].Elem: [0]
    is the first item, [*] each, no number the only one; **. in front means any depth. Values have to be of
    its VR and VM, and go into the character set of the file. dcmtools-editing(7) has patches, UIDs, repairs.

    Only what is named changes: other elements keep their bytes, pixel data is copied as it is. File meta
    information follows the data set, and lengths what they are of. A file that cannot be walked to its end,
    or cannot take the change, fails and stays as it is, and the others are done all the same. With --in-place
    each file is the old one or the new one, whatever happens.

    \b
    Examples:
      dcmtools modify ct.dcm -o new.dcm --set PatientName=DOE^JANE --erase PatientAge
      dcmtools modify study/ --in-place --set 'RequestAttributesSequence[0].RequestedProcedureID=7'
      dcmtools modify study/ --dry-run --replace-all InstitutionName= --erase-private
      dcmtools modify study/ -o out/ --where 'Modality == CT' --patch site.toml
    """
    from dcmtools.modifying.modifying import Totals, modify

    options = options._replace(where=where)
    if not options.dry:
        check_stdout(app, options.outputs, output)
    totals = Totals(options)
    results = modify(paths, options, jobs, totals)
    return app.report(results, COLUMNS, output, summary=totals, drain=not options.dry)

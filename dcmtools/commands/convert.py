"""``dcmtools convert``: DICOM to JSON and back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.compressing import check_stdout
from dcmtools.cli.converting import COLUMNS, convert_options
from dcmtools.cli.options import jobs_option, output_options, paths_argument
from dcmtools.cli.selecting import where_option

if TYPE_CHECKING:
    from dcmtools.conversion.from_json import FromJson
    from dcmtools.conversion.to_json import ToJson
    from dcmtools.errors import ExitStatus
    from dcmtools.files.paths import Paths
    from dcmtools.output.reporter import OutputOptions

__all__ = ["COLUMNS", "command"]


@click.command("convert")
@partial(paths_argument, followed=False)
@where_option
@convert_options
@jobs_option
@partial(output_options, rows=True, report=True)
@pass_app
def command(
    app: App,
    paths: Paths,
    options: ToJson | FromJson,
    output: OutputOptions,
    *,
    jobs: int,
) -> ExitStatus:
    """Make JSON of DICOM files, or DICOM files of JSON.

    PATHS are files, folders and archives (searched through, other files skipped), files in archives
    (study.zip/IM1) or - for standard input; dcmtools-inputs(7) has the rest.

    JSON is the model of PS3.18 Annex F, in UTF-8, which Specific Character Set says then. Group lengths are
    left out, and group 0002 but with --meta; only Transfer Syntax UID is there where encapsulated pixel data
    needs it. Text that is none in its character set becomes U+FFFD and is told of. UN whose VR PS3.6 knows
    has that.

    What becomes DICOM is a data set in the JSON model, an array or JSON Lines of them, or records of
    'dcmtools dump --format json', whoever made them. One gets the name of its JSON file, several get their
    SOP Instance UIDs for names. What is no value of its VR at all fails; what has not quite its form is a
    warning, or fails with --strict. A BulkDataURI is never fetched: it has to be a file below --bulk-dir,
    wherever links lead.

    \b
    Examples:
      dcmtools convert ct.dcm -o ct.json
      dcmtools convert study/ -o json/ --to json --bulk file
      dcmtools convert study/ -o metadata.json --array --bulk none
      dcmtools convert ct.json -o ct.dcm
      dcmtools convert json/ -o study/ --to dicom --strict
    """
    from dcmtools.conversion.from_json import FromJson, from_json
    from dcmtools.conversion.to_json import to_json
    from dcmtools.files.outputs import STDOUT
    from dcmtools.results import WARNED, Extent

    check_stdout(app, options.outputs, output)
    drain = options.outputs.target != STDOUT  # files are made, whoever reads of it
    results = (
        from_json(paths, options, jobs) if isinstance(options, FromJson) else to_json(paths, options, jobs)
    )
    extent = Extent(warned=WARNED)
    return app.report(results, COLUMNS, output, summary="converted", drain=drain, extent=extent)

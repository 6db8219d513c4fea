"""``dcmtools anonymize``: files without what tells of the patient."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.anonymizing import anonymize_options
from dcmtools.cli.app import App, pass_app
from dcmtools.cli.compressing import check_stdout
from dcmtools.cli.options import jobs_option, output_options, paths_argument
from dcmtools.cli.selecting import where_option

if TYPE_CHECKING:
    from dcmtools.deidentification.anonymizing import AnonymizeOptions
    from dcmtools.errors import ExitStatus
    from dcmtools.files.paths import Paths
    from dcmtools.output.reporter import OutputOptions
    from dcmtools.selection.where import Where

COLUMNS = ("file", "output", "removed", "emptied", "replaced", "cleaned", "uids", "elapsed_ms")
EXPLAINED = ("path", "keyword", "vr", "action", "rule")


@click.command("anonymize")
@paths_argument
@where_option
@anonymize_options
@jobs_option
@partial(output_options, rows=True, report=True)
@pass_app
def command(
    app: App,
    paths: Paths,
    options: AnonymizeOptions,
    output: OutputOptions,
    *,
    where: Where | None,
    jobs: int,
) -> ExitStatus:
    """De-identify DICOM files (PS3.15 Annex E).

    PATHS are files, folders and archives (searched through, non-DICOM files skipped), files in archives
    (study.zip/IM1) or - for standard input; dcmtools-inputs(7) has the rest. A DICOMDIR in a
    folder is left out.

    Each file is walked to its end, at any depth, and each element is removed, emptied, replaced, cleaned or
    kept as the Basic Profile, the options and, where no table knows it, its VR say. What was written is
    searched for what was removed. A file in which some of that is found, and one whose pixels may show text,
    goes to a quarantine beside OUT and has failed; the others are done all the same.

    New UIDs, identifiers and dates are derived from a key: files of one project belong together if they are
    done with the same one, in whatever run. dcmtools-deidentification(7) tells what is done, what is not,
    and how to look after keys and maps.

    \b
    Examples:
      dcmtools anonymize study/ -o out/
      dcmtools anonymize night/ -o trial/ --new-key trial.key
      dcmtools anonymize day2/ -o trial/ --key-file trial.key --retain dates-shifted,device
      dcmtools anonymize study.zip -o out/ --map ids.csv --map-out pairs.csv
      dcmtools anonymize ct.dcm --explain
      dcmtools anonymize - -o - --key-file trial.key < ct.dcm > clean.dcm
    """
    from dcmtools.deidentification.anonymizing import Totals, anonymize

    check_stdout(app, options.outputs, output)
    verb = "explained" if options.explain else "would be de-identified" if options.dry else "de-identified"
    totals = Totals(verb)
    results = anonymize(paths, options._replace(where=where), jobs, totals)
    if options.explain:
        output = output._replace(fields=("file", *EXPLAINED))
    columns = EXPLAINED if options.explain else COLUMNS
    return app.report(results, columns, output, summary=totals, extent=totals.extent)

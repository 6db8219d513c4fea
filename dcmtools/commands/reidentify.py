"""``dcmtools reidentify``: what anonymize has encrypted put back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.compressing import check_stdout
from dcmtools.cli.options import jobs_option, output_options, paths_argument
from dcmtools.cli.reidentifying import reidentify_options
from dcmtools.cli.selecting import where_option

if TYPE_CHECKING:
    from dcmtools.deidentification.reidentifying import ReidentifyOptions
    from dcmtools.errors import ExitStatus
    from dcmtools.files.paths import Paths
    from dcmtools.output.reporter import OutputOptions
    from dcmtools.selection.where import Where

COLUMNS = ("file", "output", "restored", "elapsed_ms")


@click.command("reidentify")
@paths_argument
@where_option
@reidentify_options
@jobs_option
@partial(output_options, rows=True, report=True)
@pass_app
def command(
    app: App,
    paths: Paths,
    options: ReidentifyOptions,
    output: OutputOptions,
    *,
    where: Where | None,
    jobs: int,
) -> ExitStatus:
    """Put back what anonymize has encrypted (PS3.15 E.1.2).

    PATHS are files, folders and archives (searched through, non-DICOM files skipped), files in archives
    (study.zip/IM1) or - for standard input; dcmtools-inputs(7) has the rest.

    Of what 'anonymize --encrypt-for' made the data set becomes what it was, byte for byte if nobody has
    changed the file since; the file meta information is new. Files of other programs that follow PS3.15 are
    taken, too, if they were encrypted for an RSA key, with AES or Triple DES.

    A file in which nothing is encrypted, or not for this key, or that is damaged, or whose encrypted
    attributes are those of another instance, fails, and nothing is written of it; the others are done all
    the same.

    \b
    Examples:
      dcmtools reidentify trial/P01/ -o known/ --key hospital.key
      dcmtools reidentify ct.dcm -o known.dcm --key hospital.key --password-file password
    """
    from dcmtools.deidentification.reidentifying import reidentify

    check_stdout(app, options.outputs, output)
    results = reidentify(paths, options._replace(where=where), jobs)
    return app.report(results, COLUMNS, output, summary="re-identified")

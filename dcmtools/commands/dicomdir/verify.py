"""``dcmtools dicomdir verify``: whether a medium is what it should be."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.dicomdir_profiles import profile_option
from dcmtools.cli.dicomdir_reading import medium_argument
from dcmtools.cli.options import jobs_option, output_options

if TYPE_CHECKING:
    from dcmtools.errors import ExitStatus
    from dcmtools.media.profiles import Profile
    from dcmtools.output.reporter import OutputOptions


@click.command("verify")
@medium_argument
@profile_option("Look at what this application profile wants, too.")
@click.option(
    "--quick", is_flag=True, help="Open no file but the DICOMDIR; only look whether the others are there."
)
@jobs_option
@partial(output_options, rows=True, report=True)
@pass_app
def command(
    app: App, medium: str, output: OutputOptions, *, profile: Profile | None, quick: bool, jobs: int
) -> ExitStatus:
    """Check a medium: its DICOMDIR, and the files that it names.

    MEDIUM is the folder that holds a DICOMDIR, that DICOMDIR itself, or a zip file with one. What is wrong
    is told, each by record and file; errors make the status 1, warnings do not. Nothing is changed.

    \b
    Looked at (PS3.10 8, PS3.3 Annex F) are
      the DICOMDIR   its encoding, file meta information, File-set ID, README, consistency flag
      offsets        that lead nowhere, around, or leave records out; the last record
      records        types, places, keys that have to be there, values, character sets; one for each patient,
                     study and series, and something below it
      File IDs       components, characters, lengths; those that lead out of the medium
      files          there or not, readable, DICOM; SOP class and instance, transfer syntax, patient, study
                     and series are those of the records; named once
      the medium     DICOM files that no record names; with -v all others, too
      --profile      SOP classes, transfer syntaxes, limits of images, keys and icons (PS3.11);
                     dcmtools dicomdir profiles has the names

    Of each file the elements at the top are walked to the end, so that one that is cut short is told of; what
    is in pixel data and sequences is not looked at.

    \b
    The kinds of what is found, as JSON and CSV have them:
      errors    charset consistency crossed deep descriptor element encoding file-id file-set-id file-twice
                first icon key last level loop meta missing more not-dicom nowhere offsets orphan patient
                profile series shared sop-class sop-instance study transfer-syntax type unreadable unsafe
      warnings  empty encoding in-use instance-twice name twin unreadable unreferenced value
      notes     orphan other

    \b
    Examples:
      dcmtools dicomdir verify /media/cdrom
      dcmtools dicomdir verify burn.zip --quick
      dcmtools dicomdir verify /media/cdrom --profile STD-GEN-CD
      dcmtools dicomdir verify /media/cdrom --format json | jq -r 'select(.severity == "error").message'
    """
    from dcmtools.media.findings import Totals
    from dcmtools.media.verifying import VerifyOptions, verify
    from dcmtools.results import Extent

    extent, totals = Extent(), Totals()
    extent.unit = "record"
    results = verify(medium, VerifyOptions(quick, profile), jobs, extent, totals)
    return app.report(results, (), output, summary=totals, extent=extent)

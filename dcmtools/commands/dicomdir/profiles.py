"""``dcmtools dicomdir profiles``: the application profiles that media are made for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.options import output_options

if TYPE_CHECKING:
    from dcmtools.errors import ExitStatus
    from dcmtools.output.reporter import OutputOptions

COLUMNS = ("name", "medium", "transfer_syntaxes", "title")


@click.command("profiles")
@partial(output_options, rows=True)
@pass_app
def command(app: App, output: OutputOptions) -> ExitStatus:
    """List the application profiles that media are made for.

    They are those of PS3.11. Names are what dicomdir create --profile and dicomdir verify --profile take, in
    capitals or not, with or without STD-; those that dcmmkdir has for them (general-purpose,
    usb-and-flash-jpeg) will do, too. One without transfer syntaxes takes any. Whoever reads a CD takes
    STD-GEN-CD; a stick with compressed images is STD-GEN-USB-JPEG or STD-GEN-USB-J2K.

    With --format json there are the SOP classes, none where all are taken that are stored on media, the
    annex of PS3.11, the tags that records have beside those of PS3.3, and the size of the icons that
    images have to have.

    \b
    Examples:
      dcmtools dicomdir profiles
      dcmtools dicomdir profiles --format json | jq -r 'select(.medium == "CD-R").name'
    """
    from dcmtools.media.profile_list import profile_list

    return app.report(profile_list(), COLUMNS, output)

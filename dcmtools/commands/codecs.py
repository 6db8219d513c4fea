"""``dcmtools codecs``: the transfer syntaxes that are known here."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.options import output_options

if TYPE_CHECKING:
    from dcmtools.errors import ExitStatus
    from dcmtools.output.reporter import OutputOptions

COLUMNS = ("name", "transfer_syntax_uid", "read", "write", "lossless", "bits", "signed", "colour")


@click.command("codecs")
@partial(output_options, rows=True)
@pass_app
def command(app: App, output: OutputOptions) -> ExitStatus:
    """List the transfer syntaxes whose pixels are read or written.

    Names are those that compress --to takes. Of what is written, up to so many bits of a sample can be held,
    with a sign and in colour or not. What is neither read nor written is video: it is passed on as it is.

    \b
    Examples:
      dcmtools codecs
      dcmtools codecs --format json | jq -r 'select(.write).name'
    """
    from dcmtools.editing.codec_list import codec_list

    return app.report(codec_list(), COLUMNS, output)

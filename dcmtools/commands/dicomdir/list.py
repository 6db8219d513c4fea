"""``dcmtools dicomdir list``: what is on a medium, as its DICOMDIR says."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.archiving import matching
from dcmtools.cli.dicomdir_reading import LEVELS, medium_argument
from dcmtools.cli.options import output_options
from dcmtools.cli.params import QUERY_KEY

if TYPE_CHECKING:
    from dcmtools.encoding.dataset import DataSet
    from dcmtools.errors import ExitStatus
    from dcmtools.output.reporter import OutputOptions


@click.command("list")
@medium_argument
@click.option(
    "-L",
    "--level",
    type=click.Choice(LEVELS, case_sensitive=False),
    help="List these, a row each, in place of the tree.",
)
@click.option(
    "-k",
    "--key",
    "keys",
    type=QUERY_KEY,
    multiple=True,
    metavar="KEY=VALUE",
    callback=matching,
    help="List only what matches in its record or in those above it, with wildcards, ranges and lists as"
    " dcmtools find has them. Repeatable.",
)
@partial(output_options, rows=True)
@pass_app
def command(app: App, medium: str, level: str | None, keys: DataSet, output: OutputOptions) -> ExitStatus:
    """List what is on a medium.

    That is what its DICOMDIR says, of patients, studies, series and instances; the files themselves are not
    looked at, see dcmtools dicomdir verify for that. On a terminal they are a tree, else a row for each
    instance.

    A DICOMDIR that is damaged is listed as far as it can be read: where its offsets are wrong, records go by
    their order. A message then says so, and the status is 1.

    \b
    Examples:
      dcmtools dicomdir list /media/cdrom
      dcmtools dicomdir list cd.zip --level study -k 'PatientName=doe*'
      dcmtools dicomdir list /media/cdrom -k Modality=CT --format json | jq -r .file_id
    """
    from dcmtools.media.listing import INSTANCE, fields, listed, tree

    if level is None and app.console().out_is_terminal and not output.structured:
        return app.report(tree(medium, keys), (), output)
    wanted = level or INSTANCE
    return app.report(listed(medium, wanted, keys), fields(wanted), output)

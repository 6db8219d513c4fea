"""``dcmtools archive verify``: whether an archive is what it should be."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.archiving import archive_argument
from dcmtools.cli.options import output_options

if TYPE_CHECKING:
    from dcmtools.errors import ExitStatus
    from dcmtools.output.reporter import OutputOptions

COLUMNS = ("file", "sop_instance_uid")


@click.command("verify")
@archive_argument
@partial(output_options, rows=True, report=True)
@pass_app
def command(app: App, folder: str, output: OutputOptions) -> ExitStatus:
    """Check the files and the index of an archive.

    Walks every file of DIR to its end: it has to be whole, lie where its identifiers belong, name the
    same instance in its file meta information, and stand in the index as it is; no other file may have
    its SOP Instance UID. What the index holds of files that are not there is told too. The status is 1
    where anything is wrong; nothing is changed.

    A server may run meanwhile. What is wrong with the index alone, dcmtools archive index puts right.

    \b
    Examples:
      dcmtools archive verify archive/
      dcmtools archive verify archive/ --format json | jq -c 'select(.outcome != "done")'
    """
    from dcmtools.archive.verifying import verify
    from dcmtools.results import Extent

    extent = Extent()
    return app.report(verify(folder, extent), COLUMNS, output, summary="verified", extent=extent)

"""``dcmtools archive remove``: less of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.archiving import agreement, archive_argument, selection_options
from dcmtools.cli.options import output_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dcmtools.errors import ExitStatus
    from dcmtools.output.reporter import OutputOptions
    from dcmtools.query.models import Level

COLUMNS = ("file", "sop_instance_uid")


@click.command("remove")
@archive_argument
@selection_options
@click.option("--yes", is_flag=True, help="Remove without asking.")
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@partial(output_options, rows=True, report=True)
@pass_app
def command(
    app: App,
    /,
    folder: str,
    wanted: Mapping[Level, Sequence[str]],
    yes: bool,
    dry_run: bool,
    output: OutputOptions,
) -> ExitStatus:
    """Remove studies from an archive, for good.

    Or patients, series or instances, by their UIDs. Files go, then what the index holds of them, then
    folders that are empty. You are asked first, on the terminal, unless --yes is given. A server that
    receives into DIR has to be stopped before.

    \b
    Examples:
      dcmtools archive remove archive/ --study 1.2.840.113619.2.1 --dry-run
      dcmtools archive remove archive/ --patient PAT042 --yes
    """
    from dcmtools.archive.removing import remove
    from dcmtools.results import Extent

    extent = Extent()
    results = remove(folder, wanted, agree=agreement(yes=yes), dry_run=dry_run, extent=extent)
    return app.report(results, COLUMNS, output, summary="" if dry_run else "removed", extent=extent)

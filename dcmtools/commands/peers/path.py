"""``dcmtools peers path``: the file itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.options import output_options

if TYPE_CHECKING:
    from dcmtools.errors import ExitStatus
    from dcmtools.output.reporter import OutputOptions


@click.command("path")
@output_options
@pass_app
def command(app: App, output: OutputOptions) -> ExitStatus:
    """Print where config.toml is.

    Or would be: the file does not have to exist.

    \b
    Examples:
      dcmtools peers path
      "$EDITOR" "$(dcmtools peers path)"
    """
    from dcmtools.config.editing import show_path

    return app.report(show_path(), (), output)

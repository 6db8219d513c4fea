"""``dcmtools completion``: what makes a shell complete our command lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.options import output_options
from dcmtools.results import Result

if TYPE_CHECKING:
    from dcmtools.errors import ExitStatus
    from dcmtools.output.reporter import OutputOptions


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@output_options
@pass_app
def command(app: App, shell: str, output: OutputOptions) -> ExitStatus:
    """Print a script for the shell's completion.

    It completes commands, options, their choices, configured peers, keywords of the data dictionary and
    files. A package of dcmtools puts the scripts where the shells find them by themselves.

    \b
    Examples:
      . <(dcmtools completion bash)
      dcmtools completion zsh > ~/.zfunc/_dcmtools
      dcmtools completion fish > ~/.config/fish/completions/dcmtools.fish
    """
    from dcmtools.cli.scripts import SCRIPTS

    script = SCRIPTS[shell]
    return app.report([Result(shell, {"shell": shell, "script": script}, text=script)], (), output)

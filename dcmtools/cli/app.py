"""What every command gets from the shell: the streams, the verbosity, and the way to report."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from dcmtools.cli.logs import LogFile, logging_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dcmtools.errors import ExitStatus
    from dcmtools.output.console import Console
    from dcmtools.output.reporter import OutputOptions
    from dcmtools.results import Result


class App:
    """One run of the program."""

    def __init__(self) -> None:
        """Start with nothing asked for: neither verbose nor quiet."""
        self.name = "dcmtools"
        self.verbosity = 0
        self.quiet = False
        self.debug = False
        self.log: LogFile | None = None

    @property
    def level(self) -> int:
        """How much to say: -1 errors only, 0 warnings too, 1 what is done, 2 everything."""
        if self.debug:
            return 2
        return -1 if self.quiet else min(self.verbosity, 2)

    def console(self) -> Console:
        """Return the two streams of this moment."""
        from dcmtools.output.console import Console

        return Console(sys.stdout, sys.stderr, self.log.write if self.log else None)

    def log_to(self, path: str) -> None:
        """Append what is said to the file at ``path`` too; raises UsageError where that cannot be."""
        self.close()
        self.log = LogFile(path)

    def close(self) -> None:
        """Let go of the log file."""
        if self.log:
            self.log.close()
            self.log = None

    def report(
        self,
        results: Iterable[Result],
        columns: Sequence[str],
        output: OutputOptions,
        *,
        summary: str = "",
        drain: bool = False,
        total: int | None = None,
    ) -> ExitStatus:
        """Show ``results`` as they happen and return the exit status they add up to.

        ``columns`` names the record fields of a row. ``summary`` is the verb ("stored") of a closing
        line that always appears, and of a progress line on a terminal, of ``total`` items where that is
        known. With ``drain`` the results are worked off even when nobody reads stdout any more.
        """
        from dcmtools.output.reporter import Reporter

        console = self.console()
        reporter = Reporter(
            console, self.name, verbosity=self.level, summary=summary, drain=drain, total=total
        )
        with logging_of(self):
            return reporter.run(results, columns, output, color=_color(output, console))


def _color(output: OutputOptions, console: Console) -> bool:
    if output.color != "auto":
        return output.color == "always"
    from dcmtools.config import color_allowed

    return console.out_is_terminal and color_allowed()


pass_app = click.make_pass_decorator(App, ensure=True)
"""Calls a command with the App first."""

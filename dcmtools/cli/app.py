"""What every command gets from the shell: the streams, the verbosity, and the way to report."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click

from dcmtools.cli.logs import LogFile, logging_of
from dcmtools.config import color_allowed, terminal_is_dumb
from dcmtools.escaping import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dcmtools.errors import ExitStatus
    from dcmtools.output.console import Console
    from dcmtools.output.pager import PagedConsole
    from dcmtools.output.progress import Progress
    from dcmtools.output.report import Report
    from dcmtools.output.reporter import OutputOptions
    from dcmtools.results import Extent, Result


class App:
    """One run of the program."""

    def __init__(self) -> None:
        """Start with nothing asked for: neither verbose nor quiet."""
        self.name = "dcmtools"
        self.verbosity = 0
        self.quiet = False
        self.debug = False
        self.log: LogFile | None = None
        self.incomplete = False
        self._console: Console | None = None  # while results are shown

    @property
    def level(self) -> int:
        """How much to say: -1 errors only, 0 warnings too, 1 what is done, 2 everything."""
        if self.debug:
            return 2
        return -1 if self.quiet else min(self.verbosity, 2)

    def console(self) -> Console:
        """Return the two streams of this moment."""
        if self._console:
            return self._console
        from dcmtools.output.console import Console

        return Console(sys.stdout, sys.stderr, self.log.write if self.log else None)

    def log_to(self, path: str) -> None:
        """Append what is said to the file at ``path`` too; raises UsageError where that cannot be."""
        self.close()
        self.log = LogFile(path, self.lose)

    def lose(self, what: str) -> None:
        """Say ``what`` did not reach the user, which makes the exit status 0 a 1, and go on."""
        self.incomplete = True
        self.console().say(f"{self.name}: {escape(what)}")

    def close(self) -> None:
        """Let go of the log file."""
        if self.log:
            self.log.close()
            self.log = None

    def unlog(self) -> None:
        """Log no more, as if there had been no log file."""
        if self.log:
            self.log.withdraw()
            self.close()

    def report(
        self,
        results: Iterable[Result],
        columns: Sequence[str],
        output: OutputOptions,
        *,
        summary: object = "",
        drain: bool = False,
        paged: bool = False,
        extent: Extent | None = None,
    ) -> ExitStatus:
        """Show ``results`` as they happen and return the exit status they add up to.

        ``columns`` names the record fields of a row. ``summary`` is the verb ("stored") of a closing
        line that always appears, as it is then, with a bar before that on a terminal, as long as ``extent``
        says where the operation tells it. With ``drain`` the results are worked off even when nobody reads
        stdout any more. What is ``paged`` goes through the pager, where a person reads it as text.
        """
        from dcmtools.output.reporter import Reporter

        paged = paged and not output.structured
        acting = bool(summary or output.report)
        with self._showing(paged=paged) as console, logging_of(self), _sigterm_as_ctrl_c(wanted=acting):
            report = _report(output, self.name)
            progress = self._progress(console, output, extent) if summary and not paged else None
            reporter = Reporter(
                console,
                self.name,
                verbosity=self.level,
                summary=summary,
                drain=drain,
                progress=progress,
                report=report,
            )
            return reporter.run(results, columns, output, color=self.is_colored(output), extent=extent)

    def is_colored(self, output: OutputOptions) -> bool:
        """Return whether stdout gets colour."""
        return _is_colored(output, on_terminal=self.console().out_is_terminal)

    @contextmanager
    def _showing(self, *, paged: bool) -> Iterator[Console]:
        """Make the console that everything goes to, logs and warnings too, while results are shown."""
        with ExitStack() as held:
            console = self.console()
            if paged and console.out_is_terminal:
                console = held.enter_context(self._paged())
            self._console = console
            try:
                yield console
            finally:
                self._console = None

    @contextmanager
    def _paged(self) -> Iterator[PagedConsole]:
        from dcmtools.config import pager_command, pager_environment
        from dcmtools.output.pager import PagedConsole

        log = self.log.write if self.log else None
        pager = pager_command()
        with PagedConsole(sys.stdout, sys.stderr, log, pager, pager_environment()) as console:
            yield console
        if console.status:
            what = f"status {console.status}" if console.status > 0 else f"signal {-console.status}"
            lost = "it may not have shown all; --no-pager does without"
            self.lose(f"the pager, {pager[0]}, ended with {what}: {lost}")

    def _progress(self, console: Console, output: OutputOptions, extent: Extent | None) -> Progress | None:
        if not console.err_is_terminal or self.level < 0 or terminal_is_dumb():
            return None
        from dcmtools.output.progress import Progress

        return Progress(console, extent, color=_is_colored(output, on_terminal=True))


def _report(output: OutputOptions, name: str) -> Report | None:
    """Begin the report that ``output`` asks for, if any; raises UsageError where it cannot be written."""
    if output.report is None:
        return None
    from dcmtools.output.report import Report

    return Report(output.report, name.removeprefix("dcmtools "), output.fields)


@contextmanager
def _sigterm_as_ctrl_c(*, wanted: bool) -> Iterator[None]:
    """Have SIGTERM, where it would end the process on the spot, end the run as Ctrl-C does.

    So there is a closing line, and a report.
    """
    if not wanted:
        yield
        return
    import signal
    import threading

    with ExitStack() as held:
        mine = threading.current_thread() is threading.main_thread()
        if mine and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            held.callback(signal.signal, signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        yield


def _is_colored(output: OutputOptions, *, on_terminal: bool) -> bool:
    if output.color != "auto":
        return output.color == "always"
    return on_terminal and color_allowed()


pass_app = click.make_pass_decorator(App, ensure=True)
"""Calls a command with the App first."""

"""Consumes the stream of results: shows each as it happens, counts, and knows how the program ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from dcmtools.errors import DcmtoolsError, ExitStatus, OutputError
from dcmtools.escaping import escape
from dcmtools.output.progress import Progress
from dcmtools.output.table import Table
from dcmtools.results import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dcmtools.output.console import Console
    from dcmtools.results import Result

_TROUBLE = (Outcome.WARNING, Outcome.FAILED, Outcome.SKIPPED)
Format = Literal["text", "json"]
Color = Literal["auto", "always", "never"]


class OutputOptions(NamedTuple):
    """How results are shown."""

    format: Format = "text"
    color: Color = "auto"

    @property
    def structured(self) -> bool:
        """Whether a program reads the results."""
        return self.format == "json"


class Reporter:
    """Shows one run's results; made for that run only."""

    def __init__(
        self,
        console: Console,
        name: str,
        *,
        verbosity: int = 0,
        summary: str = "",
        drain: bool = False,
        total: int | None = None,
    ) -> None:
        """Report as ``name``; see ``App.report`` for the rest."""
        self._console = console
        self._name = name
        self._verbosity = verbosity
        self._summary = summary
        self._drain = drain
        self._counts = dict.fromkeys(Outcome, 0)
        self._failures: set[ExitStatus] = set()
        self._hints: set[str] = set()
        self._broken: BrokenPipeError | OutputError | None = None
        watched = bool(summary) and console.err_is_terminal and verbosity >= 0
        self._progress = Progress(console, summary, total) if watched else None

    def run(
        self, results: Iterable[Result], columns: Sequence[str], output: OutputOptions, *, color: bool
    ) -> ExitStatus:
        """Show every result as it comes and return the exit status that they add up to."""
        table = Table(columns, aligned=self._console.out_is_terminal, color=color)
        try:
            for result in results:
                self._message(result)
                if result.raw is not None:
                    self._write(result.raw)
                elif output.structured:
                    self._write_json(result)
                elif result.text is not None:
                    self._write(result.text)
                elif result.outcome is not Outcome.SKIPPED and result.record and columns:
                    self._write(table.row(result))
                if self._broken and not self._drain:
                    break
                if self._progress:
                    self._progress.show(sum(self._counts.values()))
        except DcmtoolsError as error:  # what ended the run rather than one item
            self._fail("", error)
        finally:
            close = getattr(results, "close", None)
            if close is not None:
                close()
        self._summarize()
        return self._status()

    def _write_json(self, result: Result) -> None:
        from dcmtools.output.jsonl import json_line

        self._write(json_line(result), "utf-8")

    def _write(self, text: str | bytes, encoding: str = "") -> None:
        if self._broken:
            return
        try:
            self._console.write(text, encoding)
        except BrokenPipeError as error:
            self._broken = error
        except OutputError as error:
            self._broken = error
            self._tell("", error)

    def _message(self, result: Result) -> None:
        if result.outcome is Outcome.FAILED:
            self._fail(result.item, result.error or DcmtoolsError("failed"))
            return
        self._counts[result.outcome] += 1
        if result.note and self._verbosity >= (0 if result.outcome is Outcome.WARNING else 1):
            kind = "" if result.outcome is Outcome.DONE else f"{result.outcome}: "
            self._say(result.item, kind + escape(result.note))

    def _fail(self, item: str, error: DcmtoolsError) -> None:
        self._counts[Outcome.FAILED] += 1
        self._failures.add(error.status)
        self._tell(item, error)

    def _tell(self, item: str, error: DcmtoolsError) -> None:
        self._say(item, escape(error.message))
        if error.hint and error.hint not in self._hints:
            self._hints.add(error.hint)
            self._console.say(f"hint: {escape(error.hint)}")

    def _say(self, item: str, message: str) -> None:
        self._console.say(": ".join(filter(None, (self._name, escape(item), message))))

    def _summarize(self) -> None:
        if self._verbosity < 0 or (self._broken and not self._drain):
            return
        done = self._counts[Outcome.DONE]
        others = [(self._counts[outcome], outcome) for outcome in _TROUBLE if self._counts[outcome]]
        if self._summary or (others and sum(self._counts.values()) > 1):
            parts = [f"{done} {self._summary or 'done'}", *(_counted(*other) for other in others)]
            self._console.say(", ".join(parts))

    def _status(self) -> ExitStatus:
        if isinstance(self._broken, BrokenPipeError):
            return ExitStatus.STDOUT_CLOSED
        if ExitStatus.INTERRUPTED in self._failures:
            return ExitStatus.INTERRUPTED
        if self._broken:
            return self._broken.status
        if not self._failures:
            return ExitStatus.DONE
        succeeded = self._counts[Outcome.DONE] or self._counts[Outcome.WARNING]
        return ExitStatus.PARTIAL if succeeded or len(self._failures) > 1 else next(iter(self._failures))


def _counted(count: int, outcome: Outcome) -> str:
    return (
        f"{count} warning{'s' if count > 1 else ''}" if outcome is Outcome.WARNING else f"{count} {outcome}"
    )

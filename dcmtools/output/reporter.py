"""Consumes the stream of results: shows each as it happens, counts, and knows how the program ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from dcmtools.errors import DcmtoolsError, ExitStatus, OutputError, as_told
from dcmtools.escaping import escape
from dcmtools.output.table import Table
from dcmtools.results import Extent, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dcmtools.output.console import Console
    from dcmtools.output.jsonl import Document
    from dcmtools.output.progress import Progress
    from dcmtools.output.report import Report, ReportOptions

_TROUBLE = (Outcome.WARNING, Outcome.FAILED, Outcome.UNKNOWN, Outcome.SKIPPED)
# How many of the items that one and the same error kept from being done are named, unless -v is given.
_NAMED: Final = 3
Format = Literal["text", "json", "csv", "tsv", "dicom-json"]
Color = Literal["auto", "always", "never"]


class OutputOptions(NamedTuple):
    """How results are shown, and reported on in a file.

    ``fields`` are those of the records, in their order, where a form wants to know them beforehand.
    """

    format: Format = "text"
    color: Color = "auto"
    report: ReportOptions | None = None
    fields: Sequence[str] = ()

    @property
    def structured(self) -> bool:
        """Whether a program reads the results."""
        return self.format != "text"


class Reporter:
    """Shows one run's results; made for that run only."""

    def __init__(
        self,
        console: Console,
        name: str,
        *,
        verbosity: int = 0,
        summary: object = "",
        drain: bool = False,
        progress: Progress | None = None,
        report: Report | None = None,
    ) -> None:
        """Speak as ``name``, and write ``report`` too; see ``App.report`` for the rest."""
        self._console = console
        self._name = name
        self._verbosity = verbosity
        self._summary = summary
        self._drain = drain
        self._counts = dict.fromkeys(Outcome, 0)
        self._unselected = 0
        self._failures: set[ExitStatus] = set()
        self._succeeded = False  # in anything that weighs
        self._hints: set[str] = set()
        self._cause: DcmtoolsError | None = None  # of the last failure
        self._alike = 0  # how many items failed for it
        self._broken: BrokenPipeError | OutputError | None = None
        self._progress = progress
        self._report = report
        self._unreported = False
        self._document: Document | None = None

    def run(
        self,
        results: Iterable[Result],
        columns: Sequence[str],
        output: OutputOptions,
        *,
        color: bool,
        extent: Extent | None = None,
    ) -> ExitStatus:
        """Show every result as it comes and return the exit status that they add up to.

        A list, the results of which are all there, is aligned as a whole. ``extent`` has the words of the
        closing line, once all is done.
        """
        try:
            self._work_off(results, columns, output, color=color)
        except BaseException as error:
            told = as_told(error)
            self._enter(Result.failed("", told))
            self._end_report(told.status)
            raise
        self._end_report(self._status())
        self._summarize(extent or Extent())
        return self._status()

    def _work_off(
        self, results: Iterable[Result], columns: Sequence[str], output: OutputOptions, *, color: bool
    ) -> None:
        table = Table(columns, aligned=self._console.out_is_terminal, color=color)
        if isinstance(results, list):
            table.fit(results)
        self._document = _document(output)
        if self._progress:
            self._progress.start(self._counts)
        try:
            for result in results:
                self._take(result, table if columns else None)
                if self._console.is_deserted() or (self._broken and not self._drain):
                    self._enter(Result.failed("", as_told(self._broken or BrokenPipeError())))
                    break
                if self._progress:
                    self._progress.tick()
        except (DcmtoolsError, KeyboardInterrupt) as ended:  # the run, rather than one item
            error = as_told(ended)
            self._failures.add(error.status)
            self._count_unnamed()
            self._tell("", error)
            self._enter(Result.failed("", error))
        finally:
            self._count_unnamed()
            if self._progress:
                self._progress.stop()
            close = getattr(results, "close", None)
            if close is not None:
                close()
        if self._document and ExitStatus.INTERRUPTED not in self._failures:
            self._write_utf8(self._document.end())

    def _take(self, result: Result, table: Table | None) -> None:
        if not result.selected:
            self._unselected += 1
            return
        self._enter(result)
        self._message(result)
        self._show(result, table)

    def _show(self, result: Result, table: Table | None) -> None:
        if result.raw is not None:
            self._write(result.raw)
        elif self._document:
            self._write_utf8(self._document.add(result))
        elif result.text is not None:
            self._write(result.text)
        elif result.rows and table:
            self._write(table.rows(result.rows))
        elif result.outcome is not Outcome.SKIPPED and table and table.tells(result):
            self._write(table.row(result))

    def _write_utf8(self, text: str) -> None:
        if text:
            self._write(text, "utf-8")

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

    def _enter(self, result: Result) -> None:
        """Take ``result`` into the report."""
        if self._report:
            try:
                self._report.add(result)
            except OutputError as error:
                self._give_up_report(error)

    def _end_report(self, status: ExitStatus) -> None:
        if self._report:
            try:
                self._report.finish(status)
            except OutputError as error:
                self._give_up_report(error)

    def _give_up_report(self, error: OutputError) -> None:
        self._report = None
        self._unreported = True
        self._tell("", error)

    def _message(self, result: Result) -> None:
        if result.outcome in (Outcome.FAILED, Outcome.UNKNOWN):
            self._counts[result.outcome] += result.counted
            self._fail(result.item, result.error or DcmtoolsError("failed"), result.outcome)
            return
        self._counts[result.outcome] += result.counted
        if result.outcome is not Outcome.SKIPPED:
            self._succeeded |= bool(result.counted) if result.weighs is None else result.weighs
        if result.note and self._verbosity >= (0 if result.outcome is Outcome.WARNING else 1):
            kind = "" if result.outcome is Outcome.DONE else f"{result.outcome}: "
            self._say(result.item, kind + escape(result.note))

    def _fail(self, item: str, error: DcmtoolsError, outcome: Outcome = Outcome.FAILED) -> None:
        self._failures.add(error.status)
        if error is not self._cause:
            self._count_unnamed()
            self._cause = error
        self._alike += 1
        before = "outcome unknown: " if outcome is Outcome.UNKNOWN else ""
        if self._alike <= _NAMED or self._verbosity > 0:
            self._tell(item, error, before)
        else:
            self._console.log(self._line(item, before + escape(error.message)))

    def _count_unnamed(self) -> None:
        """Say of how many items the cause was not told, now that no more of them follow."""
        if self._cause and self._alike > _NAMED and self._verbosity <= 0:
            self._console.show(
                self._line("", f"and {self._alike - _NAMED} more: {escape(self._cause.message)}")
            )
        self._cause, self._alike = None, 0

    def _tell(self, item: str, error: DcmtoolsError, before: str = "") -> None:
        self._say(item, before + escape(error.message))
        if error.hint and error.hint not in self._hints:
            self._hints.add(error.hint)
            self._console.say(f"hint: {escape(error.hint)}")

    def _say(self, item: str, message: str) -> None:
        self._console.say(self._line(item, message))

    def _line(self, item: str, message: str) -> str:
        return ": ".join(filter(None, (self._name, escape(item), message)))

    def _summarize(self, extent: Extent) -> None:
        if self._verbosity < 0 or (self._broken and not self._drain):
            return
        done, warned = self._counts[Outcome.DONE], 0
        if extent.warned:
            warned, self._counts[Outcome.WARNING] = self._counts[Outcome.WARNING], 0
        others = [(self._counts[outcome], outcome) for outcome in _TROUBLE if self._counts[outcome]]
        several = sum(self._counts.values(), warned + self._unselected) > 1
        if self._summary or (several and (others or self._unselected)):
            parts = [f"{_several(done + warned, extent.unit)} {self._summary or 'done'}"]
            parts += [f"{warned} {extent.warned}" if warned else "", extent.closing]
            for count, outcome in others:
                of_them = extent.failed if outcome is Outcome.FAILED else ""
                parts += [_counted(count, outcome, extent.unit), of_them]
            if self._unselected:
                parts.append(f"{_several(self._unselected, extent.unit)} not selected")
            self._console.say(", ".join(filter(None, parts)))

    def _status(self) -> ExitStatus:
        if isinstance(self._broken, BrokenPipeError):
            return ExitStatus.STDOUT_CLOSED
        if ExitStatus.INTERRUPTED in self._failures:
            return ExitStatus.INTERRUPTED
        if self._broken:
            return self._broken.status
        if not self._failures:
            return ExitStatus.PARTIAL if self._unreported else ExitStatus.DONE
        return (
            ExitStatus.PARTIAL if self._succeeded or len(self._failures) > 1 else next(iter(self._failures))
        )


def _document(output: OutputOptions) -> Document | None:
    if not output.structured:
        return None
    if output.format in ("csv", "tsv"):
        from dcmtools.output.rows import CsvRows, TsvRows

        return (CsvRows if output.format == "csv" else TsvRows)(output.fields)
    from dcmtools.output.jsonl import DataSets, JsonLines

    return DataSets() if output.format == "dicom-json" else JsonLines()


def _counted(count: int, outcome: Outcome, unit: str) -> str:
    return _several(count, "warning") if outcome is Outcome.WARNING else f"{_several(count, unit)} {outcome}"


def _several(count: int, unit: str) -> str:
    return f"{count} {unit}{'' if count == 1 else 's'}" if unit else f"{count}"

"""Values separated by commas (RFC 4180) or by tabs: a header, and a row for each result."""

from __future__ import annotations

from csv import writer
from typing import TYPE_CHECKING, Final

from dcmtools.escaping import escape
from dcmtools.output.jsonl import harmless

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmtools.output.jsonl import Run
    from dcmtools.results import Result

ENDING: Final = ("outcome", "error_code", "error_message", "note")
# What a spreadsheet takes for the beginning of a formula, and the mark that keeps it from doing so.
_FORMULA: Final = ("=", "+", "-", "@", "'")


class CsvRows:
    """Rows that are one line each, whatever stands in them."""

    def __init__(self, fields: Sequence[str]) -> None:
        """Have a column for each of ``fields`` of the records, in this order, and for how an item ended."""
        self._fields = fields
        self._writer = writer(_Returning(), lineterminator="\n")
        self._started = False

    def begin(self, _run: Run) -> str:
        """Return nothing: the header is part of the rows."""
        return ""

    def add(self, result: Result) -> str:
        """Return the row, after the header where it is the first."""
        record = result.record or dict.fromkeys(self._fields[:1], result.item)
        cells = [self._cell(record.get(field)) for field in self._fields]
        code, message = (result.error.code, result.error.message) if result.error else ("", "")
        return self.end() + self._line(
            [*cells, result.outcome, code, self._cell(message), self._cell(result.note)]
        )

    def end(self) -> str:
        """Return the header where there was no row, else nothing."""
        if self._started:
            return ""
        self._started = True
        return self._line([*self._fields, *ENDING])

    def _line(self, cells: Sequence[str]) -> str:
        return str(self._writer.writerow(cells))

    def _cell(self, value: object) -> str:
        """Return text escaped and never a formula, nothing for None, and anything else as JSON has it."""
        if value is None:
            return ""
        if not isinstance(value, str):
            return harmless(value)
        return escape(f"'{value}" if value.startswith(_FORMULA) else value)


class TsvRows(CsvRows):
    """Rows with tabs between the cells, none of which has one: no cell is quoted, none is a formula."""

    def _line(self, cells: Sequence[str]) -> str:
        return "\t".join(cells) + "\n"

    def _cell(self, value: object) -> str:
        return "" if value is None else escape(value) if isinstance(value, str) else harmless(value)


class _Returning:
    """The file of a ``csv.writer`` whose ``writerow`` is to return the line."""

    def write(self, line: str) -> str:
        return line

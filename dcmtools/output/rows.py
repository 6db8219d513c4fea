"""Values separated by commas (RFC 4180) or by tabs: a header, and a row for each result."""

from __future__ import annotations

import re
from csv import writer
from typing import TYPE_CHECKING, Final

from dcmtools.escaping import escape
from dcmtools.results import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmtools.output.jsonl import Run
    from dcmtools.results import Result

ENDING: Final = ("outcome", "error_code", "error_message", "note")
# What a spreadsheet takes for the beginning of a formula, and the mark that keeps it from doing so.
_FORMULA: Final = ("=", "+", "-", "@", "'")
_NUMBERS: Final = r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?(?:\\[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)*"
_MOST_KNOWN: Final = 4096
_LONGEST_KNOWN: Final = 256


class CsvRows:
    """Rows that are one line each, whatever stands in them."""

    _between = ","

    def __init__(self, fields: Sequence[str]) -> None:
        """Have a column for each of ``fields`` of the records, in this order, and for how an item ended."""
        self._fields = fields
        self._writer = writer(_Returning(), lineterminator="\n")
        self._started = False
        self._known: dict[object, str] = {}

    def begin(self, _run: Run) -> str:
        """Return nothing: the header is part of the rows."""
        return ""

    def add(self, result: Result) -> str:
        """Return the row, or the rows, after the header where it is the first.

        Where no column is for files, the name of one stands before what there is to be said of it.
        """
        if result.rows:
            return self.end() + self._many(result.rows)
        record = result.record or dict.fromkeys(self._fields[:1], result.item)
        cells = [self._cell(record.get(field)) for field in self._fields]
        code, message = (result.error.code, result.error.message) if result.error else ("", "")
        file = "" if "file" in self._fields else record.get("file", "")
        told = [self._cell(f"{file}: {text}" if file and text else text) for text in (message, result.note)]
        return self.end() + self._line([*cells, result.outcome, code, *told])

    def end(self) -> str:
        """Return the header where there was no row, else nothing."""
        if self._started:
            return ""
        self._started = True
        return self._line([*self._fields, *ENDING])

    def _many(self, rows: Sequence[Sequence[object]]) -> str:
        """Return the lines of rows that ended well."""
        known, put, between = self._known, self._put, self._between
        ending = between.join(["", Outcome.DONE, "", "", "\n"])
        lines = [
            between.join([known[value] if value in known else put(value) for value in row]) for row in rows
        ]
        if len(known) > _MOST_KNOWN:
            known.clear()
        return ending.join([*lines, ""])

    def _put(self, value: object) -> str:
        """Return a cell as it stands in a line, and remember it unless it is long."""
        cell = self._cell(value)
        quoted = self._line([cell])[:-1] if cell else ""
        if len(quoted) <= _LONGEST_KNOWN:
            self._known[value] = quoted
        return quoted

    def _line(self, cells: Sequence[str]) -> str:
        return str(self._writer.writerow(cells))

    def _cell(self, value: object) -> str:
        """Return text escaped and never a formula, nothing for None, and anything else as JSON has it.

        A number, or several with backslashes between them, is no formula, whatever its sign.
        """
        if value is None:
            return ""
        if not isinstance(value, str):
            return _as_json(value)
        formula = value.startswith(_FORMULA) and not re.fullmatch(_NUMBERS, value)
        return escape(f"'{value}" if formula else value)


class TsvRows(CsvRows):
    """Rows with tabs between the cells, none of which has one: no cell is quoted, none is a formula."""

    _between = "\t"

    def _line(self, cells: Sequence[str]) -> str:
        return "\t".join(cells) + "\n"

    def _cell(self, value: object) -> str:
        return "" if value is None else escape(value) if isinstance(value, str) else _as_json(value)


def _as_json(value: object) -> str:
    from dcmtools.output.jsonl import harmless  # which rows of text alone do not need

    return harmless(value)


class _Returning:
    """The file of a ``csv.writer`` whose ``writerow`` is to return the line."""

    def write(self, line: str) -> str:
        return line

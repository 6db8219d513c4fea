"""Rows for people: aligned and coloured on a terminal, tab-separated in a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.escaping import escape
from dcmtools.results import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dcmtools.results import Result

_COLORS = {Outcome.FAILED: "\x1b[31m", Outcome.WARNING: "\x1b[33m"}
_RESET = "\x1b[0m"
_BOLD = "\x1b[1m"
_STEP = 8


class Table:
    """Formats results one by one.

    Where a wider cell comes its column grows, in steps: so not every row is out of line with those before.
    """

    def __init__(self, columns: Sequence[str], *, aligned: bool, color: bool) -> None:
        """Show the record fields ``columns``; ``aligned`` adds a header and pads the cells."""
        self._columns = columns
        self._aligned = aligned
        self._color = color
        self._widths = [len(column) for column in columns]
        self._started = False

    def fit(self, results: Sequence[Result]) -> None:
        """Make the columns as wide as these rows want them."""
        for cells in map(self._cells, results):
            self._fit(cells)

    def _fit(self, cells: Sequence[str]) -> None:
        self._widths = [max(width, _width(cell)) for width, cell in zip(self._widths, cells, strict=True)]

    def tells(self, result: Result) -> bool:
        """Tell whether a row shows something; of what failed, more than its name."""
        failed = result.outcome in (Outcome.FAILED, Outcome.UNKNOWN)
        return any(result.record.get(column) is not None for column in self._columns[failed:])

    def row(self, result: Result) -> str:
        """Return the line, or the header and the line, that shows ``result``."""
        return self._line(self._cells(result), _COLORS.get(result.outcome))

    def rows(self, rows: Iterable[Sequence[object]]) -> str:
        """Return the lines that show all of ``rows``, aligned with each other."""
        all_cells = [[_cell(value) for value in row] for row in rows]
        for cells in all_cells:
            self._fit(cells)
        return "".join([self._line(cells, None) for cells in all_cells])

    def _line(self, cells: Sequence[str], color: str | None) -> str:
        if not self._aligned:
            return self._paint("\t".join(cells), color) + "\n"
        self._widths = [_grown(width, _width(cell)) for width, cell in zip(self._widths, cells, strict=True)]
        line = self._paint(self._pad(cells), color) + "\n"
        if self._started:
            return line
        self._started = True
        header = self._pad([_title(column) for column in self._columns])
        return self._paint(header, _BOLD) + "\n" + line

    def _cells(self, result: Result) -> list[str]:
        return [_cell(result.record.get(column)) for column in self._columns]

    def _pad(self, cells: Sequence[str]) -> str:
        padded = [
            cell + " " * (width - _width(cell)) for cell, width in zip(cells, self._widths, strict=True)
        ]
        return "  ".join(padded).rstrip(" ")

    def _paint(self, line: str, color: str | None) -> str:
        return f"{color}{line}{_RESET}" if self._color and color else line


def _grown(width: int, wanted: int) -> int:
    return width if wanted <= width else -(-wanted // _STEP) * _STEP


def _title(column: str) -> str:
    """Return the head of a column; a keyword of the Standard stays as it is."""
    return column.replace("_", " ").upper() if column.islower() else column


def _cell(value: object) -> str:
    if isinstance(value, str):
        return escape(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(_cell(item) for item in value)
    return escape(str(value))


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)

"""Small tables that a person gives as CSV, and complaints that name the line."""

from __future__ import annotations

from csv import Error as CsvError
from csv import reader
from typing import TYPE_CHECKING, Final

from dcmtools.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST: Final = 64 * 1024 * 1024  # bytes of a map, which is kept in memory


def rows_of(path: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of the map at ``path`` that are not empty, each with the number of the line it ends on.

    Commas, semicolons or tabs stand between the cells, whichever the first line has. Raises UsageError,
    naming the line, for what is no CSV in UTF-8, cannot be read, or has more than 64 MiB.
    """
    text = _text(path)
    head = text.partition("\n")[0]
    delimiter = next((mark for mark in ",;\t" if mark in head), ",")
    found = reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    try:
        for row in found:
            if any(cell.strip() for cell in row):
                yield found.line_num, row
    except CsvError as error:
        raise UsageError(f"{path}: line {found.line_num}: {error}") from error


def _text(path: str) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(_LONGEST + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path or repr(path)}: {getattr(error, 'strerror', None) or error}") from error
    if len(data) > _LONGEST:
        raise UsageError(f"{path}: a map has {_LONGEST} bytes at most")
    try:
        if b"\0" in data:  # UTF-16, most likely
            data = b"\xff"
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        hint = "spreadsheets have 'CSV UTF-8' among what they save as"
        raise UsageError(f"{path}: line {line}: this is not UTF-8", hint=hint) from error

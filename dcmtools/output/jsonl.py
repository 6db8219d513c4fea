"""The forms in JSON: an object a line, an array of data sets (PS3.18 F), a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from dcmtools.errors import AssociationError
from dcmtools.escaping import escape

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping

    from dcmtools.errors import DcmtoolsError
    from dcmtools.results import Outcome, Result


class Document(Protocol):
    """What the results make together, a piece of text for each and one for the end; any may be empty."""

    def add(self, result: Result) -> str:
        """Return what ``result`` adds."""

    def end(self) -> str:
        """Return what is wanted after the last result."""


class Run(NamedTuple):
    """What is known of a run when it has ended; the times are those of ISO 8601."""

    command: str
    version: str
    started: str
    ended: str
    seconds: float
    status: int
    counts: Mapping[Outcome, int]


class ReportDocument(Document, Protocol):
    """A document that begins with what is known last."""

    def begin(self, run: Run) -> str:
        """Return what stands before everything else."""


class JsonLines:
    """A line for each result."""

    def add(self, result: Result) -> str:
        """Return the line."""
        return json_line(result)

    def end(self) -> str:
        """Return nothing."""
        return ""


class DataSets:
    """One array of the data sets in the DICOM JSON model, and nothing of results that have none."""

    def __init__(self) -> None:
        """Begin with none."""
        self._before = "["

    def add(self, result: Result) -> str:
        """Return the data set of ``result`` on a line of its own."""
        data_set = result.record.get("dataset")
        if data_set is None:
            return ""
        before, self._before = self._before, ","
        return f"{before}\n{harmless(data_set)}"

    def end(self) -> str:
        """Return the end of the array, or all of one that has nothing in it."""
        return "[]\n" if self._before == "[" else "\n]\n"


class JsonReport:
    """One object: the run, and in it the records that JSON Lines have, each on a line."""

    def __init__(self) -> None:
        """Begin with none."""
        self._before = ""

    def begin(self, run: Run) -> str:
        """Return the object up to the array of the records."""
        facts = run._asdict()
        del facts["seconds"]
        return f'{harmless(facts)[:-1]}, "results": ['

    def add(self, result: Result) -> str:
        """Return the record."""
        before, self._before = self._before, ","
        return f"{before}\n{json_line(result)[:-1]}"

    def end(self) -> str:
        """Return the end of the array and of the object."""
        return "\n]}\n" if self._before else "]}\n"


def json_line(result: Result) -> str:
    r"""Return ``result`` as a line of JSON: its record, then ``outcome``, then ``error`` and ``note`` if any.

    No character that could steer a terminal stands in it unescaped, and bytes of a file name that are
    not text appear as ``\xff``, so the line is valid UTF-8 whatever the input was. Raises TypeError or
    ValueError for a record that JSON cannot express, which is a bug of whoever made it.
    """
    fields: dict[str, object] = dict(result.record) or {"item": result.item}
    fields["outcome"] = result.outcome
    if result.error is not None:
        fields["error"] = _error(result.error)
    if result.note:
        fields["note"] = result.note
    return f"{harmless(fields)}\n"


def harmless(value: object) -> str:
    """Return ``value`` as JSON in one line that steers no terminal."""
    import json  # 5 ms that only these formats have to pay

    return escape(json.dumps(value, ensure_ascii=False, allow_nan=False), _escaped)


def _error(error: DcmtoolsError) -> dict[str, object]:
    fields: dict[str, object] = {"code": error.code, "message": error.message}
    if error.hint:
        fields["hint"] = error.hint
    if isinstance(error, AssociationError):
        fields["transient"] = error.transient
    return fields


def _escaped(match: re.Match[str]) -> str:
    """Return a character, which can only stand inside a string here, in JSON's own escapes."""
    char = match[0]
    if "\ud800" <= char <= "\udfff":
        return "\\" + escape(char)
    code = char.encode("utf-16-be").hex()
    return "".join(f"\\u{code[index : index + 4]}" for index in range(0, len(code), 4))

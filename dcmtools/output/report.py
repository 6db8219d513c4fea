"""A file that says what became of each item, written when the run has ended, in whichever way it has."""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from datetime import datetime
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from dcmtools import __version__
from dcmtools.errors import OutputError, UsageError
from dcmtools.output.jsonl import JsonReport, Run
from dcmtools.replacing import replacing
from dcmtools.results import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmtools.errors import ExitStatus
    from dcmtools.output.jsonl import ReportDocument
    from dcmtools.results import Result

Form = Literal["csv", "json", "junit"]
FORMS: Final[dict[str, Form]] = {".csv": "csv", ".json": "json", ".xml": "junit"}
"""The form of a report by the ending of its name."""
_LOOK: Final = 4096


class ReportOptions(NamedTuple):
    """Where the report goes, in which form."""

    path: str
    form: Form


class Report:
    """Gathers results in a file without a name, in the folder of the one to be written.

    So no memory is needed, a folder that is searched for inputs never shows what is unfinished, and what
    stands first can tell what is known last.
    """

    def __init__(self, options: ReportOptions, command: str, fields: Sequence[str]) -> None:
        """Report on ``command``, whose records have ``fields``; raises UsageError where it cannot be."""
        self._named = options.path
        self._path = os.path.realpath(options.path)  # a link to the file goes on being one
        self._command = command
        self._counts = dict.fromkeys(Outcome, 0)
        self._document = _document(options.form, command, fields)
        self._started, self._began = _now(), time.monotonic()
        try:
            _check(self._path)
            folder = os.path.dirname(self._path)
            self._spool = TemporaryFile(dir=folder)  # noqa: SIM115  it lives as long as the report
        except OSError as error:
            raise UsageError(f"report {self._named}: {error.strerror}") from error

    def add(self, result: Result) -> None:
        """Take ``result`` into the report; raises OutputError, and there will be none."""
        text = self._document.add(result)
        try:
            self._spool.write(text.encode())
        except OSError as error:
            self._close()
            raise self._lost(error) from error
        self._counts[result.outcome] += 1

    def finish(self, status: ExitStatus) -> None:
        """Write the file of a run that ends with ``status``; raises OutputError, and what was there stays."""
        seconds = time.monotonic() - self._began
        run = Run(self._command, __version__, self._started, _now(), seconds, int(status), self._counts)
        try:
            end = self._document.end()
            self._spool.seek(0)
            with replacing(self._path) as file:
                file.write(self._document.begin(run).encode())
                copyfileobj(self._spool, file)
                file.write(end.encode())
        except OSError as error:
            raise self._lost(error) from error
        finally:
            self._close()

    def _close(self) -> None:
        with suppress(OSError):  # what it still holds does not matter any more
            self._spool.close()

    def _lost(self, error: OSError) -> OutputError:
        return OutputError(f"report {self._named} is not written: {error.strerror}")


def _document(form: Form, command: str, fields: Sequence[str]) -> ReportDocument:
    if form == "json":
        return JsonReport()
    if form == "csv":
        from dcmtools.output.rows import CsvRows

        return CsvRows(fields)
    from dcmtools.output.junit import JUnit

    return JUnit(command)


def _check(path: str) -> None:
    """Raise UsageError where something at ``path`` must not be replaced, OSError where it may not be."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise UsageError(f"report {path}: there is something else than a file")
    with open(path, "r+b", buffering=0) as file:  # a file that is protected from writing stays
        if b"\0" in file.read(_LOOK):
            raise UsageError(f"report {path}: the file that is there is no report; it is not replaced")


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="milliseconds")

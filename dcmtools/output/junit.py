"""Results as test cases, in the XML that servers for continuous integration read (JUnit's)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.escaping import escape
from dcmtools.results import Outcome

if TYPE_CHECKING:
    from dcmtools.output.jsonl import Run
    from dcmtools.results import Result

_ELEMENTS: Final = {Outcome.FAILED: "failure", Outcome.UNKNOWN: "error"}
# U+FFFE and U+FFFF are no characters of XML 1.0; the others that are none do not pass escape().
_MARKUP: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\ufffe": r"\ufffe", "\uffff": r"\uffff"}
)


class JUnit:
    """One suite with a case for each result; a failure is one, an unknown outcome is an error."""

    def __init__(self, command: str) -> None:
        """Name the cases' class after ``command``."""
        self._name = _text(f"dcmtools {command}")
        self._class = self._name.replace(" ", ".")

    def begin(self, run: Run) -> str:
        """Return what stands before the cases."""
        counts = run.counts
        numbers = (
            f'tests="{sum(counts.values())}" failures="{counts[Outcome.FAILED]}" '
            f'errors="{counts[Outcome.UNKNOWN]}" skipped="{counts[Outcome.SKIPPED]}" time="{run.seconds:.3f}"'
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<testsuites name="{self._name}" {numbers}>\n'
            f'<testsuite name="{self._name}" {numbers} timestamp="{run.started}">\n'
            f'<properties>\n<property name="version" value="{_text(run.version)}"/>\n'
            f'<property name="exit_status" value="{run.status}"/>\n</properties>\n'
        )

    def add(self, result: Result) -> str:
        """Return the case of ``result``; it took the ``elapsed_ms`` of its record, if there is one."""
        took = result.record.get("elapsed_ms")
        time = f' time="{took / 1000:.3f}"' if isinstance(took, (int, float)) else ""
        name = _text(result.item) or self._name
        case = f'<testcase classname="{self._class}" name="{name}"{time}'
        inner = _ended(result)
        return f"{case}>{inner}</testcase>\n" if inner else f"{case}/>\n"

    def end(self) -> str:
        """Return what stands behind the cases."""
        return "</testsuite>\n</testsuites>\n"


def _ended(result: Result) -> str:
    """Return the element for how an item ended; one that is done has none unless there is a remark."""
    note = _text(result.note)
    if result.outcome is Outcome.SKIPPED:
        return f'<skipped message="{note}"/>'
    if element := _ELEMENTS.get(result.outcome):
        error = result.error
        message, hint, code = (error.message, error.hint, error.code) if error else ("failed", "", "failed")
        more = f"{_text(message)}\nhint: {_text(hint)}" if hint else _text(message)
        return f'<{element} type="{_text(code)}" message="{_text(message)}">{more}</{element}>'
    return f"<system-out>{result.outcome}: {note}</system-out>" if note else ""


def _text(text: str) -> str:
    return escape(text).translate(_MARKUP)

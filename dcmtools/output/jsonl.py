"""One JSON object a line: the form that scripts read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.errors import AssociationError
from dcmtools.escaping import escape

if TYPE_CHECKING:
    from dcmtools.errors import DcmtoolsError
    from dcmtools.results import Result


def json_line(result: Result) -> str:
    r"""Return ``result`` as a line of JSON: its record, then ``outcome``, then ``error`` and ``note`` if any.

    No character that could steer a terminal stands in it unescaped, and bytes of a file name that are
    not text appear as ``\xff``, so the line is valid UTF-8 whatever the input was. Raises TypeError or
    ValueError for a record that JSON cannot express, which is a bug of whoever made it.
    """
    import json  # 5 ms that only this format has to pay

    fields: dict[str, object] = dict(result.record) or {"item": result.item}
    fields["outcome"] = result.outcome
    if result.error is not None:
        fields["error"] = _error(result.error)
    if result.note:
        fields["note"] = result.note
    text = json.dumps(fields, ensure_ascii=False, allow_nan=False)
    if not text.isprintable():
        text = "".join(char if escape(char) == char else _escaped(char) for char in text)
    return f"{text}\n"


def _error(error: DcmtoolsError) -> dict[str, object]:
    fields: dict[str, object] = {"code": error.code, "message": error.message}
    if error.hint:
        fields["hint"] = error.hint
    if isinstance(error, AssociationError):
        fields["transient"] = error.transient
    return fields


def _escaped(char: str) -> str:
    """Return ``char``, which can only stand inside a string here, in JSON's own escapes."""
    if "\ud800" <= char <= "\udfff":
        return "\\" + escape(char)
    code = char.encode("utf-16-be").hex()
    return "".join(f"\\u{code[index : index + 4]}" for index in range(0, len(code), 4))

"""The text of ``config.toml`` with a peer more, or less, or another, and all else of it as it was."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

from dcmtools.statements import statements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dcmtools.statements import Statement


def table_lines(name: str, values: Mapping[str, object]) -> list[str]:
    """Return the table of a peer as lines of TOML."""
    header = f'[peers."{name}"]' if "." in name else f"[peers.{name}]"
    return [header, *(_line(key, value) for key, value in values.items())]


def appended(text: str, name: str, values: Mapping[str, object]) -> str:
    """Return ``text`` with the table of a new peer at its end."""
    newline = "\r\n" if "\r\n" in text else "\n"
    if text and not text.endswith("\n"):
        text += newline
    gap = "" if not text or text.endswith(newline * 2) else newline
    return text + gap + "".join(line + newline for line in table_lines(name, values))


def removed(text: str, name: str) -> str:
    """Return ``text`` without the table of a peer; the comments above it stay."""
    lines = text.split("\n")
    for run in reversed(_runs(lines, name)):
        first, end = run[0].first, run[-1].end
        if end < len(lines) and not lines[end].strip() and (first == 0 or not lines[first - 1].strip()):
            if end + 1 < len(lines):
                end += 1  # one blank line is enough
            else:
                first -= first > 0
        del lines[first:end]
    return "\n".join(lines)


def replaced(text: str, name: str, values: Mapping[str, object]) -> str:
    """Return ``text`` with other ``values`` in the table of a peer; lines that say the same stay.

    Where the peer has no table of its own the text comes back as it is.
    """
    lines = text.split("\n")
    said = [statement for run in _runs(lines, name) for statement in run]
    if not said or not said[0].is_header:
        return text
    end = "\r" if lines[said[0].first].endswith("\r") else ""
    missing = dict(values)
    for statement in reversed(said[1:]):
        old = tomllib.loads("\n".join(lines[statement.first : statement.end]) + "\n")
        key = statement.keys[0][-1]
        value = missing.pop(key, None)
        if old != {key: value}:
            lines[statement.first : statement.end] = [] if value is None else [_line(key, value) + end]
    at = said[0].end
    lines[at:at] = [_line(key, value) + end for key, value in missing.items()]
    return "\n".join(lines)


def _line(key: str, value: object) -> str:
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    return f"{key} = {json.dumps(number)}"  # what JSON makes of a printable text is TOML too


def _runs(lines: Sequence[str], name: str) -> list[list[Statement]]:
    """Return the statements about the peer, those together that follow each other."""
    runs: list[list[Statement]] = []
    before = False
    for statement in statements(lines):
        within = statement.is_within(("peers", name))
        if within and before:
            runs[-1].append(statement)
        elif within:
            runs.append([statement])
        before = within
    return runs

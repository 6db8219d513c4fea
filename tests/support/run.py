"""The program called in this process, with streams of its own."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

from dcmtools.cli.main import main

if TYPE_CHECKING:
    from dcmtools.cli.lazy import LazyGroup


class Run(NamedTuple):
    """What came of one call."""

    status: int
    stdout: str
    stderr: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """The JSON Lines on stdout."""
        return [json.loads(line) for line in self.stdout.splitlines()]


class _Stream(io.TextIOWrapper):
    terminal = False

    def isatty(self) -> bool:
        return self.terminal

    @property
    def text(self) -> str:
        self.flush()
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode(self.encoding)


def stream(data: bytes = b"", *, terminal: bool = False, encoding: str = "utf-8") -> _Stream:
    """Return an in-memory text stream that says it is a terminal if told to."""
    made = _Stream(io.BytesIO(data), encoding=encoding, errors="backslashreplace", write_through=True)
    made.terminal = terminal
    return made


def run(*args: object, stdin: bytes = b"", terminal: bool = False, group: LazyGroup | None = None) -> Run:
    """Call ``dcmtools ARGS`` and return its status and what it wrote; ``group`` stands in for the program."""
    stdout, stderr = stream(terminal=terminal), stream(terminal=terminal)
    with (
        patch.object(sys, "stdin", stream(stdin)),
        patch.object(sys, "stdout", stdout),
        patch.object(sys, "stderr", stderr),
    ):
        status = main([str(arg) for arg in args], group)
    return Run(status, stdout.text, stderr.text)

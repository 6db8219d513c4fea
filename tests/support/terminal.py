"""A program on a terminal of its own, as a person at the keyboard has it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_CONTROL = r"\x1b(?:\[[0-9;?>=]*[a-zA-Z]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[=>()][0-9A-Z]?)|[\x07\x00]"


class Terminal:
    """Type on it, and read what it shows."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.shown = ""
        self.raw = ""
        self._ahead = ""

    def type(self, keys: str) -> None:
        os.write(self._descriptor, keys.encode())

    def resize(self, columns: int) -> None:
        _resize(self._descriptor, columns)

    def read_until(self, pattern: str, within: float = 20) -> str:
        """Return what it shows once ``pattern`` is among it; control sequences left out.

        What comes after the pattern counts for the next call as well.
        """
        end = time.monotonic() + within
        raw = b""
        while True:
            text = self._ahead + re.sub(_CONTROL, "", raw.decode(errors="replace"))
            if found := re.search(pattern, text):
                self._ahead = text[found.end() :]
                self.shown += text[: found.end()]
                return text
            ready, _, _ = select.select([self._descriptor], [], [], max(0, end - time.monotonic()))
            assert ready, f"{pattern!r} did not appear after {self.shown[-2000:]!r}: {text[-2000:]!r}"
            some = self._some()
            raw += some
            self.raw += some.decode(errors="replace")

    def _some(self) -> bytes:
        try:
            return os.read(self._descriptor, 65536)
        except OSError as error:  # Linux's way to say that the program has ended
            raise AssertionError(f"the program ended after {self.shown[-2000:]!r}") from error


@contextmanager
def terminal(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Terminal]:
    """Run ``command`` on a terminal of 200 columns and 24 lines; leaving ends it."""
    process, descriptor = pty.fork()
    if process == 0:  # pragma: no cover  the child
        _resize(0, 200)
        os.execvpe(command[0], [*command], {**environment})  # noqa: S606  no shell is meant
    try:
        yield Terminal(descriptor)
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(descriptor)


def _resize(descriptor: int, columns: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

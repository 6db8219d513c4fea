"""The two streams: stdout for results, stderr for everything else."""

from __future__ import annotations

import os
from contextlib import suppress
from errno import EAGAIN
from threading import RLock
from typing import TYPE_CHECKING

from dcmtools.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO, TextIO

_ERASE = "\r\x1b[K"


class Console:
    """Writes results and messages without mixing them, and without tripping over a stream that ended."""

    def __init__(
        self, stdout: TextIO | None, stderr: TextIO | None, log: Callable[[str], None] | None = None
    ) -> None:
        """Take the streams as ``sys`` has them; one that is closed is None. ``log`` gets messages too."""
        self._stdout = stdout
        self._stderr = stderr
        self._log = log
        self._progress = False
        self._lock = RLock()  # what threads log shall not get into a line of progress
        self.out_is_terminal = stdout is not None and stdout.isatty()
        self.err_is_terminal = stderr is not None and stderr.isatty()

    def write(self, text: str | bytes, encoding: str = "") -> None:
        """Write ``text`` to stdout at once, in the stream's encoding unless one is given; bytes as they are.

        Raises BrokenPipeError when the reader has gone, OutputError when the bytes cannot be stored.
        """
        if self._stdout is None:
            raise OutputError("stdout is closed")
        if isinstance(text, str):
            text = text.encode(encoding or self._stdout.encoding or "utf-8", "backslashreplace")
        try:
            with self._lock:
                self.hide_progress()
                _write_all(self._stdout.buffer, text)
                self._stdout.buffer.flush()
        except OSError as error:
            self.abandon_stdout()
            if isinstance(error, BrokenPipeError):
                raise
            raise OutputError(f"stdout: {error.strerror}") from error

    def is_watched(self) -> bool:
        """Tell whether stderr is a terminal, and this program not in its background."""
        if self._stderr is None or not self.err_is_terminal:
            return False
        try:
            return os.tcgetpgrp(self._stderr.fileno()) == os.getpgrp()
        except (OSError, ValueError):  # a terminal that nobody controls programs from
            return True

    def is_deserted(self) -> bool:
        """Tell whether a person has seen enough: what is written from here on nobody will read."""
        return False

    def say(self, line: str) -> None:
        """Write one line, escaped by the caller, to stderr, and to the log."""
        self.show(line)
        self.log(line)

    def log(self, line: str) -> None:
        """Write one line, escaped by the caller, to the log alone."""
        if self._log:
            self._log(line)

    def show(self, line: str) -> None:
        """Write one line, escaped by the caller, to stderr alone."""
        with self._lock:
            self.hide_progress()
            self._to_stderr(f"{line}\n")

    def show_progress(self, text: str) -> None:
        """Draw ``text`` over the line of progress; the next result or message erases it."""
        with self._lock:
            self._to_stderr(f"{_ERASE}{text}")
            self._progress = True

    def hide_progress(self) -> None:
        """Erase the line of progress, if there is one."""
        with self._lock:
            if self._progress:
                self._progress = False
                self._to_stderr(_ERASE)

    def abandon_stdout(self) -> None:
        """Send what stdout still buffers nowhere, so that the interpreter's last flush does not fail."""
        _abandon(self._stdout)

    def end(self) -> None:
        """Let go of a stderr that takes nothing, lest the interpreter's last flush end with status 120."""
        if self._stderr is not None:
            try:
                self._stderr.flush()
            except (OSError, ValueError):
                _abandon(self._stderr)

    def _to_stderr(self, text: str) -> None:
        if self._stderr is not None:
            with suppress(OSError, ValueError):  # nobody is left to tell
                self._stderr.write(text)
                self._stderr.flush()


def _abandon(stream: TextIO | None) -> None:
    if stream is None:
        return
    with suppress(OSError, ValueError):  # a captured stream has no descriptor
        null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(null, stream.fileno())
        os.close(null)


def _write_all(stream: BinaryIO, data: bytes) -> None:
    """Write all of ``data``: an unbuffered stream may take some of it, or nothing, and not say so loudly."""
    view = memoryview(data)
    while view:
        taken = stream.write(view)
        if not taken:
            raise BlockingIOError(EAGAIN, os.strerror(EAGAIN))
        view = view[taken:]

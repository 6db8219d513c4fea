"""Long text through a program that shows it a page at a time."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, cast

from dcmtools.output.console import Console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from subprocess import Popen
    from types import TracebackType
    from typing import Self, TextIO


class PagedConsole(Console):
    """A console whose text goes through a pager, which starts when there is some.

    Messages for the same terminal wait until the pager has ended, lest they garble what it shows. A pager
    that cannot be started is done without; ``status`` is what one that was started ended with, negative for
    the number of a signal.
    """

    def __init__(
        self,
        stdout: TextIO | None,
        stderr: TextIO | None,
        log: Callable[[str], None] | None,
        pager: Sequence[str],
        environment: Mapping[str, str],
    ) -> None:
        """Take streams and ``log`` as a Console does; ``pager`` are the words of its command line."""
        super().__init__(stdout, stderr, log)
        self._pager = pager
        self._environment = environment
        self._process: Popen[str] | None = None
        self._left = False
        self._held: list[str] = []
        self.status = 0

    def write(self, text: str | bytes, encoding: str = "") -> None:
        """Write ``text`` to the pager, bytes to stdout; when the pager has been quit, nothing."""
        if text and isinstance(text, str):
            self._open()
        try:
            super().write(text, encoding)
        except BrokenPipeError:
            if self._process is None:
                raise
            self._left = True

    def is_deserted(self) -> bool:
        """Tell whether the pager has been quit."""
        return self._left or (self._process is not None and self._process.poll() is not None)

    def show(self, line: str) -> None:
        """Write one line to stderr, once the pager has ended where both show on the terminal."""
        if self._process is not None and self.err_is_terminal:
            self._held.append(line)
        else:
            super().show(line)

    def __enter__(self) -> Self:
        """Use the console in a ``with`` block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Tell the pager that this was all, wait until it is quit, and show the messages that waited."""
        if self._process is not None:
            with _no_interrupts():
                if self._process.stdin is not None:
                    with suppress(OSError):
                        self._process.stdin.close()
                self.status = self._process.wait()
            self._process = None
        for line in self._held:
            super().show(line)

    def _open(self) -> None:
        if not self._pager or self._stdout is None:
            return
        from subprocess import PIPE, Popen

        command, self._pager = self._pager, ()
        with suppress(OSError):
            self._process = Popen(
                command,
                bufsize=0,  # what a quit pager did not take shall not be tried again
                stdin=PIPE,
                stdout=self._stdout.fileno(),
                env=self._environment,
                encoding=self._stdout.encoding,
            )
            self._stdout = cast("TextIO", self._process.stdin)


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C, which the pager hears as well, and may have a use for."""
    import signal
    import threading

    if threading.current_thread() is not threading.main_thread():
        yield  # no other thread can set handlers, nor is it interrupted
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

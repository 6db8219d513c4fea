"""A command of the user's, run for every instance that was kept: no shell, and no value is two arguments."""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING, Final, TypeAlias

from dcmtools.acceptor.log_line import log_line
from dcmtools.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dcmtools.net.stop import Stop

    Values: TypeAlias = Mapping[str, str]

logger = logging.getLogger(__name__)

PLACEHOLDERS: Final = (
    "file",
    "folder",
    "sop_class_uid",
    "sop_instance_uid",
    "study_uid",
    "series_uid",
    "calling_aet",
    "called_aet",
    "peer",
)
_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")
# Once so many instances wait for their command, storing waits.
_MOST_WAITING: Final = 1000
# How often a wait looks whether the server is to end at once.
_SLICE: Final = 0.2


class Hook:
    """Runs a command for one instance after the other, in a thread of its own.

    ``count`` and ``failed`` tell how many commands were due, and how many of these did not end with status
    0 in time.
    """

    def __init__(
        self, words: Sequence[str], timeout: float, stop: Stop, environment: Mapping[str, str] | None = None
    ) -> None:
        """Take the command as ``words`` with placeholders, each run to end within ``timeout`` seconds.

        It finds ``environment`` there, by default ours.

        Raises UsageError where it is none.
        """
        _check(words)
        self._words = words
        self._timeout = timeout
        self._stop = stop
        self._environment = environment
        self._waiting: Queue[Values | None] = Queue(_MOST_WAITING)
        self._thread = Thread(target=self._work, daemon=True)
        self._closed = False
        self.count = 0
        self.failed = 0

    def start(self) -> None:
        """Begin to run the command for what is submitted."""
        self._thread.start()

    def submit(self, values: Values) -> None:
        """Have the command run with ``values`` for its placeholders; wait while too many are waiting."""
        self._waiting.put(values)

    def finish(self) -> None:
        """Wait until the command has run for all, or until the server is to end at once."""
        self._waiting.put(None)
        while self._thread.is_alive():  # in slices: signals are answered between them
            self._thread.join(_SLICE)

    def close(self) -> None:
        """Kill the command that still runs, and run no more; after ``finish`` there is none."""
        self._closed = True
        if self._thread.is_alive():
            self.finish()

    def _work(self) -> None:
        while (values := self._waiting.get()) is not None:
            self.count += 1
            reason = self._run(values)
            if reason:
                self.failed += 1
                uid = values["sop_instance_uid"]
                logger.warning(log_line("exec-failed", sop_instance_uid=uid, reason=reason))

    def _run(self, values: Values) -> str:
        """Run the command once; return why that failed, nothing where it did not."""
        if self._hurried:
            return "not run, since the server has to end at once"
        # Nothing of ours is inherited where there is no stderr: its number may be that of another file.
        output = 2 if sys.__stderr__ else subprocess.DEVNULL
        try:
            # In a session of its own: Ctrl-C in the terminal is for the server, which then waits for it.
            process = subprocess.Popen(
                filled(self._words, values),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return f"not run: {getattr(error, 'strerror', None) or error}"
        return self._end_of(process)

    def _end_of(self, process: subprocess.Popen[bytes]) -> str:
        deadline = time.monotonic() + self._timeout
        try:
            while time.monotonic() < deadline and not self._hurried:
                with suppress(subprocess.TimeoutExpired):
                    return _outcome(process.wait(min(_SLICE, max(deadline - time.monotonic(), 0))))
        finally:  # with all that it left behind; a number that is just free again is not given anew so soon
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return f"killed, not having ended within {self._timeout:g} seconds or before the server had to"

    @property
    def _hurried(self) -> bool:
        return self._closed or self._stop.count > 1


def filled(words: Sequence[str], values: Values) -> list[str]:
    """Return ``words`` with the ``values`` of their placeholders; what a value holds is never looked at.

    Raises ValueError where an argument that begins with a placeholder would become an option, and where a
    value has a control character.
    """
    arguments = [_PLACEHOLDER.sub(lambda match: values[match[1]], word) for word in words]
    for word, argument in zip(words, arguments, strict=True):
        if not argument.isprintable():
            raise ValueError(f"the value for {word} has a control character")
        if argument.startswith("-") and word.startswith("{"):
            raise ValueError(f"the value for {word} begins with a dash, as options do")
    return arguments


def _check(words: Sequence[str]) -> None:
    if not words:
        raise UsageError("--exec: there is no command")
    for name in _PLACEHOLDER.findall(" ".join(words)):
        if name not in PLACEHOLDERS:
            known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
            raise UsageError(f"--exec: {{{name}}} stands for nothing", hint=f"there are {known}")
    if _PLACEHOLDER.search(words[0]) or shutil.which(words[0]) is None:
        raise UsageError(f"--exec: there is no program {words[0]!r} that can be run")


def _outcome(status: int) -> str:
    if status < 0:
        return f"killed by signal {-status}"
    return f"exit status {status}" if status else ""

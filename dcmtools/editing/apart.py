"""Files put into other transfer syntaxes apart from a process that must not be lost to a codec that crashes.

``batch`` forks, which is not safe beside threads. Here processes are started anew, each once there is
something for it, and end with this one, however it ends. What they write has no name in any folder.
"""

from __future__ import annotations

import select
import time
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from dcmtools.errors import DcmtoolsError, InputError, InternalError, Interrupted, OutputError
from dcmtools.files.source import FileSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dcmtools.net.stop import Stop

# Only files within which one frame is huge take long; a codec that does not come to an end never does.
PATIENCE: Final = 120.0  # seconds, and one more for each so many bytes of the file
_BYTES_A_SECOND: Final = 500_000
_SLICE: Final = 0.2  # seconds; how late the wish to stop may be noticed
_LONGEST_ANSWER: Final = 1024 * 1024
_ENTRY: Final = (
    "import sys; sys.path[:] = sys.argv[2:]; "
    "from dcmtools.editing.apart_process import work; work(int(sys.argv[1]))"
)
_KINDS: Final = {kind.code: kind for kind in (OutputError, InternalError)}  # others are InputError


class Apart(NamedTuple):
    """A DICOM file in another transfer syntax, in a temporary file that goes when ``source`` is closed.

    ``changes`` and ``warnings`` are those of ``transcoding.Transcoded``.
    """

    source: FileSource
    changes: list[str]
    warnings: list[str]


class Processes:
    """Up to ``most`` processes, each for one file at a time; whoever finds all of them busy waits."""

    def __init__(self, most: int, stop: Stop) -> None:
        """Start none yet; waits end with the first request to ``stop``."""
        self._stop = stop
        self._free = BoundedSemaphore(most)
        self._lock = Lock()
        self._idle: list[_Process] = []
        self._all: set[_Process] = set()
        self._closed = False

    def transcoded(self, source: FileSource, end: int, transfer_syntax: str) -> Apart:
        """Return the file in ``source``, whose data set ends at ``end``, in another ``transfer_syntax``.

        Raises InputError for what ``transcoding.transcoded`` does, for a codec that crashes and one that
        takes too long, OutputError where there is no room for temporary files, Interrupted.
        """
        from json import dumps
        from tempfile import TemporaryFile

        request = dumps({"window": source.window, "end": end, "to": transfer_syntax}).encode() + b"\n"
        try:
            file = TemporaryFile()  # noqa: SIM115  closed below
        except OSError as error:
            message = f"no temporary file for what is transcoded: {error.strerror or error}"
            raise OutputError(message) from error
        with file:
            answer = self._answer(request, (source.fd, file.fileno()), PATIENCE + end / _BYTES_A_SECOND)
            changes, warnings = _told(answer)
            return Apart(FileSource.duplicate(file.fileno()), changes, warnings)

    def _answer(self, request: bytes, fds: tuple[int, int], seconds: float) -> Mapping[str, object]:
        while not self._free.acquire(timeout=_SLICE):
            if self._stop.count:
                raise Interrupted("stopped by the user")
        try:
            process = self._take()
            answer = None
            if process:  # it may have ended by itself meanwhile, or been harmed by the file before
                answer = self._asked(process, request, fds, seconds)
            if answer is None:
                process = self._begun()
                answer = self._asked(process, request, fds, seconds)
            if answer is None:
                raise InputError(f"not transcoded: the codec crashed, or its process was killed ({process})")
        finally:
            self._free.release()
        return answer

    def _take(self) -> _Process | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _begun(self) -> _Process:
        process = _Process()
        with self._lock:
            self._all.add(process)
            if self._closed:
                process.kill()
        return process

    def _asked(
        self, process: _Process, request: bytes, fds: tuple[int, int], seconds: float
    ) -> Mapping[str, object] | None:
        """Return the answer of ``process``, None where it ended; only one that answered is used again."""
        answer = None
        try:
            answer = process.ask(request, fds, self._stop, time.monotonic() + seconds)
        finally:
            with self._lock:
                kept = answer is not None and not self._closed
                (self._idle.append if kept else self._all.discard)(process)
            if not kept:
                process.end()
        return answer

    def close(self) -> None:
        """End all of them, whatever they are at."""
        with self._lock:
            self._closed = True
            for process in self._all:
                process.kill()  # whoever waits for its answer sees to the rest
            idle, self._idle = self._idle, []
        for process in idle:
            process.end()


class _Process:
    """One process, and the connection over which it is asked; our end of its standard input is its life."""

    def __init__(self) -> None:
        import socket
        import subprocess
        import sys

        try:
            self._sock, theirs = socket.socketpair()
            with theirs:
                # In a session of its own: Ctrl-C in the terminal is for this process.
                self._process = subprocess.Popen(
                    [sys.executable, "-c", _ENTRY, str(theirs.fileno()), *sys.path],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
        except OSError as error:
            message = f"no process to transcode in: {error.strerror or error}"
            raise DcmtoolsError(message) from error

    def ask(
        self, request: bytes, fds: tuple[int, int], stop: Stop, deadline: float
    ) -> Mapping[str, object] | None:
        """Return the answer to ``request`` about the open files ``fds``, None where the process has ended."""
        from json import loads
        from socket import send_fds

        try:
            send_fds(self._sock, [request], fds)  # so short a one goes as a whole
            answer = bytearray()
            while not answer.endswith(b"\n"):
                if not stop.wait_for(self._sock, select.POLLIN, deadline):
                    raise InputError("not transcoded: the codec did not come to an end")
                piece = self._sock.recv(_LONGEST_ANSWER)
                answer += piece
                if not piece or len(answer) > _LONGEST_ANSWER:
                    return None
        except OSError:  # it ended before it was asked
            return None
        return cast("Mapping[str, object]", loads(answer))

    def kill(self) -> None:
        """Kill it, unless it has ended."""
        self._process.kill()

    def end(self) -> None:
        """Kill it, and give back what it takes of this process."""
        self._process.kill()
        self._process.wait()
        self._sock.close()
        if self._process.stdin:
            self._process.stdin.close()

    def __str__(self) -> str:
        """Return in words how it ended."""
        from signal import Signals

        number = -self._process.wait()
        return Signals(number).name if number in set(Signals) else f"exit status {-number}"


def _told(answer: Mapping[str, object]) -> tuple[list[str], list[str]]:
    """Return changes and warnings of an ``answer``; raise the error that it is."""
    if "error" in answer:
        message, hint = str(answer["error"]), str(answer["hint"])
        raise _KINDS.get(str(answer["code"]), InputError)(message, hint=hint)
    return cast("list[str]", answer["changes"]), cast("list[str]", answer["warnings"])

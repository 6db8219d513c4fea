"""The exit statuses, and the errors that own them.

Every error says what happened and where; ``hint`` says what to do next, ``code`` is the stable word
that scripts match, and ``status`` is what the program exits with when every item failed for this cause.
"""

from __future__ import annotations

import errno
from enum import IntEnum, unique
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)
DISK_FULL: Final = (*NO_ROOM, errno.EFBIG)


@unique
class ExitStatus(IntEnum):
    """What the program tells the shell; the table is in ``man dcmtools-exit-status``."""

    DONE = 0
    PARTIAL = 1
    USAGE = 2
    INPUT = 3
    NO_ASSOCIATION = 4
    PEER_FAILURE = 5
    BUG = 70
    INTERRUPTED = 130
    STDOUT_CLOSED = 141


class DcmtoolsError(Exception):
    """Anything dcmtools reports to its user rather than as a bug."""

    status = ExitStatus.PARTIAL
    code = "failed"
    shared = False
    """Whether the message is a cause that many items have in common, to be summed up."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Keep the one-line ``message`` and, where there is one, the next step as ``hint``."""
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[Callable[..., DcmtoolsError], tuple[object, ...]]:
        """Go to another process whole: by default the constructor would be called with the message alone."""
        return _as_it_was, (type(self), self.args, self.__dict__)


def _as_it_was(
    kind: type[DcmtoolsError], args: tuple[object, ...], attributes: dict[str, object]
) -> DcmtoolsError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error


class CheckFailed(DcmtoolsError):
    """The question was answered, and the answer is no."""

    code = "no"


class OutputError(DcmtoolsError):
    """A result could not be written: disk full, folder not writable."""

    code = "output"


class DiskFull(OutputError):
    """There is no room for what is written, nor for more of it."""

    shared = True


class AlreadyThere(OutputError):
    """A file has the name already that another was to get."""

    shared = True


class UsageError(DcmtoolsError):
    """The command line or the configuration is wrong."""

    status = ExitStatus.USAGE
    code = "usage"


class InputError(DcmtoolsError):
    """An input is missing, cannot be read, or is not what it has to be."""

    status = ExitStatus.INPUT
    code = "input"


class Unsuitable(InputError):
    """The input is not of the kind that the command takes; among the files of a folder it is skipped."""

    code = "unsuitable"


class NotDicom(Unsuitable):
    """The input is not a DICOM Part 10 file."""

    code = "not-dicom"


class MalformedError(InputError):
    """The bytes of a data set contradict PS3.5 or PS3.10, at ``offset`` bytes into the input."""

    code = "malformed"

    def __init__(self, message: str, *, offset: int, path: str = "", hint: str = "") -> None:
        """Prefix ``message`` with the byte ``offset`` and the tag ``path`` where the fault stands."""
        where = f"offset {offset}, {path}" if path else f"offset {offset}"
        super().__init__(f"{where}: {message}", hint=hint)
        self.what = message
        self.offset = offset
        self.path = path


class DamagedError(DcmtoolsError):
    """An input was read in part only: bytes of it could not be accounted for."""

    code = "damaged"


class AssociationError(DcmtoolsError):
    """No association, or no longer one; ``step`` names where it ended, ``transient`` whether to retry."""

    status = ExitStatus.NO_ASSOCIATION
    code = "association"

    def __init__(self, message: str, *, step: str, transient: bool = False, hint: str = "") -> None:
        """Keep the ``step`` (resolve, connect, tls, associate, send, receive, release) beside the message."""
        super().__init__(f"{step}: {message}", hint=hint)
        self.step = step
        self.transient = transient


class PeerFailure(DcmtoolsError):
    """The peer answered, and its answer is a refusal."""

    status = ExitStatus.PEER_FAILURE
    code = "peer-failure"


class Interrupted(DcmtoolsError):
    """The user asked the program to stop before it was done."""

    status = ExitStatus.INTERRUPTED
    code = "interrupted"


class StdoutClosed(OutputError):
    """Whoever read stdout wants no more."""

    status = ExitStatus.STDOUT_CLOSED
    code = "stdout-closed"


class InternalError(DcmtoolsError):
    """A bug of dcmtools."""

    status = ExitStatus.BUG
    code = "internal"


def as_told(error: BaseException) -> DcmtoolsError:
    """Return what an ``error`` that ended the program is to its user, with the status that comes of it.

    The text of a bug's exception is left out: it may hold anything.
    """
    if isinstance(error, DcmtoolsError):
        return error
    if isinstance(error, BrokenPipeError):
        return StdoutClosed("stdout was closed, which ended the run")
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return OutputError(f"{error.strerror}")
    if isinstance(error, KeyboardInterrupt):
        return Interrupted("stopped by the user")
    return InternalError(f"internal error: {type(error).__name__}")

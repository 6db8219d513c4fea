"""Files put where they belong: a copy whole or not at all, a source gone only once that is on disk."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from dcmtools.errors import NO_ROOM, AlreadyThere, DcmtoolsError, DiskFull, InputError, OutputError
from dcmtools.files.copying import copy
from dcmtools.files.outputs import is_within
from dcmtools.files.source import STDIN
from dcmtools.replacing import making, replacing
from dcmtools.sorting.content import is_entry, may_go
from dcmtools.sorting.deciding import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.files.inputs import Input
    from dcmtools.results import Result
    from dcmtools.sorting.deciding import Decision
    from dcmtools.sorting.looking import Facts

COPY: Final = "copy"
MOVE: Final = "move"
HARD: Final = "hard link"
SYMBOLIC: Final = "symbolic link"
CHANGED: Final = "the file has changed since it was looked at"
ACTIONS: Final = (COPY, MOVE, HARD, SYMBOLIC)
_TOGETHER: Final = 64  # moves whose folders are forced to disk at once
_APART: Final = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP)


class Seen(Protocol):
    """A file as it was looked at: its size in bytes and its modification time."""

    @property
    def item(self) -> Input:
        """Where it is."""

    @property
    def size(self) -> int:
        """How many bytes it had."""

    @property
    def mtime_ns(self) -> int:
        """When it was changed last; of no meaning for what is in an archive."""


class _Waiting(NamedTuple):
    """A source that goes once what is at ``kept`` is on disk."""

    result: Result
    facts: Facts
    kept: str


class Actor:
    """Does in ``folder`` what was decided; sources that are moved wait for the disk, some at a time."""

    def __init__(self, folder: str, action: str) -> None:
        """Begin with nothing done."""
        self.action = action
        self._folder = folder
        self._known: set[str] = set()
        self._dirty: set[str] = set()
        self._files: set[str] = set()
        self._waiting: list[_Waiting] = []

    def prepare(self, facts: Seen, decision: Decision) -> None:
        """Have the folder that a file belongs in; raises what is wrong, also with the file."""
        if (facts.item.archive or facts.item.path == STDIN) and self.action != COPY:
            what = "a file in an archive" if facts.item.archive else "standard input"
            message = f"{what} has no {self.action}"
            raise InputError(message, hint="--copy is for files wherever they are")
        if self.action == MOVE and os.path.islink(facts.item.path):
            raise InputError("it is a link, which is not moved: the file is elsewhere")
        path = self.path_of(decision.target)
        try:
            self._have_folder(os.path.dirname(path))
        except OSError as error:
            raise failure(self._folder, path, error) from error

    def act(self, facts: Seen, decision: Decision) -> None:
        """Have the file under its name; raises what is wrong, then nothing has come of it."""
        if decision.state in (State.NEW, State.OVER):
            path = self.path_of(decision.target)
            try:
                self._make(facts, path, over=decision.state is State.OVER)
            except OSError as error:
                raise failure(self._folder, path, error) from error

    def path_of(self, target: str) -> str:
        """Return the path of ``target`` in the folder."""
        return os.path.join(self._folder, target)

    def finish(self, result: Result, facts: Facts, target: str) -> Iterator[Result]:
        """Yield ``result``, or keep it until the source can go, and others that kept waiting."""
        if self.action != MOVE:
            yield result
            return
        kept = self.path_of(target)
        self._waiting.append(_Waiting(result, facts, kept))
        self._files.add(kept)
        self._dirty.add(os.path.dirname(kept))
        if len(self._waiting) >= _TOGETHER:
            yield from self.settle()

    def settle(self) -> Iterator[Result]:
        """Have all that was made on disk, then let the sources go; yield their results."""
        waiting, self._waiting = self._waiting, []
        fault: OutputError | None = None
        if self.action == MOVE:
            try:
                for path in (*self._files, *self._dirty):
                    _force(path)
            except OSError as error:
                fault = OutputError(
                    f"{error.filename}: {error.strerror}", hint="the sources are all there yet"
                )
            self._files.clear()
            self._dirty.clear()
        for result, facts, kept in waiting:
            try:
                if fault:
                    raise fault
                self._let_go(facts, kept)
                yield result
            except DcmtoolsError as error:
                yield result.failed(facts.item.path, error, {**result.record, "state": "failed"})

    def _let_go(self, facts: Facts, kept: str) -> None:
        path = facts.item.path
        try:
            if is_entry(path, kept):
                return
            _require_unchanged(facts, path)
            if not may_go(path, kept):
                message = f"{kept} only leads to it: it stays where it is"
                raise InputError(message)
            os.unlink(path)
        except OSError as error:
            what = f"it is at {kept}, but stays here, too: {error.strerror}"
            raise OutputError(what) from error

    def _make(self, facts: Seen, path: str, *, over: bool) -> None:
        if self.action == COPY:
            copied(facts, path, over)
            return
        if over and self.action != MOVE:
            raise OutputError("a link replaces no file", hint="--on-conflict rename gives it another name")
        facts.item.require_within()
        source = os.path.realpath(facts.item.path)
        _require_unchanged(facts, source)
        if self.action == SYMBOLIC:
            os.symlink(source, path)
            return
        if not over:
            try:
                os.link(source, path)
            except OSError as error:
                if self.action == HARD or error.errno not in _APART:
                    raise
            else:
                _require_linked(facts, path)
                return
        copied(facts, path, over)

    def _have_folder(self, folder: str) -> None:
        """Make ``folder`` and those above it, as long as no link leads out of the folder for all."""
        if folder in self._known:
            return
        if not self._known:
            self._make_folder(self._folder)
        above = folder
        while not os.path.lexists(above):
            above = os.path.dirname(above)
        if not is_within(above, self._folder):
            message = f"a link leads from {above} out of {self._folder}"
            raise OutputError(message)
        self._make_folder(folder)
        self._known.add(folder)

    def _make_folder(self, folder: str) -> None:
        """Make ``folder`` and those above it; their names are to be on disk, too."""
        if os.path.isdir(folder):
            return
        above = os.path.dirname(folder) or os.curdir
        self._make_folder(above)
        try:
            os.mkdir(folder)
        except FileExistsError:
            if not os.path.isdir(folder):  # else it is made by another run, at the same time
                message = f"{folder} is no folder"
                raise OutputError(message) from None
        self._dirty.add(above)


def _require_unchanged(facts: Seen, path: str) -> None:
    now = os.stat(path)
    if (now.st_size, now.st_mtime_ns) != (facts.size, facts.mtime_ns):
        raise InputError(CHANGED)


def _require_linked(facts: Seen, path: str) -> None:
    """Take the link back where it is no longer that of the file that was looked at."""
    try:
        _require_unchanged(facts, path)
    except InputError:
        os.unlink(path)
        raise


def copied(facts: Seen, path: str, over: bool) -> None:
    """Copy a file with its times, readable by no more people than it is.

    Raises InputError and, of ``path``, OSError.
    """
    with facts.item.open() as source:
        times = os.fstat(source.fd)
        changed = not facts.item.archive and times.st_mtime_ns != facts.mtime_ns
        if source.size != facts.size or changed:
            raise InputError(CHANGED)
        mode = 0o666 if facts.item.archive else times.st_mode & 0o777
        with replacing(path) if over else making(path, mode=mode) as out:
            copy(source, 0, source.size, out.fileno())
            if not facts.item.archive:
                os.utime(out.fileno(), ns=(times.st_atime_ns, times.st_mtime_ns))
            if not source.unchanged():
                raise InputError("the file has changed while it was read")


def failure(folder: str, path: str, error: OSError) -> DcmtoolsError:
    """Return the error for what could not be made at ``path`` in ``folder``."""
    why = error.strerror or str(error)
    if isinstance(error, FileExistsError):
        return AlreadyThere(f"{path}: another process has made it meanwhile")
    if error.errno == errno.EXDEV:
        return OutputError(
            "it is on another file system than OUT", hint="--link symbolic and --copy go beyond it"
        )
    if error.errno in NO_ROOM:
        return DiskFull(f"{folder}: {why}", hint="once there is room, the same command goes on")
    return OutputError(f"{path}: {why}")


def _force(path: str) -> None:
    """Have a file or folder on disk; raises OSError."""
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    except OSError as error:
        error.filename = path
        raise
    finally:
        os.close(opened)

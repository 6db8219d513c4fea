"""Where files that are de-identified go: under names made of new UIDs, or out of the way.

Those that are done wait without their names in a hidden folder of the one that they are for, until it is
their turn: so the inputs' order, and not which process was quicker, decides whose a name is. Nothing is
there that is not whole and looked at; the folder goes with the run, or with the next one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Final

from dcmtools.errors import DISK_FULL, NO_ROOM, DcmtoolsError, OutputError, UsageError
from dcmtools.files.inputs import Input
from dcmtools.files.made import Made
from dcmtools.files.names import place_of
from dcmtools.replacing import making

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO, Self

    from dcmtools.files.outputs import Outputs

_WAITING: Final = ".dcmtools-waiting-"
_OVERWRITE: Final = (
    "--overwrite replaces what another run has made; --encrypt-for, and other options, make other bytes of "
    "the same input"
)
_CHUNK: Final = 1024 * 1024
_FOLDER: Final = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_DIRECTORY", 0)


class SameUid(DcmtoolsError):
    """Another instance has the SOP Instance UID that this one would have."""

    code = "duplicate"


def path_below(folder: str, patient_id: str, study_uid: str, series_uid: str, sop_uid: str) -> str:
    """Return the path in ``folder`` of an instance that is called so, as ``serve`` would keep it."""
    *folders, stem = place_of(patient_id, study_uid, series_uid, sop_uid)
    return os.path.join(folder, *folders, f"{stem}.dcm")


class Waiting:
    """A folder of finished files in the one that they are for, locked as long as the run goes."""

    def __init__(self, outputs: Outputs) -> None:
        """Make it in the folder of ``outputs``, and clear what dead runs left there; raises UsageError."""
        folder = outputs.target
        self._folder, self._overwriting, self._outputs = folder, outputs.overwritten, outputs
        self._is_new = not os.path.exists(folder)
        try:
            os.makedirs(folder, exist_ok=True)
            with _held(folder):  # or another run might clear what is not locked yet
                _clear(folder)
                self._path = os.path.join(folder, f"{_WAITING}{os.urandom(8).hex()}")
                os.mkdir(self._path, 0o700)
                self._lock = os.open(self._path, _FOLDER)
                with suppress(OSError):  # a file system without locks: nobody will clear it either
                    fcntl.flock(self._lock, fcntl.LOCK_EX)
        except OSError as error:
            raise UsageError(f"{folder}: {error.strerror}") from error
        self._made = Made()

    @contextmanager
    def writing(self) -> Iterator[tuple[BinaryIO, str]]:
        """Open a file, and tell what it is called after the block unless that fails; raises OutputError."""
        path = os.path.join(self._path, os.urandom(12).hex())
        try:
            with making(path) as file:
                yield file, path
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError, path: str = "") -> OutputError:
        """Return what ``error`` is about: the folder where that is full, else the file at ``path``."""
        why = error.strerror or str(error)
        if error.errno in NO_ROOM:
            return self._outputs.full(why)
        return OutputError(f"{path}: {why}" if path and error.errno not in DISK_FULL else why)

    def name(self, waiting: str, path: str) -> bool:
        """Give the file ``waiting`` its name; return whether none of the same bytes had it.

        Raises SameUid where another file got it in this run, and OutputError.
        """
        try:
            is_new = self._linked(waiting, path) or self._instead(waiting, path)
            self._made.add(path, Input(path))
            with suppress(FileNotFoundError):  # it was moved
                os.unlink(waiting)
        except OSError as error:
            raise self._failed(error, path) from error
        return is_new

    def _linked(self, waiting: str, path: str) -> bool:
        try:
            os.link(waiting, path)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with suppress(FileExistsError):
                os.link(waiting, path)
                return True
            return False
        except FileExistsError:
            return False
        return True

    def _instead(self, waiting: str, path: str) -> bool:
        """Do with a name that is taken what is wanted; return whether it is another file's now."""
        if _is_same(waiting, path):
            return False
        if self._made.has(path, Input(path)):
            raise SameUid(f"{path}: another input has become this instance")
        if not self._overwriting:
            raise SameUid(f"{path}: another instance is there under this name", hint=_OVERWRITE)
        os.replace(waiting, path)
        return True

    def __enter__(self) -> Self:
        """Use it in a ``with`` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the folder, with what got no name."""
        self._made.__exit__()
        shutil.rmtree(self._path, ignore_errors=True)
        os.close(self._lock)
        if self._is_new:
            with suppress(OSError):  # there is something in it
                os.rmdir(self._folder)


@contextmanager
def _held(folder: str) -> Iterator[None]:
    """Keep other runs from clearing ``folder`` meanwhile, where the file system has locks."""
    lock = os.open(folder, _FOLDER)
    try:
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _clear(folder: str) -> None:
    """Remove the folders of runs that were killed: nobody holds them any more."""
    for name in os.listdir(folder):
        if name.startswith(_WAITING):
            path = os.path.join(folder, name)
            with suppress(OSError), ExitStack() as opened:
                lock = os.open(path, _FOLDER | os.O_NOFOLLOW)
                opened.callback(os.close, lock)
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)


def _is_same(one: str, other: str) -> bool:
    """Tell whether two files hold the same bytes."""
    if not os.path.isfile(other) or os.path.getsize(one) != os.path.getsize(other):
        return False
    with open(one, "rb") as ours, open(other, "rb") as theirs:
        while block := ours.read(_CHUNK):
            if theirs.read(_CHUNK) != block:
                return False
    return True


def quarantined(folder: str, file: BinaryIO) -> str:
    """Copy ``file`` into ``folder``, for its owner alone, under a name that is a digest; return its path.

    Raises OutputError.
    """
    from hashlib import sha256

    digest = sha256()
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        file.flush()
        file.seek(0)
        while block := file.read(_CHUNK):
            digest.update(block)
        path = os.path.join(folder, f"{digest.hexdigest()[:32]}.dcm")
        file.seek(0)
        with suppress(FileExistsError), making(path, mode=0o600) as copy:  # it can only be the same
            shutil.copyfileobj(file, copy, _CHUNK)
    except OSError as error:
        raise OutputError(f"{folder}: {error.strerror or error}") from error
    return path

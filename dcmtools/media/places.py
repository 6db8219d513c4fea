"""Where the files of a File-set are made: in a folder, or in a zip file."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools import batch
from dcmtools.encoding.dataset import decode
from dcmtools.encoding.syntax import EXPLICIT
from dcmtools.errors import DcmtoolsError, InputError, Interrupted, OutputError
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.copying import copy
from dcmtools.files.file_ids import DICOMDIR
from dcmtools.files.inputs import Input
from dcmtools.files.meta import carried, file_meta
from dcmtools.media.keys import ICON
from dcmtools.media.looking import Facts, Looker, facts_of
from dcmtools.media.record_keys import Keys, Rules, encoded_keys
from dcmtools.media.writing import failure, sync, unstopped, write
from dcmtools.replacing import making, sweep
from dcmtools.sorting.acting import COPY, HARD, Actor, copied
from dcmtools.sorting.deciding import Decision, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from dcmtools.files.file_ids import FileID
    from dcmtools.media.entries import FileSet

INDEX: Final = "index"
_NOT_DONE: Final = "the same command begins anew: what had been made is gone"


class Made(NamedTuple):
    """What came of a file: other facts than before, if any, a remark, or what is wrong."""

    facts: Facts | None = None
    note: str = ""
    error: DcmtoolsError | None = None


class Order(NamedTuple):
    """A file that is to be made at ``path``, with an icon of so many pixels a side for its record, if any."""

    facts: Facts
    path: str
    icon: int = 0
    error: DcmtoolsError | None = None


@contextmanager
def held(folder: str) -> Iterator[None]:
    """Have no other run change the medium in ``folder`` meanwhile; raises OutputError where one does.

    What holds it is the folder itself, so that nothing is left on the medium.
    """
    import fcntl

    opened = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"{folder}: another run is changing this medium"
            raise OutputError(message, hint="wait for it") from None
        except OSError:  # a file system that knows no locks
            pass
        sweep(folder)
        yield
    finally:
        os.close(opened)


class FolderPlace:
    """A medium in a folder, in which files are made by an action: copy, hard link or index."""

    def __init__(self, folder: str, action: str, rules: Rules) -> None:
        """Begin with nothing made."""
        self.folder = folder
        self.action = action
        self._rules = rules
        self._actor = Actor(folder, COPY if action == INDEX else action)
        self.written = False
        self._paths: list[str] = []

    def present(self, file_id: FileID) -> bool:
        """Tell whether there is something of this name."""
        return os.path.lexists(os.path.join(self.folder, *file_id))

    def made(self, orders: Iterable[tuple[Facts, FileID, int]], jobs: int) -> Iterator[Made]:
        """Yield what comes of each file, given its File ID and the size of its icon, in their order."""
        if self.action == INDEX and not self._rules.decodes:
            yield from (Made() for _ in orders)
            return
        work = partial(_made, self.action, self._rules)
        if self.action == COPY or self._rules.decodes:
            stream = self._prepared(orders)
            yield from batch.run(work, stream, jobs, _lost, left=_left, apart=self._rules.decodes)
        else:
            yield from map(work, self._prepared(orders))

    def _prepared(self, orders: Iterable[tuple[Facts, FileID, int]]) -> Iterator[Order]:
        """Yield orders once the folders are there."""
        for facts, file_id, icon in orders:
            path = os.path.join(self.folder, *file_id)
            try:
                if self.action != INDEX:
                    self._actor.prepare(facts, Decision(State.NEW, os.path.join(*file_id)))
                    self._paths.append(path)
                yield Order(facts._replace(levels=()), path, icon)
            except DcmtoolsError as error:
                yield Order(facts, path, error=error)

    def add(self, name: str, data: bytes) -> None:
        """Make a file of our own at the top; raises OutputError."""
        path = os.path.join(self.folder, name)
        try:
            with making(path) as out:
                out.write(data)
        except OSError as error:
            raise _failure(path, error) from error
        self._paths.append(path)

    def finish(self, file_set: FileSet) -> str:
        """Have all that was made on disk, and then the DICOMDIR; return the path of that."""
        try:
            if self._paths:
                _force_all(self.folder)
            with unstopped():  # once the DICOMDIR names them, nothing may undo them
                write(self.folder, file_set)
                self._paths.clear()
                self.written = True
            sync(self.folder)
        except OSError as error:
            raise failure(self.folder, error) from error
        return os.path.join(self.folder, DICOMDIR)

    def undo(self) -> None:
        """Remove all that was made since the last DICOMDIR, and the folders that are empty then."""
        folders = set()
        with unstopped():
            for path in self._paths:
                with suppress(OSError):
                    os.unlink(path)
                folders.add(os.path.dirname(path))
            self._paths.clear()
            for folder in folders:
                remove_empty(folder, self.folder)


def remove_empty(folder: str, top: str) -> None:
    """Remove ``folder`` and those above it, as long as they are empty, but not ``top``, in which they are."""
    folder, top = os.path.abspath(folder), os.path.abspath(top)
    while folder.startswith(os.path.join(top, "")):
        try:
            os.rmdir(folder)
        except OSError:
            return
        folder = os.path.dirname(folder)


def _made(action: str, rules: Rules, order: Order) -> Made:
    """Make one file; nothing of it is there where something is wrong."""
    facts = order.facts
    note = ""
    if order.error:
        return Made(error=order.error)
    try:
        if action == COPY and not (facts.mended or facts.codecs):
            copied(facts, order.path, over=False)
        elif action == COPY:
            with making(order.path) as out:
                note = _written(facts, rules, out)
        elif action == HARD:
            folder, name = os.path.split(order.path)
            Actor(folder, HARD).act(facts, Decision(State.NEW, name))
        return _finished(action, rules, order, note)
    except OSError as error:
        return Made(error=_failure(order.path, error))
    except DcmtoolsError as error:
        return Made(error=error)
    except MemoryError:
        return Made(error=InputError("it takes more memory than there is"))


def _finished(action: str, rules: Rules, order: Order, note: str) -> Made:
    """Return what came of a file, which goes again where that fails and it is a copy."""
    try:
        return _as_made(rules, order, note)
    except DcmtoolsError:
        if action != INDEX:
            os.unlink(order.path)
        raise


def _written(facts: Facts, rules: Rules, out: BinaryIO) -> str:
    """Write a file that cannot be on the medium as it is, and return what is to be said of that.

    Raises InputError, CheckFailed and, of ``out``, OSError.
    """
    with facts.item.open() as source:
        file = LenientFile(source)
        if facts.codecs and rules.profile:
            from dcmtools.media.fitting import write_fitting

            note = "; ".join(write_fitting(file, facts.codecs, rules.profile, out).warnings)
        else:
            uids = (facts.sop_class, facts.sop_instance, facts.transfer_syntax)
            out.write(file_meta(*uids, carried=carried(file.meta)))
            out.flush()
            offset = file.data_set_offset
            copy(source, offset, file.data_set_end - offset, out.fileno())
            note = "written with new file meta information"
        if not source.unchanged():
            raise InputError("the file has changed while it was read")
    return note


def _as_made(rules: Rules, order: Order, note: str) -> Made:
    """Return what came of a file that is made, its facts as they are on the medium, with an icon if asked."""
    facts, changed = order.facts, None
    if facts.codecs:
        (again,) = facts_of(Looker(rules)(Input(order.path)))
        changed = again._replace(item=facts.item)
    if not order.icon:
        return Made(changed, note)
    from dcmtools.rendering.icons import icon

    facts = changed or facts
    try:
        with Input(order.path).open() as source:
            keys = decode(facts.keys.encoded, EXPLICIT)
            keys[ICON] = ("SQ", [icon(LenientFile(source), order.icon)])
    except InputError as error:
        if rules.profile and rules.profile.icon:
            message = f"no icon, which {rules.profile.name} wants: {error.message}"
            raise InputError(message) from error
        return Made(changed, "; ".join(filter(None, (note, f"no icon: {error.message}"))))
    return Made(facts._replace(keys=Keys(encoded_keys(keys), facts.keys.invented)), note)


def _lost(_: Order) -> Made:
    return Made(error=DcmtoolsError("the process that worked on it died"))


def _left(_: Order) -> Made:
    return Made(error=Interrupted("stopped by the user"))


def _failure(path: str, error: OSError) -> DcmtoolsError:
    if error.errno == errno.EXDEV:
        hint = "without --link it is copied"
        return OutputError("it is on another file system than the medium, and cannot be linked", hint=hint)
    if error.errno == errno.ENOENT and not os.path.isdir(os.path.dirname(path)):
        return OutputError(f"{os.path.dirname(path)}: this folder could not be made")
    return failure(path, error)


def _force_all(folder: str) -> None:
    """Have on disk what was written to the file system of ``folder``; raises OSError."""
    import ctypes

    opened = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if not hasattr(library, "syncfs"):
            os.sync()
        elif library.syncfs(opened):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        sync(folder)
    finally:
        os.close(opened)

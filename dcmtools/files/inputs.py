"""Finding the inputs of a command: files, folders, archives, standard input."""

from __future__ import annotations

import errno
import os
import stat
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools import batch
from dcmtools.errors import DcmtoolsError, InputError, Interrupted, NotDicom, Unsuitable
from dcmtools.files.part10 import META_OFFSET, PREFIX_OFFSET
from dcmtools.files.source import KEPT, STDIN, FileSource
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dcmtools.files.archives import Archive
    from dcmtools.files.archives.entries import Entry

NAMED_AS_DICOM: Final = (".dcm", ".dicom", ".dic", ".ima")
_PATIENCE: Final = 0.25  # seconds; of what takes microseconds, handing it over is a part


class Input(NamedTuple):
    """A file to work on, as plain values that another process can be sent.

    ``path`` is its name, which as an argument stands for it again. ``folder`` is the argument it was found
    below, a folder or an archive, empty where it was named itself. A file in an archive has its ``archive``
    and its ``entry`` there.
    """

    path: str
    folder: str = ""
    archive: Archive | None = None
    entry: Entry | None = None

    def open(self) -> FileSource:
        """Open it, as often as need be; raises InputError.

        What came through a pipe can be opened again by whoever uses ``KEPT``, in the process that found it
        and those that it forks.
        """
        if self.archive and self.entry:
            return self.archive.open(self.entry)
        # A pipe that is not kept has taken the place of a file: nobody may ever write to it.
        return FileSource.open(self.path, pipes=not KEPT.users)


def find(paths: Iterable[str | Result]) -> Iterator[Input | Result]:
    """Yield the inputs that ``paths`` name, folders searched through in the order of their names.

    Hidden files count; pipes and devices in a folder do not. Links to folders are followed only where they
    are named; links found in a folder are followed to files. An archive is looked into where it is named,
    in its own order. What cannot be listed and links that lead nowhere become failed results, what is passed
    over skipped ones, not counted where our own server keeps it for itself.
    """
    for path in paths:
        if isinstance(path, Result):
            yield path
        else:
            yield from _search(path)[1]


def _search(path: str) -> tuple[str, Iterable[Input | Result]]:
    """Return what holds the inputs that ``path`` names, empty if it is one itself, and the inputs."""
    try:
        mode = 0 if path == STDIN else os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            return "folder", _below(path, path)
        if not (stat.S_ISREG(mode) and _has_prefix(path)) and (archive := _archive_at(path)):
            return "archive", _within(path, archive)
    except OSError as error:
        if error.errno == errno.ENOTDIR:
            from dcmtools.files.archives import inside

            if found := inside(path):
                return "folder", _within(path, *found)
    except InputError as error:  # of a pipe there is no second opening
        return "", (_failed(path, error),)
    return "", (Input(path),)  # its opening says what is wrong with it


def is_archive(path: str) -> bool:
    """Tell whether ``path`` is that of an archive, which would be looked into."""
    try:
        is_file = stat.S_ISREG(os.stat(path).st_mode)
        return is_file and not _has_prefix(path) and _archive_at(path) is not None
    except (OSError, InputError):
        return False


def _has_prefix(path: str) -> bool:
    """Tell a DICOM file by its prefix, at a price that cannot be noticed."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        return os.pread(fd, 4, PREFIX_OFFSET) == b"DICM"
    finally:
        os.close(fd)


def _archive_at(path: str) -> Archive | None:
    """Return the archive at ``path``, None if it is none; raises InputError where it cannot be opened."""
    with FileSource.open(path) as source:
        try:
            if source.size >= META_OFFSET and source.read(PREFIX_OFFSET, 4) == b"DICM":
                return None
            from dcmtools.files.archives import Archive

            return Archive.found(path, source)
        except InputError:
            return None


def _within(path: str, archive: Archive, name: str = "") -> Iterator[Input | Result]:
    """Yield what the archive holds: all, or the file of this ``name``, or what is below it."""
    from dcmtools.files.archives import plain_name

    exact = archive.named(name) if name else []
    empty = bool(name) and not exact
    try:
        for entry in exact or archive.entries():
            plain = plain_name(entry.name)
            if exact or not name or plain.startswith(f"{name}/"):
                empty = False
                yield _member(f"{archive.path}/{plain}", "" if exact else path, archive, entry)
    except InputError as error:
        yield _failed(path, error)
    else:
        if empty:
            yield _failed(path, InputError("the archive has nothing of this name"))


def _member(path: str, folder: str, archive: Archive, entry: Entry) -> Input | Result:
    if entry.fault or (entry.note and not folder):
        return _failed(path, InputError(entry.fault or entry.note))
    if entry.note:
        return Result.skipped(path, entry.note, {"file": path})
    if folder and _is_of_server(path):
        return _kept_aside(path)
    return Input(path, folder, archive, entry)


def _below(folder: str, argument: str) -> Iterator[Input | Result]:
    pending = [folder]
    while pending:
        current = pending.pop()
        folders = []
        try:
            with os.scandir(current) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            yield _failed(current, error)
            continue
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif _is_of_server(entry.path):
                    yield _kept_aside(entry.path)
                elif entry.is_file():
                    yield Input(entry.path, argument)
                else:
                    yield _passed_over(entry)
            except OSError as error:  # such as a link that leads to itself
                yield _failed(entry.path, error)
        pending.extend(reversed(folders))


def _is_of_server(path: str) -> bool:
    if "/." not in path:
        return False
    from dcmtools.files.names import is_of_server  # most runs meet no hidden file

    return is_of_server(path)


def _kept_aside(path: str) -> Result:
    note = "what a server keeps for itself beside the instances"
    return Result.skipped(path, note, {"file": path})._replace(counted=False)


def _passed_over(entry: os.DirEntry[str]) -> Result:
    """Return the result for what is neither file nor folder; a link that leads nowhere has lost its file."""
    if entry.is_symlink() and not os.path.exists(entry.path):
        return _failed(entry.path, InputError("the link leads nowhere"))
    what = "a link to a folder" if entry.is_dir() else "neither a file nor a folder"
    return Result.skipped(entry.path, what, {"file": entry.path})


def _failed(path: str, error: OSError | InputError) -> Result:
    if isinstance(error, OSError):
        error = InputError(error.strerror or str(error))
    return Result.failed(path, error, {"file": path})


class _End(NamedTuple):
    """Where the inputs of an argument end, which is a file if it has no ``kind``."""

    argument: str
    kind: str = ""


class _NotDicom(NamedTuple):
    """A skipped result of what is no DICOM file."""

    result: Result


class Ending:
    """What ends a run early for each input that is not begun yet, once there is an ``error``."""

    error: DcmtoolsError | None = None


_Task = Input | Result | _End | _NotDicom
_Done = Result | _End | _NotDicom


def for_each(
    paths: Iterable[str | Result],
    operation: Callable[[Input], Result],
    jobs: int = 1,
    *,
    apart: bool = False,
    ending: Ending | None = None,
    together: int = 0,
) -> Iterator[Result]:
    """Yield the result of ``operation`` on each input: a failed one where it raises InputError.

    What a folder or an archive holds that is not DICOM is skipped, unless its name says that it was; one
    that holds nothing else fails. What ``paths`` yield as results already are passed on. What is found after
    the ``ending`` has got its error fails with that. Where ``operation`` returns nothing but
    ``Result.unselected``, InputError is raised in the end.

    Up to ``jobs`` processes work on them; see ``batch.run`` for that, and for what is done ``apart``. Where
    up to so many inputs are done ``together``, the ``rows`` of those between which there is nothing else to
    say come as one result. Ctrl-C makes failed results of what was begun, and Interrupted is raised.
    """
    with KEPT:
        barren = True
        selected: set[bool] = set()
        work = partial(_result, operation)
        items = _everything(paths, work, ending or Ending(), apart=apart)
        left = partial(_left, Interrupted("stopped by the user"))
        if together:
            results = _many(work, items, jobs, left, together)
        else:
            results = batch.run(work, items, jobs, _lost, apart=apart, left=left)
        try:
            for result in results:
                if isinstance(result, _NotDicom):
                    yield result.result
                    continue
                if isinstance(result, Result):
                    barren = False
                    selected.add(result.selected)
                    yield result
                    continue
                if barren and result.kind:
                    yield _failed(result.argument, InputError(f"no DICOM file in this {result.kind}"))
                barren = True
        except KeyboardInterrupt:
            raise Interrupted("stopped by the user; what may be left was not looked at") from None
        if selected == {False}:
            raise InputError("no file is selected by --where")


def _many(
    work: Callable[[_Task], _Done],
    items: Iterable[_Task],
    jobs: int,
    left: Callable[[_Task], _Done],
    most: int,
) -> Iterator[_Done]:
    """Yield what ``work`` makes of ``items``, up to ``most`` of them one piece of work for ``batch.run``."""
    stream = iter(items)
    pieces = iter(lambda: list(islice(stream, most)), [])
    for done in batch.run(
        partial(_piece, work),
        pieces,
        jobs,
        lambda piece: [batch.alone(work, item, _lost) for item in piece],
        left=lambda piece: list(map(left, piece)),
        sharing=batch.Sharing(_PATIENCE, 1),
    ):
        yield from done


def _piece(work: Callable[[_Task], _Done], items: Sequence[_Task]) -> list[_Done]:
    """Return what ``work`` makes of each, the rows of those that follow one another in one result."""
    results: list[_Done] = []
    alike: list[Result] = []
    for item in items:
        done = work(item)
        if isinstance(done, Result) and done.rows and done.outcome is Outcome.DONE and not done.note:
            alike.append(done)
        else:
            results += _joined(alike)
            results.append(done)
            alike = []
    return results + _joined(alike)


def _joined(results: Sequence[Result]) -> list[Result]:
    """Return the rows of ``results`` as those of one, if there are any."""
    if not results:
        return []
    rows = [row for result in results for row in result.rows]
    return [results[0]._replace(rows=rows, counted=len(results))]


def _everything(
    paths: Iterable[str | Result], work: Callable[[_Task], _Done], ending: Ending, *, apart: bool
) -> Iterator[_Task]:
    for argument in paths:
        if isinstance(argument, Result):
            yield argument
            continue
        kind, items = _search(argument)
        for item in items:
            if ending.error and isinstance(item, Input):
                yield _left(ending.error, item)
            elif isinstance(item, Input) and _is_here_only(item):
                yield batch.alone(work, item, _lost) if apart else work(item)
            elif isinstance(item, Result) and item.outcome is Outcome.SKIPPED:
                yield _NotDicom(item)
            else:
                yield item
        yield _End(argument, kind)


def _is_here_only(item: Input) -> bool:
    """Tell what came through a pipe, which another process could not open."""
    return KEPT.has(item.archive.path if item.archive else item.path)


def _lost(item: _Task) -> _Done:
    if not isinstance(item, Input):
        return item
    error = DcmtoolsError("the process that worked on it died", hint="perhaps of too little memory")
    return Result.failed(item.path, error, {"file": item.path})


def _left(error: DcmtoolsError, item: _Task) -> _Done:
    """Return the result for what ``error`` keeps from being done."""
    return Result.failed(item.path, error, {"file": item.path}) if isinstance(item, Input) else item


def _result(operation: Callable[[Input], Result], item: _Task) -> _Done:
    if not isinstance(item, Input):
        return item
    path = item.path
    try:
        return operation(item)
    except NotDicom as error:
        if item.folder and path.lower().endswith(NAMED_AS_DICOM):
            return _failed(path, error)
        return _not_dicom(item, error)
    except Unsuitable as error:
        return Result.skipped(path, error.message, {"file": path}) if item.folder else _failed(path, error)
    except InputError as error:
        return _failed(path, error)
    except MemoryError:
        return _failed(path, InputError("it takes more memory than there is"))


def _not_dicom(item: Input, error: NotDicom) -> _Done:
    """Return the result for a file that may be an archive in a place where none is looked into."""
    from dcmtools.files.archives import at, is_named_as_archive

    message = error.message
    if item.archive and is_named_as_archive(item.path):
        message = "an archive within an archive, which is not looked into: unpack the outer one"
    elif item.folder and not item.archive and at(item.path):
        message = "an archive: name it to have it looked into"
    if item.folder:
        return _NotDicom(Result.skipped(item.path, message, {"file": item.path}))
    return _failed(item.path, error if message == error.message else NotDicom(message))


def is_usable(result: Result) -> bool:
    """Tell whether ``result`` is of an input that neither failed nor was skipped."""
    return result.outcome in (Outcome.DONE, Outcome.WARNING)

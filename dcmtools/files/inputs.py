"""Finding the inputs of a command: files, folders, archives, standard input."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.errors import InputError
from dcmtools.files.part10 import META_OFFSET, PREFIX_OFFSET
from dcmtools.files.source import KEPT, STDIN, FileSource
from dcmtools.results import Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dcmtools.files.archives import Archive
    from dcmtools.files.archives.entries import Entry
    from dcmtools.files.medium import Medium

NAMED_AS_DICOM: Final = (".dcm", ".dicom", ".dic", ".ima")


class Sought(NamedTuple):
    """What files a command takes out of folders: the word for one, and how such files are called.

    ``followed`` says whether a DICOMDIR that is named stands for the files on its medium.
    """

    what: str = "DICOM file"
    endings: tuple[str, ...] = NAMED_AS_DICOM
    followed: bool = False

    def names(self, path: str) -> bool:
        """Tell whether a file at ``path`` is one by its name, so that it fails where it is none."""
        return path.lower().endswith(self.endings) if self.endings else False


DICOM: Final = Sought(followed=True)
BY_ITS_NAME: Final = "under the name DICOMDIR it would stand for the files that it names"
DIRECTORIES_TOO: Final = Sought()
"""A DICOMDIR, too, is a file to work on."""


class Input(NamedTuple):
    """A file to work on, as plain values that another process can be sent.

    ``path`` is its name, which as an argument stands for it again. ``folder`` is the argument it was found
    below, a folder or an archive, empty where it was named itself. A file in an archive has its ``archive``
    and its ``entry`` there. What is ``named`` by a DICOMDIR has to be DICOM, in whatever folder it is.
    """

    path: str
    folder: str = ""
    archive: Archive | None = None
    entry: Entry | None = None
    named: bool = False

    def require_within(self) -> None:
        """Raise InputError where a file that a DICOMDIR names is not on its medium any more.

        A folder may have become a link since it was found. Whoever does not ``open`` it asks beforehand.
        """
        if self.named and not self.archive:
            root = os.path.realpath(self.folder)
            if os.path.commonpath((root, os.path.realpath(self.path))) != root:
                raise InputError("a link leads out of the medium there by now")

    def open(self) -> FileSource:
        """Open it, as often as need be; raises InputError.

        What came through a pipe can be opened again by whoever uses ``KEPT``, in the process that found it
        and those that it forks.
        """
        if self.archive and self.entry:
            return self.archive.open(self.entry)
        self.require_within()
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
            yield from search(path)[1]


def search(path: str, *, followed: bool = False) -> tuple[str, Iterable[Input | Result]]:
    """Return what holds the inputs that ``path`` names, empty if it is one itself, and the inputs.

    Those of a DICOMDIR are the files that it names where it is ``followed``.
    """
    if followed and (medium := medium_at(path)):
        from dcmtools.files.referenced import referenced

        return "medium", referenced(medium)
    try:
        mode = 0 if path == STDIN else os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            return "folder", below(path, path)
        if not (stat.S_ISREG(mode) and _has_prefix(path)) and (archive := _archive_at(path)):
            return "archive", within(path, archive)
    except OSError as error:
        if error.errno == errno.ENOTDIR:
            from dcmtools.files.archives import inside

            if found := inside(path):
                return "folder", within(path, *found)
    except InputError as error:  # of a pipe there is no second opening
        return "", (failed(path, error),)
    return "", (Input(path),)  # its opening says what is wrong with it


def medium_at(path: str) -> Medium | None:
    """Return the medium whose DICOMDIR ``path`` is, by its name and its content; None if it is none."""
    if not path.rpartition("/")[2].lower().startswith("dicomdir"):
        return None
    if os.path.exists(path) and not os.path.isfile(path):  # of a pipe there is no second opening
        return None
    from dcmtools.files.referenced import medium_of

    return medium_of(path)


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


def within(path: str, archive: Archive, name: str = "") -> Iterator[Input | Result]:
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
        yield failed(path, error)
    else:
        if empty:
            yield failed(path, InputError("the archive has nothing of this name"))


def _member(path: str, folder: str, archive: Archive, entry: Entry) -> Input | Result:
    if entry.fault or (entry.note and not folder):
        return failed(path, InputError(entry.fault or entry.note))
    if entry.note:
        return Result.skipped(path, entry.note, {"file": path})
    if folder and _is_of_server(path):
        return _kept_aside(path)
    return Input(path, folder, archive, entry)


def below(folder: str, argument: str) -> Iterator[Input | Result]:
    """Yield the files below ``folder``, which ``argument`` leads to, and what cannot be used there."""
    pending = [folder]
    while pending:
        current = pending.pop()
        folders = []
        try:
            with os.scandir(current) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            yield failed(current, error)
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
                yield failed(entry.path, error)
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
        return failed(entry.path, InputError("the link leads nowhere"))
    what = "a link to a folder" if entry.is_dir() else "neither a file nor a folder"
    return Result.skipped(entry.path, what, {"file": entry.path})


def failed(path: str, error: OSError | InputError) -> Result:
    """Return the result for a file that cannot be used."""
    if isinstance(error, OSError):
        error = InputError(error.strerror or str(error))
    return Result.failed(path, error, {"file": path})

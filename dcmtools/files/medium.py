"""A medium: a folder or an archive with a DICOMDIR, and the files that it names (PS3.10 section 8).

Nothing that a DICOMDIR says leads out of its folder. Names are matched as they are or, as media are copied
from one file system to another, without regard to case and to the endings of ISO 9660.
"""

from __future__ import annotations

import errno
import os
import stat
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from dcmtools.errors import InputError
from dcmtools.files.file_ids import DICOMDIR, dangerous, shown
from dcmtools.files.inputs import Input, below, is_archive, within

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dcmtools.files.archives import Archive
    from dcmtools.files.archives.entries import Entry
    from dcmtools.results import Result

_MOST_FOLDERS: Final = 10_000  # whose names are kept
_ENDINGS: Final = (";1", ".")
_FILE, _FOLDER, _LINK, _OTHER = range(4)
_OUT: Final = "a link leads out of the medium there, which is not followed"
_NOT_THERE: Final = "the medium has no such file"


class NotThere(InputError):
    """The medium has no file of this name, as far as it can be read."""


class Medium(ABC):
    """A folder or an archive with a DICOMDIR.

    ``folder`` is what holds the DICOMDIR: a path in the file system or, with an ``archive``, one that begins
    with that of the archive. ``directory_item`` is the DICOMDIR as an input.
    """

    archive: Archive | None = None

    def __init__(self, folder: str, directory_item: Input) -> None:
        """Take the folder that holds the DICOMDIR ``directory_item``."""
        self.folder = folder
        self.directory_item = directory_item

    @staticmethod
    def at(path: str) -> Medium:
        """Return the medium that ``path`` names: a folder, the DICOMDIR in it, or an archive that holds one.

        In an archive it is the DICOMDIR that is nearest to the top. Raises InputError where there is none, or
        none that is nearer than another.
        """
        try:
            return _found(path)
        except InputError as error:
            raise InputError(f"{path}: {error.message}", hint=error.hint) from error

    def find(self, file_id: Sequence[str]) -> Input:
        """Return the file that ``file_id`` names.

        Raises InputError where it could lead out of the medium, where there is no such file, or where there
        are several that it could be, none of exactly this name.
        """
        if why := dangerous(file_id):
            raise InputError(why, hint="it is not looked for")
        try:
            return self._find(file_id)
        except InputError as error:
            kind = NotThere if isinstance(error, NotThere) else InputError
            raise kind(f"{shown(file_id)}: {error.message}", hint=error.hint) from None

    @abstractmethod
    def _find(self, file_id: Sequence[str]) -> Input: ...

    @abstractmethod
    def files(self) -> Iterator[Input | Result]:
        """Yield all files on the medium, as ``inputs.find`` does those of a folder or an archive."""


class FolderMedium(Medium):
    """A medium in the file system."""

    def __init__(self, folder: str, directory_item: Input) -> None:
        """Take the ``folder`` that holds ``directory_item``."""
        super().__init__(folder, directory_item)
        self._names: dict[str, _Names] = {}

    def _find(self, file_id: Sequence[str]) -> Input:
        path, kind = "" if self.folder == os.curdir else self.folder, _FOLDER
        for component in file_id:
            if kind != _FOLDER:
                raise NotThere(_NOT_THERE)
            path, kind = self._step(path, component)
            if kind == _LINK:
                kind = self._behind(path)
        if kind != _FILE:
            raise InputError("it is a folder" if kind == _FOLDER else "not a regular file")
        return Input(path, self.folder)

    def _step(self, folder: str, component: str) -> tuple[str, int]:
        """Return the path of what ``component`` names in ``folder``, and what it is."""
        names = self._names.get(folder)
        if names is None:
            if len(self._names) == _MOST_FOLDERS:
                self._names.clear()
            names = self._names[folder] = _Names(_listed(folder or os.curdir))
        name, kind = names.find(component)
        return os.path.join(folder, name), kind

    def _behind(self, path: str) -> int:
        """Return what the link at ``path`` leads to, which is looked at only where that is on the medium."""
        root, real = os.path.realpath(self.folder), os.path.realpath(path)
        if os.path.commonpath((root, real)) != root:
            raise InputError(_OUT)
        if os.path.isfile(real):
            return _FILE
        return _FOLDER if os.path.isdir(real) else _OTHER

    def files(self) -> Iterator[Input | Result]:
        """Yield all files in the folder, the DICOMDIR among them."""
        for item in below(self.folder, self.folder):
            if isinstance(item, Input) and self.folder == os.curdir:
                yield item._replace(path=os.path.normpath(item.path))
            else:
                yield item


class ArchiveMedium(Medium):
    """A medium in an archive."""

    def __init__(self, archive: Archive, entry: Entry, folder: str) -> None:
        """Take the DICOMDIR ``entry`` of ``archive``, in the ``folder`` there, empty for its top."""
        from dcmtools.files.archives import plain_name

        top = f"{archive.path}/{folder}" if folder else archive.path
        super().__init__(top, Input(f"{archive.path}/{plain_name(entry.name)}", top, archive, entry))
        self.archive: Archive = archive
        self._within = f"{folder}/" if folder else ""
        self._items: dict[str, Input] = {}
        self._names: _Names | None = None

    def _find(self, file_id: Sequence[str]) -> Input:
        if self._names is None:
            self._items = {item.path: item for item in self.files() if isinstance(item, Input)}
            self._names = _Names((path, _FILE) for path in self._items)
        path, _ = self._names.find(f"{self.folder}/{'/'.join(file_id)}")
        return self._items[path]

    def files(self) -> Iterator[Input | Result]:
        """Yield all files in the folder of the archive, the DICOMDIR among them."""
        for item in within(self.archive.path, self.archive, self._within.rstrip("/")):
            yield item._replace(folder=self.folder) if isinstance(item, Input) else item


class _Names:
    """The names in one place with what they are, and what they are taken for."""

    def __init__(self, named: Iterable[tuple[str, int]]) -> None:
        self._kinds = dict(named)
        self._alike: dict[str, list[str]] | None = None

    def find(self, name: str) -> tuple[str, int]:
        """Return the name that is meant by ``name``, and what it is; raise InputError for none or several."""
        kind = self._kinds.get(name)
        if kind is not None:
            return name, kind
        if self._alike is None:
            self._alike = {}
            for each in sorted(self._kinds):
                self._alike.setdefault(_folded(each), []).append(each)
        alike = self._alike.get(_folded(name), [])
        if not alike:
            raise NotThere(_NOT_THERE)
        if len(alike) > 1:
            raise InputError(f"it may be one of several: {', '.join(alike[:3])}")
        return alike[0], self._kinds[alike[0]]


def _folded(name: str) -> str:
    """Return what names have in common that differ in case and in the endings of ISO 9660."""
    name = name.lower()
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return name


def _listed(folder: str) -> list[tuple[str, int]]:
    try:
        with os.scandir(folder) as entries:
            return [(entry.name, _kind(entry)) for entry in entries]
    except OSError as error:
        raise InputError(error.strerror or str(error)) from error


def _kind(entry: os.DirEntry[str]) -> int:
    if entry.is_symlink():
        return _LINK
    if entry.is_file(follow_symlinks=False):
        return _FILE
    return _FOLDER if entry.is_dir(follow_symlinks=False) else _OTHER


def _found(path: str) -> Medium:
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if error.errno == errno.ENOTDIR:
            return _in_archive(path)
        raise InputError(error.strerror or str(error)) from error
    if stat.S_ISDIR(mode):
        return _in_folder(path)
    if stat.S_ISREG(mode) and is_archive(path):
        return _in_archive(path)
    folder, name = os.path.split(path)
    here = folder in ("", os.curdir)
    return FolderMedium(folder or os.curdir, Input(name if here else path))


def _in_folder(folder: str) -> Medium:
    try:
        name, kind = _Names(_listed(folder)).find(DICOMDIR)
    except InputError as error:
        if error.message != _NOT_THERE:
            raise
        raise InputError("there is no DICOMDIR in this folder") from None
    path = name if folder == os.curdir else os.path.join(folder, name)
    if kind not in (_FILE, _LINK) or not os.path.isfile(path):
        raise InputError(f"the {name} in this folder is no file")
    return FolderMedium(folder, Input(path, folder))


def _in_archive(path: str) -> Medium:
    """Return the medium in the archive at ``path``, or below a folder in one."""
    from dcmtools.files.archives import at, inside, plain_name

    archive = at(path)
    found = (archive, "") if archive else inside(path)
    if found is None:
        raise InputError("there is neither a folder nor an archive of this name")
    archive, top = found
    best: list[tuple[str, Entry]] = []
    for entry in archive.entries():
        name = plain_name(entry.name)
        folder, _, last = name.rpartition("/")
        if (name == top or not top or name.startswith(f"{top}/")) and _folded(last) == _folded(DICOMDIR):
            depth = folder.count("/") + bool(folder)
            nearest = best[0][0].count("/") + bool(best[0][0]) if best else depth
            if depth <= nearest:
                best = [*(best if depth == nearest else ()), (folder, entry)]
    if not best:
        raise InputError("there is no DICOMDIR in this archive")
    if len(best) > 1:
        several = ", ".join(folder for folder, _ in best[:3])
        message = f"there is a DICOMDIR in several folders of this archive: {several}"
        raise InputError(message, hint="name one of them")
    return ArchiveMedium(archive, best[0][1], best[0][0])

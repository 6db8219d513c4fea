"""A medium that is to be changed: held, read, and in order (PS3.10 8)."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.tags import MEDIA_STORAGE_SOP_CLASS_UID, SOP_INSTANCE_UID
from dcmtools.encoding.uids import MEDIA_STORAGE_DIRECTORY
from dcmtools.errors import CheckFailed, InputError, OutputError, UsageError
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.directory import Directory
from dcmtools.files.file_ids import DICOMDIR
from dcmtools.files.inputs import Input, below
from dcmtools.files.medium import FolderMedium, Medium
from dcmtools.files.values import values_of
from dcmtools.media.entries import walk
from dcmtools.media.numbering import TOP, is_ours
from dcmtools.media.places import held, remove_empty
from dcmtools.media.tree import Tree
from dcmtools.media.writing import failure, loaded, sync, unstopped, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dcmtools.errors import DcmtoolsError
    from dcmtools.files.directory_tree import DirectoryProblem
    from dcmtools.media.entries import Entry, FileSet

_GUESSED: Final = ("orphan", "encoding", "element")
"""Problems after which a record may be lost or stand in another's place."""
_REBUILD: Final = "dicomdir verify tells all of it; dicomdir rebuild makes a new one of the files"


class Changing:
    """A medium in hand: its ``folder``, what its DICOMDIR says, and that as a ``tree`` to be changed.

    ``before`` is how many records there are, of those not in use, too, and of how many bytes the DICOMDIR is.
    """

    def __init__(self, medium: FolderMedium, directory: Directory, charset: bytes) -> None:
        """Take what an open ``directory`` says; new text gets into ``charset``, if given."""
        self.medium = medium
        self.folder = medium.folder
        self.path = os.path.join(medium.folder, DICOMDIR)
        self.file_set: FileSet = loaded(directory)
        self.tree = Tree(self.file_set, charset)
        self.before = len(directory.records), os.path.getsize(self.path)
        self._real: dict[str, str] = {}
        self.problems: list[DirectoryProblem] = directory.problems

    def item(self, entry: Entry) -> Input:
        """Return the file of an instance; raises InputError where it has none on the medium."""
        if not entry.reference or not entry.reference.file_id:
            raise InputError("its record names no file")
        return self.medium.find(entry.reference.file_id)

    def unnamed(self) -> Iterator[Input]:
        """Yield files under names that we give, but that no record has: those of a run that was killed."""
        named = self.paths(walk(self.file_set.roots))
        for item in below(os.path.join(self.folder, TOP), self.folder):
            if not isinstance(item, Input) or self.real(item.path) in named or not self._holds(item.path):
                continue
            if is_ours(tuple(os.path.relpath(item.path, self.folder).split(os.sep))):
                yield item

    def paths(self, entries: Iterable[Entry]) -> dict[str, str]:
        """Return the ``real`` paths of the files of ``entries`` that are there, with SOP Instance UIDs."""
        found = {}
        for entry in entries:
            if entry.reference:
                with suppress(InputError):
                    found[self.real(self.item(entry).path)] = entry.reference.sop_instance
        return found

    def real(self, path: str) -> str:
        """Return ``path`` with the links to its folder followed, so that a file has one."""
        folder, name = os.path.split(path)
        real = self._real.get(folder)
        if real is None:
            real = self._real[folder] = os.path.realpath(folder)
        return os.path.join(real, name)

    def _holds(self, path: str) -> bool:
        """Tell whether a file is on the medium, wherever links to its folder lead, and not the DICOMDIR."""
        real, own = self.real(path), self.real(self.path)
        return real != own and real.startswith(os.path.join(os.path.dirname(own), ""))

    def write(self) -> None:
        """Have the DICOMDIR say what the tree does, on disk; raises OutputError."""
        with unstopped():
            write(self.folder, self.file_set)
        try:
            sync(self.folder)
        except OSError as error:
            raise failure(self.path, error) from error

    def look_again(self) -> None:
        """Forget which files there were, as others have been made."""
        self.medium = FolderMedium(self.folder, self.medium.directory_item)

    def delete(self, files: Iterable[tuple[str, str]]) -> dict[str, DcmtoolsError]:
        """Remove files on the medium that no record names any more, and folders that are empty then.

        Each is given with the SOP Instance UID of what it was said to be: what is another stays. Returns why
        by the path of what does. Of what is behind a link only the link goes.
        """
        left: dict[str, DcmtoolsError] = {}
        folders = set()
        for path, uid in files:
            try:
                if not (uid and self._holds(path) and uid_of(Input(path)) == uid):
                    left[path] = CheckFailed("the file is not the instance that its record named, and stays")
                    continue
                os.unlink(path)
                folders.add(os.path.dirname(path))
            except InputError as error:
                left[path] = error
            except FileNotFoundError:
                continue
            except OSError as error:
                left[path] = OutputError(f"{path}: {error.strerror or error}")
        for folder in folders:
            remove_empty(folder, self.folder)
        with suppress(OSError):
            sync(self.folder)
        return left


def uid_of(item: Input) -> str:
    """Return the SOP Instance UID of a DICOM file, empty where it has none; raises InputError."""
    with item.open() as source:
        file = LenientFile(source)
        file.notices = False
        if file.meta_text(MEDIA_STORAGE_SOP_CLASS_UID) == MEDIA_STORAGE_DIRECTORY:
            return ""
        found = values_of(file, (SOP_INSTANCE_UID,)).get(SOP_INSTANCE_UID)
        return found.text() if found else ""


@contextmanager
def changing(path: str, charset: bytes = b"", *, ahead: bool = False) -> Iterator[Changing]:
    """Have the medium at ``path`` for ourselves, unless all is done ``ahead`` of that, on paper only.

    Raises UsageError for what cannot be changed in its place, InputError where there is no DICOMDIR or it is
    so damaged that records may be lost or in another's place, OutputError where another run changes it.
    """
    medium = Medium.at(path)
    if not isinstance(medium, FolderMedium):
        hint = "dicomdir extract takes its files out, dicomdir create makes a new one"
        raise UsageError(f"{path}: a medium in an archive cannot be changed", hint=hint)
    found = medium.directory_item.path
    if os.path.basename(found) != DICOMDIR:
        raise UsageError(f"{found}: the DICOMDIR of a medium that is changed has that name, in capitals")
    if os.path.islink(found):
        raise UsageError(f"{found}: a link, in whose place no DICOMDIR is written")
    if ahead:
        yield _read(medium, charset)
        return
    with held(medium.folder):
        yield _read(medium, charset)


def _read(medium: FolderMedium, charset: bytes) -> Changing:
    with Directory.of(medium.directory_item.open()) as directory:
        guessed = [problem for problem in directory.problems if problem.kind in _GUESSED]
        if guessed or directory.more:
            first = (guessed or directory.problems)[0]
            message = f"the DICOMDIR is damaged, and is not written again: {first.message}"
            raise InputError(message, hint=_REBUILD)
        return Changing(medium, directory, charset)

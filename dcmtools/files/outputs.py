"""Where what is made of inputs goes: a file, a folder that mirrors where they were, or their own place."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from dcmtools.errors import (
    DISK_FULL,
    NO_ROOM,
    AlreadyThere,
    DcmtoolsError,
    DiskFull,
    InputError,
    OutputError,
    UsageError,
)
from dcmtools.files.inputs import NAMED_AS_DICOM, is_archive, medium_at
from dcmtools.files.names import safe_name
from dcmtools.files.source import STDIN
from dcmtools.files.work import Ending
from dcmtools.replacing import making, replacing
from dcmtools.results import Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dcmtools.files.inputs import Input
    from dcmtools.files.made import Made
    from dcmtools.files.paths import Paths

STDOUT: Final = "-"
_IN_ARCHIVE: Final = "what is in an archive cannot be changed in its place"
_TO_FOLDER: Final = "-o FOLDER takes what is made of it"
_SKIP: Final = "--skip-existing"
_HINTS: Final = {  # by option: there is none of what the command does not have
    "--in-place": "--in-place is for that",
    "--overwrite": "--overwrite replaces what is there",
    _SKIP: "--skip-existing keeps it",
}
BLOCK: Final = 1024 * 1024


class Endings(NamedTuple):
    """How names change: to one with the ending ``new``, if there is one, in the place of an ``old`` one."""

    new: str = ""
    old: tuple[str, ...] = NAMED_AS_DICOM

    def put(self, name: str) -> str:
        """Return ``name`` so changed; one that is nothing but an ending has none."""
        if not self.new:
            return name
        known = next((each for each in self.old if name.lower().endswith(each)), "")
        return (name[: len(name) - len(known)] or name) + self.new


_SAME: Final = Endings()


class Outputs(NamedTuple):
    """The place for what is made of each input.

    With ``in_place`` that is the input's own. Else it is the file ``target`` or, if that is a ``folder``,
    below it: for one input that is a folder or an archive as its files are below it; where there are
    ``several`` each under its own name; and ``renamed`` where names do not come from the inputs'. With
    neither there is no place. Files that are there already stay, unless they are to be ``overwritten``, or
    the run itself has ``made`` them of the same input. ``private`` files and folders are for their owner
    alone. ``options`` are those of the command that hints may speak of: ``--in-place``, ``--overwrite``,
    ``--skip-existing``, ``--names``. Names that come from inputs' get other ``endings``.
    """

    target: str = ""
    folder: bool = False
    several: bool = False
    renamed: bool = False
    in_place: bool = False
    overwritten: bool = False
    made: Made | None = None
    private: bool = False
    options: tuple[str, ...] = ()
    endings: Endings = _SAME

    @property
    def nowhere(self) -> bool:
        """Whether there is no place for anything."""
        return not (self.target or self.in_place)

    def admitted(self, paths: Iterable[str | Result]) -> Iterator[str | Result]:
        """Yield ``paths``, a failed result for those whose files would end up in each other's place."""
        seen = {""}
        for path in paths:
            if not (isinstance(path, Result) or self.nowhere) and (error := self._refused(path, seen)):
                yield Result.failed(path, error, {"file": path})
            else:
                yield path

    def _refused(self, path: str, seen: set[str]) -> InputError | UsageError | None:
        if self.in_place:
            if path == STDIN:
                return UsageError("standard input has no place to be changed in")
            return InputError(_IN_ARCHIVE, hint=_TO_FOLDER) if is_archive(path) else None
        if self.folder and path == STDIN and not self.renamed:
            return UsageError("standard input has no name that it could get in a folder")
        if not self.folder and _is_named_as_file(self.target, self.endings) and is_archive(path):
            return _no_folder(self.target)
        if self.folder and os.path.isdir(path) and is_within(self.target, path):
            if is_within(path, self.target):
                return UsageError("it is the output folder itself", hint=self._hint("--in-place"))
            return UsageError(f"the output folder, {self.target}, is inside of it")
        if self.renamed:
            return None
        medium = medium_at(path)
        name = _name_of(medium.folder if medium else path)
        if self.several and name in seen:
            return UsageError(f"another input is called {name}, too: give them a folder each")
        seen.add(name)
        return None

    def path_for(self, item: Input) -> str:
        """Return the path for what is made of ``item``; raises InputError or OutputError if there is none."""
        if self.in_place:
            if item.archive:
                raise InputError(_IN_ARCHIVE, hint=_TO_FOLDER)
            return os.path.realpath(item.path)
        if not self.folder and not item.folder:
            return self._apart(self.target, item)
        if self.target == STDOUT:
            raise InputError("standard output takes one file, not those of an archive")
        return self._apart(os.path.join(self.target, *self._below(item)), item)

    def path_of_part(self, item: Input, name: str) -> str:
        """Return the path for a part of what is made of ``item``, called ``name`` below the target.

        That is a name whose components are safe. Raises what ``path_for`` does.
        """
        if not (self.folder or item.folder) or self.target == STDOUT:
            return self.path_for(item)
        if any(part in {"", os.curdir, os.pardir} for part in name.split(os.sep)):
            raise InputError("its name leads out of the folder that it is for")
        return self._apart(os.path.join(self.target, name), item)

    def name_below(self, item: Input) -> str:
        """Return how what is made of ``item`` is called below the target, with its new ending."""
        return os.path.join(*self._below(item))

    def _apart(self, path: str, item: Input) -> str:
        """Return ``path``, which must not be the input itself, nor be taken, be it by another of this run."""
        if path != STDOUT and self.made and not self.made.claim(path, item):
            raise OutputError(f"another file of this run has the name {path}")
        source = item.archive.path if item.archive else item.path
        both = os.path.exists(path) and os.path.exists(source)
        if path != STDOUT and both and os.path.samefile(path, source):
            hint = _TO_FOLDER if item.archive else self._hint("--in-place")
            raise InputError("input and output are the same file", hint=hint)
        if path != STDOUT and os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
            raise OutputError(f"{path} is no file that could be replaced", hint="-o - is standard output")
        if path != STDOUT and os.path.lexists(path) and not self._may_replace(path, item):
            raise self._taken(path)
        return path

    def _taken(self, path: str) -> AlreadyThere:
        where = path if path == self.target else f"of its name in {self.target}"
        return AlreadyThere(f"there is a file {where} already", hint=self._hint("--overwrite", _SKIP))

    def _hint(self, *options: str) -> str:
        """Return what those of ``options`` do that the command has."""
        return ", ".join([_HINTS[option] for option in options if option in self.options])

    def _may_replace(self, path: str, item: Input) -> bool:
        return self.overwritten or bool(self.made and self.made.has(path, item))

    def _below(self, item: Input) -> list[str]:
        """Return the names of folders and file below the target; those of an archive are made safe."""
        argument = item.folder or item.path
        parts = [_name_of(argument)] if self.several or not item.folder else []
        if item.folder:
            parts += os.path.relpath(item.path, item.folder).split(os.sep)
        if not parts or any(part in {"", os.curdir, os.pardir} for part in parts):
            raise InputError("its name leads out of the folder that it is in")
        parts[-1] = self.endings.put(parts[-1])
        return [safe_name(part) for part in parts] if item.archive else parts

    @contextmanager
    def writing(self, path: str, item: Input) -> Iterator[BinaryIO]:
        """Open, for writing and reading, what is the file for ``item`` in the end, whole or not at all.

        Folders that are missing are made. Raises OutputError, also where a file is there that is not to be
        overwritten.
        """
        try:
            if self.in_place:
                item.require_within()
            else:
                self._make_folder(os.path.dirname(path) or os.curdir)
            over, mode = self._may_replace(path, item), 0o600 if self.private else 0o666
            with replacing(path) if self.in_place else making(path, over=over, mode=mode) as file:
                yield file
            if self.made:
                self.made.add(path, item)
        except FileExistsError as error:
            raise self._taken(path) from error
        except OSError as error:
            why = error.strerror or str(error)
            if error.errno in NO_ROOM and not self.in_place:
                raise self.full(why) from error
            raise OutputError(why if error.errno in DISK_FULL else f"{path}: {why}") from error

    def full(self, why: str) -> DiskFull:
        """Return the error that says that there is no more room."""
        again = f"once there is room, {_SKIP} goes on from here" if _SKIP in self.options else ""
        return DiskFull(f"{self.target}: {why}", hint=again)

    def _make_folder(self, folder: str) -> None:
        """Make ``folder``, and those above it that are missing."""
        if not self.private:
            os.makedirs(folder, exist_ok=True)
        elif not os.path.isdir(folder):
            self._make_folder(os.path.dirname(folder) or os.curdir)
            with suppress(FileExistsError):  # by another process; what is no folder fails soon enough
                os.mkdir(folder, 0o700)


class Causes(Ending):
    """Ends a run once there is no more room for outputs, and has items share the errors that are alike."""

    def __init__(self, target: str) -> None:
        """Speak of ``target`` as what has no room."""
        self._target = target
        self._known: dict[str, DcmtoolsError] = {}

    def shared(self, result: Result) -> Result:
        """Return ``result`` with the error that stands for all alike, which workers have made."""
        if isinstance(result.error, DiskFull) and not self.error:
            self.error = DiskFull(f"not done, as there is no room in {self._target}")
        if result.error and result.error.shared:
            return result._replace(error=self._known.setdefault(result.error.message, result.error))
        return result


def outputs_for(
    paths: Paths,
    target: str | None,
    *,
    in_place: bool,
    overwritten: bool,
    renamed: bool = False,
    options: tuple[str, ...] = (),
    endings: Endings = _SAME,
) -> Outputs:
    """Return where the files of ``paths`` go; raise UsageError where that makes no sense.

    ``target`` is a folder where there may be more than one file, where one is there, where its name ends
    with a slash, and where files in it are ``renamed``. ``options`` are those that hints may speak of,
    ``endings`` those that names get.
    """
    if (target is None) != in_place:
        raise UsageError("give either -o OUT or --in-place")
    if target is None:
        return Outputs(in_place=True, options=options)
    if not target:
        raise UsageError("the output has no name")
    if target == STDOUT:
        if paths.several:
            raise UsageError("standard output takes one file; -o FOLDER takes more")
        return Outputs(target, options=options, endings=endings)
    folder = renamed or paths.several or target.endswith(os.sep) or os.path.isdir(target)
    if folder and os.path.exists(target) and not os.path.isdir(target):
        raise UsageError(f"{target} is a file, and there may be several: -o wants a folder")
    may_be_file = not (os.path.isdir(target) or target.endswith(os.sep))
    if (paths.several or renamed) and may_be_file and _is_named_as_file(target, endings):
        raise _no_folder(target) if paths.several else _no_file(target, options)
    return Outputs(
        target,
        folder,
        several=paths.alone is None,
        renamed=renamed,
        overwritten=overwritten,
        options=options,
        endings=endings,
    )


def shown(result: Result, written: BinaryIO) -> Iterator[Result]:
    """Yield what was ``written`` of the item of ``result`` as results for standard output."""
    written.seek(0)
    while block := written.read(BLOCK):
        yield Result(result.item, raw=block, counted=False)


def _is_named_as_file(target: str, endings: Endings) -> bool:
    from dcmtools.files.archives import is_named_as_archive

    named = (*NAMED_AS_DICOM, endings.new) if endings.new else NAMED_AS_DICOM
    return target.lower().endswith(named) or is_named_as_archive(target)


def _no_folder(target: str) -> UsageError:
    return UsageError(
        f"there may be several files, and {target} would be a folder for them",
        hint=f"{target}{os.sep} is one, whatever it is called",
    )


def _no_file(target: str, options: tuple[str, ...]) -> UsageError:
    original = "--names original makes it the file; " if "--names" in options else ""
    return UsageError(
        f"a file gets its name in a folder, and {target} would be that",
        hint=f"{original}{target}{os.sep} is a folder, whatever it is called",
    )


def _name_of(path: str) -> str:
    """Return the name of a file or folder, however its path is written."""
    return os.path.basename(os.path.abspath(path))


def is_within(path: str, folder: str) -> bool:
    """Tell whether ``path`` is ``folder`` or below it, whatever links lead there."""
    inner, outer = os.path.realpath(path), os.path.realpath(folder)
    return os.path.commonpath((inner, outer)) == outer

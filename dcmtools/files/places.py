"""A run that makes one file of each input: where it goes, what becomes of it there, what is kept."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from functools import partial
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple, TypeVar

from dcmtools.errors import AlreadyThere, DcmtoolsError, InputError, Interrupted, OutputError
from dcmtools.files.copying import copy
from dcmtools.files.inputs import DICOM, NAMED_AS_DICOM
from dcmtools.files.made import Made
from dcmtools.files.outputs import STDOUT, Causes, Outputs, shown
from dcmtools.files.part10 import part10_file
from dcmtools.files.source import STDIN, FileSource
from dcmtools.files.work import for_each, is_usable
from dcmtools.replacing import making
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dcmtools.files.inputs import Input, Sought

T = TypeVar("T")
BACKUP: Final = "by its name it is a backup"
_MARKS: Final = ".~"


class Place(NamedTuple):
    """Where what is made of ``item`` goes: the file ``path``, or standard output by way of ``stdout``."""

    outputs: Outputs
    stdout: BinaryIO
    item: Input
    path: str

    @property
    def alone(self) -> bool:
        """Whether one file was to come of it, rather than what there is in a folder."""
        return not (self.outputs.folder or self.item.folder)

    def taken(self) -> Result | None:
        """Return the result where it has been made already; raise OutputError if it is another item's."""
        made, item = self.outputs.made, self.item
        if self.path != STDOUT and made and not made.claim(self.path, item):
            if self.outputs.in_place:
                note = "it is another name of a file that is done"
                return Result.skipped(item.path, note, {"file": item.path})
            raise OutputError(f"another file of this run has the name {self.path}")
        if self.outputs.in_place and made and made.has(self.path, item):
            note = "it was done by a process that died before it could tell"
            return Result(item.path, {"file": item.path, "output": self.path}, note=note)
        return None

    @contextmanager
    def writing(self, source: FileSource) -> Iterator[BinaryIO]:
        """Open what becomes of ``source``, if that stays as it is until it has been read."""
        if self.path == STDOUT:
            self.stdout.seek(0)
            self.stdout.truncate()
            try:
                yield self.stdout
            except OSError as error:
                raise OutputError(f"temporary file: {error.strerror}") from error
            return
        with self.outputs.writing(self.path, self.item) as out:
            yield out
            if not source.unchanged():
                raise InputError("the file has changed while it was read")

    def copy(self, source: FileSource) -> None:
        """Have the file as it is."""
        with self.writing(source) as out:
            copy(source, 0, source.size, out.fileno())


class Maker(NamedTuple):
    """What gives each item its place."""

    outputs: Outputs
    stdout: BinaryIO
    skip_existing: bool = False

    def place(self, item: Input) -> Place:
        """Return the place for what is made of ``item``; raises what ``Outputs.path_for`` does."""
        return Place(self.outputs, self.stdout, item, self.outputs.path_for(item))

    def place_of_part(self, item: Input, name: str) -> Place:
        """Return the place for one of several files that are made of ``item`` (``files.parts``)."""
        return Place(self.outputs, self.stdout, item, self.outputs.path_of_part(item, name))


def made_of(  # noqa: PLR0913  whose words are those of callers
    paths: Iterable[str | Result],
    outputs: Outputs,
    work: Callable[[Maker, Input, T], Result],
    jobs: int,
    *,
    skip_existing: bool = False,
    opening: Callable[[FileSource], T] | None = None,
    apart: bool = False,
    sought: Sought = DICOM,
) -> Iterator[Result]:
    """Yield the result of ``work`` on each DICOM file below ``paths``, and what goes to standard output.

    Where something else is ``sought``, ``opening`` returns what ``work`` gets of it, and raises NotDicom for
    what it is not.

    What has its file already fails or, with ``skip_existing``, is skipped; so is what is given twice.
    ``opening`` says what a file is. See ``for_each`` for the rest.
    """
    with TemporaryFile() as stdout, Made() as made:
        maker = Maker(outputs._replace(made=made), stdout, skip_existing)
        operation = partial(_made, work, maker, opening or part10_file)
        causes = Causes(outputs.target)
        admitted = outputs.admitted(_once(paths, outputs))
        for each in for_each(admitted, operation, jobs, apart=apart, ending=causes, sought=sought):
            result = causes.shared(each)
            if isinstance(result.error, Interrupted):  # what was being written then may be there
                result = result._replace(outcome=Outcome.UNKNOWN)
            if outputs.target == STDOUT:
                yield from shown(result, stdout) if is_usable(result) else ()
                result = result._replace(raw=b"")
            yield result


def _once(paths: Iterable[str | Result], outputs: Outputs) -> Iterator[str | Result]:
    """Yield ``paths``, a skipped result for one that is given twice.

    So is one below a folder that was given before, where both are to be changed in their place.
    """
    seen = set[str]()
    for path in paths:
        note = ""
        if isinstance(path, str) and path != STDIN:
            real = above = os.path.realpath(path)
            while outputs.in_place and above != (above := os.path.dirname(above)):
                note = note or ("it is in a folder that is given, too" if above in seen else "")
            note = "it is given twice" if real in seen else note
            seen.add(real)
        yield Result.skipped(str(path), note, {"file": path}) if note else path


def _made(
    work: Callable[[Maker, Input, Any], Result],
    maker: Maker,
    opening: Callable[[FileSource], object],
    item: Input,
) -> Result:
    record = {"file": item.path}
    try:
        with item.open() as source:
            return work(maker, item, opening(source))
    except InputError:
        raise
    except AlreadyThere as error:
        if maker.skip_existing:
            return Result.skipped(item.path, error.message, record)
        return Result.failed(item.path, error, record)
    except DcmtoolsError as error:  # of this file: the disk may have room for another
        return Result.failed(item.path, error, record)


# -------------------------------------------------------------------- backups


def is_backup(item: Input, suffix: str = "") -> bool:
    """Tell whether ``item``, found in a folder, is by its name a backup: with ``suffix``, or another.

    With another it is one if that file stands beside it, and if what is behind its name begins with a dot or
    a tilde, is not how DICOM files are called, and has a letter where it could be a component of a UID.
    """
    if not item.folder or item.archive:
        return False
    if suffix and item.path.endswith(suffix):
        return True
    folder, name = os.path.split(item.path)
    places = [at for at in range(1, len(name)) if name[at] in _MARKS]
    return any(_is_suffix(name[:at], name[at:]) and _is_file(folder, name[:at]) for at in places[-2:])


def _is_suffix(name: str, rest: str) -> bool:
    """Tell whether ``rest`` may be what somebody has put behind ``name``."""
    if rest.lower().endswith(NAMED_AS_DICOM):
        return False
    is_number = rest.replace(".", "").isdigit()
    return not is_number or name.lower().endswith(NAMED_AS_DICOM)


def _is_file(folder: str, name: str) -> bool:
    return os.path.isfile(os.path.join(folder, name))


def require_none(path: str, suffix: str) -> None:
    """Raise AlreadyThere where something has the name that the backup of ``path`` is to get."""
    backup = path + suffix
    if os.path.lexists(backup) and not _is_same(path, backup):
        raise _taken(backup)


@contextmanager
def kept(path: str, suffix: str) -> Iterator[None]:
    """Have the file at ``path`` under another name, too, if it is replaced in the ``with`` block."""
    backup = path + suffix
    try:
        made = _linked(path, backup)
    except OSError as error:
        raise OutputError(f"{backup}: {error.strerror or error}") from error
    try:
        yield
    except BaseException:
        if made:
            with suppress(OSError):
                os.unlink(backup)
        raise


def _linked(path: str, backup: str) -> bool:
    """Give the file at ``path`` a second name; return False where it has that already."""
    try:
        os.link(path, backup)
    except FileExistsError:
        if _is_same(path, backup):  # by a process that died before it could go on
            return False
        raise _taken(backup) from None
    except OSError:  # there are file systems without such names
        with FileSource.open(path) as source, making(backup, mode=0o600) as out:
            copy(source, 0, source.size, out.fileno())
    return True


def _is_same(path: str, backup: str) -> bool:
    return os.path.exists(backup) and os.path.samefile(path, backup)


def _taken(backup: str) -> AlreadyThere:
    hint = "move it away first, or have another suffix; either way no backup in a folder is changed"
    return AlreadyThere(f"there is a file {backup} already", hint=hint)

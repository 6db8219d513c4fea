"""A run that makes one file of each input: where it goes, and what becomes of it there."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from dcmtools.errors import AlreadyThere, DcmtoolsError, InputError, Interrupted, OutputError
from dcmtools.files.copying import copy
from dcmtools.files.inputs import for_each, is_usable
from dcmtools.files.outputs import STDOUT, Causes, Made, Outputs, shown
from dcmtools.files.part10 import part10_file
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dcmtools.files.inputs import Input
    from dcmtools.files.part10 import Part10File
    from dcmtools.files.source import FileSource


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

    def place(self, item: Input) -> Place:
        """Return the place for what is made of ``item``; raises what ``Outputs.path_for`` does."""
        return Place(self.outputs, self.stdout, item, self.outputs.path_for(item))


def made_of(
    paths: Iterable[str | Result],
    outputs: Outputs,
    work: Callable[[Maker, Input, Part10File], Result],
    jobs: int,
    *,
    skip_existing: bool = False,
    opening: Callable[[FileSource], Part10File] = part10_file,
    apart: bool = False,
) -> Iterator[Result]:
    """Yield the result of ``work`` on each DICOM file below ``paths``, and what goes to standard output.

    What has its file already fails or, with ``skip_existing``, is skipped. ``opening`` says what a file is.
    See ``for_each`` for the rest.
    """
    with TemporaryFile() as stdout, Made() as made:
        maker = Maker(outputs._replace(made=made), stdout)
        operation = partial(_made, work, maker, opening, skip_existing)
        causes = Causes(outputs.target)
        for each in for_each(outputs.admitted(paths), operation, jobs, apart=apart, ending=causes):
            result = causes.shared(each)
            if isinstance(result.error, Interrupted):  # what was being written then may be there
                result = result._replace(outcome=Outcome.UNKNOWN)
            if outputs.target == STDOUT:
                yield from shown(result, stdout) if is_usable(result) else ()
                result = result._replace(raw=b"")
            yield result


def _made(
    work: Callable[[Maker, Input, Part10File], Result],
    maker: Maker,
    opening: Callable[[FileSource], Part10File],
    skip_existing: bool,
    item: Input,
) -> Result:
    record = {"file": item.path}
    try:
        with item.open() as source:
            return work(maker, item, opening(source))
    except InputError:
        raise
    except AlreadyThere as error:
        if skip_existing:
            return Result.skipped(item.path, error.message, record)
        return Result.failed(item.path, error, record)
    except DcmtoolsError as error:  # of this file: the disk may have room for another
        return Result.failed(item.path, error, record)

"""Several files made of one input, each whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.errors import AlreadyThere, DcmtoolsError, DiskFull, OutputError
from dcmtools.files.outputs import STDOUT
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from dcmtools.files.inputs import Input
    from dcmtools.files.places import Maker
    from dcmtools.files.source import FileSource


class Parts:
    """The files of one item of a run of ``made_of``: one that fails does not keep the others from being made.

    ``paths`` are those that have been written, ``kept`` is how many were there already and stay, and
    ``errors`` say what became of the others.
    """

    def __init__(self, maker: Maker, item: Input, source: FileSource) -> None:
        """Begin with none of ``item``, whose bytes are ``source``."""
        self._maker, self.item, self._source = maker, item, source
        self._names: set[str] = set()
        self.paths: list[str] = []
        self.kept = 0
        self.errors: list[DcmtoolsError] = []

    def make(self, name: str, write: Callable[[BinaryIO], object]) -> bool:
        """Have ``write`` make the file that is ``name`` below the target; tell whether it is there now.

        A target that is a file, or standard output, takes one part. Raises DiskFull.
        """
        try:
            self._make(name, write)
        except AlreadyThere as error:
            if not self._maker.skip_existing:
                self.errors.append(error)
                return False
            self.kept += 1
        except DiskFull:
            raise
        except DcmtoolsError as error:
            self.errors.append(error)
            return False
        return True

    def failed(self, error: DcmtoolsError) -> None:
        """Take note of a part that cannot even be begun."""
        self.errors.append(error)

    def _make(self, name: str, write: Callable[[BinaryIO], object]) -> None:
        outputs = self._maker.outputs
        if self._names and (outputs.target == STDOUT or not (outputs.folder or self.item.folder)):
            message = f"{outputs.target} takes one file, and there are more"
            raise OutputError(message, hint="-o FOLDER takes all")
        if name in self._names:
            raise OutputError(f"two parts of this file have the name {name}")
        self._names.add(name)
        place = self._maker.place_of_part(self.item, name)
        with place.writing(self._source) as out:
            write(out)
        self.paths.append(place.path)

    def result(self, record: dict[str, object], note: str = "") -> Result:
        """Return the result for the item: failed where a part has, skipped where all were there already.

        The ``record`` gets the paths as ``outputs``.
        """
        record = {**record, "outputs": self.paths}
        item, count = self.item.path, len(self.paths) + self.kept + len(self.errors)
        if self.errors:
            error = self.errors[0]
            if count > 1:
                message = f"{len(self.errors)} of {count} files could not be made: {error.message}"
                error = OutputError(message, hint=error.hint)
            return Result.failed(item, error, record if self.paths else {"file": item})
        there = f"{self.kept} of {count} files were there already" if self.kept else ""
        if self.kept and self.kept == count:
            return Result.skipped(item, there, record)
        return Result(item, record, Outcome.DONE, note="; ".join(filter(None, (note, there))))

"""A medium made as one zip file (PS3.12 V)."""

from __future__ import annotations

import os
import shutil
import time
from collections import deque
from contextlib import ExitStack, suppress
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from dcmtools.errors import UsageError
from dcmtools.files.file_ids import DICOMDIR
from dcmtools.media.places import FolderPlace
from dcmtools.media.writing import blocks, failure
from dcmtools.replacing import making

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Self

    from dcmtools.files.file_ids import FileID
    from dcmtools.media.adding import AddOptions
    from dcmtools.media.entries import FileSet
    from dcmtools.media.looking import Facts
    from dcmtools.media.places import Made

_LEVEL: Final = 6
_EPOCH: Final = 315619200  # seconds: 1980, with which the time of zip files begins
_END: Final = 4354732798  # and 2107, with which it ends
_MODE: Final = 0o644 << 16
_BLOCK: Final = 1024 * 1024


class ZipPlace:
    """A zip file with a medium at its top, which has its name once the DICOMDIR is in it.

    Files are made beside it first, by all processors, and gone once they are in it.
    """

    def __init__(self, path: str, options: AddOptions) -> None:
        """Begin with nothing in it; raises UsageError where ``path`` is taken."""
        self.folder = path
        self.written = False  # it has no name before the end
        self._options = options
        self._stack = ExitStack()
        if os.path.lexists(path):
            raise UsageError(f"{path} is there already", hint="remove it, or name another file")

    def __enter__(self) -> Self:
        """Open it, without a name; raises UsageError where that cannot be."""
        folder = os.path.dirname(self.folder) or os.curdir
        try:
            if not self._options.ahead:
                self._file = self._stack.enter_context(making(self.folder))
                folder = self._stack.enter_context(TemporaryDirectory(prefix=".dcmtools-", dir=folder))
                self._zip = ZipFile(self._file, "w", ZIP_DEFLATED, compresslevel=_LEVEL)
                self._stack.callback(self._close)
        except OSError as error:
            raise UsageError(f"{self.folder}: {error.strerror}") from error
        self._made = FolderPlace(folder, self._options.action, self._options.rules)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give it its name where all went well; raises OutputError."""
        try:
            self._stack.__exit__(kind, error, traceback)
        except OSError as fault:
            raise failure(self.folder, fault) from fault

    def _close(self) -> None:
        with suppress(OSError):  # of what comes to nothing
            self._zip.close()

    @staticmethod
    def present(_: FileID) -> bool:
        """Tell that nothing is there that was not made here."""
        return False

    def made(self, orders: Iterable[tuple[Facts, FileID, int]], jobs: int) -> Iterator[Made]:
        """Yield what comes of each file, given its File ID and the size of its icon, in their order."""
        ahead: deque[tuple[Facts, FileID]] = deque()
        for made in self._made.made(_noted(orders, ahead), jobs):
            facts, file_id = ahead.popleft()
            if not made.error:
                try:
                    self._take(file_id, facts.mtime_ns)
                except OSError as error:
                    made = made._replace(error=failure(self.folder, error))  # noqa: PLW2901  the same, worse
            yield made

    def _take(self, file_id: FileID, mtime_ns: int) -> None:
        """Have a file that was made in the zip file, and nowhere else; raises OSError."""
        path = os.path.join(self._made.folder, *file_id)
        with open(path, "rb") as file, self._zip.open(_info(file_id, mtime_ns), "w", force_zip64=True) as out:
            shutil.copyfileobj(file, out, _BLOCK)
        os.unlink(path)

    def add(self, name: str, data: bytes) -> None:
        """Have a file of our own at the top; raises OutputError."""
        try:
            self._zip.writestr(_info((name,), time.time_ns()), data)
        except OSError as error:
            raise failure(self.folder, error) from error

    def finish(self, file_set: FileSet) -> str:
        """Have the DICOMDIR in it, and all of it on disk; return the path of that."""
        try:
            with self._zip.open(_info((DICOMDIR,), time.time_ns()), "w", force_zip64=True) as out:
                for block in blocks(file_set):
                    out.write(block)
            self._zip.close()
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise failure(self.folder, error) from error
        return f"{self.folder}/{DICOMDIR}"

    def undo(self) -> None:
        """Have nothing of it left: it has no name yet."""


def _noted(
    orders: Iterable[tuple[Facts, FileID, int]], ahead: deque[tuple[Facts, FileID]]
) -> Iterator[tuple[Facts, FileID, int]]:
    for facts, file_id, icon in orders:
        ahead.append((facts, file_id))
        yield facts, file_id, icon


def _info(file_id: FileID, mtime_ns: int) -> ZipInfo:
    """Return what a zip file says of a file."""
    seconds = min(max(mtime_ns // 1_000_000_000, _EPOCH), _END)
    info = ZipInfo("/".join(file_id), time.localtime(seconds)[:6])
    info.compress_type = ZIP_DEFLATED
    info.external_attr = _MODE
    return info

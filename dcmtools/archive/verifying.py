"""``archive verify``: whether an archive's files are whole, where they belong, and as its index has them."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, Final

from dcmtools.archive.database import open_reader
from dcmtools.archive.holding import check_archive
from dcmtools.archive.opening import folder_below, open_below
from dcmtools.archive.received import Refusal, read_names
from dcmtools.archive.repair import Step, files_in, folders_below, held_in
from dcmtools.archive.schema import joined
from dcmtools.archive.storage import is_held
from dcmtools.encoding.tags import SOP_CLASS_UID, SOP_INSTANCE_UID
from dcmtools.errors import CheckFailed, InputError, OutputError
from dcmtools.files.names import place_of
from dcmtools.files.part10 import Part10File
from dcmtools.query.models import Level
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.archive.received import Names
    from dcmtools.results import Extent

_FACTS: Final = (
    "SELECT size, mtime_ns, SOPClassUID, SOPInstanceUID, StudyInstanceUID, SeriesInstanceUID,"
    f" transfer_syntax_uid FROM {joined(Level.IMAGE)} WHERE path = ?"
)
_TWINS: Final = "SELECT path FROM instances WHERE SOPInstanceUID = ? AND path <> ? LIMIT 3"
_FOLDERS: Final = "SELECT path FROM folders WHERE path <> ''"
# How long a server may take to write of an instance that it has just received, in seconds.
_RECENT: Final = 60.0
_META_NAMES: Final = {0x00020002: SOP_CLASS_UID, 0x00020003: SOP_INSTANCE_UID}


def verify(folder: str, extent: Extent) -> Iterator[Result]:
    """Yield a result for each file of the archive in ``folder``, and for each row that has none.

    Pixels are not looked at, nor is anything changed. Raises InputError where the folder is no archive, and
    OSError where it cannot be listed.
    """
    check_archive(folder)
    with ExitStack() as held:
        root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        held.callback(os.close, root)
        checker = None
        try:
            connection = held.enter_context(closing(open_reader(folder)))
            connection.execute(_FOLDERS).fetchone()
            checker = _Checker(folder, root, connection)
        except sqlite3.Error as error:
            hint = f"dcmtools archive index {folder} makes it"
            yield Result.failed(folder, CheckFailed(f"the index cannot be read: {error}", hint=hint))
            checker = _Checker(folder, root, None)
        yield from checker.results(extent)


class _Checker:
    def __init__(self, folder: str, root: int, connection: sqlite3.Connection | None) -> None:
        self._folder = folder
        self._root = root
        self._connection = connection

    def results(self, extent: Extent) -> Iterator[Result]:
        seen = set()
        for found in folders_below(self._root):
            if isinstance(found, Step):
                yield self._failed(found.path, str(found.error))
                continue
            seen.add(found)
            yield from self._results_in(found)
            extent.tick()
        if self._connection:
            for (path,) in self._connection.execute(_FOLDERS).fetchall():
                if path not in seen:
                    for name in held_in(self._connection, path):
                        yield self._failed(f"{path}/{name}", "it is in the index, and there is no such file")

    def _results_in(self, series: str) -> Iterator[Result]:
        held = held_in(self._connection, series) if self._connection else {}
        try:
            with folder_below(self._root, series) as folder:
                files = files_in(folder)
        except OSError as error:
            yield self._failed(series, error.strerror or str(error))
            return
        for name in sorted(files):
            yield self._checked(f"{series}/{name}", files[name])
        for name in sorted(held.keys() - files.keys()):
            yield self._failed(f"{series}/{name}", "it is in the index, and there is no such file")

    def _checked(self, path: str, facts: tuple[int, int]) -> Result:
        """Return the result of looking at one file."""
        try:
            with open_below(self._root, path) as source:
                file = Part10File(source)
                names = read_names(source, file.data_set_offset, file.transfer_syntax)
                meta = {each: file.meta_text(tag) for tag, each in _META_NAMES.items()}
        except (InputError, OutputError, Refusal) as error:
            return self._failed(path, error.message)
        record = self._record(path, names, file.transfer_syntax)
        wrong = [
            *_misnamed(path, names),
            *_contradicted(names, meta),
            *self._misplaced(path, names, file.transfer_syntax, facts),
        ]
        item = os.path.join(self._folder, path)
        if wrong:
            return Result.failed(item, CheckFailed("; ".join(wrong)), record)
        if names.fault:
            return Result(item, record, Outcome.WARNING, note=names.fault)
        return Result(item, record)

    def _record(self, path: str, names: Names, transfer_syntax: str) -> dict[str, object]:
        return {
            "file": os.path.join(self._folder, path),
            "sop_class_uid": names.sop_class_uid,
            "sop_instance_uid": names.sop_instance_uid,
            "study_instance_uid": names.study_uid,
            "series_instance_uid": names.series_uid,
            "transfer_syntax_uid": transfer_syntax,
        }

    def _failed(self, path: str, message: str) -> Result:
        item = os.path.join(self._folder, path)
        return Result.failed(item, CheckFailed(message), {"file": item})

    def _misplaced(
        self, path: str, names: Names, transfer_syntax: str, facts: tuple[int, int]
    ) -> Iterator[str]:
        """Yield what the index has wrong of the instance, and where it is once more."""
        if not self._connection:
            return
        row = self._connection.execute(_FACTS, (path,)).fetchone()
        if row is None and self._is_recent(facts[1]):
            return
        if row is None:
            yield "the index does not hold it"
        elif row[:2] != facts:
            yield "it has changed since it was indexed"
        elif row[2:] != (
            names.sop_class_uid,
            names.sop_instance_uid,
            names.study_uid,
            names.series_uid,
            transfer_syntax,
        ):
            yield "the index has it under other UIDs"
        twins = self._connection.execute(_TWINS, (names.sop_instance_uid, path)).fetchall()
        if twins:
            yield f"its SOP Instance UID is that of {', '.join(twin for (twin,) in twins)} too"

    def _is_recent(self, modified: int) -> bool:
        """Tell whether a server may still be about to write of a file that was ``modified`` then."""
        if abs(time.time() - modified / 1e9) > _RECENT:
            return False
        with suppress(OSError):
            return is_held(self._folder)
        return False


def _misnamed(path: str, names: Names) -> Iterator[str]:
    """Yield whether the file is not where its identifiers belong."""
    *folders, stem = place_of(names.patient_id, names.study_uid, names.series_uid, names.sop_instance_uid)
    *above, name = path.split("/")
    if above != folders:
        yield f"it belongs into {'/'.join(folders)}"
    elif not re.fullmatch(rf"{re.escape(stem)}(-\d+)?\.dcm", name):
        yield f"its name should be {stem}.dcm"


def _contradicted(names: Names, meta: dict[int, str]) -> Iterator[str]:
    """Yield whether the file meta information names another instance than the data set (PS3.10 7.1)."""
    if meta != {SOP_CLASS_UID: names.sop_class_uid, SOP_INSTANCE_UID: names.sop_instance_uid}:
        yield "file meta information and data set name different instances"

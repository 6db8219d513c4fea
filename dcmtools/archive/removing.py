"""``archive remove``: instances taken out of an archive, with what is then empty above them."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from dcmtools.archive.attributes import ATTRIBUTES
from dcmtools.archive.holding import check_archive, held, repaired_first
from dcmtools.archive.opening import folder_below
from dcmtools.archive.schema import joined
from dcmtools.errors import CheckFailed, Interrupted, OutputError
from dcmtools.query.models import LEVELS, Level
from dcmtools.results import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dcmtools.archive.rows import Rows
    from dcmtools.results import Extent

    Found = tuple[str, str, str, str, str]

_FIELDS: Final = ("patient_id", "study_instance_uid", "series_instance_uid", "sop_instance_uid")
_KEYS: Final = {level: ATTRIBUTES[level][0].keyword for level in LEVELS}
_SELECT: Final = f"SELECT path, {', '.join(_KEYS.values())} FROM {joined(Level.IMAGE)}"


def remove(
    folder: str,
    wanted: Mapping[Level, Sequence[str]],
    *,
    agree: Callable[[str], bool],
    dry_run: bool = False,
    extent: Extent,
) -> Iterator[Result]:
    """Remove the instances of the patients, studies, series and instances with the UIDs (or IDs) ``wanted``.

    Yields a result for each of them, once its file is gone; with ``dry_run`` none goes. ``agree`` is asked
    beforehand, with how many they are. Raises InputError where the folder is no archive, Interrupted where
    nobody agrees, and what ``holding.held`` raises.
    """
    check_archive(folder)
    with held(folder) as rows:
        yield from repaired_first(folder, rows, extent)
        found: dict[str, Found] = {}
        for level, uids in wanted.items():
            for uid in uids:
                instances = _instances(rows, level, uid)
                if not instances:
                    yield Result.failed(uid, CheckFailed(f"the archive has no {level.lower()} of this UID"))
                found.update({instance[0]: instance for instance in instances})
        extent.total = len(found)
        if not found or not (dry_run or agree(_question(folder, list(found.values())))):
            if found:
                raise Interrupted("nothing was removed")
            return
        for instance in found.values():
            yield _removed(folder, rows, instance, dry_run=dry_run)


def _instances(rows: Rows, level: Level, uid: str) -> list[Found]:
    """Return path, Patient ID and UIDs of the instances of an entity of ``level``."""
    return rows.connection.execute(f"{_SELECT} WHERE {_KEYS[level]} = ? ORDER BY path", (uid,)).fetchall()


def _question(folder: str, found: Sequence[Found]) -> str:
    studies = len({(patient, study) for _, patient, study, _, _ in found})
    instances = f"{len(found)} instance{'s' if len(found) > 1 else ''}"
    return f"Remove {instances} of {studies} stud{'ies' if studies > 1 else 'y'} from {folder} for good?"


def _removed(folder: str, rows: Rows, instance: Found, *, dry_run: bool) -> Result:
    """Remove file and row of one instance, the row last: where that fails the next look finds it."""
    path, *uids = instance
    item = os.path.join(folder, path)
    record = {"file": item, **dict(zip(_FIELDS, uids, strict=True))}
    if dry_run:
        return Result(item, record, note="not removed: --dry-run")
    series, _, name = path.rpartition("/")
    try:
        with suppress(FileNotFoundError), folder_below(rows.root, series) as parent:
            os.unlink(name, dir_fd=parent)
        rows.remove(path)
        _remove_empty(rows, series)
    except OSError as error:
        return Result.failed(item, OutputError(error.strerror or str(error)), record)
    return Result(item, record)


def _remove_empty(rows: Rows, series: str) -> None:
    """Remove the folders of a series, its study and its patient, as far up as they are empty."""
    path = series
    while path:
        above, _, name = path.rpartition("/")
        try:
            with folder_below(rows.root, above) as parent:
                os.rmdir(name, dir_fd=parent)
        except OSError:  # something is left in it
            return
        rows.drop_folder(path)
        path = above

"""``dicomdir compact`` and ``rebuild``: a DICOMDIR written anew, of its records or of the files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dcmtools.editing.derivation import fresh_uid
from dcmtools.errors import DcmtoolsError, InputError, OutputError, UsageError
from dcmtools.files.copying import copy
from dcmtools.files.directory import Directory
from dcmtools.files.file_ids import DICOMDIR
from dcmtools.files.medium import Medium
from dcmtools.files.source import FileSource
from dcmtools.media.adding import Adding
from dcmtools.media.changing import changing
from dcmtools.media.entries import FileSet, walk
from dcmtools.media.places import FolderPlace, held
from dcmtools.media.tree import Tree
from dcmtools.media.writing import blocks
from dcmtools.replacing import making
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.media.adding import AddOptions, Totals


def compact(path: str, *, ahead: bool = False) -> Iterator[Result]:
    """Write the DICOMDIR of a medium without records that are not in use, and without gaps; yield one result.

    Raises what ``changing`` does.
    """
    with changing(path, ahead=ahead) as medium:
        records, size = medium.before
        left = sum(1 for _ in walk(medium.file_set.roots))
        length = sum(map(len, blocks(medium.file_set)))
        record: dict[str, object] = {
            "file": medium.path,
            "state": "compacted",
            "records_before": records,
            "records": left,
            "size_before": size,
            "size": length,
        }
        if (records, size) == (left, length) and not medium.problems:
            yield Result(medium.path, record | {"state": "unchanged"}, note="there is nothing to take out")
            return
        if ahead:
            yield Result(medium.path, record | {"state": "planned"})
            return
        medium.write()
        note = f"{records - left} records and {size - length} bytes less"
        yield Result(medium.path, record, note=note)


def rebuild(
    path: str, options: AddOptions, jobs: int, totals: Totals, *, backup: str = ""
) -> Iterator[Result]:
    """Yield the result of each file on the medium at ``path``, and write a new DICOMDIR of them.

    What the old one says of the File-set itself stays where it can be read; it is copied to ``backup`` first,
    if given. Raises UsageError where ``path`` is no folder or ``backup`` is taken, and what
    ``Adding.results`` does.
    """
    folder = path if os.path.isdir(path) else os.path.dirname(path) or os.curdir
    if not os.path.isdir(path) and os.path.basename(path).upper() != DICOMDIR:
        raise UsageError(f"{path} is no folder", hint="rebuild takes the folder of a medium")
    own = os.path.join(folder, DICOMDIR)
    if os.path.islink(own):
        raise UsageError(f"{own}: a link, in whose place no DICOMDIR is written")
    if options.ahead:
        yield from _rebuilt(folder, options, jobs, totals)
        return
    with held(folder):
        if backup:
            _backed_up(own, backup)
        yield from _rebuilt(folder, options, jobs, totals)


def _rebuilt(folder: str, options: AddOptions, jobs: int, totals: Totals) -> Iterator[Result]:
    tree = Tree(_about(folder), options.rules.charset)
    place = FolderPlace(folder, options.action, options.rules)
    own = os.path.join(folder, DICOMDIR)
    for result in Adding(place, tree, options, totals).results([folder], jobs):
        if result.item != own or result.outcome is not Outcome.SKIPPED:  # it says nothing new of itself
            yield result


def _about(folder: str) -> FileSet:
    """Return a File-set without records that is named as the one in ``folder``."""
    try:
        with Directory.of(Medium.at(folder).directory_item.open()) as old:
            uid = old.uid or fresh_uid()
            return FileSet(old.file_set_id, old.descriptor_file, old.descriptor_charset, uid)
    except DcmtoolsError:
        return FileSet(uid=fresh_uid())


def _backed_up(path: str, backup: str) -> None:
    try:
        with FileSource.open(path) as source, making(backup, mode=0o600) as out:
            copy(source, 0, source.size, out.fileno())
            out.flush()
            os.fsync(out.fileno())
    except FileExistsError:
        raise UsageError(f"{backup} is there already") from None
    except InputError as error:
        raise InputError(f"{path}: {error.message}", hint="without --backup none is needed") from error
    except OSError as error:
        raise OutputError(f"{backup}: {error.strerror or error}") from error

"""Which files of two trees belong together."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from dcmtools import batch
from dcmtools.comparison.matching import Pair, by_uid
from dcmtools.comparison.rules import BY_PATH, BY_UID
from dcmtools.comparison.sameness import same_ones
from dcmtools.encoding.tags import MEDIA_STORAGE_SOP_INSTANCE_UID, SOP_INSTANCE_UID
from dcmtools.errors import DcmtoolsError, InputError, NotDicom
from dcmtools.files.inputs import NAMED_AS_DICOM, Input, search
from dcmtools.results import Result

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Told(NamedTuple):
    """What a file says it is, or why that cannot be told; ``foreign`` is what is no DICOM file."""

    uid: str = ""
    error: DcmtoolsError | None = None
    foreign: bool = False


class Tree(NamedTuple):
    """The files of a folder or an archive, by their path in it, and what was said of others."""

    argument: str
    kind: str
    files: dict[str, Input]
    others: list[Result]


def tree_of(argument: str) -> Tree:
    """Return the files that ``argument`` names: itself, where it is none that holds others."""
    kind, found = search(argument)
    files: dict[str, Input] = {}
    names: dict[str, int] = {}
    others: list[Result] = []
    for each in found:
        if isinstance(each, Result):
            others.append(each)
        else:
            path = _below(each.path, argument) if kind else ""
            times = names[path] = names.get(path, 0) + 1
            files[path if times == 1 else f"{path}\0{times}"] = each  # an archive may have two of one name
    return Tree(argument, kind, files, others)


def _below(path: str, folder: str) -> str:
    if not path.startswith(folder):
        return os.path.relpath(path, folder)
    return path[len(folder) :].lstrip("/")


def pairs(a: Tree, b: Tree, match: str, jobs: int) -> Iterator[Pair | Result]:
    """Yield the files of two trees that belong together, those without another, and results for what fails.

    What is no DICOM file is in no pair. By ``match`` they go by path or by SOP Instance UID; else those of
    one path and the same bytes are together, the others by UID or, where that leaves them alone, by path.
    """
    yield from a.others
    yield from b.others
    both = [path for path in a.files if path in b.files] if match != BY_UID else []
    left_a, left_b = dict(a.files), dict(b.files)
    found = same_ones([(a.files[path], b.files[path]) for path in both], jobs)
    for path, same in zip(both, found, strict=True):
        if same:
            yield Pair(left_a.pop(path), left_b.pop(path), same=True)
    told_a, told_b = _told(left_a, jobs), _told(left_b, jobs)
    for tree, left, told in ((a, left_a, told_a), (b, left_b, told_b)):
        yield from _unusable(tree, left, told)
    if match != BY_PATH:
        uids_a, uids_b = ({path: each.uid for path, each in told.items()} for told in (told_a, told_b))
        yield from by_uid(left_a, left_b, uids_a, uids_b)
    for path, item in left_a.items():
        yield Pair(item, None if match == BY_UID else left_b.pop(path, None))
    yield from (Pair(None, item) for item in left_b.values())


def _unusable(tree: Tree, left: dict[str, Input], told: dict[str, _Told]) -> Iterator[Result]:
    """Take out of what is ``left`` what cannot be compared, and yield a result for it."""
    for path, each in told.items():
        item = left[path]
        if each.error is None:
            continue
        del left[path]
        named = item.path.lower().endswith(NAMED_AS_DICOM)
        if each.foreign and tree.kind and not named:
            yield Result.skipped(item.path, each.error.message, {"file": item.path})
        else:
            yield Result.failed(item.path, each.error, {"file": item.path})


def _told(files: dict[str, Input], jobs: int) -> dict[str, _Told]:
    found = batch.run(_told_of, files.values(), jobs, lambda _: _Told(error=_died()))
    return dict(zip(files, found, strict=True))


def _told_of(item: Input) -> _Told:
    from dcmtools.files.anyhow import LenientFile  # which trees that are the same do without
    from dcmtools.files.values import values_of

    try:
        with item.open() as source:
            file = LenientFile(source)
            file.notices = False
            known = values_of(file, (SOP_INSTANCE_UID,))
            uid = known[SOP_INSTANCE_UID].text() if SOP_INSTANCE_UID in known else ""
            return _Told(uid or file.meta_text(MEDIA_STORAGE_SOP_INSTANCE_UID))
    except NotDicom as error:
        return _Told(error=error, foreign=True)
    except InputError as error:
        return _Told(error=error)


def _died() -> InputError:
    return InputError("the process that looked at it died")

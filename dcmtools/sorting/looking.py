"""What there is to know of a file before it gets its place."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from dcmtools.encoding.tagpath import Step, TagPath
from dcmtools.encoding.tags import (
    MEDIA_STORAGE_SOP_CLASS_UID,
    MEDIA_STORAGE_SOP_INSTANCE_UID,
    PIXEL_DATA,
    SOP_INSTANCE_UID,
)
from dcmtools.encoding.uids import MEDIA_STORAGE_DIRECTORY
from dcmtools.errors import InputError, Unsuitable
from dcmtools.files.answers import answer
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.inputs import BY_ITS_NAME
from dcmtools.files.values import values_of
from dcmtools.results import Result
from dcmtools.scanning.layouts import Layouts
from dcmtools.scanning.reading import FLAGS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dcmtools.files.inputs import Input
    from dcmtools.files.values import Value
    from dcmtools.selection.template import Named, Template
    from dcmtools.selection.where import Where

TOGETHER: Final = 32  # files whose facts go to another process as one


class Facts(NamedTuple):
    """A file: where it is to go, relative to the folder for all, and what it looked like.

    ``missing`` are the attributes that the template asked for in vain; ``size`` is in bytes. What came out of
    an archive has no time.
    """

    item: Input
    target: str
    uid: str
    size: int
    mtime_ns: int
    missing: tuple[str, ...] = ()


class Looker:
    """Makes one row of each file: its Facts; raises InputError."""

    def __init__(self, template: Template, where: Where | None, *, strict: bool) -> None:
        """Name files by ``template``; those that it has no values for fail if that is ``strict``."""
        self._template = template
        self._where = where
        self._strict = strict
        self._tags = sorted(template.tags | {SOP_INSTANCE_UID})
        wanted = [TagPath((Step(tag, "", None),)) for tag in self._tags]
        told = where.paths if where else ()
        stop = max(path.last_top_tag for path in (*wanted, *(told or ()))) + 1
        quick = template.shallow and stop <= PIXEL_DATA
        self._layouts = Layouts((), stop, [*wanted, *told]) if quick and told is not None else None

    def __call__(self, item: Input) -> Result:
        """Return the result for ``item``, of which the row is its Facts."""
        if self._layouts and item.folder and not item.archive:
            item.require_within()
            result = self._at_once(item, self._layouts)
            if result is not None:
                return result
        with item.open() as source:
            file = LenientFile(source)
            file.notices = False
            if self._where and not self._where.of(file, item):
                return Result.unselected(item.path)
            if file.meta_text(MEDIA_STORAGE_SOP_CLASS_UID) == MEDIA_STORAGE_DIRECTORY:
                raise Unsuitable("a DICOMDIR, which is about files where they are", hint=BY_ITS_NAME)
            known = values_of(file, self._tags)
            named = self._template.named(file, item, known=known)
            if file.serious:  # values that its name is made of may be lost
                return answer(file, item.path, {"file": item.path}, None)
            mtime_ns = 0 if item.archive else os.fstat(source.fd).st_mtime_ns
            if self._layouts:
                self._layouts.learn(file)
            return self._result(item, named, _uid(file, known), source.size, mtime_ns)

    def _at_once(self, item: Input, layouts: Layouts) -> Result | None:
        """Return the result for a file in a folder that is like one before it; None for any other."""
        try:
            fd = os.open(item.path, FLAGS)
            try:
                values = cast("list[Value | None] | None", layouts.cells(os.pread(fd, layouts.enough, 0)))
                if values is None:
                    return None
                if self._where and not self._where.by(values[len(self._tags) :]):
                    return Result.unselected(item.path)
                status = os.fstat(fd)
            finally:
                os.close(fd)
        except OSError:
            return None  # whoever opens it as any other file says what is wrong
        known = {value.tag: value for value in values[: len(self._tags)] if value}
        uid = known[SOP_INSTANCE_UID].text() if SOP_INSTANCE_UID in known else ""
        if not uid:
            return None
        return self._result(item, self._template.by(item, known), uid, status.st_size, status.st_mtime_ns)

    def _result(self, item: Input, named: Named, uid: str, size: int, mtime_ns: int) -> Result:
        if named.missing and self._strict:
            hint = f'{{{named.missing[0]}|"unknown"}} has something in its place'
            raise InputError(f"it has no {', '.join(named.missing)}, which its name needs", hint=hint)
        facts = Facts(item, named.path, uid, size, mtime_ns, named.missing)
        return Result(item.path, rows=(facts,))


def instance_at(item: Input) -> str:
    """Return the SOP Instance UID of a file; empty where it has none, or is no DICOM file."""
    try:
        with item.open() as source:
            file = LenientFile(source)
            return _uid(file, values_of(file, {SOP_INSTANCE_UID}))
    except InputError:
        return ""


def _uid(file: LenientFile, known: Mapping[int, Value]) -> str:
    uid = known[SOP_INSTANCE_UID].text() if SOP_INSTANCE_UID in known else ""
    return uid or file.meta_text(MEDIA_STORAGE_SOP_INSTANCE_UID)


def facts_of(result: Result) -> Sequence[Facts]:
    """Return what a Looker has found, of one file or many."""
    return cast("Sequence[Facts]", result.rows)

"""``dicomdir verify``: whether a medium is as PS3.3 Annex F and PS3.10 8 have it."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from dcmtools import batch
from dcmtools.encoding.tags import MEDIA_STORAGE_SOP_CLASS_UID
from dcmtools.encoding.uids import MEDIA_STORAGE_DIRECTORY
from dcmtools.errors import InputError, Interrupted
from dcmtools.files.directory import Directory
from dcmtools.files.file_ids import DICOMDIR, dangerous, shown
from dcmtools.files.inputs import Input
from dcmtools.files.medium import Medium
from dcmtools.files.part10 import META_OFFSET, PREFIX_OFFSET, Part10File
from dcmtools.files.source import KEPT
from dcmtools.media.checking import check_directory
from dcmtools.media.file_checks import Checker, Expected, lost
from dcmtools.media.findings import NOTE, WARNING, Finding, Totals, of_record
from dcmtools.media.lineage import Lineage
from dcmtools.results import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.media.profiles import Profile
    from dcmtools.results import Extent


class VerifyOptions(NamedTuple):
    """What is looked at: with ``quick`` no file but the DICOMDIR is opened, a ``profile`` is of PS3.11."""

    quick: bool = False
    profile: Profile | None = None


def verify(path: str, options: VerifyOptions, jobs: int, extent: Extent, totals: Totals) -> Iterator[Result]:
    """Yield a result for each thing that is wrong with the medium at ``path``, and one about it all.

    Nothing is changed. Raises InputError where there is no DICOMDIR, or none that can be read at all.
    """
    with KEPT:
        medium = Medium.at(path)
        name = medium.directory_item.path
        with Directory.of(medium.directory_item.open()) as directory:
            run = _Run(medium, directory, options, jobs)
            try:
                for finding in run.findings(totals):
                    totals.add(finding)
                    yield finding.result(name)
                    extent.tick()
            except KeyboardInterrupt:
                raise Interrupted("stopped by the user; the rest was not looked at") from None
    record = {
        "file": name,
        "records": totals.records,
        "files": totals.files,
        "errors": totals.errors,
        "warnings": totals.warnings,
    }
    yield Result(name, record, counted=totals.records, weighs=True)


class _Run:
    def __init__(self, medium: Medium, directory: Directory, options: VerifyOptions, jobs: int) -> None:
        self._medium = medium
        self._directory = directory
        self._options = options
        self._jobs = jobs
        self._named: set[str] = set()  # paths of files that the DICOMDIR names
        self._lineage = Lineage(directory)

    def findings(self, totals: Totals) -> Iterator[Finding]:
        """Yield all, those about the DICOMDIR itself first."""
        directory = self._directory
        totals.records = len(directory.records) - len(directory.inactive)
        name = os.path.basename(self._medium.directory_item.path)
        yield from check_directory(directory, name, self._options.profile)
        yield from _twins(directory)
        yield from self._descriptor()
        looks = self._looks(totals)
        if self._options.quick:
            yield from (look for look in looks if isinstance(look, Finding))
        else:
            for found in batch.run(Checker(self._options.profile), looks, self._jobs, lost):
                yield from found
        yield from self._others()

    def _looks(self, totals: Totals) -> Iterator[Expected | Finding]:
        """Yield what each file that a record names has to be, or why there is none to be looked at."""
        for record in self._directory.instances():
            try:
                item = self._medium.find(record.file_id)
            except InputError as error:
                yield of_record(
                    record, "missing" if not dangerous(record.file_id) else "unsafe", error.message
                )
                continue
            self._named.add(item.path)
            totals.files += 1
            yield Expected(
                item,
                record.number,
                record.offset,
                record.type,
                record.sop_class,
                record.sop_instance,
                record.transfer_syntax,
                self._lineage.of(record),
            )

    def _descriptor(self) -> Iterator[Finding]:
        """Yield whether there is no such file as the DICOMDIR has for comments of its users."""
        if file_id := self._directory.descriptor_file:
            try:
                self._named.add(self._medium.find(file_id).path)
            except InputError as error:
                yield Finding("descriptor", f"the File-set Descriptor File: {error.message}")

    def _others(self) -> Iterator[Finding]:
        """Yield which files are on the medium that no record names: those of DICOM are forgotten ones."""
        known = {*self._named, self._medium.directory_item.path}
        found = []
        for item in self._medium.files():
            if isinstance(item, Input) and item.path not in known:
                found.append(item)
            elif isinstance(item, Result) and item.error:
                yield Finding("unreadable", item.error.message, WARNING, path=item.item)
        elsewhere = tuple(f"{os.path.dirname(item.path)}/" for item in found if _is_another(item))
        for item in found:
            finding = partial(Finding, path=item.path)
            if not item.archive and os.path.islink(item.path):
                yield finding("other", "a link, which is not looked at", NOTE)
            elif item.path.startswith(elsewhere):
                yield finding("other", "of another File-set, with a DICOMDIR of its own", NOTE)
            elif self._options.quick or not _is_dicom(item):
                yield finding("other", "no record names it", NOTE)
            elif _class_of(item) == MEDIA_STORAGE_DIRECTORY:
                yield finding("other", "a DICOMDIR of another name", NOTE)
            else:
                yield finding("unreferenced", "a DICOM file that no record names", WARNING)


def _is_another(item: Input) -> bool:
    """Tell whether a file is the DICOMDIR of another File-set."""
    return os.path.basename(item.path).upper() == DICOMDIR and _class_of(item) == MEDIA_STORAGE_DIRECTORY


def _class_of(item: Input) -> str:
    try:
        with item.open() as source:
            return Part10File(source).meta_text(MEDIA_STORAGE_SOP_CLASS_UID)
    except InputError:
        return ""


def _is_dicom(item: Input) -> bool:
    try:
        with item.open() as source:
            has_prefix = source.size >= META_OFFSET
            return has_prefix and source.read(PREFIX_OFFSET, META_OFFSET - PREFIX_OFFSET) == b"DICM"
    except InputError:
        return False


def _twins(directory: Directory) -> Iterator[Finding]:
    """Yield which records name the file of another, or the same instance in another file."""
    files: dict[int, int] = {}
    instances: dict[int, int] = {}
    for record in directory.instances():
        if not record.shared:
            other = files.setdefault(hash(record.file_id), record.number)
            if other != record.number and directory.records[other].file_id == record.file_id:
                message = f"the file {shown(record.file_id)!r} is named by record {other}, too"
                yield of_record(record, "file-twice", message)
                continue
        if record.sop_instance and not record.shared:
            other = instances.setdefault(hash(record.sop_instance), record.number)
            if other != record.number and directory.records[other].sop_instance == record.sop_instance:
                message = f"record {other} names the same SOP instance in another file"
                yield of_record(record, "instance-twice", message, severity=WARNING)

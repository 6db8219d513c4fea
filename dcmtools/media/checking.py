"""Whether a DICOMDIR is as PS3.3 Annex F and PS3.10 8 have it, the files it names apart."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.charset import is_term
from dcmtools.encoding.forms import check
from dcmtools.encoding.syntax import EXPLICIT_VR_LITTLE_ENDIAN
from dcmtools.encoding.tags import MEDIA_STORAGE_SOP_INSTANCE_UID, format_tag
from dcmtools.encoding.uids import uid_name
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.directory_records import IN_USE
from dcmtools.files.directory_tree import INSTANCE, NONE, PRIVATE, level_of
from dcmtools.files.file_ids import DICOMDIR, conformant, dangerous, shown
from dcmtools.media.findings import ERROR, NOTE, WARNING, Finding, of_record
from dcmtools.media.record_checks import Entities, check_record, is_keyed
from dcmtools.media.record_types import is_stored, record_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.files.directory import Directory
    from dcmtools.files.directory_records import Record
    from dcmtools.media.profiles import Profile

_STATES: Final = (0x0000, 0xFFFF)  # not in use, in use
_FILE_SET_ID: Final = 0x00041130
_CONSISTENCY: Final = 0x00041212
_NEEDED: Final = {
    _FILE_SET_ID: "File-set ID",
    0x00041200: "offset of the first record of the root",
    0x00041202: "offset of the last record of the root",
    _CONSISTENCY: "File-set Consistency Flag",
}
_META_NEEDED: Final = {
    0x00020001: "File Meta Information Version",
    MEDIA_STORAGE_SOP_INSTANCE_UID: "Media Storage SOP Instance UID",
    0x00020012: "Implementation Class UID",
}
# Problems of reading by which what follows is cut off.
_BREAKS: Final = ("first", "nowhere", "loop", "crossed", "level", "deep")
# Problems of reading that leave every record where it was written to be.
_IN_PLACE: Final = ("element", "encoding", "shared")


def check_directory(directory: Directory, name: str, profile: Profile | None) -> Iterator[Finding]:
    """Yield what is wrong with a DICOMDIR, whose file has this ``name``, if need be for a ``profile``."""
    yield from _check_file(directory, name)
    yield from _check_file_set(directory)
    yield from _check_encoding(directory)
    yield from _problems(directory)
    yield from _check_last(directory)
    entities = Entities()
    for record in directory.records:
        if not directory.tree.inactive[record.number]:
            yield from _check_record(directory, record)
            yield from check_record(directory, record, profile)
            yield from entities.check(directory, record)


def _check_file(directory: Directory, name: str) -> Iterator[Finding]:
    """Yield what PS3.10 8.6 and 7.1 do not allow in the file itself."""
    if name.upper().removesuffix(";1").removesuffix(".") != DICOMDIR:
        yield Finding("name", f"the directory of a medium is called {DICOMDIR}", WARNING)
    syntax = directory.file.transfer_syntax
    if syntax != EXPLICIT_VR_LITTLE_ENDIAN:
        message = f"it is in {uid_name(syntax) or 'an encoding of no name'}: a DICOMDIR is in"
        yield Finding("transfer-syntax", f"{message} {uid_name(EXPLICIT_VR_LITTLE_ENDIAN)}")
    there = {element[0] for element, value in directory.file.meta if value.strip(b" \0")}
    for tag, what in _META_NEEDED.items():
        if tag not in there:
            yield Finding("meta", f"the file meta information has no {what} {format_tag(tag)}")


def _check_file_set(directory: Directory) -> Iterator[Finding]:
    """Yield what PS3.3 F.3.2.1 and F.3.2.2 do not allow in the elements at the top."""
    for tag, what in _NEEDED.items():
        if tag not in directory.elements:
            yield Finding("element", f"there is no {what} {format_tag(tag)}")
    identifier = directory.file_set_id
    if not _is_code(identifier):
        message = f"the File-set ID {identifier[:80]!r} is not up to 16 of A-Z, 0-9, _ and blank"
        yield Finding("file-set-id", message)
    if directory.consistency:
        message = (
            f"the File-set Consistency Flag is {directory.consistency:04X}H: the medium may be inconsistent"
        )
        yield Finding("consistency", message)
    if (term := directory.descriptor_charset) and not is_term(term):
        yield Finding(
            "charset", f"the character set {term[:80]!r} of the File-set Descriptor File is unknown"
        )
    if directory.descriptor_file and (why := conformant(directory.descriptor_file)):
        what = f"the File-set Descriptor File ID {shown(directory.descriptor_file)!r}"
        yield Finding("file-id", f"{what}: {why}")


def _check_encoding(directory: Directory) -> Iterator[Finding]:
    """Yield what PS3.5 does not allow, but does not keep the DICOMDIR from being read."""
    file = directory.file
    if isinstance(file, LenientFile):
        file.notices = True
        walker = file.walk()
        while walker.read():
            pass
        file.notices = False
        for problem in file.problems:
            if not problem.serious:
                yield Finding("encoding", str(problem), WARNING, offset=problem.offset)


def _problems(directory: Directory) -> Iterator[Finding]:
    """Yield what had to be repaired when it was read.

    A chain that was broken leaves out what comes behind: who tells of the one need not tell of the other.
    """
    problems = directory.problems
    kinds = Counter(problem.kind for problem in problems)
    broken = sum(kinds[kind] for kind in _BREAKS)
    for kind, offset, number, message in problems:
        severity = NOTE if kind == "orphan" and kinds[kind] <= broken else ERROR
        kind_of = directory.records.type(number) if number != NONE else ""
        yield Finding(kind, message, severity, number, kind_of, offset)
    if directory.more:
        yield Finding("more", f"and {directory.more} problems more of how records belong together")


def _is_code(text: str) -> bool:
    try:
        check("CS", text)
    except ValueError:
        return False
    return True


def _check_last(directory: Directory) -> Iterator[Finding]:
    """Yield whether (0004,1202) leads elsewhere than to the last record of the root, where that is known."""
    if any(problem.kind not in _IN_PLACE for problem in directory.problems):
        return
    roots = directory.tree.children(directory.tree.root)
    last = directory.records.offsets[roots[-1]] if roots else 0
    if directory.last != last:
        message = f"the last record of the root is said to be at offset {directory.last}, and is at {last}"
        yield Finding("last", message, offset=last)


def _check_record(directory: Directory, record: Record) -> Iterator[Finding]:
    flag = directory.records.flags[record.number]
    if IN_USE not in record.missing and flag not in _STATES:
        yield of_record(record, "in-use", f"its Record In-use Flag is {flag:04X}H", severity=WARNING)
    yield from _check_place(directory, record)
    yield from _check_reference(record)


def _check_place(directory: Directory, record: Record) -> Iterator[Finding]:
    """Yield whether a record of this type has no place where it stands (PS3.3 F.4)."""
    tree, records = directory.tree, directory.records
    parent = tree.parent[record.number]
    above = "" if parent == tree.root else records.type(parent)
    if parent == NONE or not is_keyed(record.type) or (above and not is_keyed(above)):
        return
    level = level_of(above) + 1 if above else 0
    if level_of(record.type) != level or (level == 1 and above != "PATIENT"):
        place = f"below a record of type {above[:40]}" if above else "at the root"
        yield of_record(record, "level", f"a record of this type has no place {place}")


def _check_reference(record: Record) -> Iterator[Finding]:
    """Yield what is wrong with how a record names its file (PS3.3 F.3.2.2, PS3.10 8.2)."""
    if not record.file_id:
        if is_keyed(record.type) and level_of(record.type) == INSTANCE:
            yield of_record(record, "file-id", "it names no file, or none that could be one")
        return
    if (
        is_keyed(record.type)
        and uid_name(record.sop_class) != record.sop_class
        and is_stored(record.sop_class)
    ):
        right = record_type(record.sop_class)
        if right not in (record.type, PRIVATE):
            message = f"its SOP class, {uid_name(record.sop_class)}, has records of type {right}"
            yield of_record(record, "type", message)
    if dangerous(record.file_id):
        pass  # which is told of when it should be looked for
    elif why := conformant(record.file_id):
        yield of_record(record, "file-id", f"the Referenced File ID {shown(record.file_id)!r}: {why}")
    elif record.file_id == (DICOMDIR,):
        yield of_record(record, "file-id", "the Referenced File ID is that of the DICOMDIR itself")
    for tag, value in (
        (0x00041510, record.sop_class),
        (0x00041511, record.sop_instance),
        (0x00041512, record.transfer_syntax),
    ):
        if not value:
            yield of_record(record, "element", f"it names a file, and has no {format_tag(tag)}")

"""A DICOMDIR as bytes, and on its medium (PS3.3 Annex F, PS3.10 8.6)."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from itertools import islice, pairwise
from struct import Struct
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.dataset import Chosen, encode, read
from dcmtools.encoding.picking import pick
from dcmtools.encoding.syntax import EXPLICIT, EXPLICIT_VR_LITTLE_ENDIAN
from dcmtools.encoding.tags import ITEM_DELIMITER
from dcmtools.encoding.uids import MEDIA_STORAGE_DIRECTORY
from dcmtools.encoding.values import texts
from dcmtools.encoding.writing import delimiter, element
from dcmtools.errors import NO_ROOM, DiskFull, InputError, OutputError
from dcmtools.files.file_ids import DICOMDIR, to_value
from dcmtools.files.meta import file_meta
from dcmtools.media.entries import Entry, FileSet, Reference, walk
from dcmtools.replacing import making, replacing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from dcmtools.encoding.dataset import DataSet
    from dcmtools.files.directory import Directory, Node
    from dcmtools.files.directory_records import Record

_BLOCK: Final = 256 * 1024
_AFTER_GROUP_4: Final = 0x00050000
_PRIVATE_UID: Final = 0x00041432
_RELATED: Final = 0x0004151A
_LONGEST: Final = 0xFFFFFFFF
# Item; (0004,1400), the next record; (0004,1410), in use; (0004,1420), the first one below it.
_BEGIN: Final = Struct("<HHL HH2sHL HH2sHH HH2sHL")
_WITHIN: Final = _BEGIN.size - 8


def blocks(file_set: FileSet) -> Iterator[bytes]:
    """Yield the DICOMDIR for ``file_set``, in blocks.

    It is in explicit VR little endian, its records in the order of the tree, each before those below it.
    Raises InputError where there is too much for one, and for UIDs that are not ASCII.
    """
    head, about = _head(file_set, 0, 0), _about(file_set)
    tops = list(walk(file_set.roots))
    bodies = [_body(entry) for entry in tops]
    offset = len(about) + len(head)
    at: dict[int, int] = {}
    for entry, body in zip(tops, bodies, strict=True):
        at[id(entry)] = offset
        offset += _BEGIN.size + len(body)
    if offset > _LONGEST:
        raise InputError(f"a DICOMDIR of {offset} bytes is too long, as offsets have 32 bits")
    first, last = (at[id(file_set.roots[0])], at[id(file_set.roots[-1])]) if file_set.roots else (0, 0)
    begin = len(about) + len(head)
    yield about + _head(file_set, first, last, offset - begin)
    following = _following(file_set.roots, tops)
    records = (
        _BEGIN.pack(
            *(0xFFFE, 0xE000, _WITHIN + len(body)),
            *(0x0004, 0x1400, b"UL", 4, at.get(following.get(id(entry), 0), 0)),
            *(0x0004, 0x1410, b"US", 2, 0xFFFF),
            *(0x0004, 0x1420, b"UL", 4, at[id(entry.children[0])] if entry.children else 0),
        )
        + body
        for entry, body in zip(tops, bodies, strict=True)
    )
    while several := b"".join(islice(records, 1024)):
        yield several
    if file_set.others:
        yield file_set.others


def _following(roots: list[Entry], entries: Iterable[Entry]) -> dict[int, int]:
    """Return which entry comes next at its level, for each that has one, both by identity."""
    following = {}
    for siblings in (roots, *(entry.children for entry in entries if len(entry.children) > 1)):
        for entry, successor in pairwise(siblings):
            following[id(entry)] = id(successor)
    return following


def _about(file_set: FileSet) -> bytes:
    return file_meta(MEDIA_STORAGE_DIRECTORY, file_set.uid, EXPLICIT_VR_LITTLE_ENDIAN)


def _head(file_set: FileSet, first: int, last: int, length: int = 0) -> bytes:
    """Return what stands before the first record, with the sequence of ``length`` bytes begun."""
    elements = _text(0x00041130, "CS", file_set.file_set_id)
    if file_set.descriptor:
        elements += element(0x00041141, "CS", to_value(file_set.descriptor), EXPLICIT)
        if file_set.charset:
            elements += _text(0x00041142, "CS", file_set.charset)
    elements += element(0x00041200, "UL", first.to_bytes(4, "little"), EXPLICIT)
    elements += element(0x00041202, "UL", last.to_bytes(4, "little"), EXPLICIT)
    elements += element(0x00041212, "US", b"\0\0", EXPLICIT)
    return elements + b"\x04\0\x20\x12SQ\0\0" + length.to_bytes(4, "little")


_known: dict[tuple[str, str], bytes] = {}
_MOST_KNOWN: Final = 4096


def _text(tag: int, vr: str, text: str) -> bytes:
    return element(tag, vr, text.encode("latin-1", "replace"), EXPLICIT)


def _body(entry: Entry) -> bytes:
    """Return the elements of a record behind those that say where others are."""
    body = _kept(0x00041430, "CS", entry.type)
    if entry.private_uid:
        body += _kept(_PRIVATE_UID, "UI", entry.private_uid)
    reference = entry.reference
    if reference:
        body += element(0x00041500, "CS", to_value(reference.file_id), EXPLICIT)
        body += _kept(0x00041510, "UI", reference.sop_class)
        body += _text(0x00041511, "UI", reference.sop_instance)
        body += _kept(0x00041512, "UI", reference.transfer_syntax)
        if reference.related:
            body += _text(_RELATED, "UI", "\\".join(reference.related))
    return body + entry.keys


def _kept(tag: int, vr: str, text: str) -> bytes:
    """Return an element that many records have, of this value."""
    known = _known.get((vr + str(tag), text))
    if known is None:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        known = _known[vr + str(tag), text] = _text(tag, vr, text)
    return known


def loaded(directory: Directory) -> FileSet:
    """Return what ``directory`` says, its records in use as entries, to be written again.

    Keys are as they were, or put into explicit VR little endian. Raises InputError where those of a record
    cannot be read.
    """
    file_set = FileSet(
        directory.file_set_id, directory.descriptor_file, directory.descriptor_charset, directory.uid
    )
    pending: list[tuple[list[Entry], Node]] = [(file_set.roots, node) for node in directory.roots[::-1]]
    while pending:
        siblings, node = pending.pop()
        entry = _entry(directory, node.record)
        siblings.append(entry)
        pending += [(entry.children, child) for child in node.children[::-1]]
    file_set.others = _others(directory)
    return file_set


def _entry(directory: Directory, record: Record) -> Entry:
    keys, private_uid, related = _as_they_are(directory, record) or _encoded(directory, record)
    reference = None
    if record.file_id:
        reference = Reference(
            record.file_id, record.sop_class, record.sop_instance, record.transfer_syntax, tuple(related)
        )
    return Entry(record.type, keys, reference, private_uid=private_uid)


def _as_they_are(directory: Directory, record: Record) -> tuple[bytes, str, list[str]] | None:
    """Return the keys of a record as they stand there, None where they have to be encoded."""
    if directory.encoding is not EXPLICIT:
        return None
    data = directory.raw(record)
    wanted = {_PRIVATE_UID, _RELATED}
    picked = pick(
        data + delimiter(ITEM_DELIMITER, EXPLICIT) + bytes(16), 0, EXPLICIT, wanted, stop=_AFTER_GROUP_4
    )
    if picked is None:
        return None
    elements, end = picked
    found = {tag: data[value : value + length] for tag, _, _, value, length, _ in elements}
    return data[end:], *_uids(found.get(_PRIVATE_UID, b""), found.get(_RELATED, b""))


def _encoded(directory: Directory, record: Record) -> tuple[bytes, str, list[str]]:
    values = directory.values(record)
    uids = [raw if isinstance(raw := values.get(tag, ("", b""))[1], bytes) else b"" for tag in _TAGS]
    return _without_group_4(values, directory), *_uids(*uids)


_TAGS: Final = (_PRIVATE_UID, _RELATED)


def _uids(private_uid: bytes, related: bytes) -> tuple[str, list[str]]:
    return "".join(texts("UI", private_uid, bytes.decode)[:1]), texts("UI", related, bytes.decode)


def _without_group_4(values: DataSet, directory: Directory) -> bytes:
    for tag in [tag for tag in values if tag < _AFTER_GROUP_4]:
        del values[tag]
    try:
        return encode(values, EXPLICIT, values.charset)
    except ValueError as error:
        message = f"a record of {DICOMDIR} {directory.uid} cannot be written again: {error}"
        raise InputError(message) from None


def _others(directory: Directory) -> bytes:
    tags = [tag for tag in directory.elements if tag >= _AFTER_GROUP_4]
    if not tags:
        return b""
    walker = directory.file.walk()
    return _without_group_4(read(walker, chosen=Chosen(set(tags))), directory)


def write(folder: str, file_set: FileSet) -> None:
    """Have the DICOMDIR of ``folder`` say what ``file_set`` does, whole or not at all.

    Its bytes are on disk once this returns, and its name after ``sync``. One that is there keeps its owner
    and mode, and loses its content only then. Raises OutputError, DiskFull among them, and what ``blocks``
    does: then nothing has changed.
    """
    path = os.path.join(folder, DICOMDIR)
    try:
        with replacing(path) if os.path.lexists(path) else making(path) as file:
            _write(file, file_set)
    except OSError as error:
        raise failure(path, error) from error


@contextmanager
def unstopped() -> Iterator[None]:
    """Have signals that would end the run wait until the end of the block."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _write(file: BinaryIO, file_set: FileSet) -> None:
    file.writelines(blocks(file_set))
    file.flush()
    os.fsync(file.fileno())


def sync(folder: str) -> None:
    """Have the names in ``folder`` on disk, as far as its file system knows how; raises OSError."""
    opened = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def failure(path: str, error: OSError) -> OutputError:
    """Return the error for what could not be written at ``path``."""
    why = error.strerror or str(error)
    return DiskFull(f"{path}: {why}") if error.errno in NO_ROOM else OutputError(f"{path}: {why}")

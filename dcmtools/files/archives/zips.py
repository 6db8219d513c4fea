"""Zip archives (APPNOTE.TXT 6.3): the directory read as a stream, and where the bytes of an entry begin.

The zipfile module would hold the whole directory, half a gigabyte for a million entries, raise a dozen kinds
of exceptions at a hostile one, and read nothing where the end of the archive is missing.
"""

from __future__ import annotations

import os
import stat
from struct import Struct
from typing import TYPE_CHECKING, Final

from dcmtools.errors import InputError, MalformedError
from dcmtools.files.archives.entries import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.files.source import FileSource

SIGNATURES: Final = (b"PK\3\4", b"PK\5\6")  # of a file, or of a directory that lists none
MAX_TOTAL: Final = 4 * 1024 * 1024 * 1024
MAX_TOTAL_RATIO: Final = 200
_LOCAL: Final = Struct("<4s5H3L2H")
_CENTRAL: Final = Struct("<4s6H3L5H2L")
_END: Final = Struct("<4s4H2LH")
_END64: Final = Struct("<4sQ2H2L4Q")
_LOCATOR: Final = Struct("<4sLQL")
_LONGEST_COMMENT: Final = 0xFFFF
_MANY: Final = 0xFFFF  # as many as the record can say, or more
_FULL: Final = 0xFFFFFFFF  # the 64 bits are in the extra field
_CHUNK: Final = 1024 * 1024  # longer than any entry of the directory
_METHODS: Final = {0: "", 8: "deflate", 12: "bzip2"}
_ENCRYPTED, _STREAMED, _UTF8, _MASKED = 1, 8, 0x800, 0x2000
_UNIX: Final = 3


def entries(source: FileSource) -> Iterator[Entry]:
    """Yield the entries of the archive, folders left out, in the order of its directory.

    Without a directory, which stands at the end, the files that the archive begins with are found all the
    same. Raises MalformedError where the archive is damaged, or begins with a file that its directory
    does not list, as two archives in one do; or where its files add up to too much.
    """
    end = _find_end(source)
    total = 0
    begun = not source.read(0, len(SIGNATURES[0])).startswith(SIGNATURES[0])
    for entry in _undirected(source) if end is None else _listed(source, end):
        begun = begun or entry.offset == 0
        total += entry.length
        if total > max(MAX_TOTAL, MAX_TOTAL_RATIO * source.size):
            raise InputError(f"the files in this archive add up to {total} bytes or more, which is too much")
        if entry.length or entry.size or not entry.name.endswith("/"):
            yield entry
    if not begun:
        message = "the directory of the archive does not list its first file: perhaps two archives in one"
        raise MalformedError(message, offset=0)


def data_offset(source: FileSource, entry: Entry) -> int:
    """Return where the bytes of ``entry`` begin; raise MalformedError unless all of them are there."""
    fits = entry.offset <= source.size - _LOCAL.size
    head = source.read(entry.offset, _LOCAL.size) if fits else b""
    if not head.startswith(SIGNATURES[0]):
        raise MalformedError("no file begins where the directory says", offset=entry.offset)
    *_, name_length, extra_length = _LOCAL.unpack(head)
    start = entry.offset + _LOCAL.size + name_length + extra_length
    if start + entry.size > source.size:
        raise MalformedError("the archive ends within the file", offset=source.size)
    return int(start)


class _End:
    """Where the directory is, how many entries it has, and what offsets in it count from."""

    def __init__(self, source: FileSource, position: int, data: bytes) -> None:
        _, disk, first_disk, _, self.count, size, offset, _ = _END.unpack_from(data)
        self.modulus = 0x10000
        self.stop = position
        at = position - _LOCATOR.size
        if at >= 0 and (locator := source.read(at, _LOCATOR.size)).startswith(b"PK\6\7"):
            self.modulus = 1 << 64
            _, _, claimed, _ = _LOCATOR.unpack(locator)
            self.stop, data = _end64(source, claimed, at)
            _, _, _, _, disk, first_disk, _, self.count, size, offset = _END64.unpack(data)
        if disk or first_disk:
            raise MalformedError("one of several parts of an archive", offset=position)
        self.start = self.stop - size
        self.shift = self.start - offset  # what stands before the archive, which offsets do not count
        if self.start < 0 or self.shift < 0:
            raise MalformedError("the directory of the archive is damaged", offset=position)


def _end64(source: FileSource, claimed: int, before: int) -> tuple[int, bytes]:
    for at in (claimed, before - _END64.size):
        if 0 <= at <= source.size - _END64.size:
            data = source.read(at, _END64.size)
            if data.startswith(b"PK\6\6"):
                return at, data
    raise MalformedError("the directory of the archive is damaged", offset=before)


def _find_end(source: FileSource) -> _End | None:
    """Return what the record at the end of the archive says, None where it is missing."""
    length = min(source.size, _END.size + _LONGEST_COMMENT)
    tail = source.read(source.size - length, length)
    at = tail.rfind(b"PK\5\6", 0, max(0, len(tail) - _END.size + 4))
    if at < 0:
        return None
    return _End(source, source.size - length + at, tail[at : at + _END.size])


def _listed(source: FileSource, end: _End) -> Iterator[Entry]:
    position, count = end.start, 0
    while position < end.stop:
        data = source.read(position, min(_CHUNK, end.stop - position))
        used = 0
        while (left := len(data) - used) >= _CENTRAL.size:
            fields = _CENTRAL.unpack_from(data, used)
            if fields[0] != b"PK\1\2":
                break
            length = _CENTRAL.size + sum(fields[10:13])
            if length > left:
                break
            yield _entry(fields, data[used + _CENTRAL.size : used + length], end.shift)
            used += length
            count += 1
        if not used:
            raise MalformedError("the directory of the archive is damaged", offset=position)
        position += used
    if count % end.modulus != end.count and not count >= end.count == _MANY:
        message = f"the directory of the archive lists {count} entries where there should be {end.count}"
        raise MalformedError(message, offset=end.start)


def _entry(fields: tuple[int, ...], names: bytes, shift: int) -> Entry:
    (_, made_by, _, flags, method, _, _, crc, size, length, name_length, extra_length) = fields[:12]
    name = names[:name_length]
    extra = _extra64(names[name_length : name_length + extra_length])
    length, size, offset = (_long(extra) if value == _FULL else value for value in (length, size, fields[16]))
    kind = fields[15] >> 16 if made_by >> 8 == _UNIX else 0
    note = "a link" if stat.S_ISLNK(kind) else ""
    fault = _fault(flags, method, size, length)
    return Entry(
        decoded(name, flags), offset + shift, size, length, _METHODS.get(method, ""), crc, note, fault
    )


def decoded(name: bytes, flags: int) -> str:
    """Return ``name`` as it would be typed; it is UTF-8, or else in the code page of the PC."""
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        if not flags & _UTF8:
            name = name.decode("cp437").encode()
    return os.fsdecode(name)


def _fault(flags: int, method: int, size: int, length: int) -> str:
    if flags & (_ENCRYPTED | _MASKED):
        return "encrypted: unpack the archive first"
    if method not in _METHODS:
        return f"compressed by method {method}, which is not supported: unpack the archive first"
    if method == 0 and size != length:
        return f"not compressed, but of {size} bytes in place of {length}"
    return ""


def _extra64(extra: bytes) -> Iterator[int]:
    """Yield the numbers of 64 bits that stand in the extra field."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = (int.from_bytes(extra[at + step : at + step + 2], "little") for step in (0, 2))
        if kind == 1:
            field = extra[at + 4 : at + 4 + length]
            yield from (int.from_bytes(field[n : n + 8], "little") for n in range(0, len(field) - 7, 8))
            return
        at += 4 + length


def _long(numbers: Iterator[int]) -> int:
    return next(numbers, _FULL)


def _undirected(source: FileSource) -> Iterator[Entry]:
    """Yield the files from the beginning of the archive as long as each says where the next one begins."""
    position = 0
    while position + _LOCAL.size <= source.size:
        head = source.read(position, _LOCAL.size)
        if not head.startswith(SIGNATURES[0]):
            break
        _, _, flags, method, _, _, crc, size, length, name_length, extra_length = _LOCAL.unpack(head)
        start = position + _LOCAL.size + name_length + extra_length
        if start > source.size:
            break
        names = source.read(position + _LOCAL.size, name_length + extra_length)
        extra = _extra64(names[name_length:])
        length, size = (_long(extra) if value == _FULL else value for value in (length, size))
        fault = _fault(flags, method, size, length)
        if flags & _STREAMED and not size:
            fault = fault or "its length would stand in the directory of the archive, which is missing"
        elif start + size > source.size:
            fault = f"the archive ends after {source.size - start} of its {size} bytes"
        name = decoded(names[:name_length], flags)
        yield Entry(name, position, size, length, _METHODS.get(method, ""), crc, fault=fault)
        if fault and not size:
            break
        position = start + size
    raise MalformedError("the archive is cut short: the directory at its end is missing", offset=source.size)

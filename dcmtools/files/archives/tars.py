"""Tar archives (POSIX ustar and pax, GNU): headers hopped over, nothing kept.

The tarfile module ends at a damaged header as if the archive did, follows chains of headers by recursion, and
trusts the lengths in them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.errors import MalformedError
from dcmtools.files.archives.entries import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.files.source import FileSource

BLOCK: Final = 512
_LONGEST: Final = 1024 * 1024  # of a header's own data, such as a long name
_CHUNK: Final = 1024 * 1024
_NO_FILES: Final = {b"1": "a link", b"2": "a link", **dict.fromkeys((b"3", b"4", b"6"), "not a regular file")}
_NO_DATA: Final = (*_NO_FILES, b"5")
_FOLDERS: Final = (b"5", b"D", b"V")  # a list of names and the label of a volume are no files either
_META: Final = (b"x", b"X", b"L", b"K", b"g")
_SPARSE: Final = "a sparse file: unpack the archive first"
_CONTINUED: Final = "continued from another volume"


class _Header(NamedTuple):
    """The fields of a header that matter, and what stands in the pax header or long name before it."""

    name: bytes
    size: int
    kind: bytes


def is_header(block: bytes) -> bool:
    """Tell whether an archive can begin with ``block``, 512 bytes or more."""
    return block[257:262] == b"ustar" and _sums_up(block[:BLOCK])


def entries(source: FileSource) -> Iterator[Entry]:
    """Yield the entries of the archive, folders left out, in their order.

    Raises MalformedError where it is damaged or cut short; what stands behind that is not looked for.
    """
    position = 0
    more: dict[str, bytes] = {}  # what applies to the next entry
    while block := _block(source, position):
        start = position + BLOCK
        header = _header(block, position, more)
        position = start + (0 if header.kind in _NO_DATA else -(-header.size // BLOCK) * BLOCK)
        if header.kind in _META:
            more |= _meta(source, start, header)
            continue
        if entry := _entry(header, start, source.size, sparse="sparse" in more):
            yield entry
        more = {}
    _check_rest(source, position)


def _block(source: FileSource, position: int) -> bytes:
    """Return the header at ``position``, empty for the end."""
    if position + BLOCK > source.size:
        raise MalformedError("the archive is cut short", offset=source.size)
    block = source.read(position, BLOCK)
    if block.count(0) == BLOCK:
        return b""
    if not _sums_up(block):
        raise MalformedError("the archive is damaged: no header where one should be", offset=position)
    return block


def _sums_up(block: bytes) -> bool:
    """Tell whether the checksum is right, over bytes that are unsigned or, in old archives, signed."""
    claimed = _number(block[148:156])
    total = sum(block) - sum(block[148:156]) + 8 * 0x20
    return claimed == total or claimed == total - 256 * sum(byte > 0x7F for byte in block)


def _number(field: bytes) -> int:
    """Return what ``field`` says in octal digits or, beyond these, in binary; -1 where in neither."""
    if field[0] & 0x80:
        return int.from_bytes(field[1:], "big") if field[0] == 0x80 else -1
    digits = field.partition(b"\0")[0].strip(b" ")
    if not digits:
        return 0
    return int(digits, 8) if not digits.strip(b"01234567") else -1


def _header(block: bytes, position: int, more: dict[str, bytes]) -> _Header:
    name = block[:100].partition(b"\0")[0]
    if block[257:263] == b"ustar\0" and block[345]:
        name = block[345:500].partition(b"\0")[0] + b"/" + name
    kind, size = block[156:157], _number(block[124:136])
    if kind not in _META:
        name = more.get("path", name)
        digits = more.get("size", b"")
        if digits:
            size = int(digits) if digits.isdigit() and len(digits) < 20 else -1
    if size < 0:
        raise MalformedError("the archive is damaged: a header without a size", offset=position)
    return _Header(name, size, kind)


def _meta(source: FileSource, start: int, header: _Header) -> dict[str, bytes]:
    """Return what a header that stands before another says of that one."""
    if header.kind in (b"g", b"K"):  # of all that follow, which can be no name; or of what a link leads to
        return {}
    if header.size > _LONGEST:
        raise MalformedError(f"the archive is damaged: a header of {header.size} bytes", offset=start)
    if start + header.size > source.size:
        raise MalformedError("the archive is cut short", offset=source.size)
    data = source.read(start, header.size)
    if header.kind == b"L":
        return {"path": data.partition(b"\0")[0]}
    records = dict(_records(data, start))
    found: dict[str, bytes] = {key: records[key] for key in ("path", "size") if key in records}
    if any(key.startswith("GNU.sparse") for key in records):
        found |= {"sparse": b"", "path": records.get("GNU.sparse.name", found.get("path", b""))}
    return found


def _records(data: bytes, start: int) -> Iterator[tuple[str, bytes]]:
    """Yield keyword and value of each record of a pax header."""
    at = 0
    while at < len(data):
        digits = data[at : at + 10].partition(b" ")[0]
        length = int(digits) if digits.isdigit() else 0
        keyword, equals, value = data[at + len(digits) + 1 : at + length].partition(b"=")
        if not equals or at + length > len(data):
            raise MalformedError("the archive is damaged: a header that makes no sense", offset=start + at)
        yield keyword.decode("latin-1"), value.removesuffix(b"\n")
        at += length


def _entry(header: _Header, start: int, end: int, *, sparse: bool) -> Entry | None:
    name, size, kind = header
    if kind in _FOLDERS or (not size and (name.endswith(b"/") or name in (b"", b"."))):
        return None
    note = _NO_FILES.get(kind, "")
    fault = _SPARSE if sparse or kind == b"S" else _CONTINUED if kind == b"M" else ""
    if not note and start + size > end:
        fault = f"the archive ends after {end - start} of its {size} bytes"
    return Entry(os.fsdecode(name), start, size, size, note=note, fault=fault)


def _check_rest(source: FileSource, position: int) -> None:
    """Fail where more than padding follows the end: another archive, or what a damaged one had there."""
    for offset in range(position, source.size, _CHUNK):
        data = source.read(offset, min(_CHUNK, source.size - offset))
        if data.count(0) != len(data):
            raise MalformedError("more follows the end of the archive", offset=position)

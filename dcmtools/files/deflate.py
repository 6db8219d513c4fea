"""Deflated data sets (PS3.5 A.5), inflated under a cap: into memory, large ones into a temporary file.

And others, deflated block by block.
"""

from __future__ import annotations

import zlib
from itertools import chain
from struct import Struct
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.memory import MemorySource
from dcmtools.errors import InputError, MalformedError
from dcmtools.files.source import FileSource, spooled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dcmtools.encoding.element import Source

IN_MEMORY: Final = 16 * 1024 * 1024
MAX_INFLATED: Final = 512 * 1024 * 1024
MAX_RATIO: Final = 200
_RATIO_FREE: Final = 16 * 1024 * 1024
_RATIO_HELD: Final = 128 * 1024 * 1024  # from here on the ratio counts of what was taken in so far
_CHUNK: Final = 1024 * 1024
_SIP: Final = 4096
_TRAILER: Final = Struct("<LL")


def deflated(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the data set that ``blocks`` are as PS3.5 A.5 has it: deflated, of an even number of bytes.

    Raises InputError where ``inflate`` would not take it back.
    """
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    size = total = 0
    for block in blocks:
        total += len(block)
        if piece := stream.compress(block):
            yield piece
            size += len(piece)
        if total > min(MAX_INFLATED, max(_RATIO_HELD, MAX_RATIO * size)):
            raise _too_much(total)
    rest = stream.flush()
    size += len(rest)
    if total > max(_RATIO_FREE, MAX_RATIO * size):
        raise _too_much(total)
    yield rest + b"\0" * (size % 2)


def _too_much(total: int) -> InputError:
    message = f"{total} bytes of data set would deflate so well that no reader could tell it from a bomb"
    return InputError(message, hint="other transfer syntaxes have no such limit")


def inflate(source: Source, start: int) -> MemorySource | FileSource:
    """Return the bytes deflated in ``source`` from ``start``.

    More than 16 MiB are in a temporary file without a name, which is whoever asked's to close. Raises
    MalformedError where the stream is broken or cut, where other bytes than padding follow it, or where it
    inflates to more than 512 MiB or, beyond 16 MiB, to more than 200 times its size.
    """
    return _held(_capped(source, start))


def inflate_head(source: Source, start: int) -> tuple[MemorySource, bool]:
    """Return what ``inflate`` does or the first 16 MiB of it, and whether that is all.

    What follows in the stream is not looked at.
    """
    held = bytearray()
    for piece in _capped(source, start):
        held += piece
        if len(held) > IN_MEMORY:
            break
    return MemorySource(bytes(held[:IN_MEMORY])), len(held) <= IN_MEMORY


def salvage(source: Source, start: int) -> tuple[MemorySource | FileSource, MalformedError | None]:
    """Return what can be inflated, and what kept the rest from it; raises MalformedError for too much."""
    faults: list[MalformedError] = []
    held = _held(_salvaged(source, start, faults))
    return held, faults[0] if faults else None


def _held(pieces: Iterator[bytes]) -> MemorySource | FileSource:
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size > IN_MEMORY:
            try:
                return FileSource(spooled(chain(held, pieces)))
            except OSError as error:
                message = f"no temporary file for what the data set inflates to: {error.strerror or error}"
                raise InputError(message) from error
    return MemorySource(b"".join(held))


def _salvaged(source: Source, start: int, faults: list[MalformedError]) -> Iterator[bytes]:
    """Yield pieces up to the first of the ``faults``."""
    total = 0
    try:
        for piece in _capped(source, start):
            yield piece
            total += len(piece)
    except TooMuchError:
        raise
    except MalformedError as error:
        faults.append(error)
    if faults and isinstance(faults[0], BrokenStreamError):
        for piece in _before_the_break(source, start):
            yield piece[total:]
            total = max(0, total - len(piece))


class TooMuchError(MalformedError):
    """A deflated data set inflates to more than anybody has a use for."""


class BrokenStreamError(MalformedError):
    """Bytes that no deflated data set can hold."""


def _capped(source: Source, start: int) -> Iterator[bytes]:
    """Yield pieces of at most 1 MiB as long as they do not add up to too much."""
    size = source.size - start
    cap = min(MAX_INFLATED, max(_RATIO_FREE, MAX_RATIO * size))
    total = 0
    for offset, piece in _inflated(source, start):
        yield piece
        total += len(piece)
        taken = min(size, offset + _CHUNK - start)
        if total > cap or total > max(_RATIO_HELD, MAX_RATIO * taken):
            message = f"the deflated data set inflates to more than {min(cap, total)} bytes"
            raise TooMuchError(message, offset=offset)


def _before_the_break(source: Source, start: int) -> Iterator[bytes]:
    """Yield what a broken stream inflates to, in sips, and from the one that breaks it byte by byte."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    for offset in range(start, source.size, _SIP):
        sip = source.read(offset, min(_SIP, source.size - offset))
        before = stream.copy()
        try:
            piece = stream.decompress(sip)
        except zlib.error:
            yield from _bytewise(before, sip)
            return
        yield piece


def _bytewise(stream: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    for number in range(len(data)):
        try:
            yield stream.decompress(data[number : number + 1])
        except zlib.error:
            return


def _inflated(source: Source, start: int) -> Iterator[tuple[int, bytes]]:
    """Yield pieces of at most 1 MiB, each with the offset of the chunk that it came from."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    total = checksum = 0
    for offset in range(start, source.size, _CHUNK):
        data = source.read(offset, min(_CHUNK, source.size - offset))
        piece = b""
        while data or len(piece) == _CHUNK:  # a full piece may have left output behind without input
            try:
                piece = stream.decompress(data, _CHUNK)
            except zlib.error as error:
                message = f"the deflated data set is broken ({error})"
                raise BrokenStreamError(message, offset=offset) from error
            total += len(piece)
            checksum = zlib.crc32(piece, checksum)
            yield offset, piece
            if stream.eof:  # zlib goes on handing back the tail, padding behind the stream, for ever
                break
            data = stream.unconsumed_tail
        if stream.eof:
            end = min(offset + _CHUNK, source.size) - len(stream.unused_data)
            return _check_rest(source, end, _TRAILER.pack(checksum, total))
    raise MalformedError("the deflated data set is cut short", offset=source.size)


def _check_rest(source: Source, end: int, trailer: bytes) -> None:
    """Fail unless what follows the deflated bytes is padding (PS3.5 A.5), or the trailer of gzip."""
    begin = end
    if source.size - end >= len(trailer) and source.read(end, len(trailer)) == trailer:
        begin += len(trailer)
    for offset in range(begin, source.size, _CHUNK):
        rest = source.read(offset, min(_CHUNK, source.size - offset))
        if rest.count(0) != len(rest):
            message = f"{source.size - end} bytes that are not padding follow the deflated data set"
            raise MalformedError(message, offset=end)

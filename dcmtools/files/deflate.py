"""Deflated data sets (PS3.5 A.5), inflated under a cap."""

from __future__ import annotations

import zlib
from struct import Struct
from typing import TYPE_CHECKING, Final

from dcmtools.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.encoding.walker import Source

MAX_INFLATED: Final = 512 * 1024 * 1024
MAX_RATIO: Final = 200
_RATIO_FREE: Final = 16 * 1024 * 1024
_RATIO_HELD: Final = 128 * 1024 * 1024  # from here on the ratio counts of what was taken in so far
_CHUNK: Final = 1024 * 1024
_SIP: Final = 4096
_TRAILER: Final = Struct("<LL")


def inflate(source: Source, start: int, *, enough: int = MAX_INFLATED + 1) -> bytes:
    """Return the bytes deflated in ``source`` from ``start``, ``enough`` of them where that will do.

    Raises MalformedError where the stream is broken or cut, where other bytes than padding follow it, or
    where it inflates to more than 512 MiB or, beyond 16 MiB, to more than 200 times its size.
    """
    pieces: list[bytes] = []
    total = 0
    for piece in _capped(source, start):
        pieces.append(piece)
        total += len(piece)
        if total >= enough:
            break
    return b"".join(pieces)


def salvage(source: Source, start: int) -> tuple[bytes, MalformedError | None]:
    """Return what can be inflated, and what kept the rest from it; raises MalformedError for too much."""
    pieces: list[bytes] = []
    try:
        pieces.extend(_capped(source, start))
    except TooMuchError:
        raise
    except BrokenStreamError as error:
        return _before_the_break(source, start), error
    except MalformedError as error:
        return b"".join(pieces), error
    return b"".join(pieces), None


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


def _before_the_break(source: Source, start: int) -> bytes:
    """Return what a broken stream inflates to, in sips, and from the one that breaks it byte by byte."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    pieces: list[bytes] = []
    for offset in range(start, source.size, _SIP):
        sip = source.read(offset, min(_SIP, source.size - offset))
        before = stream.copy()
        try:
            pieces.append(stream.decompress(sip))
        except zlib.error:
            pieces.extend(_bytewise(before, sip))
            break
    return b"".join(pieces)


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

"""Deflated data sets (PS3.5 A.5), inflated under a cap."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from dcmtools.errors import MalformedError

if TYPE_CHECKING:
    from dcmtools.encoding.walker import Source

MAX_INFLATED: Final = 512 * 1024 * 1024
MAX_RATIO: Final = 200
_RATIO_FREE: Final = 16 * 1024 * 1024
_CHUNK: Final = 1024 * 1024


def inflate(source: Source, start: int, *, enough: int = MAX_INFLATED + 1) -> bytes:
    """Return the bytes deflated in ``source`` from ``start``, at least ``enough`` of them where that suffices.

    Raises MalformedError where the stream is broken or cut, or inflates to more than 512 MiB or, beyond
    16 MiB, to more than 200 times its size.
    """
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    pieces: list[bytes] = []
    total, offset = 0, start
    cap = min(MAX_INFLATED, max(_RATIO_FREE, MAX_RATIO * (source.size - start)))
    while offset < source.size and not stream.eof and total < enough:
        data = source.read(offset, min(_CHUNK, source.size - offset))
        while data and not stream.eof:
            try:
                piece = stream.decompress(data, _CHUNK)
            except zlib.error as error:
                raise MalformedError(f"the deflated data set is broken ({error})", offset=offset) from error
            pieces.append(piece)
            total += len(piece)
            if total > cap:
                raise MalformedError(
                    f"the deflated data set inflates to more than {cap} bytes", offset=offset
                )
            data = stream.unconsumed_tail
        offset += _CHUNK
    if not stream.eof and total < enough:
        raise MalformedError("the deflated data set is cut short", offset=source.size)
    return b"".join(pieces)

"""Compressed bytes expanded into a temporary file, as far as they do not add up to too much."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Final, Protocol

from dcmtools.errors import InputError, MalformedError
from dcmtools.files.source import spooled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dcmtools.encoding.element import Source

MAX_RATIO: Final = 200
RATIO_FREE: Final = 256 * 1024 * 1024
MAX_EXPANDED: Final = 16 * 1024 * 1024 * 1024
_XZ_MEMORY: Final = 128 * 1024 * 1024  # xz -9 needs half of it
_CHUNK: Final = 1024 * 1024
# What a stream is given first: it hands back what is not its own, and there may be very many small ones.
_FIRST: Final = 512
_PADDING: Final = re.compile(rb"\0*")


class _Stream(Protocol):
    """What undoes one compressed stream, with the manners of bz2 and lzma."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Inflating:
    """The same for zlib."""

    def __init__(self, wbits: int) -> None:
        self._stream = zlib.decompressobj(wbits)
        self._held = b""
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        piece = self._stream.decompress(self._held + data, max_length)
        self._held = self._stream.unconsumed_tail
        # A full piece may have left output behind without input.
        self.needs_input = not self._held and len(piece) < max_length
        return piece


def _bzip2() -> _Stream:
    from bz2 import BZ2Decompressor

    return BZ2Decompressor()


def _xz() -> _Stream:
    from lzma import FORMAT_XZ, LZMADecompressor

    return LZMADecompressor(FORMAT_XZ, memlimit=_XZ_MEMORY)


_STREAMS: Final[dict[str, Callable[[], _Stream]]] = {
    "deflate": lambda: _Inflating(-zlib.MAX_WBITS),
    "gzip": lambda: _Inflating(16 + zlib.MAX_WBITS),
    "bzip2": _bzip2,
    "xz": _xz,
}


class Expanding:
    """The bytes of ``source`` from ``start`` to ``end`` expanded, piece by piece.

    One stream, or as many as there are where ``many``. Where iterating has ended ``error`` is what has ended
    it before the bytes did, and ``crc`` the CRC-32 of the ``length`` bytes that came.
    """

    def __init__(
        self,
        source: Source,
        start: int,
        end: int,
        method: str,
        *,
        many: bool = False,
        claimed: int | None = None,
    ) -> None:
        """Expand what ``method``, one of deflate, gzip, bzip2 and xz, has made.

        That it has no more than ``claimed`` bytes is made sure of.
        """
        self.error: MalformedError | None = None
        self.crc = self.length = 0
        self._source = source
        self._position = start
        self._end = end
        self._new = _STREAMS[method]
        self._many = many
        self._claimed = claimed
        self._cap = min(MAX_EXPANDED, max(RATIO_FREE, MAX_RATIO * (end - start)))
        if claimed is not None:
            self._cap = min(self._cap, claimed)
        self._held = b""  # what was read last, of which what stands before ``_at`` has been expanded
        self._at = 0

    def __iter__(self) -> Iterator[bytes]:
        """Yield pieces of at most 1 MiB; raises InputError where the source cannot be read."""
        try:
            for piece in self._pieces():
                if self.length + len(piece) > self._cap:
                    said = ", which is what the archive says it has" if self._cap == self._claimed else ""
                    raise self._fault(f"it expands to more than {self._cap} bytes{said}")
                self.length += len(piece)
                self.crc = zlib.crc32(piece, self.crc)
                yield piece
        except MalformedError as error:
            self.error = error

    def _pieces(self) -> Iterator[bytes]:
        stream, step = self._new(), _FIRST
        while True:
            data = b""
            if stream.needs_input:
                data = self._next(step)
                step = min(2 * step, _CHUNK)
            try:
                yield stream.decompress(data, _CHUNK)
            except (zlib.error, OSError, ValueError, EOFError, MemoryError) as error:
                raise self._fault(f"the compressed data is broken ({error})") from error
            except Exception as error:
                if type(error).__name__ != "LZMAError":  # its module is loaded for xz alone
                    raise
                raise self._fault(f"the compressed data is broken ({error})") from error
            if stream.eof:
                self._at -= len(stream.unused_data)
                if not self._has_another():
                    return
                stream, step = self._new(), _FIRST

    def _next(self, count: int) -> bytes:
        """Return the next bytes of the source, at most ``count``."""
        if self._at == len(self._held) and not self._read():
            raise self._fault("the compressed data is cut short")
        data = self._held[self._at : self._at + count]
        self._at += len(data)
        return data

    def _read(self) -> bool:
        """Hold the next bytes of the source; return False where there are none."""
        self._held = self._source.read(self._position, min(_CHUNK, self._end - self._position))
        self._position += len(self._held)
        self._at = 0
        return bool(self._held)

    def _has_another(self) -> bool:
        """Go to where the next stream begins, behind padding; return False where none does."""
        while self._many and (self._at < len(self._held) or self._read()):
            padding = _PADDING.match(self._held, self._at)
            self._at = padding.end() if padding else self._at
            if self._at < len(self._held):
                return True
        return False

    def _fault(self, message: str) -> MalformedError:
        return MalformedError(message, offset=self._position)

    def spooled(self) -> int:
        """Return a descriptor of a temporary file with everything; raises InputError for want of room."""
        try:
            return spooled(self)
        except OSError as error:
            raise InputError(error.strerror or str(error)) from error

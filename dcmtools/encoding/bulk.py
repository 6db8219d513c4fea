"""Bulk values, and how they stand in the JSON model: as a URI, in Base64, or not at all (PS3.18 F.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from dcmtools.encoding.tags import format_tag
from dcmtools.encoding.values import BULK_VRS, NUMBERS, number_struct, swapped
from dcmtools.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dcmtools.encoding.walker import Walker

_CHUNK: Final = 768 * 1024  # whole numbers of every size, and whole groups of Base64
MAX_INLINE: Final = 64 * 1024 * 1024


class Bulk(NamedTuple):
    """A value that does not stand among the others: its VR, offset and length in bytes, and byte order.

    Encapsulated pixel data is one value: its items, up to the delimiter.
    """

    walker: Walker
    tag: int
    vr: str
    offset: int
    length: int
    order: str
    encapsulated: bool = False

    def pieces(self) -> Iterator[bytes]:
        """Yield the value in little endian, which is the byte order of bulk data (PS3.18 8.7.3.3.1)."""
        end = self.offset + self.length
        for begin in range(self.offset, end, _CHUNK):
            raw = self.walker.source.read(begin, min(_CHUNK, end - begin))
            yield raw if self.order == "<" else _little(self.vr, raw)


Placing: TypeAlias = "Callable[[Bulk], dict[str, Any]]"
"""Returns what an element has beside its VR in the place of a bulk value."""


def below(uri: str) -> Placing:
    """Return the placing of values as offset and length after the ``uri`` of the file, which may be empty."""
    return lambda value: {"BulkDataURI": f"{uri}?offset={value.offset}&length={value.length}"}


at_offset: Final = below("")


def left_out(_: Bulk) -> dict[str, str]:
    """Return nothing: the element stands with its VR alone, as an empty one does (PS3.18 F.2.5)."""
    return {}


class Inline:
    """Values in Base64, of one data set."""

    def __init__(self, other: Placing) -> None:
        """Place with ``other`` what PS3.18 F.2.2 does not allow in Base64: long text and numbers."""
        self._other = other
        self._left = MAX_INLINE

    def __call__(self, value: Bulk) -> dict[str, Any]:
        """Return the whole value in Base64; raise OutputError where that is too much to be kept in memory."""
        from binascii import b2a_base64

        if value.vr not in BULK_VRS:
            return self._other(value)
        self._left -= value.length
        if self._left < 0:
            message = (
                f"with this value of {value.length} bytes, more than {MAX_INLINE >> 20} MiB stand inline"
            )
            raise OutputError(
                f"offset {value.offset}, {format_tag(value.tag)}: {message}",
                hint="--bulk file writes each value into a file, --bulk uri says where it is",
            )
        encoded = [b2a_base64(piece, newline=False) for piece in value.pieces()]
        return {"InlineBinary": b"".join(encoded).decode("ascii")}


def _little(vr: str, raw: bytes) -> bytes:
    """Return big endian ``raw`` in little endian; what is no whole number stays as it is."""
    whole = len(raw) - len(raw) % (number_struct(vr, ">").size if vr in NUMBERS else 1)
    return swapped(vr, raw[:whole]) + raw[whole:]

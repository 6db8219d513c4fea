"""Codestreams in fragments, behind an offset table (PS3.5 A.4, PS3.3 C.7.6.3.1.8)."""

from __future__ import annotations

from array import array
from struct import pack
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Final

from dcmtools.errors import InputError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from dcmtools.codecs.settings import Settings

_ITEM: Final = b"\xfe\xff\x00\xe0"
_END: Final = b"\xfe\xff\xdd\xe0\0\0\0\0"
_IN_MEMORY: Final = 16 * 1024 * 1024
_BLOCK: Final = 1024 * 1024
_LARGEST: Final = 0xFFFFFFFE


class Encapsulated:
    """Pixel data as it is put together frame by frame, in a temporary file where it is long.

    The tables are known only after the last frame, though they come first.
    """

    def __init__(self, settings: Settings) -> None:
        """Take the kind of offset table and the size of fragments; raises InputError where they clash."""
        self._table = settings.offset_table
        self._most = settings.fragment_size + settings.fragment_size % 2 or _LARGEST
        if self._table == "extended" and settings.fragment_size:
            raise InputError(
                "an extended offset table has frames of one fragment: it excludes a fragment size"
            )
        self._file = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  closed by close
        self._offsets = array("Q")
        self._lengths = array("Q")
        self._size = 0

    def add(self, codestream: bytes) -> None:
        """Add a frame, padded to an even length; raises OutputError where the disk is full."""
        self._offsets.append(self._size)
        self._lengths.append(len(codestream) + len(codestream) % 2)
        try:
            for begin in range(0, len(codestream), self._most):
                fragment = codestream[begin : begin + self._most]
                padding = b"\0" * (len(fragment) % 2)
                self._file.writelines((_ITEM, pack("<L", len(fragment) + len(padding)), fragment, padding))
                self._size += 8 + len(fragment) + len(padding)
        except OSError as error:
            message = f"no temporary file for what is encoded: {error.strerror or error}"
            raise OutputError(message) from error

    def __len__(self) -> int:
        """Return how many frames there are."""
        return len(self._offsets)

    @property
    def size(self) -> int:
        """How many bytes codestreams have, those that pad them included."""
        return sum(self._lengths)

    @property
    def extent(self) -> int:
        """How many bytes the value of the element has, from the item of its offset table to the delimiter."""
        table = 4 * len(self) if self._table == "basic" else 0
        return len(_ITEM) + 4 + table + self._size + len(_END)

    def extended(self, order: str = "<") -> tuple[bytes, bytes]:
        """Return the values of Extended Offset Table and its Lengths, empty unless they were asked for."""
        if self._table != "extended":
            return b"", b""
        form = f"{order}{len(self)}Q"
        return pack(form, *self._offsets), pack(form, *self._lengths)

    def blocks(self) -> Iterator[bytes]:
        """Yield the value of the element: offset table, fragments, delimiter.

        Raises InputError where a basic table cannot hold the offsets.
        """
        table = b""
        if self._table == "basic":
            if self._offsets and self._offsets[-1] > _LARGEST:
                raise InputError(
                    "the frames are more than a basic offset table can tell of",
                    hint="--offset-table extended can",
                )
            table = pack(f"<{len(self)}L", *self._offsets)
        yield _ITEM + pack("<L", len(table)) + table
        self._file.seek(0)
        while block := self._file.read(_BLOCK):
            yield block
        yield _END

    def close(self) -> None:
        """Let go of the temporary file."""
        self._file.close()

    def __enter__(self) -> Self:
        """Use it in a ``with`` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it at the end of the block."""
        self.close()

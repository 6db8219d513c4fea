"""Values at the BulkDataURIs of the JSON model: in files of one folder, and nowhere else."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, parse_qsl, unquote_to_bytes, urlsplit

from dcmtools.encoding.values import swapped
from dcmtools.errors import InputError, NotDicom
from dcmtools.files.outputs import is_within
from dcmtools.files.part10 import Part10File
from dcmtools.files.source import FileSource

if TYPE_CHECKING:
    from dcmtools.encoding.element import Source

MOST: Final = 1024 * 1024 * 1024  # bytes of one data set, which is made in memory
_NUMBER: Final = r"[0-9]{1,18}"


class BulkUris:
    """What is at URIs in a JSON file.

    They are relative to the folder ``base``, and what they lead to has to be within the folder ``fence``. One
    without a path is the file ``this``. Both folders may be empty: then there is no such place.
    """

    def __init__(self, base: str, fence: str, this: str = "") -> None:
        """Have read nothing yet."""
        self._base, self._fence, self._this = base, fence, this
        self._left = MOST

    def __call__(self, vr: str, uri: str) -> bytes:
        """Return the value of ``vr`` in little endian; raise ValueError, saying why there is none.

        ``?offset=&length=`` are bytes of the file; of a DICOM file, of its data set once that is inflated.
        """
        try:
            found = urlsplit(uri)
            offset, length = _part(found)
            with FileSource.open(self._path(found), pipes=False) as source:
                if length is None:
                    return self._read(source, 0, source.size)
                return self._part_of(source, vr, offset, length)
        except (InputError, ValueError) as error:
            reason = error.message if isinstance(error, InputError) else str(error)
            if uri.startswith("?"):  # of the DICOM file that the JSON was made of
                reason += "; with --bulk inline 'dcmtools dump' has values in the JSON itself"
            message = f"BulkDataURI {uri[:200]!r}: {reason}"
            raise ValueError(message) from None

    def _path(self, found: SplitResult) -> str:
        if found.scheme not in ("", "file") or found.netloc not in ("", "localhost"):
            message = "only files are read, nothing is fetched"
            raise ValueError(message)
        path = os.fsdecode(unquote_to_bytes(found.path)) or self._this
        if not path or found.fragment or "\0" in path:
            message = "it names no file"
            raise ValueError(message)
        if not self._fence:
            message = "--bulk-dir has to say in which folder that may be"
            raise ValueError(message)
        real = os.path.realpath(os.path.join(self._base, path))
        if not is_within(real, self._fence):
            message = f"that is outside of {self._fence}; --bulk-dir names another folder"
            raise ValueError(message)
        return real

    def _part_of(self, source: FileSource, vr: str, offset: int, length: int) -> bytes:
        try:
            file = Part10File(source)
        except NotDicom:
            return self._read(source, offset, length)
        raw = self._read(file.body().source, offset, length)
        return swapped(vr, raw) if file.encoding.big else raw

    def _read(self, source: Source, offset: int, length: int) -> bytes:
        self._left -= length
        if self._left < 0:
            message = f"with its {length} bytes there are more than {MOST >> 20} MiB in one data set"
            raise ValueError(message)
        return source.read(offset, length)


def _part(found: SplitResult) -> tuple[int, int | None]:
    """Return which bytes of the file are asked for; the length is None where it is all of them."""
    asked = parse_qsl(found.query, keep_blank_values=True, strict_parsing=True) if found.query else []
    numbers = {name: int(value) for name, value in asked if re.fullmatch(_NUMBER, value)}
    if not asked:
        return 0, None
    if len(asked) != 2 or numbers.keys() != {"offset", "length"}:
        message = "what is asked for can only be offset and length"
        raise ValueError(message)
    return numbers["offset"], numbers["length"]

"""What a run has made, and for whom: a path is for one item of it."""

from __future__ import annotations

import os
from functools import lru_cache
from hashlib import blake2b
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import Self

    from dcmtools.files.inputs import Input

_KEY: Final = 16
_MADE, _CLAIMED = b"m", b"c"
_NOTE: Final = 1 + 2 * _KEY


class Made:
    """The files that a run makes, as far as each of its processes knows: they share it once forked.

    What a worker has made when it dies is made again by another, and stands in its own way. A path is for
    one item: the first that claims it.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._file = TemporaryFile(buffering=0)  # noqa: SIM115  the block of Made closes it
        self._known: set[bytes] = set()
        self._claims: dict[bytes, bytes] = {}
        self._read = 0

    def claim(self, path: str, item: Input) -> bool:
        """Tell whether ``path`` is for ``item``, as it is unless another has claimed it before."""
        key = _hash(path)
        self._take_in()
        if key not in self._claims:
            self._file.write(_CLAIMED + key + _key(path, item))  # in one go, behind what others write
            self._take_in()
        return self._claims[key] == _key(path, item)

    def add(self, path: str, item: Input) -> None:
        """Take note of the file that was made of ``item``."""
        self._file.write(_MADE + _hash(path) + _key(path, item))

    def has(self, path: str, item: Input) -> bool:
        """Tell whether that has been made."""
        self._take_in()
        return _key(path, item) in self._known

    def _take_in(self) -> None:
        """Read what has been noted since; who claimed a path first stays it."""
        fd = self._file.fileno()
        size = os.fstat(fd).st_size - self._read
        new = os.pread(fd, size - size % _NOTE, self._read)  # one being written may be there in part
        self._read += len(new)
        for at in range(0, len(new), _NOTE):
            kind, path, item = new[at : at + 1], new[at + 1 : at + 1 + _KEY], new[at + 1 + _KEY : at + _NOTE]
            if kind == _MADE:
                self._known.add(item)
            else:
                self._claims.setdefault(path, item)

    def __enter__(self) -> Self:
        """Keep it for a ``with`` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Forget it all."""
        self._file.close()


def _key(path: str, item: Input) -> bytes:
    return _hash(os.fsencode(path), os.fsencode(item.path), item.entry)


@lru_cache(maxsize=16)  # a file is asked about several times
def _hash(*what: object) -> bytes:
    return blake2b(repr(what).encode("utf-8", "surrogatepass"), digest_size=_KEY).digest()

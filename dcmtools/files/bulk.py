"""A folder of bulk values, each in a file of its own."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from dcmtools.errors import InputError, OutputError, UsageError
from dcmtools.files.source import FileSource

if TYPE_CHECKING:
    from typing import Self

    from dcmtools.encoding.bulk import Bulk

_CHUNK: Final = 1024 * 1024
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_KEPT: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class BulkFolder:
    """Writes values into ``folder``, under names that tag and content give, so that none takes another's."""

    def __init__(self, folder: str, uri: str = "") -> None:
        """Open ``folder``, making it if need be; raises UsageError where it cannot be used.

        It is at ``uri``, which may be relative to whoever speaks of it, by default one of all of its path.
        """
        self._folder = folder
        try:
            os.makedirs(folder, exist_ok=True)
            self._fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise UsageError(f"{folder}: {error.strerror}") from error
        self._uri = uri or file_uri(folder)

    def __call__(self, value: Bulk) -> dict[str, str]:
        """Write ``value`` and return where it is.

        Its file appears complete, and nothing is ever replaced. Raises OutputError where the disk does not
        take it or something else has its name.
        """
        part = f".{os.urandom(8).hex()}.part"
        try:
            try:
                digest = self._write(part, value)
                name = f"{value.tag:08X}-{digest}.bin"
                if not self._has(name, digest):
                    os.rename(part, name, src_dir_fd=self._fd, dst_dir_fd=self._fd)
            finally:
                with suppress(FileNotFoundError):  # it has its name
                    os.unlink(part, dir_fd=self._fd)
        except OSError as error:
            raise OutputError(f"{self._folder}: {error.strerror or error}") from error
        return {"BulkDataURI": f"{self._uri}/{name}"}

    def _write(self, name: str, value: Bulk) -> str:
        """Write a new file and return the SHA-256 of what it holds."""
        from hashlib import sha256

        digest = sha256()
        with open(os.open(name, _NEW, 0o666, dir_fd=self._fd), "wb") as file:
            for piece in value.pieces():
                digest.update(piece)
                file.write(piece)
        return digest.hexdigest()

    def _has(self, name: str, digest: str) -> bool:
        """Tell whether the value is there already; raise OutputError where something else is."""
        try:
            with FileSource(os.open(name, _KEPT, dir_fd=self._fd)) as kept:
                if _digest_of(kept) == digest:
                    return True
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno != errno.ELOOP:  # a link, which is not followed
                raise
        raise OutputError(f"{os.path.join(self._folder, name)}: something else has this name")

    def __enter__(self) -> Self:
        """Use the folder in a ``with`` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the folder at the end of the block."""
        os.close(self._fd)


def _digest_of(kept: FileSource) -> str:
    """Return the SHA-256 of a regular file, and of what is none that of nothing."""
    from hashlib import sha256

    digest = sha256()
    with suppress(InputError):
        for begin in range(0, kept.size, _CHUNK):
            digest.update(kept.read(begin, min(_CHUNK, kept.size - begin)))
    return digest.hexdigest()


def file_uri(path: str) -> str:
    """Return the ``file:`` URI of ``path``, whose bytes need not be text."""
    from pathlib import Path

    return Path(os.path.abspath(path)).as_uri()

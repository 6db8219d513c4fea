"""The secret that pseudonyms are derived from: whoever has it can tell who is who by trying."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from dcmtools.errors import UsageError

if TYPE_CHECKING:
    from typing import Self

SHORTEST: Final = 16  # bytes
_LONGEST: Final = 4096
_NEW: Final = 32
_FIND: Final = (
    "the key of a project's first batch is that of all: find it, as with another one the same patients "
    "become others; for a first batch --new-key FILE makes one"
)
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class ProjectKey:
    """The key of a project, the same in each of its runs, or one that is forgotten after its run."""

    __slots__ = ("kept", "secret")

    def __init__(self, secret: bytes, *, kept: bool) -> None:
        """Hold ``secret``; ``kept`` tells whether there is a file that it can be had from again."""
        self.secret = secret
        self.kept = kept

    @property
    def name(self) -> str:
        """What tells this key from others, and nothing of it."""
        from hmac import digest

        return digest(self.secret, b"the name of this key", "sha256")[:8].hex()

    def __repr__(self) -> str:
        """Return the name: tracebacks and logs are read by many."""
        return f"ProjectKey({self.name})"

    @classmethod
    def random(cls) -> Self:
        """Return a key that nobody has had, and nobody will."""
        return cls(os.urandom(_NEW), kept=False)

    @classmethod
    def create(cls, path: str) -> Self:
        """Make a key and put it into a new file at ``path``, for its owner alone.

        Raises UsageError where there is a file already, or cannot be one.
        """
        secret = os.urandom(_NEW).hex().encode()
        try:
            made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError as error:
            hint = "--key-file uses it; a key is never replaced"
            raise UsageError(f"key {path}: there is a file already", hint=hint) from error
        except (OSError, ValueError) as error:
            raise _unusable(path, error) from error
        try:
            with open(made, "wb") as file:
                file.write(secret + b"\n")
                file.flush()
                os.fsync(made)
        except OSError as error:
            os.unlink(path)
            raise _unusable(path, error) from error
        return cls(secret, kept=True)

    @classmethod
    def load(cls, path: str) -> Self:
        """Return the key in the file at ``path``, all of it but the newline at the end.

        Raises UsageError where it cannot be read, others than its owner may, or it is too short to be one.
        """
        try:
            with open(path, "rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                found = file.read(_LONGEST + 1)
        except FileNotFoundError as error:
            raise _unusable(path, error, hint=_FIND) from error
        except (OSError, ValueError) as error:
            raise _unusable(path, error) from error
        if stat.S_ISREG(mode) and mode & _OTHERS:
            raise UsageError(f"key {path}: others than its owner may read it", hint=f"chmod 600 {path}")
        secret = found.removesuffix(b"\n").removesuffix(b"\r")
        if not SHORTEST <= len(secret) <= _LONGEST:
            raise UsageError(f"key {path}: a key has {SHORTEST} to {_LONGEST} bytes, this has {len(secret)}")
        return cls(secret, kept=True)


def _unusable(path: str, error: OSError | ValueError, hint: str = "") -> UsageError:
    return UsageError(f"key {path or repr(path)}: {getattr(error, 'strerror', None) or error}", hint=hint)

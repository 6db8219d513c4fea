"""Passwords, tickets and tokens: from files, which is where they belong, or from the environment."""

from __future__ import annotations

from typing import Final

from dcmtools.errors import UsageError

# Of all that a peer is told of a user; what else is told when an association is asked for has to fit into the
# same 64 KiB (PS3.8 9.3.2.3).
LONGEST: Final = 60000


def read_secret(path: str) -> bytes:
    """Return what stands in the file at ``path``; raise UsageError for nothing, and for too much of it."""
    try:
        with open(path, "rb") as file:
            found = file.read(LONGEST + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path or repr(path)}: {getattr(error, 'strerror', None) or error}") from error
    if not found:
        raise UsageError(f"{path}: the file is empty")
    check_length(path, found)
    return found


def check_length(name: str, *fields: bytes) -> None:
    """Raise UsageError where ``fields``, which the error calls ``name``, are too much for a user identity."""
    if sum(map(len, fields)) > LONGEST:
        raise UsageError(f"{name}: more than the {LONGEST} bytes that a peer can be sent")


def read_line(path: str) -> bytes:
    """Return the secret in the file at ``path`` without the end of the line it stands on."""
    line = read_secret(path).removesuffix(b"\n").removesuffix(b"\r")
    if not line:
        raise UsageError(f"{path}: the first line is empty")
    if b"\n" in line:
        raise UsageError(f"{path}: more than one line")
    return line

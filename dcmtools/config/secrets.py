"""Passwords, tickets and tokens: from files, which is where they belong, or from the environment."""

from __future__ import annotations

from typing import Final

from dcmtools.errors import UsageError

# What else is told when an association is asked for has to fit into the same 64 KiB (PS3.8 9.3.2.3).
LONGEST: Final = 60000


def read_secret(path: str) -> bytes:
    """Return what stands in the file at ``path``; raise UsageError for nothing, and for too much of it."""
    try:
        with open(path, "rb") as file:
            found = file.read(LONGEST + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    if not found:
        raise UsageError(f"{path}: the file is empty")
    if len(found) > LONGEST:
        raise UsageError(f"{path}: more than the {LONGEST} bytes that a peer can be sent")
    return found


def read_line(path: str) -> bytes:
    """Return the secret in the file at ``path`` without the end of the line it stands on."""
    line = read_secret(path).removesuffix(b"\n").removesuffix(b"\r")
    if not line:
        raise UsageError(f"{path}: the first line is empty")
    if b"\n" in line:
        raise UsageError(f"{path}: more than one line")
    return line

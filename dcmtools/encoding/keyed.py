"""What stands for values, derived from a secret: the same each time, without a table that has to be shared.

HMAC-SHA-256 of what it is about and the value (RFC 2104): without the secret nobody can find the one from the
other by trying.
"""

from __future__ import annotations

from hmac import digest


def number(secret: bytes, domain: str, *values: str) -> int:
    """Return a number of 256 bits that stands for ``values`` in their ``domain``."""
    message = joined(domain, *values).encode("utf-8", "surrogatepass")
    return int.from_bytes(digest(secret, message, "sha256"), "big")


def uid(secret: bytes, old: str) -> str:
    """Return a UID that stands for ``old``, below the root 2.25 (PS3.5 B.2)."""
    return f"2.25.{number(secret, 'uid', old) >> 128}"


def joined(*values: str) -> str:
    """Return what no other values come to: each begins with its length."""
    return "".join([f"{len(value)}:{value}" for value in values])

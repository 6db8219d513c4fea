"""Lines for the log that machines can read and peers cannot forge."""

from __future__ import annotations

import re
from typing import Final

_PLAIN: Final = re.compile(r"[\w.:%@/+-]+", re.ASCII)


def log_line(event: str, **fields: object) -> str:
    """Return ``event key=value key="a value"``; values other than plain words stand in quotes.

    What a peer put into a value cannot end it, so no field can be forged.
    """
    return " ".join([event, *(f"{name}={_quoted(str(value))}" for name, value in fields.items())])


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

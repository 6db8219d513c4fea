"""What the user has configured: ``config.toml`` and the environment.

A flag beats the environment (``DCMTOOLS_*``, which click reads), the environment beats the file, the
file beats the default. Nothing else in the program looks at the environment.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dcmtools.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dcmtools.net.peer import Peer

_PEER_KEYS = {"host": str, "port": int, "aet": str, "calling_aet": str}


def config_file() -> Path:
    """Return where the configuration is looked for: ``DCMTOOLS_CONFIG``, else the user's config folder."""
    named = os.environ.get("DCMTOOLS_CONFIG")
    if named:
        from pathlib import Path  # 3 ms with what it imports, and every start reads this module

        return Path(named)
    from platformdirs import user_config_path

    return user_config_path("dcmtools") / "config.toml"


def named_peer(name: str) -> Peer | None:
    """Return the peer configured as ``[peers.NAME]``, or None.

    Raises UsageError naming the file and the line or the key that is wrong.
    """
    path = config_file()
    peers = _load(path).get("peers", {})
    if not isinstance(peers, dict):
        raise UsageError(f"{path}: peers must be tables: [peers.NAME]")
    if name not in peers:
        return None
    try:
        return _peer(peers[name])
    except (TypeError, ValueError) as error:
        raise UsageError(f"{path}: peers.{name}: {error}") from error


def color_allowed() -> bool:
    """Whether the environment leaves colour on: no ``NO_COLOR``, and a terminal that is not dumb."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def completion_request() -> str:
    """Return what the shell asks to complete (``bash_complete``, ``zsh_source``), or nothing."""
    return os.environ.get("_DCMTOOLS_COMPLETE", "")


def _load(path: Path) -> Mapping[str, object]:
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError as error:
        if "DCMTOOLS_CONFIG" in os.environ:
            raise UsageError(f"{path}: DCMTOOLS_CONFIG names a file that does not exist") from error
        return {}
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start} is not UTF-8") from error
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:  # its message ends in the line and the column
        raise UsageError(f"{path}: {error}") from error


def _peer(table: object) -> Peer:
    from dcmtools.net.peer import Peer

    if not isinstance(table, dict):
        raise TypeError("must be a table of host, port, aet")
    for key, value in table.items():
        kind = _PEER_KEYS.get(key)
        if kind is None:
            raise ValueError(f"unknown key {key!r}; known are {', '.join(_PEER_KEYS)}")
        if type(value) is not kind:
            raise TypeError(f"{key} must be {'a number' if kind is int else 'text'}")
    return Peer(**{"host": "", **table})

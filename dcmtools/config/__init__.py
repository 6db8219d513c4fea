"""What the user has configured: ``config.toml`` and the environment.

A flag beats the environment (``DCMTOOLS_*``, which click reads), the environment beats what the file says of
the peer, that beats the file's ``[defaults]``, and these beat the default. Nothing else in the program looks
at the environment. Every start reads this module, so it imports next to nothing.
"""

from __future__ import annotations

import os
import sys
from typing import Final

LONGEST_WAIT: Final = 86400.0
"""Seconds that a timeout may last."""
PDU_BYTES: Final = (4096, 1048576)
"""The smallest and the largest maximum length of a PDU that can be asked for."""
TLS_PROFILES: Final = (
    "bcp195",
    "bcp195-modified",
    "bcp195-nd",
    "bcp195-extended",
    "bcp195-rfc7525",
    "aes",
    "basic",
)
"""What the secure transport connection profiles of PS3.15 Annex B are called, the default first."""
TLS_VERSIONS: Final = ("1.2", "1.3")
"""The versions of TLS that can be asked for as the lowest."""

_SECRETS: Final = ("DCMTOOLS_JWT", "DCMTOOLS_PASSWORD", "DCMTOOLS_TLS_KEY_PASSWORD")


def config_path() -> str:
    """Return where ``config.toml`` is looked for; nothing where there is neither a name nor a home folder."""
    return os.environ.get("DCMTOOLS_CONFIG", "") or _users_file()


def profiles_folder() -> str:
    """Return where profiles of de-identification are found by their names, beside ``config.toml``, if so."""
    path = config_path()
    return os.path.join(os.path.dirname(path), "profiles") if path else ""


def config_is_named() -> bool:
    """Whether ``DCMTOOLS_CONFIG`` names the file, so that it has to be there."""
    return bool(os.environ.get("DCMTOOLS_CONFIG"))


def is_configured() -> bool:
    """Whether there is a file to read, or should be one: most runs need not import what reads it."""
    path = config_path()
    return config_is_named() or (path != "" and os.path.exists(path))


def color_allowed() -> bool:
    """Whether the environment leaves colour on: no ``NO_COLOR``, and a terminal that is not dumb."""
    return not os.environ.get("NO_COLOR") and not terminal_is_dumb()


def terminal_is_dumb() -> bool:
    """Whether the environment calls the terminal one that can only print lines."""
    return os.environ.get("TERM") == "dumb"


def pager_command() -> list[str]:
    """Return the words that start the pager; none where there is to be none.

    ``DCMTOOLS_PAGER`` goes before ``PAGER``; an empty one means none, as does ``cat``.
    """
    import shlex

    default = "" if terminal_is_dumb() else "less"
    line = os.environ.get("DCMTOOLS_PAGER", os.environ.get("PAGER", default))
    try:
        words = shlex.split(line)
    except ValueError:  # a quote is missing: no program can be called so
        return []
    return [] if words == ["cat"] else words


def pager_environment() -> dict[str, str]:
    """Return what the pager finds in its environment: ours, and what less is to do unless told otherwise."""
    return {"LESS": "FRX", **environment()}


def environment() -> dict[str, str]:
    """Return what programs that we start find in their environment: ours, without the secrets."""
    return {name: value for name, value in os.environ.items() if name not in _SECRETS}


def calm_libraries() -> None:
    """Keep numpy from threads that nobody needs, and that would stand in the way of forks.

    It takes effect only where numpy has not been imported yet.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def secret(variable: str) -> bytes | None:
    """Return the bytes of a variable of those that hold a secret, None where it is not set."""
    return os.environb.get(variable.encode()) or None


def completion_request() -> str:
    """Return what the shell asks to complete (``bash_complete``, ``zsh_complete``), or nothing."""
    return os.environ.get("_DCMTOOLS_COMPLETE", "")


def completion_line() -> str:
    """Return what stands before the cursor on the command line that is to be completed."""
    return os.environ.get("COMP_WORDS", "")


def _users_file() -> str:
    if os.environ.get("HOME") == "":
        return ""
    if sys.platform == "linux":  # what platformdirs says there; to import it takes 10 ms
        folder = os.environ.get("XDG_CONFIG_HOME", "").strip()
        folder = os.path.join(
            folder if os.path.isabs(folder) else os.path.expanduser("~/.config"), "dcmtools"
        )
    else:
        from platformdirs import user_config_dir

        folder = user_config_dir("dcmtools")
    return os.path.join(folder, "config.toml") if os.path.isabs(folder) else ""

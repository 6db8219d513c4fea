"""``config.toml`` as it was read, and complaints about it that name the line."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Final

from dcmtools import tomlfile
from dcmtools.config import config_is_named, config_path
from dcmtools.errors import UsageError
from dcmtools.tomlfile import TomlFile

TABLES: Final = ("peers", "defaults")
NO_PLACE: Final = "there is no home folder, and so no place for config.toml"
NAME_IT: Final = "name the file with DCMTOOLS_CONFIG"


def load(*, must_exist: bool = True) -> TomlFile:
    """Read the configuration, an empty one where no file is.

    Raises UsageError for a file that cannot be read, that is not TOML, that has other tables than those
    known, or that is named by ``DCMTOOLS_CONFIG`` and missing, which ``must_exist`` False lets pass.
    """
    path = config_path()
    return parse(path, read_text(path, must_exist=must_exist))


def read_text(path: str, *, must_exist: bool) -> str:
    """Return the text of the file at ``path``; see ``load``."""
    try:
        return tomlfile.read(path)
    except OSError as error:
        # What was not there a moment ago is not, even if somebody else has written it since.
        if not isinstance(error, FileNotFoundError) and os.path.exists(path):
            raise UsageError(f"{path}: {error.strerror}") from error
        if must_exist and config_is_named():
            raise UsageError(f"{path}: DCMTOOLS_CONFIG names a file that does not exist") from error
        return ""  # a home folder that is not ours to look into counts as one without the file


@lru_cache(maxsize=2)
def parse(path: str, text: str) -> TomlFile:
    """Return what ``text``, which stands in the file at ``path``, says; see ``load``."""
    if not text:
        return TomlFile(path, "", {})
    config = tomlfile.parse(path, text)
    for key in config.tables:
        if key not in TABLES:
            raise config.wrong((key,), f"unknown; known are {', '.join(TABLES)}")
        config.table(key)
    return config

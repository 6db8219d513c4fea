"""``config.toml`` as it was read, and complaints about it that name the line."""

from __future__ import annotations

import os
import stat
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.config import config_is_named, config_path
from dcmtools.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLES: Final = ("peers", "defaults")
NO_PLACE: Final = "there is no home folder, and so no place for config.toml"
NAME_IT: Final = "name the file with DCMTOOLS_CONFIG"


class Config(NamedTuple):
    """The file, its text, and what it says."""

    path: str
    text: str
    tables: Mapping[str, object]

    def table(self, *keys: str) -> Mapping[str, object]:
        """Return the table at ``keys``, an empty one where nothing is; raise UsageError for another thing."""
        found: object = self.tables
        for depth, key in enumerate(keys, 1):
            found = found.get(key, {}) if isinstance(found, dict) else {}
            if not isinstance(found, dict):
                raise self.wrong(keys[:depth], f"must be a table: [{'.'.join(keys[:depth])}]")
        return found if isinstance(found, dict) else {}

    def wrong(self, keys: tuple[str, ...], message: str) -> UsageError:
        """Return the error that says what is wrong with ``keys``, and where that stands."""
        from dcmtools.config.statements import line_of

        line = line_of(self.text, keys)
        where = f"{self.path}: line {line}" if line else self.path
        return UsageError(f"{where}: {'.'.join(keys)}: {message}")


def load(*, must_exist: bool = True) -> Config:
    """Read the configuration, an empty one where no file is.

    Raises UsageError for a file that cannot be read, that is not TOML, that has other tables than those
    known, or that is named by ``DCMTOOLS_CONFIG`` and missing, which ``must_exist`` False lets pass.
    """
    path = config_path()
    return parse(path, read_text(path, must_exist=must_exist))


def read_text(path: str, *, must_exist: bool) -> str:
    """Return the text of the file at ``path``; see ``load``."""
    try:
        with open(path, "rb", opener=_opened) as file:  # pathlib takes 3 ms to import
            return file.read().decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start} is not UTF-8") from error
    except OSError as error:
        # What was not there a moment ago is not, even if somebody else has written it since.
        if not isinstance(error, FileNotFoundError) and os.path.exists(path):
            raise UsageError(f"{path}: {error.strerror}") from error
        if must_exist and config_is_named():
            raise UsageError(f"{path}: DCMTOOLS_CONFIG names a file that does not exist") from error
        return ""  # a home folder that is not ours to look into counts as one without the file


def _opened(path: str, flags: int) -> int:
    """Open what is a file, or the null device, which stands for an empty one; wait for no pipe's writer."""
    descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    found = os.fstat(descriptor)
    kind = stat.S_IFMT(found.st_mode)  # of a folder open() itself complains
    if kind in (stat.S_IFREG, stat.S_IFDIR) or os.path.samestat(found, os.stat(os.devnull)):
        return descriptor
    os.close(descriptor)
    raise UsageError(f"{path}: the configuration has to be a file")


@lru_cache(maxsize=2)
def parse(path: str, text: str) -> Config:
    """Return what ``text``, which stands in the file at ``path``, says; see ``load``."""
    if not text:
        return Config(path, "", {})
    import tomllib  # 2 to 6 ms that only those with a file have to pay

    try:
        config = Config(path, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:  # its message ends in the line and the column
        raise UsageError(f"{path}: {error}") from error
    for key in config.tables:
        if key not in TABLES:
            raise config.wrong((key,), f"unknown; known are {', '.join(TABLES)}")
        config.table(key)
    return config

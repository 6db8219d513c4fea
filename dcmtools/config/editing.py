"""Changes to ``config.toml`` that leave comments, order and everything else of it as they are."""

from __future__ import annotations

import fcntl
import os
import tomllib
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from dcmtools.config import config_path
from dcmtools.config.peers import record, settings, unknown
from dcmtools.config.reading import NAME_IT, NO_PLACE, parse, read_text
from dcmtools.config.rewriting import appended, removed, replaced
from dcmtools.errors import OutputError, UsageError
from dcmtools.escaping import escape
from dcmtools.replacing import replacing
from dcmtools.results import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dcmtools.net.peer import Peer
    from dcmtools.tomlfile import TomlFile


def add_peer(name: str, peer: Peer, *, replace: bool) -> Iterator[Result]:
    """Write ``[peers.NAME]``; raise UsageError where it exists, unless it is to be replaced."""
    values = settings(peer)

    def change(config: TomlFile, peers: dict[str, object]) -> str:
        known = name in peers
        if known and not replace:
            raise UsageError(
                f"there is a peer {name!r} already", hint="--replace puts the new one in its place"
            )
        peers[name] = values
        return (replaced if known else appended)(config.text, name, values)

    _edit(change)
    yield Result(name, record(name, peer), note="written")


def remove_peers(names: Sequence[str]) -> Iterator[Result]:
    """Take the table of each peer out of the file; comments above it stay."""
    for name in names:
        try:
            _edit(partial(_without, name))
        except UsageError as error:
            yield Result.failed(name, error, {"name": name})
        else:
            yield Result(name, {"name": name}, note="removed")


def _without(name: str, config: TomlFile, peers: dict[str, object]) -> str:
    if peers.pop(name, None) is None:
        raise unknown(name)
    return removed(config.text, name)


def show_path() -> Iterator[Result]:
    """Yield where ``config.toml`` is, or would be."""
    path = _place()
    yield Result(path, {"file": path, "exists": os.path.exists(path)}, text=f"{escape(path)}\n")


def _place() -> str:
    path = config_path()
    if not path:
        raise UsageError(NO_PLACE, hint=NAME_IT)
    return path


def _edit(change: Callable[[TomlFile, dict[str, object]], str]) -> None:
    """Write what ``change`` makes of the text, if it says what ``change`` makes of the peers."""
    path = _place()
    real = os.path.realpath(path)  # a link to the file goes on being one
    folder = os.path.dirname(real)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with _locked(folder) as descriptor:
            config = parse(path, read_text(path, must_exist=False))
            peers = dict(config.table("peers"))
            text = change(config, peers)
            if not _says(text, {**config.tables, "peers": peers}):
                raise UsageError(f"{path}: the peers stand there in a form that only an editor can change")
            with replacing(real) as file:
                file.write(text.encode())
            os.fsync(descriptor)
    except OSError as error:
        raise OutputError(f"{path}: {error.strerror}") from error


def _says(text: str, tables: Mapping[str, object]) -> bool:
    try:
        return {"peers": {}, **tomllib.loads(text)} == tables
    except tomllib.TOMLDecodeError:
        return False


@contextmanager
def _locked(folder: str) -> Iterator[int]:
    """Open ``folder`` while nobody else edits a file in it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # file systems without locks are left to their users' care
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)

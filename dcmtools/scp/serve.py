"""The server that ``dcmtools serve`` runs: verification and storage into a folder."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from dcmtools.archive.storage import Storage
from dcmtools.encoding.uids import VERIFICATION, is_storage_class
from dcmtools.errors import UsageError
from dcmtools.escaping import escape
from dcmtools.net.dimse import CommandField
from dcmtools.results import Result
from dcmtools.scp.echo import answer_echo
from dcmtools.scp.server import Server
from dcmtools.scp.storage import StorageService

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.scp.admission import ServerOptions
    from dcmtools.scp.server import Service


def serve(folder: str, options: ServerOptions, *, durable: bool, ready_file: str | None) -> Iterator[Result]:
    """Yield one result once the server listens, and serve until the stop is requested.

    Received instances are kept below ``folder``. ``ready_file`` gets the port as soon as the server
    answers. Raises UsageError where it cannot start.
    """
    options.check()
    with ExitStack() as held:
        storage = Storage(folder, durable=durable)
        held.callback(storage.close)
        services: dict[int, Service] = {
            CommandField.C_ECHO_RQ: answer_echo,
            CommandField.C_STORE_RQ: StorageService(storage).answer_store,
        }
        server = held.enter_context(Server(options, services, _is_served))
        host, port = server.address
        if ready_file is not None:
            _announce(ready_file, port)
        yield _listening(folder, options.aet, host, port)
        server.run()


def _is_served(abstract_syntax: str) -> bool:
    return abstract_syntax == VERIFICATION or is_storage_class(abstract_syntax)


def _listening(folder: str, aet: str | None, host: str, port: int) -> Result:
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    title = aet or "any AE title"
    record = {"host": host, "port": port, "aet": aet, "folder": folder}
    return Result(where, record, text=f"listening on {where} as {title}, receiving into {escape(folder)}\n")


def _announce(path: str, port: int) -> None:
    """Write the port into ``path``, which appears whole or not at all."""
    from tempfile import mkstemp

    folder, name = os.path.split(path)
    if os.path.lexists(path) and not os.path.isfile(path):
        raise UsageError(f"{path}: there is something else than a file")
    try:
        fd, temporary = mkstemp(prefix=f".{name}.", dir=folder or ".")
        try:
            with open(fd, "w", encoding="ascii") as file:
                os.fchmod(fd, 0o644)  # whoever waits for it may run as another user
                file.write(f"{port}\n")
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error

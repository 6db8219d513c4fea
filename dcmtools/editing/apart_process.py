"""The process of its own in which ``apart`` has files transcoded."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from dcmtools.codecs.registry import codec_named
from dcmtools.editing.transcoding import Asked, transcoded
from dcmtools.errors import DcmtoolsError, InputError, OutputError, as_told
from dcmtools.files.part10 import Part10File
from dcmtools.files.source import FileSource

if TYPE_CHECKING:
    from collections.abc import Mapping

_IDLE: Final = 60.0  # seconds without work, after which what the libraries take of the memory is given back
_MEMORY: Final = 4 << 30
_LONGEST_REQUEST: Final = 4096


def work(fd: int) -> None:
    """Do what is asked over the socket ``fd`` until nobody asks any more, or standard input ends."""
    Thread(target=_end_with_parent, daemon=True).start()
    _limit_memory()
    with socket.socket(fileno=fd) as sock:
        while select.select([sock], [], [], _IDLE)[0]:
            request, fds, _, _ = socket.recv_fds(sock, _LONGEST_REQUEST, 2)
            if not request:
                return
            sock.sendall(json.dumps(_answer(json.loads(request), *fds)).encode() + b"\n")


def _end_with_parent() -> None:
    """End with whoever holds the other end of standard input, even amid work."""
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGKILL)


def _limit_memory() -> None:
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    limit = _MEMORY if most == resource.RLIM_INFINITY else min(_MEMORY, most)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, most))


def _answer(request: Mapping[str, Any], source_fd: int, out_fd: int) -> dict[str, object]:
    """Transcode from one open file to the other; whatever goes wrong is an answer, too."""
    try:
        return _transcoded(request, source_fd, out_fd)
    except MemoryError:
        told: DcmtoolsError = InputError(f"not transcoded: it takes more than {_MEMORY >> 30} GiB of memory")
    except OSError as error:  # only what is written is not read by a source of ours
        told = OutputError(f"no room for what is transcoded: {error.strerror or error}")
    except BaseException as error:  # a library's panic, too, is one file's
        told = as_told(error)
    return {"error": told.message, "hint": told.hint, "code": told.code}


def _transcoded(request: Mapping[str, Any], source_fd: int, out_fd: int) -> dict[str, object]:
    offset, size = request["window"]
    with open(out_fd, "wb") as out, FileSource(source_fd, (offset, size)) as source:
        file = Part10File(source)
        file.data_set_end = request["end"]
        with transcoded(file, Asked(codec_named(request["to"]))) as done:
            out.seek(0)
            out.truncate()
            out.write(done.meta)
            out.writelines(done.blocks())
            return {"changes": done.changes, "warnings": done.warnings}

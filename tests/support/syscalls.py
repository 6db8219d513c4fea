"""The ``os`` of one module under watch: which calls it makes, and one of them made to fail."""

from __future__ import annotations

import os
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

WATCHED = ("open", "mkdir", "write", "writev", "fdatasync", "link", "rename", "fsync", "close", "unlink")


class WatchedOs:
    """Stands for ``os``; ``calls`` lists the watched calls as ``name`` or, of a descriptor, ``name path``.

    The ``fail_at``-th of them, counted from 1, fails with ``errno``, after it was done where it cannot be
    left out (a file is closed whatever close() says); 0 lets all pass.
    """

    def __init__(self, fail_at: int = 0, errno: int = 0) -> None:
        self.calls: list[str] = []
        self.fail_at = fail_at
        self.errno = errno
        self._lock = Lock()

    @property
    def failed(self) -> bool:
        return 0 < self.fail_at <= len(self.calls)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever the module has
        function = getattr(os, name)
        return self._watched(name, function) if name in WATCHED else function

    def _watched(self, name: str, function: Callable[..., object]) -> Callable[..., object]:
        def call(*args: Any, **kwargs: Any) -> object:  # noqa: ANN401  as os takes them
            with self._lock:
                self.calls.append(f"{name} {_path(args[0])}" if isinstance(args[0], int) else name)
                failing = len(self.calls) == self.fail_at
            if failing and name != "close":
                raise OSError(self.errno, os.strerror(self.errno))
            result = function(*args, **kwargs)
            if failing:
                raise OSError(self.errno, os.strerror(self.errno))
            return result

        return call


def _path(fd: int) -> str:
    return os.path.basename(os.readlink(f"/proc/self/fd/{fd}"))

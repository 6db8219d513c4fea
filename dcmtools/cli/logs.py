"""Where log records and Python's warnings go: to stderr and the log file, one escaped line each."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from dcmtools.errors import UsageError
from dcmtools.escaping import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from dcmtools.cli.app import App
else:
    Loader = object  # what Python itself asks for; importlib.abc has to be imported


class LogFile:
    """A file that lines are appended to, each whole, whoever else writes to it."""

    def __init__(self, path: str, lose: Callable[[str], None]) -> None:
        """Open the file, or make one that only its owner can read; raises UsageError.

        ``lose`` is told the first time that a line cannot be written.
        """
        self.path = path
        self._lose = lose
        self._complete = True
        self._torn = False
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY
        self._made = not os.path.lexists(path)
        try:  # a pipe without a reader would be waited for
            self._descriptor = os.open(path, flags | os.O_NONBLOCK, 0o600)
        except OSError as error:
            why = "nobody reads from it" if error.errno == errno.ENXIO else error.strerror
            raise UsageError(f"log file {path}: {why}") from error
        os.set_blocking(self._descriptor, True)

    def write(self, line: str) -> None:
        """Append ``line`` after the time; what stands in it that is no text, newlines too, is escaped."""
        from time import localtime, strftime, time

        now = time()
        moment = localtime(now)
        milliseconds = int(now % 1 * 1000)
        stamp = f"{strftime('%Y-%m-%dT%H:%M:%S', moment)}.{milliseconds:03d}{strftime('%z', moment)}"
        data = b"\n" * self._torn + f"{stamp} {escape(line)}\n".encode()
        try:
            written = os.write(self._descriptor, data)
        except OSError as error:  # a full disk shall not end the work that is logged
            self._fail(str(error.strerror))
            return
        self._torn = written < len(data)
        if self._torn:
            self._fail(os.strerror(errno.ENOSPC))

    def _fail(self, why: str) -> None:
        if self._complete:
            self._complete = False  # before anything is said, which would be logged, too
            self._lose(f"log file {self.path} is not complete: {why}")

    def is_at(self, path: str) -> bool:
        """Tell whether ``path`` names the file."""
        return os.path.exists(path) and os.path.samestat(os.stat(path), os.fstat(self._descriptor))

    def withdraw(self) -> None:
        """Remove the file, if it was made for this run and nobody has written to it."""
        if self._made and self.is_at(self.path) and not os.fstat(self._descriptor).st_size:
            os.unlink(self.path)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


@contextmanager
def logging_of(app: App) -> Iterator[None]:
    """Show what is logged, as much as ``app.level`` says, and the warnings of libraries.

    To import ``logging`` takes 3 ms, which most runs of most commands need not pay: it is set up when
    somebody imports it, now or later.
    """
    with ExitStack() as undo:
        undo.callback(setattr, warnings, "showwarning", warnings.showwarning)
        warnings.showwarning = partial(_show_warning, app)
        if "logging" in sys.modules:
            _start_logging(app, undo)
        else:
            watch = _Watch("logging", partial(_start_logging, app, undo))
            sys.meta_path.insert(0, watch)
            undo.callback(watch.stop)
        yield


def _show_warning(app: App, message: Warning | str, *_where: object, **_more: object) -> None:
    if app.level >= 0:
        app.console().say(f"{app.name}: warning: {escape(str(message))}")


def _start_logging(app: App, undo: ExitStack) -> None:
    import logging

    class Lines(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            lines = [f"{app.name}: {record.levelname.lower()}: {escape(record.getMessage())}"]
            if record.exc_info and app.debug:
                lines += map(escape, self.formatException(record.exc_info).splitlines())
            return "\n".join(lines)

    class ToScreen(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            app.console().show(self.format(record))

    class ToFile(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if app.log:
                app.log.write(self.format(record))

    level = {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}.get(app.level, logging.DEBUG)
    root = logging.getLogger()
    undo.callback(root.setLevel, root.level)
    handlers: list[logging.Handler] = [ToScreen()]
    handlers[0].setLevel(level)
    if app.log:
        handlers.append(ToFile())
        level = min(level, logging.INFO)
    root.setLevel(level)
    for handler in handlers:
        handler.setFormatter(Lines())
        undo.callback(root.removeHandler, handler)
        root.addHandler(handler)


class _Watch(Loader):
    """A finder of modules, to stand before the others, that acts when the module ``name`` is imported."""

    def __init__(self, name: str, action: Callable[[], None]) -> None:
        self._name = name
        self._action = action
        self._loader: Loader

    def find_spec(
        self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        """Have the other finders look for the module; be its loader, so as to know when it is there."""
        if name != self._name:
            return None
        from importlib.util import find_spec

        self.stop()
        spec = find_spec(name)
        if spec and spec.loader:
            self._loader, spec.loader = spec.loader, self
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Do what the loader found does."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Do what the loader found does, in its name, and then act."""
        if module.__spec__:
            module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._action()

    def stop(self) -> None:
        """Watch no longer."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

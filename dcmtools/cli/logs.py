"""Where log records go: to stderr, one escaped line each."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from dcmtools.escaping import escape

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from dcmtools.cli.app import App


def start_logging(app: App) -> Callable[[], None]:
    """Log to stderr as much as ``app.level`` says, warnings of libraries included; return the undoing."""
    import logging  # 3 ms, which --help and --version need not pay

    class Lines(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            lines = [f"{app.name}: {record.levelname.lower()}: {escape(record.getMessage())}"]
            if record.exc_info and app.debug:
                lines += map(escape, self.formatException(record.exc_info).splitlines())
            return "\n".join(lines)

    root = logging.getLogger()
    before = root.level
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    root.addHandler(handler)
    root.setLevel({-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}.get(app.level, logging.DEBUG))
    logging.captureWarnings(capture=True)

    def stop() -> None:
        logging.captureWarnings(capture=False)
        root.setLevel(before)
        root.removeHandler(handler)

    return stop

"""What is logged and warned of reaches stderr, whoever imports ``logging``, and when."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from dcmtools.cli.app import App
from dcmtools.cli.logs import LogFile, logging_of
from dcmtools.errors import UsageError

# A program of its own: under pytest the module is imported already.
LATER = """
import sys
from dcmtools.cli.app import App
from dcmtools.cli.logs import logging_of

finders = list(sys.meta_path)
assert "logging" not in sys.modules
with logging_of(App()):
    import logging.handlers
    assert sys.meta_path == finders
    assert logging.__loader__ is logging.__spec__.loader
    assert logging.__file__ == logging.__loader__.get_filename("logging")
    logging.getLogger("room").warning("\\x1b[2Jwarned")
    logging.getLogger("room").info("informed")
assert not logging.getLogger().handlers
"""
NEVER = """
import sys
from dcmtools.cli.app import App
from dcmtools.cli.logs import logging_of

finders = list(sys.meta_path)
with logging_of(App()):
    import colorsys
assert sys.meta_path == finders
assert "logging" not in sys.modules
"""


@pytest.mark.parametrize(("script", "said"), [(LATER, "dcmtools: warning: \\x1b[2Jwarned\n"), (NEVER, "")])
def test_logging_is_set_up_when_it_is_imported(script: str, said: str) -> None:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode) == (said, 0)


@pytest.mark.parametrize(("quiet", "said"), [(False, "dcmtools: warning: \\x1b[2Jold\n"), (True, "")])
def test_the_warnings_of_libraries(quiet: bool, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    app = App()
    app.quiet = quiet
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        before = warnings.showwarning
        with logging_of(app):
            warnings.warn("\x1b[2Jold", UserWarning, stacklevel=1)
        assert warnings.showwarning is before
    assert capsys.readouterr().err == said


TALKING = """
import logging, sys
from dcmtools.cli.app import App
from dcmtools.cli.logs import logging_of

app = App()
app.quiet = "quiet" in sys.argv
app.debug = "debug" in sys.argv
app.log_to(sys.argv[1])
with logging_of(app):
    room = logging.getLogger("room")
    try:
        raise KeyError("x\\ny")
    except KeyError:
        room.warning("warned of \\x1b[2J\\n", exc_info=True)
    room.info("informed")
    room.debug("debugged")
    app.console().say("said")
app.close()
"""


@pytest.mark.parametrize(
    ("how", "messages"),
    [
        ("", ["warning: warned of \\x1b[2J\\x0a", "info: informed", "said"]),
        ("quiet", ["warning: warned of \\x1b[2J\\x0a", "info: informed", "said"]),
        (
            "debug",
            ["warning: warned of \\x1b[2J\\x0a\\x0aTraceback", "info: informed", "debug: debugged", "said"],
        ),
    ],
)
def test_a_log_file(how: str, messages: list[str], tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    log.chmod(0o640)
    command = [sys.executable, "-c", TALKING, str(log), how]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    first, *lines = log.read_text().splitlines()
    assert first == "before"
    assert len(lines) == len(messages)
    for line, message in zip(lines, messages, strict=True):
        assert re.match(rf"\d{{4}}-\d\d-\d\dT[\d:.]{{12}}[+-]\d{{4}} (dcmtools: )?{re.escape(message)}", line)
    assert log.stat().st_mode & 0o777 == 0o640
    shown = [line for line in done.stderr.splitlines() if "informed" in line]
    assert bool(shown) == (how == "debug")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_log_that_cannot_be_written_does_not_end_the_work() -> None:
    told: list[str] = []
    log = LogFile("/dev/full", told.append)
    log.write("lost")
    log.write("lost, too")
    log.close()
    assert told == ["log file /dev/full is not complete: No space left on device"]


def test_a_line_that_was_cut_is_ended_before_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    log = LogFile(str(tmp_path / "log"), told.append)
    write = os.write
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:35]))
        log.write("cut in two")
    log.write("whole")
    log.close()
    assert [line[29:] for line in (tmp_path / "log").read_text().splitlines()] == ["cut in", "whole"]
    assert len(told) == 1


def test_a_pipe_is_a_log_file_if_somebody_reads_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(UsageError, match="pipe: nobody reads from it"):
        LogFile(str(pipe), print)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    log = LogFile(str(pipe), print)
    assert os.get_blocking(log._descriptor), "a reader may be slow"
    log.write("read")
    assert os.read(reader, 100).endswith(b" read\n")
    log.close()
    os.close(reader)

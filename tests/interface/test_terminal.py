"""The program on a real terminal: pages and progress, and what the keys do to them."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support import samples
from tests.support.served import DCMTOOLS
from tests.support.terminal import Terminal, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "TERM": "xterm",
    "LC_ALL": "C.UTF-8",
    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
}
# A shell that outlives Ctrl-C and says how the program ended, and whether the terminal is as it was.
REPORTING = 'trap : INT; "$@"; echo "<ended $?>"; stty -a'
ENDED = r"<ended (\d+)>(?s:.*) icanon(?s:.*) echo "
WHOLE = ["dump", str(samples.ct())]
SHORT = ["dump", "--value", "SOPInstanceUID", str(samples.ct())]

less = pytest.mark.skipif(not shutil.which("less"), reason="less is not installed")


@contextmanager
def typed(*words: object, **variables: object) -> Iterator[Terminal]:
    """Run dcmtools, or Python code, as if typed at a prompt."""
    command = ["sh", "-c", REPORTING, "sh", *map(str, words)]
    environment = {**ENVIRONMENT, **{name: str(value) for name, value in variables.items()}}
    with terminal(command, environment) as screen:
        yield screen


def status(screen: Terminal) -> int:
    found = re.search(ENDED, screen.read_until(ENDED))
    assert found
    return int(found[1])


# ---------------------------------------------------------------- the pager


@pytest.fixture
def pager(tmp_path: Path) -> Path:
    """A pager that shows all, ignores Ctrl-C, and is quit with Return."""
    script = tmp_path / "a pager"
    script.write_text(
        "#!/bin/sh\ntrap '' INT\necho \"<$LESS $1>\"\ncat\necho '<all>'\nread key </dev/tty\necho '<quit>'\n"
    )
    script.chmod(0o755)
    return script


def test_the_pager_of_the_environment(pager: Path) -> None:
    with typed(DCMTOOLS, *WHOLE, DCMTOOLS_PAGER=f"'{pager}' -x", PAGER="false") as screen:
        text = screen.read_until("PixelData")
        assert text.startswith("<FRX -x>\r\n# File meta information\r\n")
        screen.type("\n")
        assert status(screen) == 0


def test_messages_come_when_the_pager_has_been_quit(pager: Path) -> None:
    absent = "/nonexistent/file"
    with typed(DCMTOOLS, *WHOLE, absent, samples.mr(), DCMTOOLS_PAGER=f"'{pager}'") as screen:
        text = screen.read_until("PixelData(?s:.)*PixelData")
        assert absent not in text
        screen.type("\n")
        after = screen.read_until("<ended")
        assert re.search(rf"<quit>\r\ndcmtools dump: {absent}: .*\r\n2 done, 1 failed\r\n<ended", after)


def test_ctrl_c_is_the_pagers(pager: Path) -> None:
    with typed(DCMTOOLS, *WHOLE, DCMTOOLS_PAGER=f"'{pager}'") as screen:
        screen.read_until("<all>")
        for _ in range(3):
            screen.type("\x03")
            screen.read_until(r"\^C")
        screen.type("\n")
        screen.read_until("<quit>")
        assert status(screen) == 0


def test_ctrl_c_ends_the_reading_and_leaves_the_pager_open(pager: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with typed(DCMTOOLS, *WHOLE, pipe, DCMTOOLS_PAGER=f"'{pager}'") as screen:
        screen.read_until(r"PixelData.*\r\n")
        screen.type("\x03")
        screen.read_until("<all>")
        screen.type("\n")
        screen.read_until("<quit>")
        assert status(screen) == 130


@pytest.mark.parametrize(
    ("options", "variables"),
    [
        (["--no-pager"], {}),
        (["--format", "json"], {}),
        ([], {"DCMTOOLS_PAGER": ""}),
        ([], {"DCMTOOLS_DUMP_PAGER": "0"}),
        ([], {"DCMTOOLS_PAGER": "/nonexistent/pager"}),
    ],
)
def test_no_pager(options: list[str], variables: dict[str, str], pager: Path) -> None:
    with typed(DCMTOOLS, *WHOLE, *options, **{"PAGER": f"'{pager}'", **variables}) as screen:
        assert "FRX" not in screen.read_until("<ended")


@less
def test_less_shows_short_text_and_ends() -> None:
    with typed(DCMTOOLS, *SHORT) as screen:
        assert re.match(r"\r?1\.\d[\d.]+\r", screen.read_until(r"\d\r\n"))
        assert status(screen) == 0


@less
def test_less_stops_after_a_page_and_quits() -> None:
    with typed(DCMTOOLS, *WHOLE) as screen:
        assert screen.read_until(r"\r\n:").count("\n") <= 24
        screen.type("/PixelData\n")
        screen.read_until("PixelData")
        screen.type("q")
        assert status(screen) == 0


@pytest.mark.parametrize(
    ("pager", "told"),
    [
        ("false", "the pager, false, ended with status 1"),
        ("sh -c 'kill -9 $$'", "the pager, sh, ended with signal 9"),
    ],
)
def test_a_pager_that_fails_is_told_of_and_the_status_is_1(pager: str, told: str) -> None:
    with typed(DCMTOOLS, *WHOLE, PAGER=pager) as screen:
        screen.read_until(f"dcmtools dump: {told}: it may not have shown all; --no-pager does without\r\n")
        assert status(screen) == 1


# ---------------------------------------------------------------- progress

STORING = """
import logging
import os
import sys
from select import select
from dcmtools.cli.app import App
from dcmtools.errors import InputError
from dcmtools.output.reporter import OutputOptions
from dcmtools.results import Extent, Result

extent = Extent()

def work():
    while not select([0], [], [], 0.05)[0]:
        extent.tick()
    os.read(0, 1)

def results():
    work()
    extent.total = 3
    yield Result("a")
    work()
    logging.getLogger("room").warning("odd")
    yield Result.failed("[blink]b", InputError("gone"))
    work()
    yield Result("c")

app = App()
app.quiet = "-q" in sys.argv
color = "always" if "--color" in sys.argv else "auto"
status = app.report(results(), (), OutputOptions(color=color), summary="stored", extent=extent)
print("rich" if "rich" in sys.modules else "poor")
sys.exit(status)
"""


@contextmanager
def storing(*options: str, **variables: str) -> Iterator[Terminal]:
    with typed(sys.executable, "-c", STORING, *options, **variables) as screen:
        yield screen


def test_a_bar_until_the_closing_line() -> None:
    with storing() as screen:
        screen.read_until(r"\r\u2501{40} 0 ")
        screen.type("\n")
        screen.read_until(r"1/3 +[-:]+ left")
        screen.type("\n")
        screen.read_until(r"2/3 (\d\S+/s )? *1 failed")
        assert "\r\x1b[Kdcmtools: warning: odd\r\ndcmtools: [blink]b: gone\r\n" in screen.raw
        screen.resize(40)
        screen.read_until(r"(?<=\r)[^\r]{,40}\r")
        screen.type("\n")
        assert "\r2 stored, 1 failed\r\nrich" in screen.read_until("rich")
        assert status(screen) == 1


def colours(*options: str, **variables: str) -> bool:
    with storing(*options, **variables) as screen:
        screen.type("\n\n")
        screen.read_until("1 failed")
        screen.type("\n")
        screen.read_until("<ended")
        return "\x1b[31m1 failed\x1b[0m" in screen.raw


def test_failures_in_colour() -> None:
    assert colours()
    assert colours("--color", NO_COLOR="1")
    assert not colours(NO_COLOR="1")


@pytest.mark.parametrize(
    ("options", "variables"), [(["-q"], {}), ([], {"TERM": "dumb"})], ids=["quiet", "dumb"]
)
def test_no_bar(options: list[str], variables: dict[str, str]) -> None:
    with storing(*options, **variables) as screen:
        screen.type("\n\n")
        screen.read_until("gone")
        time.sleep(0.6)  # twice as long as a bar takes to come
        screen.type("\n")
        assert not re.search("\u2501|/3", screen.read_until("poor"))
        assert "\x1b" not in screen.raw


def test_a_short_run_does_not_pay_for_a_bar() -> None:
    with storing() as screen:
        screen.type("\n\n\n")
        screen.read_until("2 stored, 1 failed\r\npoor")

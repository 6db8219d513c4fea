"""Codecs that misbehave on purpose, for the processes in which files are transcoded apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

# It stands in front of imagecodecs, lets that in, and does what it is to do before the JPEG 2000 decoder.
_MODULE = """
import importlib, os, pathlib, signal, sys, time
sys.path.remove({folder!r})
del sys.modules["imagecodecs"]
importlib.invalidate_caches()
codecs = importlib.import_module("imagecodecs")
decode = codecs.jpeg2k_decode
folder = pathlib.Path({folder!r})

def wayward(data, *args, **kwargs):
    if {when}:
        (folder / "pid").write_text(str(os.getpid()))
        {does}
    return decode(data, *args, **kwargs)

codecs.jpeg2k_decode = wayward
"""
CRASHES = "os.kill(os.getpid(), signal.SIGSEGV)"
SLEEPS = "time.sleep(600)"


class Wayward:
    """A module named imagecodecs which processes that are started now find first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def does(self, does: str, when: str = "True") -> None:
        """Have the decoder of JPEG 2000 do this first, for codestreams ``data`` of which ``when`` is true."""
        text = _MODULE.format(folder=str(self.folder), does=does, when=when)
        (self.folder / "imagecodecs.py").write_text(text)

    def reforms(self) -> None:
        """Have it do as it should, in processes that are started from now on."""
        self.does("pass", "False")

    @property
    def pid(self) -> int:
        """The process that did so last; 0 before it has."""
        written = self.folder / "pid"
        return int((written.exists() and written.read_text()) or 0)


@pytest.fixture
def wayward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wayward:
    folder = tmp_path / "wayward"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return Wayward(folder)


def is_running(pid: int) -> bool:
    """Tell whether there is such a process which has not ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False

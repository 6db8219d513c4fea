"""Lists of names: their forms, and what is wrong with them."""

from __future__ import annotations

import os
import sys
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from dcmtools.files.paths import LONGEST, Paths
from dcmtools.results import Result
from tests.support.run import stream

if TYPE_CHECKING:
    from pathlib import Path


def read(paths: Paths) -> list[str]:
    """The names, failures with a mark."""
    return [f"! {item.error}" if isinstance(item, Result) else item for item in paths]


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    return tmp_path / "list"


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (b"a\nb\n", ["a", "b"]),
        (b"a\nb", ["a", "b"]),
        (b"\n\na\n\n\nb\n\n", ["a", "b"]),
        (b" a \n\t\n", [" a ", "\t"]),
        (b"a\r\n", ["a\r"]),
        (b"a\0b\nc\0", ["a", "b\nc"]),
        (b"a\nb\0", ["a\nb"]),
        (b"\0\0a\0\0b", ["a", "b"]),
        (b"\xff\xfe\n", ["\udcff\udcfe"]),
        ("\u00fc\n".encode(), ["\u00fc"]),
        (b"-\n-x\n./-\n", ["./-", "-x", "./-"]),
        (b"n" * (LONGEST - 1), ["n" * (LONGEST - 1)]),
        (b"abcdefg\n" * 20_000, ["abcdefg"] * 20_000),
        (b"abcdefg\0" * 20_000, ["abcdefg"] * 20_000),
    ],
)
def test_names_in_a_list(listed: Path, data: bytes, names: list[str]) -> None:
    listed.write_bytes(data)
    assert read(Paths(["first"], str(listed))) == ["first", *names]


def test_names_of_the_command_line_alone() -> None:
    assert list(Paths(["b", "-", "a"])) == ["b", "-", "a"]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\0\0"])
def test_a_list_that_names_nothing(listed: Path, data: bytes) -> None:
    """Never a success with nothing done."""
    listed.write_bytes(data)
    *names, failed = Paths(["a"], str(listed))
    assert names == ["a"]
    assert isinstance(failed, Result)
    assert (failed.item, str(failed.error)) == (str(listed), "no file is named in this list")
    assert failed.record == {"file": str(listed)}


@pytest.mark.parametrize("data", [b"a\n" + b"n" * LONGEST, b"a\n" + b"n" * LONGEST * 3 + b"\nb\n"])
def test_a_name_without_an_end(listed: Path, data: bytes) -> None:
    listed.write_bytes(data)
    assert read(Paths([], str(listed))) == [
        "a",
        f"! a name of {LONGEST} bytes or more: this is no list of names",
    ]


def test_a_nul_far_behind_newlines(listed: Path) -> None:
    listed.write_bytes(b"name\n" * LONGEST + b"a\0b\nc\n")
    assert read(Paths([], str(listed)))[-3:] == ["name", "! a NUL byte is no part of a name", "c"]


def test_a_list_that_cannot_be_read(listed: Path, tmp_path: Path) -> None:
    assert read(Paths(["a"], str(listed))) == ["a", "! No such file or directory"]
    assert read(Paths([], str(tmp_path))) == ["! Is a directory"]


def test_a_list_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", stream(b"a\n-\n"))
    assert read(Paths([], "-")) == ["a", "./-"]
    assert not sys.stdin.closed
    monkeypatch.setattr(sys, "stdin", None)
    assert read(Paths([], "-")) == ["! standard input is closed"]


def test_names_come_before_the_list_has_ended(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    seen, go_on = Event(), Event()

    def write() -> None:
        with pipe.open("wb") as file:
            file.write(b"0123456\n" * (LONGEST // 8))
            file.flush()
            go_on.set() if seen.wait(20) else None

    writer = Thread(target=write)
    writer.start()
    names = iter(Paths([], str(pipe)))
    assert next(names) == "0123456"
    seen.set()
    assert sum(1 for _ in names) == LONGEST // 8 - 1
    writer.join()
    assert go_on.is_set()


@pytest.mark.parametrize(
    ("named", "listed", "several"),
    [
        (["a"], None, False),
        (["-"], None, False),
        (["a", "b"], None, True),
        ([], "list", True),
        (["."], None, True),
    ],
)
def test_whether_there_can_be_several(named: list[str], listed: str | None, several: bool) -> None:
    assert Paths(named, listed).several == several


@pytest.mark.parametrize("end", [b"\n", b"\0"])
def test_names_come_as_they_are_written(end: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with open(reading) as pipe, open(writing, "wb", buffering=0) as writer:
        monkeypatch.setattr(sys, "stdin", pipe)
        names = iter(Paths((), "-"))
        for name in ("a", "b"):
            writer.write(name.encode() + end)
            assert next(names) == name

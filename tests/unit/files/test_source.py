"""Bytes to read from: files, pipes, standard input, memory."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from dcmtools.encoding.memory import MemorySource
from dcmtools.errors import InputError
from dcmtools.files.source import FileSource
from tests.support.run import stream

if TYPE_CHECKING:
    from pathlib import Path

BIG = bytes(range(256)) * 16_384  # more than a pipe holds


def refusal(path: object) -> str:
    with pytest.raises(InputError) as caught:
        FileSource.open(str(path))
    return caught.value.message


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "file"
    made.write_bytes(b"0123456789")
    return made


def test_a_file_is_read_by_offset(path: Path) -> None:
    with FileSource.open(str(path)) as source:
        assert source.size == 10
        assert source.read(3, 4) == b"3456"
        assert source.read(0, 10) == b"0123456789"
        assert source.read(10, 0) == b""


def test_what_is_not_there_is_not_read(path: Path) -> None:
    """Nor is room made for it: a header can claim 4 GiB."""
    with FileSource.open(str(path)) as source, pytest.raises(InputError, match="ends at offset 10"):
        source.read(8, 0xFFFFFFFF)


def test_a_file_that_shrinks_is_noticed(path: Path) -> None:
    with FileSource.open(str(path)) as source:
        assert source.unchanged()
        os.truncate(path, 5)
        assert source.read(0, 5) == b"01234"
        with pytest.raises(InputError, match="ended at offset 5 while it was read"):
            source.read(0, 10)
        assert not source.unchanged()
        assert source.identity[2] == 10


def test_a_file_that_is_rewritten_is_noticed(path: Path) -> None:
    with FileSource.open(str(path)) as source:
        os.utime(path, ns=(0, 0))
        assert not source.unchanged()


def test_the_descriptor_is_closed_with_the_source(path: Path) -> None:
    source = FileSource.open(str(path))
    with source:
        pass
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(source.fd)


def test_all_that_is_made_of_a_source_is_closed_with_it(path: Path) -> None:
    source = FileSource.open(str(path))
    others = [FileSource(os.dup(source.fd)) for _ in range(2)]
    for other in others:
        source.adopt(other)
    source.close()
    for each in (source, *others):
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(each.fd)


def test_a_duplicate_leaves_the_original_open(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    with FileSource.duplicate(fd) as source:
        assert source.read(0, 1) == b"0"
    assert os.pread(fd, 1, 0) == b"0"
    os.close(fd)


def test_what_cannot_be_opened_says_why(tmp_path: Path) -> None:
    assert refusal(tmp_path / "missing") == "No such file or directory"
    assert refusal(tmp_path) == "it is a folder"
    assert refusal(tmp_path / "file" / "below") == "No such file or directory"
    assert refusal("/dev/zero") == "not a regular file"
    assert refusal("/dev/null") == "not a regular file"
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert refusal(loop) == "Too many levels of symbolic links"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_file_without_permission(path: Path) -> None:
    path.chmod(0)
    assert refusal(path) == "Permission denied"


def test_no_descriptor_is_left_open_by_a_refusal(tmp_path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    for path in (tmp_path, "/dev/zero", tmp_path / "missing"):
        refusal(path)
    assert set(os.listdir("/proc/self/fd")) == before


def test_a_pipe_by_name_is_read_to_its_end(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(BIG,))
    writer.start()
    with FileSource.open(str(pipe)) as source:
        assert source.size == len(BIG)
        assert source.read(1_000_000, 4) == BIG[1_000_000:1_000_004]
        assert os.fstat(source.fd).st_nlink == 0  # nothing is left behind
        assert source.unchanged()
    writer.join()


def test_a_pipe_that_takes_the_place_of_a_file_does_not_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between finding a file and opening it."""
    pipe, file = tmp_path / "pipe", tmp_path / "file"
    os.mkfifo(pipe)
    file.touch()
    kept = os.stat(file)
    monkeypatch.setattr("dcmtools.files.source.os.stat", lambda _: kept)
    assert refusal(pipe) == "not a regular file"


SCRIPT = """
import sys
from dcmtools.files.source import FileSource
from dcmtools.errors import InputError
try:
    with FileSource.open("-") as source:
        print(source.size, source.read(0, source.size)[-3:])
except InputError as error:
    print(error)
"""


def from_stdin(redirection: str, path: Path) -> str:
    command = f'exec "$0" -c "$1" {redirection}'
    done = subprocess.run(
        ["bash", "-c", command, sys.executable, SCRIPT, str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("redirection", "said"),
    [
        ('< "$2"', "10 b'789'"),
        ('< <(cat "$2")', "10 b'789'"),
        ('< <(head -c 5 "$2"; sleep 0.2; tail -c 5 "$2")', "10 b'789'"),
        ("< <(true)", "0 b''"),
        ("< /dev/zero", "not a regular file"),
        ("< /dev/null", "not a regular file"),
        ("<&-", "standard input is closed"),
    ],
)
def test_standard_input(redirection: str, said: str, path: Path) -> None:
    assert from_stdin(redirection, path) == said


def test_standard_input_goes_on_where_somebody_has_left_it(path: Path) -> None:
    script = f'{{ head -c 3 >/dev/null; exec "$0" -c "$1"; }} < "{path}"'
    done = subprocess.run(
        ["bash", "-c", script, sys.executable, SCRIPT], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() in ("7 b'789'", "0 b''")  # head may have read ahead


def test_standard_input_without_a_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", stream(b"in memory"))
    with FileSource.open("-") as source:
        assert source.read(0, source.size) == b"in memory"


def test_no_room_for_what_comes_through_a_pipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "stdin", stream(b"in memory"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    assert refusal("-").startswith("No such file or directory")


def test_memory_is_read_by_offset() -> None:
    source = MemorySource(b"0123456789")
    assert source.size == 10
    assert source.read(3, 4) == b"3456"
    with pytest.raises(InputError, match="the data ended at offset 10"):
        source.read(8, 3)

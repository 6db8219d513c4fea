"""A data set being written: new bytes, spans of the old, streams, in whatever order; from file to file."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from dcmtools.deidentification.draft import Draft
from dcmtools.encoding.memory import MemorySource
from dcmtools.errors import InputError
from dcmtools.files.source import FileSource

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = bytes(range(256)) * 16


def mixed(draft: Draft) -> bytes:
    draft.add(b"new")
    draft.span(16, 100)
    draft.span(300, 0)
    draft.span(0, 16)
    draft.add(b"er")
    draft.stream(6, lambda: iter((b"str", b"eam")))
    return b"new" + SOURCE[16:116] + SOURCE[:16] + b"er" + b"stream"


def test_blocks() -> None:
    draft = Draft(MemorySource(SOURCE))
    expected = mixed(draft)
    assert b"".join(draft.blocks()) == b"".join(draft.blocks()) == expected
    assert draft.size == len(expected)


def test_written_out_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(SOURCE)
    with FileSource.open(str(tmp_path / "in")) as source, (tmp_path / "out").open("w+b") as out:
        draft = Draft(source)
        expected = b"meta" + mixed(draft)
        assert draft.write(out, b"meta") == len(expected)
        out.write(b"!")
    assert (tmp_path / "out").read_bytes() == expected + b"!"


@pytest.mark.parametrize("code", [errno.EXDEV, errno.ENOSYS])
def test_written_where_files_are_not_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refused(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "copy_file_range", refused)
    test_written_out_of_a_file(tmp_path)


def test_copied_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.copy_file_range
    monkeypatch.setattr(os, "copy_file_range", lambda i, o, count, at: whole(i, o, min(count, 7), at))
    test_written_out_of_a_file(tmp_path)


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "copy_file_range", full)
    with pytest.raises(OSError, match="full"):
        test_written_out_of_a_file(tmp_path)


def test_a_file_that_shrinks_is_told(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(SOURCE)
    with FileSource.open(str(path)) as source, (tmp_path / "out").open("w+b") as out:
        draft = Draft(source)
        draft.span(0, len(SOURCE))
        os.truncate(path, 100)
        with pytest.raises(InputError, match="ended"):
            draft.write(out, b"")


def test_cut_and_drop() -> None:
    draft = Draft(MemorySource(SOURCE))
    draft.add(b"abcdef")
    draft.span(0, 4)
    mark = draft.mark()
    draft.add(b"gone")
    draft.span(8, 8)
    draft.drop(mark)
    draft.cut(1, 3)
    draft.fill(0, b"X")
    assert b"".join(draft.blocks()) == b"Xef" + SOURCE[:4]
    assert draft.size == 7

"""Whether a source may go: only where another entry holds the same file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import InputError
from dcmtools.files.inputs import Input
from dcmtools.sorting.content import is_entry, may_go, same_content

if TYPE_CHECKING:
    from pathlib import Path


def written(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (b"x" * 3_000_000, b"x" * 3_000_000, True),
        (b"x" * 3_000_000, b"x" * 2_999_999 + b"y", False),
        (b"x", b"xx", False),
        (b"", b"", True),
    ],
)
def test_same_content(one: bytes, other: bytes, same: bool, tmp_path: Path) -> None:
    first, second = (written(tmp_path / name, data) for name, data in (("1", one), ("2", other)))
    assert same_content(Input(str(first)), Input(str(second))) is same


def test_absent_content(tmp_path: Path) -> None:
    one = written(tmp_path / "1", b"x")
    with pytest.raises(InputError):
        same_content(Input(str(one)), Input(str(tmp_path / "2")))


def test_one_entry_by_two_ways(tmp_path: Path) -> None:
    one = written(tmp_path / "a" / "1", b"x")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert is_entry(str(one), str(tmp_path / "b" / "1"))
    assert not may_go(str(one), str(tmp_path / "b" / "1"))
    other = tmp_path / "a" / "2"
    os.link(one, other)
    assert not is_entry(str(one), str(other))
    assert not may_go(str(one), str(tmp_path / "b" / "1"))


def test_another_name_of_the_file(tmp_path: Path) -> None:
    one = written(tmp_path / "1", b"x")
    os.link(one, tmp_path / "2")
    assert may_go(str(one), str(tmp_path / "2"))


def test_link_that_leads_to_it(tmp_path: Path) -> None:
    one = written(tmp_path / "1", b"x")
    (tmp_path / "2").symlink_to(one)
    assert not may_go(str(one), str(tmp_path / "2"))


def test_nothing_there(tmp_path: Path) -> None:
    one = written(tmp_path / "1", b"x")
    with pytest.raises(InputError):
        may_go(str(one), str(tmp_path / "2"))

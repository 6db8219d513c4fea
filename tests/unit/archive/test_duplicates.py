"""Another instance under a SOP Instance UID that is taken: replaced, or kept beside the first."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from dcmtools.archive import storage as module
from dcmtools.archive.duplicates import DuplicateError, How, Kept, OnDuplicate
from dcmtools.archive.storage import Storage
from dcmtools.errors import OutputError
from dcmtools.files.meta import file_meta
from tests.support.served import CT, EXPLICIT, data_set
from tests.support.syscalls import WatchedOs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = ("P1", "1.2.3", "1.2.3.1", "1.2.3.4")
SERIES = "P1/1.2.3/1.2.3.1"
FIRST = f"{SERIES}/1.2.3.4.dcm"
REPLACE, KEEP = OnDuplicate.REPLACE, OnDuplicate.KEEP


def instance(number: int) -> bytes:
    return file_meta(CT, "1.2.3.4", EXPLICIT, "CT1") + data_set(pixels=number.to_bytes(2, "little"))


@contextmanager
def storage(folder: Path, policy: OnDuplicate, *, durable: bool = False) -> Iterator[Storage]:
    made = Storage(str(folder), durable=durable, on_duplicate=policy)
    try:
        yield made
    finally:
        made.close()


def keep(into: Storage, number: int) -> Kept:
    with into.begin() as part:
        part.write(instance(number))
        return part.keep(*NAME)


def found(folder: Path) -> dict[str, bytes]:
    """By name: what is in the series, and in the folder of temporary files."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "lock"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


# ---------------------------------------------------------------- replace


def test_the_new_one_takes_the_place_of_the_first(tmp_path: Path) -> None:
    with storage(tmp_path, REPLACE) as into:
        assert keep(into, 1) == Kept(How.NEW, FIRST)
        assert keep(into, 2) == Kept(How.REPLACED, FIRST)
        assert found(tmp_path) == {FIRST: instance(2)}
        assert (tmp_path / FIRST).stat().st_nlink == 1


def test_the_same_one_again_replaces_nothing(tmp_path: Path) -> None:
    with storage(tmp_path, REPLACE) as into:
        keep(into, 1)
        inode = (tmp_path / FIRST).stat().st_ino
        assert keep(into, 1) == Kept(How.SAME, FIRST)
        assert (tmp_path / FIRST).stat().st_ino == inode
        assert found(tmp_path) == {FIRST: instance(1)}


def test_what_replaces_is_forced_to_disk_before_and_its_name_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with storage(tmp_path, REPLACE, durable=True) as into:
        keep(into, 1)
        watched = WatchedOs()
        monkeypatch.setattr(module, "os", watched)
        keep(into, 2)
    calls = [call.split()[0] for call in watched.calls]
    wanted = [call for call in calls if call in ("writev", "fdatasync", "link", "rename", "fsync", "unlink")]
    assert wanted == ["writev", "fdatasync", "link", "rename", "fsync"]


@pytest.mark.parametrize("call", ["rename", "fdatasync"])
def test_a_replacement_that_fails_leaves_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with storage(tmp_path, REPLACE, durable=True) as into:
        keep(into, 1)
        monkeypatch.setattr(os, call, fails)
        with pytest.raises(OutputError):
            keep(into, 2)
        assert found(tmp_path) == {FIRST: instance(1)}


@pytest.mark.parametrize("policy", [REPLACE, KEEP])
def test_a_link_is_neither_followed_nor_replaced(tmp_path: Path, policy: OnDuplicate) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"kept")
    final = tmp_path / "archive" / FIRST
    final.parent.mkdir(parents=True)
    final.symlink_to(target)
    with storage(tmp_path / "archive", policy) as into, pytest.raises(OutputError):
        keep(into, 1)
    assert final.is_symlink()
    assert target.read_bytes() == b"kept"


def test_only_a_file_is_replaced(tmp_path: Path) -> None:
    final = tmp_path / FIRST
    final.parent.mkdir(parents=True)
    os.mkfifo(final)
    with storage(tmp_path, REPLACE) as into, pytest.raises(DuplicateError):
        keep(into, 1)
    assert final.is_fifo()
    assert found(tmp_path) == {}


def test_of_many_at_once_one_stays_whole(tmp_path: Path) -> None:
    with storage(tmp_path, REPLACE) as into, ThreadPoolExecutor(8) as pool:
        assert {kept.how for kept in pool.map(lambda n: keep(into, n), range(50))} == {How.NEW, How.REPLACED}
    [(name, data)] = found(tmp_path).items()
    assert name == FIRST
    assert data in map(instance, range(50))


# ---------------------------------------------------------------- keep


def test_each_that_differs_has_a_name_with_a_number(tmp_path: Path) -> None:
    second, third = f"{SERIES}/1.2.3.4-2.dcm", f"{SERIES}/1.2.3.4-3.dcm"
    with storage(tmp_path, KEEP) as into:
        assert [keep(into, number) for number in (1, 2, 3)] == [
            Kept(How.NEW, FIRST),
            Kept(How.BESIDE, second),
            Kept(How.BESIDE, third),
        ]
        assert [keep(into, number) for number in (3, 1, 2)] == [
            Kept(How.SAME, third),
            Kept(How.SAME, FIRST),
            Kept(How.SAME, second),
        ]
        assert found(tmp_path) == {FIRST: instance(1), second: instance(2), third: instance(3)}


def test_there_is_an_end_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_BESIDE", 2)
    with storage(tmp_path, KEEP) as into:
        for number in (1, 2, 3):
            keep(into, number)
        with pytest.raises(DuplicateError, match="3 other data sets"):
            keep(into, 4)
        assert len(found(tmp_path)) == 3


def test_of_many_at_once_all_are_kept_once(tmp_path: Path) -> None:
    with storage(tmp_path, KEEP) as into, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: keep(into, number % 10), range(50)))
    assert sorted(found(tmp_path).values()) == sorted(map(instance, range(10)))


def test_what_is_kept_beside_is_forced_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with storage(tmp_path, KEEP, durable=True) as into:
        keep(into, 1)
        watched = WatchedOs()
        monkeypatch.setattr(module, "os", watched)
        keep(into, 2)
    calls = [call.split()[0] for call in watched.calls]
    wanted = [call for call in calls if call in ("fdatasync", "link", "fsync", "unlink")]
    assert wanted == ["fdatasync", "link", "link", "fsync", "unlink"]

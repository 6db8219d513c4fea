"""Files of the same bytes."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from dcmtools.comparison import sameness
from dcmtools.comparison.sameness import Room, same_ones
from dcmtools.errors import InputError
from dcmtools.files.inputs import Input
from dcmtools.files.source import FileSource
from tests.support.encoded import EVL, part10

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = 160  # more than what is before the meta


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sameness, "_BLOCK", BLOCK)
    monkeypatch.setattr(sameness, "_SMALL", 16)


def sources(folder: Path, a: bytes, b: bytes) -> tuple[FileSource, FileSource]:
    (folder / "a").write_bytes(a)
    (folder / "b").write_bytes(b)
    return FileSource.open(str(folder / "a")), FileSource.open(str(folder / "b"))


@pytest.mark.parametrize("size", [0, 1, 15, 17, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 20])
def test_any_byte_that_differs_is_found(tmp_path: Path, size: int) -> None:
    room = Room()
    data = os.urandom(size)
    for at in [None, *{0, size // 2, size - 1}]:
        other = bytearray(data)
        if at is not None and size:
            other[at] ^= 1
        with sources(tmp_path, data, bytes(other))[0] as one, FileSource.open(str(tmp_path / "b")) as two:
            assert room.has_same(one, two) is (bytes(other) == data)


def test_files_of_other_sizes_are_not_read(tmp_path: Path) -> None:
    one, other = sources(tmp_path, b"a", b"ab")
    with one, other:
        assert not Room().has_same(one, other)


def test_a_file_that_shrinks_is_not_the_same(tmp_path: Path) -> None:
    one, other = sources(tmp_path, bytes(200), bytes(200))
    os.truncate(tmp_path / "b", 10)
    with one, other, pytest.raises(InputError, match="ended at offset"):
        Room().has_same(one, other)


@pytest.fixture
def twins(tmp_path: Path) -> list[tuple[Input, Input]]:
    """Pairs of files, of which every fifth differs, one is no DICOM and one is not there."""
    found = []
    for number in range(60):
        one, other = tmp_path / f"a{number}", tmp_path / f"b{number}"
        data = part10(
            EVL.element(0x00100020, "LO", b"%04d" % number) + EVL.element(0x7FE00010, "OB", bytes(200))
        )
        one.write_bytes(data)
        other.write_bytes(data[:-1] + b"x" if number % 5 == 0 else data)
        found.append((Input(str(one)), Input(str(other))))
    for path in found[1]:
        with open(path.path, "wb") as file:
            file.write(b"no DICOM" * 100)
    os.unlink(found[2][0].path)
    return found


@pytest.mark.parametrize("jobs", [1, 2, 8])
def test_results_come_in_order_from_any_number_of_threads(
    twins: list[tuple[Input, Input]], jobs: int
) -> None:
    found = list(same_ones(twins, jobs))
    assert found == [number % 5 != 0 and number not in (1, 2) for number in range(60)]
    assert threading.active_count() == 1


def test_threads_end_with_whoever_asked(
    twins: list[tuple[Input, Input]], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, late = threading.Event(), []

    def slow(_: tuple[Input, Input], room: Room) -> bool:
        if threading.current_thread() is threading.main_thread():
            return True
        begun.set()
        for _attempt in range(2000):
            if room.closed:
                return False
            time.sleep(0.001)
        late.append(room)
        return False

    monkeypatch.setattr(sameness, "is_same_dicom", slow)
    rooms = [Room(), Room()]
    shared = sameness._Shared(twins)
    with sameness._working(shared, rooms):
        assert begun.wait(5)
    assert threading.active_count() == 1
    assert not late


def test_what_a_thread_could_not_tell_is_asked_again(
    twins: list[tuple[Input, Input]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    look = sameness.is_same_dicom

    def poor(pair: tuple[Input, Input], room: Room) -> bool:
        if threading.current_thread() is not threading.main_thread():
            raise MemoryError
        return look(pair, room)

    monkeypatch.setattr(sameness, "is_same_dicom", poor)
    assert sum(same_ones(twins, 3)) == 46

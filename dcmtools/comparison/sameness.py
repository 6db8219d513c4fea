"""Whether files hold the same bytes: what is told of most files of two trees, and at the price of reading."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from dcmtools.errors import InputError
from dcmtools.files.part10 import META_OFFSET, PREFIX_OFFSET

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from threading import Thread

    from dcmtools.files.inputs import Input
    from dcmtools.files.source import FileSource

_BLOCK: Final = 512 * 1024
_SMALL: Final = 32 * 1024
_MOST_THREADS: Final = 4
_FEW: Final = 16  # files that one thread is done with before another has begun


class Room:
    """Two blocks of memory, read into again and again: making room takes longer than reading.

    One that is ``closed`` from another thread ends what it is at.
    """

    def __init__(self) -> None:
        """Make room."""
        self._one = bytearray(_BLOCK)
        self._other = bytearray(_BLOCK)
        self.closed = False

    def has_same(self, one: FileSource, other: FileSource, *, dicom: bool = False) -> bool:
        """Tell whether two files hold the same bytes, and the prefix of ``dicom``; raises InputError."""
        if one.size != other.size or (dicom and one.size < META_OFFSET):
            return False
        for at in range(0, one.size, _BLOCK):
            if self.closed or not self._has_same_block(one, other, at):
                return False
            if dicom and not at and self._one[PREFIX_OFFSET:META_OFFSET] != b"DICM":
                return False
        return True

    def _has_same_block(self, one: FileSource, other: FileSource, at: int) -> bool:
        size = min(_BLOCK, one.size - at)
        try:
            whole = os.preadv(one.fd, [self._one], one.place(at)) >= size
            whole &= os.preadv(other.fd, [self._other], other.place(at)) >= size
        except OSError as error:
            raise InputError(error.strerror or str(error)) from error
        if not whole:
            return one.read(at, size) == other.read(at, size)
        # What stands behind a shorter piece was the same before, in most cases: a slice would be a copy.
        if size > _SMALL and self._one == self._other:
            return True
        return self._one[:size] == self._other[:size]


def is_same_dicom(pair: tuple[Input, Input], room: Room) -> bool:
    """Tell whether two inputs are DICOM files of the same bytes; whoever looks closer says what is wrong."""
    try:
        with pair[0].open() as one, pair[1].open() as other:
            return room.has_same(one, other, dicom=True)
    except InputError:
        return False


def same_ones(pairs: Sequence[tuple[Input, Input]], jobs: int) -> Iterator[bool]:
    """Yield, in their order, whether pairs of files are DICOM files of the same bytes.

    Threads do, as next to all of it is reading, in which they do not wait for each other.
    """
    threads = min(jobs, _MOST_THREADS) - 1
    if threads < 1 or len(pairs) < _FEW or any(one.archive or other.archive for one, other in pairs):
        room = Room()
        yield from (is_same_dicom(pair, room) for pair in pairs)
        return
    yield from _by_threads(pairs, threads)


class _Shared:
    """Pairs that several threads compare: whoever is free takes the next one."""

    def __init__(self, pairs: Sequence[tuple[Input, Input]]) -> None:
        """Begin with none compared."""
        self.found: list[bool | None] = [None] * len(pairs)
        self._pairs = pairs
        self._numbers = iter(range(len(pairs)))

    def work(self, room: Room) -> None:
        """Compare until there is none left, or the room is closed."""
        while not room.closed and self.step(room):
            pass

    def step(self, room: Room) -> bool:
        """Compare one; return whether there was one left."""
        number = next(self._numbers, None)
        if number is not None:
            self.found[number] = is_same_dicom(self._pairs[number], room)
        return number is not None


def _by_threads(pairs: Sequence[tuple[Input, Input]], threads: int) -> Iterator[bool]:
    shared = _Shared(pairs)
    own = Room()
    with _working(shared, [Room() for _ in range(threads)]) as workers:
        for number, pair in enumerate(pairs):
            while shared.found[number] is None and shared.step(own):
                pass
            if shared.found[number] is None:
                for worker in workers:
                    worker.join()
            same = shared.found[number]
            yield is_same_dicom(pair, own) if same is None else same


@contextmanager
def _working(shared: _Shared, rooms: Sequence[Room]) -> Iterator[Sequence[Thread]]:
    """Have a thread for each room at work until the end of the block."""
    from threading import Thread

    workers = [Thread(target=shared.work, args=(room,), daemon=True) for room in rooms]
    try:
        for worker in workers:
            worker.start()
        yield workers
    finally:
        for room in rooms:
            room.closed = True
        for worker in workers:
            if worker.ident is not None:
                worker.join()

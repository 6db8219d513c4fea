"""So many bytes a second, in whichever slices."""

from __future__ import annotations

import random
import time
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from dcmtools.net.stop import Stop
from dcmtools.scu.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def stop() -> Iterator[Stop]:
    made = Stop()
    yield made
    made.close()


def nothing() -> None:
    """See to nothing while waiting."""


class Clock:
    """A time that passes only while somebody waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("dcmtools.scu.pace.time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(Stop, "wait", lambda _, seconds: self.wait(seconds))

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return False


@pytest.mark.parametrize("rate", [1, 999, 4096, 100_000, 10**9])
def test_the_bytes_are_the_same(stop: Stop, rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch)
    blocks = [random.Random(n).randbytes(n) for n in (1, 2, 1024, 5000, 70_000)]
    pieces = list(Pace(rate, stop).paced(blocks, nothing))
    assert b"".join(pieces) == b"".join(blocks)


def test_slices_are_of_even_length(stop: Stop, monkeypatch: pytest.MonkeyPatch) -> None:
    """PS3.8 D.1: each fragment but the last is even, and a slice may become one."""
    Clock(monkeypatch)
    sizes = [len(piece) for piece in Pace(5003 * 4, stop).paced([bytes(100_000)], nothing)]
    assert len(sizes) > 10
    assert all(size % 2 == 0 for size in sizes)
    assert max(sizes) <= 5003


@pytest.mark.parametrize("rate", [2000, 50_000, 1_000_000])
def test_a_second_brings_so_many_bytes(stop: Stop, rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the first slice, which goes out at once."""
    clock = Clock(monkeypatch)
    moved = 0
    for piece in Pace(rate, stop).paced((bytes(10_000) for _ in range(rate // 1000)), nothing):
        moved += len(piece)
        assert moved <= (clock.now - 1000) * rate + max(rate // 4, 2) + 1
    assert 10 - 1 <= clock.now - 1000 <= 10


def test_all_share_one_rate(stop: Stop, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    pace = Pace(10_000, stop)
    two = [pace.paced((bytes(1000) for _ in range(20)), nothing) for _ in range(2)]
    for _ in zip(*two, strict=True):
        pass
    assert clock.now - 1000 == pytest.approx(3.9)


def test_time_that_was_not_used_is_lost(stop: Stop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that was slow for a minute does not get a minute's worth at once afterwards."""
    clock = Clock(monkeypatch)
    pace = Pace(10_000, stop)
    list(pace.paced([bytes(1000)], nothing))
    clock.now += 60
    begun = clock.now
    list(pace.paced((bytes(1000) for _ in range(20)), nothing))
    assert clock.now - begun == pytest.approx(1.9)


def test_a_wish_to_stop_ends_the_waiting(stop: Stop) -> None:
    """What is in hand can end then, as quickly as it can."""
    paced = Pace(1000, stop).paced([bytes(100_000)], nothing)
    first = next(paced)
    stop.request()
    begun = time.monotonic()
    assert len(first) + sum(map(len, paced)) == 100_000
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("rate", [1, 10, 4000])
def test_no_wait_is_long(stop: Stop, rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow rate makes small slices, and others that send take nothing from how often somebody looks."""
    clock = Clock(monkeypatch)
    looks = [clock.now]
    pace = Pace(rate, stop)
    pace._next += 100  # as after so much of what others send
    for piece in pace.paced([bytes(40)], lambda: looks.append(clock.now)):
        assert len(piece) <= max(rate // 4, 2)
    assert clock.now >= 1100
    assert max(after - before for before, after in pairwise(looks)) <= 0.5


def test_whoever_looks_may_end_it(stop: Stop, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)

    def look() -> None:
        raise ConnectionResetError

    paced = Pace(1, stop).paced([bytes(100)], look)
    next(paced)
    with pytest.raises(ConnectionResetError):
        next(paced)
    assert clock.now - 1000 <= 0.5

"""So many bytes a second, in whichever slices."""

from __future__ import annotations

import random
import time
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
    pieces = list(Pace(rate, stop).paced(blocks))
    assert b"".join(pieces) == b"".join(blocks)


def test_slices_are_of_even_length(stop: Stop, monkeypatch: pytest.MonkeyPatch) -> None:
    """PS3.8 D.1: each fragment but the last is even, and a slice may become one."""
    Clock(monkeypatch)
    sizes = [len(piece) for piece in Pace(5003 * 4, stop).paced([bytes(100_000)])]
    assert len(sizes) > 10
    assert all(size % 2 == 0 for size in sizes)
    assert max(sizes) <= 5003


@pytest.mark.parametrize("rate", [2000, 50_000, 1_000_000])
def test_a_second_brings_so_many_bytes(stop: Stop, rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the first slice, which goes out at once."""
    clock = Clock(monkeypatch)
    moved = 0
    for piece in Pace(rate, stop).paced(bytes(10_000) for _ in range(rate // 1000)):
        moved += len(piece)
        assert moved <= (clock.now - 1000) * rate + max(rate // 4, 1024) + 1
    assert 10 - 1 <= clock.now - 1000 <= 10


def test_all_share_one_rate(stop: Stop, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    pace = Pace(10_000, stop)
    two = [pace.paced(bytes(1000) for _ in range(20)) for _ in range(2)]
    for _ in zip(*two, strict=True):
        pass
    assert clock.now - 1000 == pytest.approx(3.9)


def test_time_that_was_not_used_is_lost(stop: Stop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that was slow for a minute does not get a minute's worth at once afterwards."""
    clock = Clock(monkeypatch)
    pace = Pace(10_000, stop)
    list(pace.paced([bytes(1000)]))
    clock.now += 60
    begun = clock.now
    list(pace.paced(bytes(1000) for _ in range(20)))
    assert clock.now - begun == pytest.approx(1.9)


def test_a_wish_to_stop_ends_the_waiting(stop: Stop) -> None:
    """What is in hand can end then, as quickly as it can."""
    paced = Pace(1000, stop).paced([bytes(100_000)])
    first = next(paced)
    stop.request()
    begun = time.monotonic()
    assert len(first) + sum(map(len, paced)) == 100_000
    assert time.monotonic() - begun < 5

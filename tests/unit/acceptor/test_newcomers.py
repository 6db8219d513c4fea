"""Who has to go when too many have no association yet."""

from __future__ import annotations

import resource
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from dcmtools.acceptor import newcomers as module
from dcmtools.acceptor.newcomers import Newcomers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.acceptor.newcomers import Newcomer


class Door:
    """Newcomers, and the other ends of their connections."""

    def __init__(self, held: ExitStack) -> None:
        self._held = held
        self.newcomers = Newcomers()
        self.present: list[Newcomer] = []
        self.ends: list[socket.socket] = []

    def come(self, *hosts: str) -> list[int]:
        """Have one come from each of ``hosts``; the numbers of those who were dropped for it, from 0."""
        gone = []
        for host in hosts:
            ours, theirs = socket.socketpair()
            self._held.callback(ours.close)
            self._held.callback(theirs.close)
            newcomer, dropped = self.newcomers.add(len(self.ends), host, ours)
            self._held.callback(self.newcomers.leave, newcomer)
            self.present.append(newcomer)
            self.ends.append(theirs)
            if dropped:
                gone.append(dropped.number)
        return gone

    def is_open(self, number: int) -> bool:
        self.ends[number].setblocking(False)
        try:
            return self.ends[number].recv(1) != b""
        except BlockingIOError:
            return True


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    monkeypatch.setattr(module, "_MOST", 4)
    with ExitStack() as held:
        yield Door(held)


def test_the_oldest_goes_where_all_are_from_one_address(door: Door) -> None:
    assert door.come("a", "a", "a", "a") == []
    assert door.come("a", "a") == [0, 1]
    assert [door.is_open(number) for number in range(6)] == [False, False, True, True, True, True]
    assert [each.dropped for each in door.present] == [True, True, False, False, False, False]


def test_it_is_one_of_the_address_that_has_most(door: Door) -> None:
    assert door.come("good", "crowd", "crowd", "other") == []
    assert door.come("crowd", "crowd", "crowd") == [1, 2, 4]
    assert door.is_open(0)


def test_among_equals_the_oldest_of_all(door: Door) -> None:
    assert door.come("a", "b", "c", "d", "e", "f") == [0, 1]


def test_who_has_left_is_neither_counted_nor_dropped(door: Door) -> None:
    door.come("a", "a", "a", "a")
    door.newcomers.leave(door.present[0])
    assert door.come("a") == []
    assert door.come("a") == [1]
    assert door.is_open(0)
    assert not door.present[0].dropped


@pytest.mark.parametrize(
    ("soft", "most"), [(resource.RLIM_INFINITY, 256), (20_000, 256), (1024, 256), (256, 64), (3, 1)]
)
def test_few_descriptors_are_shared(monkeypatch: pytest.MonkeyPatch, soft: int, most: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))
    assert Newcomers().most == most

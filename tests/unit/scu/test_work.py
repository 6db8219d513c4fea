"""What is still to be sent: nothing may be forgotten, nothing taken twice."""

from __future__ import annotations

import time
from threading import Barrier, Thread

import pytest

from dcmtools.files.inputs import Input
from dcmtools.files.instance import Instance
from dcmtools.scu.work import Attempt, Batch, Work


def instance(number: int) -> Instance:
    return Instance(Input(f"{number}"), "1.2", f"2.25.{number}", "1.2.840.10008.1.2", 0, 0, (0, 0))


def batch(*numbers: int, exclusive: bool = False) -> Batch:
    return Batch([], [instance(number) for number in numbers], exclusive=exclusive)


def taken(work: Work, chosen: Batch) -> list[str]:
    paths = []
    while attempt := work.take(chosen):
        paths.append(attempt.instance.path)
    return paths


def chosen(work: Work) -> Batch:
    found, wait = work.choose()
    assert found is not None
    assert wait == 0
    return found


def test_batches_and_what_they_hold_come_in_order() -> None:
    first, second = batch(1, 2), batch(3)
    work = Work([first, second])
    assert chosen(work) is first
    assert taken(work, first) == ["1", "2"]
    work.release(first)
    assert chosen(work) is second
    assert taken(work, second) == ["3"]
    work.release(second)
    assert work.choose() == (None, 0)
    assert work.rest() == []


def test_no_work_is_over_at_once() -> None:
    assert Work([]).choose() == (None, 0)
    assert not Work([]).is_wanted()


def test_an_exclusive_batch_is_on_one_association_at_a_time() -> None:
    first, second = batch(1, 2, exclusive=True), batch(3, exclusive=True)
    work = Work([first, second])
    assert chosen(work) is first
    assert chosen(work) is second
    assert work.choose() == (None, 0)
    work.release(first)
    assert chosen(work) is first


def test_another_batch_is_on_as_many_as_there_are() -> None:
    shared = batch(1, 2)
    work = Work([shared])
    assert [chosen(work) for _ in range(3)] == [shared] * 3


def test_what_is_not_due_is_waited_for() -> None:
    only = batch(1)
    work = Work([only])
    attempt = work.take(chosen(work))
    assert attempt is not None
    work.put_back(only, attempt._replace(number=2, due=time.monotonic() + 30))
    work.release(only)
    assert work.take(only) is None
    found, wait = work.choose()
    assert found is None
    assert 29 < wait <= 30
    assert work.is_wanted()
    assert [left.number for left in work.rest()] == [2]


def test_the_shortest_wait_of_all_batches() -> None:
    now = time.monotonic()
    batches = [batch(), batch(), batch()]
    work = Work(batches)
    for each, due in zip(batches, (50, 20, 90), strict=True):
        work.put_back(each, Attempt(instance(1), due=now + due))
    found, wait = work.choose()
    assert found is None
    assert 19 < wait <= 20


def test_what_is_due_goes_past_what_is_not() -> None:
    """None is lost by it, and those that wait keep their order."""
    only = batch(1, 2, 3, 4)
    work = Work([only])
    attempts = [work.take(only) for _ in range(2)]
    for attempt in attempts:
        assert attempt is not None
        work.put_back(only, attempt._replace(due=time.monotonic() + 30))
    assert taken(work, only) == ["3", "4"]
    assert [left.instance.path for left in work.rest()] == ["1", "2"]
    assert work.choose()[0] is None


def test_an_attempt_whose_time_has_come_is_taken() -> None:
    only = batch()
    work = Work([only])
    work.put_back(only, Attempt(instance(1), 2, time.monotonic()))
    assert chosen(work) is only
    assert taken(work, only) == ["1"]


def test_what_was_only_prepared_goes_next() -> None:
    only = batch(1, 2, 3)
    work = Work([only])
    attempt = work.take(only)
    assert attempt is not None
    work.put_back(only, attempt)
    assert taken(work, only) == ["1", "2", "3"]


@pytest.mark.parametrize("exclusive", [False, True])
def test_what_another_has_in_hand_may_still_come_back(exclusive: bool) -> None:
    """A batch with nothing left in it is not forgotten while somebody may put an attempt back."""
    only = batch(1, exclusive=exclusive)
    work = Work([only])
    users = [chosen(work)] + ([] if exclusive else [chosen(work)])
    attempt = work.take(only)
    assert attempt is not None
    for _ in users[1:]:
        work.release(only)
    assert work.choose() == (None, 0)
    assert not work.is_wanted()
    work.put_back(only, attempt._replace(number=2, due=time.monotonic()))
    work.release(only)
    assert chosen(work) is only
    assert [left.number for left in work.rest()] == [2]


def test_nothing_is_wanted_once_all_is_lost() -> None:
    from dcmtools.errors import DcmtoolsError

    work = Work([batch(1)])
    assert work.is_wanted()
    work.lost = DcmtoolsError("over")
    assert not work.is_wanted()


def test_many_threads_take_each_instance_once() -> None:
    """Some of it is put back once; all of it is taken in the end."""
    batches = [Batch([], map(instance, range(at, at + 100)), exclusive=at == 100) for at in (0, 100, 200)]
    work = Work(batches)
    seen: list[list[Attempt]] = [[] for _ in range(4)]
    start = Barrier(len(seen))

    def run(mine: list[Attempt]) -> None:
        start.wait()
        while True:
            found, wait = work.choose()
            if found is None and not wait:
                return
            while found and (attempt := work.take(found)):
                if attempt.number == 1 and int(attempt.instance.path) % 7 == 0:
                    work.put_back(found, attempt._replace(number=2, due=time.monotonic() + 0.001))
                else:
                    mine.append(attempt)
            if found:
                work.release(found)

    threads = [Thread(target=run, args=(mine,)) for mine in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    attempts = [attempt for mine in seen for attempt in mine]
    assert sorted(int(attempt.instance.path) for attempt in attempts) == list(range(300))
    assert {attempt.number for attempt in attempts if int(attempt.instance.path) % 7 == 0} == {2}
    assert work.rest() == []

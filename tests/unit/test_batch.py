"""The process pool. What has it at work runs in a process of its own, as test runners have threads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dcmtools import batch

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = """
import os, sys, time
from dcmtools import batch
from dcmtools.errors import InputError

here = os.getpid()

def operation(item):
    if item == 300 and {kills}:
        os._exit(3)
    if item == 310 and {raises}:
        raise InputError("no good", hint="another one")
    time.sleep(0.0005)
    return item, os.getpid()

{program}
"""
ALL = """
results = list(batch.run(operation, range(600), 2, lambda item: (item, 0)))
assert [item for item, _ in results] == list(range(600))
print(len({pid for _, pid in results} - {here, 0}), sum(not pid for _, pid in results), results[0][1] == here)
"""


def _run(
    program: str, *, kills: bool = False, raises: bool = False, timeout: int = 60
) -> subprocess.CompletedProcess[str]:
    script = SCRIPT.format(program=program, kills=kills, raises=raises)
    return subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=timeout
    )


def _worker_ends_with_killed_parent(program: str) -> bool:
    """Tell whether the worker whose number ``program`` prints ends once that is killed."""
    script = SCRIPT.format(program=program, kills=False, raises=False)
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        worker = int(process.stdout.readline())
        process.kill()
        process.wait(30)
        return _ended(worker)


def test_a_long_run_is_shared_in_order() -> None:
    assert _run(ALL).stdout == "2 0 True\n"


def test_a_worker_that_dies_costs_its_item_only() -> None:
    ended = _run(ALL, kills=True)
    workers, lost, begun_here = ended.stdout.split()
    assert (int(workers) > 2, lost, begun_here) == (True, "1", "True")


def test_what_the_operation_raises_ends_the_run_whole() -> None:
    program = """
try:
    list(batch.run(operation, range(600), 2, lambda item: (item, 0)))
except InputError as error:
    print(error.message, error.hint, error.status)
"""
    assert _run(program, raises=True).stdout == "no good another one 3\n"


def test_workers_end_with_a_run_that_is_left() -> None:
    program = """
from multiprocessing import active_children
results = batch.run(operation, range(600), 2, lambda item: (item, 0))
for item, pid in results:
    if pid != here:
        break
print(len(active_children()))
results.close()
print(len(active_children()))
"""
    assert _run(program).stdout == "2\n0\n"


APART = """
def operation(item):
    if item in {kills}:
        os.kill(os.getpid(), 9)
    return item, os.getpid()

results = list(batch.run(operation, range({count}), {jobs}, lambda item: (item, 0), apart=True))
assert [item for item, _ in results] == list(range({count}))
print([item for item, pid in results if not pid], here in [pid for _, pid in results])
print(batch.alone(operation, 77, lambda item: (item, 0))[1] not in (0, here))
print(batch.alone(operation, {kills}[0], lambda item: (item, 0))[1])
"""


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize(("count", "kills"), [(1, [0]), (5, [1, 4]), (40, [7])])
def test_what_may_kill_is_done_apart(jobs: int, count: int, kills: list[int]) -> None:
    ended = _run(APART.format(jobs=jobs, count=count, kills=kills))
    assert ended.stdout == f"{kills} False\nTrue\n0\n", ended.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")
def test_workers_end_with_a_parent_that_is_killed() -> None:
    program = """
for item, pid in batch.run(operation, range(10**9), 2, lambda item: (item, 0)):
    if pid != here:
        print(pid, flush=True)
        sys.stdin.read()
"""
    assert _worker_ends_with_killed_parent(program)


STUBBORN = """
batch._GRACE = 0.1

def stubborn(item):
    if item != 300:
        return time.sleep(0.0005)
    print(os.getpid(), flush=True)
    while True:
        try:
            time.sleep(60)
        except KeyboardInterrupt:  # as if it came in native code
            pass

def watched():
    yield from range(400)
    {then}
    raise InputError("enough")

try:
    list(batch.run(stubborn, watched(), 2, lambda item: None))
except InputError:
    print("ended", flush=True)
"""


def test_workers_that_pass_over_their_signal_end_all_the_same() -> None:
    worker, ended = _run(STUBBORN.format(then="time.sleep(0.5)")).stdout.split()
    assert ended == "ended"
    assert not Path(f"/proc/{worker}").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")
def test_workers_that_pass_over_their_signal_end_with_a_parent_that_is_killed() -> None:
    program = STUBBORN.format(then="sys.stdin.read()")
    assert _worker_ends_with_killed_parent(program)


def test_workers_that_have_hardly_begun_end_in_silence() -> None:
    """Whatever the process does with a signal itself."""
    program = """
import signal
signal.signal(signal.SIGTERM, signal.default_int_handler)
adopt = batch._adopt

def slowly(operation):
    time.sleep(os.getpid() % 2 / 2)
    adopt(operation)

batch._adopt = slowly
results = batch.run(operation, range(1), 8, lambda item: None, apart=True)
print(next(results)[0])
results.close()
"""
    ended = _run(program)
    assert (ended.stdout, ended.stderr) == ("0\n", "")


CTRL_C = """
import signal, subprocess

def slow(item):
    if item >= 70:
        time.sleep(60)
    return operation(item)[0]

told = []
try:
    left = {{"left": lambda item: -item, "apart": {apart}}}
    for result in batch.run(slow, range(1000), {jobs}, lambda item: None, **left):
        told.append(result)
        if len(told) == 33:
            subprocess.Popen(["sh", "-c", f"sleep 0.5; kill -INT {{here}}"])
except KeyboardInterrupt:
    done = len([item for item in told if item >= 0])
    print(told == [*range(done), *(-item for item in range(done, len(told)))], done, len(told) - done)
"""


@pytest.mark.parametrize(
    ("jobs", "apart", "told"),
    [
        (1, False, "True 70 1"),
        (1, True, "True 70 3"),
        (2, True, "True 70 6"),
        (2, False, f"True {{done}} {2 * 3 * 32}"),
    ],
)
def test_ctrl_c_tells_what_is_left_of_what_was_begun(jobs: int, apart: bool, told: str) -> None:
    """Of chunks that are not done all is left: what was done of them is not known."""
    result = _run(CTRL_C.format(jobs=jobs, apart=apart)).stdout
    assert result == told.format(done=result.split()[1]) + "\n"


def _ended(pid: int) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        status = Path(f"/proc/{pid}/status")
        if not status.exists() or "\nState:\tZ" in status.read_text():
            return True
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    return False


def test_a_short_run_stays_here() -> None:
    assert list(batch.run(lambda item: (item, os.getpid()), range(3), 2, lambda item: (item, 0))) == [
        (item, os.getpid()) for item in range(3)
    ]


def test_a_process_with_threads_does_not_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "PATIENCE", 0)
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        pids = set(batch.run(lambda _item: os.getpid(), range(100), 2, lambda _item: 0))
    finally:
        done.set()
        thread.join()
    assert pids == {os.getpid()}


def test_items_are_taken_as_they_are_needed() -> None:
    taken = []

    def items() -> Iterator[int]:
        for item in range(10):
            taken.append(item)
            yield item

    results = batch.run(lambda item: item, items(), 1, lambda item: item)
    assert next(results) == 0
    assert taken == [0]


def test_results_that_would_fill_the_memory_are_made_where_they_are_wanted() -> None:
    program = """
def large(item):
    time.sleep(0.0005)
    return item, os.getpid(), bytes(batch._MOST if 200 < item < 400 else 1)

sizes = []
completed = batch._completed
def seen(operation, chunk, done):
    sizes.append(sum(map(len, done)))
    return completed(operation, chunk, done)
batch._completed = seen
results = [(item, pid) for item, pid, _ in batch.run(large, range(600), 2, lambda item: (item, 0, b""))]
assert [item for item, _ in results] == list(range(600))
here_only = [item for item, pid in results if pid == here]
print(max(sizes) <= batch._MOST, set(range(201, 400)) <= set(here_only), len(here_only) < 500)
"""
    assert _run(program).stdout == "True True True\n"


def test_a_worker_that_is_told_to_end_tidies_up(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
def untidy(item):
    path = Path({str(tmp_path)!r}, str(os.getpid()))
    try:
        if os.getpid() != here:
            path.touch()
            time.sleep(60)
        return time.sleep(0.0005)
    finally:
        path.unlink(missing_ok=True)

def watched():
    yield from range(300)
    while not os.listdir({str(tmp_path)!r}):
        time.sleep(0.01)
    print(len(os.listdir({str(tmp_path)!r})) > 0, flush=True)
    raise InputError("enough")

try:
    list(batch.run(untidy, watched(), 8, lambda item: None))
except InputError:
    print(os.listdir({str(tmp_path)!r}))
"""
    ended = _run(program)
    assert (ended.stdout, ended.stderr) == ("True\n[]\n", "")


def test_a_worker_that_ends_while_it_hands_over_holds_nobody_up(tmp_path: Path) -> None:
    program = f"""
import gc
from multiprocessing.queues import SimpleQueue
from pathlib import Path
def handing_over(item):
    if os.getpid() == here:
        return time.sleep(0.0005)
    (queue,) = [each for each in gc.get_objects() if isinstance(each, SimpleQueue)]
    os.write(queue._writer.fileno(), (1000).to_bytes(4, "big") + b"the beginning")
    Path({str(tmp_path)!r}, str(os.getpid())).touch()
    time.sleep(60)

def watched():
    yield from range(100)
    while not os.listdir({str(tmp_path)!r}):
        time.sleep(0.01)
    raise InputError("enough")

try:
    list(batch.run(handing_over, watched(), 2, lambda item: None))
except InputError:
    print("ended")
"""
    assert _run(program, timeout=20).stdout == "ended\n"


def test_waiting_for_items_is_no_work_to_share() -> None:
    program = """
def slow():
    for item in range(40):
        time.sleep(0.002)
        yield item

print({pid for _, pid in batch.run(lambda item: (item, os.getpid()), slow(), 2, lambda item: None)} == {here})
"""
    assert _run(program).stdout == "True\n"

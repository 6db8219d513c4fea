"""Many items over the processors: the one owner of the process pool.

The first items are worked on in this process; a run that takes longer is shared with forked workers, which
so inherit all that was learnt. Results come in the order of the items. A worker that dies costs its item,
not the run.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor, Future

T = TypeVar("T")
R = TypeVar("R")

PATIENCE: Final = 0.02  # seconds; a pool takes about as long to start
_CHUNK: Final = 32
_SLICE: Final = 0.2  # seconds
_WINDOW: Final = 3  # chunks for each worker that may be ahead of the results
_MOST: Final = 4 * 1024 * 1024  # bytes of results that a worker hands over at once
_GRACE: Final = 3.0  # seconds that a worker has to tidy up

_adopted: list[Callable[[Any], Any]] = []  # a worker's own operation


class Sharing(NamedTuple):
    """When items are for workers: after ``patience`` seconds of work, up to ``most`` of them at a time."""

    patience: float = PATIENCE
    most: int = _CHUNK


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def run(
    operation: Callable[[T], R],
    items: Iterable[T],
    jobs: int,
    lost: Callable[[T], R],
    *,
    apart: bool = False,
    left: Callable[[T], R] | None = None,
    sharing: Sharing | None = None,
) -> Iterator[R]:
    """Yield ``operation(item)`` for each of ``items``, in their order, from up to ``jobs`` processes.

    Items and results have to be picklable. Results that would fill the memory while they wait are made again
    by this process. ``lost`` makes the result for an item whose worker died; what the operation raises ends
    the run. Outside of Linux, and in a process with threads, where forking is not
    safe, this process does it all; else until it is time for ``sharing``.

    Items that are worked on ``apart`` may take a process down with them: they are all for workers, one by
    one, be there ever so few.

    Where Ctrl-C ends the run, what is done already is yielded, and what ``left`` makes of each item that was
    begun or waited to be, before KeyboardInterrupt is raised.
    """
    if apart and _can_fork():
        yield from _shared(operation, iter(items), jobs, lost, most=1, left=left)
        return
    patience, most = sharing or Sharing()
    spent = 0.0  # on work, not on waiting for items
    stream = iter(items)
    for item in stream:
        begun = time.monotonic()
        try:
            result = operation(item)
        except KeyboardInterrupt:
            yield from map(left, [item]) if left else ()
            raise
        spent += time.monotonic() - begun
        yield result
        if jobs > 1 and spent >= patience and _can_fork():
            ahead = list(islice(stream, most))
            if len(ahead) == most:
                yield from _shared(operation, chain(ahead, stream), jobs, lost, most=most, left=left)
            else:
                yield from run(operation, ahead, 1, lost, left=left)


def _can_fork() -> bool:
    from threading import active_count

    return sys.platform == "linux" and active_count() == 1


def alone(operation: Callable[[T], R], item: T, lost: Callable[[T], R]) -> R:
    """Return ``operation(item)`` from a process for this item; see ``run`` for the rest."""
    if not _can_fork():
        return operation(item)
    return next(_one_by_one(operation, [item], lost))


def _shared(
    operation: Callable[[T], R],
    stream: Iterator[T],
    jobs: int,
    lost: Callable[[T], R],
    *,
    most: int = _CHUNK,
    left: Callable[[T], R] | None = None,
) -> Iterator[R]:
    size = most
    chunks = iter(lambda: list(islice(stream, size)), [])
    ahead: deque[tuple[list[T], Future[list[bytes]] | None]] = deque()
    pool = _pool(operation, jobs)
    try:
        while True:
            for chunk in islice(chunks, jobs * _WINDOW - len(ahead)):
                ahead.append((chunk, _submitted(pool, chunk)))
            if not ahead:
                return
            chunk, future = ahead[0]
            if (done := _results(future)) is not None:
                ahead.popleft()
                size = min(most, 2 * size) if len(done) == len(chunk) else max(1, len(done))
                yield from _completed(operation, chunk, done)
                continue
            _stop(pool)
            while ahead:
                chunk, future = ahead.popleft()
                done = _results(future)
                yield from (
                    _one_by_one(operation, chunk, lost)
                    if done is None
                    else _completed(operation, chunk, done)
                )
            pool = _pool(operation, jobs)
    except KeyboardInterrupt:
        ready = [(chunk, _results(future) if future and future.done() else None) for chunk, future in ahead]
        _stop(pool)
        for chunk, done in ready:
            yield from _kept(chunk, done or [], left)
        raise
    finally:
        _stop(pool)


def _kept(chunk: list[T], done: list[bytes], left: Callable[[T], R] | None) -> Iterator[R]:
    """Yield the results of a chunk that there are, and what is ``left`` of it."""
    from pickle import loads

    yield from map(loads, done)
    if left:
        yield from map(left, chunk[len(done) :])


def _one_by_one(operation: Callable[[T], R], items: list[T], lost: Callable[[T], R]) -> Iterator[R]:
    """Have a worker of its own for each item; the one that kills it again is lost."""
    for item in items:
        pool = _pool(operation, 1)
        try:
            done = _results(_submitted(pool, [item]))
        finally:
            _stop(pool)
        yield from [lost(item)] if done is None else _completed(operation, [item], done)


def _completed(operation: Callable[[T], R], chunk: list[T], done: list[bytes]) -> Iterator[R]:
    """Yield the results that a worker has handed over for a chunk, and make those that it has not."""
    from pickle import loads

    yield from map(loads, done)
    yield from map(operation, chunk[len(done) :])


def _pool(operation: Callable[[T], R], jobs: int) -> Executor:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    return ProcessPoolExecutor(jobs, get_context("fork"), _adopt, (operation,))


def _submitted(pool: Executor, chunk: list[T]) -> Future[list[bytes]] | None:
    """Have the pool work on ``chunk``; return None where its workers died.

    They are forked at the first one, and hear of no signal before they know what to do with it.
    """
    import signal
    from concurrent.futures import BrokenExecutor

    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        return pool.submit(_work, chunk)
    except BrokenExecutor:
        return None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _results(future: Future[list[bytes]] | None) -> list[bytes] | None:
    """Return the results, None where the worker died before they were there."""
    from concurrent.futures import BrokenExecutor

    while future:
        try:
            return future.result(_SLICE)
        except TimeoutError:  # a signal that came to another thread is heeded between two waits only
            if future.done():
                raise  # the operation's own
        except BrokenExecutor:
            break
    return None


def _stop(pool: Executor) -> None:
    """End the workers, whatever they are at, be it native code that heeds no signal."""
    from multiprocessing import active_children
    from multiprocessing.connection import wait

    workers = active_children()
    for worker in workers:
        worker.terminate()
    until = time.monotonic() + _GRACE
    for worker in workers:
        if not wait([worker.sentinel], max(0.0, until - time.monotonic())):
            worker.kill()
    if results := getattr(pool, "_result_queue", None):
        # Of a result that a worker was handing over when it ended the rest never comes: with our own end of
        # the pipe open, the pool would wait for it.
        results._writer.close()
    pool.shutdown(cancel_futures=True)


def _adopt(operation: Callable[[Any], Any]) -> None:
    """Begin as a worker: the signals of the terminal are for the parent, without which there is no work."""
    import signal
    from threading import Thread

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _adopted.append(operation)
    Thread(target=_end_with_parent, daemon=True).start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))


def _end_with_parent() -> None:
    import signal
    from multiprocessing import parent_process

    if parent := parent_process():
        parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE)  # native code may pass over what the handler raises
    os.kill(os.getpid(), signal.SIGKILL)


def _work(chunk: list[Any]) -> list[bytes]:
    """Return the results for the beginning of ``chunk``, as many as can be kept until they are wanted.

    A worker that is told to end tidies up what it is at: a file half written does not stay behind.
    """
    import signal

    try:
        signal.signal(signal.SIGTERM, _give_up)
        return _worked(chunk)
    except KeyboardInterrupt:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
        raise
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _give_up(*_: object) -> NoReturn:
    import signal

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def _worked(chunk: list[Any]) -> list[bytes]:
    from pickle import dumps

    (operation,) = _adopted
    done: list[bytes] = []
    left = _MOST
    for item in chunk:
        result = dumps(operation(item))
        left -= len(result)
        if left < 0:
            break
        done.append(result)
    return done

"""Results on their way from the threads that work on associations to the one that reports them."""

from __future__ import annotations

import os
import select
from contextlib import suppress
from functools import partial
from queue import Empty, Queue
from threading import Lock, Thread
from typing import TYPE_CHECKING, Final, TypeAlias

from dcmtools.results import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dcmtools.net.stop import Stop

    Item: TypeAlias = Result | BaseException | None

# Whoever puts in more waits for the reader.
_MOST: Final = 1000
_SLICE: Final = 0.2


class Outbox:
    """A queue with a file descriptor, so that its reader hears of signals too.

    Python answers a signal in the main thread only, whichever thread the system interrupts: there a wait for
    a lock might never end.
    """

    def __init__(self, stop: Stop, tick: Callable[[], None] | None = None) -> None:
        """Have requests of ``stop`` end the waits of the reader, who goes on waiting.

        While it waits it calls ``tick`` a few times a second.
        """
        self._stop = stop
        self._tick = tick
        self._items: Queue[Item] = Queue(_MOST)
        self._lock = Lock()
        self._open = True
        self._fd, self._wake_fd = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def __enter__(self) -> Outbox:
        """Use it in a ``with`` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the pipe behind it; what is put in later is lost."""
        with self._lock:
            self._open = False
            os.close(self._fd)
            os.close(self._wake_fd)

    def put(self, item: Item) -> None:
        """Pass ``item`` on; wait where there are too many."""
        self._items.put(item)
        with self._lock:  # a thread that was given up must not write where another file is by now
            if self._open:
                with suppress(BlockingIOError):  # the pipe is full, so the reader is awake already
                    os.write(self._wake_fd, b"!")

    def results_of(self, works: Sequence[Callable[[], None]]) -> Iterator[Result]:
        """Do each of ``works`` in a thread; yield what they put in, and at the end raise what one raised."""
        threads = [Thread(target=self._do, args=(work,), daemon=True) for work in works]
        for thread in threads:
            thread.start()
        raised: BaseException | None = None
        try:
            for _ in threads:
                while isinstance(item := self._get(), Result):
                    yield item
                raised = raised or item
            for thread in threads:
                thread.join()
            if raised is not None:
                raise raised
        finally:
            if any(thread.is_alive() for thread in threads):  # whoever wanted the results has gone
                self._stop.request()
            while any(thread.is_alive() for thread in threads):
                with suppress(Empty):
                    self._items.get(timeout=_SLICE)

    def _do(self, work: Callable[[], None]) -> None:
        end = None
        try:
            work()
        except BaseException as error:  # raised in the thread that can tell
            end = error
        self.put(end)

    def _get(self) -> Item:
        watch = select.poll()
        watch.register(self._fd, select.POLLIN)
        watch.register(self._stop.fd, select.POLLIN)
        while True:
            with suppress(Empty):
                return self._items.get_nowait()
            if self._stop.count:  # from now on its descriptor is always ready
                with suppress(KeyError):
                    watch.unregister(self._stop.fd)
            watch.poll(1000 * _SLICE if self._stop.count or self._tick else None)
            if self._tick:
                self._tick()
            with suppress(BlockingIOError):
                os.read(self._fd, _MOST)


def merged(
    works: Sequence[Callable[[], Iterator[Result]]], stop: Stop, tick: Callable[[], None] | None = None
) -> Iterator[Result]:
    """Yield what each of ``works`` yields, each in a thread of its own where there are several.

    Those must not draw on a terminal: ``tick``, which may, is called now and then while they are at work.
    """
    if len(works) == 1:
        yield from works[0]()
        return
    with Outbox(stop, tick) as outbox:

        def run(work: Callable[[], Iterator[Result]]) -> None:
            for result in work():
                outbox.put(result)

        yield from outbox.results_of([partial(run, work) for work in works])

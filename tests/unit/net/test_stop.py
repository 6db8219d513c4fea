"""The wish to stop: counted, and seen by every wait."""

from __future__ import annotations

import os
import resource
import select
import threading
import time
from contextlib import ExitStack

import pytest

from dcmtools.net.stop import Stop


def test_requests_are_counted_and_stay_visible() -> None:
    stop = Stop()
    assert not stop.wait(0)
    for count in (1, 2):
        stop.request()
        assert stop.count == count
        assert stop.wait(0)
        assert select.select([stop.fd], [], [], 0)[0]
    stop.close()


def test_a_request_ends_a_wait() -> None:
    stop = Stop()
    timer = threading.Timer(0.05, stop.request)
    timer.start()
    begun = time.monotonic()
    assert stop.wait(8)
    assert time.monotonic() - begun < 2
    timer.join()
    stop.close()


def test_a_wait_ends_by_itself() -> None:
    stop = Stop()
    begun = time.monotonic()
    assert not stop.wait(0.05)
    assert time.monotonic() - begun >= 0.05
    stop.close()


def test_requests_without_end_never_block() -> None:
    """A signal handler may call it any number of times: the pipe fills up."""
    stop = Stop()
    for _ in range(100_000):
        stop.request()
    assert stop.count == 100_000
    stop.close()


def test_closing_closes_both_ends() -> None:
    stop = Stop()
    fd = stop.fd
    stop.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_a_program_with_many_open_files_can_wait() -> None:
    """select() knows no descriptors from 1024 on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 1200:
        pytest.skip("the system allows too few open files")
    with ExitStack() as open_files:
        open_files.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1200), hard))
        for _ in range(1030):
            open_files.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        stop = Stop()
        assert stop.fd >= 1024
        assert not stop.wait(0)
        stop.close()

"""Time two commands side by side: in turns, as whole processes, in one run; what counts is their ratio."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

# A user's shell has neither: the one forbids the bytecode cache, the other slows every write.
NOT_INHERITED = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
DCMTOOLS = str(Path(sys.executable).with_name("dcmtools"))
BARE_PYTHON = (sys.executable, "-c", "pass")


@dataclass(frozen=True)
class Command:
    """A command line, and a check that it did its work: run after each round, outside of the time."""

    label: str
    argv: Sequence[str | Path]
    env: Mapping[str, str] = field(default_factory=dict)
    check: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Time:
    wall: float
    cpu: float


def run(command: Command) -> Time:
    """One run from start to exit; user and system time include those of its children."""
    kept = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    argv = [str(word) for word in command.argv]
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=kept | dict(command.env),
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)  # Popen must not wait for it again
        if process.returncode != 0:
            errors.seek(0)
            said = errors.read().decode(errors="replace")[-2000:]
            raise RuntimeError(f"{command.label}: exit {process.returncode}: {' '.join(argv[:6])}\n{said}")
    command.check()
    return Time(wall, usage.ru_utime + usage.ru_stime)


def peak_memory(command: Command) -> float:
    """Return the most that ``command`` has in memory, in megabytes.

    A small process starts it: what is measured of a process begins with what its parent had.
    """
    script = (
        "import resource as r, subprocess as s, sys; s.run(sys.argv[1:], check=True, stdout=s.DEVNULL);"
        "print(r.getrusage(r.RUSAGE_CHILDREN).ru_maxrss)"
    )
    words = [sys.executable, "-c", script, *map(str, command.argv)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return int(done.stdout) / 1000


def compare(title: str, a: Command, b: Command, *, rounds: int = 7, goal: float | None = None) -> bool:
    """Print the times of both and the ratio A/B; False when it misses the goal."""
    for command in (a, b):
        run(command)  # caches are warm for both
    pairs = [(run(a), run(b)) for _ in range(rounds)]
    ratio = median(one.wall for one, _ in pairs) / median(other.wall for _, other in pairs)
    ratios = [one.wall / other.wall for one, other in pairs]
    met = goal is None or ratio <= goal
    verdict = "" if goal is None else f", goal at most {goal:g}: {'met' if met else 'MISSED'}"
    print(f"{title} ({rounds} rounds)")
    for command, times in ((a, [one for one, _ in pairs]), (b, [other for _, other in pairs])):
        print(f"  {command.label:<24} {_spread(times)}")
    print(f"  ratio {ratio:.3f} ({min(ratios):.3f}-{max(ratios):.3f}){verdict}", flush=True)
    return met


def _spread(times: Sequence[Time]) -> str:
    walls = [1000 * each.wall for each in times]
    cpu = 1000 * median(each.cpu for each in times)
    return f"{median(walls):9.1f} ms ({min(walls):.1f}-{max(walls):.1f}), cpu {cpu:.1f} ms"


@contextmanager
def fast_folder() -> Iterator[Path]:
    """A temporary folder in memory where there is one, so that no disk is measured."""
    memory = Path("/dev/shm")  # noqa: S108 - it only chooses where the random name is made
    with tempfile.TemporaryDirectory(prefix="bench", dir=memory if memory.is_dir() else None) as name:
        yield Path(name)

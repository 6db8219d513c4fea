"""Receiving beside DCMTK's storescp: one sender, eight at once, what durability costs, a large file."""

from __future__ import annotations

import re
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.harness import NOT_INHERITED, Command, compare, fast_folder
from dcmtools.files.meta import file_meta
from tests.support import peers, samples
from tests.support.served import CT, EXPLICIT, HOST, data_set, served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.support.served import ServedProcess

COUNT = 100
SENDERS = 8
EACH = 25
RATIO_GOAL = 0.8
CROWD_GOAL = 1.0
LARGE = 200 * 1024 * 1024
MEMORY_GOAL = 60 * 1024 * 1024
# DCMTK as packaged waits 40 ms for many an acknowledgement; without Nagle's algorithm it does not.
WAITLESS = {"TCP_NODELAY": "1"}


def main() -> int:
    with fast_folder() as folder:
        files = folder / "ct"
        samples.make_ct(files, COUNT)
        crowd = [folder / f"sender{number}" for number in range(SENDERS)]
        for number, each in enumerate(crowd):
            samples.make_ct(each, EACH, first=1000 + number * EACH)
        met = [
            _one_sender(folder, files, "DCMTK as packaged", {}, rounds=5, goal=RATIO_GOAL),
            _one_sender(folder, files, "DCMTK with TCP_NODELAY=1", WAITLESS, rounds=9, goal=None),
            _many_senders(folder, crowd, "DCMTK as packaged", {}, rounds=3, goal=CROWD_GOAL),
            _many_senders(folder, crowd, "DCMTK with TCP_NODELAY=1", WAITLESS, rounds=9, goal=None),
            _memory(folder),
        ]
    with tempfile.TemporaryDirectory(prefix="bench", dir=Path.cwd()) as name:
        _durability(Path(name))
    return 0 if all(met) else 1


def _one_sender(
    folder: Path, files: Path, title: str, env: Mapping[str, str], *, rounds: int, goal: float | None
) -> bool:
    with (
        _server(folder / "ours", "--fsync", "off") as server,
        peers.storescp(folder / "theirs", env=env) as peer,
    ):
        ours = Command("dcmtools serve", _storescu(server.port, files), env, _arrived(server.kept, COUNT))
        theirs = Command("storescp", _storescu(peer.port, files), env, _arrived(peer.received, COUNT))
        heading = f"serve: {COUNT} CT of 0.5 MB from storescu, {title}"
        return compare(heading, ours, theirs, rounds=rounds, goal=goal)


def _many_senders(
    folder: Path, crowd: list[Path], title: str, env: Mapping[str, str], *, rounds: int, goal: float | None
) -> bool:
    total = SENDERS * EACH
    with (
        _server(folder / "ours", "--fsync", "off") as server,
        peers.storescp(folder / "theirs", "--fork", env=env) as peer,
    ):
        ours = Command("dcmtools serve", _at_once(server.port, crowd), env, _arrived(server.kept, total))
        theirs = Command("storescp --fork", _at_once(peer.port, crowd), env, _arrived(peer.received, total))
        heading = f"serve: {EACH} CT of 0.5 MB from each of {SENDERS} senders at once, {title}"
        return compare(heading, ours, theirs, rounds=rounds, goal=goal)


def _durability(folder: Path) -> None:
    """On the disk of the working folder, since memory has nothing to be forced to."""
    files = folder / "ct"
    samples.make_ct(files, COUNT)
    with (
        _server(folder / "durable") as durable,
        _server(folder / "quick", "--fsync", "off") as quick,
    ):
        safe = Command("--fsync on", _storescu(durable.port, files), WAITLESS, _arrived(durable.kept, COUNT))
        fast = Command("--fsync off", _storescu(quick.port, files), WAITLESS, _arrived(quick.kept, COUNT))
        compare(f"serve: what durability costs, {COUNT} CT of 0.5 MB on disk", safe, fast, rounds=5)


def _memory(folder: Path) -> bool:
    large = folder / "large.dcm"
    large.write_bytes(file_meta(CT, "1.2.3.4", EXPLICIT, "BENCH") + data_set(pixels=bytes(LARGE)))
    with _server(folder / "ours", "--fsync", "off") as server:
        peers.dcmtk("storescu", HOST, server.port, large, env=WAITLESS, timeout=300)
        _arrived(server.kept, 1)()
        text = Path(f"/proc/{server.process.pid}/status").read_text()
    peak = 1024 * int(re.search(r"VmHWM:\s+(\d+)", text)[1])  # type: ignore[index]  # it is always there
    met = peak <= MEMORY_GOAL
    mebibyte = 1024 * 1024
    print(f"serve: one file of {LARGE // mebibyte} MiB")
    print(
        f"  peak memory {peak / mebibyte:.1f} MiB,"
        f" goal at most {MEMORY_GOAL // mebibyte}: {'met' if met else 'MISSED'}",
        flush=True,
    )
    return met


def _storescu(port: int, *folders: Path) -> list[str]:
    return [peers.program("storescu"), "+sd", HOST, str(port), *map(str, folders)]


def _at_once(port: int, folders: list[Path]) -> list[str]:
    """A shell that runs one storescu for each folder, all at the same time."""
    line = 'for folder; do "$0" +sd "$HOST" "$PORT" "$folder" & done; wait'
    return [
        "env",
        f"HOST={HOST}",
        f"PORT={port}",
        "sh",
        "-c",
        line,
        peers.program("storescu"),
        *map(str, folders),
    ]


@contextmanager
def _server(folder: Path, *options: str) -> Iterator[ServedProcess]:
    """A server as a user's shell would start it."""
    with served(folder, *options, prefix=["env", *(f"-u{name}" for name in NOT_INHERITED)]) as server:
        yield server


def _arrived(found: Callable[[], list[Path]], count: int) -> Callable[[], None]:
    """Count what arrived, and take it away for the next run."""

    def check() -> None:
        paths = found()
        if len(paths) != count:
            raise RuntimeError(f"{len(paths)} of {count} files arrived")
        for path in paths:
            path.unlink()

    return check


if __name__ == "__main__":
    sys.exit(main())

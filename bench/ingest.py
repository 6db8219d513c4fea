"""Receiving into an archive that can be asked, beside Orthanc: until the last of 1,000 CT can be found."""

from __future__ import annotations

import sys
import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from shutil import rmtree
from statistics import median
from typing import TYPE_CHECKING

from bench.harness import DCMTOOLS, NOT_INHERITED, Command, fast_folder, run
from tests.support import peers, samples
from tests.support.indexed import counts
from tests.support.served import HOST, served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    Server = Callable[[], AbstractContextManager[tuple[int, str]]]

COUNT = 1_000
ROUNDS = 5
GOAL = 0.8
WAITLESS = {"TCP_NODELAY": "1"}  # neither waits 40 ms for acknowledgements that are late


def main() -> int:
    with fast_folder() as folder, tempfile.TemporaryDirectory(prefix="bench", dir=Path.cwd()) as disk:
        samples.make_ct(folder / "ct", COUNT)
        met = [
            _compared(folder, Path(disk), "storescu", _storescu),
            _compared(folder, Path(disk), "dcmtools store", _store),
        ]
    return 0 if all(met) else 1


def _compared(folder: Path, disk: Path, sender: str, send: Callable[[int, str, Path], str]) -> bool:
    """Print the times of both, each with a fresh archive for every round, and the ratio."""
    servers: dict[str, Server] = {
        "dcmtools serve --fsync off": partial(_ours, folder, "--fsync", "off"),
        "Orthanc": partial(_orthanc, folder),
        "dcmtools serve, on disk": partial(_ours, disk),
        "dcmtools serve --fsync off --receive-only": partial(
            _ours, folder, "--fsync", "off", "--receive-only"
        ),
    }
    walls: dict[str, list[float]] = {name: [] for name in servers}
    for turn in range(ROUNDS + 1):
        for name, server in servers.items():
            with server() as (port, aet):
                words = [send(port, aet, folder / "ct")]
                if "only" not in name:
                    words.append(_question(port, aet))
                line = " && ".join(words)
                taken = run(Command(name, ["sh", "-c", line], WAITLESS))
            if turn:  # the first has warmed the caches
                walls[name].append(taken.wall)
    ratio = median(walls["dcmtools serve --fsync off"]) / median(walls["Orthanc"])
    met = ratio <= GOAL
    print(f"ingest: {COUNT} CT of 0.5 MB from {sender}, until they can be found ({ROUNDS} rounds)")
    for name, times in walls.items():
        spread = f"({1000 * min(times):.0f}-{1000 * max(times):.0f})"
        print(f"  {name:<42} {1000 * median(times):7.0f} ms {spread}")
    print(f"  ratio {ratio:.3f}, goal at most {GOAL:g}: {'met' if met else 'MISSED'}", flush=True)
    return met


def _storescu(port: int, aet: str, files: Path) -> str:
    return f"{peers.program('storescu')} -aec {aet} +sd {HOST} {port} {files}"


def _store(port: int, aet: str, files: Path) -> str:
    return f"{DCMTOOLS} store -q {aet}@{HOST}:{port} {files}"


def _question(port: int, aet: str) -> str:
    """What waits for the index of ours; Orthanc answers a C-STORE when its own is written."""
    keys = "-k 0008,0052=STUDY -k 0020,000D= -k 0020,1208="
    return f"{peers.program('findscu')} -S -aec {aet} {keys} {HOST} {port}"


@contextmanager
def _ours(folder: Path, *options: str) -> Iterator[tuple[int, str]]:
    prefix = ["env", *(f"-u{name}" for name in NOT_INHERITED), "TCP_NODELAY=1"]
    with _emptied(folder / "archive") as archive, served(archive, *options, prefix=prefix) as server:
        yield server.port, "ANY-SCP"
        if server.stop() or len(server.kept()) != COUNT:
            raise RuntimeError(f"{len(server.kept())} of {COUNT} were kept")
        if "--receive-only" not in options and counts(archive)["instances"] != COUNT:
            raise RuntimeError(f"the index holds {counts(archive)}")


@contextmanager
def _orthanc(folder: Path) -> Iterator[tuple[int, str]]:
    tuned = peers.orthanc(
        folder / "orthanc",
        env=WAITLESS,
        StoreMD5ForAttachments=False,
        SyncStorageArea=False,
        StorageCompression=False,
        MaximumPduLength=131072,
    )
    with _emptied(folder / "orthanc"), tuned as peer:
        yield peer.port, peer.aet
        if peer.count_instances() != COUNT:
            raise RuntimeError(f"Orthanc keeps {peer.count_instances()} of {COUNT}")


@contextmanager
def _emptied(folder: Path) -> Iterator[Path]:
    """A folder that is gone afterwards."""
    folder.mkdir()
    try:
        yield folder
    finally:
        rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())

"""Asking for many instances, beside DCMTK's findscu: as packaged, and with TCP_NODELAY=1 on both sides."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bench.harness import DCMTOOLS, Command, compare, fast_folder, peak_memory
from dcmtools.encoding.dataset import read, text
from dcmtools.files.part10 import Part10File
from tests.support import peers, samples

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

SMALL = 2_000
MOST_MEMORY = 60  # megabytes
NODELAY = {"TCP_NODELAY": "1"}
KEYS = ("SOPClassUID", "InstanceNumber", "Rows", "Columns", "ContentDate", "AcquisitionNumber")
GOALS = ((1_000, 1.2), (10_000, 0.9))


def main() -> int:
    with fast_folder() as folder:
        met = [each for count, goal in GOALS for each in _asked(folder / str(count), count, goal)]
    return 0 if all(met) else 1


def _asked(folder: Path, count: int, goal: float) -> Iterator[bool]:
    """Ask each archive twice, as what it has taken without pauses it has when it is started as packaged."""
    files = folder / "files"
    first = samples.make_ct(files, count, SMALL)[0]
    for env in (NODELAY, {}):
        how = "with TCP_NODELAY=1" if env else "as packaged"
        archives: dict[str, AbstractContextManager[peers.RunningPeer]] = {
            "dcmqrscp": peers.dcmqrscp(folder / "dcmqrscp", env=env),
            "Orthanc": peers.orthanc(folder / "orthanc", env=env, LimitFindInstances=0, LimitFindResults=0),
        }
        for name, archive in archives.items():
            with archive as peer:
                if env:
                    fill(peer, files)
                title = f"{count:,} instances from {name}, all {how}"
                ours, theirs = _ours(peer, first), _theirs(peer, first, env)
                yield compare(title, ours, theirs, rounds=5, goal=goal)
                if env:
                    yield _is_small(ours)


def _is_small(command: Command) -> bool:
    peak = peak_memory(command)
    print(f"  at most {peak:.0f} MB in memory, goal at most {MOST_MEMORY}")
    return peak <= MOST_MEMORY


def fill(peer: peers.RunningPeer, files: Path) -> None:
    sent = peers.dcmtk(
        "storescu", "-aec", peer.aet, "+sd", peers.HOST, peer.port, files, timeout=600, env=NODELAY
    )
    if sent.returncode:
        raise RuntimeError(f"storescu: {sent.stderr[-1000:]}")


def above(path: Path) -> list[str]:
    """The unique keys above an instance."""
    with Part10File.open(str(path)) as file:
        data_set = read(file.walk(stop=0x00280000))
    keywords = ("StudyInstanceUID", "SeriesInstanceUID")
    return [f"{keyword}={text(data_set, keyword)}" for keyword in keywords]


def _ours(peer: peers.RunningPeer, first: Path) -> Command:
    return Command("dcmtools find", [DCMTOOLS, "find", peer.address, "-L", "image", *_keys(first)])


def _theirs(peer: peers.RunningPeer, first: Path, env: dict[str, str]) -> Command:
    argv: Sequence[str] = [
        peers.program("findscu"), "-S", "-aec", peer.aet, *_keys(first), "-k", "QueryRetrieveLevel=IMAGE",
        "-k", "SOPInstanceUID", peers.HOST, str(peer.port),
    ]  # fmt: skip
    return Command("findscu", argv, env=env)


def _keys(first: Path) -> list[str]:
    return [word for key in (*above(first), *KEYS) for word in ("-k", key)]


if __name__ == "__main__":
    sys.exit(main())
